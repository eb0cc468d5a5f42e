@0xa30f3d308b98cd6f;

struct RunReport {
  # How a run ended: what init tells the host tool through Machine.report.

  version @0 :UInt32 = 1;
  program @1 :Text;
  outcome @2 :Outcome;
  code @3 :Int64;          # the exit code, for exited
  vector @4 :UInt32;       # for faulted: the CPU exception
  errorCode @5 :UInt32;
  address @6 :UInt64;
  rip @7 :UInt64;
  rsp @8 :UInt64;
  backtrace @9 :List(UInt64);
  cpuTimeNs @10 :UInt64;   # instructions, under the instruction clock
  peakBytes @11 :UInt64;
  grantsUsed @12 :List(Text);
  startError @13 :Int64;   # for notStarted: the error of spawn
  startDetail @14 :UInt64;
  firmwareNs @15 :UInt64;
  kernelNs @16 :UInt64;
  initNs @17 :UInt64;

  enum Outcome { exited @0; faulted @1; killed @2; notStarted @3; }
}
