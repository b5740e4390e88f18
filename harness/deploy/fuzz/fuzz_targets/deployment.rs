//! Any text is a deployment or a list of mistakes, and a deployment can be set, rendered and shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tribunal_deploy::{Catalogue, Context};

fuzz_target!(|text: &str| {
    let mut spec = match Catalogue::new(&[]).parse(text, "my.toml", "my") {
        Ok(spec) => spec,
        Err(problems) => {
            assert!(problems.messages().count() > 0 && !problems.to_string().is_empty());
            return;
        }
    };
    let _ = spec.set("model=m");
    let none = |_: &str| None;
    let levels: Vec<String> = spec.levels().into_iter().map(str::to_owned).collect();
    for level in levels.iter().map(|level| Some(&**level)).chain([None]) {
        let context = Context {
            level,
            env: Some(&none),
            exists: Some(&|_| false),
            ..Context::default()
        };
        if let Ok(rendered) = spec.render(&context) {
            let _ = (rendered.recipe.to_string(), rendered.recipe.to_json());
        }
    }
});
