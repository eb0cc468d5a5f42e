#pragma once
/* Sixty seconds of capOS: what a capability system does that others do not. */
void tour_run(void);
