// grants: console,threads,thread-control,memory,park
// stdout: 9592 primes below 100000, counted by 4 threads

/*
 * Threads in C++: an object is a thread that is waited for when the object ends, another one holds
 * a mutex as long as it is in scope. It counts what demos/c/threads counts.
 */
#include <capos/capos.h>

namespace {

constexpr unsigned THREADS = 4, LIMIT = 100000, BLOCK = 1000;

class Mutex {
  public:
    // Runs the function while nobody else does.
    template <typename Function> auto with(Function function) {
        Holder holder(state);
        return function();
    }

  private:
    class Holder {
      public:
        explicit Holder(struct capos_mutex &state) : state(state) {
            capos_mutex_lock(&state);
        }
        ~Holder() {
            capos_mutex_unlock(&state);
        }

      private:
        struct capos_mutex &state;
    };

    struct capos_mutex state = {};
};

// Runs a function that belongs to an object of the caller, until that ends at the latest.
template <typename Function> class Thread {
  public:
    Thread(const char *name, Function &function) {
        struct capos_thread_options options = {};
        options.name = name;
        int64_t result = capos_thread_create(&thread, &options, run, &function);
        if (result != CAPOS_OK) {
            capos_abort(capos_error_name(result));
        }
    }
    Thread(const Thread &) = delete;
    ~Thread() {
        (void)capos_thread_wait(&thread, nullptr);
    }

  private:
    static int64_t run(void *function) {
        (*static_cast<Function *>(function))();
        return 0;
    }

    struct capos_thread thread;
};

bool is_prime(unsigned number) {
    for (unsigned factor = 2; factor * factor <= number; factor++) {
        if (number % factor == 0) {
            return false;
        }
    }
    return number > 1;
}

unsigned count_primes() {
    Mutex mutex; // guards the next two
    unsigned next_block = 0, primes = 0;
    auto count = [&] {
        unsigned found = 0;
        for (;;) {
            unsigned first = mutex.with([&] {
                primes += found;
                return (next_block += BLOCK) - BLOCK;
            });
            if (first >= LIMIT) {
                return;
            }
            found = 0;
            for (unsigned number = first; number < first + BLOCK; number++) {
                found += is_prime(number) ? 1 : 0;
            }
        }
    };
    {
        Thread ada("Ada", count), bob("Bob", count), eve("Eve", count), kim("Kim", count);
    }
    return primes;
}

} // namespace

int main() {
    capos_printf("%u primes below %u, counted by %u threads\n", count_primes(), LIMIT, THREADS);
    return 0;
}
