#!/bin/sh
# total.sh TAP...: adds the cases of all steps up; exits 1 when one failed or there were none.
set -u

passed=$(cat "$@" | grep -c '^ok ')
failed=$(cat "$@" | grep -c '^not ok ')
echo "check: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -ne 0 ]
