//! Subtitles in the two forms that transcription routes answer: SubRip and WebVTT.
//!
//! Only what a server of speech writes is read: a number or a name, a line of times, lines of text.
//! Anything else in place of a time is an error that says the line.

use serde_json::Map;

use crate::transcription_answer::Segment;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subtitles {
    Srt,
    Vtt,
}

/// The segments of subtitles.
pub(crate) fn read(text: &str, kind: Subtitles) -> Result<Vec<Segment>, String> {
    let text = text.trim_start_matches('\u{FEFF}').replace("\r\n", "\n");
    if kind == Subtitles::Vtt && !text.starts_with("WEBVTT") {
        return Err("the body is no WebVTT: it does not start with `WEBVTT`".into());
    }
    let mut segments: Vec<Segment> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        if let Some((start, end)) = line.split_once("-->") {
            // WebVTT may place the text after the times.
            let end = end.split_whitespace().next().unwrap_or("");
            let time = |part: &str| {
                seconds(part.trim()).ok_or_else(|| {
                    format!(
                        "line {} of the subtitles has no time where one belongs: `{}`",
                        number + 1,
                        part.trim().escape_debug()
                    )
                })
            };
            segments.push(Segment {
                id: Some(segments.len() as u64),
                start: Some(time(start)?),
                end: Some(time(end)?),
                text: Some(String::new()),
                extra: Map::new(),
            });
            inside = true;
        } else if line.trim().is_empty() {
            inside = false;
        } else if inside && let Some(text) = segments.last_mut().and_then(|last| last.text.as_mut())
        {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(line.trim());
        }
    }
    if segments.is_empty() && kind == Subtitles::Srt && !text.trim().is_empty() {
        return Err("the body is no SubRip: no line has times (`00:00:00,000 --> …`)".into());
    }
    Ok(segments)
}

/// `hh:mm:ss,mmm`, `hh:mm:ss.mmm` or `mm:ss.mmm` in seconds.
fn seconds(text: &str) -> Option<f64> {
    let (whole, part) = text.split_once([',', '.'])?;
    let mut total = 0.0;
    let mut count = 0;
    for field in whole.split(':') {
        total = total * 60.0 + f64::from(digits(field)?);
        count += 1;
    }
    if part.len() != 3 || !(2..=3).contains(&count) {
        return None;
    }
    Some(total + f64::from(digits(part)?) / 1000.0)
}

fn digits(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(segments: Vec<Segment>) -> Vec<(f64, f64, String)> {
        segments
            .into_iter()
            .map(|s| {
                (
                    s.start.expect("a start"),
                    s.end.expect("an end"),
                    s.text.expect("text"),
                )
            })
            .collect()
    }

    #[test]
    fn both_forms_say_the_same() {
        let want = vec![
            (0.0, 1.5, "One, two.".to_owned()),
            (3661.25, 3662.0, "Three four.".to_owned()),
        ];
        let srt = "1\n00:00:00,000 --> 00:00:01,500\nOne, two.\n\n2\n01:01:01,250 --> 01:01:02,000\nThree\nfour.\n";
        let vtt = "WEBVTT\n\n00:00.000 --> 00:01.500 align:left\nOne, two.\n\nname\n01:01:01.250 --> 01:01:02.000\nThree\nfour.\n";
        assert_eq!(plain(read(srt, Subtitles::Srt).expect("srt")), want);
        assert_eq!(plain(read(vtt, Subtitles::Vtt).expect("vtt")), want);
        assert_eq!(
            plain(read(&srt.replace('\n', "\r\n"), Subtitles::Srt).expect("srt")),
            want
        );
    }

    #[test]
    fn nonsense_is_named() {
        for (text, kind, want) in [
            ("{\"text\":\"x\"}", Subtitles::Srt, "no SubRip"),
            ("1\n", Subtitles::Vtt, "no WebVTT"),
            ("1\nx --> 00:00:01,000\na", Subtitles::Srt, "line 2"),
            (
                "1\n00:00:00,000 --> 00:00:99999999999,000\na",
                Subtitles::Srt,
                "line 2",
            ),
        ] {
            let error = read(text, kind).expect_err("nonsense");
            assert!(error.contains(want), "{error}");
        }
        assert_eq!(read("", Subtitles::Srt), Ok(Vec::new()));
    }
}
