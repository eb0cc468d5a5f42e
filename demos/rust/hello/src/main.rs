// grants: console
// args: capOS
// stdout: Hello, capOS

//! A greeting, for who is named.
#![no_std]

use capos::println;

fn main() {
    println!("Hello, {}", capos::arguments().nth(1).unwrap_or("world"));
}
