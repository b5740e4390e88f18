//! Data sets: what requests are made of.
//!
//! Promise: a data set with a seed gives the same requests, on every machine and in every version. Lengths are in tokens; a tokenizer is not at
//! hand, so random text is made of words that are one token each in most vocabularies, and what a prompt really was, the server's usage says.
//! Rejected: downloading data sets (a run would depend on who answers that day).

mod answers;
mod draw;
mod error;
mod form;
mod item;
mod line;
mod lines;
mod media;
mod options;
mod render;
mod sets;
mod words;

use serde_json::{Map, Value};

use crate::Source;
use draw::Draw;
use item::{Items, Medium};

pub use draw::Lengths;
pub use error::DataError;
pub use lines::{Lines, trace_times};
pub use media::{Bucket, MediaLimits};
pub use options::{RequestOptions, Route, UsageOption};

/// What requests are made of. All but the lines of a file go on without end; the load says when it is enough.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum DataSet {
    /// Random text.
    Random {
        /// Tokens of a prompt, without what all begin with.
        input: Lengths,
        /// Tokens that are asked for.
        output: Lengths,
        /// Tokens that all prompts begin with.
        prefix: u32,
    },
    /// Random text, each with one of several beginnings.
    SharedPrefix {
        /// How many beginnings.
        pool: u32,
        /// Tokens of each.
        prefix: u32,
        /// Tokens after it.
        input: Lengths,
        /// Tokens that are asked for.
        output: Lengths,
    },
    /// Prompts of a file: an object on each line, or a list of them (ShareGPT).
    JsonLines {
        /// Where they are.
        lines: Lines,
        /// Tokens that are asked for; `None`: as each says, else as many as the words of the answer in the file.
        output: Option<u32>,
        /// Every turn of the user is sent, each after the answer to the one before; else only the first, or all messages at once.
        every_turn: bool,
        /// In an order by the seed.
        shuffle: bool,
        /// From the beginning again at the end.
        repeat: bool,
    },
    /// Random text with media.
    Multimodal {
        /// Tokens of the text.
        input: Lengths,
        /// Tokens that are asked for.
        output: Lengths,
        /// How many media a prompt has.
        items: Lengths,
        /// At most so many of each sort.
        limits: MediaLimits,
        /// Their sizes, each with its share.
        buckets: Vec<(Bucket, f64)>,
    },
    /// These texts, one after the other, again and again.
    Text {
        /// The texts.
        texts: Vec<String>,
        /// Tokens that are asked for.
        output: Option<u32>,
    },
    /// Conversations of random text; each turn holds what was said before.
    Conversations {
        /// Turns of each.
        turns: Lengths,
        /// Tokens of a turn.
        input: Lengths,
        /// Tokens that are asked for in a turn.
        output: Lengths,
        /// Tokens of the message of the system, the same for all; 0: there is none.
        system: u32,
    },
    /// Random prompts for pictures or videos of these shapes.
    Shapes {
        /// Fields of a request (`size`, `num_frames`), each with its weight.
        shapes: Vec<(Map<String, Value>, f64)>,
        /// Words of a prompt.
        words: Lengths,
        /// Pictures that go with it.
        pictures: u32,
    },
}

impl DataSet {
    /// Random text of `input` tokens that asks for `output`.
    pub fn random(input: impl Into<Lengths>, output: impl Into<Lengths>) -> Self {
        Self::Random {
            input: input.into(),
            output: output.into(),
            prefix: 0,
        }
    }

    /// The prompts of a file, in its order, once.
    pub fn file(path: impl Into<std::path::PathBuf>) -> Self {
        Self::JsonLines {
            lines: Lines::File(path.into()),
            output: None,
            every_turn: false,
            shuffle: false,
            repeat: false,
        }
    }

    /// Requests of it for `route`. Media are made and files are read here, before the run.
    ///
    /// # Errors
    /// A file cannot be read, media cannot be made, or the route needs what the data set does not have.
    pub fn source(
        &self,
        route: Route,
        model: &str,
        seed: u64,
        options: &RequestOptions,
    ) -> Result<Box<dyn Source>, DataError> {
        let items: Box<dyn Items> = match self {
            DataSet::Random {
                input,
                output,
                prefix,
            } => Box::new(sets::RandomText::new(
                1, *prefix, *input, *output, seed, options,
            )),
            DataSet::SharedPrefix {
                pool,
                prefix,
                input,
                output,
            } => {
                if *pool == 0 || u64::from(*pool) * u64::from(*prefix) > 1 << 27 {
                    return Err(DataError::new(
                        "shared beginnings are expected to be one at least, and 134,217,728 tokens at most together",
                    ));
                }
                Box::new(sets::RandomText::new(
                    *pool, *prefix, *input, *output, seed, options,
                ))
            }
            DataSet::JsonLines {
                lines,
                output,
                every_turn,
                shuffle,
                repeat,
            } => {
                let wish = lines::Wish {
                    output: *output,
                    every_turn: *every_turn,
                    shuffle: *shuffle,
                    repeat: *repeat,
                };
                Box::new(lines::FromLines::new(lines, wish, seed)?)
            }
            DataSet::Multimodal {
                input,
                output,
                items,
                limits,
                buckets,
            } => {
                let made = media::WithMedia::new(
                    buckets,
                    (*input, *output, *items),
                    *limits,
                    seed,
                    options,
                )?;
                let (wanted, name) = match route {
                    Route::Transcriptions => {
                        (Some(Medium::Audio), "a sound, as the bucket (0, 10, 1)")
                    }
                    Route::ImageEdits => (
                        Some(Medium::Image),
                        "a picture, as the bucket (256, 256, 1)",
                    ),
                    _ => (None, ""),
                };
                if wanted.is_some_and(|medium| !made.has(medium)) {
                    return Err(DataError::new(format!("{} needs {name}", route.path())));
                }
                Box::new(made)
            }
            DataSet::Text { texts, output } => {
                if texts.is_empty() {
                    return Err(DataError::new("no text was given"));
                }
                Box::new(sets::Fixed {
                    texts: texts.clone(),
                    output: *output,
                    at: 0,
                })
            }
            DataSet::Conversations {
                turns,
                input,
                output,
                system,
            } => {
                let system = (*system > 0)
                    .then(|| words::text(&mut Draw::of(seed, 999), options.words(*system)));
                Box::new(sets::Talks {
                    system,
                    turns: *turns,
                    input: *input,
                    output: *output,
                    draw: Draw::of(seed, 6),
                    options: options.clone(),
                })
            }
            DataSet::Shapes {
                shapes,
                words,
                pictures,
            } => Box::new(self::shapes(shapes, *words, *pictures, seed)?),
        };
        let media = matches!(self, DataSet::Multimodal { .. } | DataSet::JsonLines { .. });
        match route {
            Route::Transcriptions if !media => Err(DataError::new(
                "transcriptions need sounds: give a data set of media with sounds, or a file with `audio`",
            )),
            Route::ImageEdits
                if !media && !matches!(self, DataSet::Shapes { pictures: 1.., .. }) =>
            {
                Err(DataError::new(
                    "edits of pictures need pictures: give a data set of media or of shapes with pictures",
                ))
            }
            _ => Ok(Box::new(render::Rendered::new(
                items, route, model, seed, options,
            )?)),
        }
    }
}

fn shapes(
    shapes: &[(Map<String, Value>, f64)],
    words: Lengths,
    pictures: u32,
    seed: u64,
) -> Result<sets::Shapes, DataError> {
    if shapes
        .iter()
        .any(|(_, weight)| !weight.is_finite() || *weight < 0.0)
        || shapes.iter().all(|(_, weight)| *weight == 0.0)
    {
        return Err(DataError::new(
            "the weights of shapes are expected to be numbers from 0 on, and one of them above 0",
        ));
    }
    let bucket = Bucket {
        height: 512.into(),
        width: 512.into(),
        frames: 1.into(),
    };
    let mut draw = Draw::of(seed, 7);
    let pictures = (0..pictures.min(16))
        .map(|_| bucket.made(&mut draw))
        .collect::<Result<_, _>>()?;
    Ok(sets::Shapes {
        shapes: shapes.to_vec(),
        words,
        pictures,
        draw: Draw::of(seed, 8),
    })
}
