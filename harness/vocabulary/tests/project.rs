//! A project's own file on top of the shipped vocabulary.

use std::time::Duration;

use tribunal_vocabulary::{Arg, Expression, MarkerSet, Rule, Vocabulary};

const PROJECT: &str = r#"
[levels]
smoke = { doc = "seconds: does it start at all", budget = "2m", implies = ["pre_merge"] }
canary = { doc = "on one machine of production", after = "advanced_model" }
core_model = { doc = "our own words", budget = "10m" }

[categories.lifecycle.markers]
staging = { doc = "on the staging cluster", after = "post_merge" }
release = "our own release"

[categories.kind]
default = "integration"
limits = { unit = "5s", soak = "2h" }

[categories.kind.markers]
soak = { doc = "hours of traffic", implies = ["slow"], alias = ["endurance"] }

[categories.team]
doc = "who answers for it"
rule = "exactly one"
default = "serving"

[categories.team.markers]
serving = "the serving team"
platform_team = "the platform team"
quota = { doc = "how much of it", args = { tokens = { type = "int", required = true, above = 0 }, window = "duration" } }

[platforms.cuda]
cards = [1, 2, 4, 32]

[platforms.cuda.devices]
H100 = { vram_gib = 96, alias = ["H100_NVL"] }
GB300 = { vram_gib = 288 }

[platforms.tpu]
doc = "TPUs"
devices = { v6e = { vram_gib = 32 } }

[stages.staging]
level = "canary"
select = "not parallel"
[stages.staging.steps.all]
select = "serving or platform_team"

[stages.nightly]
select = "not slow"
[stages.nightly.steps.cpu]
queue = "our-own"
"#;

fn project() -> Vocabulary {
    Vocabulary::parse(PROJECT, "markers.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn names(vocabulary: &Vocabulary, ids: &[tribunal_vocabulary::MarkerId]) -> Vec<String> {
    ids.iter()
        .map(|id| vocabulary.name(*id).to_owned())
        .collect()
}

#[test]
fn levels_are_added_where_they_belong_and_changed_in_place() {
    let project = project();
    let levels: Vec<&str> = project.levels().iter().map(|level| &*level.name).collect();
    assert_eq!(
        levels,
        [
            "core_model",
            "advanced_model",
            "canary",
            "full_model",
            "slow",
            "smoke"
        ]
    );
    let core = &project.levels()[0];
    assert_eq!(
        (&*core.doc, core.budget),
        ("our own words", Some(Duration::from_secs(600)))
    );
    assert_eq!(core.implies, ["pre_merge"], "what is not said stays");
    assert_eq!(
        project.marker("core_model").map(|marker| marker.doc()),
        Some("our own words")
    );
    assert!(project.levels()[4].needs_timeout);
}

#[test]
fn categories_are_extended_and_changed() {
    let project = project();
    let category = |name: &str| {
        project
            .categories()
            .iter()
            .find(|category| category.name == name)
            .expect("it is there")
    };
    let lifecycle = names(&project, &category("lifecycle").members);
    assert_eq!(
        lifecycle,
        [
            "pre_merge",
            "post_merge",
            "staging",
            "nightly",
            "weekly",
            "release"
        ]
    );
    assert_eq!(category("lifecycle").default.as_deref(), Some("pre_merge"));
    assert_eq!(category("kind").default.as_deref(), Some("integration"));
    assert_eq!(category("team").rule, Rule::ExactlyOne);
    assert!(
        !project
            .marker("release")
            .is_none_or(|marker| marker.is_shipped())
    );
    assert!(
        project
            .marker("weekly")
            .is_some_and(|marker| marker.is_shipped())
    );
    assert_eq!(project.id("endurance"), project.id("soak"));
    assert_eq!(
        names(&project, &project.expand("soak", &[])),
        ["soak", "slow", "weekly"]
    );

    let limit = |name: &str| {
        let set: MarkerSet = project.expand(name, &[]).into_iter().collect();
        project.limit(&set)
    };
    assert_eq!(limit("unit"), Some(Duration::from_secs(5)), "changed");
    assert_eq!(limit("soak"), Some(Duration::from_secs(7200)), "added");
    assert_eq!(limit("e2e"), Some(Duration::from_secs(300)), "kept");

    let mut set = MarkerSet::new();
    set.extend(project.defaults(&set));
    let markers: Vec<_> = set.iter().collect();
    assert_eq!(
        names(&project, &markers),
        [
            "pre_merge",
            "integration",
            "cpu",
            "gpu_0",
            "defaulted",
            "serving"
        ]
    );
    assert_eq!(project.rules(&set), []);
}

#[test]
fn markers_of_the_project_have_typed_arguments() {
    let project = project();
    assert_eq!(
        project.check("quota", &[Arg::positional(5), Arg::positional("1h")]),
        []
    );
    assert_eq!(
        project.check(
            "quota",
            &[Arg::named("window", 60), Arg::named("tokens", 1)]
        ),
        []
    );
    let problems = project.check("quota", &[Arg::positional(0), Arg::named("windw", 60)]);
    let messages: Vec<&str> = problems.iter().map(|problem| &*problem.message).collect();
    assert_eq!(
        messages,
        [
            "`tokens` of `quota` must be more than 0",
            "`quota` has no argument `windw`\nhelp: did you mean `window`?"
        ]
    );
}

#[test]
fn platforms_are_extended() {
    let project = project();
    let (platform, device) = project.device("H100_NVL").expect("a new spelling");
    assert_eq!(
        (&*platform.name, &*device.name, device.vram_gib),
        ("cuda", "H100", 96.0)
    );
    assert_eq!(
        project.device("h100").map(|(_, device)| device.vram_gib),
        Some(96.0),
        "the old spelling"
    );
    assert_eq!(device.aliases, ["h100", "H100_NVL"]);
    let cuda = project
        .platforms()
        .iter()
        .find(|platform| platform.name == "cuda")
        .expect("it is there");
    assert_eq!(cuda.cards, [1, 2, 4, 32], "a list replaces a list");
    assert_eq!(
        cuda.devices.last().map(|device| &*device.name),
        Some("GB300")
    );
    assert!(cuda.gpu, "what is not said stays");
    let args = [Arg::named("cuda", "GB300"), Arg::named("num_cards", 32)];
    assert_eq!(project.check("hardware_test", &args), []);
    assert_eq!(
        names(&project, &project.expand("hardware_test", &args)),
        ["hardware_test", "GB300", "cuda", "gpu", "cards_32"]
    );
    assert_eq!(
        project
            .check(
                "hardware_test",
                &[Arg::named("cuda", "GB300"), Arg::named("num_cards", 8)]
            )
            .len(),
        1
    );

    // A platform of the project's own: no GPU, one card unless it says more, and `cpu` stands against it.
    let args = [Arg::named("tpu", "v6e")];
    assert_eq!(project.check("hardware_test", &args), []);
    let mut set = MarkerSet::new();
    project.add(&mut set, "hardware_test", &args);
    project.add(&mut set, "cpu", &[]);
    set.extend(project.defaults(&set));
    assert_eq!(project.rules(&set).len(), 1, "{:?}", project.rules(&set));
}

#[test]
fn stages_are_extended() {
    let project = project();
    let selection = |stage: &str, step: Option<&str>| {
        project
            .selection(stage, step)
            .map(|expression| expression.to_string())
    };
    assert_eq!(
        selection("staging", None).as_deref(),
        Some("(pre_merge or post_merge or staging) and not parallel")
    );
    assert_eq!(
        selection("staging", Some("all")).as_deref(),
        Some(
            "(pre_merge or post_merge or staging) and not parallel and (serving or platform_team)"
        )
    );
    assert_eq!(
        selection("nightly", None).as_deref(),
        Some("(pre_merge or post_merge or staging or nightly) and not slow")
    );
    let nightly = project
        .stages()
        .iter()
        .find(|stage| stage.name == "nightly")
        .expect("it is there");
    let cpu = &nightly.steps[0];
    assert_eq!(
        (&*cpu.name, &*cpu.select, cpu.queue.as_deref()),
        ("cpu", "gpu_0", Some("our-own")),
        "changed in place"
    );
    assert_eq!(
        nightly.level.as_deref(),
        Some("full_model"),
        "what is not said stays"
    );
}

#[test]
fn ids_of_the_shipped_vocabulary_stay_what_they_are() {
    let (project, shipped) = (project(), Vocabulary::shipped());
    for (id, marker) in shipped.markers() {
        assert_eq!(project.name(id), marker.name());
    }
    assert_eq!(project.origin(), "markers.toml");
    assert_eq!(shipped.origin(), "the default vocabulary");
    assert!(
        project
            .unknown_marker("serv1ng")
            .ends_with("(markers are declared in markers.toml)\nhelp: did you mean `serving`?")
    );
    assert!(
        project
            .unknown_marker("instrument")
            .contains("`#[the_crate::instrument]`")
    );
}

#[test]
fn an_empty_file_is_the_shipped_vocabulary() {
    for text in ["", "# nothing yet\n", "extends = \"default\"\n"] {
        let vocabulary = Vocabulary::parse(text, "markers.toml").expect("nothing is wrong");
        assert!(vocabulary.names().eq(Vocabulary::shipped().names()));
    }
}

#[test]
fn a_vocabulary_of_many_markers_selects_as_well() {
    let mut file = String::from("[categories.many.markers]\n");
    for index in 0..500 {
        file += &format!("many_{index} = \"one of many\"\n");
    }
    let vocabulary = Vocabulary::parse(&file, "markers.toml").expect("it is right");
    let set: MarkerSet = vocabulary.expand("many_499", &[]).into_iter().collect();
    let matches = |text: &str| {
        Expression::parse(text)
            .expect("right")
            .bind(&vocabulary)
            .expect("declared")
            .matches(&set)
    };
    assert!(matches("many_499 and not many_498 and not e2e"));
    assert!(!matches("many_0"));
}

#[test]
fn markers_without_a_category() {
    let file = "[markers]\nmy_feature = \"what we do\"\nquota = { doc = \"how much\", args = { n = \"int\" } }\n";
    let v = Vocabulary::parse(file, "markers.toml").unwrap();
    assert_eq!(
        v.marker("my_feature").map(|m| (m.doc(), m.category())),
        Some(("what we do", Some("project")))
    );
    assert!(v.check("quota", &[Arg::positional("x")]).len() == 1);
    // They ask nothing of the tests that have none.
    assert!(
        v.rules(&MarkerSet::new())
            .iter()
            .all(|b| !b.rule.starts_with("project"))
    );
    assert!(
        Expression::parse("my_feature and not quota")
            .unwrap()
            .bind(&v)
            .is_ok()
    );
}
