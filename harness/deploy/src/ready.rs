//! Reads what must hold before a process counts as ready.

use tribunal_serving::Readiness;

use crate::node::{Table, Value};
use crate::reader::Reader;

/// Reads `ready`: a table, or one of the words `"listening"` and `"alive"`.
pub(crate) fn read(reader: &mut Reader<'_>, table: &Table, usual: Readiness) -> Readiness {
    let Some(node) = reader.set(table, "ready") else {
        return usual;
    };
    let within = usual.within;
    match node.text() {
        Some("listening") => {
            return Readiness {
                within,
                ..Readiness::listening()
            };
        }
        Some("alive") => {
            return Readiness {
                within,
                ..Readiness::alive()
            };
        }
        Some(word) => {
            let near = tribunal_vocabulary::nearest(word, ["listening", "alive"]);
            let help = near.map_or_else(
                || "\"listening\", \"alive\", or a table".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            reader.mistake(node.at, format!("`{word}` is no readiness"), Some(help));
            return usual;
        }
        None => {}
    }
    let Some(table) = reader
        .table("ready", &node, "a table, \"listening\" or \"alive\"")
        .cloned()
    else {
        return usual;
    };
    reader.known(
        &table,
        "`ready`",
        &["within", "listens", "health", "models", "one_token"],
    );
    let listens = reader.bool_of(&table, "listens").unwrap_or(usual.listens);
    let one_token = reader
        .bool_of(&table, "one_token")
        .unwrap_or(usual.one_token);
    Readiness {
        within: reader.duration_of(&table, "within").unwrap_or(within),
        health: route(reader, &table, "health", usual.health, "/health"),
        models: route(reader, &table, "models", usual.models, "/v1/models"),
        listens,
        one_token,
    }
}

/// A route: text, `true` for the usual one, `false` for none.
fn route(
    reader: &mut Reader<'_>,
    table: &Table,
    key: &str,
    usual: Option<String>,
    yes: &str,
) -> Option<String> {
    let Some(node) = table.get(key).cloned() else {
        return usual;
    };
    match node.value {
        Value::Bool(true) => return Some(yes.to_owned()),
        Value::Bool(false) => return None,
        _ => {}
    }
    let text = reader.text_of(table, key)?;
    if !text.starts_with('/') && !reader.open(&text) {
        reader.mistake(
            node.at,
            format!("`{text}` is no route: it does not begin with /"),
            Some(format!(
                "for example {key} = {yes:?}, or {key} = false for none"
            )),
        );
        return None;
    }
    Some(text)
}
