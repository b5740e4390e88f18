//! The report of a single run.

use std::fmt::Write as _;
use std::time::Duration;

use super::frame::{rule, title};
use crate::profile::{DeviceProfile, Profile};
use crate::size::{difference, gib, size};

/// What was seen during one run: each device with its phases.
pub fn report(profile: &Profile, code: i32, wall: Duration, model: Option<&str>) -> String {
    let mut out = title("GPU MEMORY PROFILE");
    let _ = writeln!(out, "  Exit code    : {code}");
    let _ = writeln!(out, "  Wall time    : {:.1}s", wall.as_secs_f64());
    let _ = writeln!(out, "  GPUs sampled : {}", profile.devices.len());
    if let Some(model) = model {
        let _ = writeln!(out, "  Model        : {model}");
    }
    if !profile.devices.is_empty() {
        let whose = if profile.of_tree {
            "the test's own processes"
        } else {
            "all processes on the device"
        };
        let _ = writeln!(out, "  Memory of    : {whose}");
    }
    for device in &profile.devices {
        out.push('\n');
        one(&mut out, device);
    }
    out + &rule('=')
}

fn one(out: &mut String, device: &DeviceProfile) {
    let total = device
        .total
        .map_or(String::new(), |total| format!(" ({})", gib(total as f64)));
    let share = device
        .total
        .filter(|total| *total > 0)
        .map_or_else(String::new, |total| {
            format!(
                " ({:.1}% of total)",
                device.peak as f64 * 100.0 / total as f64
            )
        });
    let baseline = device.baseline.map_or("unknown".into(), size);
    let delta = match device.delta() {
        None => "unknown".into(),
        Some(delta) => {
            let word = if device.leaked() { "LEAKED" } else { "OK" };
            format!("{} [{word}]", difference(delta))
        }
    };
    let _ = write!(
        out,
        "  GPU {}{total}\n    Baseline         : {baseline}\n    Peak             : {}{share} @ t={:.1}s\n    Final            : {}\n    Delta (final-bl) : {delta}\n",
        device.device,
        size(device.peak),
        device.peak_at,
        size(device.last),
    );
    let _ = writeln!(
        out,
        "\n    {:<16}{:>16}{:>12}{:>12}{:>12}",
        "Phase", "Time", "Start", "Peak", "End"
    );
    for phase in &device.phases {
        let time = format!("{:.1}s - {:.1}s", phase.from, phase.to);
        let _ = writeln!(
            out,
            "    {:<16}{time:>16}{:>12}{:>12}{:>12}",
            phase.name,
            size(phase.start),
            size(phase.peak),
            size(phase.end)
        );
    }
}
