/*
 * What each convention promises. Sources: [td] llvm/lib/Target/X86/X86CallingConv.td and
 * X86RegisterInfo.cpp (getCalleeSavedRegs) of LLVM 19; [abi] System V ABI, AMD64 supplement, 3.2;
 * [ms] Microsoft, "x64 calling convention"; [reg] Intel, C/C++ calling conventions, __regcall;
 * [ref] LLVM language reference, "Calling Conventions".
 */
#include "tests/guest/calling_conventions/conventions.h"

#define BIT(number) (UINT32_C(1) << (number))
/* [abi] 3.2.1; [td] CSR_64. */
#define KEPT_BY_C (BIT(RBX) | BIT(RBP) | BIT(R12) | BIT(R13) | BIT(R14) | BIT(R15))
/* [ref] preserve_mostcc: all but R11; [td] CSR_64_RT_MostRegs. */
#define KEPT_BY_MOST                                                                               \
    (KEPT_BY_C | BIT(RAX) | BIT(RCX) | BIT(RDX) | BIT(RSI) | BIT(RDI) | BIT(R8) | BIT(R9) |        \
     BIT(R10))
/* [td] CSR_64_MostRegs. */
#define KEPT_BY_COLD ((KEPT_BY_MOST & ~BIT(RAX)) | BIT(R11))
/* [td] CSR_64_TLS_Darwin: RDI and RAX are for the argument and the result. */
#define KEPT_BY_FAST_TLS (KEPT_BY_COLD & ~BIT(RDI))
/* [ms] "Caller/callee saved registers"; [td] CSR_Win64. */
#define KEPT_BY_MS (KEPT_BY_C | BIT(RDI) | BIT(RSI))
#define VECTORS_ALL UINT32_C(0xffff)
#define VECTORS_FROM(first) (VECTORS_ALL & ~(BIT(first) - 1))

/* [abi] 3.2.3; [td] CC_X86_64_C. */
#define PASSED_BY_C .integers = {RDI, RSI, RDX, RCX, R8, R9}, .integer_count = 6, .double_count = 8
/* [reg]; [td] CC_X86_SysV64_RegCall. */
#define PASSED_BY_REGCALL                                                                          \
    .integers = {RAX, RCX, RDX, RDI, RSI, R8, R9, R12, R13, R14, R15}, .integer_count = 11,        \
    .double_count = 16
/* [ms] "Parameter passing"; [td] CC_X86_Win64_C. */
#define PASSED_BY_MS                                                                               \
    .integers = {RCX, RDX, R8, R9}, .integer_count = 4, .double_count = 4, .is_positional = true
/* [ms] __vectorcall; [td] CC_X86_64_VectorCall. Arguments go as on Windows, without a home for the
 * first four; what a callee keeps is what C does. */
#define PASSED_BY_VECTORCALL                                                                       \
    .integers = {RCX, RDX, R8, R9}, .integer_count = 4, .double_count = 6, .vector_count = 6,      \
    .is_positional = true, .homeless = 4
/* [ref] preserve_nonecc; [td] CC_X86_64_Preserve_None. */
#define PASSED_BY_NONE                                                                             \
    .integers = {R12, R13, R14, R15, RDI, RSI, RDX, RCX, R8, R9, R11, RAX}, .integer_count = 12,   \
    .double_count = 8

#define EACH_FUNCTION(X)                                                                           \
    X(c)                                                                                           \
    X(fast)                                                                                        \
    X(cold)                                                                                        \
    X(preserve_most)                                                                               \
    X(preserve_all)                                                                                \
    X(preserve_all_avx)                                                                            \
    X(regcall)                                                                                     \
    X(vectorcall)                                                                                  \
    X(ms_abi)                                                                                      \
    X(swift)                                                                                       \
    X(swifttail)                                                                                   \
    X(tail)                                                                                        \
    X(cxx_fast_tls)                                                                                \
    X(preserve_none)                                                                               \
    X(ghc)                                                                                         \
    X(x86_intr)                                                                                    \
    X(c_in_c)                                                                                      \
    X(preserve_most_in_c)                                                                          \
    X(preserve_all_in_c)                                                                           \
    X(regcall_in_c)                                                                                \
    X(vectorcall_in_c)                                                                             \
    X(ms_abi_in_c)                                                                                 \
    X(swift_in_c)                                                                                  \
    X(preserve_none_in_c)
#define DECLARE(label)                                                                             \
    void plain_##label(void);                                                                      \
    void full_##label(void);                                                                       \
    void call_plain_##label(const void *live_in, void *live_out);                                  \
    int64_t call_full_##label(const void *sent, const void *live_in, void *live_out);
EACH_FUNCTION(DECLARE)

#define FUNCTIONS(label)                                                                           \
    .plain = plain_##label, .full = full_##label, .call_plain = call_plain_##label,                \
    .call_full = call_full_##label
#define IN_IR(label) .name = #label, FUNCTIONS(label)
#define WITH_DOUBLE(label) IN_IR(label), .has_double_result = true
#define IN_C(label) .name = #label " in C", FUNCTIONS(label##_in_c), .has_frame_pointer = true

#define PRESERVE_MOST PASSED_BY_C, .kept = KEPT_BY_MOST, .used = BIT(RAX)
#define PRESERVE_ALL PRESERVE_MOST, .kept_vectors = VECTORS_ALL
/* [td] CSR_SysV64_RegCall: what carries parameters is not kept. */
#define REGCALL                                                                                    \
    PASSED_BY_REGCALL, .kept = KEPT_BY_C, .kept_vectors = VECTORS_FROM(8),                         \
        .used = BIT(R12) | BIT(R13) | BIT(R14) | BIT(R15), .used_vectors = VECTORS_FROM(8)
#define MS_ABI PASSED_BY_MS, .kept = KEPT_BY_MS, .kept_vectors = VECTORS_FROM(6)
/* [td] CSR_64_NoneRegs. */
#define PRESERVE_NONE PASSED_BY_NONE, .kept = BIT(RBP)
/* Tail calls are possible because the callee pops: X86FrameLowering, alignment to 16 with the
 * return address counted. 20 words and two vectors are on the stack. */
#define POPPED .popped_plain = 8, .popped = 200

const struct convention conventions[] = {
    {WITH_DOUBLE(c), PASSED_BY_C, .kept = KEPT_BY_C},
    {WITH_DOUBLE(fast), PASSED_BY_C, .kept = KEPT_BY_C},
    {IN_IR(cold), PASSED_BY_C, .kept = KEPT_BY_COLD, .kept_vectors = VECTORS_ALL},
    {WITH_DOUBLE(preserve_most), PRESERVE_MOST},
    {WITH_DOUBLE(preserve_all), PRESERVE_ALL, .used_vectors = BIT(0)},
    {WITH_DOUBLE(preserve_all_avx), PRESERVE_ALL, .kept_wide = VECTORS_ALL, .used_vectors = BIT(0)},
    {WITH_DOUBLE(regcall), REGCALL},
    {WITH_DOUBLE(vectorcall), PASSED_BY_VECTORCALL, .kept = KEPT_BY_C},
    {WITH_DOUBLE(ms_abi), MS_ABI},
    {WITH_DOUBLE(swift), PASSED_BY_C, .kept = KEPT_BY_C},
    /* [td] CSR_64_SwiftTail: R13 and R14 are for self and the asynchronous context. */
    {WITH_DOUBLE(swifttail), PASSED_BY_C, POPPED, .kept = KEPT_BY_C & ~(BIT(R13) | BIT(R14))},
    {WITH_DOUBLE(tail), PASSED_BY_C, POPPED, .kept = KEPT_BY_C},
    {WITH_DOUBLE(cxx_fast_tls), PASSED_BY_C, .kept = KEPT_BY_FAST_TLS},
    {WITH_DOUBLE(preserve_none), PRESERVE_NONE},
    /* [td] CSR_NoRegs: nothing is kept, and RBP is a register as any other. */
    {.name = "ghc", .plain = plain_ghc, .call_plain = call_plain_ghc},
    /* [td] CSR_64_AllRegs. Nobody calls such a function. */
    {.name = "x86_intr",
     .plain = plain_x86_intr,
     .has_iret = true,
     .kept = KEPT_BY_MOST | BIT(R11),
     .kept_vectors = VECTORS_ALL},
    {IN_C(c), PASSED_BY_C, .kept = KEPT_BY_C},
    {IN_C(preserve_most), PRESERVE_MOST},
    {IN_C(preserve_all), PRESERVE_ALL},
    {IN_C(regcall), REGCALL},
    {IN_C(vectorcall), PASSED_BY_VECTORCALL, .kept = KEPT_BY_C},
    {IN_C(ms_abi), MS_ABI},
    {IN_C(swift), PASSED_BY_C, .kept = KEPT_BY_C},
    {IN_C(preserve_none), PRESERVE_NONE},
};
_Static_assert(sizeof conventions / sizeof *conventions == CONVENTION_COUNT, "conventions.h");

enum kind { INTEGER, POINTER, DOUBLE, VECTOR };
#define KIND(number, kind) kind,
static const uint8_t kinds[PARAMETER_COUNT] = {EACH_PARAMETER(KIND, KIND)};

/* The place among all parameters decides: it has a register, and a place on the stack. */
static struct place locate_by_position(const struct convention *convention, unsigned number) {
    enum kind kind = (enum kind)kinds[number];
    bool is_vector = kind == VECTOR && number < convention->vector_count;
    struct place place = {.kind = PLACE_STACK, .index = number - convention->homeless, .bytes = 8};
    place.is_indirect = kind == VECTOR && !is_vector;
    place.bytes = kind == VECTOR ? VALUE_BYTES : 8;
    if (is_vector || (kind == DOUBLE && number < convention->double_count)) {
        place.kind = PLACE_VECTOR;
        place.index = number;
    } else if (kind != DOUBLE && number < convention->integer_count) {
        place.kind = PLACE_GENERAL;
        place.index = convention->integers[number];
    }
    return place;
}

void convention_locate(const struct convention *convention, struct place places[PARAMETER_COUNT]) {
    unsigned integers = 0, vectors = 0, words = 0;
    for (unsigned number = 0; number < PARAMETER_COUNT; number++) {
        enum kind kind = (enum kind)kinds[number];
        unsigned bytes = kind == VECTOR ? VALUE_BYTES : 8;
        bool is_integer = kind == INTEGER || kind == POINTER;
        struct place *place = &places[number];
        if (convention->is_positional) {
            *place = locate_by_position(convention, number);
        } else if (is_integer && integers < convention->integer_count) {
            *place = (struct place){PLACE_GENERAL, convention->integers[integers++], bytes, false};
        } else if (!is_integer && vectors < convention->double_count) {
            *place = (struct place){PLACE_VECTOR, vectors++, bytes, false};
        } else {
            words += kind == VECTOR ? words % 2 : 0; /* vectors are aligned */
            *place = (struct place){PLACE_STACK, words, bytes, false};
            words += bytes / 8;
        }
    }
}
