/* Prints what include/capos/ fixes by hand, in the form of the generated part of abi.txt. */
#include <stddef.h>
#include <stdio.h>

#include "capos/abi.h"
#include "capos/upcall.h"

#define STRUCT(type) printf("abi struct %s size %zu\n", #type, sizeof(struct type))
#define FIELD(type, member)                                                                        \
    printf("abi struct %s.%s offset %zu size %zu\n", #type, #member,                               \
           offsetof(struct type, member), sizeof(((struct type *)0)->member))
#define CONSTANT(name) printf("abi constant %s 0x%llx\n", #name, (unsigned long long)(name))

static void print_constants(void) {
    CONSTANT(CAPOS_ABI_VERSION);
    CONSTANT(CAPOS_FEATURES_KNOWN);
    CONSTANT(CAPOS_FOREVER);
    CONSTANT(CAPOS_SYS_CAP_ENTER);
    CONSTANT(CAPOS_SYS_EXIT);
    CONSTANT(CAPOS_ENTER_REGISTER);
    CONSTANT(CAPOS_ENTER_OPCODE_SHIFT);
    CONSTANT(CAPOS_ENTER_FLAGS_SHIFT);
    CONSTANT(CAPOS_ENTER_METHOD_SHIFT);
    CONSTANT(CAPOS_ENTER_LENGTH_SHIFT);
    CONSTANT(CAPOS_ENTER_LENGTH_MAX);
    CONSTANT(CAPOS_ENTER_RESERVED);
    CONSTANT(CAPOS_ENTRY_LINK);
    CONSTANT(CAPOS_ENTRY_INLINE);
    CONSTANT(CAPOS_RING_ENTRIES);
    CONSTANT(CAPOS_RING_COMPLETIONS);
    CONSTANT(CAPOS_RING_IN_FLIGHT_MAX);
    CONSTANT(CAPOS_RING_MESSAGE_BYTES);
    CONSTANT(CAPOS_MESSAGE_BYTES_MAX);
    CONSTANT(CAPOS_INTERVAL_PERIOD_NS_MIN);
    CONSTANT(CAPOS_PRIORITY_COUNT);
    CONSTANT(CAPOS_PRIORITY_DEFAULT);
    CONSTANT(CAPOS_SPAWN_STRINGS_MAX);
    CONSTANT(CAPOS_SPAWN_STRING_BYTES_MAX);
    CONSTANT(CAPOS_MEMORY_OBJECT_BYTES_MAX);
    CONSTANT(CAPOS_MEMORY_OBJECT_MAPPINGS_MAX);
    CONSTANT(CAPOS_MAP_PRIVATE);
    CONSTANT(CAPOS_AT_START);
    CONSTANT(CAPOS_START_BYTES_MAX);
    CONSTANT(CAPOS_NOTE_ABI);
    CONSTANT(CAPOS_NOTE_USES);
    CONSTANT(CAPOS_NOTE_REQUIRES);
    CONSTANT(CAPOS_NOTE_DESCRIPTOR_MAX);
}

static void print_queues(void) {
    STRUCT(capos_entry);
    FIELD(capos_entry, opcode);
    FIELD(capos_entry, flags);
    FIELD(capos_entry, method);
    FIELD(capos_entry, length);
    FIELD(capos_entry, user_data);
    FIELD(capos_entry, capability);
    FIELD(capos_entry, argument);
    FIELD(capos_entry, deadline_ns);
    FIELD(capos_entry, reserved);
    STRUCT(capos_completion);
    FIELD(capos_completion, user_data);
    FIELD(capos_completion, result);
    FIELD(capos_completion, aux);
    FIELD(capos_completion, flags);
    FIELD(capos_completion, detail);
    STRUCT(capos_ring);
    FIELD(capos_ring, submission_tail);
    FIELD(capos_ring, completion_head);
    FIELD(capos_ring, submission_head);
    FIELD(capos_ring, completion_tail);
    FIELD(capos_ring, in_flight);
    FIELD(capos_ring, completions);
    FIELD(capos_ring, entries);
    FIELD(capos_ring, message);
}

static void print_start(void) {
    STRUCT(capos_capset_entry);
    FIELD(capos_capset_entry, id);
    FIELD(capos_capset_entry, interface);
    FIELD(capos_capset_entry, name_offset);
    FIELD(capos_capset_entry, name_length);
    STRUCT(capos_start);
    FIELD(capos_start, abi_version);
    FIELD(capos_start, size);
    FIELD(capos_start, features);
    FIELD(capos_start, capset_offset);
    FIELD(capos_start, capset_count);
    FIELD(capos_start, argument_count);
    FIELD(capos_start, environment_count);
    FIELD(capos_start, ring);
    FIELD(capos_start, stack_low);
    FIELD(capos_start, stack_high);
    FIELD(capos_start, tls_image);
    FIELD(capos_start, tls_image_size);
    FIELD(capos_start, tls_size);
    FIELD(capos_start, tls_align);
    FIELD(capos_start, program_headers);
    FIELD(capos_start, program_header_count);
    FIELD(capos_start, page_size);
    FIELD(capos_start, xsave_size);
    FIELD(capos_start, address_bits);
    FIELD(capos_start, image_low);
    FIELD(capos_start, image_high);
    FIELD(capos_start, random);
}

static void print_upcall(void) {
    CONSTANT(CAPOS_UPCALL_FAULT);
    CONSTANT(CAPOS_UPCALL_INTERRUPT);
    CONSTANT(CAPOS_UPCALL_MASK_FAULTS);
    CONSTANT(CAPOS_UPCALL_MASK_INTERRUPTS);
    CONSTANT(CAPOS_UPCALL_IN_CALL);
    CONSTANT(CAPOS_UPCALL_RED_ZONE);
    CONSTANT(CAPOS_UPCALL_STACK_MIN);
    STRUCT(capos_upcall_frame);
    FIELD(capos_upcall_frame, r15);
    FIELD(capos_upcall_frame, r14);
    FIELD(capos_upcall_frame, r13);
    FIELD(capos_upcall_frame, r12);
    FIELD(capos_upcall_frame, rbp);
    FIELD(capos_upcall_frame, rbx);
    FIELD(capos_upcall_frame, r11);
    FIELD(capos_upcall_frame, r10);
    FIELD(capos_upcall_frame, r9);
    FIELD(capos_upcall_frame, r8);
    FIELD(capos_upcall_frame, rax);
    FIELD(capos_upcall_frame, rcx);
    FIELD(capos_upcall_frame, rdx);
    FIELD(capos_upcall_frame, rsi);
    FIELD(capos_upcall_frame, rdi);
    FIELD(capos_upcall_frame, rip);
    FIELD(capos_upcall_frame, rflags);
    FIELD(capos_upcall_frame, rsp);
    FIELD(capos_upcall_frame, fs_base);
    FIELD(capos_upcall_frame, address);
    FIELD(capos_upcall_frame, value);
    FIELD(capos_upcall_frame, kind);
    FIELD(capos_upcall_frame, vector);
    FIELD(capos_upcall_frame, error);
    FIELD(capos_upcall_frame, mask);
    FIELD(capos_upcall_frame, flags);
    FIELD(capos_upcall_frame, size);
    printf("abi struct capos_upcall_frame.xsave offset %zu\n",
           offsetof(struct capos_upcall_frame, xsave));
}

int main(void) {
    print_constants();
    print_queues();
    print_start();
    print_upcall();
    return 0;
}
