#!/bin/sh
# capos-rustdoc: rustdoc as capos-cargo calls it. It makes documentation; tests that stand in there
# would be programs with std, and are passed over.
set -eu

for argument in "$@"; do
    if [ "$argument" = --test ]; then
        echo 'capos-cargo: tests in documentation are not run on capOS' >&2
        exit 0
    fi
done
exec "${CAPOS_RUSTC%rustc}rustdoc" "$@"
