use std::path::Path;

use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{DataTable, Lookups};

use super::*;
use crate::file::NodesFile;
use crate::run::AsWritten;

const LIMITS: Limits = Limits {
    server: Duration::from_secs(2800),
    service: Duration::from_secs(300),
};

fn layout(text: &str) -> Layout {
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    let read = NodesFile::parse(text, Path::new("a.yaml"), &lookups);
    read.expect("a file").layouts.remove(0)
}

fn shipped(name: &str) -> Layout {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/nodes")
        .join(name);
    layout(&std::fs::read_to_string(path).expect("a shipped file"))
}

/// Nodes 10.0.0.1, 10.0.0.2, … whose free ports count on from 20,000 on each.
fn nodes(layout: &Layout) -> Vec<Surveyed> {
    let asked = questions(layout).into_iter().enumerate();
    asked
        .map(|(node, asked)| Surveyed {
            address: format!("10.0.0.{}", node + 1),
            interface: format!("eth{node}"),
            ports: asked
                .ports
                .into_iter()
                .zip(20_000 + 100 * node as u16..)
                .collect(),
            environment: asked
                .environment
                .into_iter()
                .map(|name| (name, "there".to_owned()))
                .collect(),
            pool_folder: format!("/pool/{node}"),
        })
        .collect()
}

fn plan(layout: &Layout) -> Plan {
    Plan::of(layout, &nodes(layout), &AsWritten, "harness", LIMITS).expect("a plan")
}

fn names(plan: &Plan) -> Vec<Vec<String>> {
    let name = |start: &Start| format!("{}/{}", start.node, start.order.name);
    plan.waves
        .iter()
        .map(|wave| wave.iter().map(name).collect())
        .collect()
}

fn after<'a>(start: &'a Start, option: &str) -> &'a str {
    let at = start.order.argv.iter().position(|word| word == option);
    &start.order.argv[at.expect(option) + 1]
}

#[test]
fn the_reference_file_is_two_servers_and_the_proxy_before_them() {
    let plan = plan(&shipped("qwen3-235b-disaggregated.yaml"));
    assert_eq!(
        names(&plan),
        [vec!["0/server", "1/server"], vec!["0/proxy"]]
    );
    assert_eq!(plan.base, "10.0.0.1:20000");
    let [first, second] = &plan.waves[0][..] else {
        panic!("two servers");
    };
    assert_eq!(after(first, "--port"), "8080");
    assert_eq!(after(second, "--port"), "8004");
    assert_eq!(after(second, "--data-parallel-address"), "10.0.0.2");
    let health = |host: &str, port| Ready::Http {
        host: host.to_owned(),
        port,
        paths: vec!["/health".to_owned()],
    };
    assert_eq!(first.order.ready, health("10.0.0.1", 8080));
    assert_eq!(second.order.ready, health("10.0.0.2", 8004));
    assert!(
        first
            .order
            .env
            .contains(&("HCCL_IF_IP".to_owned(), "10.0.0.1".to_owned()))
    );
    assert!(
        second
            .order
            .env
            .contains(&("GLOO_SOCKET_IFNAME".to_owned(), "eth1".to_owned()))
    );
    let proxy = &plan.waves[1][0].order;
    assert_eq!(proxy.argv[..2], ["harness", "__nodes-proxy"]);
    let routes: Routes =
        serde_json::from_str(after(&plan.waves[1][0], "--routes")).expect("routes");
    let expected = Routes::Pair {
        prefill: vec!["10.0.0.1:8080".to_owned()],
        decode: vec!["10.0.0.2:8004".to_owned()],
    };
    assert_eq!(routes, expected);
    assert_eq!(proxy.limit_ms, 300_000);
    assert!(plan.files.iter().all(Vec::is_empty));
}

#[test]
fn a_pool_comes_before_the_ranks_and_its_files_on_every_node() {
    let plan = plan(&shipped("external-data-parallel.yaml"));
    let ranks = [
        "0/rank-0", "0/rank-1", "1/rank-0", "1/rank-1", "1/rank-2", "1/rank-3",
    ];
    assert_eq!(names(&plan), [&["0/pool"][..], &ranks, &["0/proxy"]]);
    let pool = Ready::Connects {
        host: "10.0.0.1".to_owned(),
        ports: vec![50_088, 50_089],
    };
    assert_eq!(plan.waves[0][0].order.ready, pool);
    for files in &plan.files {
        let [(name, text)] = &files[..] else {
            panic!("one file on each node");
        };
        assert_eq!(name, "mooncake.json");
        assert!(text.contains("10.0.0.1:50088"), "{text}");
    }
    let last = &plan.waves[1][5];
    assert_eq!(after(last, "--port"), "7103");
    assert_eq!(after(last, "--data-parallel-rank"), "3");
    let config = (
        "MOONCAKE_CONFIG_PATH".to_owned(),
        "/pool/1/mooncake.json".to_owned(),
    );
    assert!(last.order.env.contains(&config), "{:?}", last.order.env);
    assert_eq!(plan.base, "10.0.0.1:1999");
}

#[test]
fn a_headless_node_is_ready_when_it_lives_and_is_asked_nothing() {
    let layout = shipped("two-prefillers-one-decoder.yaml");
    let plan = plan(&layout);
    let headless = plan.waves[0]
        .iter()
        .find(|start| start.node == 3)
        .expect("node 3");
    assert_eq!(headless.order.ready, Ready::Alive);
    let routes: Routes =
        serde_json::from_str(after(&plan.waves[1][0], "--routes")).expect("routes");
    let Routes::Pair { prefill, decode } = routes else {
        panic!("{routes:?}");
    };
    assert_eq!((prefill.len(), decode.len()), (2, 1));
    let inherited = &questions(&layout)[0].environment;
    assert_eq!(inherited, &["LD_LIBRARY_PATH"]);
}

#[test]
fn requests_go_to_the_master_where_nothing_stands_before_it() {
    let text = "
test_name: two
model: m
num_nodes: 2
npu_per_node: 8
env_common: { SERVER_PORT: DEFAULT_PORT }
deployment:
  - server_cmd: vllm serve m --port $SERVER_PORT --host 127.0.0.1
  - server_cmd: vllm serve m --headless --data-parallel-address $MASTER_IP
";
    let plan = plan(&layout(text));
    assert_eq!(plan.base, "10.0.0.1:20000");
    // It is asked where it says that it listens.
    let Ready::Http { host, port, .. } = &plan.waves[0][0].order.ready else {
        panic!("an API");
    };
    assert_eq!((host.as_str(), *port), ("127.0.0.1", 20_000));
    assert_eq!(
        after(&plan.waves[0][1], "--data-parallel-address"),
        "10.0.0.1"
    );
}

#[test]
fn what_a_stage_puts_there_is_asked_at_the_address_of_its_node() {
    struct Other;
    impl Stage for Other {
        fn command(&self, _: Subject<'_>, line: CommandLine, address: &str) -> CommandLine {
            let argv = vec!["other".to_owned(), address.to_owned()];
            CommandLine { argv, ..line }
        }
    }
    let text = "
test_name: one
model: m
num_nodes: 1
npu_per_node: 8
deployment:
  - server_cmd: vllm serve m --port 8000 --host 127.0.0.1
";
    let layout = layout(text);
    let plan = Plan::of(&layout, &nodes(&layout), &Other, "harness", LIMITS).expect("a plan");
    let order = &plan.waves[0][0].order;
    assert_eq!(order.argv, ["other", "10.0.0.1"]);
    assert!(matches!(&order.ready, Ready::Http { host, .. } if host == "10.0.0.1"));
}

#[test]
fn where_a_command_listens_is_what_it_says_last_and_nothing_where_that_is_everywhere() {
    let of = |words: &[&str]| host_of(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
    assert_eq!(of(&["a", "--host", "1.2.3.4"]).as_deref(), Some("1.2.3.4"));
    assert_eq!(of(&["a", "--host=x", "--host=y"]).as_deref(), Some("y"));
    for words in [
        &["a"][..],
        &["a", "--host"],
        &["a", "--host", "0.0.0.0"],
        &["a", "--host=::"],
    ] {
        assert_eq!(of(words), None, "{words:?}");
    }
}
