#pragma once
/*
 * The virtio console with named ports (virtio 1.2, 5.3): one port for each stream, found by its
 * name. Each direction of a port has a queue; a pair of control queues tells of ports that appear,
 * open and close. Ports 0-7 are looked at; those that appear after boot are left alone.
 */
#include <stdbool.h>

/* Finds the device and connects the streams to its ports. False when there is no device, or none of
 * its ports is for a stream. At boot. */
bool virtio_serial_connect(const char *command_line);

/* Looks for what the device has done. Takes the lock of the control queues, then, without it, those
 * of the streams, one at a time. */
void virtio_serial_poll(void);
