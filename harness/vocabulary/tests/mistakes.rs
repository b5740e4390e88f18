//! Seeded mistakes of a markers.toml: what is said of each, and that nothing else is said.

use proptest::prelude::*;
use tribunal_vocabulary::{Mistakes, Vocabulary};

fn mistakes(file: &str) -> Mistakes {
    match Vocabulary::parse(file, "markers.toml") {
        Err(mistakes) => mistakes,
        Ok(_) => panic!("nothing wrong was found in:\n{file}"),
    }
}

/// One mistake each: what it is, and the file.
const SEEDED: &[(&str, &str)] = &[
    // The text.
    ("no TOML", "[levels\ncore_model = 1"),
    ("a value is missing", "[stages.smoke]\nselect ="),
    (
        "a key twice",
        "[categories.other.markers]\nmine = \"a\"\nother = \"b\"\nmine = \"c\"",
    ),
    (
        "a table twice",
        "[categories.kind]\nrule = \"optional\"\n[categories.kind]\nordered = true",
    ),
    // The top.
    ("unknown key at the top", "level = 1"),
    ("unknown vocabulary", "extends = \"defualt\""),
    ("extends of the wrong type", "extends = true"),
    ("no levels", "extends = \"none\""),
    ("levels of the wrong type", "levels = [\"core_model\"]"),
    // Levels.
    (
        "unknown key of a level",
        "[levels]\ncore_model = { budgets = \"15m\" }",
    ),
    ("level of the wrong type", "[levels]\ncore_model = \"L1\""),
    ("level without doc", "[levels]\ntiny = { budget = \"1m\" }"),
    (
        "level with an empty doc",
        "[levels]\ntiny = { doc = \" \" }",
    ),
    (
        "bad budget",
        "[levels]\ncore_model = { budget = \"15 minutes\" }",
    ),
    (
        "budget without unit",
        "[levels]\ncore_model = { budget = 15 }",
    ),
    (
        "budget of nothing",
        "[levels]\ncore_model = { budget = \"0s\" }",
    ),
    (
        "level implies what is not declared",
        "[levels]\ncore_model = { implies = [\"pre_marge\"] }",
    ),
    (
        "implies of the wrong type",
        "[levels]\ncore_model = { implies = \"pre_merge\" }",
    ),
    (
        "implies a number",
        "[levels]\ncore_model = { implies = [\"pre_merge\", 3] }",
    ),
    (
        "timeout of a level",
        "[levels]\nslow = { timeout = \"requird\" }",
    ),
    (
        "level after an unknown one",
        "[levels]\ntiny = { doc = \"d\", after = \"core_mode\" }",
    ),
    (
        "level and marker of one name",
        "[levels]\nunit = { doc = \"d\" }",
    ),
    // Names.
    ("no name", "[categories.other.markers]\nmy-marker = \"d\""),
    (
        "name begins with a digit",
        "[platforms.cuda.devices]\n310P = { vram_gib = 24 }",
    ),
    (
        "name of a built-in attribute",
        "[categories.other.markers]\ninline = \"d\"",
    ),
    (
        "name of a word of expressions",
        "[categories.other.markers]\nnot = \"d\"",
    ),
    // Categories and markers.
    (
        "unknown key of a category",
        "[categories.kind]\nlimit = { unit = \"60s\" }",
    ),
    ("unknown rule", "[categories.kind]\nrule = \"at lest one\""),
    (
        "ordered of the wrong type",
        "[categories.kind]\nordered = \"yes\"",
    ),
    (
        "default is no member",
        "[categories.kind]\ndefault = \"nightly\"",
    ),
    (
        "default is misspelt",
        "[categories.kind]\ndefault = \"units\"",
    ),
    ("bad limit", "[categories.kind]\nlimits = { unit = \"60\" }"),
    (
        "limit of no member",
        "[categories.kind]\nlimits = { untit = \"60s\" }",
    ),
    (
        "category without markers",
        "[categories.colour]\nrule = \"at least one\"",
    ),
    (
        "name of a category",
        "[categories.\"my category\".markers]\na = \"d\"",
    ),
    (
        "marker in two categories",
        "[categories.one.markers]\nmine = \"d\"\n[categories.two.markers]\nmine = \"d\"",
    ),
    (
        "marker of another category",
        "[categories.one.markers]\ntts = \"d\"",
    ),
    (
        "marker of the wrong type",
        "[categories.other.markers]\nmine = 3",
    ),
    (
        "marker without doc",
        "[categories.other.markers]\nmine = { implies = [\"e2e\"] }",
    ),
    (
        "unknown key of a marker",
        "[categories.other.markers]\nmine = { doc = \"d\", imply = [\"e2e\"] }",
    ),
    (
        "marker implies itself",
        "[categories.other.markers]\nmine = { doc = \"d\", implies = [\"mine\"] }",
    ),
    (
        "cycle of implications",
        "[categories.other.markers]\na = { doc = \"d\", implies = [\"b\"] }\nb = { doc = \"d\", implies = [\"c\"] }\nc = { doc = \"d\", implies = [\"a\"] }",
    ),
    (
        "cycle through the shipped vocabulary",
        "[categories.kind.markers]\ne2e = { implies = [\"slow\"] }\n[categories.lifecycle.markers]\nweekly = { implies = [\"e2e\"] }",
    ),
    (
        "conflict with what is not declared",
        "[categories.other.markers]\nmine = { doc = \"d\", conflicts = [\"parallell\"] }",
    ),
    (
        "conflict with what is implied",
        "[categories.other.markers]\nmine = { doc = \"d\", implies = [\"H100\"], conflicts = [\"gpu\"] }",
    ),
    (
        "alias is a marker",
        "[categories.other.markers]\nmine = { doc = \"d\", alias = [\"e2e\"] }",
    ),
    (
        "alias of two markers",
        "[categories.other.markers]\nmine = { doc = \"d\", alias = [\"me\"] }\nyours = { doc = \"d\", alias = [\"me\"] }",
    ),
    (
        "alias of itself",
        "[categories.other.markers]\nmine = { doc = \"d\", alias = [\"mine\"] }",
    ),
    (
        "alias is no name",
        "[categories.other.markers]\nmine = { doc = \"d\", alias = [\"my marker\"] }",
    ),
    (
        "marker is an alias",
        "[categories.other.markers]\nh100 = \"d\"",
    ),
    (
        "platforms in two categories",
        "[categories.other]\nplatforms = true",
    ),
    (
        "waived by what is not declared",
        "[categories.kind]\nwaived_by = [\"local_onyl\"]",
    ),
    (
        "excludes what is not declared",
        "[categories.other]\nexclusive = [[\"none\", \"nome\"]]",
    ),
    (
        "excludes nothing",
        "[categories.other]\nexclusive = [[\"none\"]]",
    ),
    (
        "exclusive of the wrong type",
        "[categories.other]\nexclusive = [\"none\", \"defaulted\"]",
    ),
    // Arguments.
    (
        "unknown type of an argument",
        "[categories.other.markers]\nmine = { doc = \"d\", args = { n = \"integer\" } }",
    ),
    (
        "argument without type",
        "[categories.other.markers]\nmine = { doc = \"d\", args = { n = { required = true } } }",
    ),
    (
        "unknown key of an argument",
        "[categories.other.markers]\nmine = { doc = \"d\", args = { n = { type = \"int\", min = 1 } } }",
    ),
    (
        "unknown set of arguments",
        "[categories.other.markers]\nmine = { doc = \"d\", args = \"hardwear\" }",
    ),
    (
        "required argument behind an optional one",
        "[categories.other.markers]\nmine = { doc = \"d\", args = { a = \"int\", b = { type = \"int\", required = true } } }",
    ),
    (
        "bound of a text",
        "[categories.other.markers]\nmine = { doc = \"d\", args = { a = { type = \"text\", above = 1 } } }",
    ),
    (
        "choices of a number",
        "[categories.other.markers]\nmine = { doc = \"d\", args = { a = { type = \"int\", choices = [\"1\"] } } }",
    ),
    (
        "more arguments than there are",
        "[categories.other.markers]\nmine = { doc = \"d\", min_args = 2, args = { a = \"int\" } }",
    ),
    (
        "min_args without args",
        "[categories.other.markers]\nmine = { doc = \"d\", min_args = 1 }",
    ),
    (
        "name of an argument",
        "[categories.other.markers]\nmine = { doc = \"d\", args = { \"a b\" = \"int\" } }",
    ),
    // Platforms.
    ("unknown key of a platform", "[platforms.cuda]\ncard = [1]"),
    ("platform is a marker", "[platforms.vllm]\ngpu = true"),
    (
        "unknown key of a device",
        "[platforms.cuda.devices]\nH100 = { vram = 80 }",
    ),
    ("device without memory", "[platforms.cuda.devices]\nX9 = {}"),
    (
        "device with less than no memory",
        "[platforms.cuda.devices]\nX9 = { vram_gib = -1 }",
    ),
    (
        "memory as text",
        "[platforms.cuda.devices]\nX9 = { vram_gib = \"80\" }",
    ),
    (
        "memory without end",
        "[platforms.cuda.devices]\nX9 = { vram_gib = inf }",
    ),
    (
        "device of two platforms",
        "[platforms.rocm.devices]\nH100 = { vram_gib = 80 }",
    ),
    (
        "alias of two devices",
        "[platforms.rocm.devices]\nX9 = { vram_gib = 80, alias = [\"h100\"] }",
    ),
    ("no card", "[platforms.cuda]\ncards = [0, 1]"),
    ("cards out of order", "[platforms.cuda]\ncards = [1, 4, 2]"),
    ("cards twice", "[platforms.cuda]\ncards = [1, 2, 2]"),
    ("no cards", "[platforms.cuda]\ncards = []"),
    (
        "cards of the wrong type",
        "[platforms.cuda]\ncards = [1, \"2\"]",
    ),
    (
        "too many cards",
        "[platforms.cuda]\ncards = [1, 99999999999999999999]",
    ),
    (
        "marker named like a count",
        "[categories.other.markers]\ncards_5 = \"d\"\n[platforms.cuda]\ncards = [1, 5]",
    ),
    // Stages.
    (
        "unknown key of a stage",
        "[stages.nightly]\nselects = \"e2e\"",
    ),
    (
        "unknown level of a stage",
        "[stages.nightly]\nlevel = \"full_modle\"",
    ),
    (
        "stage that selects everything",
        "[stages.smoke]\ndoc = \"d\"",
    ),
    ("name of a stage", "[stages.\"a b\"]\nselect = \"e2e\""),
    (
        "unknown platform in a stage",
        "[stages.smoke]\nselect = \"e2e and (rcom or cuda)\"",
    ),
    (
        "stage with half an expression",
        "[stages.smoke]\nselect = \"e2e and\"",
    ),
    (
        "stage with an empty expression",
        "[stages.smoke]\nselect = \"\"",
    ),
    (
        "unknown marker in a step",
        "[stages.smoke]\nselect = \"e2e\"\n[stages.smoke.steps.one]\nselect = \"vlm and gpu_1\"",
    ),
    (
        "unknown argument in a step",
        "[stages.smoke]\nselect = \"e2e\"\n[stages.smoke.steps.one]\nselect = \"\"\"model(idd='x')\"\"\"",
    ),
    (
        "step that selects nothing",
        "[stages.smoke]\nselect = \"e2e\"\n[stages.smoke.steps.one]\nqueue = \"cpu\"",
    ),
    (
        "unknown key of a step",
        "[stages.smoke]\nselect = \"e2e\"\n[stages.smoke.steps.one]\nselect = \"unit\"\nque = \"cpu\"",
    ),
    (
        "name of a step",
        "[stages.smoke]\nselect = \"e2e\"\n[stages.smoke.steps.1]\nselect = \"unit\"",
    ),
    ("markers without a category, no table", "markers = 3"),
    (
        "a loose marker that is declared already",
        "[markers]\ntts = \"ours\"",
    ),
    (
        "queue of the wrong type",
        "[stages.smoke]\nselect = \"e2e\"\n[stages.smoke.steps.one]\nselect = \"unit\"\nqueue = 1",
    ),
];

#[test]
fn every_seeded_mistake_is_found_and_nothing_else() {
    let mut shown = String::new();
    for (what, file) in SEEDED {
        let mistakes = mistakes(file);
        let lines = file.lines().count();
        for mistake in mistakes.iter() {
            assert!(
                mistake.line >= 1 && mistake.line <= lines && mistake.column >= 1,
                "{what}: {mistake:?}"
            );
        }
        assert_eq!(mistakes.iter().count(), 1, "{what}:\n{mistakes}");
        shown += &format!("# {what}\n{mistakes}\n\n");
    }
    insta::assert_snapshot!("seeded", shown);
}

#[test]
fn all_mistakes_of_a_file_come_at_once() {
    let mistakes = mistakes(include_str!("mistakes/many.toml"));
    insta::assert_snapshot!("many", mistakes.to_string());
    let places: Vec<(usize, usize)> = mistakes
        .iter()
        .map(|mistake| (mistake.line, mistake.column))
        .collect();
    assert!(places.is_sorted(), "in the order of the file");
    assert_eq!(mistakes.origin(), "markers.toml");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        if let Err(mistakes) = Vocabulary::parse(&text, "markers.toml") {
            prop_assert!(!mistakes.to_string().is_empty());
        }
    }
}

proptest! {
    // Every case reads two whole files.
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// The shipped file with a piece of another place put somewhere, or a piece taken out: nearly right texts go deepest.
    #[test]
    fn no_damage_to_a_real_file_makes_the_reader_panic(at in any::<prop::sample::Index>(), from in any::<prop::sample::Index>(), length in 0usize..60) {
        let shipped = include_str!("../markers.toml");
        let boundary = |index: usize| (0..=index).rev().find(|at| shipped.is_char_boundary(*at)).unwrap_or(0);
        let at = boundary(at.index(shipped.len()));
        let from = boundary(from.index(shipped.len()));
        let to = boundary((from + length).min(shipped.len())).max(from);
        let taken_out = format!("{}{}", &shipped[..from], &shipped[to..]);
        let put_in = format!("{}{}{}", &shipped[..at], &shipped[from..to], &shipped[at..]);
        for text in [taken_out, put_in] {
            if let Err(mistakes) = Vocabulary::parse(&text, "markers.toml") {
                prop_assert!(mistakes.iter().count() > 0);
                prop_assert!(!mistakes.to_string().is_empty());
            }
        }
    }
}
