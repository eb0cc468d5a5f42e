# shellcheck shell=sh
# boot.sh: how a side boots. Read by bench/run.sh, which sets BUILD and RESULTS.
#
#   boot_SIDE CLOCK CPUS SECONDS CONSOLE MEMORY_MIB WHAT
#
# WHAT is the run of bench/both/main.c, or hello; CLOCK is that of bench/machine.sh. The console is
# left in the file CONSOLE, what QEMU says in CONSOLE.qemu.

# What the command line can turn off: the strongest Linux to compare with (column 5 of the notes).
LINUX_OPTIONS='console=ttyS0 quiet loglevel=4 panic=-1 tsc=reliable mitigations=off'
LINUX_OPTIONS="$LINUX_OPTIONS init_on_alloc=0 audit=0 randomize_kstack_offset=off"
LINUX_OPTIONS="$LINUX_OPTIONS transparent_hugepage=madvise"

# The machine that runs, ended when we are.
running=
stop() {
    [ -z "$running" ] || kill "$running" 2>/dev/null || :
    exit 130
}
trap stop INT TERM HUP

# machine CLOCK CPUS SECONDS CONSOLE MEMORY_MIB OPTION...: bench/machine.sh under a time limit.
machine() {
    clock=$1
    cpus=$2
    seconds=$3
    console=$4
    shift 3
    rm -f "$console"
    timeout --foreground -k 5 "$seconds" sh bench/machine.sh "$clock" "$cpus" "$@" \
        </dev/null >"$console.qemu" 2>&1 &
    running=$!
    wait "$running" || :
    running=
    touch "$console"
}

boot_capos() {
    machine "$1" "$2" "$3" "$4" "$5" -kernel "$BUILD/capos/kernel.elf" \
        -initrd "$BUILD/capos/$6.package"
}

# Linux starts its CPUs in a loop that does not pause. Where CPUs take turns, a turn ends as the next
# timer is due, and the CPU behind gets the time to the timer after that: none, while the loop lasts.
# So each two of the four are kept apart by a CPU that Linux is told not to start, which loses
# nothing by that.
LINUX_SLOTS=1,sockets=8,cores=1,threads=1,maxcpus=8
linux_slot_options() {
    for slot in 4 1 5 2 6 3 7; do
        printf '%s ' -device "max-x86_64-cpu,erms=off,fsrm=off,socket-id=$slot,core-id=0,thread-id=0"
    done
}

boot_linux() {
    firmware=$(awk '$1 == "boot_firmware" { print $3 }' "$RESULTS/capos.results")
    cpus=$2
    more=
    if [ "$1 $2" = 'counted 4' ]; then
        cpus=$LINUX_SLOTS
        more=$(linux_slot_options)
    fi
    # shellcheck disable=SC2086 # options are words
    machine "$1" "$cpus" "$3" "$4" "$5" $more -kernel "$BUILD/linux/vmlinuz" \
        -initrd "$BUILD/linux/initramfs" -append "$LINUX_OPTIONS nr_cpus=$2 -- $6 $firmware"
}
