#!/bin/sh
# On a terminal: Ctrl-A X ends the machine, Ctrl-A Ctrl-A and Ctrl-C go to the guest as bytes, and
# the terminal is as before afterwards. `script` makes the terminal.
set -eu
. tests/kit.sh
: >"$work/kernel"
command -v script >/dev/null || { echo "script (package bsdutils) is missing"; exit 1; }

fail() {
    echo "$1"
    od -c "$work/screen" | head -n 30
    exit 1
}
cat >"$work/session" <<END
stty -a >'$work/before'
FAKE_QEMU="\$1" CAPOS_QEMU='$PWD/build/tests/tool/fake-qemu' build/capos run --accel tcg \
    --kernel '$work/kernel' --timeout 20 --raw --grant console build/demos/cat.elf
echo "code \$?" >'$work/code'
stty -a >'$work/after'
END

# The typed bytes come from the standard input of script; sleeps let each part arrive by itself.
type_and_leave() { sleep 1; printf 'a\001\001b\003c'; sleep 1; printf '\001x'; sleep 1; }
type_and_leave | script -qec "sh '$work/session' 'echo report:exited:0 exit:33'" \
    /dev/null >"$work/screen"
[ "$(cat "$work/code")" = 'code 0' ] || fail "Ctrl-A X: $(cat "$work/code")"
printf 'a\001b\003c' >"$work/wanted"
cmp "$work/screen" "$work/wanted" || fail "what was typed did not go through as bytes"
cmp "$work/before" "$work/after" || fail "the terminal is not as before"

# A line feed of the guest is a whole new line on a terminal.
sleep 1 | script -qec "sh '$work/session' 'out:x report:exited:6 exit:33'" /dev/null >"$work/screen"
[ "$(cat "$work/code")" = 'code 6' ] || fail "with a terminal: $(cat "$work/code")"
printf 'x\r\n' | cmp - "$work/screen" || fail "a new line does not begin at the left edge"
cmp "$work/before" "$work/after" || fail "the terminal is not as before"
