//! What a profiler allows an engine, as arguments of the engine.
//!
//! Promise: a variable that is set is obeyed by every deployment whose file knows how, refused if it is no figure, and said to mean nothing where
//! the file does not know how. Rejected: handing the variables to engines as they are (each would need to be taught them).

use tribunal_deploy::{MemoryLimit, Recipe};
use tribunal_serving::Deployment;

use crate::Error;

/// Where the limits come from; of several the first counts. The second name is that of the profiler that others know.
const FRACTION: [&str; 2] = [
    "TRIBUNAL_GPU_MEMORY_FRACTION",
    "DYN_GPU_MEMORY_FRACTION_OVERRIDE",
];
const KV_BYTES: &str = "TRIBUNAL_KV_CACHE_BYTES";
const KV_TOKENS: &str = "TRIBUNAL_KV_CACHE_TOKENS";

/// The deployment as it is started under the limits of the environment, and what there is to say about them.
pub(crate) fn limited(
    deployment: &Deployment,
    recipe: &Recipe,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(Deployment, Option<String>), Error> {
    let Some((name, limit)) = limit(env).map_err(Error::of)? else {
        return Ok((deployment.clone(), None));
    };
    Ok(match recipe.limited(deployment.clone(), &limit) {
        Some(limited) => (limited, None),
        None => {
            let note = format!(
                "{name} means nothing to `{}`: its file has no way to say it to the engine ([devices.profile] of the deployment)",
                recipe.name
            );
            (deployment.clone(), Some(note))
        }
    })
}

/// A variable of this process.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// The limit of the environment, with the variable that sets it.
fn limit(
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<(&'static str, MemoryLimit)>, String> {
    let names = [KV_BYTES, KV_TOKENS].into_iter().chain(FRACTION);
    for name in names {
        let Some(value) = env(name).filter(|value| !value.trim().is_empty()) else {
            continue;
        };
        let text = value.trim();
        let amount = text.parse::<u64>().ok().filter(|amount| *amount > 0);
        let read = match name {
            KV_BYTES => amount.map(MemoryLimit::KvBytes),
            KV_TOKENS => amount.map(MemoryLimit::KvTokens),
            _ => {
                let part = text.parse::<f64>().ok();
                let part = part.filter(|part| *part > 0.0 && *part <= 1.0);
                part.map(MemoryLimit::Fraction)
            }
        };
        let wanted = match name {
            KV_BYTES => "a whole number of bytes above 0",
            KV_TOKENS => "a whole number of tokens above 0",
            _ => "a share above 0 and up to 1",
        };
        return match read {
            Some(limit) => Ok(Some((name, limit))),
            None => Err(format!("{name} is `{text}`; it must be {wanted}")),
        };
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tribunal_deploy::{Catalogue, Context};

    fn env(set: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        move |name| {
            let found = set.iter().find(|(there, _)| *there == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn the_environment_sets_one_limit() {
        let of = |set| limit(&env(set));
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[("TRIBUNAL_GPU_MEMORY_FRACTION", "")]), Ok(None));
        let fraction = MemoryLimit::Fraction(0.33);
        assert_eq!(
            of(&[("DYN_GPU_MEMORY_FRACTION_OVERRIDE", "0.33")]),
            Ok(Some(("DYN_GPU_MEMORY_FRACTION_OVERRIDE", fraction)))
        );
        assert_eq!(
            of(&[
                ("TRIBUNAL_GPU_MEMORY_FRACTION", "0.33"),
                ("DYN_GPU_MEMORY_FRACTION_OVERRIDE", "0.5"),
            ]),
            Ok(Some(("TRIBUNAL_GPU_MEMORY_FRACTION", fraction)))
        );
        assert_eq!(
            of(&[("TRIBUNAL_KV_CACHE_TOKENS", " 64 ")]),
            Ok(Some((
                "TRIBUNAL_KV_CACHE_TOKENS",
                MemoryLimit::KvTokens(64)
            )))
        );
        for (set, wanted) in [
            (&[("TRIBUNAL_GPU_MEMORY_FRACTION", "95")], "up to 1"),
            (&[("TRIBUNAL_GPU_MEMORY_FRACTION", "NaN")], "up to 1"),
            (&[("TRIBUNAL_KV_CACHE_BYTES", "0")], "bytes above 0"),
            (&[("TRIBUNAL_KV_CACHE_TOKENS", "1.5")], "tokens above 0"),
        ] {
            let why = of(set).unwrap_err();
            assert!(why.contains(wanted) && why.contains(set[0].0), "{why}");
        }
    }

    #[test]
    fn a_file_that_knows_no_way_is_named() {
        let limited = |file: &str| {
            let spec = Catalogue::new(&[]).parse(file, "my.toml", "mine").unwrap();
            let rendered = spec.render(&Context::default()).unwrap();
            let env = env(&[("TRIBUNAL_GPU_MEMORY_FRACTION", "0.5")]);
            let (limited, note) = limited(&rendered.deployment, &rendered.recipe, &env).unwrap();
            (limited != rendered.deployment, note)
        };
        let cap = "command = [\"x\"]\n[devices]\ncap = [\"{memory_fraction}\"]";
        assert_eq!(limited(cap), (true, None));
        let (changed, note) = limited("command = [\"x\"]");
        let note = note.unwrap();
        assert!(!changed && note.contains("TRIBUNAL_GPU_MEMORY_FRACTION means nothing to `mine`"));
    }
}
