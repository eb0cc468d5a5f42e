#include "shapes.h"

uint64_t low_calls;

uint64_t low_double(uint64_t value) {
    low_calls++;
    return 2 * value;
}

uint64_t low_apply(uint64_t (*function)(uint64_t), uint64_t value) {
    low_calls++;
    return function(function(value));
}
