//! Whether what was printed is what a page states, and what differs.
//!
//! In a stated line, `[..]` and `…` stand for any text within the line; a line that is `...`, `…` or `[..]` alone stands for any
//! number of lines. Blanks at the end of lines, and empty lines at both ends, do not count.

/// Longer texts are compared, but of what differs only the beginning is shown.
const LONGEST: usize = 400;
/// How many lines of a difference are shown.
const SHOWN: usize = 60;

/// What differs; `None` if nothing does. `wild`: the expected text may have wildcards.
pub(crate) fn difference(expected: &str, found: &str, wild: bool) -> Option<String> {
    let expected = trimmed(expected);
    let found = trimmed(found);
    if matches(&expected, &found, wild) {
        return None;
    }
    Some(shown(&expected, &found, wild))
}

fn trimmed(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let first = lines
        .iter()
        .position(|l| !l.is_empty())
        .unwrap_or(lines.len());
    let last = lines
        .iter()
        .rposition(|l| !l.is_empty())
        .map_or(first, |l| l + 1);
    lines[first..last].to_vec()
}

fn any_lines(line: &str) -> bool {
    matches!(line.trim(), "..." | "…" | "[..]" | "[...]")
}

/// Lines against lines: greedy with one way back, as for a pattern with `*`, so that it takes no more than the product of both.
fn matches(expected: &[&str], found: &[&str], wild: bool) -> bool {
    glob(
        expected,
        found,
        |e| wild && any_lines(e),
        |e, f| line_matches(e, f, wild),
    )
}

fn line_matches(expected: &str, found: &str, wild: bool) -> bool {
    if !wild || expected == found {
        return expected == found;
    }
    let pattern = expected.replace("[..]", "…");
    let pattern: Vec<char> = pattern.chars().collect();
    let found: Vec<char> = found.chars().collect();
    glob(&pattern, &found, |c| *c == '…', |a, b| a == b)
}

fn glob<A, B>(
    pattern: &[A],
    text: &[B],
    star: impl Fn(&A) -> bool,
    same: impl Fn(&A, &B) -> bool,
) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && star(&pattern[p]) {
            back = Some((p + 1, t));
            p += 1;
        } else if p < pattern.len() && same(&pattern[p], &text[t]) {
            p += 1;
            t += 1;
        } else if let Some((after, from)) = back {
            back = Some((after, from + 1));
            p = after;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(star)
}

/// Both texts, line by line: ` ` in both, `-` only stated, `+` only found.
fn shown(expected: &[&str], found: &[&str], wild: bool) -> String {
    let (e, f) = (
        &expected[..expected.len().min(LONGEST)],
        &found[..found.len().min(LONGEST)],
    );
    // The longest common subsequence, from the end.
    let mut common = vec![vec![0u32; f.len() + 1]; e.len() + 1];
    for i in (0..e.len()).rev() {
        for j in (0..f.len()).rev() {
            common[i][j] = match line_matches(e[i], f[j], wild) {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < e.len() || j < f.len() {
        if i < e.len() && j < f.len() && line_matches(e[i], f[j], wild) {
            lines.push(format!("  {}", f[j]));
            (i, j) = (i + 1, j + 1);
        } else if i < e.len() && (j == f.len() || common[i + 1][j] >= common[i][j + 1]) {
            lines.push(format!("- {}", e[i]));
            i += 1;
        } else {
            lines.push(format!("+ {}", f[j]));
            j += 1;
        }
    }
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    for line in &mut lines {
        if line.len() > 500 {
            let end = (0..=500)
                .rev()
                .find(|at| line.is_char_boundary(*at))
                .unwrap_or(0);
            *line = format!("{}… ({} bytes)", &line[..end], line.len());
        }
    }
    if more > 0 || expected.len() > LONGEST || found.len() > LONGEST {
        lines.push("  … and more".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_text() {
        for (expected, found) in [
            ("a\n", "a"),
            ("a [..] c", "a b c"),
            ("… ms", "12.5 ms"),
            ("a\n...\nz", "a\nb\nc\nz"),
            ("a\n…\nz", "a\nz"),
            ("...", ""),
            ("", "\n\n"),
            ("x […", "x [1"),
        ] {
            assert_eq!(
                difference(expected, found, true),
                None,
                "{expected:?} {found:?}"
            );
        }
        for (expected, found) in [
            ("a", "b"),
            ("a", ""),
            ("", "a"),
            ("a [..] c", "a b"),
            ("a\n...", "b\nc"),
            ("a\nb", "b\na"),
        ] {
            assert!(
                difference(expected, found, true).is_some(),
                "{expected:?} {found:?}"
            );
        }
        assert!(
            difference("a…", "ab", false).is_some(),
            "copies have no wildcards"
        );
    }

    #[test]
    fn differences_are_shown() {
        assert_eq!(
            difference("a\nb\nc", "a\nx\nc", true).as_deref(),
            Some("  a\n- b\n+ x\n  c")
        );
        let long: String = (0..1000).map(|n| format!("{n}\n")).collect();
        assert!(difference("", &long, true).unwrap().ends_with("… and more"));
    }
}
