// grants: console,threads,thread-control,memory
// stdout: # the last word has C

/*
 * When objects of C++ begin and end: constructors before main, by priority and then in the order of
 * the file; static local variables; thread-local objects; and destructors after main, the other way
 * round. The results stand in a journal; whoever is last looks at it and prints the plan.
 */
#include "tests/guest/tap.h"

namespace {

// Zero before anything runs, so that the first constructor can write to it.
char journal[64];
unsigned journal_count;

void note(char letter) {
    journal[journal_count++] = letter;
}

// A capital letter when it begins, a small one when it ends.
struct Noted {
    explicit Noted(char letter) : letter(letter) {
        note(letter);
    }
    ~Noted() {
        note(static_cast<char>(letter + 'a' - 'A'));
    }
    Noted(const Noted &) = delete;
    char letter;
};

bool journal_is(const char *wanted) {
    bool is_right = strcmp(journal, wanted) == 0;
    if (!is_right) {
        capos_printf("# found %s, wanted %s\n", journal, wanted);
    }
    memset(journal, 0, sizeof journal);
    journal_count = 0;
    return is_right;
}

Noted second('B');
[[gnu::init_priority(300)]] Noted with_priority('A');
Noted third[2] = {Noted('C'), Noted('D')};

[[gnu::constructor(400)]] void construct() {
    note('E');
}

Noted &local() {
    static Noted object('F');
    return object;
}

// Made while another is made: so it is done first, and ends last.
struct Outer {
    Outer() : inner(local()) {
        note('G');
    }
    ~Outer() {
        note('g');
        // Begins while others end: it is the next to end.
        static Noted late('H');
    }
    Noted &inner;
};

void test_locals() {
    static Outer outer;
    CHECK(local().letter == 'F' && &outer.inner == &local());
    for (int turn = 0; turn < 2; turn++) {
        static Noted *const allocated = new Noted('I');
        CHECK_EQUAL(allocated->letter, 'I');
    }
    CHECK(journal_is("FGI"));
}

// ---- thread-local objects -----------------------------------------------------------------------

thread_local Noted of_thread('K');
thread_local int plain = 7;
thread_local int computed = plain * 6;

int64_t run_thread(void *) {
    static thread_local Noted last('L');
    note(of_thread.letter == 'K' && computed == 42 ? 'k' : '?');
    computed++;
    return 0;
}

int64_t exit_thread(void *) {
    Noted never_ended('M');
    run_thread(nullptr);
    capos_thread_exit(5);
}

void run_and_wait(int64_t (*run)(void *), int64_t wanted) {
    struct capos_thread thread;
    int64_t value = -1;
    CHECK_RESULT(capos_thread_create(&thread, nullptr, run, nullptr), CAPOS_OK);
    CHECK_RESULT(capos_thread_wait(&thread, &value), CAPOS_OK);
    CHECK_EQUAL(value, wanted);
}

void test_threads() {
    run_and_wait([](void *) -> int64_t { return 3; }, 3);
    CHECK(journal_is(""));
    // A variable of a thread begins when it, or one beside it in the file, is used.
    run_and_wait(run_thread, 0);
    CHECK(journal_is("LKkkl"));
    run_and_wait(exit_thread, 5);
    CHECK(journal_is("MLKkkl"));
    CHECK_EQUAL(computed, 42);
    CHECK(journal_is("K"));
}

// ---- the end ------------------------------------------------------------------------------------

// Called after all destructors of C++.
[[gnu::destructor]] void finish() {
    CHECK(journal_is("kgHhfdcba"));
    capos_print("# the last word has C\n");
    tap_finish();
}

} // namespace

int main() {
    CHECK(journal_is("AEBCD"));
    test_locals();
    test_threads();
    return 0;
}
