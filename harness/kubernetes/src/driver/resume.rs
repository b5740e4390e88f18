//! Where a log was left.
//!
//! Promise: each line once, however often the stream is opened again. A cluster begins again at a whole second, so lines come twice; their times, which it
//! writes to the nanosecond, tell which.

/// How far a log was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resume {
    /// The time of the last line, with nine digits behind the point.
    last: Option<String>,
    /// How many lines had that time.
    at_last: usize,
    /// How many of those are still to come again.
    again: usize,
}

impl Resume {
    /// The stream was opened anew.
    pub fn reopened(&mut self) {
        self.again = self.at_last;
    }

    /// From when on to ask, as a cluster takes it.
    pub fn since(&self) -> Option<String> {
        let (second, _) = self.last.as_ref()?.split_once('.')?;
        Some(format!("{second}Z"))
    }

    /// The text of a line, unless it was there before.
    pub fn line<'l>(&mut self, line: &'l str) -> Option<&'l str> {
        let Some((time, text)) = stamped(line) else {
            // No time: a part of a line that was cut, or a message of the server.
            return Some(line);
        };
        match &self.last {
            Some(last) if time < *last => return None,
            Some(last) if time == *last => {
                if self.again > 0 {
                    self.again -= 1;
                    return None;
                }
                self.at_last += 1;
            }
            _ => {
                self.last = Some(time);
                self.at_last = 1;
                self.again = 0;
            }
        }
        Some(text)
    }
}

/// The time of a line, so that times compare as texts do, and the rest.
fn stamped(line: &str) -> Option<(String, &str)> {
    let (time, text) = line.split_once(' ').unwrap_or((line, ""));
    let time = time.strip_suffix('Z')?;
    let (second, fraction) = time.split_once('.').unwrap_or((time, ""));
    let looks = second.len() == 19
        && second.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
    let digits = fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    (looks && digits).then(|| (format!("{second}.{fraction:0<9}"), text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_that_come_again_are_told_once() {
        let mut resume = Resume::default();
        let told = |resume: &mut Resume, lines: &[&str]| -> Vec<String> {
            lines
                .iter()
                .filter_map(|line| resume.line(line).map(ToOwned::to_owned))
                .collect()
        };
        let first = [
            "2026-01-02T03:04:05.1Z a",
            "2026-01-02T03:04:05.12Z b",
            "2026-01-02T03:04:05.12Z b",
        ];
        assert_eq!(told(&mut resume, &first), ["a", "b", "b"]);
        assert_eq!(resume.since().as_deref(), Some("2026-01-02T03:04:05Z"));
        resume.reopened();
        let second = [
            first[0],
            first[1],
            first[2],
            "2026-01-02T03:04:05.12Z b",
            "2026-01-02T03:04:06Z c",
        ];
        assert_eq!(told(&mut resume, &second), ["b", "c"]);
        // A message of the server has no time, and stays.
        assert_eq!(
            resume.line("unable to retrieve"),
            Some("unable to retrieve")
        );
    }

    proptest! {
        #[test]
        fn any_cut_gives_each_line_once(times in proptest::collection::vec(0_u32..40, 1..30), cut in 0_usize..30) {
            let mut times = times;
            times.sort_unstable();
            let lines: Vec<_> = times.iter().enumerate()
                .map(|(at, time)| format!("2026-01-02T03:04:{:02}.{}Z line {at}", time / 10, time % 10))
                .collect();
            let mut resume = Resume::default();
            let mut told = Vec::new();
            for line in lines.iter().take(cut) {
                told.extend(resume.line(line).map(ToOwned::to_owned));
            }
            let since = resume.since().unwrap_or_default();
            let since = since.trim_end_matches('Z');
            resume.reopened();
            for line in lines.iter().filter(|line| since.is_empty() || &line[..19] >= since) {
                told.extend(resume.line(line).map(ToOwned::to_owned));
            }
            let want: Vec<_> = lines.iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
            prop_assert_eq!(told, want);
        }

        #[test]
        fn nonsense_is_no_panic(line in "\\PC{0,60}|2026[-0-9T:.Z ]{0,40}") {
            let mut resume = Resume::default();
            let _ = resume.line(&line);
            let _ = resume.since();
        }
    }
}
