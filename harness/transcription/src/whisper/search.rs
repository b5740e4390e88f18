//! The tokens of one window: always the likeliest next one.
//!
//! Promise: the same tokens for the same sound, no more than half of what the model has room for, and silence told as
//! openai-whisper tells it. Rejected: its ladder of temperatures for windows that went badly. A second try by chance gives a
//! verdict by chance; a stronger transcriber is the second try here.

use candle_core::Result;

use super::network::{Making, Network, Unwanted};

/// What the model was made to be asked, and what it must not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    /// The marks that stand before a text.
    pub prompt: Vec<u32>,
    pub end: u32,
    pub never: Vec<u32>,
    pub never_first: Vec<u32>,
    /// The mark of a window in which nobody speaks.
    pub silence: Option<u32>,
}

/// What was found in one window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub tokens: Vec<u32>,
    /// The mean logarithm of how likely each token was.
    pub sure: f64,
    /// How likely it is that nobody speaks.
    pub silence: f64,
}

impl Found {
    /// Whether what was found is nothing: likely silence, and no sure text.
    pub fn is_silence(&self) -> bool {
        self.silence > 0.6 && self.sure <= -1.0
    }
}

/// The text of a window; nothing where it is unwanted.
pub(crate) fn greedy(
    network: &Network,
    making: &mut Making,
    rules: &Rules,
    unwanted: Unwanted<'_>,
) -> Result<Option<Found>> {
    let most = (network.room() / 2).min(network.room().saturating_sub(rules.prompt.len()));
    let mut logits = network.next(making, &rules.prompt)?;
    let silence = match (rules.silence, logits.first()) {
        (Some(mark), Some(first)) => log_likely(first, mark).exp(),
        _ => 0.0,
    };
    let mut tokens = Vec::new();
    let mut sum = 0.0;
    while tokens.len() < most {
        if unwanted() {
            return Ok(None);
        }
        let Some(mut row) = logits.pop() else { break };
        let first = if tokens.is_empty() {
            &*rules.never_first
        } else {
            &[]
        };
        for id in rules.never.iter().chain(first) {
            if let Some(logit) = row.get_mut(*id as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
        let next = likeliest(row.iter().copied().zip(0_u32..)).unwrap_or(rules.end);
        sum += log_likely(&row, next);
        if next == rules.end {
            break;
        }
        tokens.push(next);
        if tokens.len() < most {
            logits = network.next(making, &[next])?;
        }
    }
    Ok(Some(Found {
        sure: sum / (tokens.len() + 1) as f64,
        tokens,
        silence,
    }))
}

/// Which of these marks the model would write first: the language that it hears.
pub(crate) fn language<'a>(
    network: &Network,
    making: &mut Making,
    start: u32,
    languages: impl Iterator<Item = (&'a str, u32)>,
) -> Result<Option<(&'a str, u32)>> {
    let logits = network.next(making, &[start])?;
    let Some(row) = logits.first() else {
        return Ok(None);
    };
    let of = |language: (&'a str, u32)| Some((*row.get(language.1 as usize)?, language));
    Ok(likeliest(languages.filter_map(of)))
}

/// The first of the largest. A figure that is no number is never the largest.
fn likeliest<T>(all: impl Iterator<Item = (f32, T)>) -> Option<T> {
    let mut best: Option<(f32, T)> = None;
    for (logit, which) in all {
        if !logit.is_nan() && best.as_ref().is_none_or(|(most, _)| logit > *most) {
            best = Some((logit, which));
        }
    }
    best.map(|(_, which)| which)
}

/// The logarithm of how likely a token is.
fn log_likely(logits: &[f32], id: u32) -> f64 {
    let Some(chosen) = logits.get(id as usize) else {
        return f64::NEG_INFINITY;
    };
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|l| f64::from(l - most).exp()).sum();
    f64::from(chosen - most) - sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_needs_both_its_mark_and_an_unsure_text() {
        let found = |silence, sure| Found {
            tokens: vec![1],
            sure,
            silence,
        };
        assert!(found(0.7, -1.5).is_silence());
        assert!(!found(0.7, -0.9).is_silence());
        assert!(!found(0.5, -1.5).is_silence());
    }

    #[test]
    fn the_likeliest_is_the_first_of_the_largest_numbers() {
        let of = |logits: &[f32]| likeliest(logits.iter().copied().zip(0_u32..));
        assert_eq!(of(&[1.0, 3.0, f32::NAN, 3.0]), Some(1));
        assert_eq!(of(&[f32::NAN]), None);
        let ten = log_likely(&[0.0, 9.0_f32.ln()], 0).exp();
        assert!((ten - 0.1).abs() < 1e-6, "{ten}");
    }
}
