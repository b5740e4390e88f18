//! One row of the table.
//!
//! Promise: a row passes, fails, or says why it cannot run here; none is left out silently.

use libtest_mimic::{Completion, Trial};

/// One row.
pub struct Row {
    name: &'static str,
    run: Run,
}

enum Run {
    Here(fn()),
    With(&'static str, fn()),
    Nowhere(&'static str),
}

impl Row {
    /// A row that runs everywhere.
    pub const fn here(name: &'static str, run: fn()) -> Row {
        Row {
            name,
            run: Run::Here(run),
        }
    }

    /// A row that runs where a program is on `PATH`.
    pub const fn with(program: &'static str, name: &'static str, run: fn()) -> Row {
        Row {
            name,
            run: Run::With(program, run),
        }
    }

    /// A line of the contract that no test can prove, and why; its name says so too.
    pub const fn cannot_run(name: &'static str, why: &'static str) -> Row {
        Row {
            name,
            run: Run::Nowhere(why),
        }
    }

    /// The row as a trial, named after its line.
    pub fn trial(self, module: &str) -> Trial {
        let name = format!("{module}::{}", self.name);
        let why = match &self.run {
            Run::Here(_) => None,
            Run::With(program, _) if crate::call::on_path(program) => None,
            Run::With(program, _) => Some(format!("{program} is not installed")),
            Run::Nowhere(why) => Some((*why).to_owned()),
        };
        // nextest knows no skip at run time and would show it as passed: there it must be ignored from the beginning.
        let ignored = why.is_some() && std::env::var_os("NEXTEST_EXECUTION_MODE").is_some();
        let trial = Trial::ignorable_test(name, move || match (self.run, why) {
            (_, Some(why)) => Ok(Completion::ignored_with(why)),
            (Run::Here(run) | Run::With(_, run), None) => {
                run();
                Ok(Completion::Completed)
            }
            (Run::Nowhere(why), None) => Ok(Completion::ignored_with(why)),
        });
        trial.with_ignored_flag(ignored)
    }
}

/// The rows of a module: functions by name, then those that need a program, then lines that cannot run.
macro_rules! rows {
    ($($($name:ident),+ $(,)?)? $(; with $program:literal: $($with:ident),* $(,)?)? $(; cannot run: $($cannot:ident = $why:literal),* $(,)?)?) => {
        /// The rows of this module.
        pub fn rows() -> Vec<crate::row::Row> {
            vec![
                $($(crate::row::Row::here(stringify!($name), $name),)+)?
                $($(crate::row::Row::with($program, stringify!($with), $with),)*)?
                $($(crate::row::Row::cannot_run(stringify!($cannot), $why),)*)?
            ]
        }
    };
}
pub(crate) use rows;
