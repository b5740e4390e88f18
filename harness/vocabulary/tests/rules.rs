//! The rules over all markers of a test.

use tribunal_vocabulary::{Arg, Breach, MarkerSet, Vocabulary};

/// Markers as they are written: names with arguments.
type Markers<'a> = &'a [(&'a str, &'a [Arg])];

fn set(vocabulary: &Vocabulary, markers: Markers<'_>) -> MarkerSet {
    let mut set = MarkerSet::new();
    for (name, args) in markers {
        assert_eq!(vocabulary.check(name, args), [], "{name}");
        vocabulary.add(&mut set, name, args);
    }
    set.extend(vocabulary.defaults(&set));
    set
}

fn shown(vocabulary: &Vocabulary, breaches: &[Breach]) -> String {
    let one = |breach: &Breach| {
        let markers: Vec<&str> = breach
            .markers
            .iter()
            .map(|id| vocabulary.name(*id))
            .collect();
        format!(
            "[{}] {} ({})",
            breach.rule,
            breach.message,
            markers.join(" ")
        )
    };
    breaches.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn shipped(markers: Markers<'_>) -> String {
    let vocabulary = Vocabulary::shipped();
    shown(vocabulary, &vocabulary.rules(&set(vocabulary, markers)))
}

#[test]
fn what_excludes_each_other_is_said_once_and_at_its_cause() {
    let h100: &[Arg] = &[Arg::named("cuda", "H100"), Arg::named("num_cards", 2)];
    let cases: &[(Markers<'_>, &str)] = &[
        (
            &[("cpu", &[]), ("hardware_test", h100)],
            "[conflict] `cpu` (no device at all) cannot stand together with `gpu_2`, `H100`; drop one side (cpu gpu_2 H100)",
        ),
        (
            &[("cpu", &[]), ("gpu_1", &[])],
            "[conflict] `cpu` (no device at all) cannot stand together with `gpu_1`; drop one side (cpu gpu_1)",
        ),
        (
            &[("cpu", &[]), ("npu", &[])],
            "[conflict] `cpu` (no device at all) cannot stand together with `npu`; drop one side (cpu npu)",
        ),
        (
            &[("gpu_0", &[]), ("h100", &[])],
            "[conflict] `gpu_0` (no GPU) cannot stand together with `H100`; drop one side (gpu_0 H100)",
        ),
        (
            &[("gpu_0", &[]), ("xpu_1", &[])],
            "[conflict] `gpu_0` (no GPU) cannot stand together with `xpu_1`; drop one side (gpu_0 xpu_1)",
        ),
        (
            &[("gpu_1", &[]), ("gpu_4", &[])],
            "[hardware: exclusive] `gpu_1`, `gpu_4` exclude each other; a test has one of them (gpu_1 gpu_4)",
        ),
        (
            &[("gpu_1", &[]), ("gpu_2", &[]), ("gpu_8", &[])],
            "[hardware: exclusive] `gpu_1`, `gpu_2`, `gpu_8` exclude each other; a test has one of them (gpu_1 gpu_2 gpu_8)",
        ),
        (
            &[("gpu_1", &[]), ("hardware_test", h100)],
            "[hardware: exclusive] `gpu_1`, `gpu_2` exclude each other; a test has one of them (gpu_1 gpu_2)",
        ),
        (
            &[("cards_1", &[]), ("cards_3", &[])],
            "[hardware: exclusive] `cards_1`, `cards_3` exclude each other; a test has one of them (cards_1 cards_3)",
        ),
        (
            &[("parallel", &[]), ("serial", &[])],
            "[conflict] `parallel` (may run beside any other test: dynamic ports, nothing shared) cannot stand together with `serial`; drop one side (parallel serial)",
        ),
        (&[("cpu", &[]), ("gpu_0", &[])], ""),
        (
            &[
                ("gpu_2", &[]),
                ("hardware_test", h100),
                ("h100", &[]),
                ("cuda", &[]),
            ],
            "",
        ),
        (
            &[
                ("core_model", &[]),
                ("advanced_model", &[]),
                ("e2e", &[]),
                ("multimodal", &[]),
            ],
            "",
        ),
    ];
    for (markers, want) in cases {
        assert_eq!(shipped(markers), *want);
    }
}

#[test]
fn a_category_without_default_wants_to_be_stated() {
    let file = r#"
        extends = "none"
        [levels]
        quick = { doc = "d" }
        [categories.owner]
        doc = "who answers for it"
        rule = "exactly one"
        waived_by = ["orphan"]
        [categories.owner.markers]
        red = "team red"
        blue = { doc = "team blue" }
        dark_blue = { doc = "a part of team blue", implies = ["blue"] }
        [categories.where]
        rule = "at least one"
        platforms = true
        [categories.where.markers]
        anywhere = "needs nothing"
        [categories.rest.markers]
        orphan = "nobody answers for it"
        [platforms.cuda]
        gpu = true
        devices = { H100 = { vram_gib = 80 } }
    "#;
    let vocabulary =
        Vocabulary::parse(file, "markers.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let rules = |markers: &[&str]| {
        let markers: Vec<(&str, &[Arg])> = markers.iter().map(|name| (*name, &[][..])).collect();
        shown(&vocabulary, &vocabulary.rules(&set(&vocabulary, &markers)))
    };
    assert_eq!(
        rules(&[]),
        "[owner: exactly one] no marker of category `owner` (who answers for it); add one of `red`, `blue`, `dark_blue` ()\n\
         [where: at least one] no marker of category `where`; add one of `anywhere`, or a device ()"
    );
    assert_eq!(rules(&["red", "H100"]), "");
    assert_eq!(
        rules(&["dark_blue", "anywhere"]),
        "",
        "what is implied does not count beside what implies it"
    );
    assert_eq!(rules(&["orphan", "anywhere"]), "", "waived");
    assert_eq!(
        rules(&["red", "dark_blue", "anywhere"]),
        "[owner: exactly one] `red`, `dark_blue` are of category `owner`, of which a test has exactly one (red dark_blue)"
    );
    // Without a declared `defaulted`, `gpu` or `cards_2` nothing is invented.
    let names: Vec<&str> = vocabulary
        .expand("H100", &[])
        .iter()
        .map(|id| vocabulary.name(*id))
        .collect();
    assert_eq!(names, ["H100", "cuda"]);
    assert_eq!(vocabulary.defaults(&MarkerSet::new()), []);
    let names: Vec<&str> = vocabulary.names().collect();
    assert_eq!(
        names,
        [
            "quick",
            "red",
            "blue",
            "dark_blue",
            "anywhere",
            "orphan",
            "cuda",
            "H100",
            "cards_1"
        ]
    );
}
