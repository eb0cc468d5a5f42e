# What the scripts of tests/tool share. They read it first, in the root of the tree: . tests/kit.sh
#
#   $tree                  the root of the tree
#   $work                  a folder for whatever comes up; it goes with the script
#   fail WORDS...          says why the test has failed, shows what is in out and err of $work, ends
#   run CODE COMMAND...    without input, into these two files; the command must end with the code

tree=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "$*"
    for file in "$work/out" "$work/err"; do
        [ ! -s "$file" ] || tail -n 40 "$file" | tr -c '[:print:]\n\t' '?'
    done
    exit 1
}

run() {
    wanted=$1
    shift
    code=0
    "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
    [ "$code" = "$wanted" ] || fail "$* ended with $code instead of $wanted"
}
