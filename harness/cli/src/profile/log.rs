//! How many tokens a KV cache holds, as engines tell it in their logs.
//!
//! Promise: the expression of the deployment that is tested comes first; what well-known engines print is known without one.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use regex::Regex;

use crate::deploy;

/// The deployment that runs where none is named.
const DEFAULT: &str = "embedded";
/// What engines print: vLLM, SGLang, TensorRT-LLM.
const KNOWN: [&str; 3] = [
    r"KV cache size: ([\d,]+) tokens",
    r"max_total_(?:num_)?tokens=(\d+)",
    r"for max tokens in paged KV cache \((\d+)\)",
];
/// No more is read of one log.
const MOST: u64 = 64 << 20;

/// Finds the number in logs.
pub(crate) struct TokenLog(Vec<Regex>);

impl TokenLog {
    /// For the deployment that these arguments of a test run name.
    pub(crate) fn of(arguments: &[OsString]) -> TokenLog {
        let name = named(arguments)
            .or_else(|| std::env::var("TRIBUNAL_DEPLOY").ok())
            .unwrap_or_else(|| DEFAULT.into());
        let own = deploy::kv_tokens_log(name.split(',').next().unwrap_or(&name));
        let all = own.iter().map(String::as_str).chain(KNOWN);
        // An expression that is none is a mistake of its file, and the test run says so.
        TokenLog(all.filter_map(|text| Regex::new(text).ok()).collect())
    }

    /// The largest number in the logs below a folder.
    pub(crate) fn below(&self, folder: &Path) -> Option<u64> {
        let mut open = vec![folder.to_path_buf()];
        let mut most = None;
        while let Some(path) = open.pop() {
            if let Ok(entries) = std::fs::read_dir(&path) {
                open.extend(entries.flatten().map(|entry| entry.path()));
            } else if path.extension().is_some_and(|end| end == "log")
                && let Ok(file) = File::open(&path)
            {
                let mut bytes = vec![];
                // A log that cannot be read to its end tells what it tells.
                let _ = file.take(MOST).read_to_end(&mut bytes);
                most = most.max(self.tokens(&String::from_utf8_lossy(&bytes)));
            }
        }
        most
    }

    /// The largest number in a log.
    fn tokens(&self, log: &str) -> Option<u64> {
        let in_line = |line: &str| {
            let found = self.0.iter().find_map(|known| known.captures(line))?;
            found.get(1)?.as_str().replace(',', "").parse().ok()
        };
        log.lines().filter_map(in_line).max()
    }
}

/// The value of `--deploy`.
fn named(arguments: &[OsString]) -> Option<String> {
    let mut all = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = all.next() {
        match argument.strip_prefix("--deploy") {
            Some("") => return all.next().map(str::to_owned),
            Some(rest) if rest.starts_with('=') => return Some(rest[1..].to_owned()),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_as_engines_tell_them() {
        let log = TokenLog::of(&["--deploy".into(), "embedded".into()]);
        for (text, expected) in [
            ("INFO max_total_tokens=123456, chunked", Some(123_456)),
            ("max_total_num_tokens=7", Some(7)),
            ("a\nGPU KV cache size: 43,312 tokens\n", Some(43_312)),
            (
                "[MemUsageChange] Allocated 1.2 GiB for max tokens in paged KV cache (2048).",
                Some(2048),
            ),
            ("rank 0: KV cache of 4096 tokens", Some(4096)),
            ("max_total_tokens=10\nmax_total_tokens=20", Some(20)),
            ("GPU KV cache size: 43 GiB", None),
            ("KV cache of many tokens; max_total_tokens=", None),
            ("max_total_tokens=99999999999999999999999", None),
            ("", None),
        ] {
            assert_eq!(log.tokens(text), expected, "{text}");
        }
    }

    #[test]
    fn the_deployment_is_the_one_that_the_run_is_told() {
        let words =
            |line: &str| -> Vec<OsString> { line.split_whitespace().map(OsString::from).collect() };
        for (line, expected) in [
            ("--deploy vllm --set a=1", Some("vllm")),
            ("-v --deploy=sglang", Some("sglang")),
            ("--deployment x", None),
            ("", None),
        ] {
            assert_eq!(named(&words(line)).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn logs_lie_anywhere_below_the_evidence() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("servers/00-x");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(below.join("server.log"), "max_total_tokens=5\n").unwrap();
        std::fs::write(below.join("other.txt"), "max_total_tokens=9\n").unwrap();
        let log = TokenLog::of(&[]);
        assert_eq!(log.below(folder.path()), Some(5));
        assert_eq!(log.below(&folder.path().join("nowhere")), None);
    }
}
