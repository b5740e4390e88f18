//! Figures exactly as vLLM-Omni computes them, for thresholds that were made with them. New tests should use the others:
//! these are biased, and each function says how.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

/// Harmonicity of sixteen-bit samples, in decibels: the mean over frames of 30 ms of the highest peak of the
/// autocorrelation between 80 and 400 Hz. `None` when no frame is loud enough (that system once said 0 then, later
/// negative infinity).
///
/// The peak is not corrected for the overlap, so a pure tone of 100 Hz has 3 dB and one of 220 Hz has 7.5.
pub fn harmonicity(samples: &[i16], rate: u32) -> Option<f64> {
    let rate = f64::from(rate);
    let frame = (0.03 * rate) as usize;
    let hop = frame / 2;
    let (low, high) = ((rate / 400.0) as usize, ((rate / 80.0) as usize).min(frame));
    if hop == 0 || low >= high {
        return None;
    }
    let mut values = Vec::new();
    for start in (0..samples.len().saturating_sub(frame)).step_by(hop) {
        let mut x: Vec<f64> = samples[start..start + frame]
            .iter()
            .map(|s| f64::from(*s) / 32768.0)
            .collect();
        centre(&mut x);
        if x.iter().all(|v| v.abs() < 0.01) {
            continue;
        }
        let zero = correlation(&x, 0) + 1e-10;
        let peak = (low..high)
            .map(|lag| correlation(&x, lag) / zero)
            .fold(f64::NEG_INFINITY, f64::max);
        if peak > 0.0 && peak < 1.0 {
            values.push(10.0 * (peak / (1.0 - peak + 1e-10)).log10());
        }
    }
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The median pitch in hertz of samples at 16 kHz (see [`resample`]), between 70 and 400 Hz: the highest peak of the autocorrelation
/// of each frame of 40 ms. `None` for less than 0.15 s or fewer than four usable frames.
///
/// There is no decision whether a frame is voiced, so pauses and hisses pull the median up.
pub fn pitch(samples: &[f32]) -> Option<f64> {
    const RATE: f64 = 16_000.0;
    const FRAME: usize = 640;
    if (samples.len() as f64) < 0.15 * RATE {
        return None;
    }
    let mut x: Vec<f64> = samples.iter().map(|s| f64::from(*s)).collect();
    centre(&mut x);
    let window: Vec<f64> = (0..FRAME)
        .map(|i| 0.54 - 0.46 * (std::f64::consts::TAU * i as f64 / (FRAME - 1) as f64).cos())
        .collect();
    let mut found = Vec::new();
    for start in (0..=x.len().checked_sub(FRAME)?).step_by(FRAME / 2) {
        let mut frame: Vec<f64> = x[start..start + FRAME]
            .iter()
            .zip(&window)
            .map(|(s, w)| s * w)
            .collect();
        centre(&mut frame);
        let power = correlation(&frame, 0);
        // Written so that a NaN is skipped as well.
        if (power / FRAME as f64)
            .sqrt()
            .partial_cmp(&1e-4)
            .is_none_or(|o| o.is_lt())
        {
            continue;
        }
        let (low, high) = ((RATE / 400.0) as usize, (RATE / 70.0) as usize);
        let best = (low..=high)
            .map(|lag| (lag, correlation(&frame, lag)))
            .fold((0, f64::NEG_INFINITY), |a, b| if b.1 > a.1 { b } else { a });
        let frequency = RATE / best.0 as f64;
        if (70.0..=400.0).contains(&frequency) {
            found.push(frequency);
        }
    }
    if found.len() < 4 {
        return None;
    }
    found.sort_by(f64::total_cmp);
    let middle = found.len() / 2;
    Some(if found.len() % 2 == 1 {
        found[middle]
    } else {
        0.5 * (found[middle - 1] + found[middle])
    })
}

/// Samples at another rate by linear interpolation, which lets what lies above the new half rate come back as other
/// tones. For [`pitch`] only.
pub fn resample(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
    if from == to || samples.is_empty() || from == 0 {
        return samples.to_vec();
    }
    let length = (samples.len() as f64 * f64::from(to) / f64::from(from))
        .round_ties_even()
        .max(1.0) as usize;
    let last = samples.len() - 1;
    let step = if length > 1 {
        last as f64 / (length - 1) as f64
    } else {
        0.0
    };
    (0..length)
        .map(|i| {
            let place = i as f64 * step;
            let below = (place as usize).min(last);
            let (a, b) = (
                f64::from(samples[below]),
                f64::from(samples[(below + 1).min(last)]),
            );
            (a + (b - a) * (place - below as f64)) as f32
        })
        .collect()
}

/// The likeness of two texts from 0 to 1: the cosine of their counts of three-character pieces, times how alike their
/// lengths are. Both are put through [`preprocess`].
///
/// Texts of fewer than three characters have 0 even when they are equal, swapped words cost next to nothing, and `21`
/// is nothing like `twenty-one`.
pub fn similarity(a: &str, b: &str) -> f64 {
    similarity_of(&preprocess(a), &preprocess(b))
}

/// [`similarity`] of texts that were preprocessed already, for instance with [`preprocess_with`].
pub fn similarity_of(a: &str, b: &str) -> f64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let (x, y) = (pieces(&a), pieces(&b));
    let dot: f64 = x.iter().filter_map(|(k, n)| y.get(k).map(|m| n * m)).sum();
    let norm = |v: &HashMap<&[char], f64>| v.values().map(|n| n * n).sum::<f64>().sqrt();
    let (nx, ny) = (norm(&x), norm(&y));
    if nx == 0.0 || ny == 0.0 {
        return 0.0;
    }
    let lengths = 2.0 * a.len().min(b.len()) as f64 / (a.len() + b.len()) as f64;
    dot / (nx * ny) * lengths
}

/// The text as that system compares it: number words up to ten as digits, `kilohertz` as `khz`, no punctuation, single
/// spaces, none between Chinese characters, lower case.
///
/// Traditional Chinese characters stay as they are; [`preprocess_with`] takes the conversion that belongs here.
pub fn preprocess(text: &str) -> String {
    preprocess_with(text, str::to_owned)
}

/// [`preprocess`] with a conversion from traditional to simplified Chinese.
pub fn preprocess_with(text: &str, simplify: impl FnOnce(&str) -> String) -> String {
    const WORDS: [&str; 11] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    ];
    static WORD: LazyLock<Regex> =
        LazyLock::new(|| pattern(&format!(r"(?i)\b(?:{}|kilohertz)\b", WORDS.join("|"))));
    static MARK: LazyLock<Regex> = LazyLock::new(|| pattern(r"[^\p{L}\p{N}_\s]"));
    let text = WORD.replace_all(text, |found: &regex::Captures<'_>| {
        let word = found[0].to_lowercase();
        WORDS
            .iter()
            .position(|w| *w == word)
            .map_or_else(|| "khz".to_owned(), |i| i.to_string())
    });
    let text = MARK.replace_all(&text, "");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text: Vec<char> = simplify(&text).chars().collect();
    let ideograph = |c: Option<&char>| c.is_some_and(|c| ('\u{4E00}'..='\u{9FFF}').contains(c));
    let kept = text.iter().enumerate().filter(|(i, c)| {
        !(c.is_whitespace() && *i > 0 && ideograph(text.get(i - 1)) && ideograph(text.get(i + 1)))
    });
    kept.map(|(_, c)| *c)
        .collect::<String>()
        .to_lowercase()
        .trim()
        .to_owned()
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this file")
}

fn pieces(text: &[char]) -> HashMap<&[char], f64> {
    let mut counts = HashMap::new();
    for piece in text.windows(3) {
        *counts.entry(piece).or_insert(0.0) += 1.0;
    }
    counts
}

fn centre(x: &mut [f64]) {
    let mean = x.iter().sum::<f64>() / x.len().max(1) as f64;
    x.iter_mut().for_each(|v| *v -= mean);
}

fn correlation(x: &[f64], lag: usize) -> f64 {
    x.iter()
        .zip(&x[lag.min(x.len())..])
        .map(|(a, b)| a * b)
        .sum()
}
