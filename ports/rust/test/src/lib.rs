//! What `#[test]` needs: the crate `test` of capOS, in the place of Rust's own, which stands on
//! std.
//!
//! The compiler makes a constant of each test and a `main` that hands all of them to
//! [`test_main_static`]. Each runs in a thread of its own: a panic ends that thread alone. What
//! comes out is [TAP](https://testanything.org).
#![no_std]

extern crate alloc;
extern crate capos;

use alloc::format;
use core::fmt::Debug;

use capos::println;
use capos::threads::{Caught, catch};

/// How a test ended, when it ended by itself.
pub type Outcome = Result<(), ()>;

/// What a test may return.
pub trait TestResult {
    /// Says what is wrong, if something is.
    fn outcome(self) -> Outcome;
}

impl TestResult for () {
    fn outcome(self) -> Outcome {
        Ok(())
    }
}

impl<T: TestResult, E: Debug> TestResult for Result<T, E> {
    fn outcome(self) -> Outcome {
        match self {
            Ok(value) => value.outcome(),
            Err(error) => {
                comment(&format!("Error: {error:?}"));
                Err(())
            }
        }
    }
}

/// What the compiler puts around the call of a test.
pub fn assert_test_result<T: TestResult>(result: T) -> Outcome {
    result.outcome()
}

/// The name of a test.
pub enum TestName {
    /// The only kind that the compiler makes.
    StaticTestName(&'static str),
}

/// Whether a test is to panic.
pub enum ShouldPanic {
    /// It is not.
    No,
    /// It is.
    Yes,
    /// And its message is to have this in it.
    YesWithMessage(&'static str),
}

/// Where a test stands.
pub enum TestType {
    /// In the crate.
    UnitTest,
    /// In a folder `tests`.
    IntegrationTest,
    /// Somewhere.
    Unknown,
}

/// What the compiler knows of a test.
#[allow(missing_docs)]
pub struct TestDesc {
    pub name: TestName,
    pub ignore: bool,
    pub ignore_message: Option<&'static str>,
    pub source_file: &'static str,
    pub start_line: usize,
    pub start_col: usize,
    pub end_line: usize,
    pub end_col: usize,
    pub compile_fail: bool,
    pub no_run: bool,
    pub should_panic: ShouldPanic,
    pub test_type: TestType,
}

/// Benchmarks are not run.
pub struct Bencher;

/// The function of a test.
pub enum TestFn {
    /// `#[test]`
    StaticTestFn(fn() -> Outcome),
    /// `#[bench]`
    StaticBenchFn(fn(&mut Bencher) -> Outcome),
}

/// A test.
pub struct TestDescAndFn {
    /// What is known of it.
    pub desc: TestDesc,
    /// What it does.
    pub testfn: TestFn,
}

pub use TestFn::{StaticBenchFn, StaticTestFn};
pub use TestName::StaticTestName;

// ---- running them ------------------------------------------------------------------------------

/// Prints each line as a comment of TAP.
fn comment(text: &str) {
    for line in text.lines() {
        println!("# {line}");
    }
}

/// Runs one test in a thread of its own; true when it passes.
fn run_apart(desc: &TestDesc, function: fn() -> Outcome) -> bool {
    let outcome = match catch(function) {
        Ok(outcome) => outcome,
        Err(error) => {
            comment(&format!("no thread could be made for it: {error}"));
            return false;
        }
    };
    match (outcome, &desc.should_panic) {
        (Caught::Value(outcome), ShouldPanic::No) => outcome.is_ok(),
        (Caught::Value(_), _) => {
            comment("it did not panic as it should");
            false
        }
        (Caught::Panic(_), ShouldPanic::Yes) => true,
        (Caught::Panic(message), ShouldPanic::YesWithMessage(wanted))
            if message.contains(wanted) =>
        {
            true
        }
        (Caught::Panic(message), _) => {
            comment(&message);
            false
        }
    }
}

/// What `cargo test -- ARGUMENTS` asks for. Options that do not matter here are passed over.
struct Choice {
    is_exact: bool,
    ignored: bool,
    others: bool,
}

impl Choice {
    fn from_arguments() -> Self {
        let mut choice = Self { is_exact: false, ignored: false, others: true };
        for argument in capos::arguments().skip(1) {
            match argument {
                "--exact" => choice.is_exact = true,
                "--include-ignored" => choice.ignored = true,
                "--ignored" => (choice.ignored, choice.others) = (true, false),
                _ => {}
            }
        }
        choice
    }

    fn has(&self, name: &str) -> bool {
        let mut names =
            capos::arguments().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
        names.peek().is_none()
            || names
                .any(|wanted| if self.is_exact { name == wanted } else { name.contains(wanted) })
    }
}

/// Runs the tests. What the compiler makes `main` call.
pub fn test_main_static(tests: &[&TestDescAndFn]) {
    let choice = Choice::from_arguments();
    let name_of = |test: &TestDescAndFn| {
        let TestName::StaticTestName(name) = test.desc.name;
        name
    };
    let chosen = || tests.iter().filter(|test| choice.has(name_of(test)));
    let mut failures = 0;
    println!("1..{}", chosen().count());
    for (test, number) in chosen().zip(1..) {
        let is_wanted = if test.desc.ignore { choice.ignored } else { choice.others };
        match test.testfn {
            StaticTestFn(function) if is_wanted => {
                let is_passed = run_apart(&test.desc, function);
                failures += u32::from(!is_passed);
                println!(
                    "{} {number} - {}",
                    if is_passed { "ok" } else { "not ok" },
                    name_of(test)
                );
            }
            _ => println!("ok {number} - {} # SKIP", name_of(test)),
        }
    }
    if failures > 0 {
        // As Rust's own.
        capos::exit(101);
    }
}
