@0xb6e1207f75ae899d;
using Capos = import "capos.capnp";

interface Timer $Capos.grant(
    name = "timer", summary = "monotonic clock, sleeping, deadlines", inDefault = true,
    facets = ["monotonic"]) {
  # Monotonic time and waiting for it. Time is authority: without a Timer there is no clock.

  now @0 () -> (monotonicNs :UInt64);
  # Nanoseconds since the machine started.

  sleep @1 (deadlineNs :UInt64) $Capos.blocking;
  # Completes at or after the absolute monotonic time deadlineNs. Ends early only by CANCEL.

  clockPage @2 () -> (address :UInt64);
  # Maps the read-only clock page (struct capos_clock in include/capos/clock.h) into the caller's
  # address space and says where it is. The same address each time.
}
