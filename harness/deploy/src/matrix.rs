//! Reads `[matrix]`: the features of a model, each with its variants, to be tested in few cases.
//!
//! Promise: names are identifiers, unique, and what they refer to is there; so that a drawing can only fail for having too much to draw from.
//! Rejected: reading features from the parameters of a deployment (a parameter does not say what it excludes, nor how many devices it takes).

use tribunal_vocabulary::nearest;

use crate::draw::{Cover, Feature, Matrix, Priority, Variant};
use crate::node::{Entry, Node, Table, Value};
use crate::reader::{Reader, list};

/// Every feature that a matrix may have and a test may ask for.
pub const MATRIX_FEATURES: [&str; 6] = [
    "cache",
    "parallelism",
    "offload",
    "quantization",
    "speculation",
    "scheduling",
];

/// Keys of `[matrix]` that are no features.
const KEYS: [&str; 4] = ["priority", "cover", "devices", "together"];
/// Keys of one variant.
const VARIANT: [&str; 5] = ["set", "devices", "at_least", "excludes", "instead_of"];
/// More devices than any case gets.
const MOST_DEVICES: i64 = 4096;

pub(crate) fn read(reader: &mut Reader<'_>, table: &Table) -> Option<Matrix> {
    let node = reader.set(table, "matrix")?;
    let wanted = "a table of features, each a table of variants";
    let table = reader.table("matrix", &node, wanted)?.clone();
    let known: Vec<&str> = KEYS.into_iter().chain(MATRIX_FEATURES).collect();
    reader.known(&table, "`matrix`", &known);
    let (devices, device) = devices(reader, &table);
    let mut matrix = Matrix {
        priority: word(
            reader,
            &table,
            "priority",
            &[("high", Priority::High), ("normal", Priority::Normal)],
        ),
        cover: word(
            reader,
            &table,
            "cover",
            &[("each", Cover::Each), ("pairs", Cover::Pairs)],
        ),
        devices,
        device,
        features: vec![],
    };
    let together = reader.texts_of(&table, "together");
    for entry in table
        .0
        .iter()
        .filter(|e| MATRIX_FEATURES.contains(&&*e.key))
    {
        let Some(node) = reader.set(&table, &entry.key) else {
            continue;
        };
        let Some(variants) = reader.table(&entry.key, &node, "a table of variants") else {
            continue;
        };
        let variants = variants.clone();
        let read = |entry| variant(reader, &variants, entry);
        let variants = variants.0.iter().filter_map(read).collect();
        matrix.features.push(Feature {
            name: entry.key.clone(),
            together: together.contains(&entry.key),
            variants,
        });
    }
    for name in &together {
        refers(
            reader,
            node_of(&table, "together", &node),
            name,
            &features(&matrix),
        );
    }
    references(reader, &table, &matrix);
    Some(matrix)
}

fn features(matrix: &Matrix) -> Vec<String> {
    matrix.features.iter().map(|f| f.name.clone()).collect()
}

fn node_of<'a>(table: &'a Table, key: &str, or: &'a Node) -> &'a Node {
    table.get(key).unwrap_or(or)
}

/// One of some words, the first where none is written.
fn word<T: Copy>(reader: &mut Reader<'_>, table: &Table, key: &str, words: &[(&str, T)]) -> T {
    let usual = words[0].1;
    let Some(text) = reader.text_of(table, key) else {
        return usual;
    };
    if let Some((_, found)) = words.iter().find(|(word, _)| *word == text) {
        return *found;
    }
    if let Some(node) = table.get(key) {
        let known = list(words.iter().map(|(word, _)| *word));
        let message = format!("`{text}` is no {key} of a matrix");
        reader.mistake(node.at, message, Some(format!("known: {known}")));
    }
    usual
}

/// `4` or `"4xL4"`: how many devices a case may use, and of which model.
fn devices(reader: &mut Reader<'_>, table: &Table) -> (u32, Option<String>) {
    let Some(node) = reader.set(table, "devices") else {
        return (1, None);
    };
    let text = node.scalar().unwrap_or_default();
    let (count, model) = match text.split_once('x') {
        Some((count, model)) => (count, Some(model.trim().to_owned())),
        None => (text.as_str(), None),
    };
    match count.trim().parse::<u32>() {
        Ok(count @ 1..=4096) if model.as_deref() != Some("") => (count, model),
        _ => {
            let help = "write how many a case may use, and of which model: 4, or \"4xL4\"";
            let message = format!("`{text}` says no devices");
            reader.mistake(node.at, message, Some(help.to_owned()));
            (1, None)
        }
    }
}

fn variant(reader: &mut Reader<'_>, variants: &Table, entry: &Entry) -> Option<Variant> {
    let name = &entry.key;
    let letters = name.starts_with(|c: char| c.is_ascii_lowercase());
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !letters || !name.chars().all(plain) || name.contains("__") {
        let help = "it becomes a part of names of cases: small letters, digits, single `_`, a letter first";
        let message = format!("`{name}` is no name of a variant");
        reader.mistake(entry.key_at, message, Some(help.to_owned()));
        return None;
    }
    let mut variant = Variant {
        name: name.clone(),
        devices: 1,
        at_least: 1,
        ..Variant::default()
    };
    match &entry.node.value {
        Value::Bool(false) => {
            variant.lacking = Some("the deployment says that the model lacks it".into());
            return Some(variant);
        }
        Value::Text(why) if !why.trim().is_empty() => {
            variant.lacking = Some(why.clone());
            return Some(variant);
        }
        _ => {}
    }
    let node = reader.set(variants, name)?;
    let wanted = "a table with `set`; or `false`, or a text that says why the model lacks it";
    let table = reader.table(name, &node, wanted)?.clone();
    reader.known(&table, &format!("the variant `{name}`"), &VARIANT);
    let count = |reader: &mut Reader<'_>, key: &str| {
        let count = reader.int_of(&table, key, 1..=MOST_DEVICES);
        count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(1)
    };
    variant.devices = count(reader, "devices");
    variant.at_least = count(reader, "at_least");
    variant.excludes = reader.texts_of(&table, "excludes");
    variant.instead_of = reader.text_of(&table, "instead_of");
    if let Some(node) = table.get("set") {
        for node in reader.elements("set", node, "a list of texts") {
            let text = reader.verbatim("set", &node)?;
            if !text.contains('=') {
                let help = "write what --set takes: KEY=VALUE";
                reader.mistake(
                    node.at,
                    format!("`{text}` sets nothing"),
                    Some(help.to_owned()),
                );
            }
            variant.set.push(text);
        }
    }
    Some(variant)
}

/// What variants name is there, and no name is there twice.
fn references(reader: &mut Reader<'_>, table: &Table, matrix: &Matrix) {
    let all: Vec<&Variant> = matrix.features.iter().flat_map(|f| &f.variants).collect();
    let mut names: Vec<String> = all.iter().map(|v| v.name.clone()).collect();
    let mut seen: Vec<&str> = vec![];
    for feature in &matrix.features {
        let Some(variants) = table.get(&feature.name).and_then(Node::table) else {
            continue;
        };
        for variant in &feature.variants {
            let Some(entry) = variants.entry(&variant.name) else {
                continue;
            };
            if seen.contains(&variant.name.as_str()) {
                let message = format!("two variants are called `{}`", variant.name);
                reader.mistake(entry.key_at, message, None);
            }
            seen.push(&variant.name);
            if let Some(other) = &variant.instead_of {
                refers(reader, &entry.node, other, &names);
            }
        }
    }
    names.extend(features(matrix));
    for feature in &matrix.features {
        let variants = table.get(&feature.name).and_then(Node::table);
        for variant in &feature.variants {
            let entry = variants.and_then(|v| v.entry(&variant.name));
            for other in &variant.excludes {
                if let Some(entry) = entry {
                    refers(reader, &entry.node, other, &names);
                }
            }
        }
    }
}

fn refers(reader: &mut Reader<'_>, node: &Node, name: &str, names: &[String]) {
    if names.iter().any(|known| known == name) {
        return;
    }
    let known = || names.iter().map(String::as_str);
    let help = match nearest(name, known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", list(known())),
    };
    reader.mistake(node.at, format!("the matrix has no `{name}`"), Some(help));
}
