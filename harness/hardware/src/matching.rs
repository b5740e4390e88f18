//! Which declared device a real card is.
//!
//! Promise: the answer comes from the driver's name and the measured memory alone. Rejected: substring search (`H100`
//! would match a `GH100`, `B200` a `GB200`, `L40` an `L40S`) and any label from the environment (a runner called
//! `h100` says nothing about its card).

use crate::device::Device;
use crate::gate::DeclaredDevice;

/// How far measured memory may lie from declared memory, as a part of the declared: 0.15. Drivers report 79.6 GiB for a card
/// that is sold with 80 and 22.5 for one with 24 (error correction and firmware take their part: 0.4 to 7 %), while
/// different cards of one name differ by more (H100 NVL 94 and H100 80, A100 40 and 80).
pub const MEMORY_TOLERANCE: f64 = 0.15;

/// Whether `card` is the declared device: `declared` or one of `aliases` stands word by word in the driver's name
/// (case does not matter), and the memory agrees within [`MEMORY_TOLERANCE`] where both are known.
///
/// `NVIDIA H100 80GB HBM3` is an `H100`; an `NVIDIA GH200 480GB` is no `H200`, an `L40S` is no `L40`. A MIG slice is
/// not its card unless the declaration says `MIG`.
pub fn device_is(
    card: &Device,
    declared: &str,
    aliases: &[&str],
    declared_gib: Option<f64>,
) -> bool {
    matched_words(card, declared, aliases).is_some() && memory_agrees(card, declared_gib)
}

/// The declared device that `card` is, if any. Where several match, the one with the longest matching name wins: an
/// `RTX 6000 Ada` before an `RTX 6000`. Of equals the first declared.
pub fn declared_as<'a>(
    card: &Device,
    declared: impl IntoIterator<Item = &'a DeclaredDevice>,
) -> Option<&'a DeclaredDevice> {
    let mut best: Option<(usize, &DeclaredDevice)> = None;
    for device in declared {
        let aliases: Vec<&str> = device.aliases.iter().map(String::as_str).collect();
        let Some(words) = matched_words(card, &device.name, &aliases) else {
            continue;
        };
        if memory_agrees(card, device.vram_gib) && best.is_none_or(|(longest, _)| words > longest) {
            best = Some((words, device));
        }
    }
    best.map(|(_, device)| device)
}

/// The number of words of the longest name that stands in the card's name.
pub(crate) fn matched_words(card: &Device, declared: &str, aliases: &[&str]) -> Option<usize> {
    let card_words = words(&card.name);
    std::iter::once(&declared)
        .chain(aliases)
        .map(|name| words(name))
        .filter(|name| !name.is_empty())
        .filter(|name| card_words.windows(name.len()).any(|part| part == name))
        .filter(|name| !card.is_slice() || name.iter().any(|word| word == "mig"))
        .map(|name| name.len())
        .max()
}

/// Whether measured and declared memory agree; true where one of them is unknown.
pub(crate) fn memory_agrees(card: &Device, declared_gib: Option<f64>) -> bool {
    match (card.memory_total_gib, declared_gib) {
        (Some(measured), Some(declared)) => {
            (measured - declared).abs() <= declared * MEMORY_TOLERANCE
        }
        _ => true,
    }
}

/// The words of a name: runs of letters and digits, in lower case. `A100-SXM4-80GB` has three.
fn words(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (name of the driver, GiB measured, declared, aliases, GiB declared, is it)
    type Row = (
        &'static str,
        Option<f64>,
        &'static str,
        &'static [&'static str],
        Option<f64>,
        bool,
    );

    #[test]
    fn real_cards_against_declarations() {
        let table: &[Row] = &[
            (
                "NVIDIA H100 80GB HBM3",
                Some(79.65),
                "H100",
                &[],
                Some(80.0),
                true,
            ),
            (
                "NVIDIA H100 80GB HBM3",
                Some(79.65),
                "h100",
                &[],
                Some(80.0),
                true,
            ),
            (
                "NVIDIA H100 PCIe",
                Some(79.65),
                "H100",
                &[],
                Some(80.0),
                true,
            ),
            (
                "NVIDIA H100 NVL",
                Some(93.58),
                "H100",
                &[],
                Some(80.0),
                false,
            ),
            (
                "NVIDIA H100 NVL",
                Some(93.58),
                "H100_NVL",
                &["H100 NVL"],
                Some(94.0),
                true,
            ),
            (
                "NVIDIA H100 80GB HBM3",
                Some(79.65),
                "H100_80GB",
                &["h100-80gb"],
                Some(80.0),
                true,
            ),
            ("NVIDIA H200", Some(140.4), "H200", &[], Some(141.0), true),
            ("NVIDIA H200", Some(140.4), "H100", &[], Some(80.0), false),
            (
                "NVIDIA H200 NVL",
                Some(140.4),
                "H200",
                &[],
                Some(141.0),
                true,
            ),
            (
                "NVIDIA GH200 480GB",
                Some(95.6),
                "H200",
                &[],
                Some(141.0),
                false,
            ),
            ("NVIDIA GH200 480GB", None, "H200", &[], None, false),
            ("NVIDIA L4", Some(22.49), "L4", &[], Some(24.0), true),
            ("NVIDIA L4", Some(22.49), "L40", &[], Some(48.0), false),
            ("NVIDIA L40", Some(44.99), "L4", &[], Some(24.0), false),
            ("NVIDIA L40", Some(44.99), "L40", &[], Some(48.0), true),
            ("NVIDIA L40S", Some(44.99), "L40", &[], Some(48.0), false),
            ("NVIDIA L40S", Some(44.99), "L40S", &[], Some(48.0), true),
            (
                "NVIDIA A100-SXM4-40GB",
                Some(39.5),
                "A100",
                &[],
                Some(80.0),
                false,
            ),
            (
                "NVIDIA A100-SXM4-40GB",
                Some(39.5),
                "A100",
                &[],
                Some(40.0),
                true,
            ),
            (
                "NVIDIA A100-SXM4-80GB",
                Some(79.3),
                "A100",
                &[],
                Some(80.0),
                true,
            ),
            (
                "NVIDIA A100-SXM4-80GB",
                Some(79.3),
                "A100",
                &[],
                Some(40.0),
                false,
            ),
            ("NVIDIA A10G", Some(22.0), "A10", &[], Some(24.0), false),
            ("NVIDIA B200", Some(178.4), "B200", &[], Some(180.0), true),
            ("NVIDIA GB200", Some(184.0), "B200", &[], Some(180.0), false),
            ("NVIDIA GB200", None, "B200", &[], None, false),
            ("NVIDIA GB200", Some(184.0), "GB200", &[], Some(186.0), true),
            (
                "AMD Instinct MI325X OAM",
                Some(255.98),
                "MI325",
                &["MI325X"],
                Some(256.0),
                true,
            ),
            (
                "AMD Instinct MI325X OAM",
                Some(255.98),
                "MI325",
                &[],
                Some(256.0),
                false,
            ),
            (
                "AMD Instinct MI300X",
                Some(191.98),
                "MI325",
                &["MI325X"],
                Some(256.0),
                false,
            ),
            (
                "AMD device 0x74a5",
                Some(255.98),
                "MI325",
                &["MI325X"],
                Some(256.0),
                false,
            ),
            ("Tesla T4", Some(14.7), "T4", &[], Some(16.0), true),
            ("NVIDIA H100 80GB HBM3", None, "H100", &[], Some(80.0), true),
            (
                "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
                Some(9.75),
                "H100",
                &[],
                Some(80.0),
                false,
            ),
            (
                "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
                None,
                "H100",
                &[],
                None,
                false,
            ),
            (
                "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
                Some(9.75),
                "H100_MIG",
                &["MIG 1g.10gb"],
                Some(10.0),
                true,
            ),
            ("NVIDIA H100 80GB HBM3", Some(79.65), "", &[""], None, false),
            ("NVIDIA H100 80GB HBM3", Some(79.65), "--", &[], None, false),
            ("", None, "H100", &[], None, false),
        ];
        for &(name, gib, declared, aliases, declared_gib, expected) in table {
            let card = Device::new("cuda", 0, name).with_memory_gib(gib, None);
            assert_eq!(
                device_is(&card, declared, aliases, declared_gib),
                expected,
                "{name} {gib:?} as {declared} {aliases:?} {declared_gib:?}"
            );
        }
    }

    #[test]
    fn memory_agrees_up_to_the_tolerance_and_no_further() {
        let card = |gib| Device::new("cuda", 0, "NVIDIA X").with_memory_gib(Some(gib), None);
        for (gib, agrees) in [(85.0, true), (84.99, false), (115.0, true), (115.1, false)] {
            assert_eq!(
                device_is(&card(gib), "X", &[], Some(100.0)),
                agrees,
                "{gib}"
            );
        }
    }

    #[test]
    fn the_longest_name_wins() {
        let declare = |name: &str, aliases: &[&str]| DeclaredDevice {
            name: name.into(),
            aliases: aliases.iter().map(|alias| alias.to_string()).collect(),
            vram_gib: Some(48.0),
        };
        let declared = [
            declare("RTX 6000", &[]),
            declare("ADA6000", &["RTX 6000 Ada"]),
            declare("RTX", &[]),
        ];
        let card = Device::new("cuda", 0, "NVIDIA RTX 6000 Ada Generation")
            .with_memory_gib(Some(47.99), None);
        assert_eq!(declared_as(&card, &declared).unwrap().name, "ADA6000");
        let older = Device::new("cuda", 0, "NVIDIA RTX 6000").with_memory_gib(Some(47.99), None);
        assert_eq!(declared_as(&older, &declared).unwrap().name, "RTX 6000");
        // Of equals the first declared.
        let twins = [declare("RTX 6000", &[]), declare("A6000", &["RTX 6000"])];
        assert_eq!(declared_as(&older, &twins).unwrap().name, "RTX 6000");
        let other = Device::new("cuda", 0, "NVIDIA RTX 6000").with_memory_gib(Some(22.0), None);
        assert_eq!(declared_as(&other, &declared), None);
    }
}
