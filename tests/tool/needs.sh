#!/bin/sh
# scripts/install-needs.sh where something is missing: names it, and says what to type when it
# cannot install; does nothing, quickly, where nothing is missing.
set -eu
. tests/kit.sh

sh scripts/install-needs.sh build test image rust 2>"$work/err" || fail "it misses something here"
[ ! -s "$work/err" ] || fail "nothing is missing, and it says:"

# A PATH with the shell's own tools, but without any that capOS needs, and no root.
mkdir "$work/bin"
for tool in sh env cut tr awk sed mkdir tail dirname cat; do
    ln -s "$(command -v "$tool")" "$work/bin/$tool"
done
printf '#!/bin/sh\necho 1000\n' >"$work/bin/id"
chmod +x "$work/bin/id"

code=0
env -i PATH="$work/bin" sh scripts/install-needs.sh build 2>"$work/err" </dev/null || code=$?
[ "$code" = 125 ] || fail "without apt-get the exit code is $code, not 125"
grep -q 'qemu-system-x86 .*runs the machine' "$work/err" || fail "QEMU is not named with its reason"
grep -q 'no apt-get' "$work/err" || fail "it does not say what stands in the way"

printf '#!/bin/sh\nexit 0\n' >"$work/bin/apt-get"
chmod +x "$work/bin/apt-get"
code=0
env -i PATH="$work/bin" sh scripts/install-needs.sh build 2>"$work/err" </dev/null || code=$?
[ "$code" = 125 ] || fail "without root or sudo the exit code is $code, not 125"
grep -q '^    apt-get update && apt-get install .*clang-19' "$work/err" || fail "no line to type"
