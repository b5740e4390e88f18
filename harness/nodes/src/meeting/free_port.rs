//! A port of this node that nobody uses, outside the range from which the kernel takes those of outgoing connections.
//!
//! Promise: it is bound while it is held, so that two that are asked for together differ. Rejected: any port that the kernel gives (between the look and the server's own bind it may give
//! it to a connection).

use std::io;
use std::net::{IpAddr, TcpListener};
use std::ops::RangeInclusive;

/// The first port that is tried: below are those of well-known services.
const FIRST: u16 = 20_000;
/// How many are tried before any port will do.
const TRIES: usize = 200;

/// A free port of the address, and what holds it.
pub(super) fn free_port(address: IpAddr) -> io::Result<(u16, TcpListener)> {
    let range = outside(std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok());
    let mut seed = [0; 8];
    let _ = getrandom::fill(&mut seed);
    let count = u64::from(range.end() - range.start()) + 1;
    let begin = u64::from_le_bytes(seed) % count;
    let ports = (0..count).map(|i| (begin + i) % count).take(TRIES);
    for offset in ports {
        let port = range.start() + u16::try_from(offset).unwrap_or(0);
        if let Ok(listener) = TcpListener::bind((address, port)) {
            return Ok((port, listener));
        }
    }
    let listener = TcpListener::bind((address, 0))?;
    Ok((listener.local_addr()?.port(), listener))
}

/// The larger part of the ports from 20,000 on that is outside of the kernel's range.
fn outside(kernel: Option<String>) -> RangeInclusive<u16> {
    let read = kernel.and_then(|text| {
        let mut numbers = text.split_ascii_whitespace().map(str::parse::<u16>);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    });
    let (low, high) = read.unwrap_or((32_768, 60_999));
    let below = FIRST..=low.saturating_sub(1).max(FIRST);
    let above = high.saturating_add(1).max(FIRST)..=u16::MAX;
    match below.len() >= above.len() {
        true => below,
        false => above,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_beside_that_of_the_kernel() {
        let of = |text: &str| outside(Some(text.to_owned()));
        assert_eq!(of("32768\t60999\n"), 20_000..=32_767);
        assert_eq!(of("15000 40000"), 40_001..=65_535);
        assert_eq!(of("nonsense"), 20_000..=32_767);
        assert_eq!(outside(None), 20_000..=32_767);
        // Everywhere: then any of them will do.
        assert!(!of("1024 65535").is_empty());
    }

    #[test]
    fn two_that_are_held_differ() {
        let address = "127.0.0.1".parse().unwrap();
        let (one, _held) = free_port(address).unwrap();
        let (two, _also) = free_port(address).unwrap();
        assert_ne!(one, two);
    }
}
