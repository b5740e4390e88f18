//! Preset voices: what pitch is known of them, and whether a recording has it.
//!
//! Pitch alone tells a voice from another only roughly, so a pitch between what is usual for men and for women decides nothing.

use std::collections::BTreeMap;

use tribunal_media::{Audio, Pitch, PitchOptions, Register, semitones};

use crate::bench::Bench;
use crate::verdict::{Ending, RuleResult};

/// What is known of a voice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Voice {
    /// The median pitch of an accepted recording, in hertz.
    Pitch(f64),
    /// A voice as most men have.
    Male,
    /// A voice as most women have.
    Female,
}

/// What is known of the voices of a deployment, by their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Voices(BTreeMap<String, Voice>);

impl Voices {
    /// What is known of a voice; the case of its name does not matter.
    pub fn get(&self, name: &str) -> Option<Voice> {
        self.0.get(&name.to_lowercase()).copied()
    }

    /// The names that something is known of.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl<S: Into<String>> FromIterator<(S, Voice)> for Voices {
    fn from_iter<I: IntoIterator<Item = (S, Voice)>>(all: I) -> Self {
        let lower = |name: S| name.into().to_lowercase();
        Self(
            all.into_iter()
                .map(|(name, voice)| (lower(name), voice))
                .collect(),
        )
    }
}

/// The figures of a voice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Heard {
    /// Its median pitch, where enough of it is voiced.
    pub pitch: Option<f64>,
}

pub(crate) fn hear(audio: &Audio) -> Result<Heard, String> {
    let pitch = Pitch::of(audio, &PitchOptions::default()).map_err(|e| e.to_string())?;
    Ok(Heard {
        pitch: pitch.voice(),
    })
}

/// The rule. `named` is the voice that was asked for, `known` what is known of it.
pub(crate) fn voice(
    bench: &Bench,
    named: Option<&str>,
    known: Option<Voice>,
    heard: &Result<Heard, String>,
) -> RuleResult {
    const RULE: &str = "voice";
    let Some(known) = known else {
        return match named {
            None => RuleResult::not_applicable(RULE, "the request asked for no voice"),
            Some(name) => RuleResult::not_made(
                RULE,
                format!("nothing is known of the voice `{}`", name.escape_debug()),
                "give the deployment a table [voices] with its pitch_hz or gender",
            ),
        };
    };
    let pitch = match heard {
        Err(why) => {
            return RuleResult::new(RULE, Ending::Undecided)
                .because(format!("the pitch cannot be measured: {why}"));
        }
        Ok(Heard { pitch: None }) => {
            return RuleResult::new(RULE, Ending::Undecided)
                .because("too little of it is voiced to have a pitch");
        }
        Ok(Heard { pitch: Some(pitch) }) => *pitch,
    };
    let figure = format!("{pitch:.1} Hz");
    match known {
        Voice::Pitch(reference) => {
            let limit = bench.limit(RULE);
            let off = semitones(pitch, reference);
            RuleResult::holds(RULE, off.abs() < limit.value)
                .figure(format!("{figure}, {off:+.1} semitones"))
                .threshold(format!("within {limit} semitones of {reference} Hz"))
        }
        Voice::Male | Voice::Female => {
            let (wanted, right) = match known {
                Voice::Male => ("a pitch usual for men (below 150 Hz)", Register::Low),
                _ => ("a pitch usual for women (above 180 Hz)", Register::High),
            };
            let ending = match Register::of(pitch) {
                Register::Between => Ending::Undecided,
                found if found == right => Ending::Pass,
                _ => Ending::Fail,
            };
            let result = RuleResult::new(RULE, ending)
                .figure(figure)
                .threshold(wanted);
            match ending {
                Ending::Undecided => {
                    result.because("between 150 and 180 Hz a pitch decides nothing")
                }
                _ => result,
            }
        }
    }
}
