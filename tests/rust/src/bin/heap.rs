// grants: console,memory=16M

//! The heap: collections, alignment, growth through VirtualMemory, and where it ends.
#![no_std]

extern crate alloc;

use alloc::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use core::hint::black_box;

use tap::{check, check_equal};

fn check_collections() {
    let mut squares = BTreeMap::new();
    for number in 0..1000_u32 {
        squares.insert(number, Box::new(number * number));
    }
    squares.retain(|number, _| number % 3 == 0);
    check_equal!(squares.values().map(|square| u64::from(**square)).sum::<u64>(), 111_277_611);
    let text: String = (0..500).map(|number| alloc::format!("{number},")).collect();
    check_equal!(text.len(), 1890);
}

/// Blocks of all alignments, each filled and looked at again, in the order in which others go.
fn check_alignment() {
    let layouts: Vec<_> = (0..13)
        .flat_map(|power| [1, 100, 5000].map(|size| Layout::from_size_align(size, 1 << power)))
        .map(|layout| layout.expect("small sizes"))
        .collect();
    let mut is_right = true;
    // SAFETY: each block is used within its layout, and given back with it.
    unsafe {
        let blocks: Vec<_> = layouts.iter().map(|&layout| alloc_zeroed(layout)).collect();
        for (index, (&block, layout)) in blocks.iter().zip(&layouts).enumerate() {
            is_right &= block.addr() % layout.align() == 0;
            is_right &= (0..layout.size()).all(|offset| block.add(offset).read() == 0);
            block.write_bytes(index as u8 + 1, layout.size());
        }
        for (index, (&block, layout)) in blocks.iter().zip(&layouts).enumerate() {
            let larger = realloc(block, *layout, 3 * layout.size());
            let value = index as u8 + 1;
            is_right &= larger.addr() % layout.align() == 0;
            is_right &= (0..layout.size()).all(|offset| larger.add(offset).read() == value);
            dealloc(larger, Layout::from_size_align_unchecked(3 * layout.size(), layout.align()));
        }
    }
    check!(is_right);
}

/// Beyond what the program has by itself, and beyond what it was granted.
fn check_growth() {
    let mut large = Vec::new();
    check_equal!(large.try_reserve_exact(1 << 20), Ok(()));
    large.resize((1 << 20) / size_of::<u64>(), 5_u64);
    check_equal!(large.iter().sum::<u64>(), 5 << 17);
    check!(Vec::<u8>::new().try_reserve_exact(1 << 30).is_err());
    check!(Vec::<u8>::new().try_reserve_exact(isize::MAX as usize).is_err());
    // SAFETY: it is not used, and the compiler does not know that.
    let block = unsafe { alloc(Layout::from_size_align_unchecked(1 << 30, 1 << 30)) };
    check!(black_box(block).is_null());
    drop(large);
    check_equal!(Vec::<u64>::new().try_reserve_exact(1 << 17), Ok(()));
}

fn main() -> i32 {
    check_collections();
    check_alignment();
    check_growth();
    tap::finish()
}
