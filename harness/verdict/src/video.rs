//! The rules of videos, from the tables of their files: nothing is decoded.

use serde_json::Value;
use tribunal_client::VideoAnswer;
use tribunal_media::{Container, Movie, Track};

use crate::bench::Bench;
use crate::common::{self, Times};
use crate::expectations::FrameRule;
use crate::images::asked_size;
use crate::rule::Kind;
use crate::verdict::{Ending, RuleResult, Verdict, quoted, shown};

pub(crate) fn judge(bench: &Bench, answer: &VideoAnswer) -> Verdict {
    let movie = Movie::read(&answer.video).map_err(|error| error.to_string());
    let mut rules = vec![
        common::success(&answer.raw),
        present(answer, &movie),
        kind(answer, &movie),
    ];
    rules.extend(common::latency(
        bench,
        Times {
            whole: answer.elapsed,
            ..Times::default()
        },
    ));
    let track = movie.as_ref().ok().and_then(Movie::video);
    if bench.deep() {
        let request = &answer.raw.request;
        rules.extend([
            size(bench, request, track),
            frames(bench, request, track),
            rate(bench, request, track),
            duration(bench, request, track),
            sound(bench, movie.as_ref().ok()),
        ]);
    }
    bench.verdict(Kind::Video, "video", rules)
}

fn present(answer: &VideoAnswer, movie: &Result<Movie, String>) -> RuleResult {
    const RULE: &str = "video_present";
    let result = RuleResult::new(RULE, Ending::Fail)
        .figure(format!("{} bytes", answer.video.len()))
        .threshold("a video that can be read");
    match movie {
        Err(why) => result.because(why.clone()),
        Ok(movie) if movie.video().is_none() => result.because("it has no track of pictures"),
        Ok(movie) if !movie.findings.is_empty() => result.because(movie.findings.join("; ")),
        Ok(movie) => match movie.video().map(|track| track.samples) {
            Some(0) => result.because("the track of pictures has no frame"),
            _ => RuleResult {
                ending: Ending::Pass,
                ..result
            },
        },
    }
}

fn kind(answer: &VideoAnswer, movie: &Result<Movie, String>) -> RuleResult {
    const RULE: &str = "video_type";
    let Ok(movie) = movie else {
        return RuleResult::not_applicable(RULE, "there is no video that can be read");
    };
    let wanted: &[&str] = match movie.container {
        Container::Mp4 => &["video/mp4", "video/quicktime"],
        Container::WebM => &["video/webm", "video/x-matroska"],
        _ => &[],
    };
    let found = answer.content_type.as_deref();
    RuleResult::holds(RULE, found.is_some_and(|found| wanted.contains(&found)))
        .figure(shown(found))
        .threshold(wanted.join(" or "))
}

fn missing(rule: &'static str) -> RuleResult {
    RuleResult::new(rule, Ending::Fail).figure("no track of pictures")
}

fn size(bench: &Bench, request: &Value, track: Option<&Track>) -> RuleResult {
    const RULE: &str = "video_size";
    let Some((width, height)) = bench
        .expect
        .sizes
        .first()
        .copied()
        .or_else(|| asked_size(request))
    else {
        return RuleResult::not_applicable(RULE, "no size was asked for");
    };
    let Some(track) = track else {
        return missing(RULE);
    };
    let found = track.size.map_or_else(
        || "no size".to_owned(),
        |(width, height)| format!("{width} by {height}"),
    );
    RuleResult::holds(RULE, track.size == Some((width, height)))
        .figure(found)
        .threshold(format!("{width} by {height}"))
}

/// What a rule makes of the frames that were asked for.
pub(crate) fn ruled(asked: u64, rule: FrameRule) -> u64 {
    match rule {
        FrameRule::Exact | FrameRule::AtLeast => asked,
        FrameRule::FourAndOne => (asked / 4 * 4).saturating_add(1),
    }
}

fn frames(bench: &Bench, request: &Value, track: Option<&Track>) -> RuleResult {
    const RULE: &str = "video_frames";
    let asked = request["num_frames"]
        .as_u64()
        .or_else(|| request["extra_body"]["num_frames"].as_u64());
    let Some((asked, rule)) = bench
        .expect
        .frames
        .or_else(|| Some((asked?, FrameRule::Exact)))
    else {
        return RuleResult::not_applicable(RULE, "no number of frames was asked for");
    };
    let Some(track) = track else {
        return missing(RULE);
    };
    let Some(found) = track.frames else {
        return RuleResult::new(RULE, Ending::Undecided)
            .figure(format!("{} stored", track.samples))
            .because("an edit list that is not followed here says how many of them are shown");
    };
    let wanted = ruled(asked, rule);
    let (holds, threshold) = match rule {
        FrameRule::AtLeast => (found >= wanted, format!("at least {wanted}")),
        FrameRule::Exact => (found == wanted, wanted.to_string()),
        FrameRule::FourAndOne => (found == wanted, format!("{wanted} (4k + 1 of {asked})")),
    };
    RuleResult::holds(RULE, holds)
        .figure(found)
        .threshold(threshold)
}

fn rate(bench: &Bench, request: &Value, track: Option<&Track>) -> RuleResult {
    const RULE: &str = "video_rate";
    let asked = request["fps"]
        .as_f64()
        .or_else(|| request["extra_body"]["fps"].as_f64());
    let Some(wanted) = bench.expect.fps.or(asked) else {
        return RuleResult::not_applicable(RULE, "no rate was asked for");
    };
    let Some(track) = track else {
        return missing(RULE);
    };
    let limit = bench.limit(RULE);
    let sane = track.rate.filter(|rate| rate.is_finite() && *rate > 0.0);
    RuleResult::holds(
        RULE,
        sane.is_some_and(|rate| (rate - wanted).abs() < limit.value),
    )
    .figure(
        track
            .rate
            .map_or_else(|| "no rate".to_owned(), |rate| format!("{rate:.3}")),
    )
    .threshold(format!("{wanted}, off by less than {limit}"))
}

fn duration(bench: &Bench, request: &Value, track: Option<&Track>) -> RuleResult {
    const RULE: &str = "video_duration";
    let asked = request["seconds"].as_f64().or_else(|| {
        request["seconds"]
            .as_str()
            .and_then(|text| text.parse().ok())
    });
    let Some(wanted) = bench
        .expect
        .seconds
        .or(asked.filter(|_| request["num_frames"].is_null()))
    else {
        return RuleResult::not_applicable(RULE, "no duration was asked for");
    };
    let Some(track) = track else {
        return missing(RULE);
    };
    let limit = bench.limit(RULE);
    RuleResult::holds(
        RULE,
        track
            .seconds
            .is_some_and(|seconds| (seconds - wanted).abs() <= limit.value),
    )
    .figure(track.seconds.map_or_else(
        || "no duration".to_owned(),
        |seconds| format!("{seconds:.3} s"),
    ))
    .threshold(format!("{wanted} s, within {limit} s"))
}

fn sound(bench: &Bench, movie: Option<&Movie>) -> RuleResult {
    const RULE: &str = "video_audio";
    let Some((rate, channels)) = bench.expect.audio_track else {
        return RuleResult::not_applicable(RULE, "the test expects none");
    };
    let wanted = [
        rate.map(|rate| format!("{rate} Hz")),
        channels.map(|channels| format!("{channels} channels")),
    ];
    let wanted: Vec<_> = ["a track of sound".to_owned()]
        .into_iter()
        .chain(wanted.into_iter().flatten())
        .collect();
    let threshold = wanted.join(", ");
    let Some(track) = movie.and_then(Movie::audio) else {
        return RuleResult::new(RULE, Ending::Fail)
            .figure("no track of sound")
            .threshold(threshold);
    };
    let right = rate.is_none_or(|rate| track.rate == Some(f64::from(rate)))
        && channels.is_none_or(|channels| track.channels == Some(channels));
    let filled = track.samples > 0;
    let text = |figure: Option<String>| figure.unwrap_or_else(|| "unknown".into());
    RuleResult::holds(RULE, right && filled)
        .figure(format!(
            "{} at {} Hz, {} channels, {} packets",
            quoted(&track.codec),
            text(track.rate.map(|rate| rate.to_string())),
            text(track.channels.map(|n| n.to_string())),
            track.samples
        ))
        .threshold(threshold)
}
