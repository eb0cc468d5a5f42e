@0x919f07044e587bea;
using Capos = import "capos.capnp";

interface ThreadControl $Capos.grant(
    name = "thread-control", summary = "TLS base, yield and end of the calling thread",
    inDefault = true) {
  # What a thread may change of itself. Acts on the calling thread alone.

  getFsBase @0 () -> (address :UInt64);
  setFsBase @1 (address :UInt64)
      $Capos.unsafe("The address is that of a thread control block for this program.");
  # Refused (invalidArgument) unless the address is canonical and in user space.
  yield @2 ();
  # Lets another thread of the same priority run.
  self @3 () -> (thread :UInt64);
  # The id of a new capability of the interface Thread, for the calling thread.
  exit @4 (word :UInt64, stack :UInt64, stackSize :UInt64)
      $Capos.unsafe("Nothing may use the stack, or what is on it, any more.");
  # Ends the calling thread; does not return. Its ring is closed and what it has in flight is
  # cancelled. Then, in this order and with the kernel no longer on the thread's memory: the range
  # [stack, stack + stackSize) is unmapped, unless stackSize is 0; the 32-bit word at address `word`
  # is set to 0 and everybody parked there is woken, unless it is 0; joins complete. Refused with
  # invalidArgument when word is not 4-aligned or the range not one of whole pages. The last
  # thread's end is the end of the process, with code 0.
}
