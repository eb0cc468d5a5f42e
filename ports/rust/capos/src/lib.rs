//! Everything that a capOS program in Rust needs: start, capabilities, printing, heap, threads,
//! rings, and every interface of `schema/`.
//!
//! ```
//! #![no_std]
//! use capos::println;
//!
//! fn main() {
//!     println!("Hello from capOS");
//! }
//! ```
//!
//! The crate stands on libcapos: what is written there in C (start-up, the heap, threads, locks,
//! how a call is encoded) is used from there, so that it is in one place, and the ELF notes that
//! tell what a program needs come with it. What is a function of a few instructions in C's headers
//! is one in Rust, too.
//!
//! `alloc` is there without more; a program writes `extern crate alloc`.
#![no_std]
#![feature(lang_items, never_type, thread_local)]
// `main` is called by what the crate gives the compiler, as std does elsewhere.
#![allow(internal_features)]
#![warn(missing_docs, unsafe_op_in_unsafe_fn)]

#[cfg(not(target_os = "capos"))]
compile_error!("this crate is for programs of capOS: build them with capos-cargo");

extern crate alloc;

pub mod abi;
mod capability;
mod error;
mod heap;
pub mod note;
mod panic;
pub mod park;
pub mod print;
pub mod ring;
mod start;
pub mod sync;
mod system_call;
pub mod threads;

#[allow(missing_docs, unused_imports)]
#[rustfmt::skip]
mod generated;

pub use capability::{Cap, Grant, Interface, Owned, grants, lookup};
pub use error::{Error, Result};
pub use generated::*;
pub use start::{Termination, arguments, program_name, start_page};
pub use system_call::{FOREVER, POLL, Reply, enter, exit, invoke};
