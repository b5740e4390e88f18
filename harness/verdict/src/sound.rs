//! The rules of a recording as such: whether every sample is a number, whether anything can be heard, whether it clips or clicks,
//! whether a chunk came twice. They look at decoded audio and know nothing of requests.

use tribunal_media::{Audio, Levels, Silences, clicks, repeats, roll_off};

use crate::bench::Bench;
use crate::verdict::{Ending, RuleResult};

/// Decoded audio, and where its chunks meet.
pub(crate) struct Sound {
    pub audio: Audio,
    /// The frames at which chunks meet.
    pub seams: Vec<usize>,
    /// What its container says of the rate and the channels.
    pub declares: Declares,
}

/// What a container says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declares {
    /// Raw samples say nothing.
    Nothing,
    /// Opus has one rate for whatever went in, so that its own says nothing.
    Channels,
    RateAndChannels,
}

/// The rules of depth that need nothing but the samples.
pub(crate) fn rules(bench: &Bench, sound: &Sound) -> Vec<RuleResult> {
    let levels = Levels::of(&sound.audio);
    vec![
        finite(&levels),
        duration(bench, &levels),
        sample_rate(bench, sound),
        silence(bench, &sound.audio, &levels),
        clipping(bench, &levels),
        offset(bench, &levels),
        seams_click(bench, sound),
        chunks_repeat(bench, sound),
    ]
}

fn finite(levels: &Levels) -> RuleResult {
    RuleResult::holds("audio_finite", levels.not_finite == 0)
        .figure(format!("{} samples that are no numbers", levels.not_finite))
        .threshold("none")
}

fn duration(bench: &Bench, levels: &Levels) -> RuleResult {
    const RULE: &str = "audio_duration";
    let Some(wanted) = bench.expect.seconds else {
        return RuleResult::not_applicable(RULE, "the test expects no duration");
    };
    let limit = bench.limit(RULE);
    RuleResult::holds(RULE, (levels.seconds - wanted).abs() <= limit.value)
        .figure(format!("{:.3} s", levels.seconds))
        .threshold(format!("{wanted} s, within {limit} s"))
}

/// What the container declares is what was asked for, and the spectrum does not speak against it.
fn sample_rate(bench: &Bench, sound: &Sound) -> RuleResult {
    const RULE: &str = "sample_rate";
    /// Speech has hardly anything in the upper half of the spectrum of a rate that is right for it.
    const UPPER: f64 = 0.75;
    let (rate, channels) = (sound.audio.rate(), sound.audio.channels());
    let figure = format!(
        "{rate} Hz, {channels} channel{}",
        if channels == 1 { "" } else { "s" }
    );
    let (mut wanted_rate, wanted_channels) = (bench.expect.rate, bench.expect.channels);
    match sound.declares {
        Declares::Nothing => {
            return RuleResult::not_applicable(RULE, "raw samples declare no rate");
        }
        Declares::Channels if wanted_rate.is_some() && wanted_channels.is_none() => {
            return RuleResult::not_applicable(
                RULE,
                format!("{figure}: Opus has that rate for whatever went in"),
            );
        }
        Declares::Channels => wanted_rate = None,
        Declares::RateAndChannels => {}
    }
    let wrong = wanted_rate.is_some_and(|wanted| wanted != rate)
        || wanted_channels.is_some_and(|wanted| wanted != channels);
    if wrong {
        let wanted = [
            wanted_rate.map(|rate| format!("{rate} Hz")),
            wanted_channels.map(|n| format!("{n} channels")),
        ];
        let wanted: Vec<_> = wanted.into_iter().flatten().collect();
        return RuleResult::new(RULE, Ending::Fail)
            .figure(figure)
            .threshold(wanted.join(", "));
    }
    if rate >= 16_000
        && !bench.expect.not_speech
        && let Ok(Some(roll_off)) = roll_off(&sound.audio, 0.95)
        && roll_off > UPPER * f64::from(rate) / 2.0
    {
        return RuleResult::new(RULE, Ending::Undecided)
            .figure(format!("{figure}, 95 % of the energy below {roll_off:.0} Hz"))
            .because("speech has little that high: noise, or samples of a lower rate under a header of a higher");
    }
    match wanted_rate.is_some() || wanted_channels.is_some() {
        true => RuleResult::new(RULE, Ending::Pass).figure(figure),
        false => RuleResult::not_applicable(
            RULE,
            format!("{figure}; neither the request nor the test names another"),
        ),
    }
}

fn silence(bench: &Bench, audio: &Audio, levels: &Levels) -> RuleResult {
    const RULE: &str = "silence";
    let limit = bench.limit(RULE);
    let threshold = format!("at most {limit} of it silent");
    match Silences::of(audio, Silences::THRESHOLD).share() {
        None => RuleResult::new(RULE, Ending::Fail)
            .figure("no audio")
            .threshold(threshold),
        Some(share) => {
            let peak = levels.peak.map_or_else(
                || "no sample that is a number".into(),
                |peak| format!("peak {peak:.4}"),
            );
            RuleResult::holds(RULE, share <= limit.value)
                .figure(format!("{:.3} silent, {peak}", share.abs()))
                .threshold(threshold)
        }
    }
}

fn clipping(bench: &Bench, levels: &Levels) -> RuleResult {
    const RULE: &str = "clipping";
    let limit = bench.limit(RULE);
    share(RULE, levels.clipped, |clipped| clipped <= limit.value)
        .threshold(format!("at most {limit} of the samples at full scale"))
}

fn offset(bench: &Bench, levels: &Levels) -> RuleResult {
    const RULE: &str = "dc_offset";
    let limit = bench.limit(RULE);
    share(RULE, levels.dc, |dc| dc.abs() <= limit.value)
        .threshold(format!("at most {limit} from the centre"))
}

/// A figure that is absent where no sample is a number: nobody can say that it holds.
fn share(rule: &'static str, figure: Option<f64>, holds: impl FnOnce(f64) -> bool) -> RuleResult {
    match figure {
        Some(figure) => RuleResult::holds(rule, holds(figure)).figure(format!("{figure:.5}")),
        None => RuleResult::new(rule, Ending::Fail).figure("no sample that is a number"),
    }
}

fn seams_click(bench: &Bench, sound: &Sound) -> RuleResult {
    const RULE: &str = "clicks";
    if sound.seams.is_empty() {
        return RuleResult::not_applicable(RULE, "the audio came in one piece");
    }
    let limit = bench.limit(RULE);
    let threshold = format!(
        "jumps at {} seams of at most {limit} times what is usual around them",
        sound.seams.len()
    );
    match clicks(&sound.audio, &sound.seams, limit.value) {
        Err(error) => RuleResult::not_made(
            RULE,
            error,
            "the lengths of the chunks do not fit the audio",
        ),
        Ok(found) => match found.iter().max_by(|a, b| a.ratio.total_cmp(&b.ratio)) {
            None => RuleResult::new(RULE, Ending::Pass).threshold(threshold),
            Some(worst) => RuleResult::new(RULE, Ending::Fail)
                .figure(format!(
                    "{:.0} times, at {:.3} s",
                    worst.ratio,
                    worst.frame as f64 / f64::from(sound.audio.rate())
                ))
                .threshold(threshold)
                .because(format!("{} seams click", found.len())),
        },
    }
}

fn chunks_repeat(bench: &Bench, sound: &Sound) -> RuleResult {
    const RULE: &str = "repeated_chunks";
    if sound.seams.is_empty() {
        return RuleResult::not_applicable(RULE, "the audio came in one piece");
    }
    if bench.expect.not_speech {
        return RuleResult::not_applicable(RULE, "a steady tone repeats itself");
    }
    let limit = bench.limit(RULE);
    match repeats(&sound.audio, &sound.seams, limit.value) {
        Err(error) => RuleResult::not_made(
            RULE,
            error,
            "the lengths of the chunks do not fit the audio",
        ),
        Ok(found) => {
            let threshold = format!("a correlation of at most {limit}");
            // A synthetic vowel is alike everywhere; only bytes that are the same are surely one chunk sent twice.
            let exact = found.iter().find(|repeat| repeat.exact);
            match exact.or(found.first()) {
                None => RuleResult::new(RULE, Ending::Pass).threshold(threshold),
                Some(repeat) => {
                    let ending = if repeat.exact {
                        Ending::Fail
                    } else {
                        Ending::Undecided
                    };
                    RuleResult::new(RULE, ending)
                        .figure(format!(
                            "{:.4} of chunk {} with the one before",
                            repeat.correlation,
                            repeat.chunk + 1
                        ))
                        .threshold(threshold)
                        .because(if repeat.exact {
                            "the same samples"
                        } else {
                            "alike, but not the same: a steady voice may do that"
                        })
                }
            }
        }
    }
}
