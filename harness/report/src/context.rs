//! What a report needs beside the events: how the run was asked for.

use tribunal_runner::{Filter, LevelInForce, NoTests, Options, Severity, exit_code as code};
use tribunal_stages::Narrowing;
use tribunal_vocabulary::Vocabulary;

/// The frame of a run.
pub struct Context {
    /// Deployments that were asked for and are not installed, so that nothing of theirs was executed.
    pub absent: Vec<String>,
    /// The level in force.
    pub level: LevelInForce,
    /// What `--changed-since` found.
    pub narrowing: Option<Narrowing>,
    /// How many cases each filter removed.
    pub removed: Vec<(Filter, usize)>,
    /// How many cases were selected.
    pub selected: usize,
    /// What declared priorities require and no test covers; none where nobody looked.
    pub gaps: Option<Vec<String>>,
    /// The options.
    pub options: Options,
    /// Findings that do not stop the run: how many of each severity.
    pub findings: Vec<Severity>,
    /// The vocabulary.
    pub vocabulary: &'static Vocabulary,
}

impl Context {
    /// How many cases the filters removed.
    pub fn filtered_out(&self) -> usize {
        self.removed.iter().map(|(_, n)| n).sum()
    }

    /// The first line of a run.
    pub fn first_line(&self) -> String {
        let all = self.selected + self.filtered_out();
        let mut line = format!(
            "run level {} ({}), {} of {all} case{} selected",
            self.level.name,
            self.level.because,
            self.selected,
            if all == 1 { "" } else { "s" }
        );
        if let Some(layout) = &self.options.simulate_devices {
            line.push_str(&format!(", on simulated devices ({layout})"));
        }
        if let Some(layout) = &self.options.devices {
            line.push_str(&format!(", as if there were the devices {layout}"));
        }
        if let Some(narrowing) = &self.narrowing {
            line.push_str(&format!(", {}", narrowing.summary()));
        }
        if let Some(seed) = self.options.shuffle {
            line.push_str(&format!(", shuffle seed {seed}"));
        }
        line
    }

    /// What removed the others: `12 by level, 3 by -m`.
    pub fn removed_text(&self) -> String {
        self.removed
            .iter()
            .map(|(f, n)| format!("{n} by {}", f.name()))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Whether an empty run is a failure: under a selector, unless a shard or a diff left nothing, or nothing has the name that was asked for.
    pub fn empty_is(&self) -> NoTests {
        let by_name = |f: &Filter| matches!(f, Filter::Name | Filter::Skip | Filter::Keyword);
        let only_names = !self.removed.is_empty() && self.removed.iter().all(|(f, _)| by_name(f));
        let part = |f: &Filter| matches!(f, Filter::Shard | Filter::Changed | Filter::LastFailed);
        let by_part = only_names || self.removed.iter().any(|(f, _)| part(f));
        match self.options.no_tests {
            Some(n) => n,
            None if self.options.bench || self.options.ignored => NoTests::Pass,
            None if self.options.has_selector() && !by_part => NoTests::Fail,
            None => NoTests::Warn,
        }
    }

    /// The exit code where a deployment that was asked for is not installed and nothing else failed.
    pub fn absent_code(&self) -> u8 {
        match self.options.no_tests {
            Some(NoTests::Pass | NoTests::Warn) => 0,
            _ if self.absent.is_empty() => 0,
            _ => code::NOTHING_EXECUTED,
        }
    }

    /// The exit code of an empty run.
    pub fn empty_code(&self) -> u8 {
        if self.empty_is() == NoTests::Fail {
            code::NOTHING_EXECUTED
        } else {
            0
        }
    }
}
