//! The other forms: what the shipped files mean, and what small ones show.

use std::collections::BTreeMap;
use std::path::Path;

use tribunal_nodes::{
    Form, Layout, NodesFile, Phase, Places, PoolKind, Port, Role, Targets, Unresolved,
};
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{DataTable, Lookups};

fn parse(text: &str) -> Result<NodesFile, String> {
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    NodesFile::parse(text, Path::new("dir/some-name.yaml"), &lookups)
        .map_err(|problems| problems.to_string())
}

fn shipped(name: &str) -> NodesFile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/nodes")
        .join(name);
    let text = std::fs::read_to_string(path).expect("it is there");
    parse(&text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// One node with this command and environment.
fn one(command: &str, env: &str) -> Layout {
    let command = serde_json::Value::from(command);
    let text = format!(
        "model: m\nnum_nodes: 1\nnpu_per_node: 8\nenv_common: {env}\ndeployment: [{{server_cmd: {command}}}]\n"
    );
    let mut file = parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    file.layouts.remove(0)
}

fn places(nodes: usize) -> Places {
    Places {
        addresses: (1..=nodes).map(|node| format!("10.0.0.{node}")).collect(),
        interface: "eth0".to_owned(),
        pool_folder: Some("/run/pool".to_owned()),
        ..Places::default()
    }
}

fn words(layout: &Layout) -> Vec<String> {
    layout.command(0, 0, &places(1)).expect("all is known")
}

#[test]
fn a_command_is_split_as_a_shell_would() {
    for (line, want) in [
        ("serve a  b\n\tc", vec!["serve", "a", "b", "c"]),
        ("serve 'a b' \"c d\"e'f'", vec!["serve", "a b", "c def"]),
        ("serve 'a\n b'", vec!["serve", "a\n b"]),
        (
            r#"serve \' \" "\"\\\x" '\n'"#,
            vec!["serve", "'", "\"", "\"\\\\x", "\\n"],
        ),
        ("serve a\\\nb \\\n c", vec!["serve", "ab", "c"]),
        ("serve '' \"\" $EMPTY \"$EMPTY\"", vec!["serve", "", "", ""]),
        (
            "serve $TWO \"$TWO\" '$TWO' x$TWO",
            vec!["serve", "p", "q", "p q", "p q", "xp", "q"],
        ),
        (
            "serve ${LOCAL_IP}:1 '$OTHER' a$ $1",
            vec!["serve", "10.0.0.1:1", "$OTHER", "a$", "$1"],
        ),
        ("serve a=b --c=d", vec!["serve", "a=b", "--c=d"]),
    ] {
        let layout = one(line, "{TWO: p q, EMPTY: ''}");
        assert_eq!(words(&layout), want, "{line}");
    }
}

#[test]
fn values_refer_to_each_other_in_any_order() {
    let layout = one(
        "serve $A $PORT",
        "{A: \"x-$B\", B: '${C}y', C: 5, PORT: DEFAULT_PORT, PATH: \"/opt:$PATH\"}",
    );
    assert_eq!(layout.nodes[0].free_ports, ["PORT"]);
    let mut places = places(1);
    let missing = layout.command(0, 0, &places);
    assert_eq!(
        missing,
        Err(Unresolved {
            name: "PORT".to_owned()
        })
    );
    places.ports.insert("PORT".to_owned(), 4711);
    places.environment = BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]);
    assert_eq!(
        layout.command(0, 0, &places).unwrap(),
        ["serve", "x-5y", "4711"]
    );
    let env: BTreeMap<String, String> = layout.env(0, 0, &places).unwrap().into_iter().collect();
    assert_eq!(env["PATH"], "/opt:/bin");
    assert_eq!(env["PORT"], "4711");
}

#[test]
fn numbers_keep_their_spelling_and_bools_are_those_of_the_file() {
    let layout = one("serve", "{A: 0.90, B: true, C: False, D: 100, E: \"True\"}");
    let env: BTreeMap<String, String> = layout.env(0, 0, &places(1)).unwrap().into_iter().collect();
    let values = ["A", "B", "C", "D", "E"].map(|name| env[name].as_str());
    assert_eq!(values, ["0.90", "true", "false", "100", "True"]);
}

#[test]
fn a_file_without_a_name_has_that_of_the_file() {
    assert_eq!(one("serve", "{}").test_name, "some-name");
    assert_eq!(one("serve", "{}").name, "some_name");
}

#[test]
fn two_prefillers_and_a_decoder_over_two_nodes() {
    let file = shipped("two-prefillers-one-decoder.yaml");
    let layout = &file.layouts[0];
    let nodes: Vec<_> = layout
        .nodes
        .iter()
        .map(|node| {
            (
                node.role,
                node.master,
                node.headless,
                node.processes[0].port.is_some(),
            )
        })
        .collect();
    assert_eq!(
        nodes,
        [
            (Role::Prefill, 0, false, true),
            (Role::Prefill, 0, false, true),
            (Role::Decode, 2, false, true),
            (Role::Decode, 2, true, false),
        ]
    );
    let headless = layout.command(3, 0, &places(4)).unwrap();
    assert!(
        headless
            .windows(2)
            .any(|pair| pair == ["--data-parallel-address", "10.0.0.3"])
    );
    let first = layout.env(0, 0, &places(4)).unwrap();
    assert!(first.contains(&("HCCL_BUFFSIZE".to_owned(), "1024".to_owned())));
    let third = layout.env(2, 0, &places(4)).unwrap();
    assert!(third.contains(&("HCCL_BUFFSIZE".to_owned(), "2048".to_owned())));
    let proxy = layout.proxy.as_ref().expect("prefill and decode are apart");
    assert_eq!(
        proxy.targets,
        Targets::Pair {
            prefill: vec![(0, 0), (1, 0)],
            decode: vec![(2, 0)]
        }
    );
    assert_eq!(proxy.port, Port::Free("PROXY_PORT".to_owned()));
}

#[test]
fn a_script_of_the_environment_is_the_proxy() {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fixtures/nodes/two-prefillers-one-decoder.yaml"),
    )
    .unwrap();
    let text = text.replace(
        "  SERVER_PORT: 8080\n",
        "  SERVER_PORT: 8080\n  DISAGGREGATED_PREFILL_PROXY_SCRIPT: proxy.py\n  PROXY_PORT: 7777\n",
    );
    let layout = parse(&text).unwrap().layouts.remove(0);
    let proxy = layout.proxy.clone().unwrap();
    let variables = layout.variables(0, &places(4));
    let command: Vec<String> = proxy
        .command
        .unwrap()
        .iter()
        .map(|text| text.resolve(&variables).unwrap())
        .collect();
    let want = "python3 proxy.py --host 10.0.0.1 --port 7777 --prefiller-hosts 10.0.0.1 10.0.0.2 --prefiller-ports 8080 8080 --decoder-hosts 10.0.0.3 --decoder-ports 8080";
    assert_eq!(command.join(" "), want);
}

#[test]
fn headless_is_added_where_the_file_asks_for_it() {
    let text = |said: &str, more: &str| {
        format!(
            "model: m\nnum_nodes: 2\nnpu_per_node: 8\ndeployment:\n  - server_cmd: vllm serve m --port 1\n  - headless: {said}\n    server_cmd: vllm serve m --port 2 {more}\n"
        )
    };
    let layout = parse(&text("true", "")).unwrap().layouts.remove(0);
    assert!(layout.nodes[1].headless);
    assert_eq!(layout.nodes[1].processes[0].port, None);
    let command = layout.command(1, 0, &places(2)).unwrap();
    assert_eq!(command.last().map(String::as_str), Some("--headless"));
    let layout = parse(&text("true", "--headless"))
        .unwrap()
        .layouts
        .remove(0);
    let command = layout.command(1, 0, &places(2)).unwrap();
    assert_eq!(
        command.iter().filter(|word| *word == "--headless").count(),
        1
    );
    let layout = parse(&text("false", "")).unwrap().layouts.remove(0);
    assert_eq!(layout.nodes[1].processes[0].port, Some(Port::Fixed(2)));
    let told = parse(&text("true", "--api-server-count 2")).unwrap_err();
    assert!(told.contains("asks for API servers"), "{told}");
}

#[test]
fn separation_that_is_off_has_no_roles() {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fixtures/nodes/qwen3-235b-disaggregated.yaml"),
    )
    .unwrap();
    let text = text
        .replace("  enabled: true", "  enabled: false")
        .replace("    headless: true", "    headless: false");
    let layout = parse(&text).unwrap().layouts.remove(0);
    assert_eq!(layout.disaggregated, None);
    assert_eq!(layout.proxy, None);
    assert!(layout.nodes.iter().all(|node| node.role == Role::Both));
}

#[test]
fn each_rank_is_a_process_with_its_own_port_and_devices() {
    let file = shipped("external-data-parallel.yaml");
    assert_eq!(file.form, Form::ExternalDataParallel);
    let layout = &file.layouts[0];
    let ranks: Vec<_> = layout
        .nodes
        .iter()
        .flat_map(|node| &node.processes)
        .map(|process| {
            let rank = process.rank.clone().expect("every process is a rank");
            (process.port.clone(), rank.global, rank.devices)
        })
        .collect();
    let fixed = |port| Some(Port::Fixed(port));
    assert_eq!(
        ranks,
        [
            (fixed(7100), 0, vec![0, 1, 2, 3]),
            (fixed(7101), 1, vec![4, 5, 6, 7]),
            (fixed(7100), 0, vec![0, 1]),
            (fixed(7101), 1, vec![2, 3]),
            (fixed(7102), 2, vec![4, 5]),
            (fixed(7103), 3, vec![6, 7]),
        ]
    );
    let command = layout.command(1, 2, &places(2)).unwrap().join(" ");
    let want = "vllm serve vllm-ascend/DeepSeek-V2-Lite-W8A8 --host 0.0.0.0 --port 7102 --data-parallel-size 4 --data-parallel-rank 2 --data-parallel-address 10.0.0.2 --data-parallel-rpc-port 12321 --tensor-parallel-size 2 --kv-transfer-config";
    assert!(command.starts_with(want), "{command}");
    let env: BTreeMap<String, String> = layout.env(1, 2, &places(2)).unwrap().into_iter().collect();
    assert_eq!(env["ASCEND_RT_VISIBLE_DEVICES"], "4,5");
    assert_eq!(env["MOONCAKE_CONFIG_PATH"], "/run/pool/mooncake.json");
    assert_eq!(env["MOONCAKE_MASTER"], "10.0.0.1:50088");
    let proxy = layout.proxy.as_ref().expect("it has routing");
    assert_eq!(proxy.port, Port::Fixed(1999));
    let Targets::Pair { prefill, decode } = &proxy.targets else {
        panic!("{:?}", proxy.targets);
    };
    assert_eq!((prefill.len(), decode.len()), (2, 4));
}

#[test]
fn a_pool_writes_the_addresses_of_the_run() {
    let file = shipped("external-data-parallel.yaml");
    let layout = &file.layouts[0];
    let pool = layout.pool.as_ref().expect("it has one");
    assert_eq!(
        (pool.kind, &pool.ports[..]),
        (PoolKind::Mooncake, &[50088, 50089][..])
    );
    let text = pool.files[0]
        .text
        .resolve(&layout.variables(1, &places(2)))
        .unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["master_server_address"], "10.0.0.1:50088");
    assert_eq!(json["protocol"], "ascend");

    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/nodes/external-data-parallel.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once("kv_pool:\n").unwrap();
    let (_, after) = rest.split_once("\nconfig:\n").unwrap();
    let pool = "kv_pool:\n  type: memcache\n  meta_service_port: 5000\n  config_store_port: 6000\n  config:\n    meta: {ock.mmc.log_level: error}\n    local: {ock.mmc.local_service.dram.size: 1GB, ock.mmc.meta_service_url: nowhere}\n";
    let layout = parse(&format!("{before}{pool}\nconfig:\n{after}"))
        .unwrap()
        .layouts
        .remove(0);
    let pool = layout.pool.clone().expect("it has one");
    let variables = layout.variables(0, &places(2));
    let files: Vec<(&str, String)> = pool
        .files
        .iter()
        .map(|file| (file.name.as_str(), file.text.resolve(&variables).unwrap()))
        .collect();
    assert_eq!(
        files,
        [
            ("mmc-meta.conf", "ock.mmc.log_level = error\nock.mmc.meta_service_url = tcp://10.0.0.1:5000\nock.mmc.meta_service.config_store_url = tcp://10.0.0.1:6000\n".to_owned()),
            ("mmc-local.conf", "ock.mmc.local_service.dram.size = 1GB\nock.mmc.meta_service_url = tcp://10.0.0.1:5000\nock.mmc.local_service.config_store_url = tcp://10.0.0.1:6000\n".to_owned()),
        ]
    );
}

#[test]
fn the_cases_of_one_node() {
    let file = shipped("one-node.yaml");
    assert_eq!(file.form, Form::SingleNode);
    let [first, apart, instances] = &file.layouts[..] else {
        panic!("{} layouts", file.layouts.len());
    };
    assert_eq!(first.nodes[0].free_ports, ["SERVER_PORT"]);
    let mut places = places(1);
    places.ports.insert("SERVER_PORT".to_owned(), 5000);
    let command = first.command(0, 0, &places).unwrap();
    assert_eq!(
        command[..7],
        [
            "vllm",
            "serve",
            "Qwen/Qwen3-32B",
            "--tensor-parallel-size",
            "4",
            "--port",
            "5000"
        ]
    );
    let content = first.content.as_ref().expect("it has one");
    assert_eq!(content.phases, [Phase::Completion, Phase::ChatCompletion]);
    assert_eq!(content.request["max_tokens"], 10);
    assert_eq!(
        first.workload.as_ref().map(|case| case.steps.len()),
        Some(1)
    );

    let roles: Vec<_> = apart.nodes[0]
        .processes
        .iter()
        .map(|process| (process.name.as_str(), process.role))
        .collect();
    assert_eq!(roles, [("encoder", Role::Encode), ("rest", Role::Both)]);
    let proxy = apart.proxy.as_ref().expect("it has one");
    assert_eq!(proxy.port, Port::Free("PROXY_PORT".to_owned()));
    assert_eq!(
        proxy.targets,
        Targets::Encode {
            encode: vec![(0, 0)],
            rest: vec![(0, 1)]
        }
    );
    assert!(
        apart
            .content
            .as_ref()
            .is_some_and(|content| content.phases.is_empty())
    );

    let ports: Vec<_> = instances.nodes[0]
        .processes
        .iter()
        .map(|process| process.port.clone())
        .collect();
    assert_eq!(ports, [Some(Port::Fixed(8080)), Some(Port::Fixed(8081))]);
    assert_eq!(
        instances
            .content
            .as_ref()
            .map(|content| content.phases.clone()),
        Some(vec![Phase::Completion])
    );
    assert_eq!(instances.workload, None);
}

#[test]
fn local_index_says_which_node_whatever_the_order() {
    let text = "model: m\nnum_nodes: 2\nnpu_per_node: 8\ndeployment:\n  - local_index: 1\n    server_cmd: serve second $NODE_INDEX\n  - local_index: 0\n    server_cmd: serve first $LOCAL_IP\n";
    let layout = parse(text).unwrap().layouts.remove(0);
    let indices: Vec<usize> = layout.nodes.iter().map(|node| node.index).collect();
    assert_eq!(indices, [0, 1]);
    let command = |node| layout.command(node, 0, &places(2)).unwrap();
    assert_eq!(command(0), ["serve", "first", "10.0.0.1"]);
    assert_eq!(command(1), ["serve", "second", "1"]);
}
