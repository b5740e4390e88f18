//! `cargo tribunal model write`: the project's own tiny models as files, for engines that load GGUF.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};
use tribunal_gguf::Model;

use super::ModelOptions;
use crate::command::{Command, clean, nearest, nearest_flag, see, wrong};

/// The flags of `model write`.
pub(crate) const FLAGS: [&str; 3] = ["out", "seed", "help"];

pub(crate) const HELP: &str = "\
Writes one of the tiny models that Tribunal makes itself, in the format GGUF. Nothing is downloaded, and the same seed gives the
same bytes on every machine. Engines that load GGUF (llama.cpp and others) serve it.

Usage: cargo tribunal model write <MODEL> --out FILE [--seed N]

Models:
  bigram    readable English from an exact table (5 MB): what comes next, and how probably, depends on the last token alone.
            The table is written beside the model, with .truth.json in place of .gguf
  soup      random weights (0.5 MB): bytes that are hardly ever UTF-8
  small     random weights (45 MB): a noticeable time for each token

Flags:
      --out FILE    where to write; the folder must exist, and an older file is replaced once the new one is whole
      --seed N      another model of the kind (default 1, which the shipped deployments use)
  -h, --help        print this text

Exit code: 0 written, 1 the file cannot be written, 2 the command line is wrong.
";

/// What to write where.
#[derive(Debug, PartialEq)]
pub(crate) struct WriteOptions {
    model: Model,
    seed: u64,
    out: PathBuf,
}

/// What follows the verb `model`.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let (mut model, mut seed, mut out) = (None, Model::SEED, None);
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Long("out") => out = Some(PathBuf::from(parser.value().map_err(wrong)?)),
            Long("seed") => seed = number(parser.value().map_err(wrong)?)?,
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Long(flag) => {
                let hint = nearest_flag(flag, &FLAGS);
                return Err(format!("`model write` has no flag `--{flag}`\n{hint}"));
            }
            Short(flag) => return Err(missing(&format!("`model write` has no flag `-{flag}`"))),
            Value(name) if model.is_none() => model = Some(named(&name.to_string_lossy())?),
            Value(more) => {
                let more = clean(&more.to_string_lossy());
                return Err(missing(&format!("one model at a time, got `{more}` too")));
            }
        }
    }
    match (model, out) {
        (Some(model), Some(out)) => Ok(Command::Model(ModelOptions::Write(WriteOptions {
            model,
            seed,
            out,
        }))),
        (None, _) => Err(missing("which model is missing: bigram, soup or small")),
        (_, None) => Err(missing("where to is missing: --out FILE")),
    }
}

fn missing(what: &str) -> String {
    format!("{what}\n{}", see("cargo tribunal model write --help"))
}

fn named(name: &str) -> Result<Model, String> {
    let names = Model::ALL.map(Model::name);
    Model::named(name).ok_or_else(|| {
        let name = clean(name);
        match nearest(&name, &names) {
            Some(near) => format!("there is no model `{name}`\nhelp: did you mean `{near}`?\n"),
            None => format!(
                "there is no model `{name}`\nhelp: there are {}\n",
                names.join(", ")
            ),
        }
    })
}

fn number(text: OsString) -> Result<u64, String> {
    let text = clean(&text.to_string_lossy());
    text.parse().map_err(|_| {
        format!(
            "`--seed {text}`: a whole number is expected\nhelp: from 0 to {}\n",
            u64::MAX
        )
    })
}

/// Writes the model and says where it is.
pub(crate) fn run(options: &WriteOptions) -> ExitCode {
    let WriteOptions { model, seed, out } = options;
    match model.write(*seed, out) {
        Ok(written) => {
            let truth = written.truth.map_or(String::new(), |path| {
                format!("{}: its probabilities\n", path.display())
            });
            crate::say(&format!(
                "{}: {} of seed {seed}, {} bytes, {} parameters\n{truth}",
                written.model.display(),
                model.name(),
                written.bytes,
                written.parameters,
            ))
        }
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "error: cannot write {}: {error}\nhelp: the folder must exist and have room; --out says where",
                out.display()
            );
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Command, String> {
        parse(lexopt::Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn what_is_understood() {
        let write = |model, seed| {
            let out = "m.gguf".into();
            Command::Model(ModelOptions::Write(WriteOptions { model, seed, out }))
        };
        for (line, expected) in [
            ("bigram --out m.gguf", write(Model::Bigram, 1)),
            ("--out=m.gguf --seed 7 soup", write(Model::Soup, 7)),
            ("--help", Command::Help(HELP)),
            ("small -h", Command::Help(HELP)),
        ] {
            assert_eq!(parse_words(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn mistakes_name_what_would_be_right() {
        for (line, expected) in [
            ("", "bigram, soup or small"),
            ("bigrm --out x", "did you mean `bigram`?"),
            ("trigrams --out x", "there are bigram, soup, small"),
            ("bigram", "--out FILE"),
            ("bigram soup --out x", "one model at a time"),
            ("bigram --out", "--out"),
            ("bigram --otu x", "did you mean `--out`?"),
            ("bigram -o x", "no flag `-o`"),
            ("bigram --out x --seed -1", "a whole number"),
            ("bigram --out x --seed 99999999999999999999", "from 0 to"),
        ] {
            let mistake = parse_words(line).unwrap_err();
            assert!(mistake.contains(expected), "{line}: {mistake}");
        }
    }

    #[test]
    fn the_help_names_every_model_and_flag() {
        for word in Model::ALL
            .map(Model::name)
            .iter()
            .chain(&["--out FILE", "--seed N", "--help"])
        {
            assert!(HELP.contains(&format!(" {word} ")), "{word}");
        }
        assert!(HELP.lines().all(|line| line.len() <= 130));
    }
}
