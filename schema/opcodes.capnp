# What an entry asks for. Opcodes that stand here but are not served yet answer badOpcode.
@0xf9d38ec31533c03a;
using Capos = import "capos.capnp";

enum Opcode {
  nop @0 $Capos.meaning("complete at once");
  call @1 $Capos.meaning("call a method of the capability");
  recv @2 $Capos.meaning("receive a call from an endpoint (reserved)");
  return @3 $Capos.meaning("answer a received call (reserved)");
  replyRecv @4 $Capos.meaning("answer and receive the next call (reserved)");
  release @5 $Capos.meaning("give the capability up; its id is stale from then on");
  park @6 $Capos.meaning("wait on a word of memory while it holds a value");
  unpark @7 $Capos.meaning("wake who waits on a word of memory");
  cancel @8 $Capos.meaning("cancel the operation in flight whose user_data is argument[0]");
}
