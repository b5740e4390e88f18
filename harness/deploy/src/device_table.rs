//! Reads the table `[devices]`.

use crate::command::arguments;
use crate::devices::{
    CAP_HOLES, DeviceProfile, DeviceUse, FRACTION_HOLES, KV_BYTES_HOLES, KV_TOKENS_HOLES,
};
use crate::node::{Node, Table, Value};
use crate::offer;
use crate::reader::Reader;
use crate::scope::Holes;

/// The most devices of one server.
const MOST: i64 = 1024;
/// The most memory of one device: 64 TiB.
const MOST_GIB: f64 = 65_536.0;

const WHERE: [&str; 2] = ["any", "simulated"];

const KEYS: [&str; 8] = [
    "count",
    "memory_gib",
    "on",
    "start_group",
    "start_spacing",
    "cap",
    "cap_of",
    "profile",
];

/// What one server uses of devices; `None`: the file does not say.
pub(crate) fn read(reader: &mut Reader<'_>, table: &Table) -> Option<DeviceUse> {
    let node = reader.set(table, "devices")?;
    let devices = reader
        .table(
            "devices",
            &node,
            "a table with `count`, `memory_gib` and `cap`",
        )?
        .clone();
    reader.known(&devices, "`devices`", &KEYS);
    let count = count(reader, &devices);
    let memory = memory(reader, &devices);
    let simulated_only = on(reader, &devices);
    let start_group = reader.text_of(&devices, "start_group");
    let start_spacing = reader.duration_of(&devices, "start_spacing");
    if start_spacing.is_some() && devices.get("start_group").is_none() {
        let at = devices.get("start_spacing").map_or(node.at, |node| node.at);
        reader.mistake(
            at,
            "`start_spacing` has no `start_group`",
            Some(
                "starts of one group are spaced: name it, as in start_group = \"vllm\"".to_owned(),
            ),
        );
    }
    let cap = list(reader, &devices, "cap", CAP_HOLES);
    let cap_of = cap_of(reader, &devices);
    let profile = profile(reader, &devices);
    Some(DeviceUse {
        count: count?,
        memory,
        simulated_only,
        start_group,
        start_spacing,
        cap,
        cap_of,
        profile,
    })
}

/// A number, or the product of a list of numbers; parameters that are not set do not count.
fn count(reader: &mut Reader<'_>, table: &Table) -> Option<u32> {
    let Some(node) = table.get("count").cloned() else {
        return Some(1);
    };
    let factors = match node.value {
        Value::List(list) => list,
        _ => vec![node.clone()],
    };
    let mut product: i64 = 1;
    for factor in &factors {
        let Some(value) = reader.value(factor).filter(|node| !node.is_false()) else {
            continue;
        };
        match value.value {
            Value::Int(number) if (1..=MOST).contains(&number) => {
                product = product.saturating_mul(number);
            }
            _ => {
                let message = format!(
                    "`count` must be a number of devices from 1 to {MOST}, not {}",
                    shown(&value)
                );
                let help = "for example count = \"{tensor_parallel}\", or the factors of a product as a list";
                reader.mistake(factor.at, message, Some(help.to_owned()));
                return None;
            }
        }
    }
    if product > MOST {
        reader.mistake(
            node.at,
            format!("`count` is {product} devices; one server may have {MOST}"),
            None,
        );
        return None;
    }
    u32::try_from(product).ok()
}

fn shown(node: &Node) -> String {
    match node.value {
        Value::Int(number) => number.to_string(),
        _ => node.sort().to_owned(),
    }
}

/// Bytes; a fraction of a byte counts as one, so that a need is never rounded away.
fn memory(reader: &mut Reader<'_>, table: &Table) -> Option<u64> {
    let node = reader.set(table, "memory_gib")?;
    let gib = match node.value {
        Value::Int(number) => number as f64,
        Value::Float(number) => number,
        _ => f64::NAN,
    };
    if gib > 0.0 && gib <= MOST_GIB {
        return Some((gib * f64::from(1u32 << 30)).ceil() as u64);
    }
    let wrong = match node.value {
        Value::Int(_) | Value::Float(_) => format!("{gib}"),
        _ => node.sort().to_owned(),
    };
    reader.mistake(
        node.at,
        format!("`memory_gib` must be a number of GiB above 0 and up to {MOST_GIB}, not {wrong}"),
        Some("leave it out where nobody has measured it: then whole devices are taken".to_owned()),
    );
    None
}

fn on(reader: &mut Reader<'_>, table: &Table) -> bool {
    let Some(word) = reader.text_of(table, "on") else {
        return false;
    };
    if !reader.open(&word)
        && !WHERE.contains(&&*word)
        && let Some(node) = table.get("on")
    {
        let near = tribunal_vocabulary::nearest(&word, WHERE);
        let help = near.map_or_else(
            || "\"any\" device, or \"simulated\" ones only".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        reader.mistake(
            node.at,
            format!("`{word}` is no sort of devices"),
            Some(help),
        );
    }
    word == "simulated"
}

/// Arguments, one of which at least says how much.
fn list(
    reader: &mut Reader<'_>,
    table: &Table,
    key: &str,
    holes: &'static [&'static str],
) -> Vec<String> {
    let Some(node) = reader.set(table, key) else {
        return Vec::new();
    };
    let Value::List(list) = &node.value else {
        let message = format!("`{key}` must be a list of arguments, not {}", node.sort());
        let help = format!("for example {key} = [\"--limit\", \"{{{}}}\"]", holes[0]);
        reader.mistake(node.at, message, Some(help));
        return Vec::new();
    };
    let before = reader.found.len();
    let out = arguments(reader, list, Holes::Limit(holes));
    let says = |text: &String| {
        holes
            .iter()
            .any(|name| text.contains(&format!("{{{name}}}")))
    };
    if reader.found.len() == before && !list.is_empty() && !out.iter().any(says) {
        let all: Vec<String> = holes.iter().map(|name| format!("{{{name}}}")).collect();
        reader.mistake(
            node.at,
            format!("`{key}` does not say how much"),
            Some(format!("put {} where the figure belongs", all.join(" or "))),
        );
    }
    out
}

fn cap_of(reader: &mut Reader<'_>, table: &Table) -> Option<String> {
    let node = reader.set(table, "cap_of")?;
    let pattern = reader.text("cap_of", &node)?;
    let names: Vec<&str> = reader.scope.parts.iter().map(|(name, _)| &**name).collect();
    let matches = names.contains(&&*pattern) || !reader.scope.matching(&pattern).is_empty();
    if !matches && !reader.open(&pattern) {
        let all: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        reader.mistake(
            node.at,
            format!("no part is called `{pattern}`"),
            Some(format!("there is: {}", all.join(", "))),
        );
        return None;
    }
    Some(pattern)
}

fn profile(reader: &mut Reader<'_>, table: &Table) -> DeviceProfile {
    let Some(node) = reader.set(table, "profile") else {
        return DeviceProfile::default();
    };
    let wanted = "a table with `fraction`, `kv_bytes` or `kv_tokens`";
    let Some(table) = reader.table("profile", &node, wanted).cloned() else {
        return DeviceProfile::default();
    };
    reader.known(
        &table,
        "`profile`",
        &["fraction", "kv_bytes", "kv_tokens", "kv_tokens_log"],
    );
    let log = reader
        .verbatim_of(&table, "kv_tokens_log")
        .filter(|pattern| {
            table
                .get("kv_tokens_log")
                .is_some_and(|node| with_group(reader, node, pattern))
        });
    DeviceProfile {
        fraction: list(reader, &table, "fraction", FRACTION_HOLES),
        kv_bytes: list(reader, &table, "kv_bytes", KV_BYTES_HOLES),
        kv_tokens: list(reader, &table, "kv_tokens", KV_TOKENS_HOLES),
        kv_tokens_log: log,
    }
}

/// Whether an expression parses and has the group that finds the number.
fn with_group(reader: &mut Reader<'_>, node: &Node, pattern: &str) -> bool {
    if offer::expression(reader, node, pattern).is_none() {
        return false;
    }
    let groups = regex::Regex::new(pattern).map_or(0, |expression| expression.captures_len());
    if groups < 2 {
        reader.mistake(
            node.at,
            format!("`{pattern}` has no group for the number"),
            Some("put it into brackets: 'max_total_num_tokens=(\\d+)'".to_owned()),
        );
    }
    groups >= 2
}
