//! The table of the rules: every rule has a literal that it passes and one that it fails, and the documentation has the table.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use tribunal_verdict::{Depth, Ending, RULES, TableRow, Verdict, rule, rules_table};

use crate::literal::Literal;
use crate::{defects, errors, healthy, pictures, responses, routes, sounds, texts, transcripts};

fn literals() -> Vec<Literal> {
    [
        texts::literals(),
        responses::literals(),
        routes::literals(),
        sounds::literals(),
        transcripts::literals(),
        pictures::literals(),
    ]
    .concat()
}

/// The literals, judged: once for all tests, since sounds take a while.
static JUDGED: LazyLock<Vec<(&str, Verdict, Verdict)>> = LazyLock::new(|| {
    let judged = |(name, good, bad): Literal| (name, good(), bad());
    literals().into_iter().map(judged).collect()
});

#[test]
fn a_literal_passes_and_fails_the_rule_that_it_is_for() {
    let mut wrong = Vec::new();
    for (number, (name, good, bad)) in JUDGED.iter().enumerate() {
        for (verdict, wanted) in [(good, Ending::Pass), (bad, Ending::Fail)] {
            let result = verdict.rule(name);
            if result.map(|result| result.ending) != Some(wanted) {
                wrong.push(format!(
                    "literal {number} of `{name}` should {wanted}:\n{}",
                    verdict.told()
                ));
            }
            if wanted == Ending::Fail
                && let Some(result) = result
                && result.figure.is_none()
                && result.message.is_empty()
            {
                wrong.push(format!(
                    "literal {number} of `{name}` does not say what is wrong"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// A rule without both is worth nothing; one that is not in the table cannot be looked up.
#[test]
fn every_rule_of_the_table_has_an_answer_that_it_passes_and_one_that_it_fails() {
    let mut proven: BTreeSet<&str> = literals().into_iter().map(|(name, ..)| name).collect();
    proven.extend(defects::rules());
    proven.extend(errors::RULES);
    let table: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(proven, table);
}

#[test]
fn no_verdict_has_a_rule_that_the_table_does_not_have_for_its_kind() {
    let verdicts = healthy::all()
        .into_iter()
        .map(|sample| sample.judge(Depth::Deep))
        .chain(JUDGED.iter().map(|(_, good, _)| good.clone()));
    for verdict in verdicts {
        for result in &verdict.rules {
            assert!(
                rule(result.rule).is_some(),
                "{} is not in the table",
                result.rule
            );
        }
        let names: BTreeSet<_> = verdict.rules.iter().map(|result| result.rule).collect();
        assert_eq!(
            names.len(),
            verdict.rules.len(),
            "a rule ends once: {}",
            verdict.told()
        );
    }
}

/// With UPDATE_DOCS=1 it is written anew.
#[test]
fn the_documentation_has_the_table() {
    const BEGIN: &str = "<!-- the table of the rules -->\n";
    const END: &str = "<!-- the end of the table -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verdicts.md");
    let text = std::fs::read_to_string(&path).expect("docs/verdicts.md");
    let (before, rest) = text.split_once(BEGIN).expect("the beginning of the table");
    let (_, after) = rest.split_once(END).expect("the end of the table");
    let wanted = format!(
        "{before}{BEGIN}{}{END}{after}",
        rules_table(&[], &TableRow::all())
    );
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(&path, wanted).expect("written");
        return;
    }
    assert!(
        text == wanted,
        "docs/verdicts.md has another table than the code; UPDATE_DOCS=1 cargo test -p tribunal-verdict writes it"
    );
}
