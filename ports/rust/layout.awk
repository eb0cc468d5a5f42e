# Makes Rust of the lines in abi.txt that tell what include/capos/ fixes by hand: constants, and the
# sizes and offsets that the structs of ports/rust/capos/src/abi.rs must have.
BEGIN {
    print "// Generated from the ABI's layout: do not edit."
    print "#![allow(unused)]"
    print "use core::mem::offset_of;"
    print "use crate::abi::*;"
}
/^abi constant CAPOS_/ {
    print "pub const " substr($3, 7) ": u64 = " $4 ";"
}
/^abi struct capos_/ {
    split(substr($3, 7), parts, ".")
    count = split(parts[1], words, "_")
    type = ""
    for (i = 1; i <= count; i++) {
        type = type toupper(substr(words[i], 1, 1)) substr(words[i], 2)
    }
    if (parts[2] == "") {
        print "const _: () = assert!(size_of::<" type ">() == " $5 ");"
    } else {
        print "const _: () = assert!(offset_of!(" type ", " parts[2] ") == " $5 ");"
    }
}
