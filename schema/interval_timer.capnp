@0xe051f2f809871328;
using Capos = import "capos.capnp";

interface IntervalTimer {
  # Moments that are a period apart, made by Timer.interval. They are counted from the clock: nothing
  # happens at a moment for which nobody waits, none is lost, and they do not drift.

  wait @0 () -> (expirations :UInt64) $Capos.blocking;
  # How many moments have passed that nobody was told of; at least one. Completes at once when there
  # are some. Of several who wait the first is told of all.
  set @1 (firstNs :UInt64, periodNs :UInt64) $Capos.owner;
  # Other moments from now on, as in Timer.interval; those that nobody was told of are forgotten. Who
  # waits waits for the new ones.
  stop @2 () $Capos.owner;
  # No moments from now on, until set.
}
