//! Which devices a program started now would see: `CUDA_VISIBLE_DEVICES` and its like.
//!
//! Promise: a pure function of the devices and the variables that follows each vendor's own reading of its variable, with its
//! odd corners (what stands before the first invalid entry stays visible, a repeated entry hides everything). Rejected:
//! refusing odd values, since the vendor's runtime does not refuse them and the gate would then differ from the test.
//!
//! Sources: CUDA programming guide, "CUDA environment variables"; PyTorch's `torch.cuda._parse_visible_devices`, which
//! rebuilds the parser of the CUDA driver; ROCm documentation, "GPU isolation techniques"; Level Zero specification,
//! `ZE_AFFINITY_MASK`.

use std::collections::BTreeMap;

use crate::cores::{self, Cores};
use crate::device::Device;
use crate::note::{Note, NoteKind};

/// What a set but empty variable means to its vendor.
#[derive(Clone, Copy, PartialEq)]
enum Empty {
    HidesAll,
    IsUnset,
}

/// Sets `visible` of every device, and says what is hidden or could not be understood.
pub(crate) fn apply(devices: &mut [Device], environment: &BTreeMap<String, String>) -> Vec<Note> {
    let set = |name: &str| environment.get(name).map(String::as_str);
    let mut notes = Vec::new();
    let mut narrow = |devices: &mut [Device], platform: &str, variable: &str, empty: Empty| {
        narrow(
            devices,
            platform,
            variable,
            set(variable),
            empty,
            &mut notes,
        );
    };
    narrow(devices, "cuda", "CUDA_VISIBLE_DEVICES", Empty::HidesAll);
    narrow(devices, "rocm", "ROCR_VISIBLE_DEVICES", Empty::HidesAll);
    // HIP looks at CUDA's variable where its own is not set, and counts in what ROCr left over.
    let hip = set("HIP_VISIBLE_DEVICES").is_some_and(|value| !value.trim().is_empty());
    narrow(
        devices,
        "rocm",
        if hip {
            "HIP_VISIBLE_DEVICES"
        } else {
            "CUDA_VISIBLE_DEVICES"
        },
        Empty::IsUnset,
    );
    narrow(devices, "xpu", "ZE_AFFINITY_MASK", Empty::IsUnset);
    narrow(devices, "npu", "ASCEND_RT_VISIBLE_DEVICES", Empty::HidesAll);
    narrow(devices, "musa", "MUSA_VISIBLE_DEVICES", Empty::HidesAll);
    one_slice(devices, &mut notes);
    narrow_cores(devices, set(CORES), &mut notes);
    uncertain(devices, environment, &mut notes);
    notes
}

/// AWS Neuron's variable, which names cores.
const CORES: &str = "NEURON_RT_VISIBLE_CORES";

/// Hides the devices of which not every core is listed. Where the cores have no known numbers, nothing is hidden.
fn narrow_cores(devices: &mut [Device], value: Option<&str>, notes: &mut Vec<Note>) {
    let mut all: Vec<&mut Device> = devices
        .iter_mut()
        .filter(|device| device.platform == "neuron")
        .collect();
    let (Some(value), false) = (value.filter(|v| !v.trim().is_empty()), all.is_empty()) else {
        return;
    };
    let listed = cores::listed(value).filter(|_| all.iter().all(|d| d.cores.is_some()));
    let text = match listed {
        None => "it names cores, and how many a device has is unmeasured: every device counts as visible".to_owned(),
        Some(listed) => {
            for device in &mut all {
                let mut own = device.cores.into_iter().flat_map(Cores::numbers);
                device.visible &= own.all(|core| listed.contains(&core));
            }
            let shown = all.iter().filter(|device| device.visible).count();
            if shown == all.len() {
                return;
            }
            format!(
                "`{}` shows every core of {shown} of {} devices",
                quoted(value),
                all.len()
            )
        }
    };
    notes.push(Note::new("neuron", CORES, NoteKind::Hidden, text));
}

/// Applies one variable to the devices of one platform that are still visible.
fn narrow(
    devices: &mut [Device],
    platform: &str,
    variable: &str,
    value: Option<&str>,
    empty: Empty,
    notes: &mut Vec<Note>,
) {
    let mut candidates: Vec<&mut Device> = devices
        .iter_mut()
        .filter(|device| device.platform == platform && device.visible)
        .collect();
    let Some(value) = value else { return };
    if candidates.is_empty() || (value.trim().is_empty() && empty == Empty::IsUnset) {
        return;
    }
    let uuids: Vec<Option<&str>> = candidates
        .iter()
        .map(|device| device.uuid.as_deref())
        .collect();
    let selection = if variable == "ZE_AFFINITY_MASK" {
        select_mask(value, &uuids)
    } else {
        select(value, &uuids)
    };
    let all = candidates.len();
    for (at, device) in candidates.iter_mut().enumerate() {
        device.visible = selection.chosen.contains(&at);
    }
    let shown = selection.chosen.len();
    if shown < all || selection.problem.is_some() {
        let problem = selection
            .problem
            .map(|problem| format!(" ({problem})"))
            .unwrap_or_default();
        let text = format!(
            "`{}` shows {shown} of {all} devices{problem}",
            quoted(value)
        );
        notes.push(Note::new(platform, variable, NoteKind::Hidden, text));
    }
}

/// The devices that a value selects, by their place in the list, and what is wrong with the value.
struct Selection {
    chosen: Vec<usize>,
    problem: Option<String>,
}

/// CUDA's rule: comma-separated indexes, or uuid prefixes with `GPU-` or `MIG-`, not both; the first invalid entry ends the
/// list; a repeated entry empties it.
fn select(value: &str, uuids: &[Option<&str>]) -> Selection {
    let mut chosen: Vec<usize> = Vec::new();
    let value = value.trim();
    if value.is_empty() || value == "NoDevFiles" {
        return Selection {
            chosen,
            problem: None,
        };
    }
    let prefix = ["GPU-", "MIG-"]
        .into_iter()
        .find(|prefix| value.starts_with(prefix));
    for entry in value.split(',').map(str::trim) {
        // CUDA's documented way to say "no more".
        if prefix.is_none() && entry == "-1" {
            break;
        }
        let found = match prefix {
            Some(prefix) => by_uuid(entry, prefix, uuids),
            None => by_index(entry, uuids.len()),
        };
        match found {
            Ok(at) if chosen.contains(&at) => {
                let problem = format!(
                    "`{}` stands there twice, which hides every device",
                    quoted(entry)
                );
                return Selection {
                    chosen: Vec::new(),
                    problem: Some(problem),
                };
            }
            Ok(at) => chosen.push(at),
            Err(problem) => {
                return Selection {
                    chosen,
                    problem: Some(format!("{problem}; what follows is ignored")),
                };
            }
        }
    }
    Selection {
        chosen,
        problem: None,
    }
}

/// Level Zero's rule: `device` or `device.tile`, several tiles of one device allowed, invalid entries skipped.
fn select_mask(value: &str, uuids: &[Option<&str>]) -> Selection {
    let (mut chosen, mut problem) = (Vec::new(), None);
    for entry in value.split(',').map(str::trim) {
        match by_index(entry.split('.').next().unwrap_or(entry), uuids.len()) {
            Ok(at) if chosen.contains(&at) => {}
            Ok(at) => chosen.push(at),
            Err(text) => problem = Some(text),
        }
    }
    Selection { chosen, problem }
}

/// As the driver reads numbers: leading digits count, so that `1gpu` is 1.
fn by_index(entry: &str, devices: usize) -> Result<usize, String> {
    let digits: &str = &entry[..entry
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(entry.len())];
    let index: usize = digits
        .parse()
        .map_err(|_| format!("`{}` is no index of a device", quoted(entry)))?;
    if index < devices {
        Ok(index)
    } else {
        Err(format!(
            "there is no device {index} among the {devices} here"
        ))
    }
}

fn by_uuid(entry: &str, prefix: &str, uuids: &[Option<&str>]) -> Result<usize, String> {
    if !entry.starts_with(prefix) {
        return Err(format!(
            "`{}` does not begin with `{prefix}` as the first entry does",
            quoted(entry)
        ));
    }
    let mut matching =
        (0..uuids.len()).filter(|at| uuids[*at].is_some_and(|uuid| uuid.starts_with(entry)));
    match (matching.next(), matching.next()) {
        (Some(at), None) => Ok(at),
        (None, _) => Err(format!(
            "no device has a uuid that begins with `{}`",
            quoted(entry)
        )),
        (Some(_), Some(_)) => Err(format!(
            "several devices have a uuid that begins with `{}`",
            quoted(entry)
        )),
    }
}

/// A CUDA process uses at most one MIG slice (MIG user guide, "CUDA device enumeration"): the first that it sees.
fn one_slice(devices: &mut [Device], notes: &mut Vec<Note>) {
    let mut slices: Vec<&mut Device> = devices
        .iter_mut()
        .filter(|device| device.platform == "cuda" && device.visible && device.is_slice())
        .collect();
    let count = slices.len();
    if count < 2 {
        return;
    }
    slices
        .iter_mut()
        .skip(1)
        .for_each(|slice| slice.visible = false);
    let text = format!(
        "one process can use one slice: the first of {count} counts; choose with CUDA_VISIBLE_DEVICES"
    );
    notes.push(Note::new("cuda", "MIG", NoteKind::Hidden, text));
}

/// Variables whose meaning for a device cannot be known from here.
fn uncertain(devices: &[Device], environment: &BTreeMap<String, String>, notes: &mut Vec<Note>) {
    let names = |platform: &str| -> Vec<&str> {
        devices
            .iter()
            .filter(|device| device.platform == platform)
            .map(|device| device.name.as_str())
            .collect()
    };
    let cuda = names("cuda");
    let by_number = environment
        .get("CUDA_VISIBLE_DEVICES")
        .is_some_and(|value| value.trim().starts_with(|c: char| c.is_ascii_digit()));
    let driver_order = environment
        .get("CUDA_DEVICE_ORDER")
        .is_some_and(|order| order.trim() == "PCI_BUS_ID");
    if by_number && !driver_order && cuda.iter().any(|name| *name != cuda[0]) {
        let text = "its numbers count in CUDA's order (fastest first), which may differ from the driver's on a host with \
                    different cards; set CUDA_DEVICE_ORDER=PCI_BUS_ID or use uuids";
        notes.push(Note::new(
            "cuda",
            "CUDA_VISIBLE_DEVICES",
            NoteKind::Hidden,
            text,
        ));
    }
}

/// A value of the environment for a line of text: escaped, and not longer than fits.
fn quoted(value: &str) -> String {
    let short: String = value
        .chars()
        .take(60)
        .flat_map(char::escape_debug)
        .collect();
    if value.chars().nth(60).is_some() {
        format!("{short}...")
    } else {
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cards() -> Vec<Device> {
        ["GPU-aa11", "GPU-aa22", "GPU-bb33"]
            .iter()
            .zip(0..)
            .map(|(uuid, index)| Device::new("cuda", index, "NVIDIA L4").with_uuid(*uuid))
            .collect()
    }

    fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    }

    fn visible(devices: &[Device]) -> Vec<u32> {
        devices
            .iter()
            .filter(|device| device.visible)
            .map(|device| device.index)
            .collect()
    }

    #[test]
    fn cuda_visible_devices() {
        let table: &[(Option<&str>, &[u32], &str)] = &[
            (None, &[0, 1, 2], ""),
            (Some(""), &[], "`` shows 0 of 3 devices"),
            (Some("  "), &[], "`  ` shows 0 of 3 devices"),
            (Some("NoDevFiles"), &[], "`NoDevFiles` shows 0 of 3 devices"),
            (Some("0,1,2"), &[0, 1, 2], ""),
            (Some("2,0"), &[0, 2], "`2,0` shows 2 of 3 devices"),
            (Some(" 1 , 2 "), &[1, 2], "` 1 , 2 ` shows 2 of 3 devices"),
            (Some("-1"), &[], "`-1` shows 0 of 3 devices"),
            (Some("0,2,-1,1"), &[0, 2], "`0,2,-1,1` shows 2 of 3 devices"),
            (
                Some("0,7,1"),
                &[0],
                "`0,7,1` shows 1 of 3 devices (there is no device 7 among the 3 here; what follows is ignored)",
            ),
            (
                Some("1,1"),
                &[],
                "`1,1` shows 0 of 3 devices (`1` stands there twice, which hides every device)",
            ),
            (Some("1gpu,2x"), &[1, 2], "`1gpu,2x` shows 2 of 3 devices"),
            (
                Some("all"),
                &[],
                "`all` shows 0 of 3 devices (`all` is no index of a device; what follows is ignored)",
            ),
            (
                Some("99999999999999999999999"),
                &[],
                "`99999999999999999999999` shows 0 of 3 devices (`99999999999999999999999` is no index of a device; \
                 what follows is ignored)",
            ),
            (Some("GPU-bb"), &[2], "`GPU-bb` shows 1 of 3 devices"),
            (
                Some("GPU-bb33,GPU-aa11"),
                &[0, 2],
                "`GPU-bb33,GPU-aa11` shows 2 of 3 devices",
            ),
            (
                Some("GPU-aa"),
                &[],
                "`GPU-aa` shows 0 of 3 devices (several devices have a uuid that begins with `GPU-aa`; what follows is \
                 ignored)",
            ),
            (
                Some("GPU-bb,1"),
                &[2],
                "`GPU-bb,1` shows 1 of 3 devices (`1` does not begin with `GPU-` as the first entry does; what follows \
                 is ignored)",
            ),
            (
                Some("MIG-x"),
                &[],
                "`MIG-x` shows 0 of 3 devices (no device has a uuid that begins with `MIG-x`; what follows is ignored)",
            ),
            (
                Some("\u{1b}[31m"),
                &[],
                "`\\u{1b}[31m` shows 0 of 3 devices (`\\u{1b}[31m` is no index of a device; what follows is ignored)",
            ),
        ];
        for (value, expected, note) in table {
            let mut devices = cards();
            let variables: Vec<(&str, &str)> = value
                .iter()
                .map(|value| ("CUDA_VISIBLE_DEVICES", *value))
                .collect();
            let notes = apply(&mut devices, &environment(&variables));
            assert_eq!(visible(&devices), *expected, "{value:?}");
            let texts: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
            assert_eq!(
                texts,
                if note.is_empty() { vec![] } else { vec![*note] },
                "{value:?}"
            );
        }
    }

    #[test]
    fn a_long_value_is_cut_in_the_note() {
        let mut devices = cards();
        let value = "0".repeat(5000) + "x";
        let notes = apply(
            &mut devices,
            &environment(&[("CUDA_VISIBLE_DEVICES", &value)]),
        );
        assert!(notes[0].text.len() < 200, "{}", notes[0].text);
    }

    #[test]
    fn other_vendors() {
        type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u32]);
        let table: &[Row] = &[
            ("rocm", &[("CUDA_VISIBLE_DEVICES", "1")], &[1]),
            (
                "rocm",
                &[("CUDA_VISIBLE_DEVICES", "1"), ("HIP_VISIBLE_DEVICES", "0")],
                &[0],
            ),
            ("rocm", &[("HIP_VISIBLE_DEVICES", "")], &[0, 1, 2]),
            (
                "rocm",
                &[("HIP_VISIBLE_DEVICES", ""), ("CUDA_VISIBLE_DEVICES", "2")],
                &[2],
            ),
            ("rocm", &[("ROCR_VISIBLE_DEVICES", "")], &[]),
            // The second variable counts in what the first left over.
            (
                "rocm",
                &[
                    ("ROCR_VISIBLE_DEVICES", "1,2"),
                    ("HIP_VISIBLE_DEVICES", "1"),
                ],
                &[2],
            ),
            ("rocm", &[("ROCR_VISIBLE_DEVICES", "GPU-2")], &[2]),
            ("xpu", &[("ZE_AFFINITY_MASK", "0.0,0.1,2")], &[0, 2]),
            ("xpu", &[("ZE_AFFINITY_MASK", "9,1")], &[1]),
            ("xpu", &[("ZE_AFFINITY_MASK", "")], &[0, 1, 2]),
            ("npu", &[("ASCEND_RT_VISIBLE_DEVICES", "2")], &[2]),
            ("npu", &[("CUDA_VISIBLE_DEVICES", "2")], &[0, 1, 2]),
            ("musa", &[("MUSA_VISIBLE_DEVICES", "0,1")], &[0, 1]),
            ("neuron", &[("NEURON_RT_VISIBLE_CORES", "0-3")], &[0, 1, 2]),
        ];
        for (platform, variables, expected) in table {
            let mut devices: Vec<Device> = (0..3)
                .map(|n| Device::new(*platform, n, "card").with_uuid(format!("GPU-{n}")))
                .collect();
            apply(&mut devices, &environment(variables));
            assert_eq!(visible(&devices), *expected, "{platform} {variables:?}");
        }
    }

    #[test]
    fn cores_of_neuron_are_noted() {
        let mut devices = vec![Device::new("neuron", 0, "x")];
        let notes = apply(
            &mut devices,
            &environment(&[("NEURON_RT_VISIBLE_CORES", "0")]),
        );
        assert!(notes[0].text.contains("names cores"), "{notes:?}");
    }

    #[test]
    fn a_neuron_device_is_visible_if_all_its_cores_are() {
        for (value, expected, noted) in [
            ("0-5", &[0, 1, 2][..], 0),
            ("2,3,0", &[1], 1),
            ("4-5", &[2], 1),
            ("1", &[], 1),
            ("", &[0, 1, 2], 0),
            ("some", &[0, 1, 2], 1),
        ] {
            let device = |n| Device::new("neuron", n, "x");
            let mut devices: Vec<Device> = (0..3).map(device).collect();
            cores::number(&mut devices, |_| Some(2));
            let notes = apply(&mut devices, &environment(&[(CORES, value)]));
            assert_eq!(visible(&devices), *expected, "{value}");
            assert_eq!(notes.len(), noted, "{value}: {notes:?}");
        }
    }

    #[test]
    fn of_several_slices_the_first_visible_counts() {
        let slices = || -> Vec<Device> {
            ["MIG-1", "MIG-2", "MIG-3"]
                .iter()
                .zip(0..)
                .map(|(uuid, n)| Device::new("cuda", n, "NVIDIA H100 MIG 1g.10gb").with_uuid(*uuid))
                .collect()
        };
        let mut devices = slices();
        let notes = apply(&mut devices, &BTreeMap::new());
        assert_eq!((visible(&devices), notes.len()), (vec![0], 1));
        let mut devices = slices();
        let notes = apply(
            &mut devices,
            &environment(&[("CUDA_VISIBLE_DEVICES", "MIG-2")]),
        );
        assert_eq!((visible(&devices), notes.len()), (vec![1], 1));
    }

    #[test]
    fn numbers_on_a_mixed_host_are_noted_unless_the_order_is_the_drivers() {
        let mixed = || {
            vec![
                Device::new("cuda", 0, "NVIDIA L4"),
                Device::new("cuda", 1, "NVIDIA H100"),
            ]
        };
        let order = |extra: &[(&str, &str)]| {
            let mut variables = vec![("CUDA_VISIBLE_DEVICES", "0,1")];
            variables.extend_from_slice(extra);
            apply(&mut mixed(), &environment(&variables)).len()
        };
        assert_eq!(order(&[]), 1);
        assert_eq!(order(&[("CUDA_DEVICE_ORDER", "PCI_BUS_ID")]), 0);
        assert_eq!(
            apply(
                &mut cards(),
                &environment(&[("CUDA_VISIBLE_DEVICES", "0,1,2")])
            ),
            []
        );
    }
}
