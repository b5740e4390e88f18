//! A declared marker: its name, what it means, what it implies, which arguments it takes.
//!
//! Promise: everything that is said of a marker is in here or follows from [`crate::Vocabulary`]; a marker has one meaning in
//! the macros, the selection and the reports. Rejected: markers with behaviour known by their name (a project that declares its
//! own `deadline = { args = { limit = "duration" } }` would get none of the checks).

use crate::args::Args;
use crate::set::MarkerSet;

/// A declared marker, as an index into its vocabulary. Ids of different vocabularies do not mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarkerId(pub(crate) u32);

impl MarkerId {
    /// The position of the marker in [`crate::Vocabulary::names`], from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a declared name is, besides a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A level of `[levels]`.
    Level,
    /// A member of a category.
    Member,
    /// A platform.
    Platform,
    /// A device of the platform with that index.
    Device(usize),
    /// `cards_N`, from the counts of the platforms.
    Cards(u32),
}

/// A declared marker.
#[derive(Clone, Debug)]
pub struct Marker {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) role: Role,
    pub(crate) category: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) args: Args,
    pub(crate) implies: Vec<MarkerId>,
    /// Itself and everything that it implies, transitively, in breadth-first order.
    pub(crate) closure: Vec<MarkerId>,
    /// The same as a set.
    pub(crate) mask: MarkerSet,
    pub(crate) conflicts: Vec<MarkerId>,
    pub(crate) conflicts_with_platforms: bool,
    /// Declared by the default vocabulary, and not by the file that extends it.
    pub(crate) shipped: bool,
}

impl Marker {
    pub(crate) fn new(name: &str, role: Role, category: Option<&str>) -> Marker {
        Marker {
            name: name.to_owned(),
            doc: String::new(),
            role,
            category: category.map(str::to_owned),
            aliases: Vec::new(),
            args: Args::None,
            implies: Vec::new(),
            closure: Vec::new(),
            mask: MarkerSet::new(),
            conflicts: Vec::new(),
            conflicts_with_platforms: false,
            shipped: false,
        }
    }

    /// The declared name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the marker means, in a few words.
    pub fn doc(&self) -> &str {
        &self.doc
    }

    /// The category that the marker belongs to; levels belong to none.
    pub fn category(&self) -> Option<&str> {
        self.category.as_deref()
    }

    /// Other spellings of the name.
    pub fn aliases(&self) -> &[String] {
        &self.aliases
    }

    /// The arguments that the marker takes.
    pub fn args(&self) -> &Args {
        &self.args
    }

    /// What the marker itself implies, as declared; [`crate::Vocabulary::expand`] follows it to the end.
    pub fn implies(&self) -> &[MarkerId] {
        &self.implies
    }

    /// Whether the marker is a level.
    pub fn is_level(&self) -> bool {
        self.role == Role::Level
    }

    /// Whether the marker is a platform or a device.
    pub fn is_hardware(&self) -> bool {
        matches!(self.role, Role::Platform | Role::Device(_))
    }

    /// Whether the default vocabulary declares the marker and the project's own file does not touch it.
    pub fn is_shipped(&self) -> bool {
        self.shipped
    }
}

/// What a declared name looks like, for messages.
pub(crate) const NAME_RULE: &str =
    "a name is made of letters, digits and `_`, and does not start with a digit";

/// Whether a text can be a declared name.
pub(crate) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Names that no marker can have: words of the expression language, keywords of Rust, and attributes that mean something else
/// on a function (built into Rust, or consumed by `#[tribunal::test]`).
pub(crate) fn is_reserved(name: &str) -> bool {
    const WORDS: [&str; 3] = ["and", "or", "not"];
    const KEYWORDS: [&str; 52] = [
        "Self", "_", "abstract", "as", "async", "await", "become", "box", "break", "const",
        "continue", "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for",
        "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut",
        "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait",
        "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "while", "yield",
    ];
    const ATTRIBUTES: [&str; 26] = [
        "allow",
        "bench",
        "case",
        "cases",
        "cfg",
        "cfg_attr",
        "cold",
        "deny",
        "deprecated",
        "derive",
        "doc",
        "expect",
        "export_name",
        "fixture",
        "forbid",
        "global_allocator",
        "ignore",
        "inline",
        "link_section",
        "must_use",
        "no_mangle",
        "should_panic",
        "test",
        "track_caller",
        "values",
        "warn",
    ];
    WORDS.contains(&name) || KEYWORDS.contains(&name) || ATTRIBUTES.contains(&name)
}
