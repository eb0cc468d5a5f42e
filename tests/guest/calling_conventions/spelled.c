/* The conventions that C can spell: the same functions as those of template.inc. */
#include "tests/guest/calling_conventions/conventions.h"

typedef void *pointer;
typedef int64_t vector __attribute__((vector_size(VALUE_BYTES)));
#define INTEGER int64_t
#define POINTER pointer
#define DOUBLE double
#define VECTOR vector

#define HERE __attribute__((section("conventions"), noinline))
#define PARAMETER(number, type) type a##number
#define NEXT_PARAMETER(number, type) , type a##number
#define TYPE(number, type) type
#define NEXT_TYPE(number, type) , type
#define NAME(number, type) a##number
#define NEXT_NAME(number, type) , a##number
#define REPORT(number, type) *(volatile type *)seen[number] = a##number;
#define ARGUMENT(number, type) type a##number = *(const type *)(sent + number);
#define LIVE_INTEGER(number) int64_t live##number = *(const volatile int64_t *)(in + number);
#define LIVE_VECTOR(number) vector live##number = *(const volatile vector *)(in + number);
#define KEPT_INTEGER(number) *(volatile int64_t *)(out + number) = live##number;
#define KEPT_VECTOR(number) *(volatile vector *)(out + number) = live##number;

/* RBP is the frame pointer. */
#define DESTROY()                                                                                  \
    __asm__ volatile("call harness_destroy_but_rbp"                                                \
                     :                                                                             \
                     :                                                                             \
                     : "rax", "rcx", "rdx", "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",  \
                       "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",        \
                       "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",         \
                       "xmm14", "xmm15", "cc", "memory")

void opaque(void);

/* regcall changes the names of functions; asm labels keep them. */
#define LABEL(label) __asm__(#label)

#define SPELL(name, convention)                                                                    \
    convention void record_plain_##name(void) LABEL(record_plain_##name);                          \
    convention int64_t record_full_##name(EACH_PARAMETER(TYPE, NEXT_TYPE))                         \
        LABEL(record_full_##name);                                                                 \
    convention HERE void plain_##name##_in_c(void) LABEL(plain_##name##_in_c);                     \
    convention HERE void plain_##name##_in_c(void) {                                               \
        DESTROY();                                                                                 \
        opaque();                                                                                  \
    }                                                                                              \
    convention HERE int64_t full_##name##_in_c(EACH_PARAMETER(TYPE, NEXT_TYPE))                    \
        LABEL(full_##name##_in_c);                                                                 \
    convention HERE int64_t full_##name##_in_c(EACH_PARAMETER(PARAMETER, NEXT_PARAMETER)) {        \
        EACH_PARAMETER(REPORT, REPORT)                                                             \
        DESTROY();                                                                                 \
        opaque();                                                                                  \
        return RESULT_INTEGER;                                                                     \
    }                                                                                              \
    HERE void call_plain_##name##_in_c(const vector *in, vector *out);                             \
    HERE void call_plain_##name##_in_c(const vector *in, vector *out) {                            \
        EACH_LIVE_INTEGER(LIVE_INTEGER)                                                            \
        EACH_LIVE_VECTOR(LIVE_VECTOR)                                                              \
        record_plain_##name();                                                                     \
        EACH_LIVE_INTEGER(KEPT_INTEGER)                                                            \
        EACH_LIVE_VECTOR(KEPT_VECTOR)                                                              \
    }                                                                                              \
    HERE int64_t call_full_##name##_in_c(const vector *sent, const vector *in, vector *out);       \
    HERE int64_t call_full_##name##_in_c(const vector *sent, const vector *in, vector *out) {      \
        EACH_PARAMETER(ARGUMENT, ARGUMENT)                                                         \
        EACH_LIVE_INTEGER(LIVE_INTEGER)                                                            \
        EACH_LIVE_VECTOR(LIVE_VECTOR)                                                              \
        int64_t result = record_full_##name(EACH_PARAMETER(NAME, NEXT_NAME));                      \
        EACH_LIVE_INTEGER(KEPT_INTEGER)                                                            \
        EACH_LIVE_VECTOR(KEPT_VECTOR)                                                              \
        return result;                                                                             \
    }

SPELL(c, __attribute__((sysv_abi)))
SPELL(preserve_most, __attribute__((preserve_most)))
SPELL(preserve_all, __attribute__((preserve_all)))
SPELL(vectorcall, __attribute__((vectorcall)))
SPELL(ms_abi, __attribute__((ms_abi)))
SPELL(swift, __attribute__((swiftcall)))
SPELL(preserve_none, __attribute__((preserve_none)))
SPELL(regcall, __attribute__((regcall)))
