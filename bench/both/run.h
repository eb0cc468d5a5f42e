#pragma once
/* What one start of the program measures; see docs/testing.md. Each adds its lines to the report.
 */

void run_metrics(void);
void run_cpus(void);
void run_speedup(void);
