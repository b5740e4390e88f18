//! The feature matrix of a deployment: its cases, and the names by which their servers are found.
//!
//! Promise: what a case sets is found good before anything runs. Rejected: a list of settings beside the name. Every place that knows a deployment by its
//! name would have to carry it.

use std::sync::Arc;

use tribunal_deploy::MatrixRow;
use tribunal_runner::{DeviceLine, Drawn, DrawnCase};
use tribunal_vocabulary::Vocabulary;

/// A deployment and the variants of its matrix that are on: `name[variant+variant]`.
pub(crate) fn parted(name: &str) -> (&str, Vec<&str>) {
    let word = |w: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !w.is_empty() && w.chars().all(plain)
    };
    let split = name.strip_suffix(']').and_then(|n| n.rsplit_once('['));
    match split {
        Some((base, variants)) if !base.is_empty() => {
            let all: Vec<&str> = variants.split('+').collect();
            match all.iter().all(word) {
                true => (base, all),
                false => (name, vec![]),
            }
        }
        _ => (name, vec![]),
    }
}

/// The cases that the matrix of a deployment draws for some features. `None` where the deployment cannot be read, which is told elsewhere.
pub(crate) fn drawn(
    name: &str,
    features: &[String],
    v: &Vocabulary,
) -> Result<Option<Drawn>, String> {
    let Ok(spec) = crate::deployments::spec(name) else {
        return Ok(None);
    };
    let of = |why: String| format!("the feature matrix of deployment {name}: {why}");
    let Some(matrix) = spec.matrix().map_err(|p| of(p.to_string()))? else {
        return Ok(Some(Drawn {
            cases: vec![],
            notes: vec!["its file has no [matrix]".into()],
        }));
    };
    let platform = match &matrix.device {
        None => None,
        Some(model) => match v.device(model) {
            Some((platform, device)) => Some((platform.name.clone(), device.name.clone())),
            None => {
                let all = || v.platforms().iter().flat_map(|p| &p.devices);
                let near = tribunal_vocabulary::nearest(model, all().map(|d| d.name.as_str()));
                let near = near.map_or(String::new(), |n| format!("; did you mean `{n}`?"));
                return Err(of(format!("no device `{model}` is declared{near}")));
            }
        },
    };
    let drawing = tribunal_deploy::draw(&matrix, features).map_err(of)?;
    let notes: Arc<[String]> = drawing.notes.into();
    let case = |row: MatrixRow| {
        let variants: Vec<&str> = row.variants.iter().map(String::as_str).collect();
        // What a variant sets may be wrong: better told now than by the first server that does not start.
        spec.with_variants(&variants)
            .map_err(|p| of(p.to_string()))?;
        Ok(Arc::new(DrawnCase {
            segment: row.segment(),
            deployment: format!("{name}[{}]", variants.join("+")),
            devices: platform.clone().map(|(platform, model)| DeviceLine {
                platform,
                models: vec![model],
                count: row.devices,
            }),
            why: row.why,
            notes: notes.clone(),
        }))
    };
    let cases = drawing.rows.into_iter().map(case);
    Ok(Some(Drawn {
        cases: cases.collect::<Result<_, String>>()?,
        notes: notes.to_vec(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_stand_in_brackets() {
        assert_eq!(parted("vllm"), ("vllm", vec![]));
        assert_eq!(
            parted("a/b.toml[tea+fp8]"),
            ("a/b.toml", vec!["tea", "fp8"])
        );
        for name in ["[tea]", "a[]", "a[b+]", "a[b", "http://[::1]", "a[b.c]"] {
            assert_eq!(parted(name), (name, vec![]));
        }
    }

    #[test]
    fn the_features_of_a_matrix_are_those_that_the_marker_takes() {
        let v = Vocabulary::shipped();
        let marker = v.marker("features").expect("it is declared");
        let tribunal_vocabulary::Args::Listed { specs, .. } = marker.args() else {
            panic!("its arguments are not listed");
        };
        let mut takes: Vec<&str> = specs.iter().map(|arg| arg.name.as_str()).collect();
        let mut has = tribunal_deploy::MATRIX_FEATURES.to_vec();
        takes.sort_unstable();
        has.sort_unstable();
        assert_eq!(takes, has);
    }
}
