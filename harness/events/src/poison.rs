//! Many unrelated cases that fall at one instant: the machine's doing, not theirs.
//!
//! Promise: a pure function of when cases failed, how long they had run and which fixtures they shared; cases of one server that died are related, and
//! short cases are not asked, since they fail close to one another for any reason. Rejected: classing each case for itself (a service that all need
//! and that the kernel ended looks like so many time-outs).

/// Failures further apart belong to different instants, seconds.
const INSTANT: f64 = 2.0;
/// Cases that ran shorter fail at one instant anyway, seconds.
const SHORT: f64 = 1.0;
/// So many tests that have nothing in common.
const MANY: usize = 3;

/// A case that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Fallen {
    /// When, in seconds of any clock.
    pub at: f64,
    /// How long it had run, seconds.
    pub seconds: f64,
    /// Its test.
    pub test: String,
    /// Keys of the fixtures that it shared with others.
    pub shared: Vec<String>,
}

/// An instant at which many unrelated cases failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Poisoned {
    /// The first of them, in seconds of the same clock.
    pub at: f64,
    /// The last of them.
    pub until: f64,
    /// Their tests, each once.
    pub tests: Vec<String>,
    /// All had run for the same time: a limit was over.
    pub same_length: bool,
}

impl Poisoned {
    /// For people.
    pub fn text(&self) -> String {
        let same = match self.same_length {
            true => ", all after the same time",
            false => "",
        };
        let shown = match self.tests.len() {
            n @ 4.. => format!("{} and {} more", self.tests[..3].join(", "), n - 3),
            _ => self.tests.join(", "),
        };
        format!(
            "infrastructure: {} tests that share nothing failed within {:.1} s of each other{same}: {shown}\nhelp: look at what they all needed at that instant (memory of the host, a service, the network) before their own failures",
            self.tests.len(),
            self.until - self.at
        )
    }
}

/// The instants at which many unrelated cases failed, in order.
pub fn poisoned(fallen: &[Fallen]) -> Vec<Poisoned> {
    let mut asked: Vec<&Fallen> = fallen
        .iter()
        .filter(|f| f.seconds >= SHORT && f.at.is_finite())
        .collect();
    asked.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut found = vec![];
    let mut rest = asked.as_slice();
    while let Some(first) = rest.first() {
        let here = rest.partition_point(|f| f.at - first.at <= INSTANT);
        let group = &rest[..here];
        if unrelated(group) >= MANY {
            let mut tests: Vec<String> = group.iter().map(|f| f.test.clone()).collect();
            tests.sort();
            tests.dedup();
            let shortest = group
                .iter()
                .map(|f| f.seconds)
                .fold(f64::INFINITY, f64::min);
            let longest = group.iter().map(|f| f.seconds).fold(0.0, f64::max);
            found.push(Poisoned {
                at: first.at,
                until: group.last().map_or(first.at, |f| f.at),
                tests,
                same_length: longest - shortest <= longest * 0.01,
            });
            rest = &rest[here..];
        } else {
            rest = &rest[1..];
        }
    }
    found
}

/// How many groups there are that have neither a test nor a fixture in common.
fn unrelated(group: &[&Fallen]) -> usize {
    let mut groups: Vec<Vec<&str>> = vec![];
    for fallen in group {
        let mut own: Vec<&str> = fallen.shared.iter().map(String::as_str).collect();
        own.push(&fallen.test);
        let (related, mut others): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|names| names.iter().any(|name| own.contains(name)));
        own.extend(related.into_iter().flatten());
        others.push(own);
        groups = others;
    }
    groups.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fallen(at: f64, seconds: f64, test: &str, shared: &[&str]) -> Fallen {
        Fallen {
            at,
            seconds,
            test: test.into(),
            shared: shared.iter().map(|s| (*s).to_owned()).collect(),
        }
    }

    #[test]
    fn many_at_one_instant_are_one_event() {
        let all = [
            fallen(601.9, 601.7, "a", &[]),
            fallen(10.0, 3.0, "z", &[]),
            fallen(602.1, 601.7, "b", &["server(x)"]),
            fallen(602.4, 601.8, "c", &["server(y)"]),
        ];
        let found = poisoned(&all);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].tests, ["a", "b", "c"]);
        assert!(found[0].same_length);
        assert!(
            found[0].text().starts_with("infrastructure: 3 tests"),
            "{}",
            found[0].text()
        );
    }

    #[test]
    fn users_of_one_server_and_cases_of_one_test_are_related() {
        let server: Vec<Fallen> = ["a", "b", "c", "d"]
            .iter()
            .map(|t| fallen(5.0, 4.0, t, &["server(x)"]))
            .collect();
        assert_eq!(poisoned(&server), []);
        let test: Vec<Fallen> = (0..5).map(|_| fallen(5.0, 4.0, "a", &[])).collect();
        assert_eq!(poisoned(&test), []);
        // Two servers that one case joins are one.
        let joined = [
            fallen(5.0, 4.0, "a", &["x"]),
            fallen(5.0, 4.0, "b", &["y"]),
            fallen(5.0, 4.0, "c", &["x", "y"]),
        ];
        assert_eq!(poisoned(&joined), []);
    }

    #[test]
    fn short_cases_and_failures_far_apart_are_nothing() {
        let short: Vec<Fallen> = ["a", "b", "c", "d"]
            .iter()
            .map(|t| fallen(1.0, 0.01, t, &[]))
            .collect();
        assert_eq!(poisoned(&short), []);
        let apart = [
            fallen(0.0, 9.0, "a", &[]),
            fallen(1.9, 9.0, "b", &[]),
            fallen(3.8, 9.0, "c", &[]),
        ];
        assert_eq!(poisoned(&apart), []);
    }
}
