/* One of the processes that share a job: share INDEX COUNT. */
#include <capos/capos.h>

#include "bench/both/primes.h"

int main(int argc, char **argv) {
    if (argc != 3) {
        return -1;
    }
    const uint32_t index = (uint32_t)(argv[1][0] - '0'), count = (uint32_t)(argv[2][0] - '0');
    return (int)primes_share(index, count);
}
