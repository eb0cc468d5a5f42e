#pragma once
/*
 * The words of a kernel command line that say where virtio devices are, as Linux and Firecracker
 * write them: virtio_mmio.device=SIZE@ADDRESS:INTERRUPT[:ID], SIZE with K or M behind it if need
 * be.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct virtio_parameter {
    uint64_t size;
    uint64_t address;
    uint32_t gsi;
};

/* The next such word at or after *cursor, which moves behind it. Malformed words are passed over
 * and counted in *malformed. False at the end of the line. */
bool virtio_parameter_next(const char **cursor, struct virtio_parameter *parameter_out,
                           uint32_t *malformed);
