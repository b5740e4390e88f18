use super::*;

fn settle(o: &mut Options, package: &Path, v: &Vocabulary) -> Result<Option<u8>, UsageError> {
    super::settle(o, package, v, false)
}

fn options(arguments: &[&str]) -> Options {
    let arguments: Vec<_> = arguments.iter().map(Into::into).collect();
    Options::parse(&arguments, &|_| None).expect("options")
}

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites")
}

#[test]
fn nodes_files_are_told_by_their_names() {
    for (name, is, shown) in [
        ("a/two.yaml", true, "two"),
        ("two.yml", true, "two"),
        ("one-node.yaml#qwen3_32b", true, "qwen3_32b"),
        ("vllm", false, "vllm"),
        ("my.toml", false, "my.toml"),
        ("http://127.0.0.1/x.yaml", false, "x"),
    ] {
        assert_eq!(is_file(name), is, "{name}");
        assert_eq!(stem(name), shown, "{name}");
    }
}

#[test]
fn several_nodes_need_to_know_where_they_are() {
    let v = Vocabulary::shipped();
    let file = "fixtures/nodes/two-prefillers-one-decoder.yaml";
    let error = settle(&mut options(&["--deploy", file]), &package(), v).unwrap_err();
    assert!(error.0.contains("is of 4 nodes"), "{}", error.0);
    assert!(
        error.0.contains("cargo test -- --rehearse --deploy"),
        "{}",
        error.0
    );
    assert!(error.0.contains("--node 1/4 to 3/4"), "{}", error.0);
    for (arguments, part) in [
        (
            &["--node", "0/2", "--deploy", "vllm"][..],
            "--node is about the nodes",
        ),
        (&["--leader", "a"], "--leader is about the nodes"),
        (
            &["--rehearse", "--node", "1/4", "--deploy", file],
            "--rehearse makes all nodes",
        ),
        (
            &["--rehearse", "--deploy", "fixtures/nodes/none.yaml"],
            "there is no such file",
        ),
        (
            &[
                "--rehearse",
                "--deploy",
                "fixtures/nodes/one-node.yaml#qwen3_32",
            ],
            "did you mean `qwen3_32b`?",
        ),
    ] {
        let error = settle(&mut options(arguments), &package(), v).unwrap_err();
        assert!(error.0.contains(part), "{arguments:?}: {}", error.0);
    }
}

#[test]
fn a_cache_is_offered_where_a_prompt_comes_back_to_it() {
    let v = Vocabulary::shipped();
    for (file, expected) in [
        // Its decoder is told to have none; one decoder; four decoders.
        ("qwen3-235b-disaggregated.yaml", false),
        ("two-prefillers-one-decoder.yaml", true),
        ("external-data-parallel.yaml", false),
    ] {
        let read = read(&format!("fixtures/nodes/{file}"), &package(), v);
        let [(_, part)] = &read.expect("a file")[..] else {
            panic!("{file} has one layout")
        };
        assert_eq!(remembers(&part.layout), expected, "{file}");
    }
}

#[test]
fn a_layout_is_a_deployment_with_the_parameters_of_the_engine() {
    let v = Vocabulary::shipped();
    let catalogue = Catalogue::new(&[]);
    let read = read("fixtures/nodes/one-node.yaml", &package(), v).expect("a file");
    let names: Vec<&str> = read.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names[0].ends_with("one-node.yaml#qwen3_32b"), "{names:?}");
    let text = rehearsed(&read[0].1, &catalogue).expect("a text");
    let mut spec = catalogue.parse(&text, "made", "made").expect(&text);
    spec.set("tpot_ms=5").expect("a parameter of the engine");
    let rendered = spec.render(&Context::default()).expect("a deployment");
    let Way::Command(process) = &rendered.recipe.way else {
        panic!("{:?}", rendered.recipe.way)
    };
    assert_eq!(process.args[0], "__nodes-conduct");
    assert!(
        process.args.contains(&"--tpot-ms=5".to_owned()),
        "{:?}",
        process.args
    );
    assert_eq!(
        rendered.recipe.served_name.as_deref(),
        Some("Qwen/Qwen3-32B")
    );
    assert!(rendered.offers().workers.is_none());
}

/// A parameter of the engine that a rehearsal does not hand on would be set in vain.
#[test]
fn every_parameter_of_the_engine_is_handed_on() {
    let shipped = include_str!("../../../../fixtures/deploy/embedded.toml");
    let params = shipped.split("[params]").nth(1).expect("parameters");
    let params = params.split("\n[").next().expect("parameters");
    // What concerns devices, of which a rehearsal has none, and what changes single answers.
    let not = [
        "tensor_parallel",
        "weights_gib",
        "kv_cache_gib",
        "activation_mib",
        "gpu_memory_utilization",
        "device_memory_gib",
        "device_defect",
        "defects",
    ];
    let engine = engine();
    for line in params.lines().filter(|line| line.contains(" = ")) {
        let name = line.split(" = ").next().expect("a name");
        let there = engine.contains(&format!("{name}}}"));
        assert_ne!(there, not.contains(&name), "{name}");
    }
}

#[test]
fn variables_that_are_not_set_are_texts() {
    for (word, expected) in [
        ("{TRIBUNAL_GGUF}", "{{TRIBUNAL_GGUF}}"),
        ("a{X}b{port}{Y", "a{{X}}b{port}{Y"),
        ("{\"a\": {\"B\": 1}}", "{\"a\": {\"B\": 1}}"),
        ("{}", "{}"),
    ] {
        assert_eq!(variables_as_they_are(word), expected);
    }
}

#[test]
fn a_deployment_of_another_program_is_rehearsed_at_every_level() {
    let catalogue = Catalogue::new(&[]);
    let spec = catalogue.resolve("vllm").expect("shipped");
    let made = rehearse(&spec, &catalogue, &Context::default()).expect("a rehearsal");
    for level in [None, Some("core_model")] {
        let context = Context {
            level,
            ..Context::default()
        };
        let rendered = made.render(&context).expect("a deployment");
        let Way::Command(process) = &rendered.recipe.way else {
            panic!("{:?}", rendered.recipe.way)
        };
        assert_eq!(process.args[1], "serve-as");
        assert!(
            process.args.iter().any(|word| word == "vllm"),
            "{:?}",
            process.args
        );
        assert!(rendered.missing.is_empty(), "{:?}", rendered.missing);
    }
}
