//! What is said of arguments that are wrong, where it points, and what right ones mean.

use tribunal_vocabulary::{Arg, Inner, MarkerId, ProblemAt, Value, Variant, Vocabulary};

fn shipped() -> &'static Vocabulary {
    Vocabulary::shipped()
}

fn map(entries: &[(&str, i64)]) -> Value {
    Value::Map(
        entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::Int(*value)))
            .collect(),
    )
}

fn positional(value: impl Into<Value>) -> Arg {
    Arg::positional(value)
}

fn named(key: &str, value: impl Into<Value>) -> Arg {
    Arg::named(key, value)
}

fn shown(ids: &[MarkerId]) -> String {
    ids.iter()
        .map(|id| shipped().name(*id))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn right_arguments_are_accepted() {
    let right: Vec<(&str, Vec<Arg>)> = vec![
        ("e2e", vec![]),
        ("hardware_test", vec![named("cuda", "H100")]),
        (
            "hardware_test",
            vec![
                named("cuda", vec!["H100", "l4"]),
                named("rocm", vec!["MI325", "MI300"]),
                named("num_cards", 2),
            ],
        ),
        (
            "hardware_test",
            vec![
                named("num_cards", map(&[("cuda", 2), ("rocm", 8)])),
                named("cuda", "H100"),
                named("rocm", "MI325X"),
            ],
        ),
        (
            "hardware_test",
            vec![
                named("cuda", "H100"),
                named("npu", "A2"),
                named("num_cards", map(&[("npu", 16)])),
            ],
        ),
        ("max_vram_gib", vec![positional(21)]),
        ("max_vram_gib", vec![positional(20.4)]),
        ("profiled_vram_gib", vec![named("gib", 0.5)]),
        ("timeout", vec![positional("5m")]),
        ("timeout", vec![positional(300)]),
        ("timeout", vec![named("limit", 0.5)]),
        (
            "xfail",
            vec![positional("Flaky: #1"), named("strict", false)],
        ),
        ("xfail", vec![named("reason", "Flaky")]),
        ("xfail", vec![positional("Flaky"), positional(true)]),
        ("skip", vec![positional("broken")]),
        ("requires", vec![named("feature", "integration")]),
        (
            "requires",
            vec![
                named("env", vec!["HF_TOKEN", "HOME"]),
                named("program", "docker"),
                named("os", "linux"),
            ],
        ),
        ("serial", vec![]),
        ("serial", vec![positional("port 8000")]),
        ("model", vec![positional("Qwen/Qwen3-0.6B")]),
        ("parallel", vec![]),
        (
            "flaky",
            vec![positional(2), named("only_rerun", vec!["timeout"])],
        ),
    ];
    for (name, args) in right {
        assert_eq!(shipped().check(name, &args), [], "{name}({args:?})");
    }
}

#[test]
fn wrong_arguments_are_refused_where_they_are_wrong() {
    use ProblemAt::{Key, Name};
    let value = |index| ProblemAt::Value(index, None);
    let inner = |index, inner| ProblemAt::Value(index, Some(inner));
    let wrong: Vec<(&str, Vec<Arg>, Vec<ProblemAt>)> = vec![
        // Not declared, or without arguments.
        ("core_modle", vec![], vec![Name]),
        ("kind", vec![], vec![Name]),
        ("quantum", vec![], vec![Name]),
        ("e2e", vec![positional(1)], vec![value(0)]),
        ("parallel", vec![named("group", "a")], vec![Key(0)]),
        // Devices.
        ("hardware_test", vec![], vec![Name]),
        ("hardware_test", vec![named("num_cards", 2)], vec![Name]),
        ("hardware_test", vec![positional("H100")], vec![value(0)]),
        ("hardware_test", vec![positional("Z80")], vec![value(0)]),
        ("hardware_test", vec![named("cudda", "H100")], vec![Key(0)]),
        ("hardware_test", vec![named("H100", 2)], vec![Key(0)]),
        ("hardware_test", vec![named("cpu", "any")], vec![Key(0)]),
        ("hardware_test", vec![named("gpu", "H100")], vec![Key(0)]),
        ("hardware_test", vec![named("vllm", "H100")], vec![Key(0)]),
        (
            "hardware_test",
            vec![named("cuda", "H100"), named("num_card", 2)],
            vec![Key(1)],
        ),
        (
            "hardware_test",
            vec![named("cuda", "MI325")],
            vec![value(0)],
        ),
        ("hardware_test", vec![named("cuda", "H10")], vec![value(0)]),
        ("hardware_test", vec![named("cuda", "Z80")], vec![value(0)]),
        ("hardware_test", vec![named("cuda", 100)], vec![value(0)]),
        (
            "hardware_test",
            vec![named("cuda", Vec::<&str>::new())],
            vec![value(0)],
        ),
        (
            "hardware_test",
            vec![named("cuda", vec!["H100", "MI325", "h100"])],
            vec![inner(0, Inner::Item(1)), inner(0, Inner::Item(2))],
        ),
        (
            "hardware_test",
            vec![named("cuda", "H100"), named("cuda", "L4")],
            vec![Key(1)],
        ),
        // Counts.
        (
            "hardware_test",
            vec![named("cuda", "H100"), named("num_cards", 5)],
            vec![value(1)],
        ),
        (
            "hardware_test",
            vec![named("cuda", "H100"), named("num_cards", 0)],
            vec![value(1)],
        ),
        (
            "hardware_test",
            vec![named("cuda", "H100"), named("num_cards", -1)],
            vec![value(1)],
        ),
        (
            "hardware_test",
            vec![named("cuda", "H100"), named("num_cards", true)],
            vec![value(1)],
        ),
        (
            "hardware_test",
            vec![named("cuda", "H100"), named("num_cards", "2")],
            vec![value(1)],
        ),
        (
            "hardware_test",
            vec![
                named("cuda", "H100"),
                named("rocm", "MI325"),
                named("num_cards", 16),
            ],
            vec![value(2)],
        ),
        (
            "hardware_test",
            vec![
                named("cuda", "H100"),
                named("num_cards", map(&[("rocm", 2)])),
            ],
            vec![inner(1, Inner::Key(0))],
        ),
        (
            "hardware_test",
            vec![
                named("cuda", "H100"),
                named("num_cards", map(&[("cuda", 2), ("cudda", 2)])),
            ],
            vec![inner(1, Inner::Key(1))],
        ),
        (
            "hardware_test",
            vec![
                named("cuda", "H100"),
                named("num_cards", map(&[("cuda", 2), ("cuda", 4)])),
            ],
            vec![inner(1, Inner::Key(1))],
        ),
        (
            "hardware_test",
            vec![
                named("cuda", "H100"),
                named("num_cards", map(&[("cuda", 7)])),
            ],
            vec![inner(1, Inner::Value(0))],
        ),
        (
            "hardware_test",
            vec![named("cuda", "H100"), named("num_cards", map(&[]))],
            vec![value(1)],
        ),
        (
            "hardware_test",
            vec![
                named("cuda", "H100"),
                named("num_cards", 2),
                named("num_cards", 2),
            ],
            vec![Key(2)],
        ),
        // Several at once.
        (
            "hardware_test",
            vec![
                named("cuda", "MI325"),
                named("num_card", 2),
                named("roc", "MI325"),
            ],
            vec![value(0), Key(1), Key(2)],
        ),
        // Numbers.
        ("max_vram_gib", vec![], vec![Name]),
        ("max_vram_gib", vec![positional(0)], vec![value(0)]),
        ("max_vram_gib", vec![positional(-0.5)], vec![value(0)]),
        ("max_vram_gib", vec![positional(f64::NAN)], vec![value(0)]),
        ("max_vram_gib", vec![positional("21")], vec![value(0)]),
        (
            "max_vram_gib",
            vec![positional(21), positional(22)],
            vec![value(1)],
        ),
        (
            "max_vram_gib",
            vec![positional(21), named("gib", 22)],
            vec![Key(1)],
        ),
        ("flaky", vec![positional(1.5)], vec![value(0)]),
        // Durations.
        ("timeout", vec![], vec![Name]),
        ("timeout", vec![positional("5 minutes")], vec![value(0)]),
        ("timeout", vec![positional("0s")], vec![value(0)]),
        ("timeout", vec![positional(0)], vec![value(0)]),
        ("timeout", vec![positional(-3)], vec![value(0)]),
        ("timeout", vec![positional(1e300)], vec![value(0)]),
        ("timeout", vec![positional(true)], vec![value(0)]),
        ("timeout", vec![named("seconds", 5)], vec![Key(0)]),
        // Texts and bools.
        ("xfail", vec![], vec![Name]),
        ("xfail", vec![named("strict", false)], vec![Name]),
        ("xfail", vec![positional("")], vec![value(0)]),
        (
            "xfail",
            vec![positional("Flaky"), named("strict", 0)],
            vec![value(1)],
        ),
        (
            "xfail",
            vec![named("strict", false), positional("Flaky")],
            vec![value(1)],
        ),
        ("skip", vec![], vec![Name]),
        ("skip", vec![positional(Value::None)], vec![value(0)]),
        ("model", vec![positional(vec!["a", "b"])], vec![value(0)]),
        ("requires", vec![], vec![Name]),
        ("requires", vec![positional("docker")], vec![value(0)]),
        ("requires", vec![named("programm", "docker")], vec![Key(0)]),
        ("requires", vec![named("os", "linus")], vec![value(0)]),
        (
            "requires",
            vec![named("os", vec!["linux", "plan9"])],
            vec![inner(0, Inner::Item(1))],
        ),
        (
            "requires",
            vec![named("env", Value::List(vec![Value::Int(1), "".into()]))],
            vec![inner(0, Inner::Item(0)), inner(0, Inner::Item(1))],
        ),
        (
            "requires",
            vec![named("env", Vec::<&str>::new())],
            vec![value(0)],
        ),
    ];
    let mut text = String::new();
    for (name, args, places) in wrong {
        let problems = shipped().check(name, &args);
        let written: Vec<String> = args.iter().map(Arg::to_string).collect();
        let at: Vec<ProblemAt> = problems.iter().map(|problem| problem.at).collect();
        assert_eq!(at, places, "{name}({}): {problems:?}", written.join(", "));
        text += &format!("# {name}({})\n", written.join(", "));
        for problem in problems {
            text += &format!("{}\n", problem.message);
        }
        text.push('\n');
    }
    insta::assert_snapshot!("problems", text);
}

#[test]
fn hardware_implies_its_markers() {
    let expand = |args: &[Arg]| shown(&shipped().expand("hardware_test", args));
    assert_eq!(
        expand(&[named("cuda", "H100"), named("num_cards", 2)]),
        "hardware_test H100 cuda gpu cards_2 gpu_2"
    );
    assert_eq!(
        expand(&[named("cuda", "h100")]),
        "hardware_test H100 cuda gpu cards_1 gpu_1"
    );
    assert_eq!(
        expand(&[named("cuda", vec!["H100", "L4"]), named("num_cards", 3)]),
        "hardware_test H100 cuda gpu L4 cards_3",
        "gpu_3 is not declared"
    );
    assert_eq!(
        expand(&[named("npu", "A2"), named("num_cards", 2)]),
        "hardware_test A2 npu cards_2",
        "an NPU is no GPU"
    );
    assert_eq!(
        expand(&[named("xpu", "B60"), named("num_cards", 2)]),
        "hardware_test B60 xpu gpu cards_2 gpu_2 xpu_2"
    );
    assert_eq!(
        expand(&[
            named("cuda", "H100"),
            named("rocm", "MI325"),
            named("num_cards", 8)
        ]),
        "hardware_test H100 cuda gpu cards_8 gpu_8 MI325 rocm"
    );
    // What is wrong implies nothing.
    assert_eq!(
        expand(&[named("cuda", "Z80"), named("num_cards", 2)]),
        "hardware_test cuda gpu cards_2 gpu_2"
    );
    assert_eq!(expand(&[]), "hardware_test");
    assert_eq!(shipped().expand("quantum", &[]), []);
    assert_eq!(shown(&shipped().expand("gpu_4", &[])), "gpu_4 gpu cards_4");
    assert_eq!(shown(&shipped().expand("h100", &[])), "H100 cuda gpu");
    assert_eq!(shown(&shipped().expand("cpu", &[])), "cpu gpu_0");
}

#[test]
fn equal_counts_are_one_variant_and_unequal_ones_one_per_platform() {
    let same = vec![
        named("cuda", "H100"),
        named("rocm", "MI325"),
        named("num_cards", 2),
    ];
    assert_eq!(
        shipped().hardware_variants(&same),
        [Variant {
            platform: None,
            args: same.clone()
        }]
    );
    let equal = vec![
        named("cuda", "H100"),
        named("rocm", "MI325"),
        named("num_cards", map(&[("cuda", 2), ("rocm", 2)])),
    ];
    assert_eq!(shipped().hardware_variants(&equal).len(), 1);
    let unequal = vec![
        named("cuda", vec!["H100", "L4"]),
        named("num_cards", map(&[("rocm", 8)])),
        named("rocm", "MI325"),
        named("npu", "A2"),
    ];
    let variants = shipped().hardware_variants(&unequal);
    let of = |platform: &str, args: Vec<Arg>| Variant {
        platform: Some(platform.to_owned()),
        args,
    };
    assert_eq!(
        variants,
        [
            of(
                "cuda",
                vec![named("cuda", vec!["H100", "L4"]), named("num_cards", 1)]
            ),
            of("rocm", vec![named("rocm", "MI325"), named("num_cards", 8)]),
            of("npu", vec![named("npu", "A2"), named("num_cards", 1)]),
        ]
    );
    for variant in &variants {
        assert_eq!(shipped().check("hardware_test", &variant.args), []);
    }
    for counts in [[("cuda", 2), ("rocm", 8)], [("cuda", 8), ("rocm", 2)]] {
        let args = vec![
            named("cuda", "H100"),
            named("rocm", "MI325"),
            named("num_cards", map(&counts)),
        ];
        assert_eq!(shipped().hardware_variants(&args).len(), 2, "{counts:?}");
    }
    let one = vec![
        named("cuda", "H100"),
        named("num_cards", map(&[("cuda", 4)])),
    ];
    assert_eq!(
        shipped().hardware_variants(&one),
        [Variant {
            platform: None,
            args: one.clone()
        }]
    );
    assert_eq!(shipped().hardware_variants(&[]).len(), 1);
}

#[test]
fn arguments_without_keyword_get_the_declared_names() {
    let named_args = |name: &str, args: &[Arg]| shipped().named_args(name, args);
    assert_eq!(
        named_args("timeout", &[positional("5m")]),
        [("limit".to_owned(), "5m".into())]
    );
    let xfail = [positional("Flaky"), positional(false)];
    assert_eq!(
        named_args("xfail", &xfail),
        [
            ("reason".to_owned(), "Flaky".into()),
            ("strict".to_owned(), false.into())
        ]
    );
    assert_eq!(
        named_args("requires", &[named("os", "linux")]),
        [("os".to_owned(), "linux".into())]
    );
    assert_eq!(named_args("e2e", &[]), []);
    assert_eq!(named_args("quantum", &[positional(1)]), []);
    let hardware = [named("cuda", "H100"), named("num_cards", 2)];
    assert_eq!(
        named_args("hardware_test", &hardware),
        [
            ("cuda".to_owned(), "H100".into()),
            ("num_cards".to_owned(), 2.into())
        ]
    );
}

#[test]
fn arguments_select() {
    use tribunal_vocabulary::{Expression, MarkerSet};
    let mut set = MarkerSet::new();
    shipped().add(
        &mut set,
        "xfail",
        &[positional("Flaky: #1"), named("strict", false)],
    );
    shipped().add(
        &mut set,
        "hardware_test",
        &[named("cuda", "H100"), named("num_cards", 2)],
    );
    for (expression, want) in [
        ("xfail", true),
        ("xfail(strict=False)", true),
        ("xfail(strict=True)", false),
        ("xfail(reason='Flaky: #1', strict=False)", true),
        ("xfail(reason='Flaky: #1', strict=True)", false),
        ("hardware_test(num_cards=2) and H100 and gpu_2", true),
        ("hardware_test(cuda='H100')", true),
        ("skip(reason='x')", false),
    ] {
        let bound = Expression::parse(expression)
            .expect("right")
            .bind(shipped())
            .expect("declared");
        assert_eq!(bound.matches(&set), want, "{expression}");
    }
}
