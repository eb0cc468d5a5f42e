#include "access.h"

#ifndef ACCESS
#define ACCESS tls_access
#define ACCESS_NAME "local-exec"
#endif

/* What stands in memory is read and written anew afterwards. */
#define BARRIER() __asm__ volatile("" ::: "memory")

static _Thread_local uint8_t own = 0x3d, own_zero;
static _Thread_local uint64_t own_calls;

/* ---- initial values -----------------------------------------------------------------------------
 */

static bool scalars_are_fresh(void) {
    bool is_right = true;
#define IS_FRESH(type, name, initial)                                                              \
    is_right &= tls_##name == (type)(initial) && tls_##name##_zero == 0;                           \
    is_right &= tls_##name##_row[0] == (type)(initial) && tls_##name##_row[ROW - 1] == 1;          \
    for (unsigned index = 0; index < ROW; index++) {                                               \
        is_right &= tls_##name##_zeros[index] == 0;                                                \
        is_right &= index % (ROW - 1) == 0 || tls_##name##_row[index] == 0;                        \
    }
    TLS_SCALARS(IS_FRESH)
#undef IS_FRESH
    return is_right;
}

static bool aligned_are_fresh(void) {
    bool is_right = true;
#define IS_FRESH(alignment)                                                                        \
    is_right &= tls_aligned##alignment == alignment % 251 && tls_aligned_zero##alignment == 0;     \
    is_right &= (uintptr_t)&tls_aligned##alignment % alignment == 0;                               \
    is_right &= (uintptr_t)&tls_aligned_zero##alignment % alignment == 0;
    TLS_ALIGNMENTS(IS_FRESH)
#undef IS_FRESH
    return is_right;
}

static bool others_are_fresh(void) {
    bool is_right = own == 0x3d && own_zero == 0 && own_calls == 0;
    is_right &= tls_bits.three == 5 && tls_bits.thirteen == 4097 && tls_bits.sixteen == 40000;
    is_right &= tls_bits.sign == -9 && tls_bits.forty == UINT64_C(0xabcdef0123);
    is_right &= tls_bits.rest == 0x456789 && tls_bits_zero.forty == 0 && tls_bits_zero.sign == 0;
    is_right &= tls_block.head == 6 && tls_block.bytes[199] == 7 && tls_block.bytes[198] == 0;
    for (unsigned index = 0; index < 4; index++) {
        is_right &= tls_vector16[index] == index + 1 && tls_vector16_zero[index] == 0;
    }
    return is_right;
}

static bool is_fresh(void) {
    return scalars_are_fresh() && aligned_are_fresh() && others_are_fresh();
}

/* ---- vectors ------------------------------------------------------------------------------------
 */

__attribute__((target("avx"))) static void set_wide_vector(uint32_t value) {
    tls_vector32_zero = tls_vector32 = (vector32){value, 1, 2, 3, 4, 5, 6, value};
    BARRIER();
    tls_vector32_zero += tls_vector32;
}

__attribute__((target("avx"))) static bool is_wide_vector_set(uint32_t value) {
    vector32 both = tls_vector32 ^ tls_vector32_zero;
    return tls_vector32[0] == value && tls_vector32_zero[7] == 2 * value && both[3] == (3 ^ 6) &&
           both[0] == (value ^ 2 * value);
}

/* ---- writing and reading ------------------------------------------------------------------------
 */

static void set(uint64_t seed) {
#define SET(type, name, initial)                                                                   \
    tls_##name = (type)(seed % 100 + 1);                                                           \
    tls_##name##_zero = (type)(seed % 90 + 2);                                                     \
    BARRIER();                                                                                     \
    tls_##name##_row[seed % ROW] = tls_##name;                                                     \
    tls_##name##_zeros[(seed + 1) % ROW] = tls_##name##_zero;
    TLS_SCALARS(SET)
#undef SET
#define SET(alignment) tls_aligned##alignment = (uint8_t)(seed + alignment);
    TLS_ALIGNMENTS(SET)
#undef SET
    tls_bits.three = seed & 7;
    tls_bits.thirteen = seed & 0x1fff;
    tls_bits_zero.sixteen = (uint16_t)~seed;
    tls_bits.sign = -3;
    tls_bits_zero.forty = seed << 3 & UINT64_C(0xffffffffff);
    uint32_t low = (uint32_t)seed;
    tls_vector16_zero = tls_vector16 = (vector16){low, 1, low, 2};
    if (tls_cpu_has_avx()) {
        set_wide_vector(low);
    }
    own = own_zero = (uint8_t)(seed * 3);
}

static bool scalars_are_set(uint64_t seed) {
    bool is_right = true;
#define IS_SET(type, name, initial)                                                                \
    is_right &= tls_##name == (type)(seed % 100 + 1);                                              \
    is_right &= tls_##name##_zero == (type)(seed % 90 + 2);                                        \
    is_right &= tls_##name##_row[seed % ROW] == (type)(seed % 100 + 1);                            \
    is_right &= tls_##name##_zeros[(seed + 1) % ROW] == (type)(seed % 90 + 2);
    TLS_SCALARS(IS_SET)
#undef IS_SET
    return is_right;
}

static bool is_set(uint64_t seed) {
    bool is_right = scalars_are_set(seed);
#define IS_SET(alignment) is_right &= tls_aligned##alignment == (uint8_t)(seed + alignment);
    TLS_ALIGNMENTS(IS_SET)
#undef IS_SET
    is_right &= tls_bits.three == (seed & 7) && tls_bits.thirteen == (seed & 0x1fff);
    is_right &= tls_bits.sixteen == 40000 && tls_bits_zero.sixteen == (uint16_t)~seed;
    is_right &= tls_bits.sign == -3 && tls_bits.rest == 0x456789 && tls_bits_zero.rest == 0;
    is_right &= tls_bits_zero.forty == (seed << 3 & UINT64_C(0xffffffffff));
    uint32_t low = (uint32_t)seed;
    vector16 difference = tls_vector16 - tls_vector16_zero;
    is_right &= tls_vector16[0] == low && tls_vector16_zero[2] == low && tls_vector16[3] == 2;
    is_right &= (difference[0] | difference[1] | difference[2] | difference[3]) == 0;
    is_right &= !tls_cpu_has_avx() || is_wide_vector_set(low);
    return is_right && own == (uint8_t)(seed * 3) && own_zero == own;
}

/* ---- read-modify-write --------------------------------------------------------------------------
 */

static bool has_added(uint64_t seed) {
    bool is_right = true;
#define ADD(type, name, initial)                                                                   \
    tls_##name += 3;                                                                               \
    BARRIER();                                                                                     \
    is_right &= tls_##name == (type)((type)(seed % 100 + 1) + 3);                                  \
    tls_##name##_row[(seed + 2) % ROW]--;                                                          \
    BARRIER();                                                                                     \
    tls_##name##_row[(seed + 2) % ROW]++;                                                          \
    tls_##name -= 3;
    TLS_SCALARS(ADD)
#undef ADD
    return is_right;
}

/* LOCK ADD, LOCK OR, XADD, XCHG and CMPXCHG, right at the variable. */
static bool has_changed_atomically(uint64_t seed) {
    bool is_right = true;
#define CHANGE(type, name)                                                                         \
    {                                                                                              \
        type before = (type)(seed % 100 + 1), expected = 0;                                        \
        (void)__atomic_fetch_add(&tls_##name, 5, __ATOMIC_SEQ_CST);                                \
        is_right &= __atomic_fetch_sub(&tls_##name, 5, __ATOMIC_SEQ_CST) == (type)(before + 5);    \
        (void)__atomic_fetch_or(&tls_##name, 0x80, __ATOMIC_SEQ_CST);                              \
        is_right &= __atomic_fetch_and(&tls_##name, 0x7f, __ATOMIC_SEQ_CST) == (before | 0x80);    \
        is_right &= __atomic_exchange_n(&tls_##name, 9, __ATOMIC_SEQ_CST) == (before & 0x7f);      \
        is_right &= !__atomic_compare_exchange_n(&tls_##name, &expected, 1, false,                 \
                                                 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);              \
        is_right &= expected == 9;                                                                 \
        is_right &= __atomic_compare_exchange_n(&tls_##name, &expected, before, false,             \
                                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);               \
    }
    CHANGE(uint8_t, byte)
    CHANGE(uint16_t, half)
    CHANGE(uint32_t, word)
    CHANGE(uint64_t, wide)
#undef CHANGE
    return is_right;
}

__attribute__((target("cx16"), noinline)) static bool has_exchanged_widest(uint64_t seed) {
    unsigned __int128 before = seed % 100 + 1, high = (unsigned __int128)1 << 100;
    bool is_right = __sync_val_compare_and_swap(&tls_widest, before, high) == before;
    is_right &= __sync_val_compare_and_swap(&tls_widest, before, 1) == high;
    return is_right && __sync_bool_compare_and_swap(&tls_widest, high, before);
}

/* By an address that the compiler does not follow, and by functions that copy. */
static bool has_copied(uint64_t seed) {
    struct tls_block *place = &tls_block, copy;
    __asm__ volatile("" : "+r"(place));
    place->self = (uint8_t *)place;
    place->bytes[seed % sizeof place->bytes] = (uint8_t)(seed | 1);
    BARRIER();
    tls_block_zero = tls_block;
    BARRIER();
    copy = tls_block_zero;
    bool is_right = copy.self == (uint8_t *)&tls_block && tls_block.self == copy.self;
    is_right &= copy.bytes[seed % sizeof copy.bytes] == (uint8_t)(seed | 1) && copy.head == 6;
    tls_bits.sign++;
    tls_bits.rest ^= 0xff;
    BARRIER();
    is_right &=
        tls_bits.sign == -2 && tls_bits.rest == (0x456789 ^ 0xff) && tls_bits.sixteen == 40000;
    tls_bits.sign--;
    tls_bits.rest ^= 0xff;
    return is_right;
}

static bool has_modified(uint64_t seed) {
    own_calls++;
    bool is_right = has_added(seed) && has_changed_atomically(seed) && has_copied(seed);
    return is_right && (!tls_cpu_has_cmpxchg16b() || has_exchanged_widest(seed));
}

static uint8_t *place_of_byte(void) {
    return &tls_byte;
}

static uint8_t *place_of_own(void) {
    return &own;
}

const struct tls_access ACCESS = {.name = ACCESS_NAME,
                                  .is_fresh = is_fresh,
                                  .set = set,
                                  .is_set = is_set,
                                  .has_modified = has_modified,
                                  .places = {place_of_byte, place_of_own}};
