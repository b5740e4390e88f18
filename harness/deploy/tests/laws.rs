//! Laws over arbitrary input: nothing panics, everything wrong is said, patches undo each other.

use std::ffi::OsString;

use proptest::prelude::*;
use tribunal_deploy::{Catalogue, Context, Recipe, Way};

fn none(_: &str) -> Option<OsString> {
    None
}

fn context() -> Context<'static> {
    Context {
        env: Some(&none),
        program: Some("/harness".into()),
        exists: Some(&|_| false),
        ..Context::default()
    }
}

fn recipe(file: &str) -> Result<Recipe, String> {
    Catalogue::new(&[])
        .parse(file, "my.toml", "my")
        .and_then(|spec| spec.recipe(&context()))
        .map_err(|problems| problems.to_string())
}

/// Words of which files are made, so that random texts come further than the parser of TOML.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "command",
        "args_add",
        "url",
        "model",
        "env",
        "ready",
        "ports",
        "params",
        "process",
        "companion",
        "config",
        "features",
        "offline",
        "level.core_model",
        "platform.cuda",
        "update",
        "insert",
        "delete",
        "patch",
        "capabilities",
        "fatal",
        "workers",
        "limits",
        "requires",
        "container",
        "extends",
        "=",
        " = ",
        "\n",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        ",",
        "\"x\"",
        "\"{port}\"",
        "\"{?n}\"",
        "\"{n}\"",
        "[\"x\"]",
        "[\"x\", [\"{n}\", \"{!n}\"]]",
        "true",
        "false",
        "3",
        "-1.5",
        "\"${A}\"",
        "\"${A:-b}\"",
        "\"http://h:1\"",
        "{ n = 3 }",
        "name",
        "\"w-{i}\"",
        "count",
        "regex",
        "\"(\"",
        "2024-01-01",
        "\u{0}",
        "é",
        ".",
    ];
    prop_oneof![
        8 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_deployment_or_a_list_of_mistakes(pieces in prop::collection::vec(piece(), 0..24)) {
        match recipe(&pieces.concat()) {
            Ok(recipe) => {
                prop_assert!(!recipe.to_string().is_empty());
                recipe.to_json();
            }
            Err(said) => prop_assert!(said.contains("error: "), "{said}"),
        }
    }

    #[test]
    fn any_setting_is_taken_or_refused(key in "[a-z_.0-9]{0,12}", value in "\\PC{0,12}") {
        let file = "model = \"m\"\ncommand = [\"x\", [\"{n}\"], [\"{t}\"]]\nparams = { n = 1, t = \"a\" }";
        let mut spec = Catalogue::new(&[]).parse(file, "my.toml", "my").expect("nothing is wrong");
        for key in [&*key, "n", "t", "model", "env.A", "ready.within", "command.1"] {
            match spec.set(&format!("{key}={value}")) {
                Ok(()) => { let _ = spec.recipe(&context()); }
                Err(problems) => prop_assert!(!problems.to_string().is_empty()),
            }
        }
    }

    /// What is filled in stays one argument, and the start reads it as the text that it was.
    #[test]
    fn a_model_is_one_argument(value in "[ -~]{1,24}") {
        prop_assume!(value != "false");
        let mut spec = Catalogue::new(&[]).parse("model = \"m\"\ncommand = [\"x\", \"{model}\"]", "my.toml", "my").expect("nothing is wrong");
        // A value with a variable in it is one that is looked up, as in a file.
        prop_assume!(!value.contains("${") && !value.contains('{'));
        if spec.set(&format!("model={value}")).is_ok() {
            let recipe = spec.recipe(&context()).expect("it was taken");
            let Way::Command(process) = recipe.way else { panic!("it has a command") };
            prop_assert_eq!(process.args.len(), 1);
            prop_assert_eq!(Some(&process.args[0]), recipe.model.as_ref());
        }
    }

    #[test]
    fn an_insertion_and_its_deletion_leave_nothing(name in "[A-Z]{1,6}", value in "[a-z]{1,6}") {
        prop_assume!(name != "THERE");
        let base = "command = [\"x\"]\nenv = { THERE = \"1\" }\n";
        let both = format!("{base}[[patch]]\ninsert.env.{name} = \"{value}\"\n[[patch]]\ndelete = [\"env.{name}\"]\n");
        prop_assert_eq!(recipe(&both), recipe(base));
        // In one set the deletion comes first, and there is nothing to delete.
        let once = format!("{base}[[patch]]\ninsert.env.{name} = \"{value}\"\ndelete = [\"env.{name}\"]\n");
        prop_assert!(recipe(&once).is_err());
    }

    #[test]
    fn an_update_of_what_is_deleted_later_changes_nothing(value in "[a-z]{1,6}") {
        let base = "command = [\"x\"]\nenv = { A = \"1\", B = \"2\" }\n";
        let gone = format!("{base}delete = [\"env.A\"]\n");
        let both = format!("{base}[[patch]]\nupdate.env.A = \"{value}\"\n[[patch]]\ndelete = [\"env.A\"]\n");
        prop_assert_eq!(recipe(&both), recipe(&gone));
        let same = format!("{base}update.env.A = \"1\"\n");
        prop_assert_eq!(recipe(&same), recipe(base));
    }

    #[test]
    fn the_order_of_deletions_does_not_matter(mut at in prop::collection::vec(1..6_usize, 1..5), seed in any::<u64>()) {
        let file = |at: &[usize]| {
            let paths: Vec<String> = at.iter().map(|at| format!("\"command.{at}\"")).collect();
            format!("command = [\"x\", \"1\", \"2\", \"3\", \"4\", \"5\"]\ndelete = [{}]\n", paths.join(", "))
        };
        let one = recipe(&file(&at)).expect("every index is there");
        let Way::Command(process) = &one.way else { panic!("it has a command") };
        let left: Vec<String> = (1..6).filter(|n| !at.contains(n)).map(|n: usize| n.to_string()).collect();
        prop_assert_eq!(&process.args, &left);
        let len = at.len();
        at.rotate_left(usize::try_from(seed % 5).expect("it is small") % len);
        prop_assert_eq!(one, recipe(&file(&at)).expect("every index is there"));
    }

    #[test]
    fn an_overlay_that_says_the_same_changes_nothing(n in any::<i32>(), word in "[a-z]{1,6}") {
        let keys = format!("model = \"{word}\"\nparams = {{ n = {n} }}\nenv = {{ A = \"{word}\" }}\n");
        let base = format!("command = [\"x\", [\"{{n}}\"]]\n{keys}");
        let spec = |file: &str| Catalogue::new(&[]).parse(file, "my.toml", "my").expect("nothing is wrong");
        let level = Context { level: Some("core_model"), ..context() };
        let plain = spec(&base).recipe(&level).expect("nothing is wrong");
        let overlaid = spec(&format!("{base}[level.core_model]\n{keys}")).recipe(&level).expect("nothing is wrong");
        prop_assert_eq!(plain, overlaid);
    }
}
