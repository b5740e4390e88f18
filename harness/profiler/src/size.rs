//! Sizes of memory, as people read them.

/// 2^20 bytes.
pub const MIB: u64 = 1 << 20;
/// 2^30 bytes.
pub const GIB: u64 = 1 << 30;

/// In MiB below 1024 of them, else in GiB with one decimal.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < GIB {
        format!("{} MiB", bytes / MIB)
    } else {
        gib(bytes as f64)
    }
}

/// In GiB with one decimal, however little.
pub(crate) fn gib(bytes: f64) -> String {
    format!("{:.1} GiB", bytes / GIB as f64)
}

/// A difference, with its sign.
pub(crate) fn difference(bytes: i64) -> String {
    let sign = if bytes < 0 { "-" } else { "+" };
    match bytes.unsigned_abs() {
        0 => "0 MiB".into(),
        bytes => format!("{sign}{}", size(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_changes_at_1024_mib() {
        for (bytes, expected) in [
            (0, "0 MiB"),
            (1023 * MIB + MIB / 2, "1023 MiB"),
            (1024 * MIB, "1.0 GiB"),
            (18944 * MIB, "18.5 GiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
        assert_eq!(gib(0.0), "0.0 GiB");
        assert_eq!(gib(0.359375 * (48 * GIB) as f64), "17.2 GiB");
        assert_eq!(difference(-(60 * MIB as i64)), "-60 MiB");
        assert_eq!(difference(2 * GIB as i64), "+2.0 GiB");
        assert_eq!(difference(0), "0 MiB");
    }
}
