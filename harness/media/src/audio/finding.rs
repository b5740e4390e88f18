//! What is odd about a container that could be read all the same. A verdict decides which of it matters.

use std::fmt;

/// Something in a container that is not as the format wants it, and that did not keep it from being read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The header was written before the length was known (0, or a number as large as can be).
    StreamedSize {
        /// The length in the header, in bytes.
        declared: u64,
        /// The bytes that are there.
        actual: u64,
    },
    /// Fewer bytes than the header says, which looks like a length that was meant.
    Truncated {
        /// The length in the header, in bytes.
        declared: u64,
        /// The bytes that are there.
        actual: u64,
    },
    /// The bytes end within a frame.
    PartialFrame {
        /// How many bytes are left over.
        bytes: usize,
    },
    /// Several complete files, one after the other.
    SeveralFiles {
        /// How many.
        files: usize,
    },
    /// Bytes after the end that belong to nothing.
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
    /// The header's bytes per second do not follow from its other fields.
    ByteRate {
        /// What the header says.
        declared: u32,
        /// What rate, channels and sample size make.
        expected: u32,
    },
    /// Everything was decoded, and nothing says that it is the end: a stream that was never closed, or one that was cut off
    /// between two pieces.
    Unended,
    /// The decoder stopped before the end of the data, or left something away.
    Undecoded {
        /// What it said.
        why: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StreamedSize { declared, actual } => {
                write!(
                    f,
                    "the header of a stream: it declares {declared} bytes of audio, {actual} came"
                )
            }
            Self::Truncated { declared, actual } => {
                write!(
                    f,
                    "cut off: the header declares {declared} bytes of audio, {actual} came"
                )
            }
            Self::PartialFrame { bytes } => write!(
                f,
                "the audio ends within a frame ({bytes} bytes are left over)"
            ),
            Self::SeveralFiles { files } => {
                write!(f, "{files} files one after the other, each with a header")
            }
            Self::TrailingBytes { bytes } => {
                write!(f, "{bytes} bytes after the end that belong to nothing")
            }
            Self::ByteRate { declared, expected } => {
                write!(
                    f,
                    "the header declares {declared} bytes per second; its other fields make {expected}"
                )
            }
            Self::Unended => {
                write!(f, "no page says that it is the last: it may be cut off")
            }
            Self::Undecoded { why } => write!(f, "not decoded to the end: {why}"),
        }
    }
}
