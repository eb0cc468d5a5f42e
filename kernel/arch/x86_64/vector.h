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
