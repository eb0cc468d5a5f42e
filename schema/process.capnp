@0x98651e3a8f6ca1f9;
using Capos = import "capos.capnp";

interface Process {
  # A process that somebody spawned.

  wait @0 () -> (reason :ExitReason, code :Int64, cpuTimeNs :UInt64, framesPeak :UInt64,
                 capsetUsed :UInt64, vector :UInt32, errorCode :UInt32, address :UInt64,
                 rip :UInt64, rsp :UInt64, traceCount :UInt32,
                 trace0 :UInt64, trace1 :UInt64, trace2 :UInt64, trace3 :UInt64,
                 trace4 :UInt64, trace5 :UInt64, trace6 :UInt64, trace7 :UInt64)
      $Capos.blocking;
  # Completes when the process has ended and everything it took is given back. Any number of
  # waiters. Bit n of capsetUsed: the n-th grant of its CapSet was used (n below 64). For a fault:
  # CPU exception vector, error code, address (CR2), registers, and the return addresses of the
  # innermost eight frames.
  kill @1 () $Capos.owner;
  # Ends the process, wherever its threads are. Killing an ended process does nothing.

  enum ExitReason { exited @0; faulted @1; killed @2; }
}
