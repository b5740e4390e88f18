//! What deployments say of devices, and how limits reach the processes that must keep to them.

use std::time::Duration;

use tribunal_deploy::{Catalogue, Context, MemoryLimit, Recipe, Rendered, Spec};

const GIB: u64 = 1 << 30;

fn spec(file: &str) -> Spec {
    Catalogue::new(&[])
        .parse(file, "my.toml", "my")
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn recipe(file: &str, sets: &[&str]) -> Recipe {
    let mut spec = spec(file);
    for set in sets {
        spec.set(set)
            .unwrap_or_else(|problems| panic!("{problems}"));
    }
    rendered(&spec).recipe
}

fn rendered(spec: &Spec) -> Rendered {
    spec.render(&Context::default())
        .unwrap_or_else(|problems| panic!("{problems}"))
}

const FILE: &str = r#"
command = ["x", ["--tp", "{tp}"], ["--pp", "{pp}"]]
[params]
tp = { type = "int" }
pp = { type = "int" }
gib = { type = "number" }
[devices]
count = ["{tp}", "{pp}", 2]
memory_gib = "{gib}"
start_group = "x"
start_spacing = "5s"
"#;

#[test]
fn devices_follow_parameters() {
    let devices = |sets: &[&str]| recipe(FILE, sets).devices.expect("a table");
    let nothing_set = devices(&[]);
    assert_eq!((nothing_set.count, nothing_set.memory), (2, None));
    assert_eq!(nothing_set.start_spacing, Some(Duration::from_secs(5)));
    assert!(!nothing_set.simulated_only);
    let set = devices(&["tp=4", "pp=3", "gib=7.5"]);
    assert_eq!((set.count, set.memory), (24, Some(15 * GIB / 2)));
    // A need is never rounded away.
    assert_eq!(devices(&["gib=0.0000000001"]).memory, Some(1));
    let bare = "command = [\"x\"]\n[devices]";
    let count = recipe(bare, &[]).devices.map(|devices| devices.count);
    assert_eq!(count, Some(1));
    assert_eq!(recipe(bare, &["devices=false"]).devices, None);
    assert_eq!(recipe("command = [\"x\"]", &[]).devices, None);
}

#[test]
fn a_server_of_somebody_else_takes_none() {
    let file = "url = \"http://127.0.0.1:1\"\n[devices]\ncount = 2";
    let recipe = recipe(file, &[]);
    assert_eq!(recipe.devices, None);
    assert!(
        recipe.notes.iter().any(|note| note.contains("`devices`")),
        "{:?}",
        recipe.notes
    );
}

#[test]
fn a_limit_goes_to_the_server_or_to_its_parts() {
    let file = r#"
command = ["front", "--port", "{port}"]
[[process]]
name = "worker-{i}"
count = 2
command = ["back"]
[[process]]
name = "store"
command = ["store"]
[devices]
cap = ["--limit", "{memory_fraction}", "{{memory_fraction}}"]
"#;
    let limit = MemoryLimit::Bytes {
        bytes: 6 * GIB,
        total: 24 * GIB,
    };
    let of_server = rendered(&spec(file));
    let limited = of_server
        .recipe
        .limited(of_server.deployment.clone(), &limit);
    let by_hand = |share| ["--limit", share, "{{memory_fraction}}"];
    assert_eq!(
        limited,
        Some(of_server.deployment.clone().args(by_hand("0.25")))
    );

    let of_parts = rendered(&spec(
        &file.replace("[devices]", "[devices]\ncap_of = \"worker-*\""),
    ));
    let limited = of_parts.recipe.limited(of_parts.deployment.clone(), &limit);
    let mut want = of_parts.deployment.clone();
    for worker in ["worker-0", "worker-1"] {
        // Both share the devices.
        want = want.part_args(worker, by_hand("0.125"));
    }
    assert_ne!(want, of_parts.deployment);
    assert_eq!(limited, Some(want));
    let tokens = MemoryLimit::KvTokens(16);
    assert_eq!(of_parts.recipe.limited(of_parts.deployment, &tokens), None);
}

/// Every shipped file that gives a way to limit its engine.
#[test]
fn shipped_engines_are_told_as_they_want_it() {
    let limits = [
        MemoryLimit::Bytes {
            bytes: 12 * GIB,
            total: 24 * GIB,
        },
        MemoryLimit::Fraction(0.36),
        MemoryLimit::KvBytes(64 << 20),
        MemoryLimit::KvTokens(4096),
    ];
    let vllm = [
        Some("--gpu-memory-utilization 0.5"),
        Some("--gpu-memory-utilization 0.36"),
        Some("--kv-cache-memory-bytes 67108864 --gpu-memory-utilization 0.01"),
        None,
    ];
    let sglang = [
        Some("--mem-fraction-static 0.5"),
        Some("--mem-fraction-static 0.36"),
        None,
        Some("--max-total-tokens 4096"),
    ];
    let ascend = [vllm[0], vllm[1], None, None];
    let embedded = [
        vllm[0],
        vllm[1],
        Some("--kv-cache-bytes 67108864"),
        Some("--kv-cache-tokens 4096"),
    ];
    for (name, count, want) in [
        ("vllm", 1, vllm),
        ("vllm-ascend", 4, ascend),
        ("sglang", 1, sglang),
        ("embedded", 1, embedded),
        ("llama-server", 1, [None; 4]),
        ("neuron/tinytest", 16, [None; 4]),
        ("dynamo", 1, ascend),
        (
            "trtllm",
            1,
            [None, Some("--free_gpu_memory_fraction 0.36"), None, None],
        ),
    ] {
        let spec = Catalogue::new(&[])
            .resolve(name)
            .unwrap_or_else(|problems| panic!("{problems}"));
        let env = |name: &str| (name == "TRIBUNAL_GGUF").then(|| "/m.gguf".into());
        let context = Context {
            env: Some(&env),
            ..Context::default()
        };
        let recipe = spec
            .recipe(&context)
            .unwrap_or_else(|problems| panic!("{problems}"));
        let devices = recipe.devices.unwrap_or_else(|| panic!("{name}"));
        assert_eq!(devices.count, count, "{name}");
        assert_eq!(devices.simulated_only, name == "embedded", "{name}");
        for (limit, want) in limits.iter().zip(want) {
            let args = devices.arguments(limit, 1).map(|args| args.join(" "));
            assert_eq!(args.as_deref(), want, "{name}: {limit:?}");
        }
    }
}
