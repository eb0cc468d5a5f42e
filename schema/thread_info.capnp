@0xd5e977b5cc89d48c;
using Capos = import "capos.capnp";

interface ThreadInfo $Capos.grant(
    name = "thread-info", summary = "id, CPU and CPU time of the calling thread", inDefault = true) {
  # What a thread may know of itself.

  get @0 () -> (threadId :UInt64, cpu :UInt32, cpuTimeNs :UInt64);
  cpuTime @1 () -> (cpuTimeNs :UInt64);
  # How long the thread has run, as a clock: the register form, and no memory touched.
}
