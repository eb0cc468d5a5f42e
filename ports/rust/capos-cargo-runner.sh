#!/bin/sh
# capos-cargo-runner: what cargo starts a program of capOS with: FILE ARGUMENTS...
#
# Cargo runs programs in the package's folder and says where that is, but not whether it runs or
# tests; tests stand in a folder of their own.
set -eu

self=$(readlink -f -- "$0")
capos=$(dirname -- "$(dirname -- "$self")")/capos
file=$1
shift

# The value of `grant` in the section [package.metadata.capos].
grant=$(sed -n '/^\[package\.metadata\.capos\]/,/^\[/s/^grant *= *"\([^"]*\)".*/\1/p' \
    "${CARGO_MANIFEST_DIR:-.}/Cargo.toml" 2>/dev/null || :)
case $(basename -- "$(dirname -- "$file")") in
deps) grant=default ;;
esac

# shellcheck disable=SC2086 # the options are a list of words
exec "$capos" run ${grant:+--grant "$grant"} ${CAPOS_RUN_OPTIONS-} "$file" "$@"
