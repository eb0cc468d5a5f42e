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

die() {
    echo "capos-cargo: $*" >&2
    exit 1
}

[ -f "$rust/.stamp" ] || die "$rust: core and alloc are not built; run make rust in the capOS tree"
[ -x "$cargo" ] || die "$cargo: not found; run make rust in the capOS tree"

# What has changed here makes cargo build programs anew: the flags say what there was.
version=$(cat "$root"/sysroot/lib/* "$rust"/lib/rustlib/*/lib/libcapos.rlib | cksum)

# Flags of the user come after ours, from where cargo looks first. Those in RUSTFLAGS cannot hold
# spaces, ours can.
[ -z "${CARGO_ENCODED_RUSTFLAGS+set}" ] || RUSTFLAGS=''
flags=$(printf '%s\037' "--sysroot=$rust" "-Lnative=$root/sysroot/lib" -Zunstable-options \
    --extern=force:capos "--cfg=capos_version=\"${version%% *}\"" "--remap-path-prefix=$PWD=." \
    ${RUSTFLAGS-})
separator=$(printf '\037')
flags=$flags${CARGO_ENCODED_RUSTFLAGS-}
flags=${flags%"$separator"}
unset RUSTFLAGS

# What rustc takes without a word and capOS has no room for.
refuse() {
    for option; do
        case $(printf '%s' "$option" | tr _ -) in
        *relocation-model=ropi | *relocation-model=rwpi | *relocation-model=ropi-rwpi)
            die "$option: this is for embedded ARM; use static or pic" ;;
        *relocation-model=dynamic-no-pic)
            die "$option: this is for Mach-O; use static or pic" ;;
        *code-model=kernel)
            die "$option: this is for code in the highest 2 GiB; use small, medium or large" ;;
        *code-model=tiny)
            die "$option: x86-64 has no such code model; use small, medium or large" ;;
        *tls-model=global-dynamic | *tls-model=local-dynamic)
            die "$option: it needs a dynamic linker, which capOS does not have;" \
                "use local-exec or initial-exec" ;;
        *tls-model=emulated)
            die "$option: capOS has thread-local variables; use local-exec or initial-exec" ;;
        esac
    done
}
set -f
IFS=$separator
refuse $flags
unset IFS
set +f
case "$* " in
*rustc\ *--\ *) refuse "$@" ;; # what cargo hands on to rustc
esac

# The target's description, and with it what a program is made of, are of this compiler alone; it is
# a release, which asks for this to be said (docs/targets.md).
export RUSTC_BOOTSTRAP=1
export CAPOS_RUSTC="${CAPOS_RUSTC:-/usr/bin/rustc}"
export RUSTC="$CAPOS_RUSTC"
export RUSTDOC="$root/libexec/capos-rustdoc"
export CARGO_ENCODED_RUSTFLAGS="$flags"
export CARGO_ENCODED_RUSTDOCFLAGS="$flags"
export CARGO_BUILD_TARGET="$rust/x86_64-unknown-capos.json"
export CARGO_UNSTABLE_JSON_TARGET_SPEC=true

# Not in the environment, where a space would end it.
exec "$cargo" \
    --config "target.x86_64-unknown-capos.runner=['$root/libexec/capos-cargo-runner']" "$@"
