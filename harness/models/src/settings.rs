//! What the environment says about the places.
//!
//! | variable | meaning |
//! |---|---|
//! | `TRIBUNAL_MODEL_MAPPINGS` | mapping files, divided by `:` |
//! | `TRIBUNAL_MODEL_SHARED` | shared read-only stores, divided by `:` |
//! | `TRIBUNAL_MODEL_FAST` | the fast store |
//! | `TRIBUNAL_MODEL_RESERVE` | what stays free in it, such as `10GiB` (1GiB) |
//! | `TRIBUNAL_MODEL_VERIFY` | `sampled` or `whole`: how much of a copy is compared (sampled) |
//! | `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME` | the hub cache |
//! | `HF_HUB_OFFLINE` | `1`: nothing is loaded from elsewhere, so a model that is not here is an error |

use std::ffi::OsString;
use std::path::PathBuf;

use crate::digest::Check;
use crate::error::{ModelError, ModelErrorKind};
use crate::hub;
use crate::paths::ModelPaths;

/// What stays free unless something else is said.
pub(crate) const RESERVE: u64 = 1 << 30;

pub(crate) fn read(env: &dyn Fn(&str) -> Option<OsString>) -> Result<ModelPaths, ModelError> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let list = |name: &str| -> Vec<PathBuf> {
        let value = set(name).unwrap_or_default();
        std::env::split_paths(&value)
            .filter(|path| !path.as_os_str().is_empty())
            .collect()
    };
    let text = |name: &str| set(name).map(|value| value.to_string_lossy().into_owned());
    let mut paths = ModelPaths::new();
    for file in list("TRIBUNAL_MODEL_MAPPINGS") {
        paths = paths.mapping_file(file)?;
    }
    for folder in list("TRIBUNAL_MODEL_SHARED") {
        paths = paths.shared(folder);
    }
    if let Some(folder) = set("TRIBUNAL_MODEL_FAST") {
        paths = paths.fast(PathBuf::from(folder));
    }
    if let Some(value) = text("TRIBUNAL_MODEL_RESERVE") {
        let bytes = size(&value).ok_or_else(|| {
            setting(
                "TRIBUNAL_MODEL_RESERVE",
                format!("is `{value}`; it must be a size such as `10GiB` or `0`"),
            )
        })?;
        paths = paths.reserve(bytes);
    }
    match text("TRIBUNAL_MODEL_VERIFY").as_deref() {
        None | Some("sampled") => {}
        Some("whole") => paths = paths.verify_whole(true),
        Some(value) => {
            return Err(setting(
                "TRIBUNAL_MODEL_VERIFY",
                format!("is `{value}`; it must be `sampled` or `whole`"),
            ));
        }
    }
    if let Some(folder) = hub::folder(env) {
        paths = paths.hub_cache(folder);
    }
    let offline = text("HF_HUB_OFFLINE").unwrap_or_default();
    Ok(paths.never_remote(matches!(
        offline.to_ascii_lowercase().as_str(),
        "1" | "on" | "yes" | "true"
    )))
}

/// The check of a setting.
pub(crate) fn check(whole: bool) -> Check {
    if whole { Check::Whole } else { Check::Sampled }
}

fn setting(variable: &str, why: String) -> ModelError {
    ModelError(ModelErrorKind::Setting {
        variable: variable.to_owned(),
        why,
    })
}

/// Bytes of `12`, `12MiB`, `1.5GiB`, `1TB`.
fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit: u64 = match text[end..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "KB" | "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    let bytes = number * unit as f64;
    (bytes.is_finite() && bytes < u64::MAX as f64).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("0", Some(0)),
            ("12", Some(12)),
            ("1.5KiB", Some(1536)),
            ("10 GiB", Some(10 << 30)),
            ("2TB", Some(2_000_000_000_000)),
            ("", None),
            ("GiB", None),
            ("-1", None),
            ("1..2", None),
            ("9e99", None),
            ("99999999999999TiB", None),
            ("3 apples", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_name_their_variable() {
        for (name, value) in [
            ("TRIBUNAL_MODEL_RESERVE", "much"),
            ("TRIBUNAL_MODEL_VERIFY", "yes"),
            ("TRIBUNAL_MODEL_MAPPINGS", "/nowhere/x.toml"),
        ] {
            let error = read(&|n| (n == name).then(|| value.into()))
                .err()
                .unwrap()
                .to_string();
            let named = if name.ends_with("MAPPINGS") {
                value
            } else {
                name
            };
            assert!(error.contains(named), "{error}");
        }
    }
}
