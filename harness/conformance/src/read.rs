//! Reads a route from its file: the one place that knows the keys.
//!
//! Promise: a row of which something is unclear is a mistake with its line, never a row that silently tests nothing: an unknown key, a field that the
//! valid request does not have, two rows of one name or of the same rule and field.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use serde_json::Value;
use toml::de::DeTable;
use tribunal_vocabulary::parse_duration;

use crate::change::{self, Change};
use crate::expect::{Expected, Says, Severity};
use crate::frame::Frame;
use crate::route::{BadRequest, Canary, Field, Payload, Route};
use tribunal_tables::{File, Mistakes};

const FILE_KEYS: [&str; 12] = [
    "doc",
    "capability",
    "method",
    "path",
    "source",
    "limit",
    "canary",
    "base",
    "form",
    "socket",
    "frames",
    "row",
];
const ROW_KEYS: [&str; 24] = [
    "id",
    "rule",
    "field",
    "why",
    "set",
    "remove",
    "json",
    "text",
    "hex",
    "content_type",
    "nothing",
    "frames",
    "method",
    "path",
    "status",
    "should",
    "must_with",
    "names",
    "says_any",
    "says_all",
    "needs",
    "unless",
    "limit",
    "times",
];

/// How long the answer to a bad request may take where the file does not say. A refusal costs a server nothing; the rest is for machines that are busy.
const LIMIT: Duration = Duration::from_secs(20);

impl Route {
    /// Reads a route.
    ///
    /// # Errors
    /// All mistakes of the text.
    pub fn parse(name: &str, text: &str, shown: &str) -> Result<Route, Mistakes> {
        let mut file = File::new(text);
        let route = file.parse().map(|table| read(&mut file, name, &table));
        file.done(shown)?;
        // Without a mistake there was a table.
        route.ok_or_else(|| Mistakes {
            file: shown.to_owned(),
            list: vec![],
        })
    }
}

fn read(file: &mut File<'_>, name: &str, table: &DeTable<'_>) -> Route {
    file.known(table, "a route", &FILE_KEYS);
    let whole = 0..0;
    let doc = file.needed(table, whole.clone(), "the route", "doc");
    let path = file.needed(table, whole.clone(), "the route", "path");
    let _source = file.needed(table, whole, "the route", "source");
    let method = file.text(table, "method").unwrap_or_else(|| "POST".into());
    check_method(file, table, &method);
    let limit = duration(file, table).unwrap_or(LIMIT);
    let canary = match file.text(table, "canary").as_deref() {
        None | Some("valid") => Canary::Valid,
        Some("chat") => Canary::Chat,
        Some(_) => {
            if let Some(node) = table.get("canary") {
                file.mistake(node.span(), "the canary is `valid` or `chat`", None);
            }
            Canary::Chat
        }
    };
    let valid = valid(file, table);
    let mut route = Route {
        name: name.to_owned(),
        doc,
        capability: file.text(table, "capability"),
        valid,
        method,
        path,
        canary,
        rows: vec![],
    };
    let mut ids: BTreeMap<String, usize> = BTreeMap::new();
    let mut sorts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (at, row) in file.tables(table, "row") {
        let Some(row) = bad(file, &route, at.clone(), row, limit) else {
            continue;
        };
        if let Some(first) = ids.insert(row.id.clone(), row.line) {
            let message = format!("the row `{}` is there twice, first in line {first}", row.id);
            file.mistake(at.clone(), message, None);
        }
        if let Some(first) = sorts.insert((row.rule.clone(), row.field.clone()), row.line) {
            let message = format!(
                "rule `{}` for `{}` is there twice, first in line {first}",
                row.rule, row.field
            );
            let help =
                "one row for each rule and field: say in the rule what is different".to_owned();
            file.mistake(at, message, Some(help));
        }
        route.rows.push(row);
    }
    route
}

fn check_method(file: &mut File<'_>, table: &DeTable<'_>, method: &str) {
    if !["GET", "POST", "DELETE"].contains(&method)
        && let Some(node) = table.get("method")
    {
        file.mistake(node.span(), "the method is GET, POST or DELETE", None);
    }
}

/// The valid request of the file.
fn valid(file: &mut File<'_>, table: &DeTable<'_>) -> Option<Payload> {
    if let Some(base) = file.table(table, "base") {
        let value = Value::Object(file.object(base));
        change::check(file, 0..0, &value);
        return Some(Payload::Json(value));
    }
    if let Some(form) = file.table(table, "form") {
        let fields = file.object(form);
        return Some(Payload::Form(
            fields
                .into_iter()
                .map(|(name, value)| (name, field(value)))
                .collect(),
        ));
    }
    let frames = frames(file, table);
    (!frames.is_empty()).then_some(Payload::Frames(frames))
}

/// A part of a form as it is written: a table with `file` is a file.
pub(crate) fn field(value: Value) -> Field {
    match (
        value.get("file").and_then(Value::as_str),
        value.get("content"),
    ) {
        (Some(name), Some(content)) => Field::File {
            name: name.to_owned(),
            kind: value["type"]
                .as_str()
                .unwrap_or("application/octet-stream")
                .to_owned(),
            content: content.clone(),
        },
        _ => Field::Text(value),
    }
}

fn frames(file: &mut File<'_>, table: &DeTable<'_>) -> Vec<Frame> {
    let Some(node) = table.get("frames") else {
        return vec![];
    };
    let Value::Array(items) = file.json(node) else {
        file.mistake(node.span(), "`frames` is a list", None);
        return vec![];
    };
    let mut out = vec![];
    for item in items {
        match Frame::of(&item) {
            Some(frame) => out.push(frame),
            None => file.mistake(
                node.span(),
                format!("{item} is no frame"),
                Some("a frame is { json = … }, { text = \"…\" } or { hex = \"…\" }".into()),
            ),
        }
    }
    out
}

fn duration(file: &mut File<'_>, table: &DeTable<'_>) -> Option<Duration> {
    let text = file.text(table, "limit")?;
    match parse_duration(&text) {
        Ok(limit) if limit <= Duration::from_secs(600) => Some(limit),
        Ok(_) => {
            file.mistake(table.get("limit")?.span(), "the limit is above 600 s", None);
            None
        }
        Err(why) => {
            file.mistake(table.get("limit")?.span(), why.to_string(), None);
            None
        }
    }
}

fn bad(
    file: &mut File<'_>,
    route: &Route,
    at: Range<usize>,
    row: &DeTable<'_>,
    limit: Duration,
) -> Option<BadRequest> {
    file.known(row, "a row", &ROW_KEYS);
    let id = file.needed(row, at.clone(), "a row", "id");
    let what = format!("row `{id}`");
    let rule = file.needed(row, at.clone(), &what, "rule");
    let field = file.needed(row, at.clone(), &what, "field");
    let why = file.needed(row, at.clone(), &what, "why");
    if !id
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    {
        let help = "lower case letters, digits and `_`".to_owned();
        file.mistake(
            at.clone(),
            format!("`{id}` is no name of a row"),
            Some(help),
        );
    }
    let change = changed(file, at.clone(), row, route)?;
    let method = file.text(row, "method");
    if let Some(method) = &method {
        check_method(file, row, method);
    }
    let path = file.text(row, "path");
    let names = match row.get("names").map(|n| n.get_ref()) {
        Some(toml::de::DeValue::Boolean(false)) => vec![],
        Some(_) => file.texts(row, "names").unwrap_or_default(),
        None if ["body", "path", "method", "header", "frame"].contains(&&*field) => vec![],
        None => names_of(&field),
    };
    let should = match row.get("should").map(|n| n.get_ref()) {
        None | Some(toml::de::DeValue::Boolean(false)) => false,
        Some(toml::de::DeValue::Boolean(true)) => true,
        Some(_) => {
            file.mistake(at.clone(), "`should` is true or false", None);
            false
        }
    };
    let must_with = file.text(row, "must_with");
    let expected = Expected {
        statuses: file
            .statuses(row, "status")
            .unwrap_or_else(|| vec![400, 422]),
        severity: if should || must_with.is_some() {
            Severity::Should
        } else {
            Severity::Must
        },
        must_with,
        says: Says {
            names,
            any: file.texts(row, "says_any").unwrap_or_default(),
            all: file.texts(row, "says_all").unwrap_or_default(),
        },
    };
    if expected.statuses.is_empty() {
        file.mistake(at.clone(), format!("{what} allows no status"), None);
    }
    let sent = change::sent(&change, method.as_deref(), path.as_deref());
    Some(BadRequest {
        rule,
        field,
        why,
        sent,
        method: method.unwrap_or_else(|| route.method.clone()),
        path: path.unwrap_or_else(|| route.path.clone()),
        payload: change::payload(file, at.clone(), route, change)?,
        expected,
        limit: duration(file, row).unwrap_or(limit),
        needs: file.texts(row, "needs").unwrap_or_default(),
        unless: file.texts(row, "unless").unwrap_or_default(),
        line: file.line(at.start),
        id,
    })
}

/// The names under which an error may speak of a field: `messages/0/role` is `role`, and `messages` says where it is.
fn names_of(field: &str) -> Vec<String> {
    let parts = field.split('/').filter(|p| p.parse::<usize>().is_err());
    let mut names: Vec<String> = parts.map(str::to_owned).collect();
    names.reverse();
    names
}

/// How the row differs from the valid request.
fn changed(
    file: &mut File<'_>,
    at: Range<usize>,
    row: &DeTable<'_>,
    route: &Route,
) -> Option<Change> {
    let ways = ["json", "text", "hex", "nothing", "frames"];
    let whole: Vec<&str> = ways.into_iter().filter(|k| row.contains_key(*k)).collect();
    let part = row.contains_key("set") || row.contains_key("remove");
    if whole.len() + usize::from(part) > 1 {
        let message = format!(
            "a row has one of {}, or `set` and `remove`",
            ways.join(", ")
        );
        file.mistake(at, message, None);
        return None;
    }
    let kind = file.text(row, "content_type");
    Some(match whole.first() {
        Some(&"json") => {
            let value = row
                .get("json")
                .map(|node| file.json(node))
                .unwrap_or_default();
            change::check(file, at, &value);
            Change::Json(value)
        }
        Some(&"text") => {
            let text = file.text(row, "text")?;
            let times = match row.get("times").map(|node| file.json(node)) {
                None => 1,
                Some(value) => value.as_u64().unwrap_or(0) as usize,
            };
            if text.len().saturating_mul(times) > crate::body::LONGEST {
                file.mistake(at, "the body would be above 8 MiB", None);
                return None;
            }
            Change::Bytes(kind, text.repeat(times).into_bytes())
        }
        Some(&"hex") => {
            let text = file.text(row, "hex")?;
            match crate::frame::unhex(&text) {
                Some(bytes) => Change::Bytes(kind, bytes),
                None => {
                    file.mistake(at, "`hex` is an even number of hexadecimal digits", None);
                    return None;
                }
            }
        }
        Some(&"nothing") => Change::Nothing,
        Some(_) => Change::Frames(frames(file, row)),
        None if part
            || route.valid.is_none()
            || row.contains_key("path")
            || row.contains_key("method")
            || kind.is_some() =>
        {
            let set = file
                .table(row, "set")
                .map(|t| file.object(t))
                .unwrap_or_default();
            let remove = file.texts(row, "remove").unwrap_or_default();
            for value in set.values() {
                change::check(file, at.clone(), value);
            }
            Change::Parts { set, remove, kind }
        }
        None => {
            let help = "add `set`, `remove`, `json`, `text`, `hex`, `nothing`, `frames`, `path`, `method` or `content_type`".to_owned();
            file.mistake(at, "this row sends the valid request", Some(help));
            return None;
        }
    })
}
