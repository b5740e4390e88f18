//! The command line of `profile-vram`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value};
use tribunal_profiler::text::Style;

use super::help::HELP;
use crate::command::{Command, clean, nearest_flag, see, wrong};

pub(crate) const FLAGS: [&str; 24] = [
    "no-find-min-vram",
    "by",
    "interval",
    "baseline-seconds",
    "teardown-seconds",
    "probe-timeout",
    "repeats",
    "csv",
    "no-recommend",
    "gpu",
    "simulate-devices",
    "as",
    "write",
    "allow-dirty",
    "ci",
    "package",
    "test",
    "features",
    "release",
    "binary",
    "quiet",
    "json",
    "kv-cache-marker",
    "help",
];

/// What is varied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum By {
    #[default]
    Fraction,
    KvBytes,
    KvTokens,
}

/// The flags of `profile-vram`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ProfileOptions {
    pub(crate) test: String,
    pub(crate) by: By,
    /// `false`: one run only.
    pub(crate) search: bool,
    pub(crate) repeats: usize,
    pub(crate) limit: Duration,
    pub(crate) interval: Duration,
    pub(crate) baseline: Duration,
    pub(crate) teardown: Duration,
    pub(crate) csv: Option<PathBuf>,
    pub(crate) recommend: bool,
    pub(crate) gpu: Option<u32>,
    pub(crate) simulate: Option<String>,
    pub(crate) style: Style,
    pub(crate) cache_marker: Option<String>,
    pub(crate) write: bool,
    pub(crate) allow_dirty: bool,
    pub(crate) ci: bool,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    /// For cargo: which program.
    pub(crate) cargo: Vec<OsString>,
    pub(crate) binary: Option<PathBuf>,
    /// For the test run.
    pub(crate) rest: Vec<OsString>,
}

impl ProfileOptions {
    fn new() -> Self {
        ProfileOptions {
            test: String::new(),
            by: By::default(),
            search: true,
            repeats: 1,
            limit: Duration::from_secs(300),
            interval: Duration::from_secs(1),
            baseline: Duration::from_secs(3),
            teardown: Duration::from_secs(5),
            csv: None,
            recommend: true,
            gpu: None,
            simulate: None,
            style: Style::Rust,
            cache_marker: None,
            write: false,
            allow_dirty: false,
            ci: false,
            json: false,
            quiet: false,
            cargo: vec![],
            binary: None,
            rest: vec![],
        }
    }

    /// What the test program is told: which test, on which devices, and what stands behind `--`.
    pub(crate) fn selection(&self) -> Vec<OsString> {
        let mut out: Vec<OsString> = vec!["--exact".into(), self.test.clone().into()];
        if let Some(layout) = &self.simulate {
            out.extend(["--simulate-devices".into(), layout.into()]);
        }
        out.extend(self.rest.iter().cloned());
        out
    }

    /// How it was called, for whoever reads the result later.
    pub(crate) fn command(&self) -> String {
        let mut out = format!("cargo tribunal profile-vram {}", self.test);
        if !self.search {
            out.push_str(" --no-find-min-vram");
        }
        match self.by {
            By::Fraction => {}
            By::KvBytes => out.push_str(" --by kv-bytes"),
            By::KvTokens => out.push_str(" --by kv-tokens"),
        }
        if let Some(layout) = &self.simulate {
            out.push_str(&format!(" --simulate-devices {layout}"));
        }
        if let Some(gpu) = self.gpu {
            out.push_str(&format!(" --gpu {gpu}"));
        }
        if !self.rest.is_empty() {
            out.push_str(" --");
        }
        for argument in &self.rest {
            out.push(' ');
            out.push_str(&clean(&argument.to_string_lossy()));
        }
        out
    }
}

/// What follows the verb.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut o = ProfileOptions::new();
    let (mut test, mut repeats) = (None, None);
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Long("no-find-min-vram") => o.search = false,
            Long("by") => o.by = by(&value(&mut parser)?)?,
            Long("interval") => o.interval = seconds("interval", &value(&mut parser)?, 0.01, 60.0)?,
            Long("baseline-seconds") => {
                o.baseline = seconds("baseline-seconds", &value(&mut parser)?, 0.0, 600.0)?;
            }
            Long("teardown-seconds") => {
                o.teardown = seconds("teardown-seconds", &value(&mut parser)?, 0.0, 600.0)?;
            }
            Long("probe-timeout") => {
                o.limit = seconds("probe-timeout", &value(&mut parser)?, 1.0, 86_400.0)?;
            }
            Long("repeats") => repeats = Some(number("repeats", &value(&mut parser)?, 20)?),
            Long("csv") => o.csv = Some(PathBuf::from(value(&mut parser)?)),
            Long("no-recommend") => o.recommend = false,
            Long("gpu") => o.gpu = Some(number("gpu", &value(&mut parser)?, 1023)? as u32),
            Long("simulate-devices") => {
                o.simulate = Some(text("simulate-devices", value(&mut parser)?)?)
            }
            Long("as") => o.style = style(&value(&mut parser)?)?,
            Long("kv-cache-marker") => {
                o.cache_marker = Some(text("kv-cache-marker", value(&mut parser)?)?)
            }
            Long("write") => o.write = true,
            Long("allow-dirty") => o.allow_dirty = true,
            Long("ci") => o.ci = true,
            Long("json") => o.json = true,
            Long("quiet") | Short('q') => o.quiet = true,
            Long("package") | Short('p') => {
                o.cargo.extend(["--package".into(), value(&mut parser)?])
            }
            Long("test") => o.cargo.extend(["--test".into(), value(&mut parser)?]),
            Long("features") => o.cargo.extend(["--features".into(), value(&mut parser)?]),
            Long("release") => o.cargo.push("--release".into()),
            Long("binary") => o.binary = Some(PathBuf::from(value(&mut parser)?)),
            Long("help") | Short('h') => return Ok(Command::Help(HELP)),
            Long(flag) => {
                let hint = nearest_flag(flag, &FLAGS);
                return Err(format!(
                    "`profile-vram` has no flag `--{}`\n{hint}help: flags of the test run stand behind `--`\n",
                    clean(flag)
                ));
            }
            Short(flag) => return Err(help(&format!("`profile-vram` has no flag `-{flag}`"))),
            Value(name) if test.is_none() => {
                test = Some(text("TEST", name)?);
                // What stands behind `--` is for the run, whatever it looks like.
                if let Some(mut raw) = parser.try_raw_args()
                    && raw.peek().is_some_and(|next| next == "--")
                {
                    raw.next();
                    o.rest.extend(raw);
                }
            }
            Value(more) => {
                o.rest.push(more);
                o.rest.extend(parser.raw_args().map_err(wrong)?);
            }
        }
    }
    o.test = test.ok_or_else(|| help("which test is missing: the whole name of one case"))?;
    if o.test.is_empty() || o.test.starts_with('-') {
        return Err(help(&format!("`{}` is no name of a test", clean(&o.test))));
    }
    o.repeats = repeats.unwrap_or(match o.style {
        Style::Rust => 1,
        Style::Pytest => 0,
    });
    check(&o)?;
    Ok(Command::Profile(Box::new(o)))
}

/// Flags that say something only beside another.
fn check(o: &ProfileOptions) -> Result<(), String> {
    if o.search && o.csv.is_some() {
        return Err(help("`--csv` is of a single run: add `--no-find-min-vram`"));
    }
    if o.search && !o.recommend {
        return Err(help(
            "`--no-recommend` is of a single run: add `--no-find-min-vram`",
        ));
    }
    if !o.search && o.by != By::Fraction {
        return Err(help(
            "`--by` says what a search varies: leave `--no-find-min-vram` out",
        ));
    }
    if o.write && (!o.recommend || o.style == Style::Pytest) {
        return Err(help(
            "`--write` writes attributes into Rust: it goes neither with `--no-recommend` nor with `--as pytest`",
        ));
    }
    if o.allow_dirty && !o.write {
        return Err(help("`--allow-dirty` is of `--write`"));
    }
    if o.binary.is_some() && !o.cargo.is_empty() {
        return Err(help(
            "`--binary` is the program itself: `--package`, `--test`, `--features` and `--release` would choose another",
        ));
    }
    Ok(())
}

fn value(parser: &mut lexopt::Parser) -> Result<OsString, String> {
    parser.value().map_err(wrong)
}

fn help(what: &str) -> String {
    format!("{what}\n{}", see("cargo tribunal profile-vram --help"))
}

fn text(flag: &str, value: OsString) -> Result<String, String> {
    value
        .into_string()
        .map_err(|_| help(&format!("`{flag}` must be text")))
}

fn by(value: &OsString) -> Result<By, String> {
    match value.to_str() {
        Some("fraction") => Ok(By::Fraction),
        Some("kv-bytes") => Ok(By::KvBytes),
        Some("kv-tokens") => Ok(By::KvTokens),
        _ => Err(help(&format!(
            "`--by` is fraction, kv-bytes or kv-tokens, not `{}`",
            clean(&value.to_string_lossy())
        ))),
    }
}

fn style(value: &OsString) -> Result<Style, String> {
    match value.to_str() {
        Some("rust") => Ok(Style::Rust),
        Some("pytest") => Ok(Style::Pytest),
        _ => Err(help(&format!(
            "`--as` is rust or pytest, not `{}`",
            clean(&value.to_string_lossy())
        ))),
    }
}

fn seconds(flag: &str, value: &OsString, least: f64, most: f64) -> Result<Duration, String> {
    let number = value.to_str().and_then(|text| text.parse::<f64>().ok());
    match number {
        Some(seconds) if (least..=most).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(help(&format!(
            "`--{flag}` is a number of seconds from {least} to {most}, not `{}`",
            clean(&value.to_string_lossy())
        ))),
    }
}

fn number(flag: &str, value: &OsString, most: usize) -> Result<usize, String> {
    let number = value.to_str().and_then(|text| text.parse::<usize>().ok());
    number.filter(|number| *number <= most).ok_or_else(|| {
        help(&format!(
            "`--{flag}` is a number from 0 to {most}, not `{}`",
            clean(&value.to_string_lossy())
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(lexopt::Parser::from_args(line.split_whitespace()))
    }

    fn options(line: &str) -> ProfileOptions {
        match parsed(line) {
            Ok(Command::Profile(options)) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn defaults_are_those_that_others_documented() {
        let o = options("a::b");
        let s = Duration::from_secs;
        assert_eq!((o.interval, o.baseline, o.teardown), (s(1), s(3), s(5)));
        assert_eq!((o.limit, o.repeats, o.search), (s(300), 1, true));
        assert_eq!(options("a::b --as pytest").repeats, 0);
        assert_eq!(options("a::b --as pytest --repeats 2").repeats, 2);
    }

    #[test]
    fn what_follows_two_dashes_is_for_the_run() {
        let o = options("a::b --gpu 1 -- --run-level full_model --gpu x");
        assert_eq!(o.rest, ["--run-level", "full_model", "--gpu", "x"]);
        assert_eq!(options("a::b -- --help").rest, ["--help"]);
        assert_eq!(
            options("a::b --by kv-bytes -- --deploy vllm").command(),
            "cargo tribunal profile-vram a::b --by kv-bytes -- --deploy vllm"
        );
    }

    #[test]
    fn mistakes_are_answered() {
        for (line, expected) in [
            ("", "which test is missing"),
            ("a --interval 0", "from 0.01 to 60"),
            ("a --interval soon", "not `soon`"),
            ("a --gpu -1", "`--gpu` is a number from 0"),
            ("a --csv x", "add `--no-find-min-vram`"),
            ("a --no-recommend", "add `--no-find-min-vram`"),
            (
                "a --no-find-min-vram --by kv-bytes",
                "leave `--no-find-min-vram` out",
            ),
            ("a --by bytes", "fraction, kv-bytes or kv-tokens"),
            ("a --as junit", "rust or pytest"),
            ("a --write --as pytest", "attributes into Rust"),
            ("a --allow-dirty", "is of `--write`"),
            ("a --binary x --release", "would choose another"),
            ("a --no-find-min-vrm", "did you mean `--no-find-min-vram`?"),
            ("a --run-level slow", "stand behind `--`"),
            ("a -x", "no flag `-x`"),
        ] {
            let mistake = parsed(line).unwrap_err();
            assert!(mistake.contains(expected), "{line}: {mistake}");
            assert!(mistake.contains("help"), "{line}: {mistake}");
        }
    }

    #[test]
    fn the_help_names_every_flag() {
        for flag in FLAGS {
            assert!(HELP.contains(&format!("--{flag}")), "{flag}");
        }
        assert!(HELP.lines().all(|line| line.chars().count() <= 150));
    }
}
