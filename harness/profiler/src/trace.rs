//! What was sampled during a run, and the file that holds it.

use std::fmt::Write as _;

use crate::size::MIB;

/// One reading of one device.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Seconds since sampling began, by a clock that only goes forward.
    pub at: f64,
    /// The index of the device.
    pub device: usize,
    /// Memory in use, in bytes.
    pub used: u64,
    /// The device's memory, where known.
    pub total: Option<u64>,
    /// How busy it is, in per cent, where known.
    pub utilization: Option<u32>,
}

/// The readings of one run: before the test, during it, and after it.
///
/// A reading that failed is left out, so that a gap is a gap and no zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// The readings, in the order of time.
    pub samples: Vec<Sample>,
    /// When the test began.
    pub baseline_end: f64,
    /// When it had ended.
    pub test_end: f64,
    /// Whether the readings count the memory of the test's processes alone; else everybody's on the device.
    pub of_tree: bool,
}

impl Trace {
    /// The devices that were sampled, in order.
    pub fn devices(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.samples.iter().map(|sample| sample.device).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The raw readings as a table of commas, with a header.
    pub fn csv(&self) -> String {
        let mut out = String::from("timestamp_s,gpu,mem_used_mib,mem_total_mib,gpu_util_pct\n");
        for s in &self.samples {
            let total = s
                .total
                .map_or(String::new(), |total| (total / MIB).to_string());
            let busy = s.utilization.map_or(String::new(), |busy| busy.to_string());
            let _ = writeln!(
                out,
                "{:.2},{},{},{total},{busy}",
                s.at,
                s.device,
                s.used / MIB
            );
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::GIB;

    #[test]
    fn unknown_figures_are_empty_in_the_table() {
        let sample = |at, device, total, utilization| Sample {
            at,
            device,
            used: 300 * MIB,
            total,
            utilization,
        };
        let trace = Trace {
            samples: vec![
                sample(0.0, 1, Some(24 * GIB), Some(7)),
                sample(1.005, 0, None, None),
            ],
            ..Trace::default()
        };
        assert_eq!(
            trace.csv(),
            "timestamp_s,gpu,mem_used_mib,mem_total_mib,gpu_util_pct\n0.00,1,300,24576,7\n1.00,0,300,,\n"
        );
        assert_eq!(trace.devices(), [0, 1]);
    }
}
