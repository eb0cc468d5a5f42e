@0x9ebb5bea8454891e;
using Capos = import "capos.capnp";

interface ProcessInfo $Capos.grant(
    name = "process-info", summary = "id, memory and CPU time of oneself", inDefault = true) {
  # What a process may know of itself.

  get @0 () -> (processId :UInt64, frames :UInt64, framesPeak :UInt64, framesLimit :UInt64,
                slots :UInt32, slotsLimit :UInt32, threads :UInt32, cpuTimeNs :UInt64);
}
