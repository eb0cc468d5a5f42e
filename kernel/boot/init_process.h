#pragma once
/* The first process: the file "init" of the boot package, with every capability there is. */
void init_process_start(void);
