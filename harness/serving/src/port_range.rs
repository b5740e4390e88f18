//! Which ports are leased: a range outside the ports that the kernel gives to connections, walked from a place that differs.

use std::ops::RangeInclusive;

/// The preferred ports: below the ephemeral range that Linux has by default (32768–60999), below 30000, where
/// Kubernetes puts node ports, and above the ports that well-known services use.
const PREFERRED: RangeInclusive<u16> = 20_000..=29_999;

/// The ports that are leased on this machine: outside the range from which the kernel takes ports for connections.
pub(crate) fn default_range() -> RangeInclusive<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    outside(text.ok().and_then(|t| parse_range(&t)))
}

fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse::<u16>);
    Some(numbers.next()?.ok()?..=numbers.next()?.ok()?)
}

/// The preferred ports without the ephemeral ones; if nothing is left of them, the wider side beside the ephemeral
/// range; if there is none either, the preferred ports all the same (the check by bind remains).
fn outside(ephemeral: Option<RangeInclusive<u16>>) -> RangeInclusive<u16> {
    let Some(ephemeral) = ephemeral.filter(|r| r.start() <= r.end()) else {
        return PREFERRED;
    };
    let sides = |all: RangeInclusive<u16>| {
        let below = *all.start()..=(*all.end()).min(ephemeral.start().saturating_sub(1));
        let above = (*all.start()).max(ephemeral.end().saturating_add(1))..=*all.end();
        if below.len() >= above.len() {
            below
        } else {
            above
        }
    };
    [
        sides(PREFERRED),
        sides(10_000..=65_535),
        sides(1_024..=65_535),
    ]
    .into_iter()
    .find(|range| range.len() >= 100 && !ephemeral.contains(range.start()))
    .unwrap_or(PREFERRED)
}

/// The first ports of all blocks of `count` that lie within the range; empty where it is too small.
pub(crate) fn firsts(range: &RangeInclusive<u16>, count: u16) -> RangeInclusive<u16> {
    let start = (*range.start()).max(1);
    // An empty range is one whose end lies before its start, which has no literal that reads well.
    let end = range.end().checked_sub(count - 1).unwrap_or(0);
    start..=end
}

/// All ports of the range once, beginning at a place that depends on the seed.
pub(crate) fn from_somewhere(range: &RangeInclusive<u16>, seed: u64) -> impl Iterator<Item = u16> {
    let length = range.len() as u64;
    // Fibonacci hashing: neighbouring seeds land far apart.
    let start = (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16) % length.max(1);
    let first = u64::from(*range.start());
    (0..length).filter_map(move |i| u16::try_from(first + (start + i) % length).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_avoids_the_ephemeral_ports() {
        for (text, expected) in [
            ("32768\t60999\n", 20_000..=29_999),
            ("16000 65000", 10_000..=15_999),
            ("10000 65535", 1_024..=9_999),
            ("10000 30000", 30_001..=65_535),
            ("25000 60000", 20_000..=24_999),
            ("1024 65535", 20_000..=29_999),
            ("nonsense", 20_000..=29_999),
            ("9 3", 20_000..=29_999),
        ] {
            assert_eq!(outside(parse_range(text)), expected, "{text}");
        }
    }

    #[test]
    fn blocks_lie_within_the_range() {
        assert_eq!(firsts(&(20..=24), 1), 20..=24);
        assert_eq!(firsts(&(20..=24), 5), 20..=20);
        assert!(firsts(&(0..=24), 25).is_empty(), "port 0 is none");
        assert!(firsts(&(20..=24), 6).is_empty());
        assert!(firsts(&(1..=3), 60_000).is_empty());
    }

    #[test]
    fn every_port_comes_once_from_wherever() {
        for seed in 0..50 {
            let mut ports: Vec<u16> = from_somewhere(&(65_530..=65_535), seed).collect();
            ports.sort_unstable();
            assert_eq!(ports, [65_530, 65_531, 65_532, 65_533, 65_534, 65_535]);
        }
        #[expect(
            clippy::reversed_empty_ranges,
            reason = "an empty range is what is tested"
        )]
        let empty = 5..=4;
        assert_eq!(from_somewhere(&empty, 1).count(), 0);
    }
}
