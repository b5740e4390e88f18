//! What holds a card's clocks down.
//!
//! Promise: every reason has one name, the same in reports, records and text. Rejected: handing on NVML's bits (a reader
//! would have to look them up).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A reason why the clocks of a card are not at their highest.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttle {
    /// Nothing runs. Harmless.
    Idle,
    /// Somebody set the clocks lower.
    ApplicationClocks,
    /// The driver keeps the card within its power limit.
    SwPowerCap,
    /// The card halves its clocks, or more: too hot, or too much power.
    HwSlowdown,
    /// Another card of its group is slower.
    SyncBoost,
    /// The driver keeps the card within its temperature limit.
    SwThermal,
    /// The card protects itself from heat.
    HwThermal,
    /// The power supply asks for less.
    PowerBrake,
    /// A display sets the clocks.
    DisplayClocks,
    /// A reason that has no name here yet.
    Other,
}

const BITS: [(u64, Throttle); 9] = [
    (0x1, Throttle::Idle),
    (0x2, Throttle::ApplicationClocks),
    (0x4, Throttle::SwPowerCap),
    (0x8, Throttle::HwSlowdown),
    (0x10, Throttle::SyncBoost),
    (0x20, Throttle::SwThermal),
    (0x40, Throttle::HwThermal),
    (0x80, Throttle::PowerBrake),
    (0x100, Throttle::DisplayClocks),
];

impl Throttle {
    /// The reasons in NVML's bits.
    pub fn of_bits(bits: u64) -> Vec<Throttle> {
        let mut rest = bits;
        let mut reasons = Vec::new();
        for (bit, reason) in BITS {
            if bits & bit != 0 {
                reasons.push(reason);
                rest &= !bit;
            }
        }
        if rest != 0 {
            reasons.push(Throttle::Other);
        }
        reasons
    }

    /// The name in records: `sw_power_cap`.
    pub fn name(self) -> &'static str {
        match self {
            Throttle::Idle => "idle",
            Throttle::ApplicationClocks => "application_clocks",
            Throttle::SwPowerCap => "sw_power_cap",
            Throttle::HwSlowdown => "hw_slowdown",
            Throttle::SyncBoost => "sync_boost",
            Throttle::SwThermal => "sw_thermal",
            Throttle::HwThermal => "hw_thermal",
            Throttle::PowerBrake => "power_brake",
            Throttle::DisplayClocks => "display_clocks",
            Throttle::Other => "other",
        }
    }

    /// Whether it says something about a slow measurement; idling does not.
    pub fn slows(self) -> bool {
        self != Throttle::Idle
    }
}

impl fmt::Display for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_their_names() {
        assert_eq!(Throttle::of_bits(0), []);
        assert_eq!(Throttle::of_bits(0x1), [Throttle::Idle]);
        assert_eq!(
            Throttle::of_bits(0x4 | 0x40 | 0x80),
            [
                Throttle::SwPowerCap,
                Throttle::HwThermal,
                Throttle::PowerBrake
            ]
        );
        assert_eq!(
            Throttle::of_bits(0x200 | 0x8),
            [Throttle::HwSlowdown, Throttle::Other]
        );
    }

    #[test]
    fn the_name_is_the_one_in_json() {
        for (_, reason) in BITS {
            let json = serde_json::to_value(reason).unwrap();
            assert_eq!(json, reason.name());
        }
        assert!(!Throttle::Idle.slows() && Throttle::HwThermal.slows());
    }
}
