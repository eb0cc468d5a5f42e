#pragma once
/* Starts every other CPU that the firmware lists; at boot, on the boot CPU. Returns when they wait
 * for work in the scheduler. Panics when one does not answer. */
void smp_start(void);
