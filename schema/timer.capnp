@0xb6e1207f75ae899d;
using Capos = import "capos.capnp";

interface Timer $Capos.grant(
    name = "timer", summary = "clocks, sleeping, deadlines", inDefault = true,
    facets = ["monotonic"]) {
  # Time and waiting for it. Time is authority: without a Timer there is no clock. The facet
  # monotonic does not tell the time of day.

  now @0 () -> (monotonicNs :UInt64);
  # Nanoseconds since the machine started.

  sleep @1 (deadlineNs :UInt64) $Capos.blocking;
  # Completes at or after the absolute monotonic time deadlineNs. Ends early only by CANCEL.

  clockPage @2 () -> (address :UInt64);
  # Maps the read-only clock page (struct capos_clock in include/capos/clock.h) into the caller's
  # address space and says where it is. The same address each time.

  interval @3 (firstNs :UInt64, periodNs :UInt64) -> (interval :UInt64);
  # The id of a new capability of the interface IntervalTimer: moments at the absolute monotonic time
  # firstNs and every periodNs after that. periodNs 0: the first is the only one; invalidArgument when
  # it is less than CAPOS_INTERVAL_PERIOD_NS_MIN, 1 us, otherwise. Costs a frame.

  wallClock @4 () -> (wallNs :UInt64);
  # Nanoseconds since 1970-01-01 00:00 UTC, leap seconds not counted: as the machine's clock had it
  # at boot, to the second, and as much later as monotonic time is. unsupported on a machine without
  # such a clock.

  wallPage @5 () -> (address :UInt64);
  # Maps the read-only page with which a program computes the same from monotonic time (struct
  # capos_wall_clock in include/capos/clock.h). The same address each time.
}
