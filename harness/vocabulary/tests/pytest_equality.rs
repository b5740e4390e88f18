//! The expression language is pytest's: every row of fixtures/golden/marker_expressions.jsonl, which pytest itself answered.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use tribunal_vocabulary::{Expression, MarkerSet, Value, Vocabulary};

const GOLDEN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/golden/marker_expressions.jsonl"
);

fn rows() -> Vec<Json> {
    let text = std::fs::read_to_string(GOLDEN).expect("the golden file is part of the repository");
    let mut lines = text
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).expect("a row is JSON"));
    let head = lines.next().expect("a first line");
    assert!(
        head["pytest"].is_string(),
        "the first line says which pytest made the file: {head}"
    );
    lines.collect()
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::None,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => Value::Int(n.as_i64().expect("an integer")),
        Json::String(s) => Value::Str(s.clone()),
        other => panic!("no value of an argument: {other}"),
    }
}

type Marks = Vec<(String, Vec<(String, Value)>)>;

fn marks(row: &Json) -> Marks {
    let kwargs = |mark: &Json| {
        let map = mark["kwargs"].as_object().expect("kwargs");
        map.iter()
            .map(|(key, json)| (key.clone(), value(json)))
            .collect()
    };
    let list = row["markers"].as_array().expect("markers");
    list.iter()
        .map(|mark| {
            (
                mark["name"].as_str().expect("a name").to_owned(),
                kwargs(mark),
            )
        })
        .collect()
}

fn holds(marks: &Marks, name: &str, wanted: &[(String, Value)]) -> bool {
    marks.iter().any(|(known, args)| {
        known == name
            && wanted
                .iter()
                .all(|(key, value)| args.iter().any(|(k, v)| k == key && v.same(value)))
    })
}

#[test]
fn every_answer_and_every_column_is_the_same() {
    let rows = rows();
    let (mut answers, mut errors) = (0, 0);
    for row in rows.iter().filter(|row| !row["m"].is_null()) {
        let text = row["m"].as_str().expect("an expression");
        let parsed = Expression::parse(text);
        match (row["want"].as_bool(), parsed) {
            (Some(want), Ok(expression)) => {
                let marks = marks(row);
                let got = expression.evaluate(|name, args| holds(&marks, name, args));
                assert_eq!(got, want, "{row}");
                answers += 1;
            }
            (None, Err(error)) => {
                if let Some(column) = row["error"].as_u64() {
                    assert_eq!(error.faults()[0].column as u64, column, "{row}\n{error}");
                }
                errors += 1;
            }
            (Some(_), Err(error)) => panic!("pytest accepts {row}\n{error}"),
            (None, Ok(expression)) => panic!("pytest refuses {row}, here it is {expression:?}"),
        }
    }
    assert!(
        answers >= 500 && errors >= 100,
        "{answers} answers and {errors} errors are too few to prove anything"
    );
}

#[test]
fn names_match_as_with_k() {
    let mut asked = 0;
    for row in rows().iter().filter(|row| !row["k"].is_null()) {
        let expression = Expression::parse_names(row["k"].as_str().expect("an expression"))
            .expect("pytest accepts it");
        assert_eq!(
            expression.matches_names(row["name"].as_str().expect("a name")),
            row["want"] == true,
            "{row}"
        );
        asked += 1;
    }
    assert!(asked >= 100, "{asked} are too few");
}

/// The same answers from the compiled form, for every row whose names a vocabulary can declare.
#[test]
fn bound_expressions_answer_alike() {
    let rows = rows();
    let declarable = |name: &str| {
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
    };
    let mut names: BTreeSet<String> = BTreeSet::new();
    for row in rows
        .iter()
        .filter(|row| !row["want"].is_null() && !row["m"].is_null())
    {
        names.extend(marks(row).into_iter().map(|(name, _)| name));
        if let Ok(expression) = Expression::parse(row["m"].as_str().expect("an expression")) {
            names.extend(expression.idents().map(|ident| ident.name.to_owned()));
        }
    }
    let mut file = String::from(
        "extends = \"none\"\n[levels]\nlevel_0 = { doc = \"d\" }\n[categories.all.markers]\n",
    );
    for name in names.iter().filter(|name| declarable(name)) {
        let args = [
            "id", "limit", "strict", "reruns", "x", "y", "match", "print", "_",
        ];
        let args: Vec<String> = args.iter().map(|arg| format!("{arg} = \"text\"")).collect();
        file += &format!(
            "{name} = {{ doc = \"d\", args = {{ {} }} }}\n",
            args.join(", ")
        );
    }
    let vocabulary =
        Vocabulary::parse(&file, "test.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let mut compared = 0;
    for row in rows
        .iter()
        .filter(|row| !row["want"].is_null() && !row["m"].is_null())
    {
        let expression = Expression::parse(row["m"].as_str().expect("an expression"))
            .expect("it was accepted before");
        let Ok(bound) = expression.bind(&vocabulary) else {
            continue;
        };
        let mut set = MarkerSet::new();
        for (name, args) in marks(row) {
            if let Some(id) = vocabulary.id(&name) {
                set.insert_args(id, args);
            }
        }
        assert_eq!(bound.matches(&set), row["want"] == true, "{row}");
        compared += 1;
    }
    assert!(compared >= 500, "{compared} are too few");
}
