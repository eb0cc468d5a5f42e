#!/bin/sh
# GRUB starts capOS from a CD image, once under BIOS and once under UEFI: on the serial console one
# types at the shell, a program runs, and the machine ends in order. Made twice, the image is the
# same.
set -eu
. tests/kit.sh
machine=
finish() {
    [ -z "$machine" ] || kill "$machine" 2>/dev/null || :
    rm -rf "$work"
}
trap finish EXIT

fail() {
    echo "$1"
    shift
    [ $# -eq 0 ] || tail -n 40 "$@" | tr -c '[:print:]\n' '?'
    exit 1
}

build/capos image -o "$work/package"
for name in once twice; do
    sh scripts/make-iso.sh build/capos-kernel.elf "$work/package" "$work/$name.iso"
done
cmp "$work/once.iso" "$work/twice.iso" || fail "the same input gave two different images"

# await TEXT: until the console of the machine that runs has said so.
await() {
    turns=0
    until grep -q "$1" "$console"; do
        turns=$((turns + 1))
        [ "$turns" -lt 400 ] || fail "$name does not come to: $1" "$console" "$work/err"
        kill -0 "$machine" 2>/dev/null || fail "$name ended before: $1" "$console" "$work/err"
        sleep 0.3
    done
}

# boot NAME OPTION...: the debug exit device answers 33 for an orderly end.
boot() {
    name=$1
    console=$work/$1
    shift
    rm -f "$work/keys"
    mkfifo "$work/keys"
    timeout -k 5 240 qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
        -accel tcg -cpu max -m 256M -device isa-debug-exit,iobase=0xf4,iosize=4 \
        -serial stdio -cdrom "$work/once.iso" "$@" \
        <"$work/keys" >"$console" 2>"$work/err" &
    machine=$!
    exec 3>"$work/keys"
    await 'Type help'
    printf 'run hello --grant console\r' >&3
    await '^Hello from capOS'
    printf 'exit\r' >&3
    status=0
    wait "$machine" || status=$?
    machine=
    exec 3>&-
    [ "$status" -eq 33 ] || fail "$name ended with $status" "$console" "$work/err"
}

boot BIOS -M pc
cp /usr/share/OVMF/OVMF_VARS_4M.fd "$work/variables"
boot UEFI -M q35 \
    -drive if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
    -drive "if=pflash,unit=1,format=raw,file=$work/variables"
