//! What a test leaves behind at compile time: plain `const` data, collected by `inventory`.
//!
//! Promise: nothing here is computed before `main`, and nothing here allocates. The macros of `tribunal-macros` render
//! these types and nothing else; the [catalog](crate::Catalog) reads them once at start-up.
//!
//! Rejected: a builder that runs in a constructor before `main` (costs start-up time for every process, and nextest starts one process per test).

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::body::{Cx, TestResult};
use crate::fixture::FixtureEntry;

/// A place in the source, as rustc counts it: the file as `file!()` gives it, line and column from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, as `file!()` gives it (relative to the workspace root).
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One registered test: a function under `#[tribunal::test]`, with everything that is known of it at compile time.
pub struct TestEntry {
    /// The function's name.
    pub name: &'static str,
    /// `module_path!()` of the function, the crate's name in front.
    pub module: &'static str,
    /// Where the function's name stands.
    pub place: Place,
    /// The whole doc comment, lines joined by `\n`, empty if there is none.
    pub doc: &'static str,
    /// The markers written on the function, in the order of the source.
    pub markers: &'static [MarkerEntry],
    /// `#[ignore]` (`Some("")`) or `#[ignore = "why"]`.
    pub ignore: Option<&'static str>,
    /// `#[should_panic]` (`Some("")`) or `#[should_panic(expected = "text")]`.
    pub should_panic: Option<&'static str>,
    /// The fixtures that the function names as parameters; the whole static graph hangs here.
    pub fixtures: &'static [&'static FixtureEntry],
    /// The cases of the test.
    pub cases: Cases,
    /// The function is async: at its limit it is cancelled by its own thread, and only if that takes too long taken from it.
    pub is_async: bool,
    /// Runs one case. One per test, however many cases there are.
    pub body: fn(&Cx<'_>) -> TestResult,
}

inventory::collect!(TestEntry);

/// How a test gets its cases.
pub enum Cases {
    /// The test is its own only case.
    One,
    /// Known at compile time: `#[cases(…)]`, `#[values(…)]`, and one variant per platform where `hardware_test` asks for it.
    Listed(&'static [CaseEntry]),
    /// Known at start-up: `#[cases(from = function)]`. An error is a start-up error that names the test.
    From(fn() -> Result<Vec<ProvidedCase>, String>),
}

/// One case that is known at compile time.
pub struct CaseEntry {
    /// The last segment of its name: a Rust identifier.
    pub name: &'static str,
    /// The position on every axis (`#[cases]` first, then each `#[values]` in the order of the parameters), for [`Cx::at`].
    pub at: &'static [u16],
    /// Name and source text of every parameter; text literals without their quotes.
    pub params: &'static [(&'static str, &'static str)],
    /// Markers of this case alone; they are merged over those of the test.
    pub markers: &'static [MarkerEntry],
    /// Where the case stands in the source.
    pub place: Place,
}

/// One case that a provider made at start-up.
pub struct ProvidedCase {
    /// The last segment of its name; anything that is no Rust identifier is turned into one, and the original is kept as label.
    pub name: String,
    /// The value as text, for reports and for the sharing keys of fixtures.
    pub text: String,
    /// Markers by name with arguments, checked against the vocabulary at start-up.
    pub markers: Vec<(String, Vec<(String, tribunal_vocabulary::Value)>)>,
    /// The only deployment of the run that it is for; `None`: each.
    pub on: Option<String>,
    /// The value that the body gets.
    pub value: Arc<dyn Any + Send + Sync>,
}

/// A marker as it was written.
#[derive(Debug)]
pub struct MarkerEntry {
    /// The declared name.
    pub name: &'static str,
    /// Its arguments, in the order of the source.
    pub args: &'static [ArgEntry],
    /// The line of the name, from 1; the file is the test's.
    pub line: u32,
    /// The column of the name, from 1.
    pub column: u32,
}

/// One argument of a marker.
#[derive(Debug)]
pub struct ArgEntry {
    /// The keyword, empty for a positional argument.
    pub key: &'static str,
    /// The value.
    pub value: ArgValue,
}

/// A literal value, as `const` data. [`tribunal_vocabulary::Value`] is its owned twin.
#[derive(Debug)]
pub enum ArgValue {
    /// An integer.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Str(&'static str),
    /// `true` or `false`.
    Bool(bool),
    /// `None`.
    None,
    /// `["a", "b"]`.
    List(&'static [ArgValue]),
    /// Named values: `num_cards(cuda = 2, rocm = 8)`.
    Map(&'static [ArgEntry]),
    /// A condition that only the test's own crate can answer (`requires(feature = "x")`): the text, and whether it holds in this build.
    Feature(&'static str, bool),
}

/// `tribunal::markers!(…)`: markers that every test of a module and of the modules below it gets.
pub struct ModuleMarkers {
    /// `module_path!()`, the crate's name in front.
    pub module: &'static str,
    /// The file, as `file!()` gives it.
    pub file: &'static str,
    /// The markers.
    pub markers: &'static [MarkerEntry],
}

inventory::collect!(ModuleMarkers);
