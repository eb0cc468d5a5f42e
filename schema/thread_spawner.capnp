@0xd25b27df3620c503;
using Capos = import "capos.capnp";

interface ThreadSpawner $Capos.grant(
    name = "threads", summary = "create threads in one's own process", inDefault = true) {
  # Creating threads in the process for which it was made; another process is refused
  # (notPermitted).

  create @0 (entry :UInt64, stack :UInt64, argument :UInt64, fsBase :UInt64, flags :UInt64)
      -> (thread :UInt64, ring :UInt64, threadId :UInt64)
      $Capos.unsafe("Entry, stack and FS base must do for a thread of this program.");
  # A thread that runs from address `entry` with RSP = stack, RDI = argument, RSI = the address of
  # its own ring, RDX = its threadId, FS base = fsBase and all else as in a new process. It is made
  # whole or not at all. `thread` is the id of a new capability of the interface Thread; giving that
  # up detaches the thread. flags: CAPOS_THREAD_DETACHED makes none (thread is 0). A process may have
  # CAPOS_THREADS_MAX threads (overQuota). Refused with invalidArgument when entry, stack or fsBase
  # is not a user address.
}
