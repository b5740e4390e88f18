//! Random text, texts that begin alike, fixed texts, conversations, and shapes of pictures.

use serde_json::{Map, Value};

use super::draw::{Draw, Lengths};
use super::item::{Item, Items, Part, Said};
use super::options::RequestOptions;
use super::words;

/// Random text; with a pool of prefixes each prompt begins with one of them.
pub(super) struct RandomText {
    pub prefixes: Vec<String>,
    pub prefix: u32,
    pub input: Lengths,
    pub output: Lengths,
    pub draw: Draw,
    pub options: RequestOptions,
}

impl RandomText {
    /// `pool` different beginnings of `prefix` tokens.
    pub fn new(
        pool: u32,
        prefix: u32,
        input: Lengths,
        output: Lengths,
        seed: u64,
        options: &RequestOptions,
    ) -> Self {
        let length = options.words(prefix);
        let prefixes = (0..pool)
            .filter(|_| prefix > 0)
            .map(|index| words::text(&mut Draw::of(seed, 1_000 + u64::from(index)), length))
            .collect();
        Self {
            prefixes,
            prefix,
            input,
            output,
            draw: Draw::of(seed, 5),
            options: options.clone(),
        }
    }
}

impl Items for RandomText {
    fn next(&mut self) -> Option<Item> {
        let tokens = self.input.draw(&mut self.draw);
        let output = Some(self.output.draw(&mut self.draw));
        let mut text = words::text(&mut self.draw, self.options.words(tokens));
        let mut all = tokens;
        if !self.prefixes.is_empty() {
            text = format!(
                "{} {text}",
                self.prefixes[self.draw.below(self.prefixes.len())]
            );
            all = all.saturating_add(self.prefix);
        }
        Some(
            Said {
                text,
                output,
                tokens: Some(all),
                ..Said::default()
            }
            .into(),
        )
    }
}

/// Fixed texts, one after the other, again and again.
pub(super) struct Fixed {
    pub texts: Vec<String>,
    pub output: Option<u32>,
    pub at: usize,
}

impl Items for Fixed {
    fn next(&mut self) -> Option<Item> {
        let text = self.texts.get(self.at % self.texts.len().max(1))?.clone();
        self.at += 1;
        let tokens = Some(words::count(&text));
        Some(
            Said {
                text,
                output: self.output,
                tokens,
                ..Said::default()
            }
            .into(),
        )
    }
}

/// Conversations of random turns.
pub(super) struct Talks {
    pub system: Option<String>,
    pub turns: Lengths,
    pub input: Lengths,
    pub output: Lengths,
    pub draw: Draw,
    pub options: RequestOptions,
}

impl Items for Talks {
    fn next(&mut self) -> Option<Item> {
        let turns = (0..self.turns.draw(&mut self.draw).max(1))
            .map(|_| {
                let tokens = self.input.draw(&mut self.draw);
                let output = Some(self.output.draw(&mut self.draw));
                let text = words::text(&mut self.draw, self.options.words(tokens));
                Said {
                    text,
                    output,
                    tokens: Some(tokens),
                    ..Said::default()
                }
            })
            .collect();
        Some(Item {
            system: self.system.clone(),
            turns,
        })
    }
}

/// Shapes of pictures or videos that are asked for, by their weights.
pub(super) struct Shapes {
    pub shapes: Vec<(Map<String, Value>, f64)>,
    pub words: Lengths,
    pub pictures: Vec<Part>,
    pub draw: Draw,
}

impl Items for Shapes {
    fn next(&mut self) -> Option<Item> {
        let index = self
            .draw
            .weighted(self.shapes.iter().map(|(_, weight)| *weight))?;
        let fields = self.shapes[index].0.clone();
        let count = self.words.draw(&mut self.draw).max(1);
        let text = words::text(&mut self.draw, count);
        Some(
            Said {
                text,
                tokens: Some(count),
                parts: self.pictures.clone(),
                fields,
                ..Said::default()
            }
            .into(),
        )
    }
}
