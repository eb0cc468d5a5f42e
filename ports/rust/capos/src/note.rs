//! What a program needs, said in its ELF notes, so that `capos run` can refuse it before boot and
//! name the flag to add. The client functions note what they use; [`require!`](crate::require)
//! declares what must be granted, under which name.
use crate::generated::layout;

const GRANT_BYTES: usize = 32;

/// A note as it stands in the program.
#[repr(C, packed(4))]
pub struct Require {
    name_size: u32,
    descriptor_size: u32,
    kind: u32,
    name: [u8; 8],
    interface: u64,
    grant: [u8; GRANT_BYTES],
}
const _: () = assert!(size_of::<Require>() == 60);

impl Require {
    /// A name has at most 31 bytes.
    pub const fn new(name: &str, interface: u64) -> Self {
        let mut grant = [0; GRANT_BYTES];
        let mut index = 0;
        assert!(name.len() < GRANT_BYTES, "the name of a grant has at most 31 bytes");
        while index < name.len() {
            grant[index] = name.as_bytes()[index];
            index += 1;
        }
        Self {
            name_size: 6,
            descriptor_size: (size_of::<u64>() + GRANT_BYTES) as u32,
            kind: layout::NOTE_REQUIRES as u32,
            name: *b"capOS\0\0\0",
            interface,
            grant,
        }
    }
}

/// Declares that the program cannot do without a capability of this interface under this name:
///
/// ```
/// capos::require!("timer", capos::timer::Timer);
/// ```
#[macro_export]
macro_rules! require {
    ($name:literal, $interface:ty) => {
        const _: () = {
            #[used]
            #[unsafe(link_section = ".note.capos")]
            static NOTE: $crate::note::Require =
                $crate::note::Require::new($name, <$interface as $crate::Interface>::ID);
        };
    };
}
