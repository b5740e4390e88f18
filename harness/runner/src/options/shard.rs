//! `--shard`: which part of the selection, written out or as a build server tells it.
//!
//! Promise: a pure function of the variables; what they say together is settled or refused, and never guessed: a half of a pair, an index out of range and two
//! build servers that disagree are errors that name the variables. One that does not split the job says nothing beside one that does.
//!
//! Rejected: taking these variables without being asked (a job that is split for another reason would silently test a part).

use std::ffi::OsString;

/// Where to look: who says it, its variables, and whether it counts from 1.
struct Source {
    who: &'static str,
    index: &'static str,
    count: &'static str,
    first: usize,
}

const fn source(
    who: &'static str,
    index: &'static str,
    count: &'static str,
    first: usize,
) -> Source {
    Source {
        who,
        index,
        count,
        first,
    }
}

/// Ours: for whoever splits jobs and has no variables, or other ones.
const INDEX: &str = "TRIBUNAL_SHARD_INDEX";
const COUNT: &str = "TRIBUNAL_SHARD_COUNT";

/// Every build server that is known. docs/ci.md has the same table.
const SOURCES: [Source; 10] = [
    source("Tribunal", INDEX, COUNT, 0),
    source("GitLab CI", "CI_NODE_INDEX", "CI_NODE_TOTAL", 1),
    source("CircleCI", "CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0),
    source(
        "Buildkite",
        "BUILDKITE_PARALLEL_JOB",
        "BUILDKITE_PARALLEL_JOB_COUNT",
        0,
    ),
    source(
        "Azure Pipelines",
        "SYSTEM_JOBPOSITIONINPHASE",
        "SYSTEM_TOTALJOBSINPHASE",
        1,
    ),
    source(
        "Bitbucket Pipelines",
        "BITBUCKET_PARALLEL_STEP",
        "BITBUCKET_PARALLEL_STEP_COUNT",
        0,
    ),
    source("Semaphore", "SEMAPHORE_JOB_INDEX", "SEMAPHORE_JOB_COUNT", 1),
    source("Bazel", "TEST_SHARD_INDEX", "TEST_TOTAL_SHARDS", 0),
    source("GoogleTest", "GTEST_SHARD_INDEX", "GTEST_TOTAL_SHARDS", 0),
    // Kubernetes tells a pod its index and never how many there are.
    source("an Indexed Job", "JOB_COMPLETION_INDEX", COUNT, 0),
];

/// Which part, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// This one of so many.
    Part(usize, usize),
    /// The one that the build server says.
    OfBuildServer,
}

/// Reads the value of the option.
pub(super) fn wanted(value: &str) -> Option<Wanted> {
    if matches!(value.trim(), "auto" | "ci") {
        return Some(Wanted::OfBuildServer);
    }
    let (k, n) = value.split_once('/')?;
    let (k, n) = (k.trim().parse().ok()?, n.trim().parse().ok()?);
    (1 <= k && k <= n).then_some(Wanted::Part(k, n))
}

/// The part that the variables of a build server say: from 1, of how many.
///
/// # Errors
/// They say none, half of one, or several that are not the same.
pub(super) fn of_build_server(
    env: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(usize, usize), String> {
    let mut said: Vec<(&Source, (usize, usize))> = vec![];
    let mut halves = vec![];
    for source in &SOURCES {
        let value = |name: &str| env(name).filter(|value| !value.is_empty());
        match (value(source.index), value(source.count)) {
            (None, None) => {}
            // GitLab says that there is one of a job that it does not split, and no index.
            (None, Some(count)) if count == "1" => said.push((source, (1, 1))),
            (None, Some(_)) => halves.push((source, false)),
            (Some(_), None) => halves.push((source, true)),
            (Some(index), Some(count)) => said.push((source, part(source, index, count)?)),
        }
    }
    // Two share a count: an index of either settles it.
    halves.retain(|(half, has_index)| {
        *has_index || !said.iter().any(|(source, _)| source.count == half.count)
    });
    if let Some((source, has_index)) = halves.first() {
        let (there, missing) = match has_index {
            true => (source.index, source.count),
            false => (source.count, source.index),
        };
        let also = match (missing == INDEX, missing == COUNT) {
            (true, _) => ", nor JOB_COMPLETION_INDEX",
            (_, true) => ", and nobody else tells how many there are",
            _ => "",
        };
        return Err(format!(
            "{there} is set and {missing} is not{also}\nhelp: set both, or write the part as K/N"
        ));
    }
    // A job that one build server does not split may be split by another.
    if said.iter().any(|(_, (_, count))| *count > 1) {
        said.retain(|(_, (_, count))| *count > 1);
    }
    let Some((first, part)) = said.first() else {
        let names: Vec<String> = SOURCES
            .iter()
            .map(|s| format!("{} and {} ({})", s.index, s.count, s.who))
            .collect();
        return Err(format!(
            "no build server says which part this is\nhelp: write the part as K/N, or set {INDEX} (from 0) and {COUNT}; looked for {}",
            names.join(", ")
        ));
    };
    match said.iter().find(|(_, other)| other != part) {
        None => Ok(*part),
        Some((second, other)) => Err(format!(
            "{} and {} say {}/{} ({}), {} and {} say {}/{} ({})\nhelp: write the part as K/N, or unset one of them",
            first.index,
            first.count,
            part.0,
            part.1,
            first.who,
            second.index,
            second.count,
            other.0,
            other.1,
            second.who
        )),
    }
}

fn part(source: &Source, index: OsString, count: OsString) -> Result<(usize, usize), String> {
    let number = |name: &str, value: OsString| {
        let text = value.to_string_lossy().into_owned();
        let number = text.trim().parse::<usize>();
        number.map_err(|_| format!("{name} is `{text}`, which is no number"))
    };
    let (index, count) = (number(source.index, index)?, number(source.count, count)?);
    let last = (count + source.first).saturating_sub(1);
    if index < source.first || index > last || count == 0 {
        return Err(format!(
            "{} is {index} and {} is {count}: it counts from {} up to {} there ({})",
            source.index,
            source.count,
            source.first,
            match source.first {
                0 => format!("one less than {}", source.count),
                _ => source.count.to_owned(),
            },
            source.who
        ));
    }
    Ok((index - source.first + 1, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(env: &[(&str, &str)]) -> Result<(usize, usize), String> {
        of_build_server(&|name| {
            let found = env.iter().find(|(there, _)| *there == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn each_build_server_is_understood_at_both_ends_of_its_count() {
        for (index, count, first) in [
            ("TRIBUNAL_SHARD_INDEX", "TRIBUNAL_SHARD_COUNT", 0),
            ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1),
            ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0),
            ("BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0),
            ("SYSTEM_JOBPOSITIONINPHASE", "SYSTEM_TOTALJOBSINPHASE", 1),
            (
                "BITBUCKET_PARALLEL_STEP",
                "BITBUCKET_PARALLEL_STEP_COUNT",
                0,
            ),
            ("SEMAPHORE_JOB_INDEX", "SEMAPHORE_JOB_COUNT", 1),
            ("TEST_SHARD_INDEX", "TEST_TOTAL_SHARDS", 0),
            ("GTEST_SHARD_INDEX", "GTEST_TOTAL_SHARDS", 0),
            ("JOB_COMPLETION_INDEX", "TRIBUNAL_SHARD_COUNT", 0),
        ] {
            let at = |value: usize| said(&[(index, &value.to_string()), (count, "4")]);
            assert_eq!(at(first), Ok((1, 4)), "{index}");
            assert_eq!(at(first + 3), Ok((4, 4)), "{index}");
            let beyond = at(first + 4).expect_err(index);
            assert!(beyond.contains(index) && beyond.contains(count), "{beyond}");
            if first == 1 {
                assert!(at(0).expect_err(index).contains("counts from 1"));
            }
        }
        assert_eq!(SOURCES.len(), 10, "each has a line above and in docs/ci.md");
    }

    #[test]
    fn what_is_half_said_or_not_at_all_is_an_error_that_names_what_was_looked_for() {
        for (env, parts) in [
            (
                &[][..],
                &["CI_NODE_INDEX", "BUILDKITE_PARALLEL_JOB", "K/N"][..],
            ),
            (
                &[("CI_NODE_INDEX", "")],
                &["no build server", "CI_NODE_INDEX"],
            ),
            (
                &[("CIRCLE_NODE_INDEX", "1")],
                &["CIRCLE_NODE_INDEX is set and CIRCLE_NODE_TOTAL is not"],
            ),
            (
                &[("CI_NODE_TOTAL", "3")],
                &["CI_NODE_TOTAL is set and CI_NODE_INDEX is not"],
            ),
            (
                &[("JOB_COMPLETION_INDEX", "1")],
                &[
                    "JOB_COMPLETION_INDEX is set and TRIBUNAL_SHARD_COUNT is not",
                    "nobody else",
                ],
            ),
            (
                &[("TRIBUNAL_SHARD_COUNT", "3")],
                &["TRIBUNAL_SHARD_INDEX is not", "JOB_COMPLETION_INDEX"],
            ),
            (
                &[("CI_NODE_INDEX", "two"), ("CI_NODE_TOTAL", "3")],
                &["CI_NODE_INDEX is `two`"],
            ),
            (
                &[("CIRCLE_NODE_INDEX", "0"), ("CIRCLE_NODE_TOTAL", "0")],
                &["CIRCLE_NODE_TOTAL is 0"],
            ),
            (
                &[("TEST_SHARD_INDEX", "-1"), ("TEST_TOTAL_SHARDS", "3")],
                &["`-1`, which is no number"],
            ),
        ] {
            let error = said(env).expect_err("nothing is settled");
            for part in parts {
                assert!(error.contains(part), "{env:?}: {error}");
            }
        }
    }

    #[test]
    fn several_must_agree_and_one_that_does_not_split_says_nothing() {
        let buildkite = [
            ("BUILDKITE_PARALLEL_JOB", "1"),
            ("BUILDKITE_PARALLEL_JOB_COUNT", "3"),
        ];
        let with = |more: &[(&'static str, &'static str)]| said(&[&buildkite, more].concat());
        assert_eq!(with(&[]), Ok((2, 3)));
        let same = [("TRIBUNAL_SHARD_INDEX", "1"), ("TRIBUNAL_SHARD_COUNT", "3")];
        assert_eq!(with(&same), Ok((2, 3)));
        assert_eq!(with(&[("CI_NODE_TOTAL", "1")]), Ok((2, 3)));
        let whole = [("CIRCLE_NODE_INDEX", "0"), ("CIRCLE_NODE_TOTAL", "1")];
        assert_eq!(with(&whole), Ok((2, 3)));
        assert_eq!(said(&whole), Ok((1, 1)));
        assert_eq!(said(&[("CI_NODE_TOTAL", "1")]), Ok((1, 1)));
        let job = [
            ("JOB_COMPLETION_INDEX", "0"),
            ("TRIBUNAL_SHARD_INDEX", "0"),
            ("TRIBUNAL_SHARD_COUNT", "2"),
        ];
        assert_eq!(said(&job), Ok((1, 2)));
        let error =
            with(&[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "3")]).expect_err("they disagree");
        for part in [
            "CI_NODE_INDEX and CI_NODE_TOTAL say 1/3 (GitLab CI)",
            "BUILDKITE_PARALLEL_JOB and BUILDKITE_PARALLEL_JOB_COUNT say 2/3 (Buildkite)",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}
