//! What will happen: the selected cases in the order in which they are started, each with its limit and what keeps it from running.
//!
//! Promise: a pure function; nothing is started or set up. `--plan` prints it, the executor follows it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::Catalog;
use crate::gates::{Asked, Facts, GateKind, Offer, Unmet};
use crate::needs::{self, Need};
use crate::options::Options;
use crate::resources::{Asking, Resources};
use crate::selection::Selection;
use crate::stores::Key;
use tribunal_hardware::Host;
use tribunal_vocabulary::{Bound, Vocabulary};

/// What is to be done with a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Run it.
    Run,
    /// It is `#[ignore]`d and nobody asked for ignored ones.
    Ignored(String),
    /// It cannot run here.
    Gated(Unmet),
    /// It cannot run here, and that is a failure (`--require-hardware`, `--deny-skips`, a process-per-test runner).
    Refused(Unmet, &'static str),
}

/// One planned case.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Index into [`Catalog::cases`].
    pub case: usize,
    /// The level at which it runs.
    pub level: Option<usize>,
    /// What is to be done with it.
    pub disposition: Disposition,
    /// The limit of its body.
    pub limit: Option<Duration>,
    /// The limit of its set-up.
    pub setup_limit: Duration,
    /// The limit of its teardown.
    pub teardown_limit: Duration,
    /// How long it is expected to take, where earlier runs tell.
    pub expected: Option<Duration>,
    /// It runs with nothing beside it.
    pub alone: bool,
}

/// The plan of a run.
pub struct Plan {
    /// The cases in the order of their start.
    pub cases: Vec<Planned>,
    /// What they need of the machine; `None`: nothing that would have to be shared out.
    pub resources: Option<Resources>,
    /// What it could not take into account, and what to do about that.
    pub notes: Vec<String>,
}

/// The limit of a body when neither the test nor its kind states one.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(60);

/// The limit of set-up when neither the test nor the command line states one: a server with limits of its own ends sooner.
pub const DEFAULT_SETUP_LIMIT: Duration = Duration::from_secs(900);

/// The limit of teardown when neither the test nor the command line states one.
pub const DEFAULT_TEARDOWN_LIMIT: Duration = Duration::from_secs(60);

/// What keeps a case from running, if anything.
pub fn disposition(
    catalog: &Catalog,
    case: usize,
    level: Option<usize>,
    o: &Options,
    v: &Vocabulary,
    facts: &mut dyn Facts,
) -> Disposition {
    let compared = catalog.compared(case);
    let case = &catalog.cases[case];
    let ignore = catalog.tests[case.test].entry.ignore;
    let asked = Asked {
        deployment: case.deployment(catalog),
        level: level
            .and_then(|l| v.levels().get(l))
            .map(|l| l.name.as_str()),
    };
    if let Some(unmet) = crate::gates::unmet(&case.marks, asked, v, facts) {
        return gated(unmet, o);
    }
    for one in compared {
        let offer = facts.offer(&one.name, asked.level);
        if let Some(unmet) = offer
            .ok()
            .and_then(|offer| crate::gates::real_devices(&one.name, &offer, facts))
        {
            return gated(unmet, o);
        }
    }
    match ignore {
        Some(why) if !o.ignored && !o.include_ignored => Disposition::Ignored(why.to_owned()),
        _ => Disposition::Run,
    }
}

/// What a gate that is not met means.
fn gated(unmet: Unmet, o: &Options) -> Disposition {
    if unmet.kind == GateKind::Broken {
        Disposition::Refused(unmet, "its deployment")
    } else if o.deny_skips {
        Disposition::Refused(unmet, "--deny-skips")
    } else if o.require_hardware && unmet.kind == GateKind::Device {
        Disposition::Refused(unmet, "--require-hardware")
    } else if o.process_per_test && !o.unmet_skip {
        // Such a runner knows no skip: what it starts, it reports as passed or failed. It saw this gate at list time, so somebody forced it.
        Disposition::Refused(unmet, ONE_PROCESS)
    } else {
        Disposition::Gated(unmet)
    }
}

/// Why a skip is a failure under a runner that starts one process per test: it would report the case as passed.
pub const ONE_PROCESS: &str =
    "one process per test: the runner would call it passed; TRIBUNAL_UNMET=skip lets it";

impl Plan {
    /// Plans a selection.
    pub fn new(
        catalog: &Catalog,
        selection: &Selection,
        o: &Options,
        sequential_unless: Option<&Bound>,
        v: &Vocabulary,
        facts: &mut dyn Facts,
    ) -> Plan {
        let scaled = |limit: Duration| o.timeout_scale.map_or(limit, |x| limit.mul_f64(x.min(1e6)));
        let mut cases: Vec<Planned> = selection
            .selected
            .iter()
            .map(|s| {
                let case = &catalog.cases[s.case];
                let limit = case
                    .marks
                    .timeout
                    .or(case.marks.kind_limit)
                    .unwrap_or(DEFAULT_LIMIT);
                Planned {
                    case: s.case,
                    level: s.level,
                    disposition: disposition(catalog, s.case, s.level, o, v, facts),
                    // Load for so long comes on top of what the test needs beside it.
                    limit: Some(match o.soak.filter(|_| case.marks.soaks) {
                        Some(soak) => scaled(limit).saturating_add(soak),
                        None => scaled(limit),
                    }),
                    setup_limit: scaled(
                        case.marks
                            .setup_timeout
                            .or(o.setup_timeout)
                            .unwrap_or(DEFAULT_SETUP_LIMIT),
                    ),
                    teardown_limit: scaled(
                        case.marks
                            .teardown_timeout
                            .or(o.teardown_timeout)
                            .unwrap_or(DEFAULT_TEARDOWN_LIMIT),
                    ),
                    expected: facts
                        .seconds(&case.name)
                        .and_then(|s| Duration::try_from_secs_f64(s).ok()),
                    alone: s.last
                        || case.marks.alone
                        || sequential_unless.is_some_and(|b| !b.matches(&case.marks.set)),
                }
            })
            .collect();
        if let Some(seed) = o.shuffle {
            shuffle(&mut cases, seed);
        } else if o.slots() > 1 {
            // The longest first, so that none is left over at the end. One slot takes as long in any order, and keeps that of the names.
            cases.sort_by_key(|c| {
                let seconds = c.expected.map(|d| d.as_secs_f64());
                std::cmp::Reverse(crate::recall::class_of_length(seconds))
            });
        }
        if o.failed_first {
            cases.sort_by_key(|c| !facts.failed_last(&catalog.cases[c.case].name));
        }
        // Cases that share the same servers stand together, where the first of them stood, so that each server starts once and no two run at
        // a time without need.
        let mut groups: HashMap<Vec<Key>, usize> = HashMap::new();
        let group: Vec<usize> = cases
            .iter()
            .map(|c| {
                let next = groups.len();
                let mut keys = catalog.shared_keys(c.case, c.level, v);
                // Servers say what makes them the same; what is made of them (clients, data) must not keep their users apart.
                if keys.iter().any(Key::names_itself) {
                    keys.retain(Key::names_itself);
                }
                *groups.entry(keys).or_insert(next)
            })
            .collect();
        if groups.len() > 1 {
            let mut order: Vec<usize> = (0..cases.len()).collect();
            order.sort_by_key(|i| group[*i]);
            cases = order.into_iter().map(|i| cases[i].clone()).collect();
        }
        // Stable: what runs alone comes after the others, so that nobody waits for an empty house twice.
        cases.sort_by_key(|c| c.alone);
        let mut notes = vec![];
        let resources = shared_out(catalog, &mut cases, o, v, facts, &mut notes);
        Plan {
            cases,
            resources,
            notes,
        }
    }
}

/// What the cases need of the machine, if anything: they are put into the order of their planned starts, and what fits nowhere is gated.
fn shared_out(
    catalog: &Catalog,
    cases: &mut Vec<Planned>,
    o: &Options,
    v: &Vocabulary,
    facts: &mut dyn Facts,
    notes: &mut Vec<String>,
) -> Option<Resources> {
    let runs = |p: &&Planned| p.disposition == Disposition::Run;
    if !cases
        .iter()
        .filter(runs)
        .any(|p| needed(catalog, p, v, facts).0.is_any())
    {
        return None;
    }
    let (mut asking, mut unread) = (vec![], vec![]);
    for (planned, p) in cases.iter().enumerate().filter(|(_, p)| runs(p)) {
        let case = &catalog.cases[p.case];
        let (mut need, offer) = needed(catalog, p, v, facts);
        let mut expected = p.limit.map_or(0.0, |limit| limit.as_secs_f64());
        if need.devices > 0 {
            match facts.measured(&case.name) {
                Ok(None) => {}
                Ok(Some(measured)) => {
                    // What somebody states holds; a measurement tells where nobody does.
                    need.memory = need.memory.or(Some(measured.memory()));
                    expected = measured.wall_s;
                }
                Err(why) => unread.push(why),
            }
        }
        if let Some(seconds) = p.expected {
            expected = seconds.as_secs_f64();
        }
        let own = offer.as_deref().filter(|offer| !offer.foreign);
        let shared = own.filter(|_| !case.marks.fresh);
        asking.push(Asking {
            planned,
            need,
            names: case.marks.exclusive.clone(),
            alone: p.alone,
            server: shared.map(|offer| offer.identity.clone()),
            expected,
        });
    }
    notes.extend(unread_notes(unread));
    let simulated = facts.simulated();
    let without = Host::without_devices();
    let host = match asking.iter().any(|a| a.need.devices > 0) {
        true => facts.host(),
        false => &without,
    };
    let spacing = o.start_spacing.map(|spacing| spacing.as_secs_f64());
    let (mut resources, impossible) =
        match Resources::new(&asking, host, simulated, o.slots(), spacing) {
            Ok(made) => made,
            // Limits are finite and numbers are ours: nothing of it is the input's.
            Err(why) => unreachable!("the plan is malformed: {why}"),
        };
    for (planned, reason) in impossible {
        let kind = GateKind::Device;
        cases[planned].disposition = gated(Unmet { kind, reason }, o);
    }
    // In the order of the planned starts; what does not run stays behind.
    let mut order: Vec<usize> = resources.schedule.starts.iter().map(|s| s.job).collect();
    let mut seen = vec![false; cases.len()];
    order.iter().for_each(|planned| seen[*planned] = true);
    order.extend((0..cases.len()).filter(|planned| !seen[*planned]));
    let new: HashMap<usize, usize> = order.iter().enumerate().map(|(n, old)| (*old, n)).collect();
    *cases = order.iter().map(|old| cases[*old].clone()).collect();
    resources.settle(&new);
    Some(resources)
}

/// The most measurements that cannot be read of which each is said by itself; a folder that is closed closes all of them.
const UNREAD: usize = 3;

/// What to say of measurements that cannot be read: nothing depends on them but lengths and amounts that nobody states.
fn unread_notes(unread: Vec<String>) -> Vec<String> {
    let more = unread.len().saturating_sub(UNREAD);
    let mut notes: Vec<String> = unread
        .into_iter()
        .take(UNREAD)
        .map(|why| format!("a measurement of device memory is not used: {why}"))
        .collect();
    if more > 0 {
        notes.push(format!(
            "nor are {more} more measurements of device memory, which cannot be read either"
        ));
    }
    notes
}

/// What a case needs, and what its deployment offers.
fn needed(
    catalog: &Catalog,
    p: &Planned,
    v: &Vocabulary,
    facts: &mut dyn Facts,
) -> (Need, Option<Arc<Offer>>) {
    let case = &catalog.cases[p.case];
    let level = p.level.and_then(|l| v.levels().get(l));
    // A gate has told of one that nobody knows.
    let offer = case
        .deployment(catalog)
        .and_then(|d| facts.offer(d, level.map(|l| l.name.as_str())).ok());
    let simulated = facts.simulated();
    let mut most: Option<Need> = None;
    for one in catalog.compared(p.case) {
        let level = level.map(|l| l.name.as_str());
        // One that nobody knows fails in the case itself.
        if let Ok(one) = facts.offer(&one.name, level) {
            let of_it = needs::of(&case.marks, Some(&*one), simulated, v, || facts.host());
            most = Some(match most {
                Some(most) => most.or(of_it),
                None => of_it,
            });
        }
    }
    let alone = || needs::of(&case.marks, offer.as_deref(), simulated, v, || facts.host());
    (most.unwrap_or_else(alone), offer)
}

/// Fisher–Yates with SplitMix64 (Steele, Lea, Flood 2014), so that a seed gives the same order everywhere.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    for i in (1..items.len()).rev() {
        // The bias of the remainder is below 2^-40 for any number of tests that fits in memory.
        items.swap(i, (next() % (i as u64 + 1)) as usize);
    }
}
