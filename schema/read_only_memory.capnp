@0xb5279d539c48e523;
using Capos = import "capos.capnp";

interface ReadOnlyMemory {
  # A MemoryObject that its holder can read and cannot change.

  size @0 () -> (size :UInt64);
  # In bytes.
  map @1 (hint :UInt64, offset :UInt64, size :UInt64, protection :UInt64, flags :UInt64)
      -> (address :UInt64);
  # As MemoryObject.map. The mapping may be writable with CAPOS_MAP_PRIVATE alone; another one is
  # refused with notPermitted, and so is VirtualMemory.protect later.
  unmap @2 (address :UInt64, size :UInt64)
      $Capos.unsafe("Nothing may use the memory any more.");
  # As MemoryObject.unmap.
  clone @3 () -> (object :UInt64);
  # As MemoryObject.clone: the id of a MemoryObject, which is the caller's and may be written.
}
