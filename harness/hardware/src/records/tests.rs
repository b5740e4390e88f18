use proptest::prelude::*;

use super::*;

const SMALL: Purpose = Purpose {
    tag: b"tests   ",
    most: 100,
};

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records");
    (folder, path)
}

fn open(path: &Path) -> Result<Records, LedgerError> {
    let file = match shared_file::open(path) {
        Ok(file) => file,
        Err(_) => shared_file::make(path).unwrap(),
    };
    Records::open(file, path, SMALL)
}

/// An entry with so many parts, and the description that holds it.
fn entry(records: &Records, parts: usize) -> Result<(File, u32, u64), LedgerError> {
    let held = records.another()?;
    let mut parts = vec![Record::new(1, 2, 0); parts];
    let (slot, ticket) = records.locked(|s| s.add(&held, Record::new(1, 1, 0), &mut parts))?;
    Ok((held, slot, ticket))
}

/// The entries that live, with their numbers of parts.
fn live(records: &Records) -> Vec<(u32, usize)> {
    records
        .locked(|section| {
            let mut live = Vec::new();
            for (slot, _) in section.heads() {
                if section.is_held(slot).map_err(Fault::Io)? {
                    live.push((slot, section.parts(|part| part.head() == slot).count()));
                }
            }
            Ok(live)
        })
        .unwrap()
}

#[test]
fn it_grows_in_steps_to_its_bound_and_says_so() {
    let (_folder, path) = file();
    let records = open(&path).unwrap();
    let length = || std::fs::metadata(&path).unwrap().len();
    assert_eq!(length(), SIZE as u64);
    let mut held = vec![entry(&records, 0).unwrap()];
    assert_eq!(length(), (1 + 64) * SIZE as u64);
    held.extend((1..64).map(|_| entry(&records, 0).unwrap()));
    assert_eq!(length(), (1 + 64) * SIZE as u64);
    held.push(entry(&records, 35).unwrap());
    assert_eq!(length(), (1 + 100) * SIZE as u64);
    for parts in [0, 1] {
        let error = entry(&records, parts).unwrap_err().to_string();
        assert!(error.contains("is full: all of its 100 records"), "{error}");
    }
    assert_eq!(live(&records).len(), 65);
    assert_eq!(live(&records)[64].1, 35);
    // The dead make room: their descriptions are closed, their records not freed.
    held.clear();
    assert_eq!(live(&records), []);
    let again = entry(&records, 99).unwrap();
    assert_eq!(live(&records), [(again.1, 99)]);
    assert_eq!(length(), (1 + 100) * SIZE as u64);
}

#[test]
fn a_crowd_that_is_gone_is_not_read_any_more() {
    let (_folder, path) = file();
    let records = open(&path).unwrap();
    let first = entry(&records, 0).unwrap();
    let crowd: Vec<_> = (0..40).map(|_| entry(&records, 1).unwrap()).collect();
    let used = || records.locked(|section| Ok(section.used())).unwrap();
    assert!(used() >= 81);
    for (held, slot, _) in &crowd {
        records.free(held, *slot);
    }
    // Freed and not closed: the places of their heads are passed over.
    let next = entry(&records, 0).unwrap();
    assert_eq!(used(), 1 + STEP / 2);
    assert!(crowd.iter().all(|(_, slot, _)| *slot != next.1));
    drop(crowd);
    let last = entry(&records, 20).unwrap();
    let mut all = [(first.1, 0), (next.1, 0), (last.1, 20)];
    all.sort_unstable();
    assert_eq!(live(&records), all);
    assert_eq!(used(), 1 + STEP / 2);
}

#[test]
fn parts_of_the_dead_do_not_pass_to_the_next() {
    let (_folder, path) = file();
    let records = open(&path).unwrap();
    let (held, slot, ticket) = entry(&records, 3).unwrap();
    assert!(records.stands(slot, ticket).unwrap());
    records.free(&held, slot);
    assert!(!records.stands(slot, ticket).unwrap());
    drop(held);
    let (_held, next, later) = entry(&records, 1).unwrap();
    assert_eq!((next, later), (slot, ticket + 1));
    assert_eq!(live(&records), [(slot, 1)]);
    assert!(!records.stands(slot, ticket).unwrap());
    assert!(records.stands(slot, later).unwrap());
}

#[test]
fn what_was_freed_and_is_not_closed_yet_is_not_given_to_another() {
    let (_folder, path) = file();
    let records = open(&path).unwrap();
    let (held, slot, _) = entry(&records, 0).unwrap();
    records.free(&held, slot);
    let (_other, next, _) = entry(&records, 0).unwrap();
    assert_ne!(next, slot);
    drop(held);
    assert_eq!(live(&records), [(next, 0)]);
    let more: Vec<_> = (0..20).map(|_| entry(&records, 0).unwrap()).collect();
    assert!(more.iter().any(|(_, again, _)| *again == slot));
}

fn spoil(path: &Path, at: u64, bytes: &[u8]) {
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(bytes, at).unwrap();
}

#[test]
fn a_file_that_is_something_else_is_refused_and_left_alone() {
    let (_folder, path) = file();
    for content in [&b"my notes"[..], &[b'n'; 1000]] {
        std::fs::write(&path, content).unwrap();
        let error = open(&path).unwrap_err().to_string();
        assert!(
            error.contains("is not the ledger that was expected"),
            "{error}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    std::fs::remove_file(&path).unwrap();
    drop(open(&path).unwrap());
    spoil(&path, 16, b"another ");
    let error = open(&path).unwrap_err().to_string();
    assert!(error.contains("it is for \"another\""), "{error}");
    let folder = path.parent().unwrap();
    assert!(File::open(folder).is_ok_and(|f| Records::open(f, folder, SMALL).is_err()));
}

#[test]
fn another_version_or_a_torn_file_is_begun_anew_if_nobody_uses_it() {
    type Spoil = fn(&Path);
    let spoils: [(&str, Spoil); 4] = [
        ("it has version 9", |path| spoil(path, 8, &[9])),
        ("it is torn", |path| spoil(path, 12, &[7])),
        ("it is torn", |path| spoil(path, 28, &[255; 4])),
        ("it is torn", |path| {
            let file = File::options().write(true).open(path).unwrap();
            file.set_len(SIZE as u64 + 10).unwrap();
        }),
    ];
    for (what, spoil) in spoils {
        let (_folder, path) = file();
        let records = open(&path).unwrap();
        let held = entry(&records, 2).unwrap();
        spoil(&path);
        let error = open(&path).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
        drop(held);
        let anew = open(&path).unwrap();
        assert_eq!(live(&anew), []);
        let held = entry(&anew, 1).unwrap();
        assert_eq!(live(&anew), [(held.1, 1)]);
        // Who had it open before sees the same again.
        assert_eq!(live(&records), [(held.1, 1)]);
    }
}

#[test]
fn a_file_that_is_cut_short_while_it_is_open_is_an_error() {
    let (_folder, path) = file();
    let records = open(&path).unwrap();
    let _held = entry(&records, 2).unwrap();
    for length in [300, 20, 0] {
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(length)
            .unwrap();
        let error = entry(&records, 0).unwrap_err().to_string();
        assert!(error.contains("overwrote it or cut it short"), "{error}");
    }
}

#[test]
fn texts_are_cut_at_a_character_with_a_mark() {
    let mut record = Record::new(1, 1, 0);
    record.put_text(100, 121, "1234567890123456789ä");
    let view = |record: &Record| View::of(&record.0).text(100);
    assert_eq!(view(&record), "12345678901234567…");
    record.put_text(100, 121, "ääääääääää");
    assert_eq!(view(&record), "ääääääääää");
    record.put_text(100, 121, "äääääääääää");
    assert_eq!(view(&record), "ääääääää…");
    // A length that cannot be true, and bytes that are no text.
    record.0[100] = 255;
    assert_eq!(view(&record), "");
    record.put(100, &[2, 0xff, 7]);
    assert_eq!(view(&record), "\u{fffd}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in the records, reading and adding neither panic nor lose the entry that is added.
    #[test]
    fn any_bytes_may_stand_in_the_records(
        bytes in prop::collection::vec(any::<u8>(), 0..6 * SIZE),
        small in prop::collection::vec((0..6usize, 0..8u8), 0..40),
    ) {
        let (_folder, path) = file();
        let records = open(&path).unwrap();
        let own = entry(&records, 5).unwrap();
        spoil(&path, SIZE as u64, &bytes);
        for (slot, value) in small {
            // Near-valid heads: small numbers in the places of state, slot and ticket.
            spoil(&path, SIZE as u64 * (1 + slot as u64) + 4 * u64::from(value % 3), &[value]);
        }
        drop(own);
        let held = entry(&records, 3).unwrap();
        let [(slot, parts)] = live(&records)[..] else {
            return Err(TestCaseError::fail("one entry lives"));
        };
        // Bytes that happen to name this entry look like one more part of it.
        prop_assert!(slot == held.1 && parts >= 3);
    }
}
