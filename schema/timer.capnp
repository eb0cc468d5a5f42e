@0xb6e1207f75ae899d;
using Capos = import "capos.capnp";

interface Timer $Capos.grant(
    name = "timer", summary = "monotonic clock, sleeping, deadlines, intervals", inDefault = true,
    facets = ["monotonic"]) {
  # Monotonic time and waiting for it. Time is authority: without a Timer there is no clock.

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
}
