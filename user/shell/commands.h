#pragma once
/* The commands of the shell. */
#include <stdbool.h>

/* Runs one line, which is cut up in place. False when the shell is to end. */
bool command_run(char *line);
