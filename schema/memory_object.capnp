@0xd4a6f5a3f0b64473;
using Capos = import "capos.capnp";

interface MemoryObject {
  # Memory that can be mapped in several places, in several processes at once, made by
  # VirtualMemory.createObject. It lives as long as somebody holds a capability or a mapping of it.
  # Its pages read as zero until they are written, and are charged at their first touch to the
  # process that made the object; when that one has ended, to its parent.

  size @0 () -> (size :UInt64);
  # In bytes.
  map @1 (hint :UInt64, offset :UInt64, size :UInt64, protection :UInt64, flags :UInt64)
      -> (address :UInt64);
  # Maps size bytes of the object from offset on, multiples of 4096, into the caller's address space.
  # hint 0: anywhere; else that very address, or exists. flags: with CAPOS_MAP_PRIVATE what is
  # written through the mapping goes to copies of its own, page by page; what of the object was not
  # written there shows what it holds now. Such a mapping counts as committed memory of the caller.
  # Refused with tooLarge when the object has CAPOS_MEMORY_OBJECT_MAPPINGS_MAX mappings.
  unmap @2 (address :UInt64, size :UInt64)
      $Capos.unsafe("Nothing may use the memory any more.");
  # Takes a range out of the caller's address space that maps this object, every page of it;
  # badAddress otherwise. VirtualMemory.unmap does so too.
  clone @3 () -> (object :UInt64);
  # The id of a new MemoryObject with the same contents. The pages are shared until one of the two
  # is written. Each page is copied as it was at some time during the call. The clone is the
  # caller's: it is charged at once for all pages that are in it.
  readOnly @4 () -> (memory :UInt64);
  # The id of a new capability for the same object, of the interface ReadOnlyMemory.
}
