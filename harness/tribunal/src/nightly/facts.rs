//! What results say of a layout, in the words of the files' own program: hardware, data type, features, commands and environment.
//!
//! Promise: pure, and read from what runs, not from what somebody wrote beside it; what a run fills in is a variable, and secrets are masked by name.

use serde_json::{Map, Value, json};
use tribunal_nodes::{Layout, Process, Role};
use tribunal_serving::{names_secret, without_secrets};

/// Variables that say where a run is, and nothing of what was measured.
const OF_A_RUN: [&str; 12] = [
    "SERVER_PORT",
    "ENCODE_PORT",
    "PD_PORT",
    "PROXY_PORT",
    "HCCL_IF_IP",
    "HCCL_SOCKET_IFNAME",
    "GLOO_SOCKET_IFNAME",
    "TP_SOCKET_IFNAME",
    "LOCAL_IP",
    "NIC_NAME",
    "MASTER_IP",
    "DISAGGREGATED_PREFILL_PROXY_SCRIPT",
];

/// Switches in the environment, and the features that they are.
const SWITCHES: [(&str, &str); 8] = [
    ("VLLM_ASCEND_ENABLE_FLASHCOMM", "flashcomm"),
    ("VLLM_ASCEND_ENABLE_FLASHCOMM1", "flashcomm1"),
    ("VLLM_ASCEND_FLASHCOMM2_PARALLEL_SIZE", "flashcomm2"),
    ("VLLM_ASCEND_ENABLE_TOPK_OPTIMIZE", "topk_optimize"),
    ("VLLM_ASCEND_ENABLE_MATMUL_ALLREDUCE", "matmul_allreduce"),
    ("VLLM_ASCEND_ENABLE_MLAPO", "mlapo"),
    ("VLLM_ASCEND_ENABLE_CONTEXT_PARALLEL", "context_parallel"),
    ("VLLM_ASCEND_ENABLE_FUSED_MC2", "fused_mc2"),
];

/// Keys of `--additional-config`, and the features that they are: the key itself, or its `enabled`.
const ADDITIONAL: [(&str, &str); 8] = [
    ("enable_fused_mc2", "fused_mc2"),
    ("enable_mlapo", "mlapo"),
    ("enable_weight_nz_layout", "weight_nz_layout"),
    ("weight_nz_mode", "weight_nz_layout"),
    ("weight_prefetch_config", "weight_prefetch"),
    ("torchair_graph_config", "torchair_graph"),
    ("ascend_scheduler_config", "ascend_scheduler"),
    ("enable_flashcomm1", "flashcomm1"),
];

/// The generation of the accelerators, from the label of a runner; else the label as it is.
pub(super) fn hardware(runner: &str) -> String {
    let small = runner.to_ascii_lowercase();
    let known = ["a3", "a2"].into_iter().find(|label| small.contains(label));
    known.map_or_else(|| runner.to_owned(), str::to_ascii_uppercase)
}

/// `w8a8` where the name of the model says so and a command asks for it.
pub(super) fn dtype(layout: &Layout) -> &'static str {
    let quantized =
        |process: &Process| option(&words(process), "--quantization").as_deref() == Some("ascend");
    let named = layout.model.to_ascii_lowercase().contains("w8a8");
    match named && processes(layout).any(quantized) {
        true => "w8a8",
        false => "bf16",
    }
}

/// What is switched on, each once, in the order of the commands.
pub(super) fn features(layout: &Layout) -> Vec<String> {
    let mut out: Vec<String> = vec![];
    let mut add = |name: &str| {
        if !out.iter().any(|there| there == name) {
            out.push(name.to_owned());
        }
    };
    for process in processes(layout) {
        let words = words(process);
        let config = |name: &str| object(&words, name);
        let additional = config("--additional-config");
        for (key, feature) in ADDITIONAL {
            let on = additional.get(key).is_some_and(|value| match value {
                Value::Object(table) => table.get("enabled").is_some_and(is_on),
                value => is_on(value),
            });
            if on {
                add(feature);
            }
        }
        if config("--compilation-config")
            .get("cudagraph_mode")
            .is_some_and(is_on)
        {
            add("aclgraph");
        }
        let speculative = config("--speculative-config");
        if !speculative.is_empty() {
            add(speculative
                .get("method")
                .and_then(Value::as_str)
                .unwrap_or("speculative"));
        }
        for flag in ["--async-scheduling", "--enable-expert-parallel"] {
            if words.iter().any(|word| word == flag) {
                add(match flag {
                    "--async-scheduling" => "async_scheduling",
                    _ => "expert_parallel",
                });
            }
        }
        for (name, feature) in SWITCHES {
            let value = process.env.iter().rev().find(|(there, _)| there == name);
            let value = value.map(|(_, text)| text.to_string());
            if value.is_some_and(|v| !matches!(&*v, "0" | "" | "false" | "False")) {
                add(feature);
            }
        }
    }
    out
}

fn is_on(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(table) => !table.is_empty(),
    }
}

/// The commands: `pd` where prefill and decode are apart, `dp` of several nodes, else `mix`.
pub(super) fn serve_cmd(layout: &Layout) -> Value {
    let of_node = |processes: &[Process]| match processes {
        [one] => Value::from(command(one)),
        many => {
            let named = many.iter().map(|p| (p.name.clone(), command(p).into()));
            Value::Object(named.collect())
        }
    };
    let apart = |role: &Role| matches!(role, Role::Prefill | Role::Decode);
    if layout.nodes.iter().any(|node| apart(&node.role)) {
        let (mut prefill, mut decode) = (0, 0);
        let mut commands = Map::new();
        for node in &layout.nodes {
            let (name, count) = match node.role {
                Role::Prefill => ("prefill", &mut prefill),
                _ => ("decode", &mut decode),
            };
            commands.insert(format!("{name}-{count}"), of_node(&node.processes));
            *count += 1;
        }
        return json!({ "pd": commands });
    }
    match layout.nodes.as_slice() {
        [one] => json!({ "mix": of_node(&one.processes) }),
        many => {
            let named = many
                .iter()
                .map(|node| (format!("node{}", node.index), of_node(&node.processes)));
            json!({ "dp": named.collect::<Map<_, _>>() })
        }
    }
}

/// The environment that the file gives the first process of node 0.
pub(super) fn environment(layout: &Layout) -> Value {
    let mut out = Map::new();
    for (name, text) in processes(layout).next().map_or(&[][..], |p| &p.env) {
        if OF_A_RUN.contains(&&**name) {
            continue;
        }
        let value = match names_secret(name) {
            true => "***".to_owned(),
            false => without_secrets(&text.to_string()),
        };
        out.insert(name.clone(), value.into());
    }
    Value::Object(out)
}

fn processes(layout: &Layout) -> impl Iterator<Item = &Process> {
    layout.nodes.iter().flat_map(|node| &node.processes)
}

fn words(process: &Process) -> Vec<String> {
    process.command.iter().map(ToString::to_string).collect()
}

/// A command for people: what has blanks is quoted, values of secret options are masked.
fn command(process: &Process) -> String {
    let mut out: Vec<String> = vec![];
    let mut secret = false;
    for word in words(process) {
        let masked = match word.split_once('=') {
            _ if std::mem::take(&mut secret) => "***".to_owned(),
            Some((name, _)) if name.starts_with('-') && names_secret(name) => {
                format!("{name}=***")
            }
            _ => {
                secret = word.starts_with('-') && names_secret(&word);
                word
            }
        };
        let plain = |c: char| !c.is_whitespace() && !"'\"\\".contains(c);
        out.push(match !masked.is_empty() && masked.chars().all(plain) {
            true => masked,
            false => format!("'{}'", masked.replace('\'', "'\\''")),
        });
    }
    without_secrets(&out.join(" "))
}

/// The value of an option, in both spellings.
fn option(words: &[String], name: &str) -> Option<String> {
    let underscored = format!("--{}", name[2..].replace('-', "_"));
    let is = |word: &str| word == name || word == underscored;
    words.iter().enumerate().find_map(|(at, word)| {
        if is(word) {
            return words.get(at + 1).cloned();
        }
        let (there, value) = word.split_once('=')?;
        is(there).then(|| value.to_owned())
    })
}

/// The value of an option that is a table of JSON; empty where it is none.
fn object(words: &[String], name: &str) -> Map<String, Value> {
    let value = option(words, name);
    let read = value.and_then(|text| serde_json::from_str(&text).ok());
    match read {
        Some(Value::Object(table)) => table,
        _ => Map::new(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use tribunal_nodes::NodesFile;
    use tribunal_vocabulary::Vocabulary;
    use tribunal_workload::{DataTable, Lookups};

    use super::*;

    pub fn layout(text: &str) -> Layout {
        let data = DataTable::default();
        let lookups = Lookups {
            vocabulary: Vocabulary::shipped(),
            data: &data,
            roots: &[],
        };
        let file = NodesFile::parse(text, Path::new("x.yaml"), &lookups);
        let mut layouts = file.unwrap_or_else(|e| panic!("{e}")).layouts;
        layouts.remove(0)
    }

    pub fn shipped(name: &str) -> Layout {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/nodes");
        let text = std::fs::read_to_string(folder.join(name)).expect("a shipped file");
        layout(&text)
    }

    #[test]
    fn hardware_is_what_the_label_of_the_runner_says() {
        for (label, expected) in [
            ("linux-aarch64-a3-16", "A3"),
            ("linux-aarch64-A2b3-8", "A2"),
            ("custom", "custom"),
            ("", ""),
        ] {
            assert_eq!(hardware(label), expected);
        }
    }

    #[test]
    fn features_are_read_from_commands_and_environments() {
        let layout = layout(
            r#"
test_name: x
model: org/Model-W8A8
num_nodes: 2
npu_per_node: 16
env_common: { SERVER_PORT: 8080, VLLM_ASCEND_ENABLE_MLAPO: 1, VLLM_ASCEND_ENABLE_FLASHCOMM1: 0, HF_TOKEN: abcdefghijkl, A_B: $LOCAL_IP }
deployment:
  - server_cmd: >
      vllm serve org/Model-W8A8 --port $SERVER_PORT --quantization ascend --api-key sk-verysecretverysecret --enable-expert-parallel
        --additional-config '{"torchair_graph_config": {"enabled": true}, "ascend_scheduler_config": {"enabled": false}, "weight_nz_mode": 1}'
        --speculative-config '{"method": "mtp", "num_speculative_tokens": 1}'
  - server_cmd: vllm serve org/Model-W8A8 --headless --compilation_config='{"cudagraph_mode":"FULL"}'
"#,
        );
        assert_eq!(dtype(&layout), "w8a8");
        assert_eq!(
            features(&layout),
            [
                "weight_nz_layout",
                "torchair_graph",
                "mtp",
                "expert_parallel",
                "mlapo",
                "aclgraph"
            ]
        );
        let env = environment(&layout);
        assert_eq!(env["VLLM_ASCEND_ENABLE_MLAPO"], "1");
        assert_eq!(env["HF_TOKEN"], "***");
        assert_eq!(env["A_B"], "${LOCAL_IP}");
        for gone in ["SERVER_PORT", "LOCAL_IP", "HCCL_IF_IP"] {
            assert!(env.get(gone).is_none(), "{gone}");
        }
        let commands = serve_cmd(&layout);
        let first = commands["dp"]["node0"].as_str().expect("a command");
        assert!(
            first.starts_with("vllm serve org/Model-W8A8 --port "),
            "{first}"
        );
        assert!(!first.contains("verysecret") && first.contains("--api-key ***"));
        assert!(first.contains(r#"'{"method": "mtp""#), "{first}");
        assert!(
            commands["dp"]["node1"]
                .as_str()
                .expect("one")
                .contains("--headless")
        );
    }

    #[test]
    fn commands_stand_by_what_their_nodes_are_for() {
        let keys = |name: &str| {
            let commands = serve_cmd(&shipped(name));
            let (form, nodes) = commands
                .as_object()
                .and_then(|c| c.iter().next())
                .expect("one");
            let names = nodes
                .as_object()
                .map(|n| n.keys().cloned().collect::<Vec<_>>());
            (form.clone(), names.unwrap_or_default())
        };
        let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            keys("qwen3-235b-disaggregated.yaml"),
            ("pd".to_owned(), owned(&["decode-0", "prefill-0"]))
        );
        assert_eq!(
            keys("two-prefillers-one-decoder.yaml"),
            (
                "pd".to_owned(),
                owned(&["decode-0", "decode-1", "prefill-0", "prefill-1"])
            )
        );
        let ranks = serve_cmd(&shipped("external-data-parallel.yaml"));
        assert!(ranks["pd"]["decode-0"]["rank-3"].is_string(), "{ranks}");
        assert_eq!(keys("one-node.yaml"), ("mix".to_owned(), vec![]));
        assert_eq!(dtype(&shipped("qwen3-235b-disaggregated.yaml")), "bf16");
    }
}
