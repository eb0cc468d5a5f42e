#pragma once
/*
 * Where a fuzzer starts from. A harness with good inputs to offer defines LLVMFuzzerInitialize,
 * which calls seed_write for each; run.sh says where they go.
 */
#include <stddef.h>

/* Writes the input into the folder named by CAPOS_FUZZ_SEEDS; does nothing without it. */
void seed_write(const char *name, const void *data, size_t size);
