//! The name of a model: a path as it stands, or a logical name that the places are asked for.
//!
//! Promise: a logical name becomes one folder name ([`Logical::slug`]) or a relative path of plain segments
//! ([`Logical::segments`]); neither can leave the folder that it is joined to, and two names never share a slug.
//!
//! Rejected: taking `ORG/NAME` for a path when such a folder happens to stand in the working directory. The same test
//! would then load another model depending on where it was started; `./ORG/NAME` says what is meant.

use std::fmt;
use std::path::PathBuf;

use crate::digest;

/// The longest name. Names of hubs are shorter; file systems allow 255 bytes for one folder.
const LONGEST: usize = 512;
/// Slugs beyond this are cut and end in a digest.
const LONGEST_SLUG: usize = 160;

/// What stands for a model in a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// `/x`, `./x`, `../x`.
    Path(PathBuf),
    Logical(Logical),
}

/// A checked logical name: segments of letters, digits and other harmless characters, divided by `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logical(String);

/// Why a text is no name of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError {
    name: String,
    why: &'static str,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NameError { name, why } = self;
        write!(
            f,
            "`{name}` is no name of a model: {why}; a name looks like `Qwen/Qwen3-0.6B`, a path begins with `/`, `./` or `../`"
        )
    }
}

impl std::error::Error for NameError {}

impl Name {
    pub(crate) fn parse(text: &str) -> Result<Self, NameError> {
        let refuse = |why| {
            Err(NameError {
                name: shown(text),
                why,
            })
        };
        if text.is_empty() {
            return refuse("it is empty");
        }
        if text.contains('\0') {
            return refuse("it has a NUL character");
        }
        let first = text.split('/').next().unwrap_or_default();
        if text.starts_with('/') || first == "." || first == ".." {
            return Ok(Self::Path(text.into()));
        }
        match Logical::parse(text) {
            Ok(logical) => Ok(Self::Logical(logical)),
            Err(why) => refuse(why),
        }
    }
}

impl Logical {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("it is longer than 512 bytes");
        }
        if text.chars().any(char::is_control) {
            return Err("it has a control character");
        }
        if text.contains('\\') {
            return Err("it has a backslash");
        }
        for segment in text.split('/') {
            match segment {
                "" => return Err("it has an empty part between slashes"),
                "." | ".." => {
                    return Err("it has a part `.` or `..`, which could lead out of a store");
                }
                _ if segment.starts_with('.') => return Err("one of its parts begins with a dot"),
                _ if segment.starts_with('~') => {
                    return Err("one of its parts begins with `~`, which only a shell understands");
                }
                _ if segment.len() > 255 => {
                    return Err("one of its parts is longer than 255 bytes");
                }
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between slashes, each a plain file name.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// One folder name for it, different for every name: bytes other than letters, digits, `-`, `_` and `.` are written
    /// as `%` and two hexadecimal digits.
    pub(crate) fn slug(&self) -> String {
        let mut slug = String::with_capacity(self.0.len());
        for byte in self.0.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    slug.push(byte as char);
                }
                _ => slug.push_str(&format!("%{byte:02X}")),
            }
        }
        if slug.len() > LONGEST_SLUG {
            slug.truncate(LONGEST_SLUG - 66);
            // `~` is always escaped above, so a cut slug equals none that was not cut.
            slug.push_str("%~");
            slug.push_str(&digest::of_bytes(self.0.as_bytes()));
        }
        slug
    }
}

/// A name from outside for one line of a message.
pub(crate) fn shown(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(120)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().count() > 120 {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::{Component, Path};

    #[test]
    fn paths_and_names_are_told_apart() {
        for path in ["/models/x", "./x", "../x", ".", "..", "/"] {
            assert_eq!(Name::parse(path), Ok(Name::Path(path.into())), "{path}");
        }
        for name in ["Qwen/Qwen3-0.6B", "tiny", "a/b/c", "x..y", "Modell ä"] {
            assert!(matches!(Name::parse(name), Ok(Name::Logical(_))), "{name}");
        }
    }

    #[test]
    fn what_could_leave_a_store_is_refused() {
        for (name, why) in [
            ("", "empty"),
            ("a/../b", "`..`"),
            ("a/./b", "`..`"),
            ("a/..", "`..`"),
            ("a//b", "empty part"),
            ("a/", "empty part"),
            (".hidden", "dot"),
            ("a/.tribunal", "dot"),
            ("~/models", "`~`"),
            ("a\0b", "NUL"),
            ("a\nb", "control"),
            ("a\\..\\b", "backslash"),
        ] {
            let error = Name::parse(name).unwrap_err().to_string();
            assert!(error.contains(why), "{name:?}: {error}");
            assert!(!error.contains('\n') && !error.contains('\0'), "{error:?}");
        }
    }

    #[test]
    fn slugs_are_readable() {
        let slug = |name: &str| match Name::parse(name) {
            Ok(Name::Logical(name)) => name.slug(),
            other => panic!("{other:?}"),
        };
        assert_eq!(slug("Qwen/Qwen3-0.6B"), "Qwen%2FQwen3-0.6B");
        assert_eq!(slug("a%2Fb"), "a%252Fb");
        assert!(slug(&"x".repeat(255)).len() <= LONGEST_SLUG);
    }

    proptest! {
        #[test]
        fn no_name_leaves_the_store(text in "[a-c./\\\\~%\u{0}\u{e9} ]{0,24}|.{0,300}") {
            if let Ok(Name::Logical(name)) = Name::parse(&text) {
                let slug = name.slug();
                prop_assert!(slug.len() <= LONGEST_SLUG);
                for joined in [Path::new("/store").join(&slug), name.segments().fold("/store".into(), |p: PathBuf, s| p.join(s))] {
                    prop_assert!(joined.starts_with("/store"));
                    prop_assert!(joined.components().all(|c| matches!(c, Component::RootDir | Component::Normal(_))));
                    prop_assert!(joined.components().count() > 2);
                }
                prop_assert_eq!(Path::new("/store").join(&slug).components().count(), 3);
                prop_assert!(!slug.starts_with('.'), "the store's own folder is not a model");
            }
        }

        #[test]
        fn different_names_have_different_slugs(a in "[a-z/%~A-F0-9-]{1,12}|[ab%]{150,400}", b in "[a-z/%~A-F0-9-]{1,12}|[ab%]{150,400}") {
            if let (Ok(Name::Logical(a)), Ok(Name::Logical(b))) = (Name::parse(&a), Name::parse(&b)) {
                prop_assert_eq!(a == b, a.slug() == b.slug());
            }
        }
    }
}
