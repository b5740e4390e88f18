//! Digests of files: sampled (size, beginning and end) or whole.
//!
//! Promise: a sampled digest costs two small reads whatever the size of the file, and differs where a copy was cut,
//! filled with zeros at an end, or belongs to another version of the model. A flipped bit in the middle is found only by
//! the whole digest, which is asked for.
//!
//! Rejected: always the whole. A model of 200 GB would be read three times for each copy.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use sha2::{Digest as _, Sha256};

/// How much of each end a sampled digest reads.
const END: u64 = 256 << 10;

/// How thorough a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Check {
    Sampled,
    Whole,
}

/// The digest of bytes in memory, 64 hexadecimal digits.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).as_slice())
}

/// The digest of a file's first `size` bytes. `stop` is asked between reads.
pub(crate) fn of_file(
    file: &mut File,
    size: u64,
    check: Check,
    stop: &dyn Fn() -> bool,
) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash.update(size.to_le_bytes());
    let ranges: &[(u64, u64)] = &match check {
        Check::Sampled if size > 2 * END => [(0, END), (size - END, END)],
        _ => [(0, size), (size, 0)],
    };
    let mut buffer = vec![0; 1 << 20];
    for &(from, length) in ranges {
        file.seek(SeekFrom::Start(from))?;
        let mut left = length;
        while left > 0 {
            if stop() {
                return Err(io::Error::from(io::ErrorKind::Interrupted));
            }
            let want = left.min(buffer.len() as u64) as usize;
            file.read_exact(&mut buffer[..want])?;
            hash.update(&buffer[..want]);
            left -= want as u64;
        }
    }
    Ok(hex(hash.finalize().as_slice()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn digest(content: &[u8], check: Check) -> String {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        of_file(&mut file, content.len() as u64, check, &|| false).unwrap()
    }

    #[test]
    fn ends_and_size_show_in_a_sampled_digest_and_all_in_a_whole_one() {
        let mut content = vec![7; 3 * END as usize];
        let (sampled, whole) = (
            digest(&content, Check::Sampled),
            digest(&content, Check::Whole),
        );
        content[(END + END / 2) as usize] = 8;
        assert_eq!(digest(&content, Check::Sampled), sampled);
        assert_ne!(digest(&content, Check::Whole), whole);
        for at in [0, content.len() - 1] {
            let mut other = content.clone();
            other[at] = 9;
            assert_ne!(digest(&other, Check::Sampled), sampled);
        }
        assert_ne!(digest(&content[1..], Check::Sampled), sampled);
        assert_eq!(digest(b"", Check::Sampled), digest(b"", Check::Whole));
    }

    #[test]
    fn a_file_that_is_shorter_than_said_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        let error = of_file(&mut file, 4, Check::Whole, &|| false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
