//! Why a job waits, in a sentence.
//!
//! Promise: recomputed from the books at the moment of asking, never kept; the first obstacle that applies is named.

use std::fmt;

use crate::governor::Governor;
use crate::impossible::gib;
use crate::problem::WHOLE;

/// What a job waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// A job that wants nobody beside it runs, or this one wants nobody beside it and others run.
    Alone,
    /// Another run has the host for itself.
    HostTaken,
    /// As many jobs run as may.
    Slots,
    /// Too few processors are free.
    Cpus,
    /// Too little host memory is free.
    HostMemory,
    /// Somebody holds this exclusive name.
    Name(u32),
    /// Its lease was not to be had a moment ago.
    Refused,
    /// Too few devices have room.
    Memory {
        /// Bytes on each device; `None`: whole devices.
        wanted: Option<u64>,
        /// How many devices it takes.
        gang: u32,
        /// How many have the room now.
        fit: usize,
        /// Outsiders hold so much that it would not fit even if none of our jobs ran.
        outside: bool,
    },
    /// Another start on these devices was a moment ago.
    Spacing {
        /// When it may start.
        until: f64,
    },
    /// It would stand in the way of this job, to which the room is promised.
    Promise(usize),
    /// Nothing keeps it: it starts at the next pass.
    Next,
}

impl Why {
    pub(crate) fn of(g: &Governor, task: u32) -> Why {
        let s = &g.state;
        let t = &s.problem.tasks[task as usize];
        let tenant = s.problem.tenant(task);
        let limits = &s.problem.limits;
        let opens = !s.tenancy[t.tenant as usize].live;
        if g.outside.host_taken {
            return Why::HostTaken;
        }
        if s.alone > 0 || (t.alone && !s.running.is_empty()) {
            return Why::Alone;
        }
        if let Some(name) = t
            .names
            .iter()
            .find(|n| s.name_held[**n as usize] || g.outside.names.contains(n))
        {
            return Why::Name(s.problem.names[*name as usize]);
        }
        if opens && tenant.gang > 0 {
            let fits: Vec<usize> = (0..s.rooms.len())
                .filter(|c| tenant.suits(*c) && s.rooms.room(*c).fits(tenant.need))
                .collect();
            if fits.len() < tenant.gang as usize {
                return Why::Memory {
                    wanted: (tenant.need != WHOLE).then_some(tenant.need),
                    gang: tenant.gang,
                    fit: fits.len(),
                    outside: !g.reachable(task),
                };
            }
            let mut from: Vec<f64> = fits.iter().map(|c| s.spaced(tenant.group, *c)).collect();
            from.sort_by(f64::total_cmp);
            let until = from[tenant.gang as usize - 1];
            if until > g.now {
                return Why::Spacing { until };
            }
        }
        if s.running.len() >= limits.slots {
            return Why::Slots;
        }
        if s.cpus + g.outside.cpus + u64::from(t.cpus) > u64::from(limits.cpus) {
            return Why::Cpus;
        }
        if opens
            && limits.host_memory.is_some_and(|l| {
                s.host
                    .saturating_add(g.outside.host)
                    .saturating_add(tenant.host)
                    > l
            })
        {
            return Why::HostMemory;
        }
        if g.refused[task as usize] > g.now {
            return Why::Refused;
        }
        match &g.promise {
            Some(promise) if promise.task != task => {
                Why::Promise(s.problem.tasks[promise.task as usize].id)
            }
            _ => Why::Next,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Alone => f.write_str("one of them wants nobody beside it"),
            Why::HostTaken => f.write_str("another run has the host for itself"),
            Why::Slots => f.write_str("as many run as may"),
            Why::Cpus => f.write_str("too few processors are free"),
            Why::HostMemory => f.write_str("too little host memory is free"),
            Why::Name(name) => write!(f, "the exclusive name {name} is held"),
            Why::Refused => f.write_str("its lease was not to be had a moment ago"),
            Why::Memory {
                wanted,
                gang,
                fit,
                outside,
            } => {
                match (wanted, gang) {
                    (Some(bytes), 1) => write!(f, "needs {} on a device", gib(*bytes))?,
                    (Some(bytes), gang) => write!(
                        f,
                        "needs {} on each of {gang} devices, {fit} have it",
                        gib(*bytes)
                    )?,
                    (None, 1) => f.write_str("needs a device for itself")?,
                    (None, gang) => write!(f, "needs {gang} devices for itself, {fit} are free")?,
                }
                if *outside {
                    f.write_str("; device memory is held outside this run")?;
                }
                Ok(())
            }
            Why::Spacing { until } => {
                write!(f, "starts of its kind are kept apart until {until:.1} s")
            }
            Why::Promise(job) => write!(
                f,
                "would stand in the way of job {job}, which has waited longer"
            ),
            Why::Next => f.write_str("starts next"),
        }
    }
}
