#!/bin/sh
# The code in Rust is as rustfmt would write it. lib.rs and main.rs bring the modules of their
# crate.
set -eu

/usr/bin/rustfmt --check ports/rust/*/src/lib.rs tests/*/src/lib.rs tests/rust/src/bin/*.rs \
    demos/rust/*/src/main.rs tests/kernel/*.rs || { echo 'run make format' && exit 1; }
