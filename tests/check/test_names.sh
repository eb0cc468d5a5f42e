# To be sourced. Tests as documents name them: KIND/NAME, as `make test ONLY=` takes it, and a case
# in it after a colon.

# test_sources KIND/NAME: prints the source files of a test; nothing when there is no such test.
test_sources() {
    case $1 in
    */*.* | *..* | *[*?[]*) ;;
    host/*_test | check/* | tool/* | image/*)
        find_files "tests/$1.sh" "tests/$1.c" ;;
    guest/* | faults/*)
        find_files "tests/$1.c" "tests/$1.cc" "tests/$1"/* ;;
    rust/*)
        find_files "tests/rust/src/bin/${1#rust/}.rs"
        # One of several languages has a folder of its own.
        [ ! -f "tests/${1#rust/}/main.c" ] ||
            find_files "tests/${1#rust/}"/*.c* "tests/${1#rust/}/src/lib.rs" ;;
    demo/*)
        find_files "demos/c/${1#demo/}"/*.c "demos/${1#demo/}"/*.cc "demos/${1#demo/}/src/main.rs" ;;
    model/*)
        sed -n 's/^MODEL_RUNS := / /p' tests/models/module.mk | grep -q " ${1#model/}\( \|$\)" &&
            find_files "tests/models/${1#model/}.pml" tests/models/module.mk ;;
    esac
}

find_files() {
    for file; do
        [ ! -f "$file" ] || printf '%s\n' "$file"
    done
}

# test_complaint NAME: says what is wrong with it; nothing when there is such a test, and its source
# has the words of the case.
test_complaint() {
    sources=$(test_sources "${1%%:*}")
    if [ -z "$sources" ]; then
        printf '%s: there is no such test\n' "$1"
        return
    fi
    case $1 in
    *:*) grep -qF -e "${1#*:}" $sources || printf '%s: the test has no such case\n' "$1" ;;
    esac
}
