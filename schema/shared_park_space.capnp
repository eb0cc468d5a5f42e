@0xfd37b3af97dbf5d3;
using Capos = import "capos.capnp";

interface SharedParkSpace $Capos.grant(
    name = "shared-park", summary = "wait on words of shared memory, and wake", inDefault = true) {
  # As ParkSpace, for words of memory objects: PARK and UNPARK meet when the words are the same bytes
  # of the same MemoryObject, whatever the process and the address. Refused with badAddress where no
  # object is mapped to be shared.
}
