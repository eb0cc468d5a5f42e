// grants: console,entropy

/* EntropySource: fills what it is given, with bytes that differ, up to its limit. */
#include "tests/guest/tap.h"

static uint8_t first[4096], second[4096], large[4097];

static unsigned count_bits(const uint8_t *bytes, size_t size) {
    unsigned total = 0;
    for (size_t index = 0; index < size; index++) {
        total += (unsigned)__builtin_popcount(bytes[index]);
    }
    return total;
}

int main(void) {
    capos_cap_t entropy = capos_lookup("entropy", CAPOS_ENTROPY_SOURCE_INTERFACE);
    uint64_t count = 0;
    CHECK_RESULT(capos_entropy_source_fill(entropy, first, sizeof first, &count), CAPOS_OK);
    CHECK_EQUAL(count, sizeof first);
    CHECK_RESULT(capos_entropy_source_fill(entropy, second, sizeof second, &count), CAPOS_OK);
    CHECK(memcmp(first, second, sizeof first) != 0);

    /* 32768 fair bits: mean 16384, standard deviation 90.5. Twelve deviations never happen. */
    unsigned ones = count_bits(first, sizeof first);
    CHECK(ones > 15300 && ones < 17470);

    memset(second, 0, sizeof second);
    CHECK_RESULT(capos_entropy_source_fill(entropy, second, 7, &count), CAPOS_OK);
    CHECK_EQUAL(count, 7);
    CHECK_EQUAL(count_bits(second + 7, sizeof second - 7), 0);

    int64_t result = capos_entropy_source_fill(entropy, large, sizeof large, &count);
    CHECK(result == CAPOS_E_TOO_LARGE || (result == 0 && count <= 4096));
    CHECK_RESULT(capos_entropy_source_fill(entropy, (void *)UINT64_C(8), 16, &count),
                 CAPOS_E_BAD_ADDRESS);

    /* the start page brings random bytes of its own */
    CHECK(count_bits(capos_start_page->random, sizeof capos_start_page->random) != 0);
    return tap_finish();
}
