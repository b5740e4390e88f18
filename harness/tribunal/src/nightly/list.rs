//! What each thing that a file asks came to, and how a test ends of all of them.
//!
//! Promise: pure; one list of all failures, each with what it was and why. What could not be done is said; where nothing could be, the test is skipped.

use std::fmt::Write as _;

/// How one of them ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ruling {
    /// As the file wants it.
    Passed,
    /// Not as the file wants it, or with an error.
    Failed(String),
    /// It could not be done here.
    NotMade(String),
    /// It was done, and what it would be held against does not apply to a rehearsal.
    Rehearsed,
}

impl Ruling {
    /// As results have it.
    pub fn word(&self) -> &'static str {
        match self {
            Ruling::Passed => "pass",
            Ruling::Failed(_) => "fail",
            Ruling::NotMade(_) => "not made",
            Ruling::Rehearsed => "rehearsed",
        }
    }

    /// Why, where there is something to say.
    pub fn why(&self) -> Option<&str> {
        match self {
            Ruling::Failed(why) | Ruling::NotMade(why) => Some(why),
            Ruling::Passed | Ruling::Rehearsed => None,
        }
    }
}

/// One thing that the file asks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Done {
    /// What the file calls it, and where: `perf (line 110)`.
    pub what: String,
    /// How it ended.
    pub ruling: Ruling,
}

/// How a test ends.
#[derive(Debug, PartialEq)]
pub(super) enum End {
    /// Everything that was done is as the file wants it; what was not done stands in the notes.
    Passed {
        /// One for each thing that was not done.
        notes: Vec<String>,
    },
    /// Nothing was done.
    Skipped(String),
    /// Something is not as the file wants it.
    Failed(String),
}

/// Adds up: `of` is what the file calls the layout, `results` where they lie.
pub(super) fn end(of: &str, results: &str, done: &[Done]) -> End {
    let pick = |wanted: fn(&Ruling) -> bool| {
        let there = done.iter().filter(move |one| wanted(&one.ruling));
        there
            .map(|one| format!("{}: {}", one.what, one.ruling.why().unwrap_or_default()))
            .collect::<Vec<String>>()
    };
    let failed = pick(|ruling| matches!(ruling, Ruling::Failed(_)));
    let open = pick(|ruling| matches!(ruling, Ruling::NotMade(_)));
    if !failed.is_empty() {
        let mut text = format!("{} of {} fail: {of}", failed.len(), done.len());
        for line in &failed {
            let _ = write!(text, "\n  {}", line.replace('\n', "\n    "));
        }
        for line in &open {
            let _ = write!(text, "\n  not made: {}", line.replace('\n', "\n    "));
        }
        let _ = write!(text, "\nhelp: {results} has the figures and the commands");
        return End::Failed(text);
    }
    if open.len() == done.len() {
        return End::Skipped(format!(
            "nothing of {of} can be done here: {}",
            open.join("; ")
        ));
    }
    let notes = open.into_iter().map(|text| format!("not made: {text}"));
    End::Passed {
        notes: notes.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(what: &str, ruling: Ruling) -> Done {
        Done {
            what: what.to_owned(),
            ruling,
        }
    }

    #[test]
    fn all_failures_are_in_one_list() {
        let bad = |why: &str| Ruling::Failed(why.to_owned());
        let gone = Ruling::NotMade("no data".to_owned());
        let all = [
            done("completion", bad("empty")),
            done("perf (line 3)", Ruling::Passed),
            done("acc (line 9)", gone.clone()),
            done("slow (line 12)", bad("too slow\nby half")),
        ];
        let End::Failed(text) = end("two nodes", "r.json", &all) else {
            panic!("it fails");
        };
        assert_eq!(
            text,
            "2 of 4 fail: two nodes\n  completion: empty\n  slow (line 12): too slow\n    by half\n  not made: acc (line 9): no data\nhelp: r.json has the figures and the commands"
        );
        let passed = end("two nodes", "r.json", &all[1..3]);
        let notes = vec!["not made: acc (line 9): no data".to_owned()];
        assert_eq!(passed, End::Passed { notes });
        let rehearsed = [done("perf", Ruling::Rehearsed), done("acc", gone)];
        assert!(matches!(end("x", "r", &rehearsed), End::Passed { .. }));
        let End::Skipped(text) = end("two nodes", "r.json", &all[2..3]) else {
            panic!("nothing was done");
        };
        assert!(text.contains("acc (line 9): no data"), "{text}");
    }
}
