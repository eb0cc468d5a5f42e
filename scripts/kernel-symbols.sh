#!/bin/sh
# Turns the sorted output of nm into the kernel's own symbol table (kernel/debug/symbols.c):
# text addresses as 32-bit offsets from the kernel's base, then names.
set -eu
awk '
BEGIN {
    count = 0
    print ".section .symbols, \"a\", @progbits"
    print ".global symbol_count, symbol_offsets, symbol_name_offsets, symbol_names"
}
$2 ~ /^[tT]$/ && $3 !~ /^\./ && substr($1, 1, 8) == "ffffffff" {
    if ($1 == last) next
    last = $1
    offset[count] = $1
    name[count] = $3
    count++
}
END {
    print ".balign 8\nsymbol_count: .quad " count + 0
    print "symbol_offsets:"
    for (i = 0; i < count; i++) print ".long 0x" substr(offset[i], 9) " - 0x80000000"
    print "symbol_name_offsets:"
    place = 0
    for (i = 0; i < count; i++) { print ".long " place; place += length(name[i]) + 1 }
    print "symbol_names:"
    for (i = 0; i < count; i++) print ".asciz \"" name[i] "\""
}' "$1"
