#pragma once
/* The local interrupt controller of each CPU: xAPIC registers in memory, or x2APIC MSRs where the
 * firmware has already turned that on (SDM volume 3, chapter 11). */
#include "kernel/types.h"

void apic_init(paddr_t address); /* once, on the boot CPU */
void apic_init_local(void);      /* on each CPU */
uint32_t apic_id(void);
/* The largest id that apic_send can reach. */
uint32_t apic_id_max(void);
void apic_end_of_interrupt(void);
void apic_send(uint32_t apic_id, uint8_t vector);
void apic_send_nmi_to_others(void);
/* INIT, then STARTUP at page `page` (below 256). */
void apic_start_cpu(uint32_t apic_id, uint8_t page);

/* One-shot timer that raises VECTOR_TIMER; frequency is measured by clock_init. */
void apic_timer_set_frequency(uint64_t hz);
void apic_timer_begin_count(void);
uint32_t apic_timer_end_count(void);
void apic_timer_arm(uint64_t deadline_ns);
void apic_timer_disarm(void);
