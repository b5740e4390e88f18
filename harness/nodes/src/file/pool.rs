//! A pool of the key-value cache that the nodes share: a service on node 0, started before any server and stopped after the last.
//!
//! Promise: ports and addresses that the pool's own files repeat are written by the run, whatever the file says there, so that they cannot differ. Rejected: leaving the
//! service to the cluster (a pool that an earlier run left behind answers with that run's cache).

use serde_json::{Map, Value as Json};
use tribunal_deploy::tree::{Entry, Place, Table, Value};
use tribunal_vocabulary::nearest;

use super::config::Config;
use super::environment::table_of;
use super::reader::Reader;
use super::text::Text;

/// Which program keeps the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// Mooncake's master.
    Mooncake,
    /// MemCache's meta service.
    Memcache,
}

impl PoolKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            PoolKind::Mooncake => "mooncake",
            PoolKind::Memcache => "memcache",
        }
    }
}

/// The pool of the key-value cache.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pool {
    /// Which program keeps it.
    pub kind: PoolKind,
    /// Where it runs.
    pub node: usize,
    /// How it is started.
    pub command: Vec<Text>,
    /// The ports that it listens on; it is ready when each takes a connection.
    pub ports: Vec<u16>,
    /// The files that are written on every node before it starts, into the folder that the variable `POOL_FOLDER` names.
    pub files: Vec<PoolFile>,
    /// The variables that the pool itself has.
    pub own_env: Vec<(String, Text)>,
    /// The variables that every server has beside its own.
    pub env: Vec<(String, Text)>,
}

/// A file that a pool and its clients read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolFile {
    /// Its name within the folder.
    pub name: String,
    /// What it says.
    pub text: Text,
}

const MOONCAKE: [&str; 4] = ["type", "master_port", "metrics_port", "config"];
const MEMCACHE: [&str; 4] = ["type", "meta_service_port", "config_store_port", "config"];
const KINDS: [&str; 2] = ["mooncake", "memcache"];

/// Reads `kv_pool`. `None`: there is none, or something is wrong with it.
pub(crate) fn read(
    reader: &mut Reader,
    root: &Table,
    first: Option<&Option<Config>>,
) -> Option<Pool> {
    let entry = root.entry("kv_pool");
    let table = table_of(reader, entry)?;
    let at = entry?.key_at;
    let kind = reader.needed(table, at, "`kv_pool`", "type", "it is mooncake or memcache")?;
    let name = reader.text(kind)?;
    let mooncake = name == KINDS[0];
    if !KINDS.contains(&&*name) {
        let help = nearest(&name, KINDS).map_or_else(
            || format!("there are {}", KINDS.join(" and ")),
            |near| format!("did you mean `{near}`?"),
        );
        reader.mistake(kind.node.at, format!("there is no pool `{name}`"), &help);
        return None;
    }
    let known = if mooncake { MOONCAKE } else { MEMCACHE };
    reader.known_keys(table, &format!("a pool of {name}"), &known, true);
    let one = port(reader, table, at, known[1], first);
    let two = port(reader, table, at, known[2], first);
    let config = match table.entry("config") {
        Some(entry) => table_of(reader, Some(entry)),
        None => None,
    };
    let (first_port, _) = one?;
    let (second_port, second_at) = two?;
    if first_port == second_port {
        reader.mistake(
            second_at,
            format!("`{}` and `{}` are both {first_port}", known[1], known[2]),
            "each has a port of its own",
        );
        return None;
    }
    if mooncake {
        Some(of_mooncake(first_port, second_port, config))
    } else {
        of_memcache(reader, first_port, second_port, config)
    }
}

/// A port of the pool, that no rank of node 0 takes.
fn port(
    reader: &mut Reader,
    table: &Table,
    at: Place,
    key: &str,
    first: Option<&Option<Config>>,
) -> Option<(u16, Place)> {
    let entry = reader.needed(table, at, "`kv_pool`", key, "it is a port of node 0")?;
    let port = reader.port(entry)?;
    if let Some(Some(config)) = first
        && (config.port_start..config.port_start + config.local).contains(&u32::from(port))
    {
        reader.mistake(
            entry.node.at,
            format!("`{key}` is {port}, which a rank of node 0 takes"),
            "take a port beside those of the ranks",
        );
    }
    Some((port, entry.node.at))
}

/// `path/of/file` in the folder of the pool.
fn in_folder(name: &str) -> Text {
    let mut text = Text::variable("POOL_FOLDER");
    text.push_str(&format!("/{name}"));
    text
}

/// `prefix` with the address of node 0, and a port.
fn at_first(prefix: &str, port: u16) -> Text {
    let mut text = Text::default();
    text.push_str(prefix);
    text.push(&Text::variable("NODE_0_IP"));
    text.push_str(&format!(":{port}"));
    text
}

fn of_mooncake(master: u16, metrics: u16, config: Option<&Table>) -> Pool {
    /// Stands for the address until the JSON is written.
    const HERE: &str = "\u{1}";
    let mut map = config.map_or_else(Map::new, Reader::object);
    map.insert("master_server_address".to_owned(), Json::from(HERE));
    let json = format!("{:#}\n", Json::Object(map));
    let mut text = Text::default();
    // JSON escapes the control character.
    let written = "\\u0001";
    match json.split_once(written) {
        Some((before, after)) => {
            text.push_str(before);
            text.push(&at_first("", master));
            text.push_str(after);
        }
        None => text.push_str(&json),
    }
    let command = [
        "mooncake_master",
        "--port",
        &master.to_string(),
        "--metrics_port",
        &metrics.to_string(),
        "--eviction_high_watermark_ratio",
        "0.9",
        "--eviction_ratio",
        "0.1",
        "--default_kv_lease_ttl",
        "11000",
    ];
    Pool {
        kind: PoolKind::Mooncake,
        node: 0,
        command: command.map(Text::literal).to_vec(),
        ports: vec![master, metrics],
        files: vec![PoolFile {
            name: "mooncake.json".to_owned(),
            text,
        }],
        own_env: Vec::new(),
        env: vec![
            (
                "MOONCAKE_CONFIG_PATH".to_owned(),
                in_folder("mooncake.json"),
            ),
            ("MOONCAKE_MASTER".to_owned(), at_first("", master)),
        ],
    }
}

fn of_memcache(reader: &mut Reader, meta: u16, store: u16, config: Option<&Table>) -> Option<Pool> {
    const PARTS: [&str; 2] = ["meta", "local"];
    if let Some(config) = config {
        reader.known_keys(config, "`config` of memcache", &PARTS, true);
    }
    let mut file = |part: &str, name: &str, store_key: &str| -> PoolFile {
        let written = [
            ("ock.mmc.meta_service_url", at_first("tcp://", meta)),
            (store_key, at_first("tcp://", store)),
        ];
        let mut text = Text::default();
        let entry = config.and_then(|config| config.entry(part));
        for line in table_of(reader, entry)
            .into_iter()
            .flat_map(|table| &table.0)
        {
            if written.iter().all(|(key, _)| *key != line.key) {
                text.push_str(&setting(reader, line));
            }
        }
        for (key, value) in written {
            text.push_str(&format!("{key} = "));
            text.push(&value);
            text.push_str("\n");
        }
        PoolFile {
            name: name.to_owned(),
            text,
        }
    };
    let files = vec![
        file(
            "meta",
            "mmc-meta.conf",
            "ock.mmc.meta_service.config_store_url",
        ),
        file(
            "local",
            "mmc-local.conf",
            "ock.mmc.local_service.config_store_url",
        ),
    ];
    let start = "from memcache_hybrid import MetaService; MetaService.main()";
    Some(Pool {
        kind: PoolKind::Memcache,
        node: 0,
        command: ["python3", "-c", start].map(Text::literal).to_vec(),
        ports: vec![meta, store],
        files,
        own_env: vec![(
            "MMC_META_CONFIG_PATH".to_owned(),
            in_folder("mmc-meta.conf"),
        )],
        env: vec![(
            "MMC_LOCAL_CONFIG_PATH".to_owned(),
            in_folder("mmc-local.conf"),
        )],
    })
}

/// `key = value`, a line; a value with a line break would be two.
fn setting(reader: &mut Reader, line: &Entry) -> String {
    let value = reader
        .spelling(&line.node)
        .filter(|value| !value.contains('\n'));
    let Some(value) =
        value.filter(|_| line.node.value != Value::Null && !line.key.contains(['\n', '=']))
    else {
        reader.wrong(line, "one line of text, a number or a bool", "");
        return String::new();
    };
    format!("{} = {value}\n", line.key)
}
