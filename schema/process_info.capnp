@0x9ebb5bea8454891e;
using Capos = import "capos.capnp";

interface ProcessInfo $Capos.grant(
    name = "process-info", summary = "id, memory and CPU time of oneself", inDefault = true) {
  # What a process may know of itself.

  get @0 () -> (processId :UInt64, frames :UInt64, framesPeak :UInt64, framesLimit :UInt64,
                slots :UInt32, slotsLimit :UInt32, threads :UInt32, cpuTimeNs :UInt64);
  # cpuTimeNs: of all threads together, those that run now and those that have ended included.
  cpuTime @1 () -> (cpuTimeNs :UInt64);
  # The same as a clock: the register form, and no memory touched.
  waitCpuTime @2 (cpuTimeNs :UInt64) $Capos.blocking;
  # Completes when the process has run for that long in all, on however many CPUs at a time. It
  # costs no interrupt while none of its threads runs. needsTimer without a Timer.
}
