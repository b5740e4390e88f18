//! Small helpers for bytes from outside.

/// The first bytes, for a message: as text where they are printable, in hexadecimal otherwise.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(16)];
    if head.is_empty() {
        "nothing".to_owned()
    } else if head.iter().all(|b| (0x20..0x7F).contains(b)) {
        format!("`{}`", String::from_utf8_lossy(head))
    } else {
        head.iter()
            .take(8)
            .map(|b| format!("{b:02x}"))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// A number of `n` bytes (at most eight count), the high one first; `None` where the bytes end before it.
pub(crate) fn be(bytes: &[u8], at: usize, n: usize) -> Option<u64> {
    Some(
        bytes
            .get(at..at.checked_add(n)?)?
            .iter()
            .fold(0, |v, b| v << 8 | u64::from(*b)),
    )
}
