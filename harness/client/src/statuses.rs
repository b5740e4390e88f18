//! A set of HTTP statuses that a test accepts.

use std::ops::{Range, RangeInclusive};

/// A set of statuses: `400`, `[400, 422]`, `400..500`, `400..=499`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(Vec<RangeInclusive<u16>>);

impl Statuses {
    /// Whether `status` is in the set. An empty set contains none.
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl std::fmt::Display for Statuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no status at all");
        }
        for (position, range) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            if range.start() == range.end() {
                write!(f, "{comma}{}", range.start())?;
            } else {
                write!(f, "{comma}{} to {}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

impl From<u16> for Statuses {
    fn from(status: u16) -> Self {
        Self(vec![status..=status])
    }
}

impl<const N: usize> From<[u16; N]> for Statuses {
    fn from(statuses: [u16; N]) -> Self {
        statuses[..].into()
    }
}

impl From<&[u16]> for Statuses {
    fn from(statuses: &[u16]) -> Self {
        Self(statuses.iter().map(|status| *status..=*status).collect())
    }
}

impl From<RangeInclusive<u16>> for Statuses {
    fn from(range: RangeInclusive<u16>) -> Self {
        Self(vec![range])
    }
}

impl From<Range<u16>> for Statuses {
    fn from(range: Range<u16>) -> Self {
        if range.is_empty() {
            Self(Vec::new())
        } else {
            Self(vec![range.start..=range.end - 1])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_contains_what_it_says() {
        assert!(Statuses::from(400).contains(400) && !Statuses::from(400).contains(401));
        assert!(
            Statuses::from([400, 422]).contains(422) && !Statuses::from([400, 422]).contains(401)
        );
        assert!(Statuses::from(400..500).contains(499) && !Statuses::from(400..500).contains(500));
        assert!(Statuses::from(400..=500).contains(500));
        assert!(!Statuses::from(400..400).contains(400));
        assert_eq!(Statuses::from([400, 422]).to_string(), "400, 422");
        assert_eq!(Statuses::from(400..500).to_string(), "400 to 499");
    }
}
