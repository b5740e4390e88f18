//! Whether an answer is a refusal, by how it begins.
//!
//! Rejected: looking for such words anywhere. A good answer may well say what somebody cannot do.

/// How answers begin that are none. English only: of other languages the server's own word counts.
const REFUSALS: [&str; 12] = [
    "i cannot",
    "i can't",
    "i can not",
    "i won't",
    "i will not",
    "i am unable",
    "i'm unable",
    "i am not able",
    "i'm not able",
    "i must decline",
    "as an ai",
    "as a language model",
];

/// Whether an answer begins as refusals do.
pub(crate) fn refuses(answer: &str) -> bool {
    let start: String = answer.trim_start().chars().take(200).collect();
    let start = start.to_lowercase().replace('\u{2019}', "'");
    let mut rest = start.as_str();
    for polite in [
        "i'm sorry",
        "i am sorry",
        "sorry",
        "i apologize",
        "i apologise",
    ] {
        if let Some(after) = rest.strip_prefix(polite) {
            rest = after.trim_start_matches([' ', ',', '.', ';', '\u{2014}', '-', '!']);
            rest = rest.strip_prefix("but ").unwrap_or(rest);
            break;
        }
    }
    REFUSALS.iter().any(|refusal| {
        let after = rest.strip_prefix(refusal);
        after.is_some_and(|after| !after.starts_with(char::is_alphabetic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_by_their_beginning() {
        for (answer, refused) in [
            ("I'm sorry, but I can't help with that.", true),
            ("Sorry. I cannot say.", true),
            ("As an AI language model, I have no eyes.", true),
            ("I’m unable to say", true),
            ("I am sorry to hear that. It is 4.", false),
            ("The bird said: I cannot fly.", false),
            ("I cannonade the mill", false),
            ("", false),
        ] {
            assert_eq!(refuses(answer), refused, "{answer}");
        }
    }
}
