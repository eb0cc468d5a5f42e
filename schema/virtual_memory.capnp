@0xec96da5c478adf35;
using Capos = import "capos.capnp";

interface VirtualMemory $Capos.grant(
    name = "memory", summary = "map, protect and unmap memory of one's own", inDefault = true,
    facets = ["SIZE"]) {
  # The address space of the process for which it was made. Addresses and sizes are multiples of
  # 4096. Memory is demand-zero: a page is charged and cleared when it is first touched.
  # protection: bit 0 read, bit 1 write, bit 2 execute; write without read, and write with execute,
  # are refused. Bit 3 asks for pages of 2 MiB where they fit.

  map @0 (hint :UInt64, size :UInt64, protection :UInt64) -> (address :UInt64);
  # Reserves and commits. hint 0: anywhere, below 1 << 40 as long as there is room; else that very
  # address, or exists.
  unmap @1 (address :UInt64, size :UInt64)
      $Capos.unsafe("Nothing may use the memory any more.");
  # Removes whatever is mapped or reserved in the range; parts of mappings are split.
  protect @2 (address :UInt64, size :UInt64, protection :UInt64)
      $Capos.unsafe("Whoever uses the memory must do so as the protection allows from now on.");
  # The whole range must be committed.
  reserve @3 (hint :UInt64, size :UInt64) -> (address :UInt64);
  # Takes addresses, not memory: one record, however large. hint as for map.
  commit @4 (address :UInt64, size :UInt64, protection :UInt64);
  # Makes a part of a reservation usable. Contents are zero.
  decommit @5 (address :UInt64, size :UInt64)
      $Capos.unsafe("Whoever uses the memory must expect it to read zero.");
  # Gives the memory back and keeps the addresses committed: the next touch reads zero.
  query @6 (address :UInt64) -> (start :UInt64, size :UInt64, protection :UInt32, kind :Kind,
                                 committed :UInt16, residentPages :UInt64, pageSize :UInt64);
  # The run of pages around address that share kind and protection, whichever calls made them so (a
  # run of more than a thousand mappings is told in parts). committed is 1 where a touch is served.
  # residentPages counts what has memory, in pages of 4096; pageSize is that of the page at address.

  createObject @7 (size :UInt64) -> (object :UInt64);
  # The id of a new capability of the interface MemoryObject, for an object of `size` bytes, at most
  # CAPOS_MEMORY_OBJECT_BYTES_MAX. It counts as committed memory, and is charged to the process whose
  # address space this is.

  enum Kind { free @0; reserved @1; anonymous @2; image @3; stack @4; ring @5; start @6; clock @7;
              object @8; }
}
