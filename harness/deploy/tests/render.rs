//! What files mean: layers, parameters, parts, patches, and what the start gets.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tribunal_deploy::{
    Catalogue, Context, OfflineJob, Recipe, Spec, TranscriberFact, VoiceFact, Way,
};
use tribunal_serving::Deployment;

fn env(name: &str) -> Option<OsString> {
    let value = match name {
        "HOME" => "/home/me",
        "EMPTY" => "",
        "BRACES" => "{port}",
        "NATS_SERVER" => "nats://elsewhere:1",
        "PATH" => "/bin",
        _ => return None,
    };
    Some(value.into())
}

fn context() -> Context<'static> {
    Context {
        env: Some(&env),
        program: Some(PathBuf::from("/harness")),
        exists: Some(&|path| path.starts_with("/bin/sh") || path.ends_with("there")),
        ..Context::default()
    }
}

fn spec(file: &str) -> Spec {
    Catalogue::new(&[])
        .parse(file, "my.toml", "my")
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn recipe(file: &str) -> Recipe {
    at(&spec(file), &context())
}

fn at(spec: &Spec, context: &Context<'_>) -> Recipe {
    spec.recipe(context)
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn args(recipe: &Recipe) -> Vec<&str> {
    match &recipe.way {
        Way::Command(process) => process.args.iter().map(String::as_str).collect(),
        way => panic!("no command: {way:?}"),
    }
}

fn variables(recipe: &Recipe) -> Vec<(&str, Option<&str>)> {
    match &recipe.way {
        Way::Command(process) => process
            .env
            .iter()
            .map(|(name, value)| (&**name, value.as_deref()))
            .collect(),
        way => panic!("no command: {way:?}"),
    }
}

#[test]
fn groups_stand_and_fall_with_their_parameters() {
    let file = r#"
        command = ["x", ["--n", "{n}"], ["{?f}", "-f"], ["{!f}", "-no-f"], ["--l", "{l}"], ["--both={n},{l}"]]
        params = { n = { type = "int" }, f = false, l = ["a", "b c"] }
    "#;
    let mut spec = spec(file);
    assert_eq!(args(&at(&spec, &context())), ["-no-f", "--l", "a", "b c"]);
    for setting in ["n=0", "f=true", "l=x"] {
        spec.set(setting).unwrap();
    }
    assert_eq!(
        args(&at(&spec, &context())),
        ["--n", "0", "-f", "--l", "x", "--both=0,x"]
    );
    spec.set("l=false").unwrap();
    assert_eq!(args(&at(&spec, &context())), ["--n", "0", "-f"]);
}

#[test]
fn values_are_never_read_again() {
    let file = r#"
        model = "${BRACES}"
        command = ["x", "{model}", "${BRACES}", "{t}", "{{port}}", "$${HOME}", '{"a":{port}}', "{p}"]
        [params]
        t = "${HOME}"
        p = "--port={port}"
        [env]
        A = "${BRACES}{port}"
    "#;
    let recipe = recipe(file);
    assert_eq!(
        args(&recipe),
        [
            "{{port}}",
            "{{port}}",
            "/home/me",
            "{{port}}",
            "${{HOME}}",
            "{\"a\":{port}}",
            "--port={port}"
        ]
    );
    assert_eq!(variables(&recipe), [("A", Some("{{port}}{port}"))]);
    assert_eq!(recipe.model.as_deref(), Some("{port}"), "a name is a name");
}

#[test]
fn variables_of_the_harness() {
    let file = "command = [\"x\", \"${EMPTY:-a}\", \"${EMPTY}\", \"${MISSING:-}\", \"${HOME:-b}/c\"]\n[env]\nA = false\nB = 3\n";
    let recipe = recipe(file);
    assert_eq!(args(&recipe), ["a", "", "", "/home/me/c"]);
    assert_eq!(variables(&recipe), [("A", None), ("B", Some("3"))]);

    let problems = spec("command = [\"x\", \"${MISSING}\"]")
        .recipe(&context())
        .unwrap_err();
    let shown = problems.to_string();
    assert!(
        shown.contains("variable MISSING is not set") && shown.contains("my.toml:1:18"),
        "{shown}"
    );
    assert!(shown.contains("${MISSING:-…}"), "{shown}");
}

#[test]
fn a_required_variable_that_is_missing_is_a_reason_to_skip() {
    let file = "model = \"${MISSING}\"\ncommand = [\"x\"]\n[requires]\nprogram = [\"sh\", \"vllm\"]\nfile = [\"/not\", \"/is/there\"]\nenv = [\"MISSING\", \"HOME\"]\nhint = \"run install\"\n";
    let rendered = spec(file).render(&context()).unwrap();
    assert_eq!(
        rendered.missing,
        [
            "program `vllm` is not on PATH: run install",
            "`/not` is not there: run install",
            "variable MISSING is not set: run install",
        ]
    );
}

#[test]
fn overlays_lie_in_order() {
    let file = r#"
        command = ["x", "--m={model}", ["-n", "{n}"]]
        args_add = ["one"]
        model = "big"
        served_name = "name"
        params = { n = 1 }
        env = { A = "file", B = "file", C = "file" }
        capabilities = ["chat", "completions"]
        [level.core_model]
        model = "tiny"
        args_add = ["two"]
        env = { B = "level", C = "level" }
        capabilities = ["chat"]
        params = { n = false }
        update.served_name = "patched"
        [platform.rocm]
        args_add = ["three"]
        env = { C = "platform" }
    "#;
    let spec = spec(file);
    let plain = at(&spec, &context());
    assert_eq!(args(&plain), ["--m=big", "-n", "1", "one"]);
    let both = at(
        &spec,
        &Context {
            level: Some("core_model"),
            platform: Some("rocm"),
            ..context()
        },
    );
    assert_eq!(args(&both), ["--m=tiny", "one", "two", "three"]);
    assert_eq!(
        variables(&both),
        [
            ("A", Some("file")),
            ("B", Some("level")),
            ("C", Some("platform"))
        ]
    );
    assert_eq!(both.served_name.as_deref(), Some("patched"));
    // What the platform names, and what is true of every server.
    assert_eq!(both.offers.capabilities.len(), 2);
    // A level without an overlay is the file as it is.
    let other = at(
        &spec,
        &Context {
            level: Some("full_model"),
            ..context()
        },
    );
    assert_eq!(args(&other), args(&plain));
}

#[test]
fn a_layer_that_says_how_the_server_is_reached_replaces_the_way_below() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "base.toml",
        "command = [\"x\"]\nmodel = \"m\"\n[limits]\ngrace = \"1s\"\n",
    );
    write(
        "child.toml",
        "extends = \"base.toml\"\nurl = \"http://127.0.0.1:9\"\nlimits = false\nkey_env = \"KEY\"\n",
    );
    let child = folder.path().join("child.toml").display().to_string();
    let rendered = Catalogue::new(&[])
        .resolve(&child)
        .unwrap()
        .render(&context())
        .unwrap();
    assert!(!rendered.deployment.is_command());
    assert!(!rendered.destructive_ok());
    assert_eq!(
        rendered.recipe.notes.len(),
        1,
        "{:?}",
        rendered.recipe.notes
    );
    assert_eq!(
        rendered.deployment,
        Deployment::url("http://127.0.0.1:9")
            .unwrap()
            .key_env("KEY")
            .name("child")
            .model("m")
            .offers(rendered.offers().clone())
    );
}

#[test]
fn an_address_needs_no_file() {
    let rendered = Catalogue::new(&[])
        .resolve("http://127.0.0.1:8000")
        .unwrap()
        .render(&context())
        .unwrap();
    assert!(!rendered.destructive_ok());
    assert!(rendered.offers().capabilities.contains("chat"));
    assert!(
        rendered.recipe.notes[0].contains("assumed"),
        "{:?}",
        rendered.recipe.notes
    );
}

#[test]
fn parts_and_their_copies() {
    let file = r#"
        command = ["router", "{worker-*.url}", "{nats.port}", "{server.ports[1]}"]
        ports = 2
        params = { workers = 2 }
        [[process]]
        name = "worker-{i}"
        count = "{workers}"
        command = ["worker", "--id", "{i}", "--port", "{port}", "--next", "{server.url}"]
        [[process]]
        name = "stage"
        order = "after"
        ready = "alive"
        command = ["stage"]
        [[companion]]
        name = "etcd"
        command = ["etcd", "{ports[1]}"]
        ports = 2
        export = { ETCD = "{etcd.url}" }
        [[companion]]
        name = "nats"
        command = ["nats"]
        unless_env = "UNSET"
        export = { NATS = "{nats.url}" }
        [[companion]]
        name = "elsewhere"
        command = ["nats"]
        unless_env = "NATS_SERVER"
        export = { NATS_SERVER = "{elsewhere.url}" }
        [level.core_model]
        process = [{ name = "stage", command = ["other"] }]
    "#;
    let mut spec = spec(file);
    let recipe = at(&spec, &context());
    assert_eq!(
        args(&recipe),
        [
            "{worker-0.url}",
            "{worker-1.url}",
            "{nats.port}",
            "{server.ports[1]}"
        ]
    );
    let names = |recipe: &Recipe| {
        recipe
            .parts
            .iter()
            .map(|part| part.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&recipe),
        ["etcd", "nats", "worker-0", "worker-1", "stage"]
    );
    assert_eq!(recipe.parts[3].process.args[1], "1");
    assert!(!recipe.parts[4].ready.listens && recipe.parts[3].ready.listens);
    let exports = [("ETCD", Some("{etcd.url}")), ("NATS", Some("{nats.url}"))];
    assert_eq!(variables(&recipe), exports);
    assert_eq!(recipe.parts[4].process.env.len(), 2);
    assert_eq!(
        recipe.notes,
        ["`elsewhere` is not started: NATS_SERVER says where one runs"]
    );

    let level = Context {
        level: Some("core_model"),
        ..context()
    };
    assert_eq!(at(&spec, &level).parts[4].process.program, "other");
    spec.set("workers=0").unwrap_err();
    spec.set("workers=3").unwrap();
    assert_eq!(names(&at(&spec, &context())).len(), 6);
}

#[test]
fn patches_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "base.toml",
        "command = [\"x\", \"a\", \"b\", \"c\", \"d\"]\nenv = { A = \"1\", B = \"2\" }\n[[process]]\nname = \"w\"\ncommand = [\"y\"]\nport = 1\n",
    );
    write(
        "child.toml",
        r#"
        extends = "base.toml"
        delete = ["command.1", "env.A", "command.3"]
        [update]
        "command.2" = "D"
        process.w.port = 2
        [insert]
        "command.3" = "end"
        env.C = "3"
        [[patch]]
        update.env.C = "4"
        "#,
    );
    let child = folder.path().join("child.toml").display().to_string();
    let recipe = at(&Catalogue::new(&[]).resolve(&child).unwrap(), &context());
    assert_eq!(
        args(&recipe),
        ["b", "D", "end"],
        "deletions mean the file as it was"
    );
    assert_eq!(variables(&recipe), [("B", Some("2")), ("C", Some("4"))]);
    assert_eq!(recipe.parts[0].process.port, Some(2));
}

#[test]
fn the_configuration_of_an_engine() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "s.yaml",
        "stage_args:\n- stage_id: 0\n  engine_args: {max_model_len: 10, share: 0.5}\n- stage_id: 1\n  engine_args: {share: 1.0e-7}\nname: x # why\n",
    );
    write("c.json", "{\"b\": [1, {\"c\": null}], \"a\": 1.5}");
    write(
        "c.toml",
        "b = [1, 2]\nday = 2024-01-31\n[t.u]\n\"x y\" = \"q\\\"\\n\"\n",
    );
    let of = |file: &str, patch: &str| {
        let text = format!(
            "command = [\"x\", \"{{config}}\"]\nparams = {{ share = 0.25 }}\nargs_add = [[\"{{share}}\"]]\n[config]\nfile = \"{file}\"\n{patch}"
        );
        let path = folder.path().join("d.toml");
        std::fs::write(&path, text).unwrap();
        let context = Context {
            env: Some(&env),
            ..Context::default()
        };
        let recipe = at(
            &Catalogue::new(&[])
                .resolve(&path.display().to_string())
                .unwrap(),
            &context,
        );
        let config = recipe.config.clone().unwrap();
        assert_eq!(args(&recipe)[0], format!("{{evidence}}/{}", config.name));
        config
    };
    let yaml = of(
        "s.yaml",
        "update.stages.1.engine_args.share = \"{share}\"\ndelete.stages.0 = [\"engine_args.max_model_len\"]\ninsert.stages.0.extra = [true]\n",
    );
    assert_eq!(
        yaml.text,
        "{\"stage_args\":[{\"stage_id\":0,\"engine_args\":{\"share\":0.5},\"extra\":[true]},{\"stage_id\":1,\"engine_args\":{\"share\":0.25}}],\"name\":\"x\"}\n"
    );
    assert!(
        yaml.name.starts_with("s-") && yaml.name.ends_with(".yaml"),
        "{}",
        yaml.name
    );
    assert_eq!(
        of("c.json", "update.\"b.1.c\" = 2").text,
        "{\"b\":[1,{\"c\":2}],\"a\":1.5}\n"
    );
    let toml = of("c.toml", "update.b = [3]");
    assert_eq!(
        toml.text,
        "b = [3]\nday = 2024-01-31\nt = { u = { \"x y\" = \"q\\\"\\n\" } }\n"
    );
    // The name tells two contents apart, and is the same for the same.
    assert_ne!(toml.name, of("c.toml", "update.b = [4]").name);
    assert_eq!(toml, of("c.toml", "update.b = [3]"));
    let written = toml.write(folder.path()).unwrap();
    assert_eq!(std::fs::read_to_string(written).unwrap(), toml.text);
}

#[test]
fn mistakes_of_a_configuration_are_shown_in_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("s.yaml"),
        "stages:\n- stage_id: 0\n  on: yes\n",
    )
    .unwrap();
    let path = folder.path().join("d.toml");
    std::fs::write(
        &path,
        "command = [\"x\", \"{config}\"]\n[config]\nfile = \"s.yaml\"\n",
    )
    .unwrap();
    let problems = Catalogue::new(&[])
        .resolve(&path.display().to_string())
        .unwrap_err()
        .to_string();
    assert!(
        problems.contains("s.yaml:3:7") && problems.contains("YAML 1.1"),
        "{problems}"
    );

    std::fs::write(folder.path().join("s.yaml"), "stages:\n- stage_id: 0\n").unwrap();
    std::fs::write(
        &path,
        "command = [\"x\", \"{config}\"]\n[config]\nfile = \"s.yaml\"\nupdate.stages.7.a = 1\n",
    )
    .unwrap();
    let problems = Catalogue::new(&[])
        .resolve(&path.display().to_string())
        .unwrap_err()
        .to_string();
    assert!(
        problems.contains("there is no element with `stage_id` 7 in `stages`"),
        "{problems}"
    );
    assert!(
        problems.contains("there is: `0`") && problems.contains("d.toml:4:17"),
        "{problems}"
    );
}

#[test]
fn features_follow_parameters() {
    let file = r#"
        command = ["x", ["{?p}", "-p"], ["-q", "{q}"], ["-s", "{s}", "{k}"], ["-l", "{l}"]]
        params = { p = { type = "flag", default = true }, q = false, s = false, k = 3, l = { type = "texts" } }
        [features]
        prefix_caching = "{p}"
        quantization = "{q}"
        speculative = { method = "{s}", tokens = "{k}" }
        lora = "{l}"
        tensor_parallel = "{k}"
        x_mine = true
    "#;
    let mut spec = spec(file);
    let features = |spec: &Spec| {
        let features = at(spec, &context()).offers.features;
        features
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        features(&spec),
        "prefix_caching=true tensor_parallel=3 x_mine=true"
    );
    for setting in ["p=false", "q=fp8", "s=eagle", "l=a,b"] {
        spec.set(setting).unwrap();
    }
    assert_eq!(
        features(&spec),
        "lora=a,b quantization=fp8 speculative=eagle,3 tensor_parallel=3 x_mine=true"
    );
}

#[test]
fn an_offline_job_is_made_into_a_server_by_whoever_can() {
    let file = "model = \"m\"\nenv = { A = \"{seed}\" }\n[offline]\ncommand = [\"gen\", \"--prompt\", \"{prompt}\", \"--out\", \"{output}\"]\noutput = \"answer.json\"\nformat = \"json\"\ntimeout = \"30s\"\n";
    let spec = spec(file);
    let why = spec.render(&context()).unwrap_err().to_string();
    assert!(why.contains("offline"), "{why}");
    let made = |job: &OfflineJob| {
        assert_eq!(
            job.command,
            ["gen", "--prompt", "{prompt}", "--out", "{output}"]
        );
        assert_eq!(
            (
                job.output.as_deref(),
                job.json,
                job.timeout.as_secs(),
                job.at_once
            ),
            (Some("answer.json"), true, 30, 1)
        );
        assert_eq!(job.env, [("A".to_owned(), Some("{seed}".to_owned()))]);
        Ok(Deployment::command("bridge"))
    };
    let context = Context {
        offline: Some(&made),
        ..context()
    };
    let rendered = spec.render(&context).unwrap();
    assert!(rendered.deployment.is_command());
    assert_eq!(rendered.deployment.display_name(), "my");
    assert!(
        !rendered.recipe.ready.one_token,
        "it is not run to see whether it can"
    );
}

#[test]
fn equal_recipes_are_equal_deployments() {
    let file = "command = [\"{self}\", \"--port\", \"{port}\"]\nports = 2\nmodel = \"/local\"\nserved_name = \"m\"\n[env]\nA = \"1\"\n[limits]\ngrace = \"3s\"\nlog = \"1MiB\"\n[container]\nimage = \"i\"\noptions = [\"-v\", \"{evidence}:/e\"]\n";
    let mut spec = spec(file);
    let one = spec.render(&context()).unwrap();
    assert_eq!(one.deployment, spec.render(&context()).unwrap().deployment);
    spec.set("env.A=2").unwrap();
    assert_ne!(one.deployment, spec.render(&context()).unwrap().deployment);
    let log = one.recipe.log.unwrap();
    assert_eq!((log.whole, log.head), (1 << 20, 1 << 19));
}

#[test]
fn a_program_that_is_a_path_is_found_beside_its_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("bin")).unwrap();
    std::fs::write(folder.path().join("bin/serve"), "").unwrap();
    let path = folder.path().join("d.toml");
    std::fs::write(&path, "command = [\"bin/serve\", \"{here}/x\"]\n").unwrap();
    let context = Context {
        exists: None,
        ..context()
    };
    let recipe = at(
        &Catalogue::new(&[])
            .resolve(&path.display().to_string())
            .unwrap(),
        &context,
    );
    let Way::Command(process) = &recipe.way else {
        panic!("it has a command")
    };
    assert_eq!(Path::new(&process.program), folder.path().join("bin/serve"));
    assert_eq!(Path::new(&process.args[0]), folder.path().join("x"));
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("d.toml")).unwrap();
    let path = folder.path().join("d.toml").display().to_string();
    let problems = Catalogue::new(&[]).resolve(&path).unwrap_err().to_string();
    assert!(
        problems.contains("cannot be read: it is no file"),
        "{problems}"
    );
    std::fs::write(folder.path().join("x.toml"), b"command = [\"\xff\"]").unwrap();
    let path = folder.path().join("x.toml").display().to_string();
    let problems = Catalogue::new(&[]).resolve(&path).unwrap_err().to_string();
    assert!(problems.contains("it is not UTF-8"), "{problems}");
}

#[test]
fn a_model_is_located_and_keeps_its_name() {
    let located = |name: &str| format!("/store/{name}");
    let context = Context {
        model: Some(&located),
        ..context()
    };
    let recipe = at(
        &spec(
            "model = \"org/m\"\nserved_name = \"m\"\ncommand = [\"x\", \"{model}\", \"{served_name}\"]",
        ),
        &context,
    );
    assert_eq!(args(&recipe), ["/store/org/m", "m"]);
}

#[test]
fn secrets_are_masked_in_both_forms() {
    let file = "command = [\"x\", \"--api-key\", \"first!\", \"--hf-token=second!\", \"--max-tokens\", \"3\"]\nargs_add = [[\"{my_key}\"]]\nparams = { my_key = \"third!\" }\n[env]\nHF_TOKEN = \"fourth!\"\nMODE = \"fast\"\n[[process]]\nname = \"w\"\ncommand = [\"y\", \"--password\", \"fifth!\"]\n";
    let recipe = recipe(&file.replace("[[\"{my_key}\"]]", "[[\"--key\", \"{my_key}\"]]"));
    for shown in [recipe.to_string(), recipe.to_json().to_string()] {
        assert!(!shown.contains('!'), "{shown}");
        assert!(shown.contains("fast") && shown.contains('3'), "{shown}");
    }
}

#[test]
fn secrets_of_the_environment_are_shown_nowhere() {
    let env = |name: &str| match name {
        "STORE_PASSWORD" => Some("open-sesame".into()),
        "REGION" => Some("north".into()),
        _ => None,
    };
    let context = Context {
        env: Some(&env),
        ..context()
    };
    let file = "command = [\"x\", \"--store=http://me:${STORE_PASSWORD}@${REGION}/\"]\nmodel = \"m\"\ncwd = \"/at/${STORE_PASSWORD}\"\n[env]\nSTORE = \"http://${STORE_PASSWORD}/\"\n[ready]\nhealth = \"/health?with=${STORE_PASSWORD}\"\n";
    let recipe = at(&spec(file), &context);
    for shown in [recipe.to_string(), recipe.to_json().to_string()] {
        assert!(!shown.contains("sesame"), "{shown}");
        assert!(shown.contains("me:***@north"), "{shown}");
    }
    assert_eq!(args(&recipe), ["--store=http://me:open-sesame@north/"]);
    let wrong = spec("url = \"http://me:${STORE_PASSWORD}@127.0.0.1:1\"\nmodel = \"m\"\n");
    let said = wrong.recipe(&context).unwrap_err().to_string();
    assert!(said.contains("http://me:***@127.0.0.1:1"), "{said}");
    assert!(!said.contains("sesame"), "{said}");
}

#[test]
fn the_example_of_the_documentation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/deployments.md");
    let text = std::fs::read_to_string(path).unwrap();
    let example = text
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let recipe = recipe(example);
    insta::assert_snapshot!(recipe.to_string());
    for name in tribunal_deploy::feature_names() {
        assert!(
            text.contains(&format!("`{name}`")) || text.contains(&format!("`{name} =")),
            "feature {name} is not in docs/deployments.md"
        );
    }
    for (name, _) in tribunal_deploy::CAPABILITIES {
        assert!(
            text.contains(&format!("`{name}`")),
            "capability {name} is not in docs/deployments.md"
        );
    }
}

/// A parameter with a type and no value is one that `--set` must give: the file is good, and rendering it without says so.
#[test]
fn a_parameter_without_a_default_must_be_set() {
    let text =
        "command = [\"x\", \"--k\", \"{key}\", \"{port}\"]\n[params]\nkey = { type = \"text\" }";
    let mut spec = Catalogue::new(&[])
        .parse(text, "my.toml", "my")
        .expect("a good file");
    let missing = spec
        .recipe(&Context::default())
        .expect_err("nothing set it")
        .to_string();
    assert!(missing.contains("parameter `key` is not set"), "{missing}");
    spec.set("key=v").expect("it can be set");
    let recipe = spec.recipe(&Context::default()).expect("all is set");
    let Way::Command(process) = recipe.way else {
        panic!("{recipe:?}")
    };
    assert_eq!(process.args[..2], ["--k", "v"]);
}

#[test]
fn how_answers_are_judged_follows_the_layers() {
    let recipe = recipe(
        r#"
command = ["x"]
similarity = "vllm-omni"
[params]
pause = 2
[thresholds]
wer = 0.2
pause = "{pause}"
cer = false
[voices]
alto = { pitch_hz = 220 }
bass = { gender = "male" }
[transcriber]
command = ["listen", "--lang", "{language}", "{wav}"]
timeout = "30s"
[transcriber.stronger]
url = "http://127.0.0.1:9000"
model = "large"
"#,
    );
    let judging = &recipe.judging;
    assert_eq!(
        judging.thresholds,
        [("wer".to_owned(), 0.2), ("pause".to_owned(), 2.0)]
    );
    assert_eq!(
        judging.voices,
        [
            ("alto".to_owned(), VoiceFact::Pitch(220.0)),
            ("bass".to_owned(), VoiceFact::Male)
        ]
    );
    assert_eq!(judging.similarity.as_deref(), Some("vllm-omni"));
    assert_eq!(
        judging.transcriber,
        Some(TranscriberFact::Command {
            command: ["listen", "--lang", "{language}", "{wav}"]
                .map(String::from)
                .into(),
            timeout: Some(std::time::Duration::from_secs(30)),
        })
    );
    let Some(TranscriberFact::Http { url, model }) = &judging.stronger_transcriber else {
        panic!("{:?}", judging.stronger_transcriber);
    };
    assert_eq!((&**url, &**model), ("http://127.0.0.1:9000", "large"));
    // It is said where people look, and starts no other server.
    let shown = recipe.to_string();
    assert!(shown.contains("judged by  wer = 0.2"), "{shown}");
}

#[test]
fn a_whisper_model_of_this_machine_can_listen() {
    let listening = |keys: &str| recipe(&format!("command = [\"x\"]\n[transcriber]\n{keys}"));
    let found = listening("whisper = \"/models/whisper-small\"\ntimeout = \"90s\"");
    assert_eq!(
        found.judging.transcriber,
        Some(TranscriberFact::Whisper {
            folder: "/models/whisper-small".into(),
            timeout: Some(std::time::Duration::from_secs(90)),
        })
    );
    let shown = found.to_string();
    assert!(
        shown.contains("whisper in /models/whisper-small"),
        "{shown}"
    );
    let both = Catalogue::new(&[])
        .parse(
            "command = [\"x\"]\n[transcriber]\nwhisper = \"a\"\ncommand = [\"b\", \"{wav}\"]",
            "my.toml",
            "my",
        )
        .and_then(|spec| spec.recipe(&context()))
        .expect_err("two of them")
        .to_string();
    assert!(
        both.contains("`url` and `model`, `command`, `whisper`"),
        "{both}"
    );
}

#[test]
fn what_is_done_on_purpose_makes_no_other_server() {
    let mut own = spec(
        "command = [\"engine\", [\"--slow\", \"{slow}\"], [\"--slots\", \"{slots}\"]]\n\
         [params]\nslow = { type = \"number\", injected = true }\nslots = { type = \"int\" }\n",
    );
    own.set("slow=10").expect("a parameter");
    own.set("slots=3").expect("a parameter");
    let slowed = at(&own, &context());
    let plain = at(&own.without_injected(), &context());
    assert_eq!(args(&slowed), ["--slow", "10", "--slots", "3"]);
    assert_eq!(args(&plain), ["--slots", "3"]);
}
