//! `hardware_test`: which devices a test needs, and how many.
//!
//! One argument per platform, a device or a list of devices any of which will do, and `num_cards`: one count for all platforms
//! or a count per platform, 1 where nothing is said. The rules are vLLM-Omni's; lists are allowed on every platform.
//! Promise: what passes [`check`] names only devices of its platform and counts that are declared. Rejected: a marker per
//! device and count written by hand (device, platform and count would not travel together).

mod request;

use crate::args::Args;
use crate::check::{Problem, ProblemAt};
use crate::marker::MarkerId;
use crate::platform::Platform;
use crate::value::Arg;
use crate::vocabulary::Vocabulary;

pub(crate) use request::COUNT;
use request::{platforms, read};

/// One of the tests that a hardware marker stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The platform, where there is a variant per platform.
    pub platform: Option<String>,
    /// The arguments of the hardware marker of this variant.
    pub args: Vec<Arg>,
}

impl Vocabulary {
    /// A marker, everything that it implies, transitively, and what its arguments imply: for a hardware marker the devices, their
    /// platforms, `gpu`, `cards_N`, and `gpu_N` and `PLATFORM_N` where they are declared. The marker itself comes first; every
    /// marker is there once. Empty for a name that is not declared; arguments that [`Vocabulary::check`] rejects imply nothing.
    pub fn expand(&self, name: &str, args: &[Arg]) -> Vec<MarkerId> {
        let Some(id) = self.id(name) else {
            return Vec::new();
        };
        let mut expanded = self.at(id).closure.clone();
        let mut add = |id: MarkerId| {
            for implied in &self.at(id).closure {
                if !expanded.contains(implied) {
                    expanded.push(*implied);
                }
            }
        };
        self.implied_by_args(id, args, &mut add);
        expanded
    }

    /// Hands over what the arguments of a marker imply, without what that implies.
    pub(crate) fn implied_by_args(
        &self,
        id: MarkerId,
        args: &[Arg],
        add: &mut impl FnMut(MarkerId),
    ) {
        if self.at(id).args != Args::Hardware {
            return;
        }
        for request in read(self, "", args, &mut Vec::new()) {
            request.devices.iter().copied().for_each(&mut *add);
            add(request.platform.id);
            let counts = request
                .platform
                .counts
                .iter()
                .find(|(count, _)| *count == request.count);
            for id in counts.iter().flat_map(|(_, ids)| ids) {
                add(*id);
            }
        }
    }

    /// The tests that the arguments of a hardware marker stand for. If every platform asks for the same count there is one, with
    /// the arguments as they are; if the counts differ there is one per platform, with what concerns that platform.
    pub fn hardware_variants(&self, args: &[Arg]) -> Vec<Variant> {
        let requests = read(self, "", args, &mut Vec::new());
        if requests
            .windows(2)
            .all(|pair| pair[0].count == pair[1].count)
        {
            return vec![Variant {
                platform: None,
                args: args.to_vec(),
            }];
        }
        requests
            .iter()
            .map(|request| {
                let platform = &request.platform.name;
                let mut narrowed: Vec<Arg> = args
                    .iter()
                    .filter(|arg| arg.key == *platform)
                    .cloned()
                    .collect();
                narrowed.push(Arg::named(COUNT, i64::from(request.count)));
                Variant {
                    platform: Some(platform.clone()),
                    args: narrowed,
                }
            })
            .collect()
    }
}

/// Everything that is wrong with the arguments of a hardware marker.
pub(crate) fn check(vocabulary: &Vocabulary, name: &str, args: &[Arg]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let requests = read(vocabulary, name, args, &mut problems);
    if problems.is_empty() && requests.is_empty() {
        let help = match vocabulary.platforms.first() {
            Some(Platform {
                name: platform,
                devices,
                ..
            }) => {
                let device = devices.first().map_or("…", |device| &device.name);
                format!(
                    "write `{name}({platform} = \"{device}\")`; the platforms are {}",
                    platforms(vocabulary)
                )
            }
            None => "declare platforms under [platforms]".to_owned(),
        };
        problems.push(Problem::new(
            ProblemAt::Name,
            format!("`{name}` names no platform"),
            Some(help),
        ));
    }
    problems
}
