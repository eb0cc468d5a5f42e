#!/bin/sh
# Prints the runs of programs in machines, a line for each, as run-test.sh takes them:
#
#   program NAME ELF MACHINE CPUS EXTRA
#
#   list-programs.sh [CPUS]   those that do not mind run with these numbers of CPUs (1,2,4)
#
# What a program says of itself stands in the head of its source; docs/testing.md has the list.
set -eu

any=${1:-1,2,4}

say() {
    printf '%s\n' "$*"
}

# Prints the value of the header lines `// KEY: VALUE` of the sources given.
header() {
    key=$1
    shift
    sed -n "s|^// $key: *||p" "$@"
}

# list_program NAME ELF SOURCE...: a line for each machine and number of CPUs, one for each `also`.
list_program() {
    name=$1
    elf=$2
    shift 2
    cpus=$(header cpus "$@")
    machines=$(header machines "$@")
    case $cpus in '' | any) cpus=$any ;; esac
    machines=${machines:-microvm}
    for machine in $(say "$machines" | tr ',' ' '); do
        for count in $(say "$cpus" | tr ',' ' '); do
            say "program $name $elf $machine $count 0"
        done
    done
    header also "$@" | awk -v run="program $name $elf ${machines%%,*} ${cpus##*,}" \
        '{ print run, NR }'
}

for source in tests/guest/*.c tests/guest/*.cc tests/faults/*.c; do
    [ -e "$source" ] || continue
    name=${source#tests/}
    list_program "${name%.*}" "build/${source%.*}.elf" "$source"
done
for folder in demos/c/*/; do
    [ -e "$folder" ] || continue
    name=$(basename "$folder")
    list_program "demo/$name" "build/demos/$name.elf" "$folder"*.c
done
for folder in demos/cpp/*/; do
    [ -e "$folder" ] || continue
    name=cpp/$(basename "$folder")
    list_program "demo/$name" "build/demos/$name.elf" "$folder"*.cc
done
for source in tests/rust/src/bin/*.rs tests/languages/main.c demos/rust/*/src/main.rs; do
    [ -e "$source" ] || continue
    case $source in
    tests/languages/*) name=rust/languages elf=build/tests/$name.elf ;;
    tests/*) name=rust/$(basename "$source" .rs) elf=build/tests/$name.elf ;;
    demos/*) name=${source%/src/main.rs} elf=build/$name.elf name=demo/${name#demos/} ;;
    esac
    list_program "$name" "$elf" "$source"
done
