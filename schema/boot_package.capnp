@0xa11b636a85f7d9ca;
using Capos = import "capos.capnp";

interface BootPackage $Capos.grant(
    name = "boot", summary = "read the files of the boot package", inDefault = false) {
  # The files that came with the kernel: the manifest and the programs.

  count @0 () -> (count :UInt64);
  # How many files there are.
  size @1 (index :UInt32) -> (size :UInt64);
  # The file's size in bytes.
  name @2 (index :UInt32) -> (count :UInt64, data :Data);
  # The file's name, at most 63 bytes, without a terminator.
  read @3 (index :UInt32, offset :UInt64) -> (count :UInt64, data :Data);
  # Copies up to 64 KiB of the file, from offset, into the buffer. A count of 0 is its end.
}
