#!/bin/sh
# tests/check/conformance.sh can fail: each thing that it looks for, in a small tree of its own. Run
# from the root of the tree. Prints TAP.
set -u

root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
suite='conformance test'
. tests/check/tap.sh

# A tree with a test, an interface, a record and its page.
make_tree() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree" && cd "$work/tree" || exit 1
    mkdir -p build/gen/include docs include ports/clang schema targets tests/check tests/guest \
        tests/models user/libcapos/include
    cp "$root"/tests/check/*.sh tests/check/
    cp -r "$root/tests/conformance" tests/ && rm tests/conformance/*.txt
    echo 'static void test_sleep(void) {}' >tests/guest/timer.c
    echo 'MODEL_RUNS := park' >tests/models/module.mk
    : >tests/models/park.pml
    printf 'interface Timer {\n  sleep @0 ();\n}\n' >schema/timer.capnp
    echo 'int capos_timer_sleep(void);' >include/timer.h
    echo '-static' >targets/x86_64-unknown-capos.cfg
    printf 'said=$("$lld" -z norelro) || {\n}\n' >ports/clang/capos-ld.sh
    cat >docs/targets.md <<'PAGE'
## clang: programs

| `-static` | reason |

### The link step

| `-z norelro` | reason |

`Timer.sleep`, `capos_timer_sleep`, `guest/timer:test_sleep`, `Triple.cpp`
PAGE
    cat >tests/conformance/1-time.txt <<'RECORDS'
section 1. Time

table   Clocks
text    A paragraph.

# a comment
item    a clock
state   works
capos   `Timer.sleep`, and words that
        go on | here
test    guest/timer guest/timer:test_sleep model/park

item    a calendar
state   later
capos   not there
RECORDS
    sh tests/check/conformance.sh write
}

passes() {
    make_tree
    sh tests/check/conformance.sh
}

# The page of the small tree: counts, escapes, continued lines.
page_is_right() {
    make_tree
    grep -qFx '| 1. Time | 1 | 0 | 0 | 0 | 1 | 0 |' docs/conformance.md &&
        grep -qFx "| a clock | works | \`Timer.sleep\`, and words that go on \\| here |\
 \`guest/timer\`, \`guest/timer:test_sleep\`, \`model/park\` |" docs/conformance.md &&
        grep -qFx '| a calendar | later | not there |  |' docs/conformance.md &&
        ! grep -q 'a comment' docs/conformance.md || { cat docs/conformance.md && false; }
}

# fails WORDS FILE EXPRESSION: when sed does this to the file, the check fails and says the words.
fails() {
    make_tree
    sed -i "$3" "$2"
    ! sh tests/check/conformance.sh >out && grep -qF -e "$1" out || { cat out && false; }
}

records=tests/conformance/1-time.txt
check "a sound tree passes" passes
check "the page is what the records say" page_is_right
check "a page that is stale" fails 'write it with: make conformance' $records 's/a clock/a watch/'
check "a test that does not exist" \
    fails '1-time.txt:11: guest/clock: there is no such test' $records 's,guest/timer ,guest/clock ,'
check "a case that does not exist" \
    fails 'guest/timer:test_wake: the test has no such case' $records 's/test_sleep/test_wake/'
check "a kind of test that there is not" \
    fails 'guests/timer: there is no such test' $records 's,guest/timer ,guests/timer ,'
check "a model that is not run" \
    fails 'model/par: there is no such test' $records 's,model/park,model/par,'
check "a row that works and has no test" \
    fails 'a row that says "works" needs a test' $records '/^test/d'
check "a row that is refused and has no test" \
    fails 'a row that says "refused" needs a test' $records 's/later/refused/'
check "a state that there is not" fails 'no such state: soon' $records 's/later/soon/'
check "a keyword that there is not" fails 'no such keyword: stat' $records 's/^state/stat/'
check "a row without its words" fails 'a row needs item, state and capos' $records '/not there/d'
check "two records in one" fails 'is an empty line missing?' $records '12d'
check "a row that stands there twice" \
    fails 'a clock: the table has it in line 7 already' $records 's/a calendar/a clock/'
check "a method that there is not" \
    fails '1-time.txt: Timer.wake: the schema has no such method' $records 's/Timer.sleep/Timer.wake/'
check "an interface that there is not" \
    fails 'targets.md: Clock.sleep: the schema has no such method' docs/targets.md 's/Timer/Clock/'
check "a function that there is not" \
    fails 'capos_timer_wake: no header' docs/targets.md 's/capos_timer_sleep/capos_timer_wake/'
check "a test that docs/targets.md names" \
    fails 'docs/targets.md: guest/timer:test_wake' docs/targets.md 's/test_sleep/test_wake/'
check "an option of clang's that the page lacks" \
    fails 'lacks -mcmodel=small' targets/x86_64-unknown-capos.cfg '$a -mcmodel=small'
check "an option of lld's that the page lacks" \
    fails 'lacks --gc-sections' ports/clang/capos-ld.sh 's/-z norelro/& --gc-sections/'
check "an option of the page's that clang is not given" \
    fails 'does not have -fpic' docs/targets.md 's/`-static`/`-fpic`/'

finish
