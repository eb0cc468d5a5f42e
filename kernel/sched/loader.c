#include "kernel/sched/loader.h"

#include "core/tls_layout.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/boot/package.h"
#include "kernel/cap/entropy.h"

#define STACK_BYTES_DEFAULT (UINT64_C(1) << 20)
#define STACK_GUARD_BYTES (UINT64_C(1) << 20)
#define STACK_HIGH (USER_HIGH - PAGE_SIZE)

/* Auxiliary vector (System V ABI for x86-64, 3.4.3; Linux's numbers). */
enum {
    AT_NULL = 0,
    AT_PHDR = 3,
    AT_PHENT = 4,
    AT_PHNUM = 5,
    AT_PAGESZ = 6,
    AT_ENTRY = 9,
    AT_RANDOM = 25
};
#define PROGRAM_HEADER_BYTES 56u

struct loader {
    struct process *process;
    const struct loader_request *request;
    uint64_t start_page; /* address of struct capos_start */
    uint64_t stack_pointer;
    uint64_t random_address; /* of 16 random bytes for AT_RANDOM */
};

/* Between two pages. An image may have gigabytes in its file: interrupts come in after each page
 * table. */
static void pause_at(uint64_t address) {
    if (address % paging_span(1) == 0) {
        cpu_interrupt_window(); /* nothing of ours is locked or half done */
    }
}

/* Writes into pages of the process whatever their protection, bringing them in. */
static status_t write_bytes(struct process *process, uint64_t address, const void *source,
                            uint64_t size) {
    const uint8_t *from = source;
    while (size > 0) {
        paddr_t frame;
        status_t status = space_touch(&process->space, address, &frame);
        if (status != CAPOS_OK) {
            return status;
        }
        uint64_t offset = address % PAGE_SIZE;
        uint64_t step = PAGE_SIZE - offset < size ? PAGE_SIZE - offset : size;
        memcpy((uint8_t *)direct_map(frame) + offset, from, step);
        address += step;
        from += step;
        size -= step;
        pause_at(address);
    }
    return CAPOS_OK;
}

/* Pages of the file that hold nothing but file contents stand in the process as they are. */
static status_t map_file_pages(struct process *process, const uint8_t *file,
                               const struct elf_segment *segment, uint64_t *mapped_to) {
    uint64_t page = align_down(segment->address, PAGE_SIZE);
    uint64_t end = align_down(segment->address + segment->file_size, PAGE_SIZE);
    const uint8_t *from = file + segment->file_offset - (segment->address - page);
    for (; page < end; page += PAGE_SIZE, from += PAGE_SIZE) {
        status_t status = space_map_frame(&process->space, page, package_paddr(from),
                                          segment->protection | PROTECT_READ, false);
        if (status != CAPOS_OK) {
            return status;
        }
        pause_at(page);
    }
    *mapped_to = page;
    return CAPOS_OK;
}

static status_t load_segment(struct process *process, const uint8_t *file,
                             const struct elf_segment *segment) {
    uint64_t low = align_down(segment->address, PAGE_SIZE);
    uint64_t high = align_up(segment->address + segment->size, PAGE_SIZE);
    bool is_shared = (segment->protection & ELF_WRITE) == 0;
    uint64_t address;
    status_t status =
        space_map(&process->space, low, high - low, SPACE_IMAGE, segment->protection | PROTECT_READ,
                  is_shared ? SPACE_TAG_BORROWED : 0, &address);
    uint64_t copy_from = segment->address;
    if (status == CAPOS_OK && is_shared) {
        status = map_file_pages(process, file, segment, &copy_from);
        copy_from = copy_from < segment->address ? segment->address : copy_from;
    }
    uint64_t file_end = segment->address + segment->file_size;
    if (status == CAPOS_OK && copy_from < file_end) {
        status = write_bytes(process, copy_from,
                             file + segment->file_offset + (copy_from - segment->address),
                             file_end - copy_from);
    }
    return status;
}

/* The first thread's TLS block and TCB, in pages of their own. */
static status_t load_tls(struct loader *loader) {
    struct process *process = loader->process;
    const struct elf_image *image = loader->request->image;
    struct tls_layout layout;
    status_t status = tls_layout_compute(image->tls_size, image->tls_align, &layout);
    if (status != CAPOS_OK) {
        return status;
    }
    uint64_t base;
    status = space_map(&process->space, 0, align_up(layout.total, PAGE_SIZE), SPACE_IMAGE,
                       PROTECT_READ | PROTECT_WRITE, 0, &base);
    if (status == CAPOS_OK) {
        status = write_bytes(process, base + layout.block_offset,
                             loader->request->file + image->tls_file_offset, image->tls_file_size);
    }
    uint64_t pointer = base + layout.pointer_offset;
    uint64_t guard;
    entropy_fill(&guard, sizeof guard);
    guard &= ~UINT64_C(0xff); /* a string function stops at its first byte */
    if (status == CAPOS_OK) {
        status = write_bytes(process, pointer, &pointer, sizeof pointer);
    }
    if (status == CAPOS_OK) {
        status = write_bytes(process, pointer + TLS_TCB_GUARD_OFFSET, &guard, sizeof guard);
    }
    process->first_thread->fs_base = pointer;
    return status;
}

static status_t map_stack(struct loader *loader) {
    struct process *process = loader->process;
    uint64_t size = loader->request->image->stack_size;
    size = size == 0 ? STACK_BYTES_DEFAULT : align_up(size, PAGE_SIZE);
    uint64_t low = STACK_HIGH - size, address;
    status_t status = space_map(&process->space, low - STACK_GUARD_BYTES, STACK_GUARD_BYTES,
                                SPACE_RESERVED, PROTECT_NONE, 0, &address);
    if (status == CAPOS_OK) {
        status = space_map(&process->space, low, size, SPACE_STACK, PROTECT_READ | PROTECT_WRITE, 0,
                           &address);
    }
    process->stack_low = low;
    process->stack_high = STACK_HIGH;
    return status;
}

static struct capos_start describe(const struct loader *loader, uint32_t size) {
    const struct loader_request *request = loader->request;
    const struct process *process = loader->process;
    const struct elf_image *image = request->image;
    struct capos_start start = {
        .abi_version = CAPOS_ABI_VERSION,
        .size = size,
        .features = CAPOS_FEATURES_KNOWN,
        .capset_offset = sizeof start,
        .capset_count = request->capset_count,
        .argument_count = request->argument_count,
        .environment_count = request->environment_count,
        .ring = process->first_thread->ring_address,
        .stack_low = process->stack_low,
        .stack_high = process->stack_high,
        .tls_image = image->tls_address,
        .tls_image_size = image->tls_file_size,
        .tls_size = image->tls_size,
        .tls_align = image->tls_align,
        .program_headers = image->program_headers,
        .program_header_count = image->program_header_count,
        .page_size = PAGE_SIZE,
        .xsave_size = cpu_features.xsave_bytes,
        .address_bits = USER_ADDRESS_BITS,
        .image_low = image->low,
        .image_high = image->high,
    };
    entropy_fill(start.random, sizeof start.random);
    return start;
}

/* The start page: the fixed part, the CapSet, its names. */
static status_t load_start_page(struct loader *loader) {
    const struct loader_request *request = loader->request;
    struct space *space = &loader->process->space;
    uint64_t size =
        sizeof(struct capos_start) + request->capset_count * sizeof(struct capos_capset_entry);
    uint64_t name_at = size;
    for (uint32_t i = 0; i < request->capset_count; i++) {
        size += request->capset[i].name.length + 1;
    }
    status_t status = space_map(space, 0, align_up(size, PAGE_SIZE), SPACE_START, PROTECT_READ,
                                SPACE_TAG_BORROWED, &loader->start_page);
    for (uint64_t at = 0; status == CAPOS_OK && at < size; at += PAGE_SIZE) {
        status = space_add_page(space, loader->start_page + at, PROTECT_READ, NULL);
    }
    if (status != CAPOS_OK) {
        return status;
    }
    struct capos_start start = describe(loader, (uint32_t)size);
    status = write_bytes(loader->process, loader->start_page, &start, sizeof start);
    for (uint32_t i = 0; status == CAPOS_OK && i < request->capset_count; i++) {
        const struct loader_capset_entry *from = &request->capset[i];
        struct capos_capset_entry entry = {.id = from->id,
                                           .interface = from->interface,
                                           .name_offset = (uint32_t)name_at,
                                           .name_length = from->name.length};
        status = write_bytes(loader->process, loader->start_page + sizeof start + i * sizeof entry,
                             &entry, sizeof entry);
        if (status == CAPOS_OK) { /* the page is zeroed: the terminator is there */
            status = write_bytes(loader->process, loader->start_page + name_at, from->name.data,
                                 from->name.length);
        }
        name_at += from->name.length + 1;
    }
    return status;
}

/* Puts a string on the stack, with its terminator, and says where. */
static status_t push_string(struct loader *loader, struct wire_text text, uint64_t *address) {
    loader->stack_pointer -= text.length + 1;
    *address = loader->stack_pointer;
    return write_bytes(loader->process, *address, text.data, text.length);
}

static status_t push_strings(struct loader *loader, const struct wire_text *texts, uint32_t count,
                             uint64_t *addresses) {
    status_t status = CAPOS_OK;
    for (uint32_t i = 0; status == CAPOS_OK && i < count; i++) {
        status = push_string(loader, texts[i], &addresses[i]);
    }
    return status;
}

/* argc, argv, 0, envp, 0, auxv, on a stack pointer that is a multiple of 16. */
static status_t load_stack(struct loader *loader) {
    const struct loader_request *request = loader->request;
    uint64_t words[1 + 2 * (CAPOS_SPAWN_STRINGS_MAX + 1) + 16];
    uint32_t count = 0;
    uint64_t random[2];
    entropy_fill(random, sizeof random);
    loader->stack_pointer = STACK_HIGH - sizeof random;
    loader->random_address = loader->stack_pointer;
    status_t status = write_bytes(loader->process, loader->random_address, random, sizeof random);
    words[count++] = request->argument_count;
    if (status == CAPOS_OK) {
        status = push_strings(loader, request->arguments, request->argument_count, words + count);
    }
    count += request->argument_count;
    words[count++] = 0;
    if (status == CAPOS_OK) {
        status =
            push_strings(loader, request->environment, request->environment_count, words + count);
    }
    count += request->environment_count;
    words[count++] = 0;
    const uint64_t auxiliary[] = {
        AT_PAGESZ,      PAGE_SIZE,
        AT_ENTRY,       request->image->entry,
        AT_PHDR,        request->image->program_headers,
        AT_PHENT,       PROGRAM_HEADER_BYTES,
        AT_PHNUM,       request->image->program_header_count,
        AT_RANDOM,      loader->random_address,
        CAPOS_AT_START, loader->start_page,
        AT_NULL,        0,
    };
    memcpy(words + count, auxiliary, sizeof auxiliary);
    count += ARRAY_COUNT(auxiliary);
    loader->stack_pointer = align_down(loader->stack_pointer - count * sizeof words[0], 16);
    if (status == CAPOS_OK) {
        status =
            write_bytes(loader->process, loader->stack_pointer, words, count * sizeof words[0]);
    }
    return status;
}

status_t loader_load(struct process *process, const struct loader_request *request) {
    struct loader loader = {.process = process, .request = request};
    status_t status = CAPOS_OK;
    for (uint32_t i = 0; status == CAPOS_OK && i < request->image->segment_count; i++) {
        status = load_segment(process, request->file, &request->image->segments[i]);
    }
    if (status == CAPOS_OK) {
        status = load_tls(&loader);
    }
    if (status == CAPOS_OK) {
        status = map_stack(&loader);
    }
    if (status == CAPOS_OK) {
        status = load_start_page(&loader);
    }
    if (status == CAPOS_OK) {
        status = load_stack(&loader);
    }
    if (status == CAPOS_OK) {
        struct trap_frame *frame = &process->first_thread->frame;
        frame->rip = request->image->entry;
        frame->rsp = loader.stack_pointer;
        frame->rdi = loader.start_page;
    }
    return status;
}
