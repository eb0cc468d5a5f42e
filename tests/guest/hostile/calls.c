/* Calls for the hostile worker: every method of every interface, with parameters that fit. */
#include "tests/guest/hostile.h"

#define ARENA_BYTES UINT64_C(262144)
#define MESSAGE_WORDS 64u

static capos_cap_t memory, object, clone;
static uint64_t arena, stale_id;
static uint64_t message[MESSAGE_WORDS];

struct method {
    const char *grant;
    uint64_t root;
    uint16_t ordinal;
    uint16_t params_bytes;
    bool has_buffer;
};

#define METHOD(grant, NAME, M, name, m, has_buffer)                                                \
    {grant, CAPOS_##NAME##_##M##_PARAMS_ROOT, CAPOS_##NAME##_METHOD_##M,                           \
     sizeof(struct capos_##name##_##m##_params), has_buffer}

static const struct method methods[] = {
    METHOD("console", CONSOLE, WRITE, console, write, true),
    METHOD("console", CONSOLE, READ, console, read, true),
    METHOD("timer", TIMER, NOW, timer, now, false),
    METHOD("timer", TIMER, SLEEP, timer, sleep, false),
    METHOD("timer", TIMER, CLOCK_PAGE, timer, clock_page, false),
    METHOD("memory", VIRTUAL_MEMORY, MAP, virtual_memory, map, false),
    METHOD("memory", VIRTUAL_MEMORY, UNMAP, virtual_memory, unmap, false),
    METHOD("memory", VIRTUAL_MEMORY, PROTECT, virtual_memory, protect, false),
    METHOD("memory", VIRTUAL_MEMORY, RESERVE, virtual_memory, reserve, false),
    METHOD("memory", VIRTUAL_MEMORY, COMMIT, virtual_memory, commit, false),
    METHOD("memory", VIRTUAL_MEMORY, DECOMMIT, virtual_memory, decommit, false),
    METHOD("memory", VIRTUAL_MEMORY, QUERY, virtual_memory, query, false),
    METHOD("object", MEMORY_OBJECT, SIZE, memory_object, size, false),
    METHOD("object", MEMORY_OBJECT, MAP, memory_object, map, false),
    METHOD("object", MEMORY_OBJECT, UNMAP, memory_object, unmap, false),
    METHOD("thread-control", THREAD_CONTROL, GET_FS_BASE, thread_control, get_fs_base, false),
    METHOD("thread-control", THREAD_CONTROL, SET_FS_BASE, thread_control, set_fs_base, false),
    METHOD("thread-control", THREAD_CONTROL, YIELD, thread_control, yield, false),
    METHOD("signals", SIGNAL, SET_HANDLER, signal, set_handler, false),
    METHOD("signals", SIGNAL, SET_MASK, signal, set_mask, false),
    METHOD("signals", SIGNAL, END_CALL, signal, end_call, false),
    METHOD("entropy", ENTROPY_SOURCE, FILL, entropy_source, fill, true),
    METHOD("system-info", SYSTEM_INFO, GET, system_info, get, false),
    METHOD("process-info", PROCESS_INFO, GET, process_info, get, false),
    METHOD("thread-info", THREAD_INFO, GET, thread_info, get, false),
    METHOD("boot", BOOT_PACKAGE, COUNT, boot_package, count, false),
    METHOD("boot", BOOT_PACKAGE, SIZE, boot_package, size, false),
    METHOD("boot", BOOT_PACKAGE, NAME, boot_package, name, true),
    METHOD("boot", BOOT_PACKAGE, READ, boot_package, read, true),
};
#define METHOD_COUNT (sizeof methods / sizeof *methods)

void hostile_arena_open(void) {
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    capos_cap_t process_info = capos_lookup("process-info", CAPOS_PROCESS_INFO_INTERFACE);
    stale_id = process_info;
    capos_release(process_info);
    /* The clock page stays where it is first mapped: not in a hole of the arena. */
    uint64_t clock;
    capos_timer_clock_page(capos_lookup("timer", CAPOS_TIMER_INTERFACE), &clock);
    hostile_arena_mend();
}

/* Another object, a part of which stands in the arena and is shared with a clone. The mappings that
 * operations have made of the one before keep that, until its turn to be unmapped comes. */
static void renew_object(void) {
    const uint64_t protection = CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE;
    uint64_t half = ARENA_BYTES / 2, address;
    if (object != CAPOS_CAP_NONE) {
        capos_release(object);
        capos_release(clone);
    }
    if (capos_virtual_memory_create_object(memory, ARENA_BYTES, &object) != 0 ||
        capos_virtual_memory_unmap(memory, arena + half, half) != 0 ||
        capos_memory_object_map(object, arena + half, 0, half, protection, hostile_below(2),
                                &address) != 0) {
        capos_abort("the arena cannot have an object");
    }
    memset((void *)address, 1, half);
    if (capos_memory_object_clone(object, &clone) != 0) {
        capos_abort("the object cannot be cloned");
    }
}

/* Puts back what operations have unmapped or protected, so that the next ones get somewhere. */
void hostile_arena_mend(void) {
    const uint64_t protection = CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE;
    if (arena != 0) {
        capos_virtual_memory_unmap(memory, arena, ARENA_BYTES);
    }
    if (capos_virtual_memory_map(memory, arena, ARENA_BYTES, protection, &arena) != 0) {
        capos_abort("the arena cannot be mapped again");
    }
    renew_object();
}

uint64_t hostile_address(void) {
    switch (hostile_below(10)) {
    case 0:
        return hostile_random();
    case 1:
        return hostile_below(CAPOS_PAGE_SIZE);
    case 2:
        return UINT64_MAX - hostile_below(CAPOS_PAGE_SIZE);
    case 3:
        return UINT64_C(0xffffffff80000000) + hostile_below(UINT64_C(1) << 24);
    case 4:
        return (UINT64_C(1) << 47) - 64 + hostile_below(128);
    case 5:
        return (uintptr_t)capos_start_page + hostile_below(CAPOS_PAGE_SIZE);
    case 6:
        return arena + ARENA_BYTES - hostile_below(64);
    default:
        return arena + hostile_below(ARENA_BYTES);
    }
}

capos_cap_t hostile_capability(void) {
    uint64_t index = hostile_below(capos_start_page->capset_count);
    capos_cap_t held = capos_capset_entry((uint32_t)index)->id;
    switch (hostile_below(8)) {
    case 0:
        return hostile_random();
    case 1:
        return stale_id;
    case 2:
        return held ^ UINT64_C(1) << hostile_below(64);
    default:
        return held;
    }
}

/*
 * A range of the arena, now and then with a size that wraps or is no multiple of a page. Methods
 * that change mappings get no other addresses: what kills the worker by its own hand proves
 * nothing.
 */
static void make_range(uint64_t *address, uint64_t *size) {
    uint64_t page = hostile_below(ARENA_BYTES / CAPOS_PAGE_SIZE);
    *address = arena + page * CAPOS_PAGE_SIZE;
    *size = (1 + hostile_below(ARENA_BYTES / CAPOS_PAGE_SIZE - page)) * CAPOS_PAGE_SIZE;
    switch (hostile_below(12)) {
    case 0:
        *address += hostile_below(CAPOS_PAGE_SIZE);
        break;
    case 1:
        *size = UINT64_MAX - hostile_below(2 * CAPOS_PAGE_SIZE);
        break;
    case 2:
        *address |= UINT64_C(1) << (47 + hostile_below(17));
        break;
    default:
        break;
    }
}

/* Data words of a message whose method is known, after the root. */
static void fill_words(const struct method *method, uint64_t *words, uint32_t count,
                       struct capos_entry *entry) {
    for (uint32_t index = 0; index < count; index++) {
        words[index] = hostile_below(4) == 0 ? hostile_random() : hostile_below(8);
    }
    if (strcmp(method->grant, "memory") == 0 &&
        method->ordinal != CAPOS_VIRTUAL_MEMORY_METHOD_QUERY) {
        make_range(&words[0], &words[1]);
    } else if (strcmp(method->grant, "object") == 0 && count > 0) {
        make_range(&words[0], &words[1]);
        if (method->ordinal == CAPOS_MEMORY_OBJECT_METHOD_MAP) {
            words[2] = words[1];
            words[1] = hostile_below(16) * CAPOS_PAGE_SIZE;
        }
    } else if (strcmp(method->grant, "timer") == 0 && count > 0) {
        words[0] = hostile_deadline();
    } else if (strcmp(method->grant, "console") == 0 &&
               method->ordinal == CAPOS_CONSOLE_METHOD_WRITE) {
        /* never to the output, where the results go; and little, for nobody reads it */
        words[0] = 1 + hostile_below(hostile_below(2) == 0 ? 1 : 65534);
        entry->argument[2] &= 63;
        words[1] = UINT64_C(1) | UINT64_C(2) << 32 | entry->argument[2] << 35;
    }
}

void hostile_make_call(struct capos_entry *entry, enum hostile_call kind) {
    const struct method *method = &methods[hostile_below(METHOD_COUNT)];
    uint32_t bytes = method->params_bytes;
    entry->opcode = CAPOS_OP_CALL;
    bool is_object = strcmp(method->grant, "object") == 0;
    entry->capability = is_object ? object : capos_lookup(method->grant, 0);
    entry->method = method->ordinal;
    entry->length = bytes;
    entry->argument[0] = (uintptr_t)message;
    entry->argument[1] = method->has_buffer ? hostile_address() : 0;
    entry->argument[2] = method->has_buffer ? hostile_below(8192) : 0;
    entry->deadline_ns = hostile_deadline();
    message[0] = method->root;
    fill_words(method, message + 1, bytes / 8 - 1, entry);
    if (kind == HOSTILE_CALL_RIGHT) {
        return;
    }
    if (kind == HOSTILE_CALL_MUTATED) {
        message[hostile_below(bytes / 8)] ^= UINT64_C(1) << hostile_below(64);
        return;
    }
    entry->capability = hostile_capability();
    entry->method = (uint16_t)hostile_below(12);
    entry->length = (uint32_t)hostile_below(hostile_below(2) == 0 ? 64 : 8192);
    entry->argument[0] = hostile_address();
    entry->argument[1] = hostile_below(2) == 0 ? 0 : hostile_address();
    entry->argument[2] = hostile_below(2) == 0 ? 0 : hostile_random();
}
