//! The operations that a document lists, as requests.
//!
//! Promise: nothing that may change or end the server is called unless it is known to be harmless: whatever its name says of stopping, deleting, loading or
//! resetting is left out, and told. Rejected: calling everything on a server of one's own (the walk is for a server that others use too).

use serde_json::{Value, json};

use super::schema::synthesise;
use crate::route::{Field, Payload};

/// One operation of a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// `POST /v1/chat/completions`.
    pub name: String,
    pub method: String,
    /// With its parameters filled in.
    pub path: String,
    /// What is sent, or why nothing can be.
    pub payload: Result<Payload, String>,
}

/// Words in a path that say that calling it changes or ends something.
const HARMFUL: [&str; 33] = [
    "sleep",
    "wake",
    "shutdown",
    "stop",
    "kill",
    "exit",
    "quit",
    "terminate",
    "restart",
    "reset",
    "delete",
    "remove",
    "unload",
    "load",
    "flush",
    "clear",
    "abort",
    "cancel",
    "pause",
    "resume",
    "update",
    "release",
    "scale",
    "profile",
    "crash",
    "drain",
    "init",
    "destroy",
    "collective",
    "debug",
    "admin",
    "weights",
    "trace",
];

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// All operations, in the order of the document.
pub(crate) fn calls(document: &Value, model: &str, skip: &[String]) -> Vec<Call> {
    let mut out = vec![];
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let name = format!("{} {path}", method.to_uppercase());
            let made = harmless(method, path, &name, skip)
                .and_then(|()| filled(document, item, operation, path, model));
            let (path, payload) = match made {
                Err(why) => (path.clone(), Err(why)),
                Ok(path) => (path, payload(document, operation, model)),
            };
            out.push(Call {
                name,
                method: method.to_uppercase(),
                path,
                payload,
            });
        }
    }
    out
}

fn harmless(method: &str, path: &str, name: &str, skip: &[String]) -> Result<(), String> {
    if skip.iter().any(|s| s == name || s == path) {
        return Err("left out as asked".into());
    }
    if ["put", "patch", "delete"].contains(&method) {
        return Err(format!("{} may change the server", method.to_uppercase()));
    }
    let lower = path.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    match words.find(|word| HARMFUL.contains(word)) {
        // What is only read does no harm by its name alone, but a GET that says that it ends something might.
        Some(word)
            if method == "post"
                || !["debug", "load", "profile", "trace", "weights", "admin"].contains(&word) =>
        {
            Err(format!(
                "`{word}` in its path says that it may change the server"
            ))
        }
        _ => Ok(()),
    }
}

/// The path with its parameters, those of the query too where they are required.
fn filled(
    document: &Value,
    item: &Value,
    operation: &Value,
    path: &str,
    model: &str,
) -> Result<String, String> {
    let mut out = path.to_owned();
    let mut query = vec![];
    let lists = [item.get("parameters"), operation.get("parameters")];
    let parameters = lists
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
        .flatten();
    for parameter in parameters {
        let parameter = match parameter.get("$ref").and_then(Value::as_str) {
            Some(target) => target
                .strip_prefix('#')
                .and_then(|p| document.pointer(p))
                .ok_or_else(|| format!("there is nothing at the reference {target}"))?,
            None => parameter,
        };
        let name = parameter["name"].as_str().unwrap_or_default();
        let place = parameter["in"].as_str().unwrap_or_default();
        if place != "path" && parameter["required"] != true {
            continue;
        }
        let schema = parameter
            .get("schema")
            .cloned()
            .unwrap_or(json!({"type": "string"}));
        // As a field of that name, so that it may be one that is known.
        let schema = json!({"type": "object", "required": [name], "properties": {name: schema}});
        let made = synthesise(&schema, document, &|n| hint(n, model))
            .map_err(|e| format!("parameter {e}"))?;
        let value = &made[name];
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let text = encoded(&text);
        match place {
            "path" => out = out.replace(&format!("{{{name}}}"), &text),
            "query" => query.push(format!("{name}={text}")),
            "header" | "cookie" => return Err(format!("it needs the {place} `{name}`")),
            _ => return Err(format!("parameter {name} stands nowhere")),
        }
    }
    if out.contains('{') {
        return Err("a parameter of its path is not described".into());
    }
    if !query.is_empty() {
        out = format!("{out}?{}", query.join("&"));
    }
    Ok(out)
}

/// A text for a path or a query.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(byte as char)
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// What is sent.
fn payload(document: &Value, operation: &Value, model: &str) -> Result<Payload, String> {
    let body = &operation["requestBody"];
    let body = match body.get("$ref").and_then(Value::as_str) {
        Some(target) => target
            .strip_prefix('#')
            .and_then(|p| document.pointer(p))
            .unwrap_or(&Value::Null),
        None => body,
    };
    let Some(content) = body["content"].as_object() else {
        return Ok(Payload::Nothing);
    };
    let of = |kind: &str| {
        content
            .iter()
            .find(|(k, _)| k.split(';').next() == Some(kind))
            .map(|(_, v)| &v["schema"])
    };
    let made = |schema: &Value| {
        synthesise(schema, document, &|n| hint(n, model)).map_err(|e| e.to_string())
    };
    if let Some(schema) = of("application/json") {
        return made(schema).map(Payload::Json);
    }
    if let Some(schema) =
        of("multipart/form-data").or_else(|| of("application/x-www-form-urlencoded"))
    {
        let Value::Object(fields) = made(&binary(schema, document))? else {
            return Err("its form is no object".into());
        };
        let parts = fields.into_iter().map(|(name, value)| {
            let field = match (&*name, value) {
                ("image" | "mask" | "images" | "image[]", _) => {
                    file("a.png", "image/png", json!({"$png": true}))
                }
                ("file" | "audio", _) => file("a.wav", "audio/wav", json!({"$wav": 0.2})),
                (_, value) => Field::Text(value),
            };
            (name, field)
        });
        return Ok(Payload::Form(parts.collect()));
    }
    let kinds: Vec<&str> = content.keys().map(String::as_str).collect();
    Err(format!(
        "it takes {}, of which nothing is made",
        kinds.join(", ")
    ))
}

fn file(name: &str, kind: &str, content: Value) -> Field {
    Field::File {
        name: name.into(),
        kind: kind.into(),
        content,
    }
}

/// The schema of a form, its references of the first step resolved.
fn binary(schema: &Value, document: &Value) -> Value {
    let target = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|t| t.strip_prefix('#'));
    target
        .and_then(|path| document.pointer(path))
        .unwrap_or(schema)
        .clone()
}

/// Values that a schema cannot know.
fn hint(name: &str, model: &str) -> Option<Value> {
    Some(match name {
        "model" | "model_id" | "model_name" => json!(model),
        "max_tokens" | "max_completion_tokens" | "max_output_tokens" => json!(1),
        "role" => json!("user"),
        "content" => json!("Hello."),
        "stream" => json!(false),
        "size" => json!("64x64"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_become_requests_or_say_why_not() {
        let document = json!({"paths": {
            "/v1/models/{model}": {
                "parameters": [{"name": "model", "in": "path", "required": true, "schema": {"type": "string"}}],
                "get": {"parameters": [{"name": "deep", "in": "query", "required": true, "schema": {"type": "boolean"}}]},
                "delete": {},
            },
            "/sleep": {"post": {}},
            "/load": {"get": {}, "post": {}},
            "/stop": {"get": {}},
            "/v1/things/{id}": {"get": {}},
            "/edit": {"post": {"requestBody": {"content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/Edit"}}}}}},
            "/raw": {"post": {"requestBody": {"content": {"application/octet-stream": {}}}}},
            "/mine": {"get": {}},
        }, "components": {"schemas": {"Edit": {"type": "object", "required": ["image", "prompt"], "properties": {"image": {"type": "string", "format": "binary"}, "prompt": {"type": "string"}}}}}});
        let calls = calls(&document, "a b", &["/mine".into()]);
        let told: Vec<String> = calls
            .iter()
            .map(|call| match &call.payload {
                Ok(payload) => format!(
                    "{} -> {} {}",
                    call.name,
                    call.path,
                    matches!(payload, Payload::Form(f) if f.len() == 2)
                ),
                Err(why) => format!("{}: {why}", call.name),
            })
            .collect();
        assert_eq!(
            told,
            [
                "POST /edit -> /edit true",
                "GET /load -> /load false",
                "POST /load: `load` in its path says that it may change the server",
                "GET /mine: left out as asked",
                "POST /raw: it takes application/octet-stream, of which nothing is made",
                "POST /sleep: `sleep` in its path says that it may change the server",
                "GET /stop: `stop` in its path says that it may change the server",
                "GET /v1/models/{model} -> /v1/models/a%20b?deep=false false",
                "DELETE /v1/models/{model}: DELETE may change the server",
                "GET /v1/things/{id}: a parameter of its path is not described",
            ]
        );
    }
}
