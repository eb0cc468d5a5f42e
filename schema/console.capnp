@0xeca18388c61ddf96;
using Capos = import "capos.capnp";

interface Console $Capos.grant(
    name = "console", summary = "standard output, error output and input", inDefault = true,
    facets = ["output", "input"]) {
  # A stream of bytes to and from a person or a pipe: standard output, standard error, standard input.

  write @0 (stream :Stream, data :Data) -> (count :UInt64) $Capos.blocking;
  # Takes up to 64 KiB and completes when they are buffered; count says how many were. Waits while
  # the buffer is full. Fails with closed when the reader has gone.

  read @1 () -> (count :UInt64, data :Data) $Capos.blocking;
  # Waits for at least one byte and returns what there is, up to the buffer's length. A count of 0
  # is the end of the input. Reads are served in the order in which they came.

  enum Stream { output @0; error @1; }
}
