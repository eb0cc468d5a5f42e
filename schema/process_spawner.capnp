@0x8afcd47a2115486a;
using Capos = import "capos.capnp";

struct SpawnGrant {
  name @0 :Text;         # unique among the grants of one process, at most 31 bytes
  capability @1 :UInt64; # the caller's capability
  mode @2 :Mode;
  facet @3 :Text;        # for derive: the narrower form, or empty

  enum Mode {
    copy @0;    # both hold it afterwards
    move @1;    # the caller gives it up, if the spawn succeeds
    derive @2;  # the kernel makes the child's own: a VirtualMemory for its address space, say
  }
}

interface ProcessSpawner $Capos.grant(
    name = "spawner", summary = "start programs of the boot package", inDefault = false) {
  # Starting programs with exactly the capabilities that are named.

  spawn @0 (program :Text, arguments :List(Text), environment :List(Text),
            grants :List(SpawnGrant), framesLimit :UInt64) -> (process :UInt64);
  # Loads the named file of the boot package and starts it. All or nothing: on failure every moved
  # capability is the caller's again, under the same id. framesLimit 0: what the caller may use.
  # process is the id of a new capability of the interface Process.
}
