//! The heap of libcapos, for `alloc`: the first 256 KiB are the program's own, and it grows through
//! the VirtualMemory named "memory" where there is one.
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_void;

unsafe extern "C" {
    fn capos_malloc_aligned(size: usize, align: usize) -> *mut c_void;
    fn capos_calloc(count: usize, size: usize) -> *mut c_void;
    fn capos_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn capos_free(block: *mut c_void);
}

/// To what libcapos aligns its blocks when nothing else is asked for.
const BLOCK_ALIGN: usize = 16;

struct Heap;

#[global_allocator]
static HEAP: Heap = Heap;

// SAFETY: blocks are as long and as aligned as asked for, and stay until they are freed.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { capos_malloc_aligned(layout.size(), layout.align()).cast() }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() > BLOCK_ALIGN {
            let block = unsafe { self.alloc(layout) };
            if !block.is_null() {
                unsafe { block.write_bytes(0, layout.size()) };
            }
            return block;
        }
        unsafe { capos_calloc(1, layout.size()).cast() }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        unsafe { capos_free(block.cast()) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.align() <= BLOCK_ALIGN {
            return unsafe { capos_realloc(block.cast(), new_size).cast() };
        }
        // SAFETY: the caller promises that the size, rounded up, is one.
        let moved =
            unsafe { self.alloc(Layout::from_size_align_unchecked(new_size, layout.align())) };
        if !moved.is_null() {
            unsafe {
                moved.copy_from_nonoverlapping(block, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
        }
        moved
    }
}
