#!/bin/sh
# Clients for Rust: every shape of method in one interface compiles without a warning, and has the
# types that it should have.
set -eu
. tests/kit.sh
mkdir "$work/schema" "$work/gen"
cp schema/capos.capnp schema/errors.capnp schema/opcodes.capnp "$work/schema/"
cat >"$work/schema/toy.capnp" <<'END'
@0xa0b1c2d3e4f50617;
using Capos = import "capos.capnp";
interface Toy {
  # Everything that a method can be.
  mixed @0 (a :Int8, b :UInt32, c :Kind, d :Int16, e :Int64) -> (r :Int8);
  # In registers.
  wide @1 (a :UInt8, b :UInt64, c :UInt64, d :UInt64) -> (kind :Kind);
  receive @2 (a :UInt16) -> (x :UInt32, y :Int8, data :Data);
  send @3 (a :Int32, bytes :Data) -> (x :UInt32, y :Kind);
  variable @4 (text :Text) -> (x :Int32, data :Data);
  named @5 Pair -> Pair;
  self @6 ();
  move @7 (type :UInt8) $Capos.unsafe("Mind the step.");
  enum Kind { first @0; notLast @1; }
}
struct Pair { a @0 :UInt8; b @1 :UInt16; }
END
capnp compile --src-prefix="$work/schema" -o"$PWD/build/bin/capnpc-capos:$work/gen" \
    "$work"/schema/*.capnp
cat >"$work/gen/rust/lib.rs" <<'END'
pub mod errors;
pub mod opcodes;
pub mod toy;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Cap(pub u64);
pub struct Error(pub i64);
pub type Result<T> = std::result::Result<T, Error>;
pub trait Interface {
    const ID: u64;
    const NAME: &'static str;
    fn from_cap(cap: Cap) -> Self;
    fn cap(self) -> Cap;
}
impl Error {
    pub(crate) const fn new(code: i64) -> Self { Self(code) }
    pub fn check(code: i64) -> Result<()> { if code < 0 { Err(Self(code)) } else { Ok(()) } }
    pub fn name(&self) -> &str { errors::DESCRIPTIONS[-self.0 as usize][0] }
}

use toy::{Kind, NamedResults, ReceiveResults, SendResults, Toy};
pub static MIXED: fn(Toy, i8, u32, Kind, i16, i64) -> Result<i8> = Toy::mixed;
pub static WIDE: fn(Toy, u8, u64, u64, u64) -> Result<u16> = Toy::wide;
pub static RECEIVE: fn(Toy, u16, &mut [u8]) -> Result<ReceiveResults> = Toy::receive;
pub static SEND: fn(Toy, i32, &[u8]) -> Result<SendResults> = Toy::send;
pub static VARIABLE: fn(Toy, &[u64], &mut [u8]) -> Result<i32> = Toy::variable;
pub static NAMED: fn(Toy, u8, u16) -> Result<NamedResults> = Toy::named;
pub static SELF: fn(Toy) -> Result<()> = Toy::self_;
pub static MOVE: unsafe fn(Toy, u8) -> Result<()> = Toy::move_;
const _: () = assert!(Toy::METHOD_MOVE == 7);
const _: () = assert!(matches!(Kind::from_raw(1), Some(Kind::NotLast)));
const _: () = assert!(Kind::from_raw(2).is_none());
END
/usr/bin/rustc --edition 2024 --crate-type lib --crate-name shapes -Dwarnings --emit=metadata \
    -o "$work/shapes.rmeta" "$work/gen/rust/lib.rs"
grep -q '/// Everything that a method can be\.' "$work/gen/rust/toy.rs" || exit 1
grep -A 2 '# Safety' "$work/gen/rust/toy.rs" | grep -q '/// Mind the step\.'
