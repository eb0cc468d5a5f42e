#!/bin/sh
# Rules of the tree that no compiler knows. Prints TAP.
set -u

suite=tree
. tests/check/tap.sh

if [ -e .git ]; then
    rule "what is built is not tracked" "$(git ls-files build compile_commands.json)"
fi
rule "core/ includes only itself, the ABI and freestanding headers" \
    "$(grep -n '^ *# *include' core/*.[ch] |
        grep -Ev 'include (<std(int|def|bool|atomic|arg)\.h>|"(core|capos)/[a-z0-9_]+\.h")')"
rule "assembly files stand in kernel/arch/, user/libcapos/ and programs alone" \
    "$(find . -name build -prune -o \( -name '*.[Ss]' -o -name '*.asm' \) \
        ! -path './kernel/arch/*' ! -path './user/libcapos/*' ! -path './demos/*' \
        ! -path './tests/guest/*' ! -path './tests/languages/*' -print)"
rule "inline assembly in core/ and kernel/ stands in kernel/arch/ alone" \
    "$(grep -rnwE 'asm|__asm__|__asm' --include='*.[ch]' core kernel | grep -v '^kernel/arch/')"
rule "every header has #pragma once on its first line" \
    "$(for file in $(find core include kernel user tools demos tests -name '*.h'); do
        [ "$(head -n 1 "$file")" = '#pragma once' ] || echo "$file"
    done)"

# What a comment in a model calls by a name with an underscore, and is neither in the C sources nor
# the model's own.
unknown_in_models() {
    for model in tests/models/*.pml; do
        tr '\n' ' ' <"$model" | sed 's,/\*[^*]*\*/,,g' >build/model-code
        tr '\n' ' ' <"$model" | grep -oE '/\*[^*]*\*/' | grep -oE '[a-z]+(_[a-z]+)+' | sort -u |
            while read -r word; do
                grep -qw "$word" build/model-code ||
                    grep -rqw --include='*.[ch]' "$word" core kernel include ||
                    echo "$model: $word"
            done
    done
    rm -f build/model-code
}
rule "the steps of models name functions that there are" "$(unknown_in_models)"

finish
