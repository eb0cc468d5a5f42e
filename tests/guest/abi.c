// grants: console,timer
// args: one "two
// cpus: any

/* What a process is born with: start page, stack, auxiliary vector, clean CPU state; and which
 * registers a system call keeps. */
#include "tests/guest/tap.h"

/* The gABI's auxiliary vector; only what this test reads. */
enum { AUX_NULL = 0, AUX_PROGRAM_HEADERS = 3, AUX_PAGE_SIZE = 6, AUX_RANDOM = 25 };

static const uint64_t *aux_find(char **envp, uint64_t type) {
    while (*envp != NULL) {
        envp++;
    }
    const uint64_t *aux = (const uint64_t *)(envp + 1);
    while (aux[0] != AUX_NULL && aux[0] != type) {
        aux += 2;
    }
    return aux[0] == type ? aux + 1 : NULL;
}

static void test_start_page(int argc) {
    const struct capos_start *start = capos_start_page;
    CHECK_EQUAL(start->abi_version, CAPOS_ABI_VERSION);
    CHECK((uintptr_t)start % CAPOS_PAGE_SIZE == 0);
    CHECK(start->size >= sizeof *start && start->size <= CAPOS_START_BYTES_MAX);
    CHECK_EQUAL(start->argument_count, argc);
    CHECK_EQUAL(start->capset_count, 2);
    CHECK(start->capset_offset + start->capset_count * sizeof(struct capos_capset_entry) <=
          start->size);
    for (uint32_t index = 0; index < start->capset_count; index++) {
        const struct capos_capset_entry *entry = capos_capset_entry(index);
        CHECK(entry->name_offset + entry->name_length < start->size);
        CHECK_EQUAL(strlen(capos_capset_name(index)), entry->name_length);
        CHECK(entry->id >> 32 != 0); /* a generation: 0 is never an id */
    }
    CHECK_EQUAL(start->page_size, CAPOS_PAGE_SIZE);
    CHECK(start->xsave_size >= 576); /* legacy area and header: SDM volume 1, section 13.4 */
    CHECK_EQUAL(start->address_bits, 47);
    CHECK_EQUAL(start->ring % CAPOS_PAGE_SIZE, 0);
    uint64_t here = (uintptr_t)test_start_page;
    CHECK(here >= start->image_low && here < start->image_high);
    CHECK(start->program_headers >= start->image_low && start->program_header_count > 0);
    uint64_t ones = 0;
    for (size_t index = 0; index < sizeof start->random; index++) {
        ones += (uint64_t)__builtin_popcount(start->random[index]);
    }
    CHECK(ones > 64 && ones < 192);
}

static void test_stack(char **argv, char **envp) {
    const struct capos_start *start = capos_start_page;
    uint64_t here = (uintptr_t)__builtin_frame_address(0);
    CHECK(here > start->stack_low && here < start->stack_high);
    CHECK_EQUAL(here % 16, 0); /* a frame pointer is 16 below an aligned return address */
    CHECK((uintptr_t)argv > here && (uintptr_t)argv < start->stack_high);
    CHECK_EQUAL((uintptr_t)(argv - 1) % 16, 0); /* argc stands where RSP pointed */
    const uint64_t *page_size = aux_find(envp, AUX_PAGE_SIZE);
    CHECK(page_size != NULL && *page_size == CAPOS_PAGE_SIZE);
    const uint64_t *own = aux_find(envp, CAPOS_AT_START);
    CHECK(own != NULL && *own == (uintptr_t)start);
    const uint64_t *random = aux_find(envp, AUX_RANDOM);
    CHECK(random != NULL && *random != 0);
    const uint64_t *headers = aux_find(envp, AUX_PROGRAM_HEADERS);
    CHECK(headers != NULL && *headers == start->program_headers);
}

/* The frame pointers lead through _start to a null one. */
static void test_backtrace_ends(void) {
    const uint64_t *frame = __builtin_frame_address(0);
    unsigned depth = 0;
    while (frame[0] != 0 && depth < 16) {
        frame = (const uint64_t *)frame[0];
        depth++;
    }
    CHECK(depth >= 2 && depth < 16);
    CHECK_EQUAL(frame[1], 0);
}

/* Fills the registers that a system call keeps, makes one, and counts which have changed. */
static unsigned count_changed_registers(void) {
    unsigned changed = 0;
    __asm__ volatile("pushq %%rbp\n"
                     "movq $1, %%rdi\n shlq $63, %%rdi\n"
                     "movq $0x1111, %%rsi\n movq $0x2222, %%rbx\n movq $0x3333, %%rbp\n"
                     "movq $0x4444, %%r8\n movq $-1, %%r9\n movq $0x6666, %%r10\n"
                     "movq $0x7777, %%r12\n movq $0x8888, %%r13\n movq $0x9999, %%r14\n"
                     "movq $0xaaaa, %%r15\n xorl %%edx, %%edx\n xorl %%eax, %%eax\n"
                     "syscall\n"
                     "xorl %%eax, %%eax\n"
                     ".macro expect value, register\n"
                     "cmpq $\\value, \\register\n je 1f\n incl %%eax\n1:\n"
                     ".endm\n"
                     "expect 0x1111, %%rsi\n expect 0x2222, %%rbx\n expect 0x3333, %%rbp\n"
                     "expect 0x4444, %%r8\n expect -1, %%r9\n expect 0x6666, %%r10\n"
                     "expect 0x7777, %%r12\n expect 0x8888, %%r13\n expect 0x9999, %%r14\n"
                     "expect 0xaaaa, %%r15\n"
                     "btrq $63, %%rdi\n testq %%rdi, %%rdi\n je 1f\n incl %%eax\n1:\n"
                     "popq %%rbp"
                     : "=&a"(changed)
                     :
                     : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
                       "r14", "r15", "cc", "memory");
    return changed;
}

int main(int argc, char **argv, char **envp) {
    CHECK_EQUAL(argc, 3);
    CHECK(strcmp(argv[1], "one") == 0 && strcmp(argv[2], "\"two") == 0 && argv[3] == NULL);
    test_start_page(argc);
    test_stack(argv, envp);
    test_backtrace_ends();
    CHECK_EQUAL(count_changed_registers(), 0);
    return tap_finish();
}
