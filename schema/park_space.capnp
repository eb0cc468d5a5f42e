@0x92cdf028e77cc609;
using Capos = import "capos.capnp";

interface ParkSpace $Capos.grant(
    name = "park", summary = "wait on words of one's own memory, and wake", inDefault = true) {
  # Waiting on 32-bit words, and waking who waits there, by the opcodes PARK and UNPARK. Acts for the
  # address space for which it was made; another process is refused (notPermitted).

  requeue @0 (address :UInt64, target :UInt64, expected :UInt64, wakeCount :UInt64,
              moveCount :UInt64) -> (woken :UInt64, moved :UInt64);
  # If the word at `address` holds `expected` (else valueChanged): wakes at most wakeCount of those
  # parked there and moves at most moveCount of the rest to `target`, where they wait on. Neither is
  # more than CAPOS_REQUEUE_MAX.
}
