//! The rules of the transcription and translation routes.

use tribunal_client::TranscriptionAnswer;

use crate::agreement::{Agreement, agrees};
use crate::bench::Bench;
use crate::common::{self, Times};
use crate::content::{self, Content};
use crate::expectations::Similarity;
use crate::loops::loops;
use crate::rule::Kind;
use crate::verdict::{Ending, RuleResult, Verdict, quoted, shown};

pub(crate) fn judge(bench: &Bench, answer: &TranscriptionAnswer, mode: Similarity) -> Verdict {
    let times = match &answer.stream {
        Some(_) => Times::streamed(&answer.raw, answer.time_to_first_token(), &answer.gaps()),
        None => Times::plain(&answer.raw),
    };
    let mut rules = vec![
        common::success(&answer.raw),
        content_type(answer),
        text(bench, answer),
    ];
    rules.extend(common::latency(bench, times));
    if bench.deep() {
        let content = Content {
            texts: vec![&answer.text],
            spoken: None,
            request: &answer.raw.request,
            cut: false,
        };
        rules.push(content::keywords(bench, &content));
        rules.push(content::expected_text(bench, &content));
        rules.push(errors(bench, answer, mode));
        rules.push(language(bench, answer));
        rules.push(loops(
            bench,
            &answer.text,
            bench.expect.seconds.or(answer.duration),
        ));
        rules.push(segments(bench, answer));
        rules.push(duration(bench, answer));
    }
    bench.verdict(Kind::Transcription, "transcription", rules)
}

fn content_type(answer: &TranscriptionAnswer) -> RuleResult {
    if answer.stream.is_some() {
        return common::named(&answer.raw, "text/event-stream");
    }
    // The types of subtitles differ from server to server; that they are text does not.
    match answer.asked_format.as_str() {
        "text" | "srt" | "vtt" => {
            let found = answer.raw.headers.media_type();
            let right = found
                .as_deref()
                .is_some_and(|kind| kind.starts_with("text/") || kind == "application/x-subrip");
            RuleResult::holds("content_type", right)
                .figure(shown(found.as_deref()))
                .threshold("text/plain, or the type of the subtitles")
        }
        _ => common::named(&answer.raw, "application/json"),
    }
}

fn text(bench: &Bench, answer: &TranscriptionAnswer) -> RuleResult {
    const RULE: &str = "transcription_text";
    let streamed = answer.streamed_text();
    if answer.stream.is_some() && streamed.trim() != answer.text.trim() {
        return RuleResult::new(RULE, Ending::Fail)
            .figure(quoted(&streamed))
            .threshold(quoted(&answer.text))
            .because("the deltas, and what is called done");
    }
    match answer.text.trim().is_empty() {
        false => RuleResult::new(RULE, Ending::Pass),
        true if bench
            .expect
            .transcript
            .as_deref()
            .is_some_and(|text| text.trim().is_empty()) =>
        {
            RuleResult::new(RULE, Ending::Pass).because("silence is expected")
        }
        true => RuleResult::new(RULE, Ending::Undecided)
            .figure("no text")
            .because("there may be nothing to hear"),
    }
}

fn errors(bench: &Bench, answer: &TranscriptionAnswer, mode: Similarity) -> RuleResult {
    const RULE: &str = "transcription_errors";
    let Some(reference) = &bench.expect.transcript else {
        return RuleResult::not_applicable(RULE, "the test names no reference");
    };
    if reference.trim().is_empty() {
        return RuleResult::holds(RULE, answer.text.trim().is_empty())
            .figure(quoted(&answer.text))
            .threshold("nothing: the audio is silent");
    }
    let language = bench.expect.language.as_deref();
    match Agreement::of(reference, &answer.text, language) {
        Ok(_) => agrees(bench, RULE, "similarity", mode, reference, &answer.text),
        Err(why) => RuleResult::not_made(RULE, why, "compare shorter texts"),
    }
}

/// Servers write codes and names.
const NAMES: [(&str, &str); 12] = [
    ("en", "english"),
    ("de", "german"),
    ("fr", "french"),
    ("es", "spanish"),
    ("it", "italian"),
    ("pt", "portuguese"),
    ("nl", "dutch"),
    ("ru", "russian"),
    ("zh", "chinese"),
    ("ja", "japanese"),
    ("ko", "korean"),
    ("ar", "arabic"),
];

fn code(language: &str) -> String {
    let lower = language.trim().to_lowercase();
    let short = lower.split(['-', '_']).next().unwrap_or_default();
    NAMES
        .iter()
        .find(|(_, name)| *name == lower)
        .map_or_else(|| short.to_owned(), |(code, _)| (*code).to_owned())
}

fn language(bench: &Bench, answer: &TranscriptionAnswer) -> RuleResult {
    const RULE: &str = "transcription_language";
    let Some(wanted) = bench
        .expect
        .language
        .as_deref()
        .or(answer.raw.request["language"].as_str())
    else {
        return RuleResult::not_applicable(RULE, "no language was asked for");
    };
    let Some(found) = answer.language.as_deref() else {
        return RuleResult::not_applicable(
            RULE,
            "the answer names no language; `verbose_json` does",
        );
    };
    // A translation is in English, and the language is that of the audio.
    let (found_code, wanted_code) = (code(found), code(wanted));
    let result = RuleResult::holds(RULE, found_code == wanted_code)
        .figure(quoted(found))
        .threshold(quoted(wanted));
    // A code has two or three letters; whether a name that is not known here belongs to it, nobody can say.
    let is_code = |text: &str| text.len() <= 3;
    if found_code != wanted_code && is_code(&found_code) != is_code(&wanted_code) {
        return RuleResult {
            ending: Ending::Undecided,
            ..result
        }
        .because("one is a code and the other a name that is not known here");
    }
    result
}

fn segments(bench: &Bench, answer: &TranscriptionAnswer) -> RuleResult {
    const RULE: &str = "transcription_segments";
    /// How far a segment may reach beyond its neighbour or the end, in seconds: recognisers round to frames.
    const SLACK: f64 = 0.1;
    let segments = answer
        .segments
        .iter()
        .flatten()
        .map(|one| ("segment", one.start, one.end));
    let words = answer
        .words
        .iter()
        .flatten()
        .map(|one| ("word", one.start, one.end));
    let asked = matches!(answer.asked_format.as_str(), "verbose_json" | "srt" | "vtt");
    let all: Vec<_> = segments.chain(words).collect();
    if all.is_empty() {
        return match asked && !answer.text.trim().is_empty() {
            true => RuleResult::new(RULE, Ending::Fail)
                .figure("none")
                .threshold("segments, which the format promises"),
            false => RuleResult::not_applicable(RULE, "there are none"),
        };
    }
    let end = bench.expect.seconds.or(answer.duration);
    let (mut complaints, mut last) = (Vec::new(), ("", 0.0, 0));
    for (what, start, finish) in all {
        if last.0 != what {
            last = (what, 0.0, 0);
        }
        last.2 += 1;
        let place = format!("{what} {}", last.2);
        let (Some(start), Some(finish)) = (start, finish) else {
            complaints.push(format!("{place} has no times"));
            continue;
        };
        if start > finish || start < -SLACK {
            complaints.push(format!("{place} lasts from {start} s to {finish} s"));
        }
        if start < last.1 - SLACK {
            complaints.push(format!(
                "{place} starts at {start} s, before the end of the one before, {} s",
                last.1
            ));
        }
        if let Some(end) = end.filter(|end| finish > end + 1.0) {
            complaints.push(format!(
                "{place} ends at {finish} s, and the audio at {end} s"
            ));
        }
        last.1 = finish;
    }
    RuleResult::without_complaints(RULE, complaints)
}

fn duration(bench: &Bench, answer: &TranscriptionAnswer) -> RuleResult {
    const RULE: &str = "transcription_duration";
    let Some(wanted) = bench.expect.seconds else {
        return RuleResult::not_applicable(RULE, "the test does not say how long the audio is");
    };
    let limit = bench.limit(RULE);
    match answer.duration {
        None => {
            RuleResult::not_applicable(RULE, "the answer names no duration; `verbose_json` does")
        }
        Some(found) => RuleResult::holds(RULE, (found - wanted).abs() <= limit.value)
            .figure(format!("{found} s"))
            .threshold(format!("{wanted} s, within {limit} s")),
    }
}
