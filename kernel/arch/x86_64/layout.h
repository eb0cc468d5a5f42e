#pragma once
/*
 * Constants that assembly and C share: selectors, vectors, and the offsets of fields that entry
 * code touches (asserted in cpu.h). Only #define, since .S files include it.
 */

/* Virtual addresses. Four paging levels; LA57 stays off. */
#define USER_ADDRESS_BITS 47
#define USER_LOW 0x1000
/* The last page below the hole is never mapped: RIP after SYSCALL is canonical for SYSRET. */
#define USER_HIGH 0x7ffffffff000
#define KERNEL_BASE 0xffffffff80000000

/* Selectors. SYSRET takes SS = STAR[63:48] + 8 and CS = STAR[63:48] + 16 (SDM volume 3, 5.8.8). */
#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA 0x1b
#define SELECTOR_USER_CODE 0x23
#define SELECTOR_TSS 0x28

/* struct cpu, by GS */
#define CPU_SELF 0
#define CPU_THREAD 8
#define CPU_FRAME_TOP 16
#define CPU_STACK 24
#define CPU_USER_RSP 32
#define CPU_ATTENTION 40

/* struct trap_frame */
#define FRAME_R15 0
#define FRAME_R14 8
#define FRAME_R13 16
#define FRAME_R12 24
#define FRAME_RBP 32
#define FRAME_RBX 40
#define FRAME_R10 56
#define FRAME_R9 64
#define FRAME_R8 72
#define FRAME_RAX 80
#define FRAME_RDX 96
#define FRAME_RSI 104
#define FRAME_RDI 112
#define FRAME_VECTOR 120
#define FRAME_RIP 136
#define FRAME_CS 144
#define FRAME_RFLAGS 152
#define FRAME_RSP 160
#define FRAME_BYTES 176

/* A vector number that no trap has: the frame was made by SYSCALL. */
#define VECTOR_SYSCALL 0x100
/* Another one: the frame holds what the kernel or the program chose for every register. */
#define VECTOR_UPCALL 0x101

#define VECTOR_DEVICE_FIRST 32
#define VECTOR_DEVICE_LAST 223
#define VECTOR_TIMER 224
#define VECTOR_RESCHEDULE 225
#define VECTOR_FLUSH 226
#define VECTOR_SPURIOUS 255

/* Stacks of the interrupt stack table; each ends with a pointer to its struct cpu. */
#define IST_STACK_BYTES 4096
#define KERNEL_STACK_BYTES 32768 /* a spawn has the strings of its program on it */
