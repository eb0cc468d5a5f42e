# Pure logic: the same sources go into the kernel, the host tools, the host tests and the fuzzers.
CORE_SOURCES := $(sort $(wildcard core/*.c))
