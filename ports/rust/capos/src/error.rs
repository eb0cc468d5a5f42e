//! Why the kernel refused.
use core::fmt;

use crate::generated::errors::DESCRIPTIONS;

/// An error of `schema/errors.capnp`: its code, minus the ordinal there.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Error(i64);

/// What most functions here return.
pub type Result<T = ()> = core::result::Result<T, Error>;

impl Error {
    pub(crate) const fn new(code: i64) -> Self {
        Self(code)
    }

    /// The result of an operation: 0, or more, is none.
    pub fn check(code: i64) -> Result {
        if code < 0 { Err(Self(code)) } else { Ok(()) }
    }

    /// The code, a negative number.
    pub const fn code(self) -> i64 {
        self.0
    }

    /// Such as `badAddress`.
    pub fn name(self) -> &'static str {
        self.description()[0]
    }

    /// What the code says.
    pub fn meaning(self) -> &'static str {
        self.description()[1]
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        self.description()[2]
    }

    fn description(self) -> &'static [&'static str; 3] {
        static UNKNOWN: [&str; 3] =
            ["unknown", "no error that this program knows", "build it anew"];
        usize::try_from(-self.0).ok().and_then(|code| DESCRIPTIONS.get(code)).unwrap_or(&UNKNOWN)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{} ({})", self.name(), self.0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}: {}; {}", self.name(), self.meaning(), self.remedy())
    }
}

impl core::error::Error for Error {}
