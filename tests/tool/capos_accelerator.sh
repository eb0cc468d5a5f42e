#!/bin/sh
# Which accelerator is used: what was asked for, else what a trial shows, once per boot of the host.
# A stand-in for QEMU plays the machine.
# may skip: the trial, where there is no /dev/kvm to open
set -eu
. tests/kit.sh
# The trial boots the kernel and init beside the tool.
mkdir "$work/user"
cp build/capos "$work/capos"
cp build/user/init.elf "$work/user/init.elf"
: >"$work/capos-kernel.elf"
export CAPOS_QEMU="$PWD/build/tests/tool/fake-qemu" XDG_CACHE_HOME="$work/cache"
unset CAPOS_ACCEL
memory="$work/cache/capos/kvm"

# uses ACCELERATOR OPTION...: runs, and checks what QEMU was asked for.
uses() {
    wanted=$1
    shift
    code=0
    FAKE_QEMU="report:exited:0 exit:33" "$work/capos" run -v "$@" --grant console \
        build/demos/hello.elf 2>"$work/err" </dev/null || code=$?
    [ "$code" = 0 ] || fail "exit code $code"
    grep -q "^capos: accelerator is $wanted" "$work/err" || fail "it is not $wanted"
}

uses tcg --accel tcg
uses kvm --accel kvm
CAPOS_ACCEL=kvm uses kvm
CAPOS_ACCEL=tcg uses tcg
CAPOS_ACCEL=kvm uses tcg --accel tcg
[ ! -e "$memory" ] || fail "there was a trial though it was known what to use"
unset CAPOS_ACCEL

if ! { : <>/dev/kvm; } 2>/dev/null; then
    uses tcg
    echo "no /dev/kvm to open"
    exit 77
fi
uses kvm
grep -q ' kvm$' "$memory" || fail "the trial is not remembered"
sed -i 's/kvm$/tcg/' "$memory"
uses tcg
echo '00000000-0000-0000-0000-000000000000 tcg' >"$memory"
uses kvm
# A machine without a report, or with a panic, has not passed; one that hangs is not waited for.
for script in 'exit:33' 'report:exited:0 exit:35' hang; do
    rm -f "$memory"
    FAKE_QEMU=$script timeout 10 "$work/capos" doctor >"$work/err" || :
    grep -q '^absent *KVM .*did not come to its end' "$work/err" || fail "trusted after: $script"
    grep -q ' tcg$' "$memory" || fail "the failed trial is not remembered"
done
