//! Small files of the kernel, read with a bound.
//!
//! Promise: no file is read beyond [`MOST`] bytes and none can make a probe fail. Rejected: `fs::read_to_string`, which
//! believes that a path below a given root is the small file that it is on a real system.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// The most that is read of one file: 64 KiB. The largest file of interest (a card's description in /proc) has about 1 KiB.
const MOST: u64 = 64 * 1024;

/// The file's text without white space at the ends; `None` where it cannot be read or is not text.
pub(crate) fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(MOST)
        .read_to_string(&mut text)
        .ok()?;
    Some(text.trim().to_string())
}

/// The file's text as a number.
pub(crate) fn number(path: &Path) -> Option<u64> {
    text(path)?.parse().ok()
}

/// The names in a folder, sorted; none where it cannot be read.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// The number after `prefix` in a name that has nothing else: `card0`, not `card0-DP-1`.
pub(crate) fn numbered(name: &str, prefix: &str) -> Option<u32> {
    let digits = name.strip_prefix(prefix)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_numbers_count() {
        let table = [
            ("card0", Some(0)),
            ("card12", Some(12)),
            ("card0-DP-1", None),
            ("card", None),
            ("card+1", None),
            ("x1", None),
        ];
        for (name, expected) in table {
            assert_eq!(numbered(name, "card"), expected, "{name}");
        }
        assert_eq!(numbered("card99999999999", "card"), None);
    }

    #[test]
    fn an_endless_file_is_read_to_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        fs::write(&path, "x".repeat(3 * MOST as usize)).unwrap();
        assert_eq!(text(&path).unwrap().len() as u64, MOST);
    }
}
