@0x853b5b0f135295b1;
using Capos = import "capos.capnp";

interface SystemInfo $Capos.grant(
    name = "system-info", summary = "sizes, CPUs and load of the machine", inDefault = true) {
  # What may be known of the machine.

  get @0 () -> (cpuCount :UInt32, pageSize :UInt32, memoryBytes :UInt64, freeBytes :UInt64,
                processCount :UInt32, threadCount :UInt32, xsaveBytes :UInt32,
                abiVersion :UInt32, features :UInt64,
                firmwareNs :UInt64, kernelNs :UInt64, initNs :UInt64,
                idleNs :UInt64, timerInterrupts :UInt64);
  # firmwareNs, kernelNs and initNs are the boot ledger: time from the machine's start to the
  # kernel's entry, from there to init's first instruction, and the monotonic time at which that was.
  # 0 if not known. idleNs: for how long CPUs have had nobody to run, all together. timerInterrupts:
  # how often the timer of a CPU has fired; it does so for what is due, and not otherwise.
}
