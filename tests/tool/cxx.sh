#!/bin/sh
# capos-c++ as users use it: what docs/cpp.md says to type, and its examples; how programs end that
# cannot go on; and that C does not pay for it.
set -eu
. tests/kit.sh
trap 'rm -rf "$work" build/greet' EXIT
cxx="$tree/build/bin/capos-c++"
warnings='-Wall -Wextra -Wshadow -Wconversion -Werror'

# ---- what docs/cpp.md says ------------------------------------------------------------------------

awk '/^```sh/ { inside = 1; next } /^```/ { inside = 0 } inside' docs/cpp.md >"$work/commands.sh"
[ "$(wc -l <"$work/commands.sh")" -ge 5 ] || fail "docs/cpp.md has hardly any commands"
rm -rf build/greet
run 0 sh -eu "$work/commands.sh"
grep -qx 'Hello, capOS' "$work/out" || fail "no greeting"

# The commands that `capos new` prints are those of the page, but for the folder.
cd "$work"
run 0 "$tree/build/capos" new greet --lang c++
sed -n 's/^    //p' out >typed.sh
run 0 sh -eu typed.sh
grep -qx 'Hello, world' out || fail "no greeting"
sed "s|$tree/build|..|" typed.sh | grep -q -Fx '../bin/capos-c++ -std=c++20 -O2 greet.cc -o greet.elf' ||
    fail "capos new says something else than docs/cpp.md: $(cat typed.sh)"

awk '/^```cpp/ { inside = 1; n++; next } /^```/ { inside = 0 }
    inside { print >("example-" n ".cc") }' "$tree/docs/cpp.md"
[ -e example-2.cc ] || fail "docs/cpp.md has hardly any examples"
for example in example-*.cc; do
    for standard in c++17 c++20; do
        # shellcheck disable=SC2086 # the warnings are a list of words
        run 0 "$cxx" -std=$standard $warnings -O2 "$example" -o example.elf
        run 0 "$tree/build/capos" run --grant default,threads,thread-control example.elf
    done
done

# Each header of C++ alone, and as code of one's own, whose warnings count.
for header in "$tree"/build/sysroot/include/[a-z]*; do
    [ -f "$header" ] || continue
    for standard in c++17 c++20; do
        # shellcheck disable=SC2086 # the warnings are a list of words
        run 0 "$cxx" -std=$standard $warnings -fsyntax-only -include "$header" -x c++ /dev/null
    done
    headers=${headers-}${header##*/}' '
done
[ "$headers" = 'cstddef cstdint initializer_list new ' ] || fail "the headers are $headers"

# ---- programs that cannot go on -------------------------------------------------------------------

# ends WORDS: the program on standard input ends by an invalid instruction and with these words.
# Optimisers may leave out a `new` that nobody needs.
ends() {
    cat >end.cc
    run 0 "$cxx" -std=c++20 -O0 -Wall -Werror end.cc -o end.elf
    run 134 "$tree/build/capos" run --grant console end.elf
    grep -q "^end.elf: $1" err || fail "no word of: $1"
    grep -q 'end\.cc:[0-9]' err || fail "nobody says where"
}

ends 'a pure virtual function was called' <<'EOF'
struct Base {
    Base() { call(); }
    void call() { act(); }
    virtual void act() = 0;
};
struct Derived : Base {
    void act() override {}
};
int main() { Derived derived; derived.call(); }
EOF
ends 'operator new: no memory for 1099511627776 bytes' <<'EOF'
int main(int argc, char **) { return (new char[1024UL * 1024 * 1024 * 1024])[argc] = 1; }
EOF
# More than there are addresses; and so many objects that their size wraps.
ends 'operator new: no memory for 18446744073709551615 bytes' <<'EOF'
int main(int argc, char **) { return static_cast<int>((new long[~0UL >> argc])[argc] = 1); }
EOF
ends 'the initialisation of a static local variable needs that variable' <<'EOF'
int number(int depth) {
    static int value = depth < 9 ? number(depth + 1) : 0;
    return value;
}
int main(int argc, char **) { return number(argc); }
EOF

# ---- who replaces operators ------------------------------------------------------------------------

cat >arena.cc <<'EOF'
#include <capos/capos.h>
#include <new>
static int taken, given;
void *operator new(size_t size) { taken++; return capos_calloc(1, size); }
void operator delete(void *block) noexcept { given++; capos_free(block); }
int main() {
    // Arrays and sized forms rest on those two.
    delete new int;
    delete[] new int[5];
    return taken == 2 && given == 2 ? 0 : 1;
}
EOF
run 0 "$cxx" -std=c++20 -Wall -Werror -O0 arena.cc -o arena.elf
run 0 "$tree/build/capos" run arena.elf

# ---- inline functions with a need, in two files -----------------------------------------------------

cat >say.h <<'EOF'
#include <capos/capos.h>
template <typename T> [[gnu::noinline]] int say(T value) {
    static int calls;
    CAPOS_REQUIRE_HERE("timer", TIMER);
    return ++calls + value;
}
EOF
printf '#include "say.h"\nint other() { return say(1); }\n' >other.cc
printf '#include "say.h"\nint other();\nint main() { return say(1) + other(); }\n' >main.cc
run 0 "$cxx" -Wall -Werror -O2 main.cc other.cc -o two.elf
run 5 "$tree/build/capos" run --grant timer two.elf
run 125 "$tree/build/capos" run two.elf
grep -q -e '--grant timer' err || fail "a need of an inline function is lost"

# ---- what is refused, and what it costs ---------------------------------------------------------------

echo 'int main() { throw 1; }' >throws.cc
run 1 "$cxx" throws.cc -o throws.elf
grep -q "cannot use 'throw' with exceptions disabled" err || fail "throw is not refused"
run 1 "$cxx" -fexceptions throws.cc -o throws.elf
grep -q '__cxa_throw' err || fail "-fexceptions: no word of what is missing"

for program in hello threads memory; do
    ! "$tree/build/bin/x86_64-unknown-capos-nm" "$tree/build/demos/$program.elf" |
        grep -E ' (_Z|__cxa|__dso)' || fail "$program.elf, which is in C, has parts for C++"
done
