//! `[matrix]` in deployment files: what is read, what its variants set, and which mistakes are told.

use tribunal_deploy::{Catalogue, Context, Cover, Priority, Spec, draw};

const GOOD: &str = r#"
command = ["serve", "--port", "{port}", ["--cache", "{cache}"], ["--tp", "{tp}"]]
[params]
cache = { type = "text" }
tp = { type = "int" }
[matrix]
priority = "normal"
cover = "pairs"
devices = "4xL4"
together = ["parallelism"]
[matrix.cache]
tea = { set = ["cache=tea"] }
dit = "not with this model"
[matrix.parallelism]
tp2 = { set = "tp=2", devices = 2, excludes = ["offload"] }
vae2 = { at_least = 2 }
[matrix.offload]
layerwise = false
cpu = { instead_of = "layerwise" }
"#;

fn parsed(text: &str) -> Result<Spec, String> {
    let catalogue = Catalogue::new(&[]);
    catalogue
        .parse(text, "x.toml", "x")
        .map_err(|p| p.to_string())
}

fn args(spec: &Spec) -> String {
    let recipe = spec.recipe(&Context::default()).expect("a recipe");
    match recipe.way {
        tribunal_deploy::Way::Command(process) => process.args.join(" "),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_declared_is_read() {
    let spec = parsed(GOOD).expect("it is right");
    let matrix = spec.matrix().expect("it is right").expect("it is there");
    assert_eq!(
        (matrix.priority, matrix.cover),
        (Priority::Normal, Cover::Pairs)
    );
    assert_eq!((matrix.devices, matrix.device.as_deref()), (4, Some("L4")));
    let names: Vec<&str> = matrix.features.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["cache", "parallelism", "offload"]);
    let parallelism = &matrix.features[1];
    assert!(parallelism.together && !matrix.features[0].together);
    assert_eq!(
        (
            parallelism.variants[0].devices,
            parallelism.variants[1].at_least
        ),
        (2, 2)
    );
    assert_eq!(parallelism.variants[0].excludes, ["offload"]);
    assert_eq!(
        matrix.features[0].variants[1].lacking.as_deref(),
        Some("not with this model")
    );
    let asked = ["cache", "parallelism", "offload"].map(String::from);
    let drawing = draw(&matrix, &asked).expect("drawn");
    let segments: Vec<String> = drawing.rows.iter().map(|row| row.segment()).collect();
    assert_eq!(segments, ["tea__tp2__vae2", "tea__vae2__cpu"]);
    // What needs two devices has two, also where nothing multiplies them.
    let devices: Vec<u32> = drawing.rows.iter().map(|row| row.devices).collect();
    assert_eq!(devices, [2, 2]);
    // Set on the command line, it is drawn for other devices.
    let mut one = spec.clone();
    one.set("matrix.devices=1").expect("set");
    let matrix = one.matrix().expect("it is right").expect("it is there");
    assert_eq!((matrix.devices, matrix.device), (1, None));
    assert!(
        parsed("command = [\"serve\"]")
            .expect("right")
            .matrix()
            .expect("right")
            .is_none()
    );
}

#[test]
fn variants_set_what_they_say() {
    let spec = parsed(GOOD).expect("it is right");
    let both = spec.with_variants(&["tea", "tp2"]).expect("they are there");
    assert_eq!(both.name(), "x[tea+tp2]");
    assert_eq!(args(&both), "--port {port} --cache tea --tp 2");
    assert_eq!(args(&spec), "--port {port}");
    for (variant, told) in [
        ("teh", "has no variant `teh`"),
        ("dit", "cannot have `dit`: not with this model"),
        ("layerwise", "the deployment says that the model lacks it"),
    ] {
        let error = spec
            .with_variants(&[variant])
            .expect_err(variant)
            .to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn mistakes_are_told_with_the_nearest_name() {
    for (written, instead, told) in [
        ("[matrix.cache]", "[matrix.cahce]", "did you mean `cache`"),
        ("\"normal\"", "\"norml\"", "`norml` is no priority"),
        ("\"4xL4\"", "\"fourxL4\"", "says no devices"),
        ("\"4xL4\"", "0", "says no devices"),
        (
            "\"parallelism\"",
            "\"paralelism\"",
            "the matrix has no `paralelism`",
        ),
        ("\"offload\"", "\"offlod\"", "did you mean `offload`"),
        (
            "instead_of = \"layerwise\"",
            "instead_of = \"layerwize\"",
            "did you mean `layerwise`",
        ),
        ("tea =", "Tea =", "`Tea` is no name of a variant"),
        ("tea =", "tea__x =", "is no name of a variant"),
        ("cpu =", "tp2 =", "two variants are called `tp2`"),
        ("at_least", "atleast", "did you mean `at_least`"),
        ("cache=tea", "cache", "`cache` sets nothing"),
        ("devices = 2", "devices = 0", "must be from 1 to 4096"),
    ] {
        assert!(GOOD.contains(written), "{written}");
        let error = parsed(&GOOD.replacen(written, instead, 1)).expect_err(instead);
        assert!(error.contains(told), "{instead}: {error}");
    }
    let error = parsed("command = [\"serve\"]\nmatrix = 3").expect_err("no table");
    assert!(
        error.contains("`matrix` must be a table of features"),
        "{error}"
    );
}
