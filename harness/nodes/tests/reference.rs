//! The example of the nightly tests' guide, unchanged: what it means.

use std::path::{Path, PathBuf};

use tribunal_nodes::{Form, Layout, NodesFile, Places, Port, Role, Targets};
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{DataTable, Lookups, Purpose};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/nodes")
        .join(name)
}

fn read(path: &Path) -> NodesFile {
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    NodesFile::read(path, &lookups).unwrap_or_else(|problems| panic!("{problems}"))
}

fn two() -> Places {
    Places {
        addresses: vec!["10.0.0.1".to_owned(), "10.0.0.2".to_owned()],
        interface: "eth7".to_owned(),
        ..Places::default()
    }
}

fn env<'a>(env: &'a [(String, String)], name: &str) -> Option<&'a str> {
    env.iter()
        .find(|(there, _)| there == name)
        .map(|(_, value)| value.as_str())
}

fn after<'a>(command: &'a [String], option: &str) -> Option<&'a str> {
    let at = command.iter().position(|word| word == option)?;
    command.get(at + 1).map(String::as_str)
}

fn reference() -> (NodesFile, Layout) {
    let file = read(&shipped("qwen3-235b-disaggregated.yaml"));
    let layout = file.layouts[0].clone();
    (file, layout)
}

#[test]
fn one_layout_of_two_nodes() {
    let (file, layout) = reference();
    assert_eq!(file.form, Form::MultiNode);
    assert_eq!(file.layouts.len(), 1);
    assert_eq!(layout.test_name, "test Qwen3-235B-A22B-W8A8");
    assert_eq!(layout.model, "vllm-ascend/Qwen3-235B-A22B-W8A8");
    assert_eq!(layout.npus_per_node, Some(16));
    let nodes: Vec<_> = layout
        .nodes
        .iter()
        .map(|node| (node.index, node.role, node.master, node.headless))
        .collect();
    assert_eq!(
        nodes,
        [(0, Role::Prefill, 0, false), (1, Role::Decode, 0, false)]
    );
    let ports: Vec<_> = layout
        .nodes
        .iter()
        .map(|node| node.processes[0].port.clone())
        .collect();
    assert_eq!(ports, [Some(Port::Fixed(8080)), Some(Port::Fixed(8004))]);
    assert_eq!(layout.nodes[0].processes[0].devices, Some(16));
}

#[test]
fn commands_are_words_with_the_addresses_of_their_node() {
    let (_, layout) = reference();
    let first = layout.command(0, 0, &two()).unwrap();
    assert_eq!(
        first[..3],
        ["vllm", "serve", "vllm-ascend/Qwen3-235B-A22B-W8A8"]
    );
    assert_eq!(after(&first, "--port"), Some("8080"));
    assert_eq!(after(&first, "--data-parallel-address"), Some("10.0.0.1"));
    let json: serde_json::Value =
        serde_json::from_str(after(&first, "--kv-transfer-config").unwrap()).unwrap();
    assert_eq!(json["kv_role"], "kv_producer");
    assert_eq!(json["kv_connector_extra_config"]["decode"]["tp_size"], 8);
    assert_eq!(first.len(), 3 + 2 * 12 + 3 + 2);
    let second = layout.command(1, 0, &two()).unwrap();
    assert_eq!(after(&second, "--data-parallel-address"), Some("10.0.0.2"));
    assert_eq!(
        after(&second, "--compilation-config"),
        Some(r#"{"cudagraph_capture_sizes":[16]}"#)
    );
    assert!(!second.iter().any(|word| word == "--headless"));
}

#[test]
fn the_environment_is_that_of_the_file_and_of_the_run() {
    let (_, layout) = reference();
    let of_first = layout.env(0, 0, &two()).unwrap();
    for (name, value) in [
        ("VLLM_USE_MODELSCOPE", "true"),
        ("OMP_PROC_BIND", "false"),
        ("OMP_NUM_THREADS", "100"),
        ("SERVER_PORT", "8080"),
        ("LOCAL_IP", "10.0.0.1"),
        ("HCCL_IF_IP", "10.0.0.1"),
        ("HCCL_SOCKET_IFNAME", "eth7"),
        ("MASTER_IP", "10.0.0.1"),
    ] {
        assert_eq!(env(&of_first, name), Some(value), "{name}");
    }
    let of_second = layout.env(1, 0, &two()).unwrap();
    assert_eq!(env(&of_second, "LOCAL_IP"), Some("10.0.0.2"));
    assert_eq!(env(&of_second, "MASTER_IP"), Some("10.0.0.1"));
}

#[test]
fn the_only_decoder_keeps_its_port_though_it_is_called_headless() {
    let (file, layout) = reference();
    let note = file
        .notes
        .iter()
        .find(|note| note.text.contains("headless"));
    assert_eq!(note.map(|note| note.line), Some(78), "{:#?}", file.notes);
    let proxy = layout.proxy.unwrap();
    assert_eq!(proxy.node, 0);
    assert_eq!(proxy.command, None);
    assert_eq!(
        proxy.targets,
        Targets::Pair {
            prefill: vec![(0, 0)],
            decode: vec![(1, 0)]
        }
    );
}

#[test]
fn both_benchmarks_are_read() {
    let (_, layout) = reference();
    let case = layout.workload.unwrap();
    let purposes: Vec<_> = case.steps.iter().map(|step| step.purpose).collect();
    assert_eq!(purposes, [Purpose::Performance, Purpose::Accuracy]);
}
