#pragma once
/* The entry points of libFuzzer (https://llvm.org/docs/LibFuzzer.html). */
#include <stddef.h>
#include <stdint.h>

#include "core/assert.h"
#include "tests/fuzz/seed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
