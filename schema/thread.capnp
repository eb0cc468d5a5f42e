@0xc752889a8a3e47a4;
using Capos = import "capos.capnp";

interface Thread {
  # A thread that somebody created. Holders of the capability outside its process may wait for it
  # and look at it, no more.

  join @0 () $Capos.blocking;
  # Completes when the thread has ended and its ring is gone. Any number of waiters.
  setName @1 (name :Text);
  # At most 31 bytes; shown in reports.
  info @2 () -> (threadId :UInt64, cpuTimeNs :UInt64, cpu :UInt32, state :State);
  # cpu: where it ran last.
  interrupt @3 (value :UInt64);
  # Sends the bits of value, which is not 0, to the thread: its handler is entered once or more often
  # after that (see Signal), and bits that are sent meanwhile are merged. For threads of the caller's
  # own process, the caller included. A thread that has ended takes no notice.

  enum State { ready @0; running @1; waiting @2; ended @3; }
}
