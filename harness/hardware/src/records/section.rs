//! The records while nobody else reads or writes them.
//!
//! Promise: what is read here is true until the section ends, but for holders that die meanwhile. Rejected: asking the
//! kernel about every record that is read (it looks through all locks of the file each time): callers ask about those that
//! are in their way.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;

use super::{Counters, Records, SIZE, STEP};
use crate::ledger_error::Fault;
use crate::sys;

/// One record: byte 0 is its state ([`FREE`], else the user's), 1 to 3 are the user's, then the slot of the head and the
/// number of the entry, and from byte 16 on what the user likes.
#[derive(Clone)]
pub(crate) struct Record(pub(crate) [u8; SIZE]);

/// The state of a record that means nothing.
pub(crate) const FREE: u8 = 0;

impl Record {
    pub(crate) fn new(state: u8, kind: u8, flags: u8) -> Record {
        let mut bytes = [0; SIZE];
        bytes[..3].copy_from_slice(&[state, kind, flags]);
        Record(bytes)
    }

    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Writes the text with its length before it, cut with a mark if it does not fit before `end`.
    pub(crate) fn put_text(&mut self, at: usize, end: usize, text: &str) {
        const MARK: &str = "…";
        let room = (end - at - 1).min(usize::from(u8::MAX));
        let mut kept = std::borrow::Cow::Borrowed(text);
        if text.len() > room {
            let mut cut = room - MARK.len();
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            kept = format!("{}{MARK}", &text[..cut]).into();
        }
        self.0[at] = kept.len() as u8;
        self.put(at + 1, kept.as_bytes());
    }
}

/// A record as it stands in the ledger.
#[derive(Clone, Copy)]
pub(crate) struct View<'a>(&'a [u8]);

impl<'a> View<'a> {
    #[cfg(test)]
    pub(crate) fn of(bytes: &'a [u8; SIZE]) -> View<'a> {
        View(bytes)
    }

    pub(crate) fn state(&self) -> u8 {
        self.0[0]
    }

    pub(crate) fn kind(&self) -> u8 {
        self.0[1]
    }

    pub(crate) fn flags(&self) -> u8 {
        self.0[2]
    }

    /// The slot of the head.
    pub(crate) fn head(&self) -> u32 {
        self.u32(4)
    }

    /// The number of the entry.
    pub(crate) fn ticket(&self) -> u64 {
        self.u64(8)
    }

    pub(crate) fn u32(&self, at: usize) -> u32 {
        match self.0.get(at..at + 4) {
            Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        }
    }

    pub(crate) fn u64(&self, at: usize) -> u64 {
        u64::from(self.u32(at)) | u64::from(self.u32(at + 4)) << 32
    }

    pub(crate) fn has(&self, at: usize, bytes: &[u8]) -> bool {
        self.0.get(at..at + bytes.len()) == Some(bytes)
    }

    pub(crate) fn text(&self, at: usize) -> String {
        let bytes = self.0.get(at + 1..at + 1 + usize::from(self.0[at]));
        String::from_utf8_lossy(bytes.unwrap_or_default())
            .chars()
            .filter(|c| !c.is_control())
            .collect()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Look {
    AsItIs,
    WithoutTheDead,
}

/// All records, while the whole file is locked.
pub(crate) struct Section<'a> {
    records: &'a Records,
    counters: Counters,
    length: u64,
    bytes: &'a mut Vec<u8>,
}

impl<'a> Section<'a> {
    pub(super) fn read(
        records: &'a Records,
        counters: Counters,
        length: u64,
        bytes: &'a mut Vec<u8>,
    ) -> io::Result<Section<'a>> {
        bytes.resize(counters.used as usize * SIZE, 0);
        records.file.read_exact_at(bytes, records.start)?;
        Ok(Section {
            records,
            counters,
            length,
            bytes,
        })
    }

    /// How many records were ever used.
    pub(crate) fn used(&self) -> u32 {
        self.counters.used
    }

    pub(crate) fn record(&self, slot: u32) -> Option<View<'_>> {
        let at = slot as usize * SIZE;
        self.bytes.get(at..at + SIZE).map(View)
    }

    /// The head of the entry that a record belongs to, if that was not freed. Its holder may be dead.
    fn head_of(&self, record: View<'_>) -> Option<View<'_>> {
        let head = self.record(record.head())?;
        let one = record.state() != FREE && head.state() != FREE;
        (one && head.head() == record.head() && head.ticket() == record.ticket()).then_some(head)
    }

    /// Whether the record is a head that was not freed, or a part of one. Its holder may be dead.
    fn means_something(&self, slot: u32) -> bool {
        self.record(slot)
            .is_some_and(|record| self.head_of(record).is_some())
    }

    fn all(&self) -> impl Iterator<Item = (u32, View<'_>)> + '_ {
        (0..).zip(self.bytes.chunks_exact(SIZE).map(View))
    }

    /// The heads of all entries that were not freed. Their holders may be dead.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (u32, View<'_>)> + '_ {
        self.all()
            .filter(|(slot, record)| record.state() != FREE && record.head() == *slot)
    }

    /// The parts of all those entries that `wanted` accepts, with the slot of their head.
    pub(crate) fn parts(
        &self,
        wanted: impl Fn(&View<'_>) -> bool,
    ) -> impl Iterator<Item = (u32, View<'_>)> {
        self.all()
            .filter(move |(slot, record)| {
                record.state() != FREE && record.head() != *slot && wanted(record)
            })
            .filter(|(_, record)| self.head_of(*record).is_some())
            .map(|(_, record)| (record.head(), record))
    }

    /// Whether somebody holds the entry, whose holder may be this very process: but not by the description that the section
    /// reads with.
    pub(crate) fn is_held(&self, slot: u32) -> io::Result<bool> {
        sys::is_locked(&self.records.file, self.records.place(slot), 1)
    }

    /// Overwrites a part of a record.
    pub(crate) fn write(&mut self, slot: u32, at: usize, bytes: &[u8]) -> io::Result<()> {
        self.records
            .file
            .write_all_at(bytes, self.records.place(slot) + at as u64)?;
        let at = slot as usize * SIZE + at;
        if let Some(kept) = self.bytes.get_mut(at..at + bytes.len()) {
            kept.copy_from_slice(bytes);
        }
        Ok(())
    }

    /// Frees an entry whose holder is dead.
    pub(crate) fn bury(&mut self, slot: u32) -> io::Result<()> {
        self.write(slot, 0, &[FREE])
    }

    /// Writes a new entry, held by the description `by`. Returns its slot and its number.
    pub(crate) fn add(
        &mut self,
        by: &File,
        mut head: Record,
        parts: &mut [Record],
    ) -> Result<(u32, u64), Fault> {
        self.trim();
        let place = self.lock_free(by)?;
        let ticket = self.counters.ticket + 1;
        head.put(4, &place.to_le_bytes());
        head.put(8, &ticket.to_le_bytes());
        let written = self.write_entry(place, ticket, &head, parts);
        if written.is_err() {
            let _ = sys::unlock(by, self.records.place(place));
        }
        written.map(|()| (place, ticket))
    }

    fn write_entry(
        &mut self,
        place: u32,
        ticket: u64,
        head: &Record,
        parts: &mut [Record],
    ) -> Result<(), Fault> {
        let slots = self.free_slots(place, parts.len())?;
        for (slot, part) in slots.into_iter().zip(parts) {
            part.put(4, &place.to_le_bytes());
            part.put(8, &ticket.to_le_bytes());
            self.write(slot, 0, &part.0).map_err(Fault::Io)?;
        }
        self.counters.ticket = ticket;
        self.records
            .write_counters(self.counters)
            .map_err(Fault::Io)?;
        self.write(place, 0, &head.0).map_err(Fault::Io)
    }

    /// A free slot, locked by `by`.
    fn lock_free(&mut self, by: &File) -> Result<u32, Fault> {
        for look in [Look::AsItIs, Look::WithoutTheDead] {
            if look == Look::WithoutTheDead {
                self.bury_the_dead().map_err(Fault::Io)?;
            }
            for slot in self.slots_by_hint() {
                // A record that was freed a moment ago may still be locked, until its description is closed.
                if !self.means_something(slot)
                    && sys::try_lock(by, self.records.place(slot)).map_err(Fault::Io)?
                {
                    self.records.hint.store(slot, Ordering::Relaxed);
                    return Ok(slot);
                }
            }
        }
        loop {
            let first = self.grow()?;
            for slot in first..self.counters.used {
                if sys::try_lock(by, self.records.place(slot)).map_err(Fault::Io)? {
                    return Ok(slot);
                }
            }
        }
    }

    /// That many free slots for the parts of an entry whose head will stand in `head`.
    fn free_slots(&mut self, head: u32, count: usize) -> Result<Vec<u32>, Fault> {
        let mut found = self.free_now(head, count);
        if found.len() < count {
            self.bury_the_dead().map_err(Fault::Io)?;
            found = self.free_now(head, count);
        }
        while found.len() < count {
            let first = self.grow()?;
            found.extend((first..self.counters.used).take(count - found.len()));
        }
        Ok(found)
    }

    fn free_now(&self, head: u32, count: usize) -> Vec<u32> {
        if count == 0 {
            return Vec::new();
        }
        self.slots_by_hint()
            .filter(|slot| *slot != head && !self.means_something(*slot))
            .take(count)
            .collect()
    }

    /// All slots, beginning with the one where this process found a free one the last time.
    fn slots_by_hint(&self) -> impl Iterator<Item = u32> + use<> {
        let used = self.counters.used;
        let hint = self.records.hint.load(Ordering::Relaxed).min(used);
        (hint..used).chain(0..hint)
    }

    /// Forgets empty records at the end, so that a crowd that is gone costs nothing any more. Some stay, since without a free
    /// record at hand the dead are looked for.
    fn trim(&mut self) {
        let used = self.counters.used;
        let empty = (0..used)
            .rev()
            .take_while(|slot| !self.means_something(*slot));
        let empty = empty.count() as u32;
        if empty > STEP {
            self.counters.used = used - empty + STEP / 2;
            self.bytes.truncate(self.counters.used as usize * SIZE);
        }
    }

    fn bury_the_dead(&mut self) -> io::Result<()> {
        let heads: Vec<u32> = self.heads().map(|(slot, _)| slot).collect();
        for slot in heads {
            if !self.is_held(slot)? {
                self.bury(slot)?;
            }
        }
        Ok(())
    }

    /// One more record, and some for the next, so that the dead are not looked for at every one.
    fn grow(&mut self) -> Result<u32, Fault> {
        let slot = self.counters.used;
        let most = self.records.most;
        if slot >= most {
            return Err(Fault::Full(most));
        }
        self.grow_to((slot + STEP / 4).min(most))
            .map_err(Fault::Io)?;
        Ok(slot)
    }

    fn grow_to(&mut self, used: u32) -> io::Result<()> {
        if self.records.place(used) > self.length {
            let steps = used.next_multiple_of(STEP).min(self.records.most);
            self.length = self.records.place(steps);
            self.records.file.set_len(self.length)?;
        }
        self.bytes.resize(used as usize * SIZE, 0);
        self.counters.used = used;
        self.records.write_counters(self.counters)
    }
}
