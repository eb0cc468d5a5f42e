// grants: console,threads,thread-control,memory,park
// stdout: 9592 primes below 100000, counted by 4 threads

/*
 * Threads: four of them share out a range of numbers in blocks, and each counts the primes of its
 * blocks in a variable of its own.
 */
#include <capos/capos.h>

#define THREADS 4
#define LIMIT 100000u
#define BLOCK 1000u

static struct capos_mutex mutex; /* guards next_block */
static unsigned next_block;

static _Thread_local unsigned found; /* each thread has one */

static bool is_prime(unsigned number) {
    for (unsigned factor = 2; factor * factor <= number; factor++) {
        if (number % factor == 0) {
            return false;
        }
    }
    return number > 1;
}

static bool take_block(unsigned *first) {
    capos_mutex_lock(&mutex);
    *first = next_block;
    next_block += BLOCK;
    capos_mutex_unlock(&mutex);
    return *first < LIMIT;
}

static int64_t count(void *argument) {
    unsigned first, blocks = 0;
    while (take_block(&first)) {
        for (unsigned number = first; number < first + BLOCK; number++) {
            found += is_prime(number);
        }
        blocks++;
    }
    capos_printf("%s took %u blocks\n", (const char *)argument, blocks);
    return found;
}

int main(void) {
    static const char *const names[THREADS] = {"Ada", "Bob", "Eve", "Kim"};
    struct capos_thread threads[THREADS];
    int64_t primes = 0, part = 0;
    for (unsigned index = 0; index < THREADS; index++) {
        const struct capos_thread_options options = {.name = names[index]};
        int64_t result =
            capos_thread_create(&threads[index], &options, count, (void *)(uintptr_t)names[index]);
        if (result != CAPOS_OK) {
            capos_printf_error("no thread: %s\n", capos_error_name(result));
            return 1;
        }
    }
    for (unsigned index = 0; index < THREADS; index++) {
        if (capos_thread_wait(&threads[index], &part) != CAPOS_OK) {
            return 1;
        }
        primes += part;
    }
    capos_printf("%ld primes below %u, counted by %d threads\n", primes, LIMIT, THREADS);
    return 0;
}
