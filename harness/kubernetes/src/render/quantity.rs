//! Amounts of a cluster: `16`, `512Gi`, `500m`, `1e3`.
//!
//! Promise: exact in thousandths, and an error for what a cluster would refuse too. Rejected: floating point (half a CPU more or less decides whether a quota
//! lets a pod in).

/// An amount, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(pub i128);

/// No amount that is written has more digits.
const MOST_DIGITS: usize = 30;

impl Quantity {
    /// None.
    pub const ZERO: Quantity = Quantity(0);

    /// A whole number.
    pub fn whole(number: i128) -> Quantity {
        Quantity(number.saturating_mul(1000))
    }

    /// Reads an amount as a cluster would. `None`: it would refuse it, or it is beyond all that can be meant.
    pub fn parse(text: &str) -> Option<Quantity> {
        let (sign, rest) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' => (1, &text[1..]),
            _ => (1, text),
        };
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty())
            || fraction.contains('.')
            || whole.len() + fraction.len() > MOST_DIGITS
        {
            return None;
        }
        let (numerator, denominator) = factor(suffix)?;
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        // A cluster rounds up what is finer than it counts.
        let over = digits.checked_mul(numerator)?.checked_mul(1000)?;
        let under = scale.checked_mul(denominator)?;
        Some(Quantity(sign * ((over + under - 1) / under)))
    }

    /// Both together.
    pub fn plus(self, other: Quantity) -> Quantity {
        Quantity(self.0.saturating_add(other.0))
    }

    /// What is left.
    pub fn minus(self, other: Quantity) -> Quantity {
        Quantity(self.0.saturating_sub(other.0))
    }

    /// As often as that.
    pub fn times(self, times: usize) -> Quantity {
        Quantity(
            self.0
                .saturating_mul(i128::try_from(times).unwrap_or(i128::MAX)),
        )
    }
}

/// As short as it can be said.
impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 % 1000 != 0 {
            return write!(f, "{}m", self.0);
        }
        let whole = self.0 / 1000;
        for (suffix, shift) in [("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)] {
            if whole != 0 && whole % (1_i128 << shift) == 0 {
                return write!(f, "{}{suffix}", whole >> shift);
            }
        }
        write!(f, "{whole}")
    }
}

/// What stands behind the number, as a fraction.
fn factor(suffix: &str) -> Option<(i128, i128)> {
    let powers = |list: &[&str], base: i128| {
        let at = list.iter().position(|known| *known == suffix)?;
        base.checked_pow(u32::try_from(at).ok()? + 1)
    };
    if suffix.is_empty() {
        return Some((1, 1));
    }
    if let Some(over) = powers(&["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"], 1024) {
        return Some((over, 1));
    }
    if let Some(over) = powers(&["k", "M", "G", "T", "P", "E"], 1000) {
        return Some((over, 1));
    }
    if let Some(under) = powers(&["m", "u", "n"], 1000) {
        return Some((1, under));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    Some(if exponent < 0 { (1, power) } else { (power, 1) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_as_a_cluster_reads_them() {
        for (text, want) in [
            ("16", 16_000),
            ("500m", 500),
            ("0.5", 500),
            ("1.5Gi", 1_610_612_736_000),
            ("2k", 2_000_000),
            ("1e3", 1_000_000),
            ("1E3", 1_000_000),
            ("1E", 1_000_000_000_000_000_000_000),
            ("100e-2", 1000),
            ("1u", 1),
            ("-3", -3000),
            (".5", 500),
        ] {
            assert_eq!(Quantity::parse(text), Some(Quantity(want)), "{text}");
        }
        for text in [
            "", "Gi", "1.2.3", "1GiB", "1 Gi", "1gi", "+", "1e", "1e99", "zwei", "1µ",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_are_said_shortly() {
        for text in ["16", "500m", "512Gi", "1536Mi", "0", "1000"] {
            assert_eq!(Quantity::parse(text).unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn nonsense_is_refused_and_never_a_panic(text in "[0-9.+-]{0,34}[eEkKMGTPEimun0-9-]{0,5}|\\PC{0,12}") {
            let _ = Quantity::parse(&text);
        }
    }
}
