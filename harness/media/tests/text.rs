//! Errors of transcripts as jiwer counts them, and English as Whisper's normaliser writes it:
//! `fixtures/golden/make_media_text.py` made the values.

use proptest::prelude::*;
use serde_json::Value;
use tribunal_media::{Errors, Normaliser, Step};

fn golden(part: &str) -> Vec<Value> {
    let text = include_str!("../../../fixtures/golden/media_text.json");
    let file: Value = serde_json::from_str(text).expect("the golden file");
    file[part].as_array().expect("an array").clone()
}

fn counts(e: &Errors) -> Value {
    serde_json::json!([e.hits, e.substitutions, e.deletions, e.insertions])
}

#[test]
fn errors_are_counted_as_jiwer_counts_them() {
    for entry in golden("errors") {
        let text = |name: &str| entry[name].as_str().expect("a text").to_owned();
        let (reference, hypothesis) = (text("reference"), text("hypothesis"));
        let words = Errors::of_words(&reference, &hypothesis).expect("short");
        assert_eq!(
            counts(&words),
            entry["words"],
            "words of {reference:?} | {hypothesis:?}: {}",
            words.shown(" ")
        );
        let characters = Errors::of_characters(&reference, &hypothesis).expect("short");
        assert_eq!(
            counts(&characters),
            entry["characters"],
            "characters of {reference:?} | {hypothesis:?}"
        );
    }
}

#[test]
fn english_is_written_as_whispers_normaliser_writes_it() {
    let wrong: Vec<String> = golden("english")
        .iter()
        .filter_map(|entry| {
            let ours = Normaliser::English.apply(entry[0].as_str()?);
            (entry[1] != ours).then(|| format!("{}: {ours:?} instead of {}", entry[0], entry[1]))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn other_languages_are_written_as_the_basic_rules_have_it() {
    for entry in golden("basic") {
        assert_eq!(
            entry[1],
            Normaliser::Basic.apply(entry[0].as_str().expect("a text")),
            "{}",
            entry[0]
        );
    }
    assert_eq!(
        Normaliser::Unspaced.apply("今天 天气 很好。ＯＫ"),
        "今天天气很好ok"
    );
}

#[test]
fn a_language_has_its_rules() {
    for (code, rules) in [
        ("en", Normaliser::English),
        ("en-GB", Normaliser::English),
        ("zh_CN", Normaliser::Unspaced),
        ("ja", Normaliser::Unspaced),
        ("de", Normaliser::Basic),
        ("", Normaliser::Basic),
    ] {
        assert_eq!(Normaliser::for_language(code), rules, "{code}");
    }
}

#[test]
fn errors_say_what_is_wrong_and_have_no_rate_without_a_reference() {
    let errors =
        Errors::of_words("the quick brown fox jumps", "the quiet brown fox high").expect("short");
    assert_eq!(
        errors.shown(" "),
        "the [quick→quiet] brown fox [jumps→high]"
    );
    assert_eq!(
        (errors.count(), errors.reference(), errors.rate()),
        (2, 5, Some(0.4))
    );
    let nothing = Errors::of_words("", "two words").expect("short");
    assert_eq!((nothing.insertions, nothing.rate()), (2, None));
    assert_eq!(Errors::of_words("", "").expect("short").steps, []);
    let long = "a b ".repeat(20_000);
    let other = "c d ".repeat(20_000);
    assert!(
        Errors::of_words(&long, &other)
            .expect_err("too long")
            .to_string()
            .contains("40000")
    );
    assert_eq!(
        Errors::of_words(&long, &long).expect("equal").rate(),
        Some(0.0)
    );
}

/// The least number of errors, by the definition.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = (corner + usize::from(x != y))
                .min(row[j] + 1)
                .min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = cost;
        }
    }
    row[b.len()]
}

proptest! {
    #[test]
    fn the_way_leads_from_one_text_to_the_other_at_the_least_cost(a in "[abc ]{0,12}", b in "[abc ]{0,12}") {
        let errors = Errors::of_characters(&a, &b).expect("short");
        let (mut from, mut to) = (String::new(), String::new());
        for step in &errors.steps {
            match step {
                Step::Hit(t) => { from += t; to += t; }
                Step::Substituted(x, y) => { prop_assert_ne!(x, y); from += x; to += y; }
                Step::Deleted(t) => from += t,
                Step::Inserted(t) => to += t,
            }
        }
        prop_assert_eq!(from, a.trim());
        prop_assert_eq!(to, b.trim());
        let (a, b): (Vec<char>, Vec<char>) = (a.trim().chars().collect(), b.trim().chars().collect());
        prop_assert_eq!(errors.count(), distance(&a, &b));
    }

    #[test]
    fn no_text_makes_a_normaliser_panic(text in any::<String>(), spoken in "(one|two|twenty|hundred|decillion|point|double|and|9|3.5|minus|percent| ){0,60}") {
        for rules in [Normaliser::English, Normaliser::Basic, Normaliser::Unspaced] {
            let _ = rules.apply(&text);
            let _ = rules.apply(&spoken);
        }
    }
}
