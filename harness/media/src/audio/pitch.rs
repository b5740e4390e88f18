//! The pitch of a voice over time: autocorrelation frames, and the cheapest path through their candidates.
//!
//! The method and its constants are those of Boersma (1993) and of Praat's *To Pitch (ac)*, so that figures can be
//! compared. Rejected: the highest peak of each frame. Without a decision whether a frame is voiced at all, pauses and
//! hisses pull the median up, by more than a third for a low voice with half its time unvoiced.

use crate::audio::autocorrelation::{Candidate, Frame, Settings, analyse};
use crate::audio::sound::Audio;
use crate::{MediaError, MediaErrorKind};

/// How pitch is looked for. The default is Praat's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PitchOptions {
    /// The lowest pitch, in hertz.
    pub floor: f64,
    /// The highest pitch, in hertz.
    pub ceiling: f64,
    /// Seconds between frames; by default three quarters of the lowest pitch's period.
    pub step: Option<f64>,
    /// Frames whose peak is below this share of the loudest are silent.
    pub silence: f64,
    /// Frames whose best candidate is weaker than this are unvoiced.
    pub voicing: f64,
    /// What each octave downwards costs.
    pub octave_cost: f64,
    /// What a jump of an octave from frame to frame costs.
    pub octave_jump_cost: f64,
    /// What going from voiced to unvoiced, or back, costs.
    pub voiced_unvoiced_cost: f64,
}

impl Default for PitchOptions {
    fn default() -> Self {
        Self {
            floor: 75.0,
            ceiling: 600.0,
            step: None,
            silence: 0.03,
            voicing: 0.45,
            octave_cost: 0.01,
            octave_jump_cost: 0.35,
            voiced_unvoiced_cost: 0.14,
        }
    }
}

/// Pitch over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Pitch {
    /// The time in the middle of the first frame, in seconds.
    pub start: f64,
    /// Seconds between frames.
    pub step: f64,
    /// The pitch of each frame in hertz; `None` where it is unvoiced.
    pub frames: Vec<Option<f64>>,
}

impl Pitch {
    /// Measures the pitch of audio (the mean of its channels).
    ///
    /// # Errors
    /// When an option makes no sense, the audio is shorter than three periods of the floor, or a sample is not finite.
    pub fn of(audio: &Audio, options: &PitchOptions) -> Result<Self, MediaError> {
        let step = options.step.unwrap_or(0.75 / options.floor);
        check(options.floor, step)?;
        if !(options.ceiling > options.floor && options.ceiling.is_finite()) {
            return Err(MediaError::argument(
                WHAT,
                format!(
                    "a ceiling of {} Hz above a floor of {} Hz",
                    options.ceiling, options.floor
                ),
            ));
        }
        audio.require_finite(WHAT)?;
        let ceiling = options.ceiling.min(0.5 * f64::from(audio.rate()));
        let settings = Settings {
            floor: options.floor,
            step,
            periods: 3.0,
            gaussian: false,
            candidates: (ceiling / options.floor).max(15.0) as usize - 1,
            voicing: options.voicing,
            octave_cost: options.octave_cost,
            margin: f64::INFINITY,
        };
        let analysed = analyse::<f32>(&audio.mixed(), audio.rate(), settings)?;
        Ok(Self {
            start: analysed.start,
            step,
            frames: path(&analysed.frames, options, ceiling, step),
        })
    }

    /// The share of frames that are voiced.
    pub fn voiced(&self) -> f64 {
        self.frames.iter().flatten().count() as f64 / self.frames.len().max(1) as f64
    }

    /// A quantile of the voiced frames (`0.5` is the median); `None` if none is voiced.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let mut voiced: Vec<f64> = self.frames.iter().flatten().copied().collect();
        voiced.sort_by(f64::total_cmp);
        let last = voiced.len().checked_sub(1)?;
        let place = q.clamp(0.0, 1.0) * last as f64;
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        Some(voiced[low] + (voiced[high] - voiced[low]) * (place - low as f64))
    }

    /// The median pitch, if enough is voiced to call it the pitch of a voice: ten frames, and a fifth of them all.
    pub fn voice(&self) -> Option<f64> {
        let enough = self.frames.iter().flatten().count() >= 10 && self.voiced() >= 0.2;
        self.quantile(0.5).filter(|_| enough)
    }
}

/// Where a voice's median pitch lies between what is usual for men and for women.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Register {
    /// Below 150 Hz: usual for men.
    Low,
    /// Between: says nothing, and must not fail anybody.
    Between,
    /// Above 180 Hz: usual for women.
    High,
}

impl Register {
    /// The register of a median pitch in hertz.
    pub fn of(pitch: f64) -> Self {
        if pitch < 150.0 {
            Self::Low
        } else if pitch > 180.0 {
            Self::High
        } else {
            Self::Between
        }
    }
}

/// How far one pitch is above another, in semitones.
pub fn semitones(pitch: f64, reference: f64) -> f64 {
    12.0 * (pitch / reference).log2()
}

const WHAT: &str = "pitch";

pub(crate) fn check(floor: f64, step: f64) -> Result<(), MediaError> {
    if !(10.0..=2000.0).contains(&floor) {
        return Err(MediaError::argument(
            WHAT,
            format!("a floor of {floor} Hz; expected 10 to 2000"),
        ));
    }
    if !(0.001..=1.0).contains(&step) {
        return Err(MediaError::new(
            MediaErrorKind::Argument,
            WHAT,
            format!("a step of {step} s between frames; expected 0.001 to 1"),
        ));
    }
    Ok(())
}

/// A candidate as the path looks at it.
#[derive(Debug, Clone, Copy)]
struct Place {
    frequency: f64,
    /// The frequency's octave: without it every pair of candidates would ask for a logarithm. Nothing where unvoiced.
    octave: Option<f64>,
    worth: f64,
}

/// The path through the frames with the greatest strength less the costs of its jumps.
fn path(frames: &[Frame], options: &PitchOptions, ceiling: f64, step: f64) -> Vec<Option<f64>> {
    // The costs are meant for frames ten milliseconds apart.
    let scale = 0.01 / step;
    let (jump, change) = (
        options.octave_jump_cost * scale,
        options.voiced_unvoiced_cost * scale,
    );
    let cost = |a: &Place, b: &Place| match (a.octave, b.octave) {
        (None, None) => 0.0,
        (Some(a), Some(b)) => jump * (a - b).abs(),
        _ => change,
    };
    let highest = ceiling.log2();
    // All frames one after the other, and where each begins.
    let mut places: Vec<Place> = Vec::with_capacity(8 * frames.len());
    let mut starts = Vec::with_capacity(frames.len() + 1);
    for frame in frames {
        starts.push(places.len());
        let quiet =
            frame.intensity / (options.silence / (1.0 + options.voicing)).max(f64::MIN_POSITIVE);
        places.push(Place {
            frequency: 0.0,
            octave: None,
            worth: options.voicing + (2.0 - quiet).max(0.0),
        });
        let voiced = frame.candidates.iter().filter(|c| c.frequency < ceiling);
        places.extend(voiced.map(|c: &Candidate| {
            let octave = c.frequency.log2();
            Place {
                frequency: c.frequency,
                octave: Some(octave),
                worth: c.strength - options.octave_cost * (highest - octave),
            }
        }));
    }
    starts.push(places.len());
    // What the best path to each place is worth, and the place before it.
    let mut scores: Vec<f64> = Vec::with_capacity(places.len());
    let mut before = vec![0; places.len()];
    let mut from = 0..0;
    for column in starts.windows(2).map(|w| w[0]..w[1]) {
        for to in column.clone() {
            let mut best = (
                0,
                if from.is_empty() {
                    0.0
                } else {
                    f64::NEG_INFINITY
                },
            );
            for i in from.clone() {
                let score = scores[i] - cost(&places[i], &places[to]);
                if score > best.1 {
                    best = (i, score);
                }
            }
            scores.push(best.1 + places[to].worth);
            before[to] = best.0;
        }
        from = column;
    }
    let Some(mut place) = from.reduce(|a, b| if scores[b] > scores[a] { b } else { a }) else {
        return vec![];
    };
    let mut found = Vec::with_capacity(frames.len());
    for _ in frames {
        found.push(places[place].octave.map(|_| places[place].frequency));
        place = before[place];
    }
    found.reverse();
    found
}
