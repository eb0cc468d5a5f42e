// grants: console,timer,memory,entropy,process-info,system-info

//! Typed calls: scalars, results in a struct, bulk data, capabilities that are made, refusals.
#![no_std]

use capos::entropy_source::EntropySource;
use capos::memory_object::MemoryObject;
use capos::process_info::ProcessInfo;
use capos::timer::Timer;
use capos::virtual_memory::{Kind, VirtualMemory};
use capos::{Cap, Error, Interface, Owned};
use tap::{check, check_equal};

const READ: u64 = 1;
const WRITE: u64 = 2;
const PAGE: u64 = 4096;

capos::require!("timer", Timer);
capos::require!("memory", VirtualMemory);

fn check_timer() {
    let timer: Timer = capos::lookup("timer").expect("it is required");
    let before = timer.now().expect("the time");
    check_equal!(timer.sleep(before + 2_000_000), Ok(()));
    check!(timer.now().expect("the time") >= before + 2_000_000);
    check_equal!(timer.sleep(0), Ok(()));
    check!(timer.clock_page().expect("the page") % PAGE == 0);
    check_equal!(Timer::from_cap(Cap::NONE).now(), Err(Error::BAD_CAPABILITY));
}

fn check_memory() {
    let memory: VirtualMemory = capos::lookup("memory").expect("it is required");
    let address = memory.map(0, 3 * PAGE, READ | WRITE).expect("three pages");
    let words = address as *mut u64;
    // SAFETY: the pages are ours, and read zero at first.
    unsafe {
        check_equal!(words.add(700).read(), 0);
        words.add(700).write(42);
        check_equal!(words.add(700).read(), 42);
    }
    let run = memory.query(address).expect("what is there");
    check_equal!((run.start, run.size, run.protection), (address, 3 * PAGE, 3));
    check_equal!(Kind::from_raw(run.kind), Some(Kind::Anonymous));
    check_equal!((run.committed, run.resident_pages, run.page_size), (1, 1, PAGE));
    // SAFETY: nothing else has the addresses.
    unsafe {
        check_equal!(memory.decommit(address, 3 * PAGE), Ok(()));
        check_equal!(words.add(700).read(), 0);
        check_equal!(memory.protect(address, PAGE, READ), Ok(()));
        check_equal!(memory.unmap(address, 3 * PAGE), Ok(()));
    }
    check_equal!(memory.query(address).map(|run| Kind::from_raw(run.kind)), Ok(Some(Kind::Free)));
    check_equal!(memory.map(0, PAGE + 1, READ), Err(Error::INVALID_ARGUMENT));
    check_equal!(memory.reserve(0x200000, PAGE), Err(Error::EXISTS));
}

/// One object in two places, given up when the client is dropped.
fn check_object() {
    let memory: VirtualMemory = capos::lookup("memory").expect("it is required");
    let id = memory.create_object(2 * PAGE).expect("an object");
    let object: Owned<MemoryObject> = Owned::from_raw(id);
    check_equal!(object.size(), Ok(2 * PAGE));
    let writable = object.map(0, 0, 2 * PAGE, READ | WRITE, 0).expect("a mapping");
    let readable = object.map(0, PAGE, PAGE, READ, 0).expect("a mapping");
    // SAFETY: both show the second page, and nobody else does.
    unsafe {
        ((writable + PAGE) as *mut u32).write_volatile(7);
        check_equal!((readable as *const u32).read_volatile(), 7);
        check_equal!(object.unmap(readable, PAGE), Ok(()));
        check_equal!(object.unmap(writable, 2 * PAGE), Ok(()));
    }
    let client = *object;
    drop(object);
    check_equal!(client.size(), Err(Error::BAD_CAPABILITY));
}

fn check_bulk() {
    let entropy: EntropySource = capos::lookup("entropy").expect("it was granted");
    let mut bytes = [0; 64];
    check_equal!(entropy.fill(&mut bytes), Ok(64));
    check!(bytes.iter().any(|&byte| byte != bytes[0]));
    let information: ProcessInfo = capos::lookup("process-info").expect("it was granted");
    let about = information.get().expect("of oneself");
    check!(about.threads == 1 && about.frames > 0 && about.frames <= about.frames_peak);
}

fn check_errors() {
    check_equal!(Error::NEEDS_TIMER.name(), "needsTimer");
    check_equal!(Error::BAD_ADDRESS.code(), -6);
    check!(!Error::NO_SLOT.meaning().is_empty() && !Error::NO_SLOT.remedy().is_empty());
    check_equal!(Error::check(-999).map_err(Error::name), Err("unknown"));
    check_equal!(Error::check(3), Ok(()));
}

fn main() -> i32 {
    check_timer();
    check_memory();
    check_object();
    check_bulk();
    check_errors();
    tap::finish()
}
