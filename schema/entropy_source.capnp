@0xcb77ee11afdc8ea1;
using Capos = import "capos.capnp";

interface EntropySource $Capos.grant(
    name = "entropy", summary = "random bytes", inDefault = true) {
  # Random bytes fit for keys.

  fill @0 () -> (count :UInt64, data :Data);
  # Fills the buffer, up to 4096 bytes at a time.
}
