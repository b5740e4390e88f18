//! The right to use devices, names, processors and memory, held across all processes of a host.
//!
//! Promise:
//!
//! * All of a claim is granted at once, or nothing; two leases never exceed what there is.
//! * A lease lasts as long as somebody has its descriptor open, and no longer: the kernel frees it, however its holder dies.
//! * First come, first served, and others pass only where they delay nobody: a waiter waits for leases that were granted and for
//!   waiters that stood *before it queued*, and never for one that came later. So it waits at most until those have all
//!   ended, however many come after it.
//! * A waiter that has not asked for 30 s (its process was stopped) lets others pass until it asks again.
//!
//! Whoever holds one lease and waits for a second may wait for ever, if the other does the same the other way round: ask
//! for everything in one claim, or give up what you hold. Rejected: leases that expire (a test that is stopped in a debugger
//! still uses its memory), and a service that gives them out (who starts it, and who watches it?).

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use crate::ledger_error::Fault;
use crate::process::Process;
use crate::records::{Purpose, Records, Section};
use crate::shared_file;

use entry::{HOLDS, WAITS};
use needs::Needs;

pub(crate) use claim::Bytes;
pub use claim::{Amount, Capacity, Claim, DeviceClaim, HostLimits};
pub use error::LeaseError;
pub use holder::{HolderInfo, waits_for};
pub use waiter::Waiter;

mod claim;
mod entry;
mod error;
mod holder;
mod needs;
mod waiter;

/// The name of the ledger in its folder.
const FILE: &str = "leases";
/// Leases are records of one file; each needs one, and one for each of its devices and names.
const PURPOSE: Purpose = Purpose {
    tag: b"leases  ",
    most: 8192,
};
/// A waiter that has not asked for this many milliseconds lets others pass.
const SILENT: u64 = 30_000;

/// The ledger of all leases of this host.
///
/// ```
/// use tribunal_hardware::{Amount, Capacity, Claim, DeviceClaim, Leases, waits_for};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path(); // else `default_lease_folder()`
/// let leases = Leases::open(folder)?;
/// let claim = |bytes| Claim {
///     devices: vec![DeviceClaim {
///         key: "GPU-1".into(),
///         amount: Amount::Bytes(bytes),
///         capacity: Capacity { total: Some(24 << 30), shared: Some(20 << 30) },
///     }],
///     ..Claim::default()
/// };
/// let first = leases.try_take(&claim(12 << 30))?.expect("nobody else is here");
/// let waiter = leases.wait_for(&claim(12 << 30))?;
/// assert!(waiter.try_take()?.is_none());
/// println!("{}", waits_for(waiter.claim(), &waiter.blocked_by()?));
/// drop(first);
/// let second = waiter.try_take()?.expect("its turn has come");
/// # drop(second);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Leases {
    records: Arc<Records>,
    limits: HostLimits,
}

impl Leases {
    /// The ledger in this folder; both are made on first use, for all users of the host. See [`crate::default_lease_folder`].
    ///
    /// # Errors
    /// Where folder or file cannot be used, or the file is something else.
    pub fn open(folder: &Path) -> Result<Leases, LeaseError> {
        let path = folder.join(FILE);
        let file = shared_file::open_shared(folder, FILE)
            .map_err(|error| crate::LedgerError::new(&path, Fault::Io(error)))?;
        Ok(Leases {
            records: Arc::new(Records::open(file, &path, PURPOSE)?),
            limits: HostLimits::of_this_host(),
        })
    }

    /// Whether there is a ledger in this folder; for those who only look, and must not make one.
    pub fn exists(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// The same ledger with other limits for processors and memory; where processes differ, the smaller counts.
    #[must_use]
    pub fn with_limits(mut self, limits: HostLimits) -> Leases {
        self.limits = limits;
        self
    }

    /// The lease, if nothing and nobody who waits is in its way; `None`: something is ([`Leases::blocked_by`] says what).
    ///
    /// # Errors
    /// A claim that can never be granted here, and a ledger that cannot be used.
    pub fn try_take(&self, claim: &Claim) -> Result<Option<Lease>, LeaseError> {
        claim.check(self.limits)?;
        let held = self.records.another()?;
        let needs = entry::needs(claim, self.limits);
        let taken = self.records.locked(|section| {
            let way = in_the_way(section, &needs, u64::MAX, Ask::WhetherAny)?;
            if way.all.is_empty() {
                self.add(section, HOLDS, claim, &held).map(Some)
            } else {
                Ok(None)
            }
        })?;
        Ok(taken.map(|(slot, _)| self.lease(claim, held, slot)))
    }

    /// A place in the queue for this claim. It counts until it is served or dropped, or the process ends.
    ///
    /// # Errors
    /// A claim that can never be granted here, and a ledger that cannot be used.
    pub fn wait_for(&self, claim: &Claim) -> Result<Waiter, LeaseError> {
        claim.check(self.limits)?;
        let held = self.records.another()?;
        let (slot, ticket) = self
            .records
            .locked(|section| self.add(section, WAITS, claim, &held))?;
        Ok(Waiter::new(self.clone(), claim.clone(), held, slot, ticket))
    }

    /// Everybody who holds or waits for something, the longest first.
    ///
    /// # Errors
    /// A ledger that cannot be used.
    pub fn holders(&self) -> Result<Vec<HolderInfo>, LeaseError> {
        let infos = self.records.locked(|section| {
            let mut live = Vec::new();
            for entry in entry::read(section, u64::MAX) {
                if section.is_held(entry.slot).map_err(Fault::Io)? {
                    live.push((entry.ticket, entry.slot));
                } else {
                    section.bury(entry.slot).map_err(Fault::Io)?;
                }
            }
            live.sort_unstable();
            Ok(infos(section, live.into_iter().map(|(_, slot)| slot)))
        })?;
        Ok(infos)
    }

    /// Everybody, holders and earlier waiters, who is in the way of this claim now.
    ///
    /// # Errors
    /// A claim that can never be granted here, and a ledger that cannot be used.
    pub fn blocked_by(&self, claim: &Claim) -> Result<Vec<HolderInfo>, LeaseError> {
        claim.check(self.limits)?;
        self.blockers(claim, u64::MAX)
    }

    fn blockers(&self, claim: &Claim, before: u64) -> Result<Vec<HolderInfo>, LeaseError> {
        let needs = entry::needs(claim, self.limits);
        let infos = self.records.locked(|section| {
            let way = in_the_way(section, &needs, before, Ask::ForAll)?;
            Ok(infos(section, way.all.into_iter().map(|(slot, _)| slot)))
        })?;
        Ok(infos)
    }

    fn add(
        &self,
        section: &mut Section<'_>,
        state: u8,
        claim: &Claim,
        held: &File,
    ) -> Result<(u32, u64), Fault> {
        let (head, mut parts) = entry::encode(
            state,
            claim,
            self.limits,
            Process::this(),
            SystemTime::now(),
        );
        section.add(held, head, &mut parts)
    }

    fn lease(&self, claim: &Claim, held: File, slot: u32) -> Lease {
        Lease {
            records: Arc::clone(&self.records),
            claim: claim.clone(),
            held: Some(held),
            slot,
            shared: AtomicBool::new(false),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Ask {
    /// One who lives and suffices to be in the way is enough.
    WhetherAny,
    /// Everybody who lives and is in the way.
    ForAll,
}

/// What is in the way of a claim.
#[derive(Default)]
struct Way {
    /// Slots, and whether the entry holds; the dead may be among them unless one asked [`Ask::ForAll`].
    all: Vec<(u32, bool)>,
    /// Slots and tickets of some that live and suffice to be in the way.
    sure: Vec<(u32, u64)>,
}

/// What is in the way of these needs: of those that hold, and those that wait with a ticket below `before`. Buries the dead that it
/// meets.
fn in_the_way(
    section: &mut Section<'_>,
    needs: &Needs,
    before: u64,
    ask: Ask,
) -> Result<Way, Fault> {
    let now = entry::now();
    let mut others = entry::read_rivals(section, before, needs);
    others.retain(|other| other.holds || other.asked.saturating_add(SILENT) >= now);
    let mut alive = vec![false; others.len()];
    loop {
        let all: Vec<&Needs> = others.iter().map(|other| &other.needs).collect();
        let way = needs::in_the_way(needs, &all);
        // The kernel is asked about those in the way only, since it looks through all locks of the file each time. First about those
        // that will probably be there longest, so that a waiter need not look again soon: waiters, the last of them first.
        let unsure = way.iter().copied().filter(|at| !alive[*at]);
        let next = unsure.max_by_key(|at| (!others[*at].holds, others[*at].ticket));
        let mut enough = next.is_none();
        if let Some(at) = next {
            if !section.is_held(others[at].slot).map_err(Fault::Io)? {
                section.bury(others[at].slot).map_err(Fault::Io)?;
                others.remove(at);
                alive.remove(at);
                continue;
            }
            alive[at] = true;
            if ask == Ask::WhetherAny {
                let sure = (0..all.len()).filter(|at| alive[*at]);
                let sure: Vec<&Needs> = sure.map(|at| all[at]).collect();
                enough = !needs::in_the_way(needs, &sure).is_empty();
            }
        }
        if enough {
            let entries = || others.iter().zip(&alive);
            return Ok(Way {
                all: way
                    .into_iter()
                    .map(|at| (others[at].slot, others[at].holds))
                    .collect(),
                sure: entries()
                    .filter(|(_, alive)| **alive)
                    .map(|(other, _)| (other.slot, other.ticket))
                    .collect(),
            });
        }
    }
}

fn infos(section: &Section<'_>, slots: impl Iterator<Item = u32>) -> Vec<HolderInfo> {
    slots
        .filter_map(|slot| {
            let waits = section.record(slot)?.state() == WAITS;
            let (claim, process, command, since) = entry::decode(section, slot)?;
            Some(HolderInfo {
                process,
                command,
                since,
                waits,
                claim,
            })
        })
        .collect()
}

/// Everything that one claim asked for. It ends when this is dropped and no copy of its descriptor is open anywhere.
#[derive(Debug)]
pub struct Lease {
    records: Arc<Records>,
    claim: Claim,
    /// Empty only after it was moved out.
    held: Option<File>,
    slot: u32,
    /// Whether somebody may have a copy of the descriptor.
    shared: AtomicBool,
}

impl Lease {
    /// What it gives the right to.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// The devices among it.
    pub fn devices(&self) -> &[DeviceClaim] {
        &self.claim.devices
    }

    /// The descriptor that holds it, which is closed on exec. A process that is given a copy (the keeper of a server) holds
    /// the lease as long as that is open.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.shared.store(true, Ordering::Relaxed);
        self.file().as_fd()
    }

    /// The descriptor alone, which holds the lease from now on.
    pub fn into_descriptor(mut self) -> OwnedFd {
        self.held.take().expect("it is moved out only here").into()
    }

    /// Names another process as its holder, for the messages to those who wait. The lease itself hangs on the descriptor.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub fn name_holder(&self, pid: u32) -> io::Result<()> {
        let process = Process::of(pid);
        let start = process.start_time.unwrap_or(u64::MAX);
        let place = self.records.place(self.slot);
        self.file()
            .write_all_at(&pid.to_le_bytes(), place + entry::PID as u64)?;
        self.file()
            .write_all_at(&start.to_le_bytes(), place + entry::START as u64)
    }

    fn file(&self) -> &File {
        self.held.as_ref().expect("it is moved out only at the end")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Where somebody may have a copy of the descriptor, only the kernel knows when the last one is closed.
        if let (Some(held), false) = (&self.held, self.shared.load(Ordering::Relaxed)) {
            self.records.free(held, self.slot);
        }
    }
}

#[cfg(test)]
mod tests;
