//! What runs must have in common to be compared.
//!
//! Promise: two runs whose keys differ in anything are never compared; in what they differ is said in words. What is not known is written as empty
//! and equals only what is not known either. Rejected: comparing "nearly equal" runs (a driver alone has moved figures by ten per cent).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What figures depend on, besides the code that is measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Key {
    /// The step: the test's name, and the step's where it has several.
    pub step: String,
    /// The device's model; of a server without devices the processor's.
    pub hardware: String,
    /// How many devices.
    pub count: u32,
    /// The driver's version.
    pub driver: String,
    /// The server and its line of development, as far as its figures may be expected to be alike: `vllm main`, `vllm 0.11`. Not its commit: that is
    /// what is measured.
    pub server: String,
    /// The model.
    pub model: String,
    /// Its revision.
    pub revision: String,
    /// A hash of the deployment's configuration.
    pub config: String,
    /// What was sent, when, and how: the data set, the load, the options of requests.
    pub data: String,
    /// The seed of it.
    pub seed: u64,
    /// Whose definitions the figures follow, and the harness's major version.
    pub harness: String,
}

/// Something in which two keys differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What: `driver`.
    pub what: &'static str,
    /// In the key that was asked for.
    pub here: String,
    /// In the other.
    pub there: String,
}

impl Key {
    fn parts(&self) -> [(&'static str, String); 11] {
        [
            ("step", self.step.clone()),
            ("hardware", self.hardware.clone()),
            ("count", self.count.to_string()),
            ("driver", self.driver.clone()),
            ("server", self.server.clone()),
            ("model", self.model.clone()),
            ("revision", self.revision.clone()),
            ("config", self.config.clone()),
            ("data", self.data.clone()),
            ("seed", self.seed.to_string()),
            ("harness", self.harness.clone()),
        ]
    }

    /// In what `other` differs.
    pub fn differences(&self, other: &Key) -> Vec<Difference> {
        let pairs = self.parts().into_iter().zip(other.parts());
        pairs
            .filter(|((_, here), (_, there))| here != there)
            .map(|((what, here), (_, there))| Difference { what, here, there })
            .collect()
    }

    /// A short name of it that is the same everywhere: sixteen hexadecimal digits.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        for (name, value) in self.parts() {
            // Lengths, so that no two keys write the same bytes.
            hash.update(format!("{name}:{}:{value};", value.len()));
        }
        hash.finalize()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Every part that is known, by name: what `show` prints.
    pub fn known(&self) -> Vec<(&'static str, String)> {
        let known = |(_, value): &(&str, String)| !value.is_empty();
        self.parts().into_iter().filter(known).collect()
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |value: &str| {
            if value.is_empty() {
                "unknown".to_owned()
            } else {
                value.to_owned()
            }
        };
        write!(
            f,
            "{} {} (here {})",
            self.what,
            shown(&self.there),
            shown(&self.here)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_makes_another_key_and_is_named() {
        let key = Key {
            step: "chat".into(),
            driver: "580".into(),
            ..Key::default()
        };
        assert_eq!(key.differences(&key), Vec::new());
        let changed = [
            Key {
                step: "x".into(),
                ..key.clone()
            },
            Key {
                hardware: "x".into(),
                ..key.clone()
            },
            Key {
                count: 2,
                ..key.clone()
            },
            Key {
                driver: String::new(),
                ..key.clone()
            },
            Key {
                server: "x".into(),
                ..key.clone()
            },
            Key {
                model: "x".into(),
                ..key.clone()
            },
            Key {
                revision: "x".into(),
                ..key.clone()
            },
            Key {
                config: "x".into(),
                ..key.clone()
            },
            Key {
                data: "x".into(),
                ..key.clone()
            },
            Key {
                seed: 1,
                ..key.clone()
            },
            Key {
                harness: "x".into(),
                ..key.clone()
            },
        ];
        let mut ids = vec![key.id()];
        for (other, (name, _)) in changed.iter().zip(key.parts()) {
            let found = key.differences(other);
            assert_eq!((found.len(), found[0].what), (1, name));
            ids.push(other.id());
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 12);
        assert_eq!(
            key.differences(&changed[3])[0].to_string(),
            "driver unknown (here 580)"
        );
    }

    #[test]
    fn values_that_run_into_each_other_are_two_keys() {
        let one = Key {
            model: "a".into(),
            revision: "bc".into(),
            ..Key::default()
        };
        let two = Key {
            model: "ab".into(),
            revision: "c".into(),
            ..Key::default()
        };
        assert_ne!(one.id(), two.id());
    }
}
