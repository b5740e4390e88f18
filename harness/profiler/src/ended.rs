//! How a run ended: passed, out of memory, or broken for another reason.
//!
//! Promise: only words that say that a *device* had too little memory make a failure one of memory; everything else is a failure that
//! must be looked at. Rejected: taking every failure for want of memory, which turns a flaky test into a need of 48 GiB.

/// The end of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The test passed.
    Passed,
    /// A device had too little memory: the line that says so.
    OutOfMemory(String),
    /// It failed, and nothing says that memory was the reason.
    Broken {
        /// The exit code, where it ended by itself.
        code: Option<i32>,
        /// What it said, in a line.
        why: String,
    },
    /// It did not end in time and was stopped.
    TimedOut,
}

/// Pieces of a line, in small letters, that say that a device had too little memory.
const WORDS: [&str; 23] = [
    "cuda out of memory",
    "hip out of memory",
    "npu out of memory",
    "xpu out of memory",
    "cuda error: out of memory",
    "hip error: out of memory",
    "cuda_error_out_of_memory",
    "hiperroroutofmemory",
    "malloc failed: out of memory",
    "outofmemoryerror",
    "is less than desired gpu memory utilization",
    "no available memory for the cache blocks",
    "larger than the available kv cache memory",
    "larger than the maximum number of tokens that can be stored in kv cache",
    "increase --mem-fraction-static",
    "failed to allocate kv cache",
    "not enough memory",
    "cannot allocate memory",
    "cannot allocate kv",
    "oom-kill",
    "resource_exhausted",
    // What the harness itself says of a server's start.
    "the device has too little free memory",
    "device out of memory",
];

impl Ended {
    /// The end of a run that failed, read from what it printed.
    pub fn failed(code: Option<i32>, output: &str) -> Ended {
        let said = output.lines().find(|line| {
            let small = line.to_lowercase();
            WORDS.iter().any(|word| small.contains(word))
        });
        match said {
            Some(line) => Ended::OutOfMemory(one_line(line)),
            None => Ended::Broken {
                code,
                why: output
                    .lines()
                    .rev()
                    .find(|line| !line.trim().is_empty())
                    .map(one_line)
                    .unwrap_or_default(),
            },
        }
    }

    /// Whether the test passed.
    pub fn passed(&self) -> bool {
        *self == Ended::Passed
    }

    /// Whether it failed for a reason that is not known to be memory.
    pub(crate) fn unclear(&self) -> bool {
        matches!(self, Ended::Broken { .. } | Ended::TimedOut)
    }

    /// The exit code for whoever passes the failure on.
    pub fn code(&self) -> i32 {
        match self {
            Ended::Passed => 0,
            Ended::Broken {
                code: Some(code), ..
            } if *code != 0 => *code,
            _ => 1,
        }
    }
}

/// One line for a terminal, not endless and without control characters.
fn one_line(text: &str) -> String {
    const MOST: usize = 240;
    // A log that is quoted has a bar before each line.
    let text = text.trim();
    text.strip_prefix("| ")
        .unwrap_or(text)
        .chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|c| !c.is_control())
        .take(MOST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_engines_say_of_memory() {
        for line in [
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
            "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
            "RuntimeError: CUDA error: out of memory",
            "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.",
            "kernel: oom-kill: constraint=CONSTRAINT_MEMCG",
            "cudaMalloc failed: out of memory",
            "OSError: Cannot allocate memory",
        ] {
            let text = format!("starting\n  {line}\nexit\n");
            assert_eq!(
                Ended::failed(Some(1), &text),
                Ended::OutOfMemory(line.into()),
                "{line}"
            );
        }
    }

    #[test]
    fn other_failures_are_not_blamed_on_memory() {
        for text in [
            "assertion failed: left == right\n\n",
            "test memory::of_the_past ... FAILED",
            "connection refused",
        ] {
            let ended = Ended::failed(Some(101), text);
            let why = text.trim().to_owned();
            assert_eq!(
                ended,
                Ended::Broken {
                    code: Some(101),
                    why
                }
            );
            assert_eq!(ended.code(), 101);
        }
        assert_eq!(Ended::failed(None, "").code(), 1);
        assert_eq!(Ended::TimedOut.code(), 1);
    }

    #[test]
    fn a_line_from_outside_does_not_tear_the_terminal() {
        let long = format!("\u{1b}[31mCUDA out of memory {}", "x".repeat(1000));
        let Ended::OutOfMemory(line) = Ended::failed(None, &long) else {
            panic!("memory")
        };
        assert!(!line.contains('\u{1b}') && line.len() <= 240, "{line}");
    }
}
