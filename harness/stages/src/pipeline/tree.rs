//! A pipeline that is written by hand, as a tree.
//!
//! Promise: it has no hold on the text that it was read from, and anchors are resolved within a bound. Rejected: serde's values (they lose the order
//! of keys and the tags of other readers).

use saphyr::{LoadableYamlNode, Mapping, Scalar, Yaml};

use super::yaml::text;

/// A document of YAML, freed from its text.
pub(super) fn load(source: &str, what: &str) -> Result<Yaml<'static>, String> {
    let documents =
        Yaml::load_from_str(source).map_err(|error| format!("{what} is no YAML: {error}"))?;
    let mut documents = documents.into_iter();
    match (documents.next(), documents.next()) {
        (Some(one), None) => Ok(owned(one)),
        (None, _) => Err(format!("{what} is empty")),
        (Some(_), Some(_)) => Err(format!("{what} has several documents")),
    }
}

/// The same without a hold on the text that it was read from.
fn owned(yaml: Yaml<'_>) -> Yaml<'static> {
    match yaml {
        Yaml::Value(Scalar::String(word)) => text(word.into_owned()),
        Yaml::Value(Scalar::Null) => Yaml::Value(Scalar::Null),
        Yaml::Value(Scalar::Boolean(value)) => Yaml::Value(Scalar::Boolean(value)),
        Yaml::Value(Scalar::Integer(value)) => Yaml::Value(Scalar::Integer(value)),
        Yaml::Value(Scalar::FloatingPoint(value)) => Yaml::Value(Scalar::FloatingPoint(value)),
        Yaml::Representation(word, ..) => text(word.into_owned()),
        Yaml::Sequence(list) => Yaml::Sequence(list.into_iter().map(owned).collect()),
        Yaml::Mapping(map) => {
            let entries = map.into_iter();
            Yaml::Mapping(
                entries
                    .map(|(key, value)| (owned(key), owned(value)))
                    .collect(),
            )
        }
        Yaml::Tagged(tag, node) => {
            let tag = std::borrow::Cow::Owned(tag.into_owned());
            Yaml::Tagged(tag, Box::new(owned(*node)))
        }
        Yaml::Alias(id) => Yaml::Alias(id),
        Yaml::BadValue => Yaml::BadValue,
    }
}

pub(super) fn get<'a, 'b>(map: &'a Mapping<'b>, key: &str) -> Option<&'a Yaml<'b>> {
    map.get(&text(key))
}

pub(super) fn get_mut<'a>(
    map: &'a mut Mapping<'static>,
    key: &str,
) -> Option<&'a mut Yaml<'static>> {
    map.get_mut(&text(key))
}

pub(super) fn take(map: &mut Mapping<'static>, key: &str) -> Option<Yaml<'static>> {
    map.remove(&text(key))
}
