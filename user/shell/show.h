#pragma once
/* What the shell tells about the machine and itself. */

/* Where the time of the boot went, and what machine this is. */
void show_ledger(void);

void show_capabilities(void);
void show_memory(void);
void show_uptime(void);
