# To be sourced by scripts that print TAP, in the root of the tree, after suite=NAME.
#
#   rule NAME OFFENDERS      passes when there are none, and lists them otherwise
#   check NAME COMMAND...    passes when the command does, and shows what it said otherwise;
#                            it goes through a file in the folder $work
#   finish                   the plan, and the end: exit code 1 when anything failed

count=0
status=0

rule() {
    count=$((count + 1))
    if [ -z "$2" ]; then
        echo "ok $count - $suite: $1"
    else
        printf '%s\n' "$2" | sed 's/^/# /'
        echo "not ok $count - $suite: $1"
        status=1
    fi
}

check() {
    name=$1
    shift
    code=0
    "$@" >"$work/log" 2>&1 || code=$?
    said=
    [ "$code" = 0 ] || said="exit code $code: $(cat "$work/log")"
    rule "$name" "$said"
}

finish() {
    echo "1..$count"
    exit $status
}
