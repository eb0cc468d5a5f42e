@0xc752889a8a3e47a4;
using Capos = import "capos.capnp";

interface Thread {
  # A thread that somebody created. Holders of the capability outside its process may wait for it
  # and look at it, no more.

  join @0 () $Capos.blocking;
  # Completes when the thread has ended and its ring is gone. Any number of waiters.
  setName @1 (name :Text);
  # At most 31 bytes; shown in reports.
  info @2 () -> (threadId :UInt64, cpuTimeNs :UInt64, cpu :UInt32, state :State, cpus :UInt64);
  # cpu: where it runs or ran last. cpus: where it may run, bit n for CPU n. cpuTimeNs is exact, also
  # while it runs.
  interrupt @3 (value :UInt64);
  # Sends the bits of value, which is not 0, to the thread: its handler is entered once or more often
  # after that (see Signal), and bits that are sent meanwhile are merged. For threads of the caller's
  # own process, the caller included. A thread that has ended takes no notice.
  waitCpuTime @4 (cpuTimeNs :UInt64) $Capos.blocking;
  # Completes when the thread has run for that long in all. It costs no interrupt while the thread
  # does not run. disconnected when it ends before; needsTimer for a caller without a Timer.
  setAffinity @5 (cpus :UInt64);
  # The thread runs on these CPUs alone, bit n for CPU n, from now on: one that runs elsewhere moves
  # at once. Threads that it creates inherit this. Bits of CPUs that the machine does not have are
  # passed over; invalidArgument when none is left.

  enum State { ready @0; running @1; waiting @2; ended @3; }
}
