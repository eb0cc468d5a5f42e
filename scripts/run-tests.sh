#!/bin/sh
# Runs every test and closes with `N passed, N failed`; exit code 1 when anything failed.
#
#   ONLY=WORD   the tests whose names contain WORD; the quick tier is called check
#   JOBS=N      so many at once (2)
#
# A test is a case of `make check`, one run of a program in a machine, or one script of tests/tool
# or tests/image. docs/testing.md says what each must print and how to add one.
set -eu
cd "$(dirname "$0")/.."

ONLY=${ONLY-}
JOBS=${JOBS:-2}
MAKE=${MAKE:-make}
WORK=build/tests/run

# What is to run, one name a line, and what came of it: `pass NAME`, `fail NAME`, `skip NAME`. The
# difference is a test that ended without a word, which is a failure.
EXPECTED=$WORK/expected
RESULTS=$WORK/results

say() {
    printf '%s\n' "$*"
}

# Ends the tests that still run when this script is told to stop: each leaves its process id.
stop_tests() {
    trap '' INT TERM
    for file in "$WORK"/*/pid; do
        [ ! -e "$file" ] || kill "$(cat "$file")" 2>/dev/null || :
    done
    say "stopped"
    exit 130
}

# ---- the build and the quick tier -------------------------------------------------------------

# run_make NAME TARGET...: a test by that name which passes when make does.
run_make() {
    name=$1
    shift
    say "$name" >>"$EXPECTED"
    if "$MAKE" -j "$JOBS" "$@" >"$WORK/$name.log" 2>&1 9>&-; then
        say "ok       $name"
        say "pass $name" >>"$RESULTS"
    else
        say "not ok   $name"
        tail -n 30 "$WORK/$name.log" | sed 's/^/    /'
        say "    again: make $*"
        say "fail $name" >>"$RESULTS"
        return 1
    fi
}

# The quick tier prints a line for each step and leaves its cases as TAP: each counts as a test.
run_check() {
    rm -rf build/tests/check
    status=pass
    "$MAKE" -j "$JOBS" check >"$WORK/check.log" 2>&1 9>&- || status=fail
    grep -E '^ +(ok|not ok) |^      ' "$WORK/check.log" || tail -n 30 "$WORK/check.log"
    find build/tests/check -name '*.tap' -exec sed -n 's/^ok /pass /p; s/^not ok /fail /p' {} + \
        >"$WORK/check.results" 2>/dev/null || :
    # It can also fail, or do nothing, without a case that says so.
    grep -q '^fail ' "$WORK/check.results" || say "$status check" >>"$WORK/check.results"
    cat "$WORK/check.results" >>"$EXPECTED"
    cat "$WORK/check.results" >>"$RESULTS"
}

# ---- the list of what runs in machines --------------------------------------------------------

# The scripts come first: some take a minute, and the short runs fill the gaps that they leave.
list_tests() {
    for script in tests/tool/*.sh tests/image/*.sh; do
        [ -e "$script" ] || continue
        name=${script#tests/}
        say "script ${name%.sh} $script"
    done
    sh scripts/list-programs.sh
}

# Prints what make has to build besides, if a test in Rust is among those that are to run: core takes
# a minute, once.
list_rust_targets() {
    cut -d ' ' -f 2 | grep -F -e "$ONLY" | grep -q rust && say rust-tests || :
}

# Splits the list: scripts that measure time or use the machine alone (`# alone` in their head)
# run last, one after another.
split_tests() {
    : >"$WORK/together"
    : >"$WORK/alone"
    while read -r kind name file rest; do
        case $name in *"$ONLY"*) ;; *) continue ;; esac
        order=together
        if [ "$kind" = script ] && head -n 12 "$file" | grep -q '^# alone'; then
            order=alone
        fi
        # A trailing blank would make xargs join this line with the next.
        say "$kind $name $file${rest:+ $rest}" >>"$WORK/$order"
        say "$name" >>"$EXPECTED"
    done
}

# run_list FILE JOBS. In the background, because a shell runs its traps only between commands.
run_list() {
    [ -s "$1" ] || return 0
    xargs -P "$2" -L 1 sh scripts/run-test.sh <"$1" 9>&- &
    wait $! || :
}

# ---- the end ----------------------------------------------------------------------------------

count() {
    grep -c "^$1 " "$RESULTS" || :
}

print_summary() {
    lost=$(($(wc -l <"$EXPECTED") - $(wc -l <"$RESULTS")))
    [ "$lost" -eq 0 ] || say "not ok   $lost tests ended without a result"
    skipped=$(count skip)
    [ "$skipped" -eq 0 ] || say "         $skipped skipped, for the reasons given above"
    passed=$(count pass)
    failed=$(($(count fail) + lost))
    say "$passed passed, $failed failed" | tee build/tests/summary
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# One run at a time in a tree: each begins by clearing the folder of the one before.
mkdir -p build/tests
exec 9>build/tests/lock
flock -n 9 || { say "another make test runs in this tree; waiting for its end" && flock 9; }
rm -rf "$WORK"
mkdir -p "$WORK"
: >"$EXPECTED"
: >"$RESULTS"
trap stop_tests INT TERM
list_tests >"$WORK/list"
if run_make build all guest-tests $(list_rust_targets <"$WORK/list"); then
    [ -n "${ONLY#check}" ] || run_check
    split_tests <"$WORK/list"
    if [ "$(wc -l <"$EXPECTED")" -eq 1 ]; then
        say "not ok   no test has a name with '$ONLY'"
        say "fail none" | tee -a "$EXPECTED" >>"$RESULTS"
    fi
    run_list "$WORK/together" "$JOBS"
    run_list "$WORK/alone" 1
fi
print_summary
