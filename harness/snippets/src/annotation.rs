//! What a comment before a block says: `<!-- test: skip="needs a card" timeout=2m -->`.
//!
//! Promise: nothing is ignored in silence. An unknown key is a mistake that names the nearest, as are a value where none is
//! taken, a missing value, and a quote that is not closed.

use std::time::Duration;

use serde::Serialize;
use tribunal_vocabulary::{nearest, parse_duration};

/// The keys, and what each is for.
pub const KEYS: [(&str, &str); 11] = [
    ("skip", "not run, and why: skip=\"needs a cluster\""),
    (
        "expect",
        "how it ends: an exit code, `failure` for any but 0, or a text that it prints",
    ),
    (
        "needs",
        "run only where there is: gpu, program:NAME, env:NAME; several parted by commas",
    ),
    (
        "file",
        "the block is a file of this name in the page's working folder: it is written, not run",
    ),
    ("timeout", "how long it may take: timeout=2m"),
    (
        "server",
        "starts a server that later examples of the page talk to; server=URL says when it is ready",
    ),
    (
        "name",
        "the name of the example, instead of section and number",
    ),
    (
        "continue",
        "goes on in the shell of the example before it: variables, functions, folder",
    ),
    (
        "output",
        "the block is what the example before it prints; output=NAME: what that example prints",
    ),
    (
        "copy-of",
        "the block must equal another: copy-of=page.md#NAME, copy-of=file or copy-of=file:section",
    ),
    (
        "at",
        "where it runs: `work`, the page's working folder (as without it), or `root`, the folder of the pages' project",
    ),
];

/// How an example is to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// With this exit code.
    Code(i32),
    /// With any exit code but 0.
    Failure,
    /// With exit code 0, and this in what it printed.
    Text(String),
}

/// Something that must be there for an example to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// A GPU.
    Gpu,
    /// A program on `PATH`.
    Program(String),
    /// An environment variable that is not empty.
    Env(String),
}

/// A comment, read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Annotation {
    /// `skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip: Option<String>,
    /// `expect`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expected>,
    /// `needs`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// `file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// `timeout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// `server`: the address that says when it is ready, if one is stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Option<String>>,
    /// `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `continue`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub goes_on: bool,
    /// `output`: the example that is meant, if one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Option<String>>,
    /// `copy-of`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<String>,
    /// `at=root`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_root: bool,
}

/// What is in a comment, if it is one of ours; without the marks of the comment.
pub(crate) fn inside(comment: &str) -> Option<&str> {
    let inside = comment.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
    inside.trim().strip_prefix("test:")
}

impl Annotation {
    /// Reads what follows `test:`; every mistake is told, and the rest counts all the same.
    pub(crate) fn read(text: &str) -> (Self, Vec<String>) {
        let (mut read, mut mistakes) = (Self::default(), Vec::new());
        match words(text) {
            Err(why) => mistakes.push(why),
            Ok(words) if words.is_empty() => {
                mistakes.push(format!("the comment says nothing; known are {}", known()))
            }
            Ok(words) => {
                let mut seen: Vec<String> = Vec::new();
                for (key, value) in words {
                    if seen.contains(&key) {
                        mistakes.push(format!("`{key}` stands twice"));
                        continue;
                    }
                    if let Err(why) = read.set(&key, value.as_deref()) {
                        mistakes.push(why);
                    }
                    seen.push(key);
                }
            }
        }
        (read, mistakes)
    }

    fn set(&mut self, key: &str, value: Option<&str>) -> Result<(), String> {
        let given = || match value.map(str::trim) {
            Some(value) if !value.is_empty() => Ok(value.to_owned()),
            _ => Err(format!("`{key}` needs a value: {}", meaning(key))),
        };
        match key {
            "skip" => self.skip = Some(given()?),
            "expect" => {
                let text = given()?;
                self.expect = Some(match (text.parse(), text.as_str()) {
                    (Ok(code @ 0..=255), _) => Expected::Code(code),
                    (Ok(code), _) => {
                        return Err(format!(
                            "`expect={code}` is no exit code; those go from 0 to 255"
                        ));
                    }
                    (Err(_), "failure") => Expected::Failure,
                    (Err(_), text) => Expected::Text(text.to_owned()),
                });
            }
            "needs" => {
                self.needs = given()?
                    .split(',')
                    .map(|need| need_of(need.trim()))
                    .collect::<Result<_, _>>()?
            }
            "file" => {
                let path = given()?;
                let plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."))
                    && !path.contains(['\\', '\0']);
                if !plain {
                    return Err(format!(
                        "`file={path}` must be a path below the working folder, such as `config.toml`"
                    ));
                }
                self.file = Some(path);
            }
            "timeout" => {
                let limit = parse_duration(&given()?)?;
                if limit.is_zero() {
                    return Err("`timeout` is zero; every run would fail".to_owned());
                }
                self.timeout = Some(limit);
            }
            "server" => self.server = Some(value.map(str::to_owned)),
            "name" => self.name = Some(given()?),
            "continue" => match value {
                None => self.goes_on = true,
                Some(_) => return Err("`continue` takes no value".to_owned()),
            },
            "output" => self.output = Some(value.map(str::to_owned)),
            "copy-of" => self.copy_of = Some(given()?),
            "at" => match given()?.as_str() {
                "root" => self.at_root = true,
                "work" => self.at_root = false,
                other => return Err(format!("`at={other}`: known are `work` and `root`")),
            },
            other => {
                let hint = nearest(other, KEYS.iter().map(|(key, _)| *key));
                return Err(match hint {
                    Some(near) => format!("unknown key `{other}`; did you mean `{near}`?"),
                    None => format!("unknown key `{other}`; known are {}", known()),
                });
            }
        }
        Ok(())
    }
}

fn meaning(key: &str) -> &'static str {
    KEYS.iter()
        .find(|(k, _)| *k == key)
        .map_or("", |(_, meaning)| *meaning)
}

fn known() -> String {
    KEYS.map(|(key, _)| format!("`{key}`")).join(", ")
}

fn need_of(text: &str) -> Result<Need, String> {
    match text.split_once(':') {
        None if text == "gpu" => Ok(Need::Gpu),
        Some(("program", name)) if !name.is_empty() => Ok(Need::Program(name.to_owned())),
        Some(("env", name)) if !name.is_empty() => Ok(Need::Env(name.to_owned())),
        _ => Err(format!(
            "`needs={text}`: known are `gpu`, `program:NAME` and `env:NAME`"
        )),
    }
}

/// `key`, `key=value` and `key="several words"`, parted by blanks.
fn words(text: &str) -> Result<Vec<(String, Option<String>)>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| c.is_whitespace() || c == '=')
            .unwrap_or(rest.len());
        let key = rest[..end].to_owned();
        if key.is_empty() {
            return Err(format!("a key is missing before `{rest}`"));
        }
        rest = &rest[end..];
        let value = match rest.strip_prefix('=') {
            None => None,
            Some(after) => {
                let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
                let (value, remains) = match quote {
                    Some(quote) => {
                        let inside = &after[1..];
                        let Some(end) = inside.find(quote) else {
                            return Err(format!("the quote of `{key}={after}` is not closed"));
                        };
                        (&inside[..end], &inside[end + 1..])
                    }
                    None => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
                };
                rest = remains;
                Some(value.to_owned())
            }
        };
        words.push((key, value));
        rest = rest.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Annotation {
        let (read, mistakes) = Annotation::read(text);
        assert!(mistakes.is_empty(), "{text:?}: {mistakes:?}");
        read
    }

    #[test]
    fn keys_are_read() {
        assert_eq!(read("skip=\"no card\"").skip.as_deref(), Some("no card"));
        assert_eq!(read("expect=3").expect, Some(Expected::Code(3)));
        assert_eq!(read("expect=failure").expect, Some(Expected::Failure));
        assert_eq!(
            read("expect='two words'").expect,
            Some(Expected::Text("two words".into()))
        );
        let all = read(" needs=gpu,program:vllm,env:HF_TOKEN\n timeout=2m server name=x continue");
        assert_eq!(
            all.needs,
            [
                Need::Gpu,
                Need::Program("vllm".into()),
                Need::Env("HF_TOKEN".into())
            ]
        );
        assert_eq!(all.timeout, Some(Duration::from_secs(120)));
        assert_eq!(all.server, Some(None));
        assert!(all.goes_on);
        assert_eq!(
            read("server=http://127.0.0.1:1/health").server,
            Some(Some("http://127.0.0.1:1/health".into()))
        );
        assert_eq!(read("output=first").output, Some(Some("first".into())));
        assert!(read("at=root").at_root);
    }

    #[test]
    fn mistakes_are_told() {
        for (text, expected) in [
            ("", "says nothing"),
            ("timout=3s", "did you mean `timeout`?"),
            ("xyzzy", "known are `skip`"),
            ("skip", "needs a value"),
            ("skip=\"open", "not closed"),
            ("timeout=5", "no duration"),
            ("timeout=0s", "zero"),
            ("needs=cpu", "`program:NAME`"),
            ("file=../x", "below the working folder"),
            ("file=/etc/passwd", "below the working folder"),
            ("expect=300", "no exit code"),
            ("continue=1", "takes no value"),
            ("name=a name=b", "stands twice"),
            ("=x", "key is missing"),
            ("at=home", "`root`"),
        ] {
            let (_, mistakes) = Annotation::read(text);
            assert!(
                mistakes.iter().any(|m| m.contains(expected)),
                "{text:?}: {mistakes:?}"
            );
        }
    }

    #[test]
    fn comments_are_told_apart() {
        assert_eq!(
            inside("<!-- test: skip=x -->").map(str::trim),
            Some("skip=x")
        );
        assert_eq!(inside("<!-- a test: no -->"), None);
        assert_eq!(inside("<b>"), None);
    }
}
