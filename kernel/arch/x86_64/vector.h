#pragma once
/*
 * The x87, SSE and AVX state of a thread: saved when it leaves a CPU, restored when it comes back,
 * never lazily. XSAVEOPT, XSAVE or FXSAVE, whichever the CPU has (SDM volume 1, chapter 13).
 */
#include "kernel/types.h"

/* Fills a zeroed area of cpu_features.xsave_bytes with the state that a new thread has: x87 control
 * word 0x37f, MXCSR 0x1f80, all registers zero (psABI for x86-64, 3.2.1). */
void vector_state_init(uint8_t *area);
void vector_state_save(uint8_t *area);
void vector_state_restore(const uint8_t *area);
/* The same where the state that this CPU has is the same thread's. */
void vector_state_load(const uint8_t *area);
/* Saves every component, in use or not, into an area whose contents do not matter and may be a
 * program's: nothing is read there but what this writes. */
void vector_state_write(uint8_t *area);
/* Gives this CPU the state that a new thread has. What the area, a thread's, held is lost. */
void vector_state_reset(uint8_t *area);
/* The bits of MXCSR that this CPU has; the others must not be loaded. */
uint32_t vector_mxcsr_mask(void);
