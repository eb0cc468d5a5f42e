#pragma once
/*
 * The binary interface between capOS and its programs: the part that is written by hand.
 *
 * Everything that an interface declares (methods, parameters, errors, opcodes) comes from schema/
 * and is generated; what stands here is the machinery that carries it: the two system calls, the
 * ring, the start page. Kernel and programs compile this same file. All integers are little endian.
 * docs/abi.md is the normative text.
 */
#include <stdint.h>

#define CAPOS_ABI_VERSION 1u
/* Feature bits of the start page and of the ABI note that this version knows. */
#define CAPOS_FEATURES_KNOWN UINT64_C(0)

/* An id of a capability: slot index in the low 32 bits, generation of the slot in the high 32. */
typedef uint64_t capos_cap_t;
#define CAPOS_CAP_NONE ((capos_cap_t)0)

/* Absolute monotonic nanoseconds. 0 polls, CAPOS_FOREVER never expires. */
#define CAPOS_POLL UINT64_C(0)
#define CAPOS_FOREVER UINT64_MAX

#define CAPOS_PAGE_SIZE 4096u

/*
 * System calls: RAX = number; arguments in RDI, RSI, RDX, R10, R8, R9; result in RAX.
 * RAX, RCX and R11 are clobbered, and RDX too by the register form, which returns aux there.
 */
enum {
    CAPOS_SYS_CAP_ENTER = 0, /* see the two forms below */
    CAPOS_SYS_EXIT = 1,      /* RDI = exit code of the process; does not return */
};

/*
 * cap_enter, ring form. RDI = 0 (the thread's own ring), RSI = entries to submit at most,
 * RDX = completions to wait for, R10 = deadline of the wait. Returns the number of completions
 * that stand in the queue, or a negative error; operations stay armed when the deadline passes. To
 * poll in vain (deadline CAPOS_POLL, fewer completions than wanted) yields to other threads.
 *
 * cap_enter, register form: CAPOS_ENTER_REGISTER is set in RDI and the rest of RDI describes one
 * operation: opcode in bits 0-7, flags in bits 8-15, method in bits 16-31, message length in bits
 * 32-55. RSI = capability, RDX, R10, R8 = the three arguments, R9 = deadline of the operation.
 * The thread waits until the operation is complete. Returns the result in RAX and aux in RDX; after
 * an error, RDX is the detail of the completion.
 */
#define CAPOS_ENTER_REGISTER (UINT64_C(1) << 63)
#define CAPOS_ENTER_OPCODE_SHIFT 0
#define CAPOS_ENTER_FLAGS_SHIFT 8
#define CAPOS_ENTER_METHOD_SHIFT 16
#define CAPOS_ENTER_LENGTH_SHIFT 32
#define CAPOS_ENTER_LENGTH_MAX UINT64_C(0xffffff)
#define CAPOS_ENTER_RESERVED (UINT64_C(0x7f) << 56)

/* Flags of an entry. Unknown ones are refused. */
enum {
    CAPOS_ENTRY_LINK = 1 << 0,   /* the next entry starts when this one has succeeded */
    CAPOS_ENTRY_INLINE = 1 << 1, /* the arguments *are* the data words of the parameters */
};

/*
 * One submission. The parameters of a CALL are a single-segment Cap'n Proto message without a
 * segment table, the root pointer first. Either they stand in memory, and then
 *   argument[0] = address of the message (results of fixed size are written back there),
 *   argument[1] = address, argument[2] = length of the bulk buffer: the bytes of a trailing Data
 *                 field, in parameters (read from it) or in results (written to it),
 * or, with CAPOS_ENTRY_INLINE, they are a struct without pointers of at most three data words and
 * the arguments are those words.
 */
struct capos_entry {
    uint8_t opcode;
    uint8_t flags;
    uint16_t method;
    uint32_t length; /* bytes of the message at argument[0]; 0 with CAPOS_ENTRY_INLINE */
    uint64_t user_data;
    capos_cap_t capability;
    uint64_t argument[3];
    uint64_t deadline_ns; /* of this operation; CAPOS_FOREVER needs no Timer */
    uint64_t reserved;    /* transfer list and completion ring; must be 0 in this version */
};
_Static_assert(sizeof(struct capos_entry) == 64, "ABI");

/* One completion. result: 0 or a negative error. aux: a scalar result, where there is one. */
struct capos_completion {
    uint64_t user_data;
    int64_t result;
    uint64_t aux;
    uint32_t flags;
    uint32_t detail; /* which argument, what limit; see enum CaposDetail in schema/errors.capnp */
};
_Static_assert(sizeof(struct capos_completion) == 32, "ABI");

/* Flags of ThreadSpawner.create, and how many threads a process may have. */
#define CAPOS_THREAD_DETACHED UINT64_C(1) /* nobody will join it: no Thread capability is made */
#define CAPOS_THREADS_MAX 8192u

/* How many one ParkSpace.requeue wakes, and how many it moves, at most. */
#define CAPOS_REQUEUE_MAX 512u

/* The shortest period of an IntervalTimer, and the priorities of SchedulingPolicy: larger is more
 * urgent. */
#define CAPOS_INTERVAL_PERIOD_NS_MIN UINT64_C(1000)
#define CAPOS_PRIORITY_COUNT 32u
#define CAPOS_PRIORITY_DEFAULT 16u

/* The detail of a refused ProcessSpawner.spawn: a parameter, counted from one; for a grant this
 * plus its index; with badImage what is wrong with the image (enum elf_error of core/elf.h). */
#define CAPOS_DETAIL_GRANT_FIRST 16u

/* The parameters of one CALL, bulk buffer aside. */
#define CAPOS_MESSAGE_BYTES_MAX 32768u
/* What a program may be started with: so many arguments and as many environment strings, each kind
 * with so many bytes in all, terminators included. */
#define CAPOS_SPAWN_STRINGS_MAX 256u
#define CAPOS_SPAWN_STRING_BYTES_MAX 8192u

/* The size of a MemoryObject, and in how many places it may be mapped at a time. */
#define CAPOS_MEMORY_OBJECT_BYTES_MAX (UINT64_C(1) << 39)
#define CAPOS_MEMORY_OBJECT_MAPPINGS_MAX 4096u

/* Flags of MemoryObject.map. */
enum {
    CAPOS_MAP_PRIVATE = 1 << 0, /* what is written goes to the mapping's own copies of pages */
};

#define CAPOS_RING_ENTRIES 64u
#define CAPOS_RING_COMPLETIONS 64u
#define CAPOS_RING_IN_FLIGHT_MAX 32u
#define CAPOS_RING_MESSAGE_BYTES 4096u

/*
 * A ring: three pages, mapped once and for all, whose frames belong to the kernel. The counters
 * run freely and wrap; an index is a counter modulo the queue's size. The kernel never trusts what
 * it can read here: the counters that count are its own, and the words below are copies of them
 * (head of submissions, tail of completions) or requests (the other two).
 */
struct capos_ring {
    _Alignas(64) uint32_t submission_tail; /* written by the program */
    uint32_t completion_head;              /* written by the program */
    _Alignas(64) uint32_t submission_head; /* written by the kernel */
    uint32_t completion_tail;              /* written by the kernel */
    uint32_t in_flight;                    /* written by the kernel: operations not complete */
    _Alignas(64) uint8_t reserved[1920];
    struct capos_completion completions[CAPOS_RING_COMPLETIONS];
    struct capos_entry entries[CAPOS_RING_ENTRIES];
    uint8_t message[CAPOS_RING_MESSAGE_BYTES];
};
_Static_assert(sizeof(struct capos_ring) == 3 * CAPOS_PAGE_SIZE, "ABI");
_Static_assert(__builtin_offsetof(struct capos_ring, completions) == 2048, "ABI");
_Static_assert(__builtin_offsetof(struct capos_ring, entries) == CAPOS_PAGE_SIZE, "ABI");

/* One capability that the process started with. The name is in the start page. */
struct capos_capset_entry {
    capos_cap_t id;
    uint64_t interface;
    uint32_t name_offset; /* from the start page's first byte; terminated by 0 */
    uint32_t name_length;
};
_Static_assert(sizeof(struct capos_capset_entry) == 24, "ABI");

/*
 * The start page (read-only, at most CAPOS_START_BYTES_MAX long, page-aligned): what a process
 * knows at birth. Its address is in RDI at _start, and in the auxiliary vector as AT_CAPOS_START.
 * RSP is a System V stack: argc, argv, 0, envp, 0, auxv. abi_version and size come first for ever.
 */
#define CAPOS_AT_START 0x63617073u
#define CAPOS_START_BYTES_MAX 65536u
struct capos_start {
    uint32_t abi_version;
    uint32_t size; /* of the whole start page in bytes, names and strings included */
    uint64_t features;
    uint32_t capset_offset, capset_count; /* of struct capos_capset_entry */
    uint32_t argument_count, environment_count;
    uint64_t ring;                      /* address of the first thread's struct capos_ring */
    uint64_t stack_low, stack_high;     /* of the first thread; below are unmapped addresses */
    uint64_t tls_image, tls_image_size; /* PT_TLS template: address, p_filesz */
    uint64_t tls_size, tls_align;       /* p_memsz, p_align */
    uint64_t program_headers;           /* address in memory; 0 when not loaded */
    uint32_t program_header_count, page_size;
    uint32_t xsave_size, address_bits; /* user addresses are below 1 << address_bits */
    uint64_t image_low, image_high;
    uint8_t random[32]; /* fresh for each process */
};
_Static_assert(sizeof(struct capos_start) == 160, "ABI");

/*
 * ELF note "capOS": what the linker left of a program's needs. Type CAPOS_NOTE_USES stands beside
 * each client stub; type CAPOS_NOTE_REQUIRES is what program or runtime declares; type
 * CAPOS_NOTE_ABI carries version and feature bits. Longer descriptors are refused.
 */
#define CAPOS_NOTE_NAME "capOS"
#define CAPOS_NOTE_DESCRIPTOR_MAX 64u
enum {
    CAPOS_NOTE_ABI = 1,      /* u32 abi_version, u32 0, u64 features */
    CAPOS_NOTE_USES = 2,     /* u64 interface id, u32 method ordinal, u32 0 */
    CAPOS_NOTE_REQUIRES = 3, /* u64 interface id, then the name of the grant, 0-terminated */
};
