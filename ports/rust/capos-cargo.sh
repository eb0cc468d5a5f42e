#!/bin/sh
# capos-cargo: cargo for capOS programs in Rust. Everything that cargo does, for this target:
#
#   capos-cargo build --release
#   capos-cargo run                 in a virtual machine, with the grants that Cargo.toml names
#   capos-cargo test                likewise, with those of `capos run --grant default`
#
# The crate `capos` is there without being named in Cargo.toml, as `core` is. What stands there:
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

# What has changed here makes cargo build programs anew: the flags say what there was.
version=$(cat "$root"/sysroot/lib/* "$rust"/lib/rustlib/*/lib/libcapos.rlib | cksum)

# Flags of the user come after ours. They cannot hold spaces, ours can.
flags=$(printf '%s\037' "--sysroot=$rust" "-Lnative=$root/sysroot/lib" -Zunstable-options \
    --extern=force:capos "--cfg=capos_version=\"${version%% *}\"" "--remap-path-prefix=$PWD=." \
    ${RUSTFLAGS-})
unset RUSTFLAGS

# The target's description, and with it what a program is made of, are of this compiler alone; it is
# a release, which asks for this to be said (docs/targets.md).
export RUSTC_BOOTSTRAP=1
export CAPOS_RUSTC="${CAPOS_RUSTC:-/usr/bin/rustc}"
export RUSTC="$CAPOS_RUSTC"
export RUSTDOC="$root/libexec/capos-rustdoc"
export CARGO_ENCODED_RUSTFLAGS="${flags%?}"
export CARGO_ENCODED_RUSTDOCFLAGS="${flags%?}"
export CARGO_BUILD_TARGET="$rust/x86_64-unknown-capos.json"
export CARGO_UNSTABLE_JSON_TARGET_SPEC=true

# Not in the environment, where a space would end it.
exec "$cargo" \
    --config "target.x86_64-unknown-capos.runner=['$root/libexec/capos-cargo-runner']" "$@"
