#!/bin/sh
# Interrupts that cannot be masked, at odd moments: hundreds of NMIs on every CPU change nothing, and
# a machine check ends the machine with a panic that says so. QEMU's test interface sends the NMIs as
# messages to the local APICs (the monitor's own `nmi` takes the LINT1 wire, which the kernel masks);
# its monitor sends the machine check.
set -eu
. tests/kit.sh
drains=
trap 'kill $drains 2>/dev/null || true; rm -rf "$work"' EXIT
cat >"$work/qemu" <<END
#!/bin/sh
exec qemu-system-x86_64 "\$@" -qtest pipe:$work/qtest -qtest-log none \\
    -chardev pipe,id=monitor,path=$work/monitor -mon chardev=monitor,mode=readline
END
chmod +x "$work/qemu"

fail() {
    echo "$1"
    for file in out err log answers talk; do
        echo "--- $file"
        tail -n 20 "$work/$file"
    done
    exit 1
}

# start CPUS TURNS|log: the load, in the background; sets tool. Returns when its programs run.
start() {
    rm -f "$work"/qtest.* "$work"/monitor.*
    mkfifo "$work/qtest.in" "$work/qtest.out" "$work/monitor.in" "$work/monitor.out"
    # Both ends are held open, so that nobody waits for the other; what comes back is drained.
    exec 3<>"$work/qtest.in" 4<>"$work/qtest.out" 5<>"$work/monitor.in" 6<>"$work/monitor.out"
    cat <&4 >"$work/answers" 3>&- 5>&- 6>&- &
    drains="$drains $!"
    cat <&6 >"$work/talk" 3>&- 4>&- 5>&- &
    drains="$drains $!"
    : >"$work/log"
    : >"$work/out" # the last one's "ok 3" is not ours
    CAPOS_QEMU="$work/qemu" build/capos run --accel tcg --cpus "$1" --timeout 60 \
        --log "$work/log" --grant console,spawner build/tests/guest/interrupted.elf "$2" \
        >"$work/out" 2>"$work/err" </dev/null 3>&- 4>&- 5>&- 6>&- &
    tool=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        if grep -q '^ok 3\|^logging' "$work/out"; then return 0; fi
        sleep 0.2
    done
    fail "with $1 CPUs: the program did not start"
}

# storm CPUS: NMIs to all CPUs until the tool has ended, at distances that wander; sets sent.
storm() {
    sent=0
    # A process that has ended stays there, as a zombie, until it is waited for.
    while state=$(cut -d " " -f 3 "/proc/$tool/stat" 2>/dev/null) && [ "$state" != Z ]; do
        cpu=0
        while [ "$cpu" -lt "$1" ]; do
            # To 0xfee00000 | APIC id << 12: delivery mode NMI (SDM volume 3, 11.11).
            printf 'writel 0x%x 0x400\n' $((0xfee00000 | cpu << 12)) >&3
            cpu=$((cpu + 1))
            sent=$((sent + 1))
        done
        sleep "0.00$((sent * 7 % 10))"
    done
}

for cpus in 1 2; do
    start "$cpus" 6000
    storm "$cpus"
    code=0
    wait "$tool" || code=$?
    [ "$code" = 0 ] || fail "$cpus CPUs, $sent NMIs: exit code $code"
    [ "$(grep -c '^ok' "$work/out")" = 9 ] || fail "$cpus CPUs, $sent NMIs: results are missing"
    ! grep -q 'panic\|exception' "$work/log" || fail "$cpus CPUs: the kernel panicked"
    [ "$sent" -ge $((200 * cpus)) ] || fail "only $sent NMIs were sent in that time"
    # Those that come while a program runs are logged; the others leave no trace.
    seen=$(grep -c '^NMI on CPU' "$work/log" || true)
    [ "$seen" -ge $((sent / 20)) ] || fail "$cpus CPUs: $sent NMIs sent, but only $seen arrived"
    cpu=0
    while [ "$cpu" -lt "$cpus" ]; do
        grep -q "^NMI on CPU $cpu" "$work/log" || fail "no NMI arrived on CPU $cpu"
        cpu=$((cpu + 1))
    done
    echo "$cpus CPUs: $sent NMIs, $seen of them in programs"
done

# An error that nothing corrects (SDM volume 3, 16.3.2.2): valid, UC, EN, PCC, in bank 9. With a busy
# log it often comes while the kernel holds the log's lock.
for load in 100000 log; do
    for cpus in 1 2; do
        for moment in 1 3 5; do
            start "$cpus" "$load"
            sleep "0.$moment$cpus"
            printf 'mce %d 9 0xb200000000000000 0x5 0 0\n' $((cpus - 1)) >&5
            code=0
            wait "$tool" || code=$?
            what="$load, $cpus CPUs: a machine check"
            grep -q 'kernel panic on CPU .*machine check' "$work/log" ||
                fail "$what ends with $code and no panic"
            [ "$code" = 126 ] || fail "$what gives exit code $code"
        done
    done
done
