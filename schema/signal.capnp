@0xe7cc6934ac86cf0e;
using Capos = import "capos.capnp";

interface Signal $Capos.grant(
    name = "signals", summary = "handle faults and interrupts of one's own threads",
    inDefault = true) {
  # Upcalls: the kernel enters a handler of the thread when it faults, or when somebody calls
  # Thread.interrupt. Acts on the calling thread alone. See capos/upcall.h for the frame.

  setHandler @0 (handler :UInt64, stack :UInt64, stackSize :UInt64)
      $Capos.unsafe("The handler is a function for upcalls, and the stack used by nothing else.");
  # From now on upcalls of the calling thread enter `handler`, on the alternate stack of stackSize
  # bytes from `stack` on, at least CAPOS_UPCALL_STACK_MIN. Without one (both 0), and when the thread
  # runs on it already, the frame goes below the red zone of the stack that is in use. handler 0:
  # none, and the other two must be 0. Interrupts that are pending then stay so.
  returnFrom @1 (frame :UInt64)
      $Capos.unsafe("The state in the frame is one in which the thread may go on.");
  # Leaves the handler: registers, vector state and mask become those of the frame. Does not return.
  # A frame that is not sound ends the process.
  setMask @2 (mask :UInt64) -> (previous :UInt64);
  # CAPOS_UPCALL_MASK_FAULTS, CAPOS_UPCALL_MASK_INTERRUPTS, both or none. A pending interrupt is
  # delivered when this lets it.
  endCall @3 () -> (result :Int64, aux :UInt64);
  # Ends the CALL that the handler has interrupted, as CANCEL would: what it was complete with, or
  # cancelled. The thread will not wait for it any more. notFound when there is none.
}
