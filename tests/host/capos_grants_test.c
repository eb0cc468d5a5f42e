#include "tools/capos/grants.h"

#include "tests/host/test.h"

static const char *facet_of(const struct grant_list *list, const char *name) {
    const struct grant *grant = grants_find(list, name);
    return grant != NULL ? grant->facet : "not granted";
}

TEST(nothing_is_granted_that_is_not_named) {
    struct grant_list list = {0};
    CHECK(grants_parse(&list, "console,timer"));
    CHECK_EQUAL(list.count, 2);
    CHECK(grants_find(&list, "console") != NULL);
    CHECK(grants_find(&list, "timer") != NULL);
    CHECK(grants_find(&list, "memory") == NULL);
}

TEST(facets_are_checked_and_kept) {
    struct grant_list list = {0};
    CHECK(grants_parse(&list, "console=output"));
    CHECK(grants_parse(&list, "timer=monotonic,memory=16384k"));
    CHECK_STRING(facet_of(&list, "console"), "output");
    CHECK_STRING(facet_of(&list, "timer"), "monotonic");
    CHECK_STRING(facet_of(&list, "memory"), "16M");
    CHECK_EQUAL(grants_memory_bytes(&list), 16 << 20);
}

TEST(a_priority_is_a_number_and_no_memory) {
    struct grant_list list = {0};
    CHECK(grants_parse(&list, "scheduling=020"));
    CHECK_STRING(facet_of(&list, "scheduling"), "20");
    CHECK_EQUAL(grants_memory_bytes(&list), 0);
}

TEST(what_does_not_hold_is_refused) {
    static const char *const wrong[] = {
        "",
        "nothing",
        "Console",
        "console,",
        ",console",
        "console,,timer",
        "console=",
        "console=loud",
        "console=SIZE",
        "memory=SIZE",
        "memory=0",
        "memory=4097",
        "memory=4Q",
        "entropy=much",
        "scheduling=32",
        "scheduling=2K",
        "scheduling=PRIORITY",
        "scheduling=-1",
        "default=all",
        "machine",
        "console,console",
        "default,default",
        "timer,timer=monotonic",
        "console=output,console=input",
        "console=a-facet-that-is-longer-than-any-could-ever-be",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct grant_list list = {0};
        CHECK(!grants_parse(&list, wrong[i]));
    }
}

TEST(a_name_given_in_two_options_is_refused) {
    struct grant_list list = {0};
    CHECK(grants_parse(&list, "console"));
    CHECK(!grants_parse(&list, "console"));
}

TEST(default_never_holds_spawning_or_the_boot_package) {
    struct grant_list list = {0};
    CHECK(grants_parse(&list, "default"));
    CHECK(grants_find(&list, "console") != NULL);
    CHECK(grants_find(&list, "memory") != NULL);
    CHECK(grants_find(&list, "spawner") == NULL);
    CHECK(grants_find(&list, "boot") == NULL);
    CHECK_EQUAL(grants_memory_bytes(&list), 0);
}

TEST(a_name_beside_default_means_what_it_says_by_itself) {
    struct grant_list before = {0};
    struct grant_list after = {0};
    CHECK(grants_parse(&before, "memory=16M,default,spawner"));
    CHECK(grants_parse(&after, "default,spawner,memory=16M"));
    CHECK_EQUAL(before.count, after.count);
    CHECK_STRING(facet_of(&before, "memory"), "16M");
    CHECK_STRING(facet_of(&after, "memory"), "16M");
    CHECK(!grants_parse(&after, "memory"));
}
