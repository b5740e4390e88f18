//! How a claim stands in the ledger: a record for who claims it, and one for each device and name.
//!
//! Promise: whatever bytes a record has, reading it does not fail; an entry that makes no sense is one that is in everybody's way as
//! long as somebody holds it. Long keys and names are compared by a digest of all of them and shown by their beginning.
//! Rejected: a text format, since a record must have a fixed size to carry a lock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::claim::{Amount, Capacity, Claim, DeviceClaim, HostLimits};
use super::needs::{DeviceNeed, Needs};
use crate::process::{self, Process};
use crate::records::{Record, Section, View};

/// It has a ticket and no lease.
pub(crate) const WAITS: u8 = 1;
/// It has a lease.
pub(crate) const HOLDS: u8 = 2;

const HEAD: u8 = 1;
const DEVICE: u8 = 2;
const NAME: u8 = 3;
/// Flags of a head.
const EXCLUSIVE: u8 = 1;
const SERVER: u8 = 2;
/// Flags of a device.
const WHOLE: u8 = 1;
const TOTAL: u8 = 2;
const SHARED: u8 = 4;

// Places in a head.
pub(crate) const PID: usize = 16;
pub(crate) const START: usize = 24;
pub(crate) const SINCE: usize = 32;
/// When a waiter last asked, on the clock of [`now`].
pub(crate) const ASKED: usize = 40;
const CPUS: usize = 48;
const CPUS_LIMIT: usize = 52;
const MEMORY: usize = 56;
const MEMORY_LIMIT: usize = 64;
const COMMAND: usize = 72;
const LABEL: usize = 168;
const END: usize = 256;
// Places in a device and in a name.
const AMOUNT: usize = 16;
const CAPACITY: usize = 24;
const CAPACITY_SHARED: usize = 32;
const DIGEST: usize = 40;
const TEXT: usize = 56;

/// Stands for an unknown number, which no host reaches.
const UNKNOWN: u64 = u64::MAX;

/// An entry as it is compared with others.
pub(crate) struct Entry {
    pub(crate) slot: u32,
    pub(crate) ticket: u64,
    pub(crate) holds: bool,
    pub(crate) asked: u64,
    pub(crate) needs: Needs,
}

/// The time on a clock that all processes of this host share and that nobody sets, in milliseconds.
pub(crate) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec.unsigned_abs() * 1000 + time.tv_nsec.unsigned_abs() / 1_000_000
}

/// The records of a claim: its head, and its parts.
pub(crate) fn encode(
    state: u8,
    claim: &Claim,
    limits: HostLimits,
    holder: Process,
    since: SystemTime,
) -> (Record, Vec<Record>) {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    let flags = flag(claim.host_exclusive, EXCLUSIVE) | flag(claim.server, SERVER);
    let mut head = Record::new(state, HEAD, flags);
    let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
    head.put(PID, &holder.pid.to_le_bytes());
    head.put(START, &holder.start_time.unwrap_or(UNKNOWN).to_le_bytes());
    head.put(SINCE, &(since.as_millis() as u64).to_le_bytes());
    head.put(ASKED, &now().to_le_bytes());
    head.put(CPUS, &claim.cpus.to_le_bytes());
    head.put(CPUS_LIMIT, &limits.cpus.unwrap_or(u32::MAX).to_le_bytes());
    head.put(MEMORY, &claim.host_memory.to_le_bytes());
    let limit = limits.memory.unwrap_or(UNKNOWN);
    head.put(MEMORY_LIMIT, &limit.to_le_bytes());
    head.put_text(COMMAND, LABEL, process::command());
    head.put_text(LABEL, END, &claim.label);
    let devices = claim.devices.iter().map(|device| {
        let (whole, amount) = match device.amount {
            Amount::Whole => (true, 0),
            Amount::Bytes(bytes) => (false, bytes),
        };
        let Capacity { total, shared } = device.capacity;
        let flags =
            flag(whole, WHOLE) | flag(total.is_some(), TOTAL) | flag(shared.is_some(), SHARED);
        let mut part = Record::new(state, DEVICE, flags);
        part.put(AMOUNT, &amount.to_le_bytes());
        part.put(CAPACITY, &total.unwrap_or(0).to_le_bytes());
        part.put(CAPACITY_SHARED, &shared.unwrap_or(0).to_le_bytes());
        part.put(DIGEST, &digest(&device.key).to_le_bytes());
        part.put_text(TEXT, END, &device.key);
        part
    });
    let names = claim.names.iter().map(|name| {
        let mut part = Record::new(state, NAME, 0);
        part.put(DIGEST, &digest(name).to_le_bytes());
        part.put_text(TEXT, END, name);
        part
    });
    (head, devices.chain(names).collect())
}

/// The needs of a claim that is not in the ledger yet.
pub(crate) fn needs(claim: &Claim, limits: HostLimits) -> Needs {
    Needs {
        devices: claim
            .devices
            .iter()
            .map(|device| DeviceNeed {
                key: digest(&device.key),
                amount: device.amount,
                capacity: device.capacity,
            })
            .collect(),
        names: claim.names.iter().map(|name| digest(name)).collect(),
        cpus: claim.cpus,
        memory: claim.host_memory,
        limits,
        exclusive: claim.host_exclusive,
        server: claim.server,
        unreadable: false,
    }
}

/// The entries of the ledger that hold, and those that wait with a number below `before`. Their holders may be dead.
pub(crate) fn read(section: &Section<'_>, before: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut places = vec![None; section.used() as usize];
    for (slot, head) in section.heads() {
        if counts(&head, before) {
            places[slot as usize] = Some(entries.len());
            entries.push(Entry::new(slot, &head));
        }
    }
    for (head, part) in section.parts(|_| true) {
        if let Some(at) = places[head as usize] {
            add_part(&mut entries, at, &part);
        }
    }
    entries
}

/// Those of [`read`] that could be in the way of these needs, as far as they could: of devices and names only those that are
/// needed. A tenth of the work where many others have other devices.
pub(crate) fn read_rivals(section: &Section<'_>, before: u64, needs: &Needs) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut places = vec![None; section.used() as usize];
    let wanted: Vec<[u8; 16]> = (needs.devices.iter().map(|device| &device.key))
        .chain(&needs.names)
        .map(|digest| digest.to_le_bytes())
        .collect();
    let rivals = section.parts(|part| wanted.iter().any(|digest| part.has(DIGEST, digest)));
    for (slot, part) in rivals {
        let Some(head) = section.record(slot).filter(|head| counts(head, before)) else {
            continue;
        };
        let at = *places[slot as usize].get_or_insert_with(|| {
            entries.push(Entry::new(slot, &head));
            entries.len() - 1
        });
        add_part(&mut entries, at, &part);
    }
    for (slot, head) in section.heads() {
        if places[slot as usize].is_none() && counts(&head, before) {
            let entry = Entry::new(slot, &head);
            let theirs = &entry.needs;
            if needs.exclusive
                || theirs.exclusive
                || theirs.unreadable
                || (needs.cpus > 0 && theirs.cpus > 0)
                || (needs.memory > 0 && theirs.memory > 0)
            {
                entries.push(entry);
            }
        }
    }
    entries
}

fn counts(head: &View<'_>, before: u64) -> bool {
    head.state() != WAITS || head.ticket() < before
}

fn add_part(entries: &mut [Entry], at: usize, part: &View<'_>) {
    let needs = &mut entries[at].needs;
    match part.kind() {
        DEVICE => needs.devices.push(device_need(part)),
        NAME => needs.names.push(digest_of(part)),
        _ => needs.unreadable = true,
    }
}

impl Entry {
    /// The entry of a head, still without its parts.
    fn new(slot: u32, head: &View<'_>) -> Entry {
        Entry {
            slot,
            ticket: head.ticket(),
            holds: head.state() != WAITS,
            asked: head.u64(ASKED),
            needs: Needs {
                cpus: head.u32(CPUS),
                memory: head.u64(MEMORY),
                limits: HostLimits {
                    cpus: Some(head.u32(CPUS_LIMIT)).filter(|n| *n != u32::MAX),
                    memory: Some(head.u64(MEMORY_LIMIT)).filter(|n| *n != UNKNOWN),
                },
                exclusive: head.flags() & EXCLUSIVE != 0,
                server: head.flags() & SERVER != 0,
                unreadable: head.kind() != HEAD || ![WAITS, HOLDS].contains(&head.state()),
                ..Needs::default()
            },
        }
    }
}

/// The claim of an entry, as its holder wrote it but for texts that were too long, with the holder, its command and since when.
pub(crate) fn decode(
    section: &Section<'_>,
    slot: u32,
) -> Option<(Claim, Process, String, SystemTime)> {
    let head = section.record(slot)?;
    let mut claim = Claim {
        cpus: head.u32(CPUS),
        host_memory: head.u64(MEMORY),
        host_exclusive: head.flags() & EXCLUSIVE != 0,
        server: head.flags() & SERVER != 0,
        label: head.text(LABEL),
        ..Claim::default()
    };
    for (_, part) in section.parts(|part| part.head() == slot) {
        let text = part.text(TEXT);
        match part.kind() {
            DEVICE => {
                let need = device_need(&part);
                claim.devices.push(DeviceClaim {
                    key: text,
                    amount: need.amount,
                    capacity: need.capacity,
                });
            }
            NAME => claim.names.push(text),
            _ => {}
        }
    }
    let holder = Process {
        pid: head.u32(PID),
        start_time: Some(head.u64(START)).filter(|n| *n != UNKNOWN),
    };
    let since = UNIX_EPOCH.checked_add(Duration::from_millis(head.u64(SINCE)));
    Some((
        claim,
        holder,
        head.text(COMMAND),
        since.unwrap_or(UNIX_EPOCH),
    ))
}

fn device_need(part: &View<'_>) -> DeviceNeed {
    let flags = part.flags();
    let known = |flag: u8, at: usize| (flags & flag != 0).then(|| part.u64(at));
    DeviceNeed {
        key: digest_of(part),
        amount: if flags & WHOLE != 0 {
            Amount::Whole
        } else {
            Amount::Bytes(part.u64(AMOUNT))
        },
        capacity: Capacity {
            total: known(TOTAL, CAPACITY),
            shared: known(SHARED, CAPACITY_SHARED),
        },
    }
}

fn digest_of(part: &View<'_>) -> u128 {
    u128::from(part.u64(DIGEST)) | u128::from(part.u64(DIGEST + 8)) << 64
}

/// FNV-1a with 128 bits: stable between builds, which the standard library's hasher does not promise. Two names that share
/// one would only keep each other waiting.
fn digest(text: &str) -> u128 {
    text.bytes()
        .fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        })
}
