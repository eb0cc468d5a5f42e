# The annotations with which capOS's interfaces are declared.
@0x9a09d21c6373ba4a;

struct Grant {
  # How an interface is granted by name: on the command line, in a manifest, at spawn.
  name @0 :Text;          # the word after --grant
  summary @1 :Text;       # one line for `capos run --grants`
  inDefault @2 :Bool;     # part of `--grant default`
  facets @3 :List(Text);  # words after '='; "SIZE" stands for an amount of memory such as 16M,
                          # "PRIORITY" for a number from 0 to 31
}

annotation grant @0xbd4d2859722a3bb0 (interface) :Grant;
annotation blocking @0x8b101c0ae4ea82b2 (method) :Void;
# The method may complete later than its submission.

annotation owner @0xb48594a5aad05a59 (method) :Void;
# Only for documentation: the method changes or ends the object for all its holders.

annotation unsafe @0xc90aaa4b8df8c675 (method) :Text;
# The call can break what its own program relies on, such as memory that is in use: what the caller
# has to see to. Languages that tell such functions from others mark the client with it.

annotation meaning @0xb96d4d5f2964d949 (enumerant) :Text;
annotation remedy @0xdf811e34b90bb0dd (enumerant) :Text;
# What a code says, and what its reader should do about it: the text of `capos explain`.
