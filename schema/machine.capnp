@0xad7c5e0f1785c58a;
using Capos = import "capos.capnp";

interface Machine {
  # The machine as a whole. Held by init alone.

  shutdown @0 (code :UInt32) $Capos.owner;
  # Ends the machine: flushes the consoles, then powers off. code 0 is an orderly end; it reaches
  # the host only where the machine has a way to carry it.
  report @1 (data :Data) -> (count :UInt64) $Capos.blocking;
  # Sends bytes to the host tool: the RunReport of schema/report.capnp, up to 64 KiB.
}
