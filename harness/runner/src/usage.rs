//! What became of a grant: who uses its devices, how much they took of them, and what was there before.
//!
//! Promise: a peak is what one sample saw of the whole tree at once; what could not be attributed is said with its reason and is no verdict.
//! Rejected: believing what an engine says about itself (what it does not say is what matters).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tribunal_hardware::{Live, Members, Telemetry, TreeSummary, Watch};

use crate::attempt::lock;
use crate::grant::{Grant, GrantedDevice};

/// How long a sample that somebody asks for may take.
const SAMPLE: Duration = Duration::from_secs(2);
/// Less than this of a declared amount, and it should be smaller.
const SMALL_PART: f64 = 0.5;
/// A difference below this is not worth a word.
const WORTH_A_WORD: u64 = 1 << 30;
/// What a suggestion adds to the peak.
const MARGIN: f64 = 1.1;

/// What is known of the use of a grant.
pub(crate) struct Usage {
    /// The devices as they were before anybody used the grant.
    pub before: Live,
    telemetry: Arc<Telemetry>,
    pids: Arc<Mutex<Vec<u32>>>,
    watch: Watch,
}

impl std::fmt::Debug for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Usage")
            .field("pids", &self.pids)
            .finish_non_exhaustive()
    }
}

impl Usage {
    pub fn new(telemetry: &Arc<Telemetry>, label: &str, before: Live) -> Usage {
        let pids: Arc<Mutex<Vec<u32>>> = Arc::default();
        let members = pids.clone();
        let watch = telemetry.watch(
            label,
            Members::Trees(Box::new(move || lock(&members).clone())),
        );
        Usage {
            before,
            telemetry: telemetry.clone(),
            pids,
            watch,
        }
    }
}

impl Grant {
    /// This process, and all that it starts, uses the devices.
    pub fn follow(&self, pid: u32) {
        if let Some(usage) = &self.usage {
            lock(&usage.pids).push(pid);
        }
    }

    /// Looks at what is in use now, whatever the rhythm of the run's own looks. Blocks for a moment.
    pub fn look(&self) {
        if let Some(usage) = &self.usage {
            usage.telemetry.sample_now(SAMPLE);
        }
    }

    /// What was seen of its use; `None`: nobody was followed.
    pub(crate) fn seen(&self) -> Option<TreeSummary> {
        let usage = self.usage.as_ref()?;
        (!lock(&usage.pids).is_empty()).then(|| usage.watch.summary())
    }
}

/// What a peak means for what was declared.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Within.
    Fine,
    /// More than declared: a text with figures and a marker.
    Over(String),
    /// Far less than declared, or nothing was declared.
    Suggests(String),
    /// It cannot be told, and why.
    NotMade(String),
}

/// Compares what was seen with what was granted.
pub(crate) fn judge(devices: &[GrantedDevice], seen: &TreeSummary) -> Verdict {
    let mut verdict = Verdict::Fine;
    for device in devices {
        let Some(peak) = seen.devices.iter().find(|p| p.device == device.key) else {
            continue;
        };
        let Some(bytes) = peak.bytes else {
            let why = peak
                .reason
                .clone()
                .unwrap_or_else(|| "it was never seen".into());
            if verdict == Verdict::Fine {
                verdict = Verdict::NotMade(why);
            }
            continue;
        };
        let name = format!("{} {}", device.platform, device.index);
        match device.amount {
            Some(amount) if bytes > amount => {
                return Verdict::Over(format!(
                    "{} of {name} were in use at a time, and {} were declared\nhelp: #[max_vram_gib({})]",
                    gib(bytes),
                    gib(amount),
                    suggested(bytes)
                ));
            }
            Some(amount)
                if bytes > 0
                    && (bytes as f64) < amount as f64 * SMALL_PART
                    && amount - bytes > WORTH_A_WORD =>
            {
                verdict = Verdict::Suggests(format!(
                    "at most {} of the {} declared of {name} were in use: #[max_vram_gib({})] would let others beside it",
                    gib(bytes),
                    gib(amount),
                    suggested(bytes)
                ));
            }
            None if bytes > 0 => {
                verdict = Verdict::Suggests(format!(
                    "it declares no device memory and had the whole of {name}; at most {} were in use: #[max_vram_gib({})] would let others beside it",
                    gib(bytes),
                    suggested(bytes)
                ));
            }
            _ => {}
        }
    }
    verdict
}

/// The figure of a marker for this peak, in GiB, with a margin.
fn suggested(bytes: u64) -> String {
    let gib = bytes as f64 / (1u64 << 30) as f64;
    format!("{:.1}", (gib * MARGIN * 10.0).ceil() / 10.0)
}

pub(crate) fn gib(bytes: u64) -> String {
    format!("{:.2} GiB", bytes as f64 / (1u64 << 30) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tribunal_hardware::DevicePeak;

    const GIB: u64 = 1 << 30;

    fn judged(amount: Option<u64>, bytes: Option<u64>) -> Verdict {
        let device = GrantedDevice {
            index: 1,
            key: "GPU-1".into(),
            platform: "cuda".into(),
            model: "x".into(),
            total: Some(24 * GIB),
            cores: None,
            amount,
        };
        let mut seen = TreeSummary::default();
        seen.devices = vec![DevicePeak {
            device: "GPU-1".into(),
            bytes,
            samples: 1,
            gaps: 0,
            reason: Some("a container".into()),
        }];
        judge(&[device], &seen)
    }

    #[test]
    fn more_than_declared_is_told_with_figures_and_a_marker() {
        assert_eq!(judged(Some(4 * GIB), Some(4 * GIB)), Verdict::Fine);
        let Verdict::Over(text) = judged(Some(4 * GIB), Some(4 * GIB + 1)) else {
            panic!("one byte more is more");
        };
        assert!(
            text.starts_with(
                "4.00 GiB of cuda 1 were in use at a time, and 4.00 GiB were declared"
            )
        );
        assert!(text.ends_with("#[max_vram_gib(4.5)]"), "{text}");
    }

    #[test]
    fn far_less_or_nothing_declared_suggests_a_figure() {
        let suggests = |amount, bytes| match judged(amount, Some(bytes)) {
            Verdict::Suggests(text) => text,
            other => panic!("{other:?}"),
        };
        assert!(suggests(Some(20 * GIB), 5 * GIB).contains("#[max_vram_gib(5.5)]"));
        assert!(suggests(None, 10 * GIB).contains("#[max_vram_gib(11.0)]"));
        // Half is no waste, and less than a GiB is not worth a word.
        assert_eq!(judged(Some(20 * GIB), Some(10 * GIB)), Verdict::Fine);
        assert_eq!(judged(Some(GIB), Some(GIB / 4)), Verdict::Fine);
        assert_eq!(judged(None, Some(0)), Verdict::Fine);
    }

    #[test]
    fn what_cannot_be_attributed_is_no_verdict() {
        assert_eq!(
            judged(Some(GIB), None),
            Verdict::NotMade("a container".into())
        );
    }
}
