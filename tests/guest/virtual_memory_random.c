// grants: console,memory

/*
 * Random operations on a region, against an array that says of each page what it should be. After
 * every hundred operations the whole region is asked for with query, run by run. The one argument
 * is another seed than the usual one.
 */
#include "tests/guest/tap.h"

#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)
#define READ CAPOS_PROTECTION_READ
#define WRITE CAPOS_PROTECTION_WRITE
#define EXECUTE CAPOS_PROTECTION_EXECUTE
#define LARGE CAPOS_PROTECTION_LARGE
#define REGION UINT64_C(0x500000000)

enum { BLOCK = 512, BLOCKS = 3, PAGES = BLOCK * BLOCKS }; /* a block may be a large page */
enum { STEPS = 10000, STEPS_BETWEEN_LOOKS = 100 };
enum { FREE, RESERVED, ANONYMOUS }; /* as enum capos_virtual_memory_kind has them */

struct page {
    uint32_t kind, protection;
    bool is_resident;
    uint64_t value; /* of its first word, if it is resident */
};

static capos_cap_t memory;
static struct page pages[PAGES];
static bool is_large[BLOCKS];
static uint64_t seed = 1, refused, touched, large_pages;

static uint64_t draw(uint64_t limit) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 33) % limit;
}

static uint64_t address_of(unsigned page) {
    return REGION + page * PAGE;
}

static uint32_t draw_protection(void) {
    static const uint32_t some[] = {
        0,
        LARGE,
        READ,
        READ | WRITE,
        READ | EXECUTE,
        READ | WRITE | LARGE,
        READ | WRITE | LARGE,
        READ | WRITE | LARGE,
    };
    return some[draw(sizeof some / sizeof *some)];
}

static bool all_are(unsigned first, unsigned count, uint32_t kind) {
    for (unsigned page = first; page < first + count; page++) {
        if (pages[page].kind != kind) {
            return false;
        }
    }
    return true;
}

static void set(unsigned first, unsigned count, uint32_t kind, uint32_t protection) {
    for (unsigned page = first; page < first + count; page++) {
        pages[page].kind = kind;
        pages[page].protection = protection;
    }
}

/* A change leaves those large pages that it covers whole, if it keeps them at all. */
static void split(unsigned first, unsigned count, bool keeps) {
    for (unsigned block = first / BLOCK; block * BLOCK < first + count; block++) {
        is_large[block] &= keeps && block * BLOCK >= first && (block + 1) * BLOCK <= first + count;
    }
}

static void empty(unsigned first, unsigned count) {
    split(first, count, false);
    for (unsigned page = first; page < first + count; page++) {
        pages[page].is_resident = false;
        pages[page].value = 0;
    }
}

/* True when the answer is what the array lets expect. */
static bool expect(int64_t result, bool is_right, int64_t refusal) {
    refused += !is_right;
    return result == (is_right ? CAPOS_OK : refusal);
}

static bool step_reserve(unsigned first, unsigned count) {
    uint64_t address = 0;
    bool is_free = all_are(first, count, FREE);
    int64_t result =
        capos_virtual_memory_reserve(memory, address_of(first), count * PAGE, &address);
    if (is_free) {
        set(first, count, RESERVED, 0);
    }
    return expect(result, is_free, CAPOS_E_EXISTS) && (!is_free || address == address_of(first));
}

static bool step_map(unsigned first, unsigned count) {
    uint64_t address = 0;
    uint32_t protection = draw_protection();
    bool is_free = all_are(first, count, FREE);
    int64_t result =
        capos_virtual_memory_map(memory, address_of(first), count * PAGE, protection, &address);
    if (is_free) {
        set(first, count, ANONYMOUS, protection);
    }
    return expect(result, is_free, CAPOS_E_EXISTS) && (!is_free || address == address_of(first));
}

static bool step_commit(unsigned first, unsigned count) {
    uint32_t protection = draw_protection();
    bool is_reserved = all_are(first, count, RESERVED);
    if (is_reserved) {
        set(first, count, ANONYMOUS, protection);
    }
    return expect(capos_virtual_memory_commit(memory, address_of(first), count * PAGE, protection),
                  is_reserved, CAPOS_E_BAD_ADDRESS);
}

static bool step_decommit(unsigned first, unsigned count) {
    bool is_anonymous = all_are(first, count, ANONYMOUS);
    if (is_anonymous) {
        empty(first, count);
    }
    return expect(capos_virtual_memory_decommit(memory, address_of(first), count * PAGE),
                  is_anonymous, CAPOS_E_BAD_ADDRESS);
}

static bool step_protect(unsigned first, unsigned count) {
    uint32_t protection = draw_protection();
    bool is_anonymous = all_are(first, count, ANONYMOUS);
    if (is_anonymous) {
        set(first, count, ANONYMOUS, protection);
        split(first, count, (protection & EXECUTE) == 0);
    }
    return expect(capos_virtual_memory_protect(memory, address_of(first), count * PAGE, protection),
                  is_anonymous, CAPOS_E_BAD_ADDRESS);
}

static bool step_unmap(unsigned first, unsigned count) {
    empty(first, count);
    set(first, count, FREE, 0);
    return capos_virtual_memory_unmap(memory, address_of(first), count * PAGE) == CAPOS_OK;
}

/* Whether a page that is touched now may bring its whole block in. */
static bool may_be_large(unsigned page) {
    unsigned first = page / BLOCK * BLOCK;
    for (unsigned other = first; other < first + BLOCK; other++) {
        if (pages[other].kind != ANONYMOUS || pages[other].is_resident ||
            pages[other].protection != pages[page].protection) {
            return false;
        }
    }
    return (pages[page].protection & (LARGE | EXECUTE)) == LARGE;
}

/* The kernel has the choice; we ask what it was. */
static void bring_in(unsigned page) {
    struct capos_virtual_memory_query_results run = {0};
    unsigned first = page, end = page + 1;
    if (may_be_large(page)) {
        (void)*(volatile uint64_t *)address_of(page);
        (void)capos_virtual_memory_query(memory, address_of(page), &run);
        if (run.page_size == BLOCK * PAGE) {
            is_large[page / BLOCK] = true;
            large_pages++;
            first = page / BLOCK * BLOCK;
            end = first + BLOCK;
        }
    }
    for (unsigned each = first; each < end; each++) {
        pages[each].is_resident = true;
    }
}

/* Reads what should be there, and writes something new where that is allowed. */
static bool step_touch(unsigned first, unsigned count) {
    bool is_right = true;
    for (unsigned page = first; page < first + count; page++) {
        volatile uint64_t *word = (volatile uint64_t *)address_of(page);
        if ((pages[page].protection & READ) == 0) {
            continue;
        }
        if (!pages[page].is_resident) {
            bring_in(page);
        }
        is_right &= *word == pages[page].value;
        if ((pages[page].protection & WRITE) != 0) {
            *word = pages[page].value = ++touched;
        }
    }
    return is_right;
}

/* A whole block that may become a large page, until other steps take parts of it. */
static bool step_renew(unsigned block) {
    unsigned first = block * BLOCK;
    uint64_t address = 0;
    bool is_right = step_unmap(first, BLOCK);
    set(first, BLOCK, ANONYMOUS, READ | WRITE | LARGE);
    is_right &= capos_virtual_memory_map(memory, address_of(first), BLOCK * PAGE,
                                         READ | WRITE | LARGE, &address) == CAPOS_OK;
    return is_right && step_touch(first + (unsigned)draw(BLOCK), 1);
}

typedef bool step_function(unsigned first, unsigned count);

/* One of five for each kind of page, or any of them. */
static step_function *draw_step(uint32_t kind) {
    static step_function *const steps[][5] = {
        [FREE] = {step_reserve, step_reserve, step_map, step_map, step_unmap},
        [RESERVED] = {step_commit, step_commit, step_commit, step_commit, step_unmap},
        [ANONYMOUS] = {step_touch, step_touch, step_protect, step_decommit, step_unmap},
    };
    return steps[draw(5) == 0 ? draw(3) : kind][draw(5)];
}

static bool step(void) {
    unsigned first = (unsigned)draw(PAGES), most = draw(16) == 0 ? PAGES : 24;
    most = most < PAGES - first ? most : PAGES - first;
    unsigned count = 1 + (unsigned)draw(most);
    if (draw(32) == 0) {
        return step_renew(first / BLOCK);
    }
    if (draw(5) != 0) { /* as far as it is all of one kind */
        while (!all_are(first, count, pages[first].kind)) {
            count--;
        }
    }
    return draw_step(pages[first].kind)(first, count);
}

static bool is_one_run(unsigned left, unsigned right) {
    return pages[left].kind == pages[right].kind &&
           pages[left].protection == pages[right].protection;
}

/* Compares the run at a page with what query says; the next page behind it. */
static unsigned look_at_run(unsigned page, bool *is_right) {
    struct capos_virtual_memory_query_results run = {.kind = 99};
    unsigned first = page, end = page + 1, resident = 0;
    while (first > 0 && is_one_run(first - 1, first)) {
        first--;
    }
    while (end < PAGES && is_one_run(end - 1, end)) {
        end++;
    }
    for (unsigned inside = first; inside < end; inside++) {
        resident += pages[inside].is_resident;
    }
    (void)capos_virtual_memory_query(memory, address_of(page), &run);
    bool is_free = pages[page].kind == FREE;
    uint64_t run_end = run.start + run.size;
    bool begins = run.start == address_of(first) || (is_free && first == 0);
    bool ends = run_end == address_of(end) || (is_free && end == PAGES);
    *is_right &= begins && ends && run.kind == pages[page].kind &&
                 run.protection == pages[page].protection && run.resident_pages == resident &&
                 run.committed == (pages[page].kind == ANONYMOUS) &&
                 run.page_size == (is_large[page / BLOCK] ? BLOCK * PAGE : PAGE);
    return end;
}

static bool look(void) {
    bool is_right = true;
    for (unsigned page = 0; page < PAGES;) {
        unsigned end = look_at_run(page, &is_right);
        (void)look_at_run(page + (unsigned)draw(end - page), &is_right);
        page = end;
    }
    return is_right;
}

int main(int argc, char **argv) {
    long long wanted = 0;
    if (argc > 1 && capos_parse_integer(argv[1], &wanted)) {
        seed = (uint64_t)wanted;
    }
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    bool is_right = true;
    unsigned done = 0;
    for (; is_right && done < STEPS; done++) {
        is_right = step() && (done % STEPS_BETWEEN_LOOKS != 0 || look());
    }
    if (!tap_report(is_right && look(), "the kernel and the array agree")) {
        capos_printf("# step %u, %lu refused, %lu touched, %lu large\n", done, refused, touched,
                     large_pages);
    }
    CHECK(refused > STEPS / 10 && refused < STEPS / 2);
    CHECK(touched > STEPS / 10);
    CHECK(large_pages > STEPS / 100);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, REGION, PAGES * PAGE), CAPOS_OK);
    return tap_finish();
}
