#pragma once
/*
 * The parameters of the functions that the test calls by every convention: integers, a pointer,
 * doubles and vectors, more of each than any convention has registers for. Read by C and by the
 * template of LLVM IR, which define what INTEGER, POINTER, DOUBLE, VECTOR and NEXT are.
 *
 * The first six are mixed, for conventions that count all kinds together.
 */
#define EACH_PARAMETER(FIRST, NEXT)                                                                \
    FIRST(0, INTEGER)                                                                              \
    NEXT(1, DOUBLE)                                                                                \
    NEXT(2, VECTOR)                                                                                \
    NEXT(3, POINTER)                                                                               \
    NEXT(4, DOUBLE)                                                                                \
    NEXT(5, VECTOR)                                                                                \
    NEXT(6, INTEGER)                                                                               \
    NEXT(7, INTEGER)                                                                               \
    NEXT(8, INTEGER)                                                                               \
    NEXT(9, INTEGER)                                                                               \
    NEXT(10, INTEGER)                                                                              \
    NEXT(11, INTEGER)                                                                              \
    NEXT(12, INTEGER)                                                                              \
    NEXT(13, INTEGER)                                                                              \
    NEXT(14, INTEGER)                                                                              \
    NEXT(15, INTEGER)                                                                              \
    NEXT(16, INTEGER)                                                                              \
    NEXT(17, INTEGER)                                                                              \
    NEXT(18, DOUBLE)                                                                               \
    NEXT(19, DOUBLE)                                                                               \
    NEXT(20, DOUBLE)                                                                               \
    NEXT(21, DOUBLE)                                                                               \
    NEXT(22, DOUBLE)                                                                               \
    NEXT(23, DOUBLE)                                                                               \
    NEXT(24, DOUBLE)                                                                               \
    NEXT(25, DOUBLE)                                                                               \
    NEXT(26, DOUBLE)                                                                               \
    NEXT(27, DOUBLE)                                                                               \
    NEXT(28, DOUBLE)                                                                               \
    NEXT(29, DOUBLE)                                                                               \
    NEXT(30, DOUBLE)                                                                               \
    NEXT(31, DOUBLE)                                                                               \
    NEXT(32, DOUBLE)                                                                               \
    NEXT(33, DOUBLE)                                                                               \
    NEXT(34, VECTOR)                                                                               \
    NEXT(35, VECTOR)
#define PARAMETER_COUNT 36

/* The values that a caller keeps over its call: more of each kind than there are registers. */
#define EACH_LIVE_INTEGER(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define EACH_LIVE_VECTOR(X) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24)
#define LIVE_COUNT 25
#define LIVE_INTEGER_COUNT 13

/* What a callee returns: an integer, and where the convention has a register for it, a double. */
#define RESULT_INTEGER 1234605616436508552
#define RESULT_DOUBLE_BITS 0x40C81CD6E631F8A1
