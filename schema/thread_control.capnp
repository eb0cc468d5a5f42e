@0x919f07044e587bea;
using Capos = import "capos.capnp";

interface ThreadControl $Capos.grant(
    name = "thread-control", summary = "set the TLS base of the calling thread", inDefault = true) {
  # What a thread may change of itself. Acts on the calling thread alone.

  getFsBase @0 () -> (address :UInt64);
  setFsBase @1 (address :UInt64);
  # Refused (invalidArgument) unless the address is canonical and in user space.
  yield @2 ();
  # Lets another thread of the same priority run.
}
