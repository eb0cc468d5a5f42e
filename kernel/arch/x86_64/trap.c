#include "kernel/arch/x86_64/trap.h"

#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/flush.h"
#include "kernel/arch/x86_64/interrupt.h"
#include "kernel/debug/log.h"
#include "kernel/sched/fault.h"
#include "kernel/sched/scheduler.h"

/* SDM volume 3, 6.14.1 */
struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, attributes;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

static struct gate idt[256];

struct device_handler {
    interrupt_handler *handler;
    void *argument;
};
static struct device_handler device_handlers[VECTOR_DEVICE_LAST - VECTOR_DEVICE_FIRST + 1];
static uint32_t device_count;

/* Index of the stack in the interrupt stack table, counted from 1; 0: the thread's frame. */
static uint8_t stack_of_vector(uint32_t vector) {
    switch (vector) {
    case TRAP_DEBUG:
        return 1;
    case TRAP_NMI:
        return 2;
    case TRAP_DOUBLE_FAULT:
        return 3;
    case TRAP_MACHINE_CHECK:
        return 4;
    default:
        return 0;
    }
}

void trap_init(void) {
    for (uint32_t vector = 0; vector < 256; vector++) {
        uint64_t address = trap_stubs[vector];
        /* No gate lets a program in by INT n: breakpoint and overflow end it like the others. */
        idt[vector] = (struct gate){.offset_low = (uint16_t)address,
                                    .selector = SELECTOR_KERNEL_CODE,
                                    .ist = stack_of_vector(vector),
                                    .attributes = 0x8e,
                                    .offset_middle = (uint16_t)(address >> 16),
                                    .offset_high = (uint32_t)(address >> 32)};
    }
    /* INT3 and INTO are exceptions in their own right. */
    idt[3].attributes = 0xee;
    idt[4].attributes = 0xee;
}

void trap_init_cpu(void) {
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = {sizeof idt - 1, (uint64_t)(uintptr_t)idt};
    __asm__ volatile("lidt %0" : : "m"(pointer));
    msr_write(MSR_EFER, msr_read(MSR_EFER) | 1); /* SYSCALL */
    msr_write(MSR_STAR,
              (uint64_t)(SELECTOR_USER_DATA - 8) << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
    msr_write(MSR_LSTAR, (uint64_t)(uintptr_t)syscall_entry);
    msr_write(MSR_CSTAR, 0);
    msr_write(MSR_SFMASK, RFLAGS_SYSCALL_MASK);
    msr_write(MSR_SYSENTER_CS, 0); /* SYSENTER raises #GP */
    msr_write(MSR_SYSENTER_ESP, 0);
    msr_write(MSR_SYSENTER_EIP, 0);
}

uint8_t interrupt_register(interrupt_handler *handler, void *argument) {
    if (device_count == ARRAY_COUNT(device_handlers)) {
        panic("more devices than interrupt vectors");
    }
    device_handlers[device_count] = (struct device_handler){handler, argument};
    return (uint8_t)(VECTOR_DEVICE_FIRST + device_count++);
}

uint64_t interrupt_msi_address(void) {
    return UINT64_C(0xfee00000) | (uint64_t)interrupt_boot_apic_id() << 12;
}

uint32_t interrupt_msi_data(uint8_t vector) {
    return vector;
}

static void handle_interrupt(uint32_t vector) {
    cpu_need_attention(); /* whatever it is about, the scheduler looks at it */
    if (vector == VECTOR_SPURIOUS) {
        return;
    }
    if (vector >= VECTOR_DEVICE_FIRST && vector < VECTOR_DEVICE_FIRST + device_count) {
        /* The device lets go of a level-triggered wire before the controller looks at it again. */
        struct device_handler *device = &device_handlers[vector - VECTOR_DEVICE_FIRST];
        device->handler(device->argument);
    }
    apic_end_of_interrupt();
    if (vector == VECTOR_TIMER) {
        scheduler_tick();
    } else if (vector == VECTOR_FLUSH) {
        flush_serve();
    }
    /* VECTOR_RESCHEDULE has done its work by coming. */
}

static bool is_exception(uint64_t vector) {
    return vector < VECTOR_DEVICE_FIRST;
}

void trap_from_user(struct trap_frame *frame) {
    cpu_forbid_user_access();
    if (frame->vector == TRAP_NMI) {
        log_stop_if_panicking();
        log_printf("NMI on CPU %u\n", cpu_current()->index);
    } else if (frame->vector == TRAP_MACHINE_CHECK) {
        panic("machine check");
    } else if (is_exception(frame->vector)) {
        fault_handle(frame, frame->vector == TRAP_PAGE_FAULT ? cr2_read() : 0);
    } else {
        handle_interrupt((uint32_t)frame->vector);
    }
}

void trap_from_kernel(struct trap_frame *frame) {
    if (!is_exception(frame->vector)) {
        handle_interrupt((uint32_t)frame->vector);
        return;
    }
    panic_at(frame->rip, frame->rbp,
             "exception %lu in the kernel: error 0x%lx, address 0x%lx, rip 0x%lx, rsp 0x%lx",
             frame->vector, frame->error, cr2_read(), frame->rip, frame->rsp);
}

void trap_on_ist(struct trap_frame *frame) {
    if (frame->vector == TRAP_NMI) {
        log_stop_if_panicking();
        return;
    }
    if (frame->vector == TRAP_DEBUG) {
        /* A single step that a program began and SYSCALL or an interrupt has carried here. */
        frame->rflags &= ~UINT64_C(0x100);
        return;
    }
    panic_at(frame->rip, frame->rbp, "%s in the kernel: rip 0x%lx, rsp 0x%lx, address 0x%lx",
             frame->vector == TRAP_DOUBLE_FAULT ? "double fault" : "machine check", frame->rip,
             frame->rsp, cr2_read());
}
