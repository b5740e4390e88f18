//! The table that is built in, and what is known of engines.
//!
//! Promise: reading a folder is nobody's duty; a folder of one's own adds to what is built in, and a file of the same name takes its place. The capability
//! of a route stands here a second time, so that cases can be gated without reading the files; a test compares the two.

use std::fmt;
use std::path::Path;

use tribunal_vocabulary::nearest;

use crate::known::Known;
use crate::route::Route;
use tribunal_tables::Mistakes;

/// A route that is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// Its name.
    pub name: &'static str,
    /// The capability that it needs.
    pub capability: Option<&'static str>,
    /// The text of its file.
    pub text: &'static str,
}

macro_rules! routes {
    ($($name:literal $capability:expr;)*) => {
        /// Every route that is built in.
        pub const SHIPPED: &[Shipped] = &[$(Shipped {
            name: $name,
            capability: $capability,
            text: include_str!(concat!("../../../fixtures/conformance/", $name, ".toml")),
        },)*];
    };
}

routes! {
    "chat" Some("chat");
    "completions" Some("completions");
    "embeddings" Some("embeddings");
    "responses" Some("responses");
    "rerank" Some("rerank");
    "score" Some("score");
    "classify" Some("classify");
    "tokenize" Some("tokenize");
    "models" None;
    "lora" Some("lora_loading");
    "speech" Some("speech");
    "transcriptions" Some("transcription");
    "images" Some("images");
    "image_edits" Some("image_edits");
    "videos" Some("videos");
    "speech_stream" Some("speech_stream");
    "realtime" Some("realtime");
}

/// What is known of engines, by the names of their deployments.
const KNOWN: &[(&str, &str)] = &[
    (
        "llama-cpp",
        include_str!("../../../fixtures/conformance/known/llama-cpp.toml"),
    ),
    (
        "gateway",
        include_str!("../../../fixtures/conformance/known/gateway.toml"),
    ),
];

/// The built-in route of this name.
pub fn shipped(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|route| route.name == name)
}

impl Shipped {
    /// Reads it.
    ///
    /// # Errors
    /// All mistakes of its text.
    pub fn read(&self) -> Result<Route, Mistakes> {
        Route::parse(self.name, self.text, &format!("{}.toml", self.name))
    }
}

/// Why a file of the table could not be had, with every mistake that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError(String);

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}

/// What is known of the deployment of this name: from the first of these folders that has `known/NAME.toml`, else what is built in, else nothing.
///
/// # Errors
/// All mistakes of the file, or why it cannot be read.
pub fn known_of(name: &str, folders: &[impl AsRef<Path>]) -> Result<Known, LoadError> {
    match read_known(name, folders, 0) {
        None => Ok(Known::default()),
        Some(read) => read.map_err(|mistakes| LoadError(mistakes.to_string())),
    }
}

/// The longest chain of `extends`.
const LONGEST: usize = 8;

fn read_known(
    name: &str,
    folders: &[impl AsRef<Path>],
    depth: usize,
) -> Option<Result<Known, Mistakes>> {
    let plain = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
    if !plain || depth > LONGEST {
        return None;
    }
    let mut texts = folders.iter().filter_map(|folder| {
        let path = folder.as_ref().join("known").join(format!("{name}.toml"));
        let text = std::fs::read_to_string(&path).ok()?;
        Some((text, path.display().to_string()))
    });
    let (text, shown) = texts.next().or_else(|| {
        let (_, text) = KNOWN.iter().find(|(there, _)| *there == name)?;
        Some(((*text).to_owned(), format!("known/{name}.toml")))
    })?;
    Some(Known::parse(&text, &shown, |other| {
        read_known(other, folders, depth + 1)
    }))
}

/// The route of this name: from the first of these folders that has `NAME.toml`, else what is built in.
///
/// # Errors
/// All mistakes of its text, or that there is none.
pub fn load(name: &str, folders: &[impl AsRef<Path>]) -> Result<Route, LoadError> {
    for folder in folders {
        let path = folder.as_ref().join(format!("{name}.toml"));
        if let Ok(text) = std::fs::read_to_string(&path) {
            return Route::parse(name, &text, &path.display().to_string())
                .map_err(|m| LoadError(m.to_string()));
        }
    }
    match shipped(name) {
        Some(shipped) => shipped.read().map_err(|m| LoadError(m.to_string())),
        None => Err(LoadError(
            match nearest(name, SHIPPED.iter().map(|s| s.name)) {
                Some(near) => format!("there is no route `{name}`; did you mean `{near}`?"),
                None => format!("there is no route `{name}`"),
            },
        )),
    }
}

/// The names of the routes that these folders have and that are not built in, sorted.
pub fn added(folders: &[impl AsRef<Path>]) -> Vec<String> {
    let mut names: Vec<String> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            (path.extension()? == "toml").then_some(())?;
            Some(path.file_stem()?.to_str()?.to_owned())
        })
        .filter(|name| shipped(name).is_none())
        .collect();
    names.sort();
    names.dedup();
    names
}
