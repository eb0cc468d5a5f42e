/*
 * The conventions of LLVM 19 that programs have, each from the same template. With AVX
 * preserve_all keeps YMM registers whole, but only without vzeroupper, which LLVM would put between
 * their restoration and the return.
 */
#include "tests/guest/calling_conventions/shape.h"

#define PASTE(a, b) PASTE_AGAIN(a, b)
#define PASTE_AGAIN(a, b) a##b

#define INTEGER i64
#define POINTER ptr
#define DOUBLE double
#define VECTOR <2 x i64>
#define TYPE(number, type) type
#define NEXT_TYPE(number, type) , type
#define NAMED(number, type) type %a##number
#define NEXT_NAMED(number, type) , type %a##number

/* Argument `number` is at 16 times that. */
#define REPORT(number, type)                                                                       \
    %slot##number = getelementptr [16 x i8], ptr @seen, i64 number                                 \
    store volatile type %a##number, ptr %slot##number
#define ARGUMENT(number, type)                                                                     \
    %place##number = getelementptr [16 x i8], ptr %sent, i64 number                                \
    %a##number = load type, ptr %place##number
#define LIVE(number, type)                                                                         \
    %from##number = getelementptr [16 x i8], ptr %in, i64 number                                   \
    %live##number = load volatile type, ptr %from##number
#define KEPT(number, type)                                                                         \
    %to##number = getelementptr [16 x i8], ptr %out, i64 number                                    \
    store volatile type %live##number, ptr %to##number
#define LIVE_INTEGER(number) LIVE(number, i64)
#define LIVE_VECTOR(number) LIVE(number, <2 x i64>)
#define KEPT_INTEGER(number) KEPT(number, i64)
#define KEPT_VECTOR(number) KEPT(number, <2 x i64>)

#define STRING(...) #__VA_ARGS__
#define ALL_REGISTERS()                                                                        \
    STRING(~{rax},~{rcx},~{rdx},~{rbx},~{rbp},~{rsi},~{rdi},~{r8},~{r9},~{r10},~{r11},~{r12},\
~{r13},~{r14},~{r15},~{xmm0},~{xmm1},~{xmm2},~{xmm3},~{xmm4},~{xmm5},~{xmm6},~{xmm7},~{xmm8},\
~{xmm9},~{xmm10},~{xmm11},~{xmm12},~{xmm13},~{xmm14},~{xmm15},~{flags},~{memory})()

target triple = "x86_64-unknown-capos"

@seen = external thread_local(localexec) global [36 x [16 x i8]]
declare void @opaque()

/* An integer in RAX and a double in XMM0. */
#define RESULT { i64, double }
#define RESULT_VALUE { i64 RESULT_INTEGER, double RESULT_DOUBLE_BITS }
#define CHECK_RESULT                                                                               \
    %integer = extractvalue { i64, double } %result, 0                                             \
    %double = extractvalue { i64, double } %result, 1                                              \
    %bits = bitcast double %double to i64                                                          \
    %sum = xor i64 %integer, %bits                                                                 \
    ret i64 %sum

#define NAME c
#define CONVENTION ccc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

#define NAME fast
#define CONVENTION fastcc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

#define NAME preserve_most
#define CONVENTION preserve_mostcc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

#define NAME preserve_all
#define CONVENTION preserve_allcc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

#define NAME preserve_all_avx
#define CONVENTION preserve_allcc
#define ATTRIBUTES "target-features"="+avx,-vzeroupper"
#include "tests/guest/calling_conventions/template.inc"

#define NAME regcall
#define CONVENTION x86_regcallcc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

#define NAME vectorcall
#define CONVENTION x86_vectorcallcc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

#define NAME ms_abi
#define CONVENTION win64cc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

#define NAME swift
#define CONVENTION swiftcc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

#define NAME swifttail
#define CONVENTION swifttailcc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

#define NAME tail
#define CONVENTION tailcc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

#define NAME cxx_fast_tls
#define CONVENTION cxx_fast_tlscc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

#define NAME preserve_none
#define CONVENTION preserve_nonecc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

/* Called without parameters only: its registers for them are those of one runtime. */
#define NAME ghc
#define CONVENTION ghccc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

/* Cold has no register for a double to come back in: all of XMM0-15 are the caller's, and LLVM
 * restores XMM0 over the result. */
#undef RESULT
#undef RESULT_VALUE
#undef CHECK_RESULT
#define RESULT i64
#define RESULT_VALUE RESULT_INTEGER
#define CHECK_RESULT ret i64 %result

#define NAME cold
#define CONVENTION coldcc
#define ATTRIBUTES
#include "tests/guest/calling_conventions/template.inc"

/* Parameters that have registers of their own. */
declare swiftcc i64 @swift_callee(ptr swiftself, ptr swifterror)
declare swifttailcc i64 @swifttail_callee(ptr swiftasync, ptr swiftself)
define ptr @call_swift(ptr %self) nounwind {
    %slot = alloca swifterror ptr
    store ptr null, ptr %slot
    %same = call swiftcc i64 @swift_callee(ptr swiftself %self, ptr swifterror %slot)
    %error = load ptr, ptr %slot
    %offset = sub i64 %same, 1
    %result = getelementptr i8, ptr %error, i64 %offset
    ret ptr %result
}
define i64 @call_swifttail(ptr %context, ptr %self) nounwind {
    %sum = call swifttailcc i64 @swifttail_callee(ptr swiftasync %context, ptr swiftself %self)
    ret i64 %sum
}

/* What these two are for: a call out of code that can spare no register, as a handler is. */
define preserve_mostcc void @handler_preserve_most() nounwind {
    call void asm sideeffect "call harness_spoil", ALL_REGISTERS()
    call void @opaque()
    ret void
}

define preserve_allcc void @handler_preserve_all() nounwind {
    call void asm sideeffect "call harness_spoil", ALL_REGISTERS()
    call void @opaque()
    ret void
}

/* Entered by what the CPU pushes for an interrupt, and a program can push too: harness.S. */
define x86_intrcc void @interrupt_x86(ptr byval([40 x i8]) %frame) nounwind section "conventions" {
    call void asm sideeffect "call harness_destroy", ALL_REGISTERS()
    call void @opaque()
    ret void
}

/* Calls in the place of a return, of functions whose arguments need different room on the stack. */
#define DEEP(name, convention)                                                                     \
    define convention i64 @PASTE(name, _even)(i64 %left, i64 %sum, i64 %a, i64 %b, i64 %c, i64 %d) \
        nounwind noinline {                                                                        \
        %is_over = icmp eq i64 %left, 0                                                            \
        br i1 %is_over, label %over, label %more                                                   \
    over:                                                                                          \
        ret i64 %sum                                                                               \
    more:                                                                                          \
        %less = sub i64 %left, 1                                                                   \
        %added = add i64 %sum, %d                                                                  \
        %result = musttail call convention i64 @PASTE(name, _odd)(i64 %less, i64 %added, i64 %a,   \
            i64 %b, i64 %c, i64 %d, i64 1, i64 2, i64 %left)                                       \
        ret i64 %result                                                                            \
    }                                                                                              \
    define convention i64 @PASTE(name, _odd)(i64 %left, i64 %sum, i64 %a, i64 %b, i64 %c, i64 %d,  \
        i64 %e, i64 %f, i64 %g) nounwind noinline {                                                \
        %less = sub i64 %g, 2                                                                      \
        %twice = add i64 %e, %f                                                                    \
        %added = add i64 %sum, %twice                                                              \
        %result = musttail call convention i64 @PASTE(name, _even)(i64 %less, i64 %added, i64 %a,  \
            i64 %b, i64 %c, i64 %d)                                                                \
        ret i64 %result                                                                            \
    }                                                                                              \
    define i64 @PASTE(name, _deep)(i64 %depth) nounwind {                                          \
        %result = call convention i64 @PASTE(name, _even)(i64 %depth, i64 0, i64 0, i64 0, i64 0,  \
            i64 1)                                                                                 \
        ret i64 %result                                                                            \
    }
DEEP(tail, tailcc)
DEEP(swifttail, swifttailcc)

/* What the convention is for: the wrapper of a variable, called by who has much else at hand. */
@thread_variable = thread_local(localexec) global i64 0
define cxx_fast_tlscc ptr @wrap_thread_variable() nounwind noinline {
    %address = call ptr @llvm.threadlocal.address.p0(ptr @thread_variable)
    ret ptr %address
}
define ptr @find_thread_variable(ptr %in, ptr %out) nounwind {
    EACH_LIVE_INTEGER(LIVE_INTEGER)
    %address = call cxx_fast_tlscc ptr @wrap_thread_variable()
    EACH_LIVE_INTEGER(KEPT_INTEGER)
    ret ptr %address
}
