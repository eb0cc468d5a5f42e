#!/bin/sh
# step.sh TAP NAME COMMAND...: runs one step of `make check`, prints one line about it and leaves its
# cases in the file TAP. A command that prints no TAP is one case. Exits 0: total.sh counts.
set -u

result=$1
name=$2
shift 2
mkdir -p "$(dirname "$result")"

# Put in place when it is whole: another make may be at it, too.
tap=$result.$$
trap 'rm -f "$tap"' EXIT
trap 'exit 1' INT TERM

timeout 300 "$@" >"$tap" 2>&1
status=$?

passed=$(grep -c '^ok ' "$tap")
failed=$(grep -c '^not ok ' "$tap")
planned=$(sed -n 's/^1\.\.//p' "$tap" | tail -n 1)

# One more case for what the command itself could not say.
trouble=
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
    trouble="$name ended with status $status"
elif [ "$status" -eq 0 ] && [ "$failed" -ne 0 ]; then
    trouble="$name failed without saying so by its exit status"
elif [ "$passed" -ne 0 ] && [ "${planned:-none}" != $((passed + failed)) ]; then
    trouble="$name planned ${planned:-no} cases and ran $((passed + failed))"
elif [ "$passed" -eq 0 ] && [ "$failed" -eq 0 ]; then
    echo "ok 1 - $name" >>"$tap"
    passed=1
fi
if [ -n "$trouble" ]; then
    # On a line of its own, whatever the command left.
    printf '\nnot ok %s - %s\n' $((passed + failed + 1)) "$trouble" >>"$tap"
    failed=$((failed + 1))
fi

if [ "$failed" -eq 0 ]; then
    printf '  %-8s %s (%s)\n' ok "$name" "$passed"
else
    printf '  %-8s %s: %s of %s failed\n' 'not ok' "$name" "$failed" $((passed + failed))
    grep -v '^ok ' "$tap" | tail -n 40 | sed 's/^/      /'
fi
mv "$tap" "$result"
