@0xb68ff9972495a7c6;

struct Manifest {
  # What init is to start. The first file of a boot package, named "manifest": a Cap'n Proto message
  # with its segment table, as `capnp eval --binary` writes it.

  version @0 :UInt32 = 1;
  programs @1 :List(Program);  # started in this order; the machine ends with the last of them

  struct Program {
    file @0 :Text;               # name in the boot package
    arguments @1 :List(Text);    # argv, argv[0] included
    environment @2 :List(Text);  # NAME=value
    grants @3 :List(Grant);
    memoryLimit @4 :UInt64;      # bytes; 0 is what the machine has
  }

  struct Grant {
    name @0 :Text;   # under which the program finds it
    kind @1 :Text;   # the grant name of the interface, such as "timer"
    facet @2 :Text;  # narrower form, or empty
  }
}
