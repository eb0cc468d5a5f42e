// grants: console
// expect: fault 6
// stdout: before

//! A panic ends the process by an invalid instruction; nothing after it is done.
#![no_std]

use capos::println;

struct Loud;

impl Drop for Loud {
    fn drop(&mut self) {
        println!("dropped");
    }
}

fn main() {
    println!("before");
    let _loud = Loud;
    let nothing: Option<u32> = core::hint::black_box(None);
    nothing.expect("there is nothing here");
    println!("after");
}
