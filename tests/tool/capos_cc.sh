#!/bin/sh
# capos-cc as users use it: from another folder, with spaces in paths, in one step and in two, and
# with a host environment that must not leak in.
set -eu
. tests/kit.sh
home="$work/a b"
mkdir -p "$home" "$work/poison"
cp -R build/bin build/etc build/libexec build/sysroot "$home/"
echo '#error the host leaks in' >"$work/poison/stdint.h"
export CPATH="$work/poison" C_INCLUDE_PATH="$work/poison" LIBRARY_PATH="$work/poison"
cc="$home/bin/capos-cc"
cd "$work"

cat >main.c <<'END'
#include <capos/capos.h>
int twice(int value);
int plus_two(int value);
static int base;
__attribute__((constructor)) static void set_base(void) { base = 18; }
int main(void) { return plus_two(twice(base) + LITERAL); }
END
echo 'int twice(int value); int twice(int value) { return 2 * value; }' >'two words.c'
cat >plus.S <<'END'
        .globl plus_two
plus_two:
        leal    2(%rdi), %eax
        ret
END

# run ELF WANTED: runs it without a grant; its exit code tells.
run() {
    code=0
    "$tree/build/capos" run "$1" >out 2>&1 </dev/null || code=$?
    [ "$code" = "$2" ] || fail "$1 ended with $code instead of $2: $(cat out)"
}

# In one step, then in two.
"$cc" -Wall -Werror -O2 -DLITERAL=4 main.c 'two words.c' plus.S -o 'one step.elf'
run 'one step.elf' 42
"$cc" -c -DLITERAL=5 main.c -o main.o
"$cc" -c 'two words.c' plus.S
"$cc" main.o 'two words.o' plus.o -o two.elf -Wl,--Map=two.map,-q
run two.elf 43
[ -s two.map ] || fail "-Wl,--Map left no map"

# What nobody calls is not linked, and then is no need either.
cat >unused.c <<'END'
#include <capos/capos.h>
void say(void);
void say(void) { capos_print("unused\n"); }
int main(void) { return 7; }
END
"$cc" unused.c -o unused.elf
run unused.elf 7
"$tree/build/capos" inspect unused.elf >out
grep -q 'needs  *nothing' out || fail "an unused function is a need: $(cat out)"
sed 's/return 7/say(); return 7/' unused.c >used.c
"$cc" used.c -o used.elf
run used.elf 125
grep -q -e '--grant console' out || fail "no word of the grant to add: $(cat out)"

# What capOS cannot do is refused by name.
! "$cc" -shared main.o -o main.so 2>out || fail "-shared passed"
grep -q 'programs are static' out || fail "-shared: $(cat out)"

# Nothing of the place where it was built stays in the program.
mkdir x y
for folder in x y; do
    cp unused.c "$folder"
    (cd "$folder" && "$cc" -ffile-prefix-map="$PWD=." -fdebug-compilation-dir=. unused.c -o p.elf)
done
cmp x/p.elf y/p.elf || fail "the same program differs between two folders"
