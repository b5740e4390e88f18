//! The vocabulary that is shipped: both marker tables are in it, it stands alone, and its stages partition what they select.

use std::time::Duration;

use tribunal_vocabulary::{Arg, Args, Expression, MarkerSet, Rule, Value, Vocabulary};

fn shipped() -> &'static Vocabulary {
    Vocabulary::shipped()
}

fn names(ids: &[tribunal_vocabulary::MarkerId]) -> Vec<&'static str> {
    ids.iter().map(|id| shipped().name(*id)).collect()
}

fn members(category: &str) -> Vec<&'static str> {
    let category = shipped()
        .categories()
        .iter()
        .find(|known| known.name == category)
        .expect("a category");
    names(&category.members)
}

/// A set as a test gets it: its markers with all that they imply, then the defaults.
fn with_defaults(markers: &[(&str, Vec<Arg>)]) -> MarkerSet {
    let mut set = MarkerSet::new();
    for (name, args) in markers {
        assert_eq!(shipped().check(name, args), [], "{name}");
        shipped().add(&mut set, name, args);
    }
    set.extend(shipped().defaults(&set));
    set
}

fn matches(expression: &str, set: &MarkerSet) -> bool {
    Expression::parse(expression)
        .expect("an expression")
        .bind(shipped())
        .expect("declared names")
        .matches(set)
}

#[test]
fn every_marker_of_both_tables_is_declared() {
    // vLLM-Omni: levels, domains, platforms, devices, counts.
    let omni = "core_model advanced_model full_model slow local_model omni tts diffusion example benchmark cache parallel parallelism \
        cpu gpu cuda rocm xpu npu musa H100 H200 H800 L4 B200 A100 MI325 B60 A2 A3 S5000 cards_1 cards_2 cards_3 cards_4 cards_8 \
        hardware_test";
    // Dynamo: the marker table, then what its code adds to it.
    let dynamo = "pre_merge post_merge nightly weekly release unit integration e2e benchmark performance stress multimodal gpu_0 gpu_1 \
        gpu_2 gpu_4 gpu_8 h100 max_vram_gib vllm trtllm sglang kvbm kvbm_concurrency planner router k8s deploy fault_tolerance parallel \
        slow skip xfail custom_build model aiconfigurator local_only xpu_1 xpu_2 core lmcache profiled_vram_gib \
        requested_vllm_kv_cache_bytes requested_sglang_kv_tokens requested_sglang_vram_gib requested_trtllm_kv_tokens \
        requested_trtllm_vram_gib timeout flaky skip_in_nightly defaulted none unified topology_dependent power_agent multi_dgd_live \
        framework_only framework_with_gaie framework_with_efa frontend_api_surface_compliance";
    let ours = "serial alone stability requires features neuron Trn2";
    for name in omni
        .split_whitespace()
        .chain(dynamo.split_whitespace())
        .chain(ours.split_whitespace())
    {
        let marker = shipped()
            .marker(name)
            .unwrap_or_else(|| panic!("{name} is not declared"));
        assert!(!marker.doc().is_empty(), "{name} says nothing of itself");
        assert!(marker.is_shipped());
    }
}

#[test]
fn categories_have_the_members_of_the_tables() {
    assert_eq!(
        members("lifecycle"),
        ["pre_merge", "post_merge", "nightly", "weekly", "release"]
    );
    assert_eq!(
        members("kind"),
        [
            "unit",
            "integration",
            "e2e",
            "benchmark",
            "performance",
            "stress",
            "multimodal",
            "stability"
        ]
    );
    let hardware = members("hardware");
    assert_eq!(
        hardware[..9],
        [
            "cpu", "gpu", "gpu_0", "gpu_1", "gpu_2", "gpu_4", "gpu_8", "xpu_1", "xpu_2"
        ]
    );
    for name in [
        "cuda", "H100", "rocm", "MI325", "neuron", "cards_1", "cards_16",
    ] {
        assert!(hardware.contains(&name), "{name}");
    }
    let required: Vec<(&str, Rule, Option<&str>)> = shipped()
        .categories()
        .iter()
        .filter(|category| category.rule != Rule::Optional)
        .map(|category| (&*category.name, category.rule, category.default.as_deref()))
        .collect();
    let at_least = Rule::AtLeastOne;
    assert_eq!(
        required,
        [
            ("lifecycle", at_least, Some("pre_merge")),
            ("kind", at_least, Some("unit")),
            ("hardware", at_least, Some("cpu"))
        ]
    );
    for category in shipped().categories() {
        for id in &category.members {
            assert_eq!(
                shipped()
                    .marker(shipped().name(*id))
                    .and_then(|marker| marker.category()),
                Some(&*category.name)
            );
        }
    }
}

#[test]
fn levels_are_in_order_and_imply_their_lifecycle() {
    let levels: Vec<(&str, &[String], Option<Duration>, bool)> = shipped()
        .levels()
        .iter()
        .map(|level| {
            (
                &*level.name,
                &*level.implies,
                level.budget,
                level.needs_timeout,
            )
        })
        .collect();
    let minutes = |n: u64| Some(Duration::from_secs(60 * n));
    assert_eq!(
        levels,
        [
            (
                "core_model",
                &["pre_merge".to_owned()][..],
                minutes(15),
                false
            ),
            (
                "advanced_model",
                &["post_merge".to_owned()][..],
                minutes(30),
                false
            ),
            (
                "full_model",
                &["nightly".to_owned()][..],
                minutes(180),
                false
            ),
            ("slow", &["weekly".to_owned()][..], None, true),
        ]
    );
    assert_eq!(shipped().level("full_model"), Some(2));
    assert_eq!(shipped().level("unit"), None);
    assert!(
        shipped()
            .marker("slow")
            .is_some_and(|marker| marker.is_level())
    );
    assert_eq!(
        names(&shipped().expand("core_model", &[])),
        ["core_model", "pre_merge"]
    );
}

#[test]
fn platforms_know_their_devices() {
    let platforms: Vec<(&str, bool)> = shipped()
        .platforms()
        .iter()
        .map(|platform| (&*platform.name, platform.gpu))
        .collect();
    assert_eq!(
        platforms,
        [
            ("cuda", true),
            ("rocm", true),
            ("xpu", true),
            ("npu", false),
            ("musa", true),
            ("neuron", false)
        ]
    );
    for (name, platform, device, vram) in [
        ("H100", "cuda", "H100", 80.0),
        ("h100", "cuda", "H100", 80.0),
        ("MI325X", "rocm", "MI325", 256.0),
        ("L4", "cuda", "L4", 24.0),
    ] {
        let (p, d) = shipped().device(name).expect("a device");
        assert_eq!((&*p.name, &*d.name, d.vram_gib), (platform, device, vram));
    }
    assert!(
        shipped().device("cuda").is_none()
            && shipped().device("e2e").is_none()
            && shipped().device("H1000").is_none()
    );
    for platform in shipped().platforms() {
        assert!(
            platform.cards.contains(&1) && platform.cards.is_sorted(),
            "{}",
            platform.name
        );
        assert!(
            !platform.devices.is_empty()
                && platform.devices.iter().all(|device| device.vram_gib > 0.0)
        );
    }
}

#[test]
fn collisions_of_the_two_tables_are_decided() {
    let category = |name: &str| shipped().marker(name).and_then(|marker| marker.category());
    assert_eq!(category("parallel"), Some("execution"), "Dynamo's meaning");
    assert_eq!(category("parallelism"), Some("domain"), "vLLM-Omni's");
    assert_eq!(category("benchmark"), Some("kind"));
    assert_eq!(category("k8s"), Some("infrastructure"));
    assert_eq!(shipped().id("h100"), shipped().id("H100"));
    assert_eq!(category("slow"), None, "a level");
    // What never runs in CI needs no lifecycle marker, gets none, and is in no stage.
    for name in ["local_only", "local_model"] {
        let set = with_defaults(&[(name, vec![])]);
        assert!(
            !members("lifecycle")
                .iter()
                .any(|member| set.contains(shipped().id(member).expect("declared"))),
            "{name}"
        );
        assert_eq!(shipped().rules(&set), []);
        let with_level = with_defaults(&[(name, vec![]), ("core_model", vec![])]);
        for stage in shipped().stages() {
            let selection = shipped()
                .selection(&stage.name, None)
                .expect("a stage")
                .bind(shipped())
                .expect("declared");
            assert!(
                !selection.matches(&set) && !selection.matches(&with_level),
                "{name} in {}",
                stage.name
            );
        }
    }
}

#[test]
fn a_bare_test_gets_the_defaults() {
    let set = with_defaults(&[]);
    assert_eq!(
        names(&set.iter().collect::<Vec<_>>()),
        ["pre_merge", "unit", "cpu", "gpu_0", "defaulted"]
    );
    assert_eq!(shipped().limit(&set), Some(Duration::from_secs(60)));
    assert_eq!(shipped().rules(&set), []);
    let complete = with_defaults(&[("nightly", vec![]), ("e2e", vec![]), ("gpu_1", vec![])]);
    assert!(!complete.contains(shipped().id("defaulted").expect("declared")));
    // A device of any platform fills the hardware category: nothing is added beside it.
    for name in ["gpu_8", "npu", "h100", "xpu_2", "gpu"] {
        assert!(
            !with_defaults(&[(name, vec![])]).contains(shipped().id("gpu_0").expect("declared")),
            "{name}"
        );
    }
}

#[test]
fn the_largest_limit_of_a_kind_holds() {
    let limit = |kinds: &[&str]| {
        let markers: Vec<(&str, Vec<Arg>)> = kinds.iter().map(|kind| (*kind, vec![])).collect();
        shipped().limit(&with_defaults(&markers))
    };
    assert_eq!(limit(&["e2e"]), Some(Duration::from_secs(300)));
    assert_eq!(
        limit(&["unit", "stress", "e2e"]),
        Some(Duration::from_secs(900))
    );
    let no_kind: MarkerSet = shipped().expand("vllm", &[]).into_iter().collect();
    assert_eq!(shipped().limit(&no_kind), None);
}

#[test]
fn stages_are_cumulative() {
    let covers: Vec<(&str, Vec<&str>, Option<&str>)> = shipped()
        .stages()
        .iter()
        .map(|stage| (&*stage.name, names(&stage.covers), stage.level.as_deref()))
        .collect();
    let all = ["pre_merge", "post_merge", "nightly", "weekly", "release"];
    let levels = ["core_model", "advanced_model", "full_model", "slow", "slow"];
    for (index, (name, covers, level)) in covers.iter().enumerate() {
        assert_eq!(
            (*name, &**covers, *level),
            (all[index], &all[..=index], Some(levels[index]))
        );
    }
    assert_eq!(
        shipped()
            .selection("post_merge", Some("cpu"))
            .expect("a step")
            .to_string(),
        "(pre_merge or post_merge) and (not (local_only or local_model)) and gpu_0".replace(
            "(not (local_only or local_model))",
            "not (local_only or local_model)"
        )
    );
    assert!(
        shipped()
            .selection("post_merge", Some("parallel"))
            .is_none(),
        "a step of another stage"
    );
    assert!(shipped().selection("premerge", None).is_none());
}

/// Tests of every sort: hardware × engine × parallel × lifecycle × place.
fn every_sort_of_test() -> Vec<(String, MarkerSet)> {
    let mut hardware: Vec<(&str, Vec<Arg>)> = vec![("cpu", vec![]), ("gpu_0", vec![])];
    for name in [
        "gpu", "gpu_1", "gpu_2", "gpu_4", "gpu_8", "xpu_1", "xpu_2", "cuda", "npu", "neuron",
        "H100", "L4", "A3", "Trn2", "musa",
    ] {
        hardware.push((name, vec![]));
    }
    for platform in shipped().platforms() {
        for count in &platform.cards {
            let device = platform.devices[0].name.clone();
            hardware.push((
                "hardware_test",
                vec![
                    Arg::named(&platform.name, device),
                    Arg::named("num_cards", i64::from(*count)),
                ],
            ));
        }
    }
    hardware.push((
        "hardware_test",
        vec![
            Arg::named("cuda", vec!["H100", "L4"]),
            Arg::named("rocm", "MI325"),
            Arg::named("num_cards", 2),
        ],
    ));
    let mut tests = Vec::new();
    for (hardware, args) in &hardware {
        for engine in [
            None,
            Some("vllm"),
            Some("sglang"),
            Some("trtllm"),
            Some("router"),
        ] {
            for parallel in [None, Some("parallel")] {
                for point in ["pre_merge", "nightly", "core_model", "slow", "release"] {
                    for place in [None, Some("local_only"), Some("skip_in_nightly")] {
                        let mut markers =
                            vec![(*hardware, args.clone()), (point, vec![]), ("e2e", vec![])];
                        markers.extend(
                            [engine, parallel, place]
                                .into_iter()
                                .flatten()
                                .map(|name| (name, vec![])),
                        );
                        let words: Vec<String> = markers
                            .iter()
                            .map(|(name, args)| {
                                format!(
                                    "{name}{}",
                                    args.iter().map(|arg| format!(" {arg}")).collect::<String>()
                                )
                            })
                            .collect();
                        tests.push((words.join(", "), with_defaults(&markers)));
                    }
                }
            }
        }
    }
    tests
}

#[test]
fn the_steps_of_a_stage_partition_what_it_selects() {
    let tests = every_sort_of_test();
    for (words, set) in &tests {
        assert_eq!(shipped().rules(set), [], "{words}");
    }
    for stage in shipped().stages() {
        let bind = |step: Option<&str>| {
            shipped()
                .selection(&stage.name, step)
                .expect("it is there")
                .bind(shipped())
                .expect("declared")
        };
        let whole = bind(None);
        let steps: Vec<_> = stage
            .steps
            .iter()
            .map(|step| (&step.name, bind(Some(&step.name))))
            .collect();
        assert!(!steps.is_empty());
        let mut used = vec![0; steps.len()];
        for (words, set) in &tests {
            let chosen: Vec<&String> = steps
                .iter()
                .filter(|(_, step)| step.matches(set))
                .map(|(name, _)| *name)
                .collect();
            assert_eq!(
                chosen.len(),
                usize::from(whole.matches(set)),
                "{}: {words} is in {chosen:?}",
                stage.name
            );
            for (count, (_, step)) in used.iter_mut().zip(&steps) {
                *count += usize::from(step.matches(set));
            }
        }
        assert!(
            used.iter().all(|count| *count > 0),
            "a step of {} that selects nothing: {used:?}",
            stage.name
        );
    }
}

#[test]
fn the_expressions_of_real_pipelines_mean_the_same_as_steps() {
    for (expression, stage, step, and) in [
        (
            "pre_merge and parallel and not (vllm or sglang or trtllm) and gpu_0",
            "pre_merge",
            "parallel",
            None,
        ),
        (
            "pre_merge and not parallel and not (vllm or sglang or trtllm) and gpu_0",
            "pre_merge",
            "sequential",
            None,
        ),
        (
            "(pre_merge or post_merge) and vllm and gpu_0",
            "post_merge",
            "cpu",
            Some("vllm"),
        ),
        (
            "(pre_merge or post_merge) and vllm and gpu and cards_1",
            "post_merge",
            "gpu_1",
            Some("vllm and cards_1"),
        ),
        (
            "(pre_merge or post_merge) and vllm and (gpu_2 or gpu_4)",
            "post_merge",
            "multi_gpu",
            Some("vllm and (gpu_2 or gpu_4)"),
        ),
    ] {
        let step = shipped()
            .selection(stage, Some(step))
            .expect("a step")
            .bind(shipped())
            .expect("declared");
        for (words, set) in every_sort_of_test() {
            if matches("local_only or local_model", &set) {
                continue;
            }
            let narrowed = step.matches(&set) && and.is_none_or(|and| matches(and, &set));
            assert_eq!(narrowed, matches(expression, &set), "{expression}: {words}");
        }
    }
}

#[test]
fn the_shipped_text_is_read_alike_whoever_brings_it() {
    let text = include_str!("../markers.toml");
    let again = Vocabulary::parse(text, "/project/markers.toml").expect("it is right");
    assert_eq!(again.origin(), "/project/markers.toml");
    assert!(again.names().eq(shipped().names()));
    // With a comment behind it the text is another, and it is read on its own.
    let alone =
        Vocabulary::parse(&format!("{text}\n# changed\n"), "markers.toml").expect("it is right");
    assert!(alone.names().eq(shipped().names()));
    assert!(alone.markers().all(|(_, marker)| !marker.is_shipped()));
    assert!(matches!(
        alone.marker("requires").map(|marker| marker.args()),
        Some(Args::Listed { at_least: 1, .. })
    ));
    assert_eq!(Value::from("x"), Value::Str("x".into()));
}
