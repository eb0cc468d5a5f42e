# Every error that a completion can carry. The code in the completion is minus the ordinal.
@0xe73b2ef26934f787;
using Capos = import "capos.capnp";

enum Error {
  ok @0 $Capos.meaning("the operation is complete") $Capos.remedy("nothing to do");
  badCapability @1
    $Capos.meaning("no capability has this id: the slot is empty, or the id is stale or made up")
    $Capos.remedy("look the capability up by name at start, and do not use an id after its release");
  wrongInterface @2
    $Capos.meaning("the capability is of another interface than the operation needs")
    $Capos.remedy("check the interface when looking a name up; capos inspect shows what a program needs");
  badOpcode @3
    $Capos.meaning("no such opcode, or one that cannot be used in this form of cap_enter")
    $Capos.remedy("use an opcode of schema/opcodes.capnp; compare the ABI version in the start page");
  badMethod @4
    $Capos.meaning("the interface has no method with this ordinal")
    $Capos.remedy("build program and kernel from the same schema");
  badFlags @5
    $Capos.meaning("an unknown flag or a non-zero reserved bit is set in the entry")
    $Capos.remedy("clear the entry before filling it");
  badAddress @6
    $Capos.meaning("an address is not mapped as the operation needs it, or lies outside user space")
    $Capos.remedy("detail names the argument; map the memory, or mind its protection");
  badMessage @7
    $Capos.meaning("the parameters are not a valid message of this method")
    $Capos.remedy("use the generated client; a pointer, a length or the root does not hold");
  invalidArgument @8
    $Capos.meaning("a parameter is out of its range")
    $Capos.remedy("detail names the parameter, counted from one; its limits stand in the interface page");
  tooLarge @9
    $Capos.meaning("a length or count is over the limit of one operation")
    $Capos.remedy("split the operation; the limits stand in the interface page");
  overQuota @10
    $Capos.meaning("the ledger of the process does not allow this much more")
    $Capos.remedy("give something back, or grant more, for example with --grant memory=64M");
  noMemory @11
    $Capos.meaning("the machine has no free memory left")
    $Capos.remedy("start the machine with more: capos run --memory SIZE");
  noSlot @12
    $Capos.meaning("the capability table is full")
    $Capos.remedy("release capabilities that are not used any more");
  busy @13
    $Capos.meaning("too many operations are in flight, or the object serves one at a time")
    $Capos.remedy("wait for a completion, then submit again");
  timedOut @14
    $Capos.meaning("the deadline passed first")
    $Capos.remedy("nothing was done; use a later deadline if that is not what you want");
  cancelled @15
    $Capos.meaning("the operation was cancelled by CANCEL, or an earlier entry of its chain failed")
    $Capos.remedy("nothing to do if you cancelled it; else look at the first failure of the chain");
  notFound @16
    $Capos.meaning("nothing has this name, or no operation in flight has this user_data")
    $Capos.remedy("check the spelling; list what there is");
  exists @17
    $Capos.meaning("the address range or the name is taken")
    $Capos.remedy("choose another one, or free it first");
  notPermitted @18
    $Capos.meaning("the facet that was granted does not allow this method or argument")
    $Capos.remedy("grant the wider facet; capos run --grants lists them");
  needsTimer @19
    $Capos.meaning("a finite deadline needs a Timer in the table of the process: time is authority")
    $Capos.remedy("run with --grant timer, or wait for ever");
  closed @20
    $Capos.meaning("the other end is closed")
    $Capos.remedy("stop writing; whoever read this has gone");
  disconnected @21
    $Capos.meaning("the object behind the capability has ended or was revoked")
    $Capos.remedy("release the capability and ask its giver for a new one");
  badImage @22
    $Capos.meaning("the program is not a valid ELF image for capOS")
    $Capos.remedy("capos inspect PROGRAM says what is wrong with it");
  unsupported @23
    $Capos.meaning("this kernel or machine does not offer the feature")
    $Capos.remedy("compare the feature bits in the start page with what the program needs");
  interrupted @24
    $Capos.meaning("the wait was interrupted by an upcall; operations are still armed")
    $Capos.remedy("enter again");
  valueChanged @25
    $Capos.meaning("the word did not hold the expected value when PARK looked")
    $Capos.remedy("read the word again; whoever changed it need not wake you any more");
  memoryGone @26
    $Capos.meaning("the memory of the word was unmapped, decommitted or protected while parked there")
    $Capos.remedy("do not wait on memory that you give back");
}
