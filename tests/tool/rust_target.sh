#!/bin/sh
# The target x86_64-unknown-capos for Rust: it is valid for the compiler that is installed, which is
# the one it was made for, and it says the same of programs as the tools for C.
set -eu

target=targets/x86_64-unknown-capos.json
rustc=/usr/bin/rustc
export RUSTC_BOOTSTRAP=1
. tests/kit.sh

# A compiler that moves on may understand the fields in another way: look at what has changed, at
# the schema first, then take the new state over with the command that the message gives.
"$rustc" -Zunstable-options --print target-spec-json-schema >"$work/schema.json"
{
    "$rustc" -vV | grep -E '^(release|LLVM version):'
    printf 'schema: %s\n' "$(cksum <"$work/schema.json")"
} >"$work/compiler"
diff -u tests/golden/rust-compiler.txt "$work/compiler" || {
    cp "$work/compiler" build/rust-compiler.txt
    fail "another compiler than the target was made for; when the target has been looked at:" \
        "cp build/rust-compiler.txt tests/golden/rust-compiler.txt"
}

/usr/bin/python3 -m jsonschema -i "$target" "$work/schema.json" || fail "the schema refuses it"
sed 's/"os": "capos"/"operating-system": "capos"/' "$target" >"$work/wrong.json"
! /usr/bin/python3 -m jsonschema -i "$work/wrong.json" "$work/schema.json" 2>/dev/null ||
    fail "the schema takes a field that there is not"

# What the compiler makes of it.
"$rustc" --target "$target" -Zunstable-options --print cfg >"$work/cfg"
for setting in 'panic="abort"' 'relocation_model="static"' 'target_abi=""' 'target_arch="x86_64"' \
    'target_endian="little"' 'target_env=""' 'target_feature="sse2"' 'target_has_atomic="64"' \
    'target_os="capos"' 'target_pointer_width="64"' target_thread_local \
    'target_vendor="unknown"'; do
    grep -qFx "$setting" "$work/cfg" || fail "the compiler does not say $setting"
done
! grep -E '^(unix|windows|target_family)|"128"|sse3' "$work/cfg" || fail "it says too much"

# What lld is told for C, it is told for Rust.
flags() {
    grep -oE -e '-(static|-image-base=[0-9a-fx]*|-build-id=none|z *[a-z-]*(=[0-9]*)?|lcapos)' "$1" |
        sed 's/^-z */-z/' | sort -u
}
sed -n '/^said=/,/^}/p' ports/clang/capos-ld.sh | sed 's/\$libraries.*/-lcapos/' >"$work/for-c"
flags "$work/for-c" >"$work/c-flags"
# relro-level "off" makes the compiler ask for the last one.
{ flags "$target"; echo -znorelro; } | sort >"$work/rust-flags"
diff "$work/c-flags" "$work/rust-flags" || fail "C and Rust are linked in different ways"

# The page on the target has each field, with its value.
/usr/bin/python3 - "$target" docs/targets.md <<'END' || fail "docs/targets.md: see above"
import json
import sys

fields = json.load(open(sys.argv[1]))
rows = [line for line in open(sys.argv[2]) if line.startswith("| `")]
documented = {}
for row in rows:
    cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
    documented.setdefault(cells[0].strip("`"), cells[1].strip("`"))
wrong = [name for name, value in fields.items()
         if documented.get(name) != json.dumps(value)]
for name in wrong:
    print(f"{name} is {json.dumps(fields[name])}, and {documented.get(name)} in the page")
sys.exit(1 if wrong else 0)
END
