#include "core/upcall_frame.h"

#include "tests/host/test.h"

#define USER_HIGH UINT64_C(0x7ffffffff000)
#define FLAGS_MASK UINT64_C(0x244dd5)
#define FLAGS_FIXED UINT64_C(0x202)
#define ROUNDS 100000

/* x87, SSE and AVX, as QEMU has them; all that the kernel turns on; FXSAVE alone; and the largest
 * area that a thread has room for. */
static const struct upcall_machine machines[] = {
    {USER_HIGH, 0x7, 0xffff, 832, FLAGS_MASK, FLAGS_FIXED},
    {USER_HIGH, 0xe7, 0x2ffff, 2696, FLAGS_MASK, FLAGS_FIXED},
    {USER_HIGH, 0, 0xffbf, 512, FLAGS_MASK, FLAGS_FIXED},
    {USER_HIGH, 0xe7, 0xffff, 3840, FLAGS_MASK, FLAGS_FIXED},
};
#define LARGEST 3
#define MACHINES (sizeof machines / sizeof *machines)

static uint64_t any_address(void) {
    switch (test_random_below(4)) {
    case 0:
        return test_random();
    case 1:
        return test_random_below(16384);
    case 2:
        return USER_HIGH - 8192 + test_random_below(16384);
    default:
        return test_random_below(USER_HIGH);
    }
}

/* What the contract says of a place, in its own words. */
static void check_place(const struct upcall_machine *machine, const struct upcall_stack *stack,
                        uint64_t rsp, uint64_t frame) {
    uint64_t bytes = upcall_frame_bytes(machine);
    uint64_t end = frame + bytes, return_address = frame - 8;
    CHECK_EQUAL(frame % 64, 0);
    CHECK_EQUAL((return_address + 8) % 16, 0); /* as after a CALL (psABI, 3.2.2) */
    CHECK(return_address < frame && frame < end && end <= USER_HIGH);
    CHECK_EQUAL(return_address / 4096, (end - 1) / 4096);
    uint64_t limit = rsp - 128;
    if (stack->size_bytes != 0) {
        uint64_t high = stack->low + stack->size_bytes;
        CHECK(return_address >= stack->low && end <= high);
        limit = rsp > stack->low && rsp <= high ? limit : high;
    }
    CHECK(end <= limit);
    /* not lower than it must be: 64 bytes up it would be over the limit, or in two pages */
    CHECK(end + 64 > limit || (return_address + 64) / 4096 != (end + 63) / 4096);
}

TEST(frames_are_placed_as_promised) {
    unsigned placed = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const struct upcall_machine *machine = &machines[i % MACHINES];
        struct upcall_stack stack = {0};
        if (test_random_below(4) != 0) {
            stack.size_bytes = CAPOS_UPCALL_STACK_MIN + test_random_below(65536);
            stack.low = 4096 + test_random_below(USER_HIGH - 4096 - stack.size_bytes + 1);
        }
        uint64_t rsp = any_address(), frame = 1;
        if (test_random_below(3) == 0) {
            rsp = stack.low + test_random_below(stack.size_bytes + 2);
        }
        status_t status = upcall_frame_place(machine, &stack, rsp, &frame);
        if (status == CAPOS_OK) {
            check_place(machine, &stack, rsp, frame);
            placed++;
        } else {
            CHECK_EQUAL(status, CAPOS_E_BAD_ADDRESS);
            CHECK_EQUAL(frame, 1);
        }
    }
    CHECK(placed > ROUNDS / 4);
}

/* A fresh alternate stack of the smallest size always has room, and a handler's own part too. */
TEST(the_smallest_stack_serves_every_machine) {
    for (size_t i = 0; i < MACHINES; i++) {
        for (uint64_t low = 4096; low <= 8192; low++) {
            const struct upcall_stack stack = {low, CAPOS_UPCALL_STACK_MIN};
            uint64_t frame;
            CHECK_EQUAL(upcall_frame_place(&machines[i], &stack, 0, &frame), CAPOS_OK);
            check_place(&machines[i], &stack, 0, frame);
            CHECK(frame - low > (i == LARGEST ? 8 : 2048));
        }
    }
}

TEST(what_has_no_room_is_refused) {
    const struct upcall_machine *machine = &machines[0];
    const struct upcall_stack none = {0}, stack = {0x10000, 8192};
    /* 832 bytes of area and 192 before them end at a multiple of 64, as the stack begins at one. */
    uint64_t needed = upcall_frame_bytes(machine) + 128 + 64, frame = 1;
    const struct {
        const struct upcall_stack *stack;
        uint64_t rsp;
        bool has_room;
    } cases[] = {
        {&none, 8192 + 128, true},
        {&none, 8192 + 127, false},
        {&none, 0, false},
        {&none, 127, false},
        {&none, 128, false},
        {&none, USER_HIGH + 128, true},
        {&none, USER_HIGH + 129, false},
        {&none, UINT64_MAX, false},
        {&stack, UINT64_MAX, true},
        {&stack, 0, true},
        {&stack, stack.low, true}, /* just below it: a fresh start from its top */
        {&stack, stack.low + 1, false},
        {&stack, stack.low + needed - 1, false},
        {&stack, stack.low + needed, true},
        {&stack, stack.low + 8192, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        status_t status = upcall_frame_place(machine, cases[i].stack, cases[i].rsp, &frame);
        CHECK_EQUAL(status, cases[i].has_room ? CAPOS_OK : CAPOS_E_BAD_ADDRESS);
    }
}

TEST(a_stack_pointer_at_the_very_top_is_on_the_stack) {
    const struct upcall_stack stack = {0x10000, 8192};
    uint64_t top = stack.low + stack.size_bytes, fresh, below;
    CHECK_EQUAL(upcall_frame_place(&machines[0], &stack, top + 1, &fresh), CAPOS_OK);
    CHECK_EQUAL(upcall_frame_place(&machines[0], &stack, top, &below), CAPOS_OK);
    CHECK_EQUAL(fresh - below, 128);
}

/* A frame with its area, as the kernel's copy of it is. */
union image {
    struct capos_upcall_frame frame;
    uint8_t bytes[sizeof(struct capos_upcall_frame) + 3840];
};

static void set_area_word(union image *image, size_t offset, uint64_t word) {
    memcpy(image->bytes + sizeof image->frame + offset, &word, sizeof word);
}

/* A sound frame that is random wherever it may be. */
static void fill_sound(union image *image, const struct upcall_machine *machine) {
    for (size_t i = 0; i < sizeof *image; i++) {
        image->bytes[i] = (uint8_t)test_random();
    }
    image->frame.rip = test_random_below(USER_HIGH);
    image->frame.rsp = test_random_below(USER_HIGH);
    image->frame.fs_base = test_random_below(USER_HIGH);
    image->frame.mask = (uint32_t)test_random_below(4);
    image->frame.flags = (uint32_t)test_random_below(2);
    image->frame.size = upcall_frame_bytes(machine);
    uint64_t mxcsr_and_mask = test_random() & (UINT64_C(0xffffffff00000000) | machine->mxcsr_mask);
    set_area_word(image, 24, mxcsr_and_mask);
    if (machine->components != 0) {
        set_area_word(image, 512, test_random() & machine->components);
        for (size_t word = 1; word < 8; word++) {
            set_area_word(image, 512 + 8 * word, 0);
        }
    }
}

static uint64_t bit_outside(uint64_t mask) {
    uint64_t bit;
    do {
        bit = UINT64_C(1) << test_random_below(64);
    } while ((bit & mask) != 0);
    return bit;
}

/* Spoils one field, one bit of it where a bit is enough, and says what upcall_frame_flaw must. */
static const char *spoil(union image *image, const struct upcall_machine *machine) {
    uint64_t bad_address = USER_HIGH + (test_random() >> test_random_below(64)) / 2;
    uint64_t word;
    switch (test_random_below(machine->components != 0 ? 9 : 7)) {
    case 0:
        image->frame.size ^= 1u << test_random_below(32);
        return "size";
    case 1:
        image->frame.rip = bad_address;
        return "RIP";
    case 2:
        image->frame.rsp = bad_address;
        return "RSP";
    case 3:
        image->frame.fs_base = bad_address;
        return "FS base";
    case 4:
        image->frame.mask |= 4u << test_random_below(30);
        return "mask";
    case 5:
        image->frame.flags |= 2u << test_random_below(31);
        return "flags";
    case 6:
        memcpy(&word, image->frame.xsave + 24, sizeof word);
        set_area_word(image, 24,
                      word | (uint32_t)bit_outside(machine->mxcsr_mask | ~UINT64_C(0) << 32));
        return "MXCSR";
    case 7:
        memcpy(&word, image->frame.xsave + 512, sizeof word);
        set_area_word(image, 512, word | bit_outside(machine->components));
        return "XSTATE_BV";
    default:
        set_area_word(image, 520 + 8 * test_random_below(7), bit_outside(0));
        return "XSAVE header";
    }
}

TEST(sound_frames_pass_and_spoilt_ones_do_not) {
    for (unsigned i = 0; i < ROUNDS; i++) {
        const struct upcall_machine *machine = &machines[i % MACHINES];
        union image image;
        fill_sound(&image, machine);
        CHECK(upcall_frame_flaw(machine, &image.frame) == NULL);
        const char *wanted = spoil(&image, machine);
        const char *found = upcall_frame_flaw(machine, &image.frame);
        CHECK(found != NULL);
        CHECK_STRING(found, wanted);
    }
}

TEST(flags_of_the_kernel_are_not_the_programs) {
    for (unsigned i = 0; i < ROUNDS; i++) {
        union image image = {.frame.rflags = test_random()};
        uint64_t flags = upcall_frame_rflags(&machines[0], &image.frame);
        CHECK_EQUAL(flags & FLAGS_MASK, image.frame.rflags & FLAGS_MASK);
        CHECK_EQUAL(flags & ~FLAGS_MASK, FLAGS_FIXED);
    }
}
