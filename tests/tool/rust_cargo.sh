#!/bin/sh
# capos-cargo as users use it: what docs/rust.md says to type, grants, needs, panics.
set -eu
. tests/kit.sh
trap 'rm -rf "$work" build/greet' EXIT
export CARGO_HOME="$tree/build/rust/cargo" CARGO_NET_OFFLINE=true

awk '/^```sh/ { inside = 1; next } /^```/ { inside = 0 } inside' docs/rust.md >"$work/commands.sh"
[ "$(wc -l <"$work/commands.sh")" -ge 5 ] || fail "docs/rust.md has hardly any commands"
rm -rf build/greet
run 0 sh -eu "$work/commands.sh"
grep -qx 'Hello, capOS' "$work/out" || fail "no greeting"
grep -qx 'ok 1 - tests::without_a_name_it_is_the_world' "$work/out" || fail "no test"

# In a folder with a space in its name, without the grant, then with one that is added.
mkdir "$work/a b"
cp -R build/greet/Cargo.toml build/greet/src "$work/a b"
cd "$work/a b"
sed -i '/^grant/d' Cargo.toml
cargo=$tree/build/bin/capos-cargo
run 125 "$cargo" run --quiet
grep -q -e '--grant console' "$work/err" || fail "no word of the grant to add"
run 0 env CAPOS_RUN_OPTIONS='--grant console --cpus 2' "$cargo" run --quiet
grep -qx 'Hello, world' "$work/out" || fail "no greeting"
"$tree/build/capos" inspect target/x86_64-unknown-capos/debug/greet >"$work/out"
grep -q 'console *required *Console: write' "$work/out" || fail "its need is not told"

# What cannot be: a folder that is there, a name or a language that is none.
run 125 "$tree/build/capos" new src --lang rust
run 125 "$tree/build/capos" new Src
run 125 "$tree/build/capos" new other --lang cobol
run 0 "$tree/build/capos" new other
sed -n 's/^    //p' "$work/out" >"$work/commands.sh"
run 0 sh -eu "$work/commands.sh"
grep -qx 'Hello, world' "$work/out" || fail "no greeting in C"

# A need of the program's own, one that a client brings, and a panic with file and line.
cat >src/main.rs <<'END'
#![no_std]
use capos::timer::Timer;

capos::require!("entropy", capos::entropy_source::EntropySource);

fn main() -> Result<(), capos::Error> {
    if let Some(timer) = capos::lookup::<Timer>("timer") {
        timer.now()?;
        return Err(capos::Error::NEEDS_TIMER);
    }
    let list = [capos::start_page().page_size; 4];
    capos::println!("{}", list[capos::arguments().len() + 3]);
    Ok(())
}
END
run 0 "$cargo" build --quiet
"$tree/build/capos" inspect target/x86_64-unknown-capos/debug/greet >"$work/out"
grep -q 'entropy *required *EntropySource' "$work/out" || fail "a need that it declares is not told"
grep -q 'timer *used *Timer: now' "$work/out" || fail "the client's need is not told"
run 134 env CAPOS_RUN_OPTIONS='--grant console,entropy' "$cargo" run --quiet
grep -q 'greet: panicked at src/main.rs:12:27:' "$work/err" || fail "no file and line"
grep -q 'index out of bounds' "$work/err" || fail "no message"
grep -q 'greet::main' "$work/err" || fail "nobody says who called whom"
run 1 env CAPOS_RUN_OPTIONS='--grant console,entropy,timer' "$cargo" run --quiet
grep -q 'greet: needsTimer' "$work/err" || fail "an error that main returns is not told"

# Tests of a library, inside and outside: one fails, and is told; the others go on.
mkdir -p "$work/library/src" "$work/library/tests"
cd "$work/library"
printf '[package]\nname = "doubler"\nversion = "0.1.0"\nedition = "2024"\n' >Cargo.toml
cat >src/lib.rs <<'END'
#![no_std]
//! ```
//! assert_eq!(doubler::double(1), 2);
//! ```
pub fn double(value: u8) -> u8 {
    value * 2
}
#[cfg(test)]
mod tests {
    use super::double;
    #[test]
    fn doubles() {
        assert_eq!(double(21), 42);
    }
    #[test]
    #[should_panic(expected = "overflow")]
    fn overflows() {
        double(200);
    }
    #[test]
    #[should_panic]
    fn is_quiet() {}
    #[test]
    #[ignore]
    fn is_left_out() {
        panic!();
    }
    #[test]
    fn returns() -> Result<(), &'static str> {
        Err("an error")
    }
}
END
printf '#![no_std]\n#[test]\nfn from_outside() {\n    assert_eq!(doubler::double(4), 8);\n}\n' \
    >tests/outside.rs
run 101 "$cargo" test --quiet --no-fail-fast
grep -v '^$' "$work/out" >"$work/found"
diff - "$work/found" <<'END' || fail "the tests of a library ended otherwise"
1..5
ok 1 - tests::doubles
ok 2 - tests::is_left_out # SKIP
# it did not panic as it should
not ok 3 - tests::is_quiet
ok 4 - tests::overflows
# Error: "an error"
not ok 5 - tests::returns
1..1
ok 1 - from_outside
END
run 0 "$cargo" test --quiet doubles
