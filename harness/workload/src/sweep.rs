//! A block and its steps.
//!
//! One number stands for a list of one; a list of one is repeated until it fits the other list; two longer lists must be of one length. A block sweeps a rate or
//! a concurrency, never both. Every step stands alone: nothing of one reaches the next.

/// Where a step stands in its sweep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Point {
    /// So many requests for each second; infinite: all at once.
    Rate(f64),
    /// So many requests under way at once.
    Concurrency(u32),
    /// All at once.
    AtOnce,
}

impl Point {
    /// What stands for it in a baseline that has one value for each point.
    pub(crate) fn is(&self, key: &str) -> bool {
        let key = key.trim();
        let infinite = matches!(key.to_ascii_lowercase().as_str(), "inf" | "infinity");
        match self {
            Point::Rate(rate) if rate.is_infinite() => infinite,
            Point::Rate(rate) => key.parse() == Ok(*rate),
            // As Python writes an integer, and as it writes the same as a float.
            Point::Concurrency(many) => key.parse() == Ok(f64::from(*many)),
            Point::AtOnce => infinite,
        }
    }

    /// As a part of a name.
    pub(crate) fn name(&self) -> String {
        match self {
            Point::Rate(rate) => format!("r{rate}"),
            Point::Concurrency(many) => format!("c{many}"),
            Point::AtOnce => "all".to_owned(),
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        match self {
            Point::Rate(rate) if rate.is_infinite() => "rate inf".to_owned(),
            Point::Rate(rate) => format!("rate {rate}"),
            Point::Concurrency(many) => format!("concurrency {many}"),
            Point::AtOnce => "all at once".to_owned(),
        }
    }

    /// How many warm-ups the reference sends where a block says nothing: 2, and with a concurrency at least that many.
    pub(crate) fn warmups(&self) -> u32 {
        match self {
            Point::Concurrency(many) => (*many).max(2),
            _ => 2,
        }
    }
}

/// The steps: how many requests at which point.
///
/// # Errors
/// The lists are of different lengths.
pub(crate) fn expand(prompts: &[u32], points: &[Point]) -> Result<Vec<(u32, Point)>, ()> {
    match (prompts, points) {
        ([prompts], points) => Ok(points.iter().map(|point| (*prompts, *point)).collect()),
        (prompts, [point]) => Ok(prompts.iter().map(|prompts| (*prompts, *point)).collect()),
        (prompts, points) if prompts.len() == points.len() => Ok(prompts
            .iter()
            .copied()
            .zip(points.iter().copied())
            .collect()),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_one_are_repeated_and_others_must_fit() {
        let c =
            |many: &[u32]| -> Vec<Point> { many.iter().map(|c| Point::Concurrency(*c)).collect() };
        assert_eq!(
            expand(&[10], &c(&[1, 4])),
            Ok(vec![
                (10, Point::Concurrency(1)),
                (10, Point::Concurrency(4))
            ])
        );
        assert_eq!(
            expand(&[10, 20], &c(&[1])),
            Ok(vec![
                (10, Point::Concurrency(1)),
                (20, Point::Concurrency(1))
            ])
        );
        assert_eq!(
            expand(&[10, 20], &[Point::Rate(0.5), Point::Rate(f64::INFINITY)]),
            Ok(vec![
                (10, Point::Rate(0.5)),
                (20, Point::Rate(f64::INFINITY))
            ])
        );
        assert_eq!(expand(&[1, 2, 3], &c(&[1, 2])), Err(()));
        assert_eq!(expand(&[1, 2], &c(&[1, 2, 3])), Err(()));
    }

    #[test]
    fn keys_of_baselines_mean_points() {
        for (point, key, want) in [
            (Point::Concurrency(4), "4", true),
            (Point::Concurrency(4), "4.0", true),
            (Point::Concurrency(4), "40", false),
            (Point::Rate(0.5), "0.5", true),
            (Point::Rate(1.0), "1", true),
            (Point::Rate(f64::INFINITY), "inf", true),
            (Point::Rate(f64::INFINITY), "Infinity", true),
            (Point::Rate(1.0), "inf", false),
            (Point::Rate(1.0), "", false),
        ] {
            assert_eq!(point.is(key), want, "{point:?} {key}");
        }
    }

    #[test]
    fn warmups_where_nothing_is_said() {
        assert_eq!(Point::Rate(0.5).warmups(), 2);
        assert_eq!(Point::Concurrency(1).warmups(), 2);
        assert_eq!(Point::Concurrency(8).warmups(), 8);
    }
}
