// grants: console
// args: one two

//! What a program has before it does anything: target, arguments, start page, its one grant.
#![no_std]

use capos::console::{Console, Stream};
use capos::timer::Timer;
use tap::{check, check_equal};

#[cfg(not(all(target_os = "capos", target_feature = "sse2")))]
compile_error!("the target is not the one of capOS");

/// Longer than what is gathered before it is written.
fn print_long_line() {
    capos::print!("#");
    for _ in 0..3000 {
        capos::print!("{:1}", 7);
    }
    capos::println!(" {:>1500}", "right");
}

fn main() -> i32 {
    check!(cfg!(target_os = "capos"));
    check!(capos::arguments().skip(1).eq(["one", "two"]));
    check_equal!(capos::program_name(), "hello.elf");

    let page = capos::start_page();
    check_equal!(page.abi_version, 1);
    check_equal!(page.page_size, 4096);
    check!(page.image_low == 0x200000 && page.image_high > page.image_low);

    check_equal!(capos::grants().len(), 1);
    check_equal!(capos::grants().next().map(|grant| grant.name), Some("console"));
    check_equal!(capos::lookup::<Timer>("timer"), None);
    check_equal!(capos::lookup::<Timer>("console"), None);
    let console: Console = capos::lookup("console").expect("it was granted");
    check_equal!(console.write(Stream::Output, b"# bytes\n"), Ok(8));
    print_long_line();
    tap::finish()
}
