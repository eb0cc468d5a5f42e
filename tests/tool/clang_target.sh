#!/bin/sh
# x86_64-unknown-capos for clang: what the compiler says of the target, what it makes, what it
# refuses, and that nothing of the host gets in.
set -eu
. tests/kit.sh
bin=$PWD/build/bin
capos=$PWD/build/capos
etc=$PWD/build/etc
triple=x86_64-unknown-capos
cd "$work"

# ---- the target ---------------------------------------------------------------------------------

[ "$("$bin/capos-cc" -dumpmachine)" = $triple ] || fail "another triple"
cat >target.h <<'END'
#if !defined __capos__ || __capos__ != 1 || !defined __ELF__ || !defined __x86_64__ || !__LP64__
#error "what must be defined is not"
#endif
#if defined __linux__ || defined __unix__ || defined __gnu_linux__ || defined _GNU_SOURCE || \
    defined __SOFTFP__ || defined __PIC__ || defined __PIE__ || !defined __SSE2__ || defined __SSE3__
#error "what must not be defined is"
#endif
#if !__is_target_os(capos) || __is_target_os(linux) || !__is_target_arch(x86_64) || \
    !__is_target_vendor(unknown) || __is_target_environment(gnu)
#error "the parts of the triple"
#endif
END
echo '#include "target.h"' >target.c
sed 's/$/\n#if __has_feature(cxx_exceptions) || __has_feature(cxx_rtti)\n#error\n#endif/' target.c \
    >target.cc
"$bin/capos-cc" -fsyntax-only target.c
"$bin/capos-c++" -fsyntax-only target.cc
# As CMake, Meson and configure scripts call it; and as clang finds the target by itself.
"$bin/$triple-clang" -fsyntax-only target.c
"$bin/$triple-cc" -fsyntax-only target.c
"$bin/$triple-clang++" -fsyntax-only target.cc
"$bin/$triple-c++" -fsyntax-only target.cc
"${CAPOS_CLANG:-clang-19}" --config-system-dir="$etc" --target=$triple -fsyntax-only target.c

# Vectors by the compiler's own headers, which lean on no C library.
cat >vectors.c <<'END'
#include <immintrin.h>
#include <stdatomic.h>
__attribute__((target("avx2"))) static int twice(const int *values) {
    __m256i sum = _mm256_loadu_si256((const __m256i *)values);
    int out[8];
    _mm256_storeu_si256((__m256i *)out, _mm256_add_epi32(sum, sum));
    return out[0] + out[7];
}
int main(void) {
    static const int values[8] = {1, 0, 0, 0, 0, 0, 0, 20};
    return __builtin_cpu_supports("avx2") ? twice(values) : 42;
}
END
"$bin/capos-cc" -O2 -Wall -Werror vectors.c -o vectors.elf
for cpu in max qemu64; do
    code=0
    "$capos" run --cpu $cpu vectors.elf </dev/null || code=$?
    [ "$code" = 42 ] || fail "vectors.elf ended with $code on $cpu"
done

# ---- nothing of the host --------------------------------------------------------------------------

mkdir poison
echo '#error "the host leaks in"' >poison/stdint.h
echo 'not an archive' >poison/libcapos.a
export CPATH="$PWD/poison" C_INCLUDE_PATH="$PWD/poison" CPLUS_INCLUDE_PATH="$PWD/poison" \
    LIBRARY_PATH="$PWD/poison" COMPILER_PATH="$PWD/poison"
for compiler in capos-cc capos-c++; do
    "$bin/$compiler" -E -v target.c -o target.i 2>search
    sed -n '/^#include </,/^End/p' search | grep '^ ' | while read -r folder; do
        case $folder in
        */lib/clang/*/include | */sysroot/usr/include) ;;
        *) fail "$compiler looks for headers in $folder" ;;
        esac
    done
    for header in stdio.h stdlib.h unistd.h linux/types.h vector; do
        ! echo "#include <$header>" | "$bin/$compiler" -fsyntax-only -xc++ - 2>/dev/null ||
            fail "$compiler found a $header"
    done
done

# ---- what it makes --------------------------------------------------------------------------------

cat >wide.c <<'END'
#include <capos/capos.h>
_Thread_local volatile int count = 3;
/* Each of these is a function of the compiler's own. */
__attribute__((noinline)) static unsigned __int128 divide(unsigned __int128 a, unsigned __int128 b) {
    return a / b;
}
__attribute__((noinline)) static _Complex double multiply(_Complex double a, _Complex double b) {
    return a * b;
}
__attribute__((noinline)) static float convert(unsigned __int128 value) { return (float)value; }
int main(void) {
    unsigned __int128 quotient = divide((unsigned __int128)42 << 80, (unsigned __int128)count << 79);
    _Complex double product = multiply(__builtin_complex(1.0, 2.0), __builtin_complex(3.0, 4.0));
    return (int)quotient + (int)__imag__ product + (int)convert((unsigned)count + 1);
}
END
"$bin/capos-cc" -Wall -Wextra -Werror -O2 wide.c -o wide.elf
code=0
"$capos" run wide.elf </dev/null || code=$?
[ "$code" = 42 ] || fail "wide.elf ended with $code"

"$bin/$triple-readelf" --file-header --program-headers --wide wide.elf >headers
grep -q 'Type: *EXEC' headers || fail "not a program at a fixed address: $(cat headers)"
grep -Eq '^ *LOAD +0x[0-9a-f]+ 0x0000000000200000 ' headers || fail "not at 0x200000: $(cat headers)"
grep -Eq '^ *TLS .* 0x000004 0x000004 R ' headers || fail "no TLS segment: $(cat headers)"
grep -Eq '^ *GNU_STACK .* RW ' headers || fail "an executable stack: $(cat headers)"
! grep -Eq 'INTERP|DYNAMIC|GNU_RELRO| RWE |W E' headers || fail "what must not be: $(cat headers)"
"$bin/$triple-readelf" --relocs --sections --wide wide.elf >sections
! grep -Eq '\.(got|plt|rela|dynamic|interp)' sections || fail "a section: $(cat sections)"

# The binary tools by the names that build systems look for.
"$bin/capos-cc" -c wide.c
"$bin/$triple-ar" rcs libwide.a wide.o
"$bin/$triple-ranlib" libwide.a
"$bin/$triple-nm" libwide.a | grep -q ' T main' || fail "nm does not see main"
"$bin/capos-cc" -L. -lwide -o from-archive.elf
"$bin/$triple-strip" from-archive.elf
"$bin/$triple-size" from-archive.elf | grep -q from-archive || fail "size fails"
"$bin/$triple-objdump" -d from-archive.elf | grep -q syscall || fail "objdump fails"
"$bin/$triple-objcopy" -O binary from-archive.elf from-archive.bin

# One object of several, which no library goes into; and optimization across objects.
"$bin/capos-cc" -r wide.o -o part.o
"$bin/$triple-nm" part.o | grep -q ' U __udivti3' || fail "-r links libraries"
"$bin/capos-cc" part.o -o part.elf
"$bin/capos-cc" -flto -O2 -c wide.c -o wide-lto.o
"$bin/capos-cc" -flto -O2 wide-lto.o -o lto.elf
for program in part lto; do
    code=0
    "$capos" run "$program.elf" </dev/null || code=$?
    [ "$code" = 42 ] || fail "$program.elf ended with $code"
done

# ---- what it refuses, by name ------------------------------------------------------------------------

# refused WORDS ARGUMENT...: the compiler fails and names both the last argument and the reason.
refused() {
    words=$1
    shift
    ! "$bin/capos-cc" "$@" -o refused.elf 2>refusal || fail "$*: taken"
    for last; do :; done
    grep -q -e "$last" refusal || fail "$*: not named: $(cat refusal)"
    grep -q -e "$words" refusal || fail "$*: no reason: $(cat refusal)"
    ! grep -q 'Stack dump' refusal || fail "$*: the compiler crashed"
    [ ! -e refused.elf ] || fail "$*: a program was made all the same"
}
refused "for target '$triple'" wide.c -fropi
refused "for target '$triple'" wide.c -frwpi
refused "for target '$triple'" wide.c -mdynamic-no-pic
refused 'highest 2 GiB' wide.c -mcmodel=kernel
refused 'no such code model' wide.c -mcmodel=tiny
refused 'static and fixed' wide.c -shared
refused 'static and fixed' wide.c -pie
refused 'static and fixed' wide.c -static-pie
refused 'dynamic linker' wide.c -mtls-dialect=gnu2
refused 'compile with -c' wide.c -flto

# Thread-local variables that are asked for at run time: in an object and from an archive. Two of
# one file are local-dynamic.
cat >general.c <<'END'
_Thread_local int visible = 1;
static _Thread_local int first, second;
int *find(int which);
int *find(int which) { return which == 0 ? &visible : which == 1 ? &first : &second; }
END
for model in global-dynamic local-dynamic; do
    "$bin/capos-cc" -O1 -fPIC -ftls-model=$model -c general.c -o $model.o
    refused 'general-dynamic.*dynamic linker' wide.c $model.o
done
sed 's/return (int)quotient/extern int *find(int); return *find(1) + (int)quotient/' wide.c >uses.c
"$bin/$triple-ar" rcs libgeneral.a global-dynamic.o
! "$bin/capos-cc" uses.c -L. -lgeneral -o refused.elf 2>refusal || fail "general-dynamic: taken"
grep -q 'libgeneral.a.*general-dynamic' refusal || fail "libgeneral.a is not named: $(cat refusal)"
# Position-independent code as such is welcome: its variables are where the linker says.
"$bin/capos-cc" -fPIC -O2 uses.c general.c -o pic.elf
code=0
"$capos" run pic.elf </dev/null || code=$?
[ "$code" = 42 ] || fail "pic.elf ended with $code"
