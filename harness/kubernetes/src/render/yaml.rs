//! Writing manifests.
//!
//! Promise: every text is quoted or a block, so that readers of YAML 1.1 and 1.2 read the same (a cluster reads `on` as true); the same objects are the same
//! bytes. Rejected: JSON, which clusters take too: these files are reviewed by people.

use saphyr::{Mapping, Scalar, Yaml, YamlEmitter};
use serde_json::Value;

/// The objects as documents of one file.
pub(crate) fn documents(objects: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    for object in objects {
        let mut emitter = YamlEmitter::new(&mut out);
        emitter.quoted_value(true);
        emitter.multiline(true);
        emitter
            .dump(&yaml(object))
            .map_err(|error| format!("the manifest cannot be written: {error}"))?;
        out.push('\n');
    }
    Ok(out)
}

fn yaml(value: &Value) -> Yaml<'static> {
    match value {
        Value::Null => Yaml::Value(Scalar::Null),
        Value::Bool(value) => Yaml::Value(Scalar::Boolean(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Yaml::Value(Scalar::Integer(number)),
            None => text(&number.to_string()),
        },
        Value::String(value) => text(value),
        Value::Array(list) => Yaml::Sequence(list.iter().map(yaml).collect()),
        Value::Object(map) => {
            let mut out = Mapping::new();
            for (key, value) in map {
                out.insert(text(key), yaml(value));
            }
            Yaml::Mapping(out)
        }
    }
}

fn text(text: &str) -> Yaml<'static> {
    Yaml::Value(Scalar::String(text.to_owned().into()))
}
