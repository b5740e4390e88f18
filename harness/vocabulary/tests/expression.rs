//! The expression language beyond what pytest has: messages, spellings, names that must be declared.

use proptest::prelude::*;
use tribunal_vocabulary::{Expression, Ident, MarkerSet, Vocabulary};

fn error(text: &str) -> String {
    match Expression::parse(text) {
        Err(error) => error.to_string(),
        Ok(expression) => panic!("{text} was accepted as {expression}"),
    }
}

fn unbound(text: &str) -> String {
    match Expression::parse(text)
        .expect("its grammar is right")
        .bind(Vocabulary::shipped())
    {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{text} was accepted"),
    }
}

fn set(names: &[&str]) -> MarkerSet {
    names
        .iter()
        .map(|name| Vocabulary::shipped().id(name).expect("declared"))
        .collect()
}

#[test]
fn errors_show_the_text_and_the_place() {
    let long = format!("{} $ {}", ["e2e"; 60].join(" and "), "x".repeat(200));
    let wrong = [
        "e2e and ",
        "e2e gpu_1",
        "größe and (vllm or",
        "e2e and $HOME",
        "e2e && gpu_1",
        "model(id=\"llama)",
        "model(id='a\\b')",
        "model('llama')",
        "model(class=1)",
        "model(1x=1)",
        "timeout(limit=5m)",
        "timeout(limit=1, limit=2)",
        "a(x=99999999999999999999)",
        "a\tand\n\u{1b}[31mb",
        &long,
    ];
    insta::assert_snapshot!("syntax_errors", wrong.map(error).join("\n\n"));
}

#[test]
fn undeclared_names_are_errors_all_at_once() {
    let text = "core_modle and not (h10 or quantum) and timeout(limt=1, x=2) and e2e(x=1) and hardware_test(cudda='H100')";
    insta::assert_snapshot!("undeclared_names", unbound(text));
}

#[test]
fn names_with_arguments_are_no_names() {
    let error = Expression::parse_names("chat and model(id=\"llama\")").expect_err("arguments");
    insta::assert_snapshot!("arguments_of_names", error.to_string());
}

#[test]
fn signs_are_other_spellings_of_words() {
    for (signs, words) in [
        ("a & b", "a and b"),
        ("a|b", "a or b"),
        ("!a", "not a"),
        ("!(a|b)&c", "not (a or b) and c"),
        ("!!a", "not not a"),
        ("a&!b|c", "a and not b or c"),
    ] {
        let (signs, words) = (
            Expression::parse(signs).expect("signs"),
            Expression::parse(words).expect("words"),
        );
        assert_eq!(signs, words);
        assert_eq!(signs.to_string(), words.text());
    }
    assert_ne!(
        Expression::parse("a & (b & c)").expect("one"),
        Expression::parse("a & b & c").expect("other")
    );
}

#[test]
fn names_say_where_they_stand_and_whether_they_are_negated() {
    let expression =
        Expression::parse("a and not (b or not c) or !model(id='x')").expect("it is right");
    let idents: Vec<Ident<'_>> = expression.idents().collect();
    let of = |name, at, negated| Ident { name, at, negated };
    assert_eq!(
        idents,
        [
            of("a", 0, false),
            of("b", 11, true),
            of("c", 20, false),
            of("model", 27, true)
        ]
    );
}

#[test]
fn the_empty_expression_is_known_as_such() {
    for text in ["", "  \t"] {
        let empty = Expression::parse(text).expect("pytest accepts it");
        assert!(empty.is_empty());
        assert!(
            !empty.evaluate(|_, _| true),
            "its value is false, as pytest has it"
        );
        assert!(
            !empty
                .bind(Vocabulary::shipped())
                .expect("nothing to look up")
                .matches(&set(&["e2e"]))
        );
        assert_eq!(empty.to_string(), "");
        assert_eq!(empty.idents().count(), 0);
    }
    assert!(!Expression::parse("a").expect("one name").is_empty());
}

#[test]
fn aliases_stand_for_their_marker() {
    let bound = Expression::parse("h100 and not l4")
        .expect("it is right")
        .bind(Vocabulary::shipped())
        .expect("declared");
    assert!(bound.matches(&set(&["H100"])));
    assert!(!bound.matches(&set(&["H100", "L4"])));
    assert!(!bound.matches(&set(&[])));
}

#[test]
fn depth_is_bounded_and_length_is_not() {
    for deep in [
        "(".repeat(100_000),
        "not ".repeat(100_000),
        "!(".repeat(100_000),
        "(".repeat(101) + "a" + &")".repeat(101),
    ] {
        let error = Expression::parse(&deep).expect_err("too deep");
        assert!(
            error.to_string().contains("nest deeper than 100"),
            "{}",
            error.faults()[0].message
        );
    }
    let deepest = "(".repeat(100) + "a" + &")".repeat(100);
    assert_eq!(
        Expression::parse(&deepest).expect("just right"),
        Expression::parse("a").expect("the same")
    );
    let long = ["e2e"; 20_000].join(" or ");
    let long = Expression::parse(&long).expect("length is no depth");
    assert!(
        long.bind(Vocabulary::shipped())
            .expect("declared")
            .matches(&set(&["e2e"]))
    );
}

/// Expressions by their shape, printed with random spaces, parentheses and spellings.
fn expressions() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        any::<i64>().prop_map(|int| int.to_string()),
        Just("True".to_owned()),
        Just("False".to_owned()),
        Just("None".to_owned()),
        "[a-zé '()=,&|!]{0,8}".prop_map(|text| format!("\"{text}\"")),
        "[a-z \"()]{0,8}".prop_map(|text| format!("'{text}'")),
    ];
    let name = "[a-zA-Zß_0-9:.+/\\[\\]-]{1,6}".prop_filter("a word of the language", |name| {
        !["and", "or", "not"].contains(&&**name)
    });
    let leaf =
        (name, proptest::option::weighted(0.3, value)).prop_map(|(name, value)| match value {
            Some(value) => format!("{name}( x={value})"),
            None => name,
        });
    leaf.prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" and "))),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join("|")),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join(" & ")),
            inner.clone().prop_map(|inner| format!("not {inner}")),
            inner.prop_map(|inner| format!("!( {inner} )")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_parses_to_the_same(text in expressions()) {
        let expression = Expression::parse(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let printed = expression.to_string();
        let again = Expression::parse(&printed).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&again, &expression, "{}", printed);
        prop_assert_eq!(again.to_string(), printed);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), words in proptest::collection::vec(
        prop_oneof![
            Just("("), Just(")"), Just(" and "), Just(" or "), Just("not "), Just("a"), Just("e2e"), Just("="), Just(","), Just("'"),
            Just("\""), Just("\\"), Just("&"), Just("|"), Just("!"), Just("model"), Just("-1"), Just("ß"), Just("\n"), Just("\u{0}"),
        ], 0..30)) {
        for text in [text, words.concat()] {
            match Expression::parse(&text) {
                Ok(expression) => {
                    let printed = expression.to_string();
                    prop_assert_eq!(Expression::parse(&printed), Ok(expression.clone()), "{}", printed);
                    if let Err(error) = expression.bind(Vocabulary::shipped()) {
                        prop_assert!(!error.to_string().is_empty());
                    }
                }
                Err(error) => {
                    prop_assert_eq!(error.faults().len(), 1);
                    let shown = error.to_string();
                    prop_assert!(!shown.contains(['\u{0}', '\u{1b}']), "a control character in a message");
                }
            }
        }
    }

    /// The compiled form and the tree say the same.
    #[test]
    fn bound_expressions_answer_like_the_tree(
        shape in proptest::collection::vec(prop_oneof![
            Just("e2e"), Just("unit"), Just("slow"), Just("not "), Just("("), Just(")"), Just(" and "), Just(" or "),
        ], 1..14),
        has in proptest::collection::vec(any::<bool>(), 3),
    ) {
        let names = ["e2e", "unit", "slow"];
        if let Ok(expression) = Expression::parse(&shape.concat())
            && let Ok(bound) = expression.bind(Vocabulary::shipped())
        {
            let there: Vec<&str> = names.iter().zip(&has).filter(|(_, has)| **has).map(|(name, _)| *name).collect();
            prop_assert_eq!(bound.matches(&set(&there)), expression.evaluate(|name, _| there.contains(&name)));
        }
    }
}
