//! How the answers of an accuracy benchmark are scored.
//!
//! Promise: which scorer a `dataset_conf` stands for is one table, by the data set that it begins with; one that is not in it is refused with a reason and
//! never scored by a guess. Rejected: the other tool's post-processing, with its chains of looser and looser patterns (nobody can tell which one matched).

/// What an accuracy benchmark says of scoring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExamSpec {
    /// Its `dataset_conf`, as it is written.
    pub conf: Option<String>,
    /// When an answer is right.
    pub scoring: Scoring,
}

/// When an answer is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scoring {
    /// Its last number is the expected one.
    Number,
    /// It names the letter of a right choice.
    Choice,
    /// As the rows of the data set are: choices, numbers, else words.
    Rows,
}

impl Scoring {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Scoring::Number => "the last number",
            Scoring::Choice => "the letter of a choice",
            Scoring::Rows => "choices, numbers or words, as the rows are",
        }
    }
}

/// Data sets, by what a `dataset_conf` begins with, in small letters.
const SETS: [(&str, Scoring); 18] = [
    ("aime2024", Scoring::Number),
    ("aime2025", Scoring::Number),
    ("gsm8k", Scoring::Number),
    ("svamp", Scoring::Number),
    ("agieval_choice", Scoring::Choice),
    ("arc_c", Scoring::Choice),
    ("arc_e", Scoring::Choice),
    ("ceval", Scoring::Choice),
    ("cmmlu", Scoring::Choice),
    ("commonsenseqa", Scoring::Choice),
    ("gpqa", Scoring::Choice),
    ("hellaswag", Scoring::Choice),
    ("mmlu", Scoring::Choice),
    ("mmlu_pro", Scoring::Choice),
    ("obqa", Scoring::Choice),
    ("piqa", Scoring::Choice),
    ("race", Scoring::Choice),
    ("siqa", Scoring::Choice),
];

/// The scoring of a `dataset_conf` (`aime2024/aime2024_gen_0_shot_chat_prompt`); without one the rows say.
///
/// # Errors
/// In words: how its answers are scored is not known.
pub(crate) fn scoring(conf: Option<&str>) -> Result<Scoring, String> {
    let Some(conf) = conf else {
        return Ok(Scoring::Rows);
    };
    let set = conf.split('/').next().unwrap_or(conf).trim();
    let found = SETS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(set))
        .map(|(_, scoring)| *scoring);
    found.ok_or_else(|| {
        let names = SETS.map(|(name, _)| name);
        format!(
            "how answers of `{conf}` are scored is not known here; it is of {}",
            names.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_set_says_how_answers_are_scored() {
        for (conf, expected) in [
            (
                "aime2024/aime2024_gen_0_shot_chat_prompt",
                Some(Scoring::Number),
            ),
            ("gsm8k/gsm8k_gen_0_shot_cot_str_perf", Some(Scoring::Number)),
            (
                "ceval/ceval_gen_0_shot_cot_chat_prompt",
                Some(Scoring::Choice),
            ),
            ("ARC_c/ARC_c_gen_0_shot_chat_prompt", Some(Scoring::Choice)),
            // Code would have to be run, and formulas are equal in many forms.
            ("livecodebench/livecodebench_0_shot_chat_v6", None),
            ("math/math500_gen_0_shot_cot_chat_prompt", None),
            ("", None),
            ("/", None),
        ] {
            assert_eq!(scoring(Some(conf)).ok(), expected, "{conf}");
        }
        assert_eq!(scoring(None), Ok(Scoring::Rows));
        let why = scoring(Some("math/x")).expect_err("it is not known");
        assert!(why.contains("`math/x`") && why.contains("gsm8k"), "{why}");
    }
}
