// grants: console,timer
// stdout: 3 moments, a millisecond apart
// stdout: afterwards its id is stale: badCapability

/*
 * A capability as an object: whoever has it may pass it on, and it is released with its last owner.
 */
#include <capos/capos.h>

namespace {

class Owned {
  public:
    explicit Owned(capos_cap_t id) : id(id) {
    }
    Owned(Owned &&other) noexcept : id(other.id) {
        other.id = CAPOS_CAP_NONE;
    }
    Owned(const Owned &) = delete;
    ~Owned() {
        if (id != CAPOS_CAP_NONE) {
            (void)capos_release(id);
        }
    }
    capos_cap_t get() const {
        return id;
    }

  private:
    capos_cap_t id;
};

constexpr uint64_t MILLISECOND_NS = 1000000;

Owned begin_interval(capos_cap_t timer) {
    uint64_t now_ns = 0, interval = CAPOS_CAP_NONE;
    int64_t result = capos_timer_now(timer, &now_ns);
    if (result == CAPOS_OK) {
        result = capos_timer_interval(timer, now_ns, MILLISECOND_NS, &interval);
    }
    if (result != CAPOS_OK) {
        capos_abort(capos_error_name(result));
    }
    return Owned(interval);
}

// The interval is the function's own, and ends with it.
uint64_t count_moments(Owned interval, uint64_t wanted) {
    uint64_t count = 0;
    while (count < wanted) {
        uint64_t passed = 0;
        if (capos_interval_timer_wait(interval.get(), &passed) != CAPOS_OK) {
            break;
        }
        // A reader who is late is told of several at once.
        count = count + passed < wanted ? count + passed : wanted;
    }
    return count;
}

} // namespace

int main() {
    Owned interval = begin_interval(capos_lookup("timer", CAPOS_TIMER_INTERFACE));
    capos_cap_t id = interval.get();
    uint64_t count = count_moments(static_cast<Owned &&>(interval), 3);
    capos_printf("%lu moments, a millisecond apart\n", count);
    uint64_t passed = 0;
    capos_printf("afterwards its id is stale: %s\n",
                 capos_error_name(capos_interval_timer_wait(id, &passed)));
    return 0;
}
