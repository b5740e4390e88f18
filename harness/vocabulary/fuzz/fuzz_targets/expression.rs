//! Any text is an expression or an error; an expression prints to an equal one, and its two forms answer alike.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tribunal_vocabulary::{Expression, MarkerSet, Vocabulary};

fuzz_target!(|text: &str| {
    let vocabulary = Vocabulary::shipped();
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let printed = expression.to_string();
    assert_eq!(
        Expression::parse(&printed).as_ref(),
        Ok(&expression),
        "{printed}"
    );
    expression.matches_names(text);
    match expression.bind(vocabulary) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(bound) => {
            let names = ["e2e", "H100", "vllm", "gpu_1"];
            let set: MarkerSet = names
                .iter()
                .filter_map(|name| vocabulary.id(name))
                .collect();
            let has = |name: &str| vocabulary.id(name).is_some_and(|id| set.contains(id));
            assert_eq!(
                bound.matches(&set),
                expression.evaluate(|name, args| args.is_empty() && has(name))
            );
        }
    }
});
