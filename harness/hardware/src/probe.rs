//! A look at a host: which sources are asked, and how their readings become a [`Host`].
//!
//! Promise: the file tree, the environment and the sources are parameters, so that a test builds a host out of files. Per
//! platform the first source that has devices is believed; the others only explain. Rejected: joining the readings of
//! several sources card by card, since two drivers that disagree would make a card that does not exist.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::cache;
use crate::device::Device;
use crate::drm::Drm;
use crate::host::Host;
use crate::nodes::Nodes;
use crate::note::{Note, NoteKind};
use crate::nvidia::{NvidiaProc, Nvml};
use crate::platform::VISIBILITY_VARIABLES;
use crate::source::{DeviceSource, Reading, Unreadable, read_all};
use crate::visible;

/// What will be asked.
#[derive(Clone)]
pub struct Probe {
    sources: Vec<Arc<dyn DeviceSource>>,
    environment: BTreeMap<String, String>,
}

impl Probe {
    /// This system: NVML, then the tree at `/`, with the variables of this process's environment.
    pub fn system() -> Probe {
        let mut probe = Probe::tree("/");
        probe.sources.insert(0, Arc::new(Nvml::default()));
        probe.environment = VISIBILITY_VARIABLES
            .iter()
            .filter_map(|name| {
                Some((
                    name.to_string(),
                    std::env::var_os(name)?.to_string_lossy().into_owned(),
                ))
            })
            .collect();
        probe
    }

    /// Only the files below `root` (`sys`, `proc`, `dev`), without any variable of the environment and without libraries.
    pub fn tree(root: impl Into<PathBuf>) -> Probe {
        let root = root.into();
        let mut sources: Vec<Arc<dyn DeviceSource>> = vec![
            Arc::new(NvidiaProc { root: root.clone() }),
            Arc::new(Drm::amd(&root)),
            Arc::new(Drm::intel(&root)),
        ];
        sources.extend(Nodes::all(&root).map(|nodes| Arc::new(nodes) as Arc<dyn DeviceSource>));
        Probe {
            sources,
            environment: BTreeMap::new(),
        }
    }

    /// Nothing at all; add sources with [`Probe::with_source`].
    pub fn empty() -> Probe {
        Probe {
            sources: Vec::new(),
            environment: BTreeMap::new(),
        }
    }

    /// The same probe with one more source, asked after those before it.
    #[must_use]
    pub fn with_source(mut self, source: Arc<dyn DeviceSource>) -> Probe {
        self.sources.push(source);
        self
    }

    /// The same probe with these variables in place of the environment's; only [`VISIBILITY_VARIABLES`] mean something.
    #[must_use]
    pub fn with_environment(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Probe {
        self.environment = variables.into_iter().collect();
        self
    }

    /// What is asked, in order.
    pub(crate) fn sources(&self) -> &[Arc<dyn DeviceSource>] {
        &self.sources
    }

    /// Asks all sources side by side and returns after `limit` at the latest (an hour, if `limit` is longer).
    pub fn run(&self, limit: Duration) -> Host {
        self.seen(self.find(limit))
    }

    /// As [`Probe::run`], with the finding kept in a file of `dir`, so that the processes of one run ask once. `key` names the
    /// run (nextest: the value of `NEXTEST_RUN_ID`). Every figure is kept exactly. Which devices are visible is decided in each
    /// process by its own environment. A file that cannot be read or written costs a note and a probe, never a failure.
    ///
    /// The memory in use is as it was when the file was written.
    pub fn run_cached(&self, key: &str, dir: &Path, limit: Duration) -> Host {
        let file = cache::file(key, dir);
        let (kept, complaint) = match cache::read(&file, key) {
            Ok(kept) => (kept, None),
            Err(complaint) => (None, Some(complaint)),
        };
        let mut found = match kept {
            Some(found) => found,
            None => {
                let found = self.find(limit);
                if let Err(complaint) = cache::write(&file, key, &found) {
                    return self.seen(with_complaint(found, complaint));
                }
                found
            }
        };
        if let Some(complaint) = complaint {
            found = with_complaint(found, complaint);
        }
        self.seen(found)
    }

    fn find(&self, limit: Duration) -> Found {
        let answers = read_all(&self.sources, limit);
        merge(
            self.sources
                .iter()
                .map(|source| (source.platform(), source.name()))
                .zip(answers),
        )
    }

    fn seen(&self, found: Found) -> Host {
        let Found {
            mut devices,
            mut notes,
        } = found;
        notes.extend(visible::apply(&mut devices, &self.environment));
        Host::from_parts(devices, notes)
    }
}

/// What all sources found, before the environment hides some of it.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Found {
    pub(crate) devices: Vec<Device>,
    pub(crate) notes: Vec<Note>,
}

fn with_complaint(mut found: Found, complaint: String) -> Found {
    found
        .notes
        .push(Note::new("", "cache", NoteKind::Partial, complaint));
    found
}

/// Per platform the first source that has devices; the complaints of all.
fn merge<'a>(
    answers: impl Iterator<Item = ((&'a str, &'a str), Result<Reading, Unreadable>)>,
) -> Found {
    let mut found = Found::default();
    for ((platform, source), answer) in answers {
        let known = found
            .devices
            .iter()
            .any(|device| device.platform == platform);
        match answer {
            Err(Unreadable::Absent(text)) if !known => {
                found
                    .notes
                    .push(Note::new(platform, source, NoteKind::Absent, text));
            }
            Err(Unreadable::Failed(text)) if !known => {
                found
                    .notes
                    .push(Note::new(platform, source, NoteKind::Unread, text));
            }
            Ok(reading) if !known => {
                let notes = reading.notes.into_iter();
                found
                    .notes
                    .extend(notes.map(|text| Note::new(platform, source, NoteKind::Partial, text)));
                // A source answers for its own platform only.
                found.devices.extend(
                    reading
                        .devices
                        .into_iter()
                        .filter(|device| device.platform == platform),
                );
            }
            // An earlier source knows the platform's devices: what later ones say adds nothing.
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(names: &[&str]) -> Result<Reading, Unreadable> {
        let devices = names
            .iter()
            .zip(0..)
            .map(|(name, n)| Device::new("cuda", n, *name))
            .collect();
        Ok(Reading {
            devices,
            notes: vec![],
        })
    }

    #[test]
    fn the_first_source_with_devices_is_believed_and_the_failures_before_it_are_told() {
        let found = merge(
            [
                (
                    ("cuda", "NVML"),
                    Err(Unreadable::Failed("no answer".into())),
                ),
                (("cuda", "proc"), reading(&["a", "b"])),
                (("cuda", "third"), reading(&["c"])),
                (
                    ("cuda", "fourth"),
                    Err(Unreadable::Failed("too late to matter".into())),
                ),
                (("rocm", "sysfs"), Err(Unreadable::Absent("none".into()))),
            ]
            .into_iter(),
        );
        assert_eq!(
            found
                .devices
                .iter()
                .map(|device| device.name.as_str())
                .collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(
            found.notes,
            [
                Note::new("cuda", "NVML", NoteKind::Unread, "no answer"),
                Note::new("rocm", "sysfs", NoteKind::Absent, "none"),
            ]
        );
    }

    #[test]
    fn a_source_cannot_add_devices_of_another_platform() {
        let found = merge([(("rocm", "sysfs"), reading(&["a"]))].into_iter());
        assert_eq!(found.devices, []);
    }
}
