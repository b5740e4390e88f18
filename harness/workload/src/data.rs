//! What a step's requests are made of.
//!
//! Promise: what a data set's name means without a network is decided here, in one table; one that cannot be had is refused with a reason and what to
//! do, never replaced silently. Rejected: downloading (a run would depend on who answers that day).

use std::collections::BTreeMap;
use std::path::PathBuf;

use tribunal_vocabulary::nearest;

use crate::amount::{Amount, Bucket};
use crate::draw::Draw;

/// What a step's requests are made of.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum DataSpec {
    /// Random text of these lengths, in tokens.
    Random(Lengths),
    /// Random text in which many prompts begin alike.
    SharedPrefix {
        /// Length of what is shared, in tokens.
        prefix: Amount,
        /// Length of what is not.
        suffix: Amount,
        /// How many different beginnings.
        prefixes: u32,
        /// Length of the answers.
        output: Amount,
    },
    /// Random text with pictures, videos and sounds.
    Multimodal {
        /// The text.
        text: Lengths,
        /// How many of them each prompt has.
        items: Amount,
        /// How far that may be off, as a share.
        items_spread: f64,
        /// The most of each sort.
        limits: BTreeMap<String, u32>,
        /// What they are.
        buckets: Vec<Bucket>,
    },
    /// Prompts for pictures or videos, of these shapes.
    Shapes {
        /// The shapes with their weights.
        shapes: Vec<Shape>,
        /// Pictures in each prompt.
        input_images: u32,
    },
    /// Questions of a file, one on each line.
    File {
        /// Where it is.
        path: PathBuf,
        /// Length of the answers, where it is set.
        output: Option<Amount>,
    },
    /// The same, from the workload file itself.
    Lines {
        /// The lines.
        text: String,
        /// Length of the answers, where it is set.
        output: Option<Amount>,
    },
    /// It cannot be had; the step says why.
    Missing {
        /// Its name.
        name: String,
    },
}

/// Lengths of random text, in tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lengths {
    /// Of prompts, without their prefix.
    pub input: Amount,
    /// Of answers.
    pub output: Amount,
    /// Of what all prompts begin with.
    pub prefix: u32,
    /// How far a prompt may be off, as a share, 0 to below 1.
    pub input_spread: f64,
    /// How far an answer may be off.
    pub output_spread: f64,
}

/// A shape of pictures or videos.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Width and height in pixels.
    pub size: Option<(Amount, Amount)>,
    /// The weight among others.
    pub weight: f64,
    /// What else a request says of it: steps, frames, scale, what should not be seen.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

impl DataSpec {
    /// Whether something of it is drawn for each batch.
    pub fn has_ranges(&self) -> bool {
        match self {
            DataSpec::Random(text) => text.has_ranges(),
            DataSpec::SharedPrefix {
                prefix,
                suffix,
                output,
                ..
            } => [prefix, suffix, output]
                .iter()
                .any(|amount| amount.is_range()),
            DataSpec::Multimodal {
                text,
                items,
                buckets,
                ..
            } => {
                text.has_ranges()
                    || items.is_range()
                    || buckets
                        .iter()
                        .any(|b| b.height.is_range() || b.width.is_range() || b.frames.is_range())
            }
            DataSpec::Shapes { shapes, .. } => shapes.iter().any(|shape| {
                shape
                    .size
                    .is_some_and(|(w, h)| w.is_range() || h.is_range())
            }),
            DataSpec::File { output, .. } | DataSpec::Lines { output, .. } => {
                output.is_some_and(Amount::is_range)
            }
            DataSpec::Missing { .. } => false,
        }
    }

    /// The same with every range drawn.
    pub(crate) fn drawn(&self, draw: &mut Draw) -> DataSpec {
        let mut drawn = self.clone();
        match &mut drawn {
            DataSpec::Random(text) => text.draw(draw),
            DataSpec::SharedPrefix {
                prefix,
                suffix,
                output,
                ..
            } => {
                for amount in [prefix, suffix, output] {
                    *amount = amount.drawn(draw);
                }
            }
            DataSpec::Multimodal {
                text,
                items,
                buckets,
                ..
            } => {
                text.draw(draw);
                *items = items.drawn(draw);
                for bucket in buckets {
                    *bucket = bucket.drawn(draw);
                }
            }
            DataSpec::Shapes { shapes, .. } => {
                for (width, height) in shapes.iter_mut().filter_map(|shape| shape.size.as_mut()) {
                    *width = width.drawn(draw);
                    *height = height.drawn(draw);
                }
            }
            DataSpec::File { output, .. } | DataSpec::Lines { output, .. } => {
                *output = output.map(|output| output.drawn(draw));
            }
            DataSpec::Missing { .. } => {}
        }
        drawn
    }
}

impl Lengths {
    fn has_ranges(&self) -> bool {
        self.input.is_range() || self.output.is_range()
    }

    fn draw(&mut self, draw: &mut Draw) {
        self.input = self.input.drawn(draw);
        self.output = self.output.drawn(draw);
    }
}

/// Why a step cannot be run here, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: String,
    /// What to do.
    pub help: String,
}

/// What a name of a data set means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Random,
    RandomMultimodal,
    SharedPrefix,
    /// A file that the block names.
    File,
    /// It has to be fetched; why that is.
    Elsewhere(&'static str),
}

const RECORDINGS: &str = "it is made of recordings that have to be fetched";
const QUESTIONS: &str = "its questions have to be fetched";
const VIDEOS: &str = "it is made of videos that have to be fetched";

const NAMES: [(&str, Named); 29] = [
    ("random", Named::Random),
    ("random-mm", Named::RandomMultimodal),
    ("prefix_repetition", Named::SharedPrefix),
    ("custom", Named::File),
    ("sharegpt", Named::File),
    ("sonnet", Named::Elsewhere("its text has to be fetched")),
    ("burstgpt", Named::Elsewhere("its trace has to be fetched")),
    ("trace", Named::Elsewhere("its trace has to be fetched")),
    ("hf", Named::Elsewhere(QUESTIONS)),
    ("spec_bench", Named::Elsewhere(QUESTIONS)),
    (
        "custom_mm",
        Named::Elsewhere("its pictures are not in the file"),
    ),
    (
        "custom_image",
        Named::Elsewhere("its pictures are not in the file"),
    ),
    ("custom_audio", Named::Elsewhere(RECORDINGS)),
    (
        "random-rerank",
        Named::Elsewhere("reranking is not measured here"),
    ),
    ("txt-slices", Named::Elsewhere("its text has to be fetched")),
    ("seed-tts", Named::Elsewhere(RECORDINGS)),
    (
        "seed-tts-text",
        Named::Elsewhere("its texts have to be fetched"),
    ),
    (
        "seed-tts-design",
        Named::Elsewhere("its texts have to be fetched"),
    ),
    ("ttsd", Named::Elsewhere(RECORDINGS)),
    ("sound-effect", Named::Elsewhere(RECORDINGS)),
    ("daily-omni", Named::Elsewhere(VIDEOS)),
    ("video-mme", Named::Elsewhere(VIDEOS)),
    ("omniinteract", Named::Elsewhere(VIDEOS)),
    ("omni-duplex-eval", Named::Elsewhere(VIDEOS)),
    ("native-duplex", Named::Elsewhere(RECORDINGS)),
    ("llama-omni2", Named::Elsewhere(RECORDINGS)),
    ("vbench", Named::Elsewhere("its prompts have to be fetched")),
    (
        "i2v-bench",
        Named::Elsewhere("its pictures have to be fetched"),
    ),
    ("ultrachat", Named::Elsewhere(QUESTIONS)),
];

/// What a name of a data set means.
///
/// # Errors
/// There is none of that name; the nearest.
pub(crate) fn named(name: &str) -> Result<Named, Option<&'static str>> {
    let same = |there: &str| there.replace('_', "-") == name.replace('_', "-");
    NAMES
        .iter()
        .find(|(there, _)| same(there))
        .map(|(_, named)| *named)
        .ok_or_else(|| nearest(name, NAMES.iter().map(|(name, _)| *name)))
}

/// What to do about a data set that cannot be had.
pub(crate) fn map_it(name: &str) -> String {
    format!(
        "say where it lies: --data {name}=FILE.jsonl (or TRIBUNAL_DATA), one question a line as {{\"prompt\": \"…\"}}"
    )
}

/// The same about one whose answers are scored.
pub(crate) fn map_exam(name: &str) -> String {
    format!(
        "say where it lies: --data {name}=FILE.jsonl (or TRIBUNAL_DATA), one question a line as {{\"prompt\": \"…\", \"expected\": \"…\"}}"
    )
}
