//! What oracles are called in tables and in files of known deviations: by their kind, without their limits.

use crate::oracle::Oracle;

impl Oracle {
    /// Every name.
    pub const NAMES: [&'static str; 23] = [
        "in_flight_ends",
        "some_fail",
        "fails_fast",
        "nothing_hangs",
        "health_tells",
        "health_tells_the_truth",
        "stays_alive",
        "error_form",
        "text_and_audio_fail_alike",
        "refusals_say_when",
        "streams_told_apart",
        "recovers",
        "no_residue",
        "ends_when_asked",
        "frees_slots",
        "frees_memory",
        "neighbours_unaffected",
        "answered_alike",
        "no_double_answer",
        "conserved",
        "streams_end_with_a_word",
        "host_memory_grows",
        "no_device_residue",
    ];

    /// Its name, without its limit.
    pub fn name(&self) -> &'static str {
        let place = match self {
            Oracle::InFlightEndsWithin(_) => 0,
            Oracle::SomeFail(_) => 1,
            Oracle::FailsFastWithin(_) => 2,
            Oracle::NothingHangs => 3,
            Oracle::HealthTellsWithin(_) => 4,
            Oracle::HealthTellsTheTruth => 5,
            Oracle::StaysAliveFor(_) => 6,
            Oracle::ErrorForm => 7,
            Oracle::TextAndAudioFailAlike => 8,
            Oracle::RefusalsSayWhen => 9,
            Oracle::StreamsToldApart => 10,
            Oracle::RecoversWithin(_) => 11,
            Oracle::NoResidue => 12,
            Oracle::EndsWhenAsked => 13,
            Oracle::FreesSlotsWithin(_) => 14,
            Oracle::FreesMemoryWithin(_) => 15,
            Oracle::NeighboursUnaffected => 16,
            Oracle::AnsweredAlike => 17,
            Oracle::NoDoubleAnswer => 18,
            Oracle::Conserved => 19,
            Oracle::StreamsEndWithAWord => 20,
            Oracle::HostMemoryGrowsAtMost(_) => 21,
            Oracle::NoDeviceResidue => 22,
        };
        Self::NAMES[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        let all: std::collections::BTreeSet<&str> = Oracle::NAMES.into();
        assert_eq!(all.len(), Oracle::NAMES.len());
        assert_eq!(Oracle::Conserved.name(), "conserved");
        assert_eq!(
            Oracle::RecoversWithin(std::time::Duration::MAX).name(),
            "recovers"
        );
    }
}
