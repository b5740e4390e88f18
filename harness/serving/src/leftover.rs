//! What a server left behind that is no process and no port.
//!
//! Plain data with a name and a remedy for each kind. Shared memory stays when its last user ends: only a name that
//! somebody removes frees it, and a server that was killed removes none.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Something of a server that is still there when its last process has ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Leftover {
    /// POSIX shared memory or a POSIX semaphore: a file in `/dev/shm`.
    SharedMemory {
        /// Its path.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// A System V shared memory segment.
    SystemV {
        /// Its number, as `ipcs -m` lists it.
        id: i32,
        /// Its size.
        bytes: u64,
    },
    /// A container that its runtime still lists.
    Container {
        /// Its id.
        id: String,
        /// The runtime, as it was called.
        runtime: String,
        /// Why the runtime could not be asked whether it is gone; `None` where it said that it is not.
        unasked: Option<String>,
    },
}

impl Leftover {
    /// The command that removes it.
    pub fn remedy(&self) -> String {
        match self {
            Leftover::SharedMemory { path, .. } => {
                let path = path.to_string_lossy();
                let plain = |c: char| c.is_ascii_alphanumeric() || "-_./@%+:,".contains(c);
                if path.chars().all(plain) {
                    format!("rm {path}")
                } else {
                    let path = crate::text::printable(&path).replace('\'', "'\\''");
                    format!("rm '{path}'")
                }
            }
            Leftover::SystemV { id, .. } => format!("ipcrm -m {id}"),
            Leftover::Container { id, runtime, .. } => format!("{runtime} rm --force {id}"),
        }
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Leftover::SharedMemory { path, bytes } => {
                let path = crate::text::printable(&path.to_string_lossy());
                write!(f, "{path} ({bytes} bytes)")
            }
            Leftover::SystemV { id, bytes } => write!(f, "System V segment {id} ({bytes} bytes)"),
            Leftover::Container { id, unasked, .. } => {
                write!(f, "container {}", id.get(..12).unwrap_or(id))?;
                match unasked {
                    Some(why) => write!(f, " (not known for certain: {why})"),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_can_be_pasted_into_a_shell() {
        for (path, remedy) in [
            ("/dev/shm/psm_1", "rm /dev/shm/psm_1"),
            ("/dev/shm/a b'c", "rm '/dev/shm/a b'\\''c'"),
            ("/dev/shm/$(x)", "rm '/dev/shm/$(x)'"),
        ] {
            let path = path.into();
            assert_eq!(Leftover::SharedMemory { path, bytes: 1 }.remedy(), remedy);
        }
        let segment = Leftover::SystemV { id: 7, bytes: 4096 };
        assert_eq!(
            (segment.remedy(), segment.to_string()),
            (
                "ipcrm -m 7".into(),
                "System V segment 7 (4096 bytes)".into()
            )
        );
    }
}
