#!/bin/sh
# capos-cargo: cargo for capOS programs in Rust. Everything that cargo does, for this target:
#
#   capos-cargo build --release
#   capos-cargo run                 in a virtual machine, with the grants that Cargo.toml names
#   capos-cargo test                likewise, with those of `capos run --grant default`
#
# In Cargo.toml:
#
#   [dependencies]
#   capos = "0.1"                   capOS's own crate, which comes with this tool
#
#   [package.metadata.capos]
#   grant = "console,timer"         what `capos-cargo run` grants
#
# CAPOS_RUN_OPTIONS in the environment is handed to `capos run`: more grants, --cpus 2.
#
# It is the distribution's own cargo and rustc (CAPOS_CARGO and CAPOS_RUSTC name others of the same
# version) with capOS's target, core and alloc, which it finds beside itself.
set -eu

self=$(readlink -f -- "$0")
root=$(dirname -- "$(dirname -- "$self")")
rust=$root/sysroot/rust
cargo=${CAPOS_CARGO:-/usr/bin/cargo}

if [ ! -f "$rust/.stamp" ]; then
    echo "capos-cargo: $rust: core and alloc are not built; run make rust in the capOS tree" >&2
    exit 1
fi
if [ ! -x "$cargo" ]; then
    echo "capos-cargo: $cargo: not found; run make rust in the capOS tree" >&2
    exit 1
fi

# Flags of the user come after ours. They cannot hold spaces, ours can.
separator=$(printf '\037')
flags="--sysroot=$rust${separator}-Lnative=$root/sysroot/lib"
flags="$flags${separator}--remap-path-prefix=$PWD=.${separator}--remap-path-prefix=$rust/capos=capos"
for flag in ${RUSTFLAGS-}; do
    flags="$flags$separator$flag"
done
unset RUSTFLAGS

# The target's description, and with it what a program is made of, are of this compiler alone; it is
# a release, which asks for this to be said (docs/targets.md).
export RUSTC_BOOTSTRAP=1
export RUSTC="${CAPOS_RUSTC:-/usr/bin/rustc}"
export RUSTDOC="${RUSTC%rustc}rustdoc"
export CARGO_ENCODED_RUSTFLAGS="$flags"
export CARGO_ENCODED_RUSTDOCFLAGS="--sysroot=$rust"
export CARGO_BUILD_TARGET="$rust/x86_64-unknown-capos.json"
export CARGO_UNSTABLE_JSON_TARGET_SPEC=true
export CARGO_TARGET_X86_64_UNKNOWN_CAPOS_RUNNER="$root/libexec/capos-cargo-runner"
CAPOS_LIBRARY=$(cat "$root/sysroot/lib/libcapos.a" "$root/sysroot/lib/crt0.o" | cksum)
export CAPOS_LIBRARY

exec "$cargo" --config "patch.crates-io.capos.path='$rust/capos'" "$@"
