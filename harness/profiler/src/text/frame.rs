//! Frames around blocks.

const WIDTH: usize = 72;

/// A line of one letter.
pub(super) fn rule(letter: char) -> String {
    let mut line: String = std::iter::repeat_n(letter, WIDTH).collect();
    line.push('\n');
    line
}

/// A title between two lines.
pub(super) fn title(text: &str) -> String {
    let rule = rule('=');
    format!("{rule}{text}\n{rule}")
}

/// What must not be overlooked.
pub(super) fn alarm(lines: &[&str]) -> String {
    let rule = rule('!');
    let mut out = rule.clone();
    for line in lines {
        out.push_str("  ");
        out.push_str(line);
        out.push('\n');
    }
    out + &rule
}
