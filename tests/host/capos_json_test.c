#include "tools/capos/json.h"

#include "tests/host/test.h"

struct document {
    char *text;
    size_t size;
    FILE *file;
    struct json json;
};

static void document_begin(struct document *document) {
    document->file = open_memstream(&document->text, &document->size);
    json_begin(&document->json, document->file);
}

static bool document_is(struct document *document, const char *wanted) {
    json_end(&document->json);
    fclose(document->file);
    const bool same = strcmp(document->text, wanted) == 0;
    if (!same) {
        printf("# %s\n", document->text);
    }
    free(document->text);
    return same;
}

TEST(commas_and_indents_stand_where_they_belong) {
    struct document document;
    document_begin(&document);
    json_array_begin(&document.json, "none");
    json_array_end(&document.json);
    json_array_begin(&document.json, "some");
    json_integer(&document.json, NULL, -1);
    json_unsigned(&document.json, NULL, UINT64_MAX);
    json_array_end(&document.json);
    json_object_begin(&document.json, "inner");
    json_bool(&document.json, "yes", true);
    json_null(&document.json, "nothing");
    json_hex(&document.json, "place", 0xfff);
    json_object_end(&document.json);
    CHECK(document_is(&document, "{\n  \"none\": [],\n  \"some\": [\n    -1,\n"
                                 "    18446744073709551615\n  ],\n  \"inner\": {\n"
                                 "    \"yes\": true,\n    \"nothing\": null,\n"
                                 "    \"place\": \"0xfff\"\n  }\n}\n"));
}

static bool quotes_to(const char *value, const char *wanted) {
    struct document document;
    char text[256];
    document_begin(&document);
    json_string(&document.json, "v", value);
    snprintf(text, sizeof text, "{\n  \"v\": \"%s\"\n}\n", wanted);
    return document_is(&document, text);
}

TEST(strings_are_escaped) {
    CHECK(quotes_to("a\"b\\c", "a\\\"b\\\\c"));
    CHECK(quotes_to("\n\t\x01\x1b", "\\u000a\\u0009\\u0001\\u001b"));
    CHECK(quotes_to("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"));
    CHECK(quotes_to("\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80"));
}

TEST(what_is_not_utf8_is_replaced) {
    static const char *const wrong[] = {
        "\xff", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\xe2\x82"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char wanted[64] = "";
        for (size_t byte = 0; byte < strlen(wrong[i]); byte++) {
            strcat(wanted, "\xef\xbf\xbd");
        }
        CHECK(quotes_to(wrong[i], wanted));
    }
}
