#!/bin/sh
# stateless.sh NM OBJECT...: the objects define nothing that can be written: no variables.
set -eu

variables=$("$@" --defined-only --print-file-name | grep -E ' [bBdDsSgGcC] ' || :)
[ -z "$variables" ] || { printf '%s\n' "$variables" && exit 1; }
