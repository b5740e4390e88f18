//! Figures of leases: how long it takes to take one and to give it back, alone and beside many that are held.

use std::path::Path;
use std::time::Instant;

use tribunal::hardware::{Amount, Capacity, Claim, DeviceClaim, Lease, LeaseError, Leases};
use tribunal_benches::{Figure, Unit};

use crate::options::Options;
use crate::project::root;

const GIB: u64 = 1 << 30;
/// Leases that are taken and given back per run.
const TIMES: usize = 200;
/// At most this many microseconds each.
const BUDGET: f64 = 200.0;

/// A part of a device of its own, or of the one device that all take.
fn claim(key: String) -> Claim {
    Claim {
        devices: vec![DeviceClaim {
            key,
            amount: Amount::Bytes(GIB / 64),
            capacity: Capacity {
                total: Some(80 * GIB),
                shared: Some(68 * GIB),
            },
        }],
        ..Claim::default()
    }
}

/// Leases beside none, 20 and 200 others: half of those on the same device.
pub fn leases(options: &Options, figures: &mut Vec<Figure>) -> Result<(), String> {
    let folder = root().join(format!("leases-{}", std::process::id()));
    let measured = [0, 20, 200]
        .into_iter()
        .try_for_each(|held| measure(&folder, held, options.runs(), figures));
    let _ = std::fs::remove_dir_all(&folder);
    measured.map_err(|error| error.to_string())
}

fn measure(
    folder: &Path,
    held: usize,
    runs: usize,
    figures: &mut Vec<Figure>,
) -> Result<(), LeaseError> {
    let folder = folder.join(held.to_string());
    std::fs::create_dir_all(&folder).ok();
    let leases = Leases::open(&folder)?;
    let beside: Result<Vec<Option<Lease>>, LeaseError> = (0..held)
        .map(|at| {
            let key = if at % 2 == 0 { 0 } else { at };
            leases.try_take(&claim(format!("GPU-{key}")))
        })
        .collect();
    let beside = beside?;
    let figure = |what| {
        let what = format!("a lease {what}, {held} held by others");
        Figure::new("lease", what, Unit::Microseconds, Some(BUDGET))
    };
    let (mut take, mut release) = (figure("taken"), figure("released"));
    for _ in 0..runs {
        let (mut taking, mut releasing) = (0.0, 0.0);
        for _ in 0..TIMES {
            let begin = Instant::now();
            let lease = leases.try_take(&claim("GPU-0".into()))?;
            let taken = begin.elapsed();
            drop(lease);
            releasing += (begin.elapsed() - taken).as_secs_f64() * 1e6;
            taking += taken.as_secs_f64() * 1e6;
        }
        take.samples.push(taking / TIMES as f64);
        release.samples.push(releasing / TIMES as f64);
    }
    drop(beside);
    figures.extend([take, release]);
    Ok(())
}
