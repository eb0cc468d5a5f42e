@0xbf964aea398f5acd;
using Capos = import "capos.capnp";

interface SchedulingPolicy $Capos.grant(
    name = "scheduling", summary = "set the priorities of one's own threads", inDefault = false,
    facets = ["PRIORITY"]) {
  # Priorities are 0 to 31, larger is more urgent. A thread runs before every less urgent one, on any
  # CPU where it may run; those of one priority take turns. A process starts with one thread of
  # priority 16, or of its ceiling where that is less; a thread starts with the priority of the one
  # that creates it.
  # No thread of a process passes its ceiling: 16, or with this capability granted at its start what
  # the facet says, and never more than its parent's.

  setPriority @0 (thread :UInt64, priority :UInt32);
  # thread is the id of a Thread of the caller's own process. invalidArgument above 31, notPermitted
  # above the ceiling.
  getPriority @1 (thread :UInt64) -> (priority :UInt32, ceiling :UInt32);
  # The priority of a thread, and the ceiling of its process.
}
