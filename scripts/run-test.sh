#!/bin/sh
# Runs one test for run-tests.sh, prints its line, and adds pass, fail or skip to the results.
#
#   run-test.sh program NAME ELF MACHINE CPUS EXTRA     EXTRA: number of the `also` line, or 0, or
#                                                       icount: with the instruction clock
#   run-test.sh script NAME FILE
#
#   RUN=FOLDER where it leaves what it has to say (build/tests/run)
#   SEED=N     for programs that take one
#   SLOWER=N   time limits so many times as long (1)
#   FAILED=N   exit code when it has failed (0)
#
# What a program's run must look like stands in the head of its source:
#   // grants: console,timer      the capabilities it gets; none without this line
#   // expect: exit 0             or `exit 42`, `fault 14`, or `tool 125` for the tool's own code
#   // seed: 1                    it takes a seed as its first argument: this one, or SEED
#   // args: WORDS                its arguments, after the seed
#   // stdin: TEXT                one line of input; none without this line
#   // stdout: TEXT               a line that its output must have; may stand several times
#   // seconds: 300               its time limit, for what needs more than 60
#   // options: --memory 16M      more options of capos run
#   // also: --cpu qemu64         one more run with these options; may stand several times
set -eu

RUN=${RUN:-build/tests/run}
SEED=${SEED-}
SLOWER=${SLOWER:-1}
FAILED=${FAILED:-0}
TIMEOUT=60
SCRIPT_TIMEOUT=900

kind=$1
name=$2
file=$3
machine=${4-}
cpus=${5-}
extra=${6-0}
seed=

id=$(printf '%s' "$name${machine:+-$machine-$cpus-$extra}" | tr '/' '.')
WORK=$RUN/$id
mkdir -p "$WORK"
echo $$ >"$WORK/pid"

# ---- reporting --------------------------------------------------------------------------------

# finish pass|fail|skip REASON
finish() {
    label=$name
    [ -z "$machine" ] || label="$name on $machine, $cpus CPU$([ "$cpus" = 1 ] || echo s)"
    [ "$extra" = 0 ] || label="$label, $options"
    [ -z "$seed" ] || label="$label, seed $seed"
    case $1 in pass) word='ok    ' ;; fail) word='not ok' ;; skip) word='skip  ' ;; esac
    {
        printf '%s   %s%s\n' "$word" "$label" "${2:+: $2}"
        if [ "$1" = fail ]; then
            [ -z "$machine" ] || show_failures
            show_tail 'standard output' "$WORK/stdout"
            show_tail 'standard error' "$WORK/stderr"
            show_tail 'kernel log' "$WORK/log"
            printf '    again: make test ONLY=%s   everything: %s/\n' "$name" "$WORK"
        fi
    } >"$WORK/report"
    cat "$WORK/report"
    printf '%s %s\n' "$1" "$name" >>"$RUN/results"
    rm -f "$WORK/pid"
    [ "$1" != fail ] || exit "$FAILED"
    exit 0
}

# The results that TAP calls failed, each with the comment that says where.
show_failures() {
    awk '/^not ok / { print "    " $0; after = 1; next }
         /^#/ && after { print "    " $0 }
                   { after = 0 }' "$WORK/stdout" | head -n 20
}

show_tail() {
    [ -s "$2" ] || return 0
    printf '    --- %s\n' "$1"
    # Not everything that a program prints is text.
    tail -n 15 "$2" | tr -c '[:print:]\n\t' '?' | sed 's/^/    /'
}

# run_bounded SECONDS COMMAND...: sets status. The command stays in our process group, so that a
# terminal's Ctrl-C reaches it, and is killed when we are told to stop.
run_bounded() {
    limit=$1
    shift
    timeout --foreground -k 5 "$limit" "$@" >"$WORK/stdout" 2>"$WORK/stderr" <"$input" &
    child=$!
    trap 'kill "$child" 2>/dev/null; exit 130' INT TERM
    status=0
    wait "$child" || status=$?
}

# ---- scripts ----------------------------------------------------------------------------------

run_script() {
    # A make that a test starts is none of ours.
    unset MAKEFLAGS MFLAGS MAKELEVEL
    input=/dev/null
    run_bounded "$SCRIPT_TIMEOUT" sh "$file"
    case $status in
    0) finish pass ;;
    77)
        # A test that cannot run has not passed, unless its head says when it may be left out.
        grep -q '^# may skip' "$file" && finish skip "$(tail -n 1 "$WORK/stdout")"
        finish fail "skipped itself, and its head has no '# may skip' line"
        ;;
    124) finish fail "took longer than $SCRIPT_TIMEOUT seconds" ;;
    *) finish fail "exit code $status" ;;
    esac
}

# ---- programs ---------------------------------------------------------------------------------

header() {
    # shellcheck disable=SC2086 # sources is a list of files without spaces
    sed -n "s|^// $1: *||p" $sources
}

# Sets status_wanted from the expect line.
read_expectation() {
    case $expect in
    'exit '* | 'tool '*) status_wanted=${expect#* } ;;
    'fault '*) status_wanted=$((128 + ${expect#fault })) ;;
    *) finish fail "its head has an 'expect' line that is not understood: $expect" ;;
    esac
}

# Prints what is wrong with the TAP on standard output; nothing when all is well.
check_tap() {
    awk '
        /^1\.\.[0-9]+/ { plans++; plan = substr($0, 4) + 0 }
        /^ok /         { results++ }
        /^not ok /     { results++; failed++ }
        /^Bail out!/   { bailed = 1 }
        END {
            if (bailed) print "bailed out"
            else if (plans != 1) print (plans + 0) " TAP plans instead of one"
            else if (results != plan) print (results + 0) " results, but the plan says " plan
            else if (failed) print failed " of " plan " cases failed"
        }' "$WORK/stdout"
}

# Each line that a `stdout` header names must be there, whole.
check_lines() {
    header stdout | while IFS= read -r line; do
        grep -Fxq -e "$line" "$WORK/stdout" || { echo "its output lacks the line: $line"; break; }
    done
}

run_program() {
    case $name in
    guest/* | faults/*) sources=$(ls "tests/$name.c" "tests/$name.cc" 2>/dev/null || :) ;;
    rust/languages) sources=tests/languages/main.c ;;
    rust/*) sources=tests/rust/src/bin/${name#rust/}.rs ;;
    demo/rust/*) sources=demos/${name#demo/}/src/main.rs ;;
    demo/cpp/*) sources=$(ls "demos/${name#demo/}"/*.cc) ;;
    demo/*) sources=$(ls "demos/c/${name#demo/}"/*.c) ;;
    esac
    grants=$(header grants)
    expect=$(header expect)
    expect=${expect:-exit 0}
    options=$(header options)
    # The kernel that lets fail what these ask for.
    [ "${name%%/*}" != faults ] || options="--kernel build/capos-kernel-faults.elf $options"
    case $extra in
    0) ;;
    icount) options="${options:+$options }--icount" ;;
    *) options="${options:+$options }$(header also | sed -n "${extra}p")" ;;
    esac
    read_expectation
    [ -z "$(header seed)" ] || seed=${SEED:-$(header seed)}
    seconds=$(header seconds)
    seconds=$((${seconds:-$TIMEOUT} * SLOWER))
    input=$WORK/stdin
    header stdin >"$input"

    # shellcheck disable=SC2046,SC2086 # options and arguments are lists of words
    set -- build/capos run ${grants:+--grant "$grants"} --cpus "$cpus" --machine "$machine" \
        --timeout "$seconds" --log "$WORK/log" $options "$file" \
        $seed $(header args)
    printf '%s\n' "$*" >"$WORK/command"
    run_bounded $((seconds + 30)) "$@"

    [ "$status" = "$status_wanted" ] ||
        finish fail "exit code $status instead of $status_wanted ($expect)"
    if [ -e "$WORK/log" ] && grep -Eiq 'panic|assert' "$WORK/log"; then
        finish fail "the kernel log has a word of alarm"
    fi
    # A test program says what it checked. One that ends by a fault or a code of its own cannot.
    if [ "${name%%/*}" != demo ] && [ "$expect" = 'exit 0' ]; then
        problem=$(check_tap)
        [ -z "$problem" ] || finish fail "$problem"
    fi
    problem=$(check_lines)
    [ -z "$problem" ] || finish fail "$problem"
    finish pass
}

"run_$kind"
