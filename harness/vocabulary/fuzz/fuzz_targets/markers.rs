//! Any text is a vocabulary or a list of mistakes, and a vocabulary answers every question.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tribunal_vocabulary::{MarkerSet, Vocabulary};

fuzz_target!(|text: &str| {
    let vocabulary = match Vocabulary::parse(text, "markers.toml") {
        Ok(vocabulary) => vocabulary,
        Err(mistakes) => {
            assert!(mistakes.iter().count() > 0 && !mistakes.to_string().is_empty());
            return;
        }
    };
    for name in vocabulary.names() {
        let mut set = MarkerSet::new();
        vocabulary.add(&mut set, name, &[]);
        set.extend(vocabulary.defaults(&set));
        vocabulary.rules(&set);
        vocabulary.limit(&set);
    }
    for stage in vocabulary.stages() {
        for step in stage
            .steps
            .iter()
            .map(|step| Some(&*step.name))
            .chain([None])
        {
            let selection = vocabulary
                .selection(&stage.name, step)
                .expect("a stage and a step of it");
            selection.bind(&vocabulary).expect("its names are declared");
        }
    }
});
