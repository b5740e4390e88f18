//! Memory of one device, taken by a process beside the server.
//!
//! Promise: what was asked for is taken or it is an error; it is taken in large pieces first and in small ones at the end, so that a device whose free
//! memory is in pieces is filled as well. Rejected: one allocation of the whole (a single gap makes it fail), and pieces of one size (what is left of
//! the last one is enough for a small request).

use std::ffi::OsString;

use serde_json::json;
use tribunal_hardware::{AllocError, Allocation, Simulated};

use crate::sidecar;

/// The word for a simulated device: ledger, number, ratio, strict.
pub(crate) const SIMULATED: &str = "hog-simulated";
/// The word for a card of NVIDIA: number, ratio, strict.
pub(crate) const CUDA: &str = "hog-cuda";

const MIB: u64 = 1 << 20;
/// Sizes of the pieces, in MiB.
const PIECES: [u64; 5] = [256, 64, 16, 4, 1];

/// A device of which memory can be taken.
pub(crate) trait Card {
    /// What is free, and what there is.
    fn free_and_total(&mut self) -> Result<(u64, u64), String>;
    /// Takes so many bytes; `false`: there are not as many left.
    fn take(&mut self, bytes: u64) -> Result<bool, String>;
    /// Its identity, where it has one.
    fn uuid(&self) -> Option<String>;
}

/// What was taken, in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub free_before: u64,
    pub taken: u64,
}

/// Takes this share of what is free, and if `strict` all the rest that the device gives.
pub(crate) fn fill(card: &mut dyn Card, ratio: f64, strict: bool) -> Result<Taken, String> {
    let (free_before, _) = card.free_and_total()?;
    // A share of a size: the product is within the size.
    let target = (free_before as f64 * ratio) as u64;
    if target < MIB {
        return Err(format!(
            "only {} MiB are free, of which {ratio} is less than one",
            free_before / MIB
        ));
    }
    let mut taken = 0;
    for size in PIECES.map(|n| n * MIB) {
        while taken + size <= target && card.take(size)? {
            taken += size;
        }
    }
    if target - taken >= MIB {
        return Err(format!(
            "only {} of {} MiB could be taken",
            taken / MIB,
            target / MIB
        ));
    }
    if strict {
        for size in PIECES[1..].iter().map(|n| n * MIB) {
            while card.take(size)? {
                taken += size;
            }
        }
    }
    Ok(Taken { free_before, taken })
}

fn hold(card: &mut dyn Card, ratio: &str, strict: &str) -> Result<(), String> {
    let ratio: f64 = ratio
        .parse()
        .map_err(|_| format!("`{ratio}` is no share"))?;
    let taken = fill(card, ratio, strict == "strict")?;
    let (free, total) = card.free_and_total()?;
    sidecar::stay(json!({
        "taken": taken.taken,
        "free_before": taken.free_before,
        "free": free,
        "total": total,
        "uuid": card.uuid(),
    }))
}

struct InLedger {
    ledger: Simulated,
    device: usize,
    held: Vec<Allocation>,
}

impl Card for InLedger {
    fn free_and_total(&mut self) -> Result<(u64, u64), String> {
        let usage = self.ledger.usage().map_err(|error| error.to_string())?;
        let usage = usage.get(self.device);
        let usage = usage.ok_or_else(|| format!("there is no simulated device {}", self.device))?;
        Ok((usage.total.saturating_sub(usage.used), usage.total))
    }

    fn take(&mut self, bytes: u64) -> Result<bool, String> {
        match self.ledger.allocate(self.device, bytes, "hog") {
            Ok(allocation) => {
                self.held.push(allocation);
                Ok(true)
            }
            Err(AllocError::OutOfMemory { .. }) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    fn uuid(&self) -> Option<String> {
        None
    }
}

pub(crate) fn simulated(words: &[OsString]) -> Result<(), String> {
    let [ledger, device, ratio, strict] = words else {
        return Err("expected ledger, number, ratio and strict".into());
    };
    let text = |word: &OsString| word.to_string_lossy().into_owned();
    let mut card = InLedger {
        ledger: Simulated::open(ledger.as_ref()).map_err(|error| error.to_string())?,
        device: text(device).parse().map_err(|_| "no number of a device")?,
        held: Vec::new(),
    };
    hold(&mut card, &text(ratio), &text(strict))
}

#[cfg(feature = "cuda")]
pub(crate) fn cuda(words: &[&str]) -> Result<(), String> {
    let [device, ratio, strict] = words else {
        return Err("expected number, ratio and strict".into());
    };
    let device = device.parse().map_err(|_| "no number of a device")?;
    let mut card = crate::sys::CudaCard::open(device)?;
    hold(&mut card, ratio, strict)
}

#[cfg(not(feature = "cuda"))]
pub(crate) fn cuda(_: &[&str]) -> Result<(), String> {
    Err(NO_CUDA.into())
}

/// Why cards of NVIDIA cannot be hogged by this build.
#[cfg(not(feature = "cuda"))]
pub(crate) const NO_CUDA: &str = "this program was built without the feature `cuda` of tribunal, which takes memory of NVIDIA's cards";

#[cfg(test)]
mod tests {
    use super::*;

    /// A device whose free memory is in pieces.
    struct Pieces {
        free: Vec<u64>,
        taken: Vec<u64>,
    }

    impl Pieces {
        fn of(mib: &[u64]) -> Pieces {
            Pieces {
                free: mib.iter().map(|n| n * MIB).collect(),
                taken: Vec::new(),
            }
        }

        fn left(&self) -> u64 {
            self.free.iter().sum::<u64>() / MIB
        }
    }

    impl Card for Pieces {
        fn free_and_total(&mut self) -> Result<(u64, u64), String> {
            Ok((self.free.iter().sum(), 1 << 40))
        }

        fn take(&mut self, bytes: u64) -> Result<bool, String> {
            let Some(piece) = self.free.iter_mut().find(|piece| **piece >= bytes) else {
                return Ok(false);
            };
            *piece -= bytes;
            self.taken.push(bytes / MIB);
            Ok(true)
        }

        fn uuid(&self) -> Option<String> {
            None
        }
    }

    #[test]
    fn the_share_is_of_what_is_free_and_met_to_the_mebibyte() {
        let mut card = Pieces::of(&[1000]);
        let taken = fill(&mut card, 0.95, false).unwrap();
        assert_eq!(taken.taken, 950 * MIB);
        assert_eq!(card.left(), 50);
        assert_eq!(&card.taken[..4], &[256, 256, 256, 64]);
    }

    #[test]
    fn strictly_nothing_is_left_that_anybody_could_use() {
        let mut card = Pieces::of(&[300, 70, 5]);
        card.free.push(MIB / 2);
        fill(&mut card, 0.9, true).unwrap();
        assert_eq!(card.free.iter().sum::<u64>(), MIB / 2);
    }

    #[test]
    fn what_cannot_be_taken_is_an_error_with_the_figures() {
        // Free in pieces too small for anybody.
        let mut card = Pieces {
            free: vec![MIB / 2; 400],
            taken: Vec::new(),
        };
        let why = fill(&mut card, 1.0, true).unwrap_err();
        assert_eq!(why, "only 0 of 200 MiB could be taken");
        let why = fill(&mut Pieces::of(&[]), 0.95, false).unwrap_err();
        assert!(why.contains("only 0 MiB are free"), "{why}");
    }
}
