//! Gates: which needs are met, and the sentence for each that is not, as people read it.

use tribunal_hardware::{DeclaredDevice, Device, DeviceNeed, Host, Note, NoteKind, gate};

fn note(platform: &str, source: &str, kind: NoteKind, text: &str) -> Note {
    Note {
        platform: platform.into(),
        source: source.into(),
        kind,
        text: text.into(),
    }
}

fn card(name: &str, gib: f64) -> Device {
    Device::new("cuda", 0, name).with_memory_gib(Some(gib), None)
}

fn model(name: &str, gib: f64) -> DeclaredDevice {
    DeclaredDevice {
        name: name.into(),
        aliases: vec![],
        vram_gib: Some(gib),
    }
}

fn need(platform: &str, models: &[DeclaredDevice], count: u32, gib: Option<f64>) -> DeviceNeed {
    DeviceNeed {
        platform: platform.into(),
        models: models.to_vec(),
        count,
        max_vram_gib: gib,
    }
}

fn reason(host: &Host, need: &DeviceNeed) -> String {
    gate(host, need)
        .expect_err("the need must not be met")
        .to_string()
}

fn hosts(devices: Vec<Device>) -> Host {
    Host::from_parts(devices, vec![])
}

#[test]
fn met_needs() {
    let host = hosts(vec![
        card("NVIDIA L4", 22.49),
        card("NVIDIA H100 80GB HBM3", 79.65),
        card("NVIDIA L4", 22.49),
    ]);
    let (h100, l4) = (model("H100", 80.0), model("L4", 24.0));
    for met in [
        need("", &[], 0, None),
        need("cuda", &[], 3, None),
        need("", &[], 3, None),
        need("cuda", std::slice::from_ref(&h100), 1, Some(79.65)),
        need("cuda", std::slice::from_ref(&l4), 2, Some(22.0)),
        need("cuda", &[h100.clone(), l4.clone()], 3, Some(20.0)),
        need("", &[h100], 0, None),
        need("", &[], 0, Some(60.0)),
    ] {
        assert_eq!(gate(&host, &met), Ok(()), "{met:?}");
    }
}

#[test]
fn reasons_where_devices_are_here() {
    let (h100, l4) = (model("H100", 80.0), model("L4", 24.0));
    let one_l4 = hosts(vec![card("NVIDIA L4", 23.7)]);
    let mixed = hosts(vec![
        card("NVIDIA L4", 23.7),
        card("NVIDIA L4", 23.7),
        card("NVIDIA H100 PCIe", 79.65),
    ]);
    let table: &[(&Host, DeviceNeed, &str)] = &[
        (
            &one_l4,
            need("cuda", std::slice::from_ref(&h100), 2, None),
            "needs 2 x H100 (cuda); this host has 1 x NVIDIA L4 23.7 GiB",
        ),
        (
            &one_l4,
            need("cuda", &[], 2, None),
            "needs 2 cuda devices; this host has 1 x NVIDIA L4 23.7 GiB",
        ),
        (
            &one_l4,
            need("", &[], 2, None),
            "needs 2 devices; this host has 1 x NVIDIA L4 23.7 GiB",
        ),
        (
            &one_l4,
            need("", &[], 1, Some(60.0)),
            "needs 60 GiB on a device; the largest here has 23.7 GiB",
        ),
        (
            &one_l4,
            need("", &[], 0, Some(60.0)),
            "needs 60 GiB on a device; the largest here has 23.7 GiB",
        ),
        (
            &one_l4,
            need("cuda", &[], 1, Some(60.5)),
            "needs 60.5 GiB on a cuda device; the largest here has 23.7 GiB",
        ),
        (
            &mixed,
            need("cuda", &[h100.clone(), l4.clone()], 3, Some(24.0)),
            "needs 3 x H100 or L4 (cuda) with 24 GiB each; 1 of the 3 here has that much",
        ),
        (
            &mixed,
            need("cuda", std::slice::from_ref(&h100), 1, Some(79.7)),
            "needs 1 x H100 (cuda) with 79.7 GiB; the largest here has 79.6 GiB",
        ),
        (
            &mixed,
            need("cuda", std::slice::from_ref(&h100), 2, None),
            "needs 2 x H100 (cuda); this host has 2 x NVIDIA L4 23.7 GiB, 1 x NVIDIA H100 PCIe 79.6 GiB",
        ),
        (
            &hosts(vec![card("NVIDIA H100 NVL", 93.58)]),
            need("cuda", std::slice::from_ref(&h100), 1, None),
            "needs 1 x H100 (cuda); this host has 1 x NVIDIA H100 NVL 93.5 GiB (a declared H100 has 80 GiB; \
             15 % more or less is accepted)",
        ),
        (
            &one_l4,
            need("rocm", &[], 1, None),
            "needs 1 rocm device; no AMD device here (looked in /sys/class/drm, vendor 0x1002)",
        ),
    ];
    for (host, need, expected) in table {
        assert_eq!(reason(host, need), *expected);
    }
}

#[test]
fn reasons_where_nothing_is_here() {
    let nvml = |kind, text: &str| note("cuda", "NVML", kind, text);
    let no_driver = Host::from_parts(
        vec![],
        vec![nvml(NoteKind::Absent, "libnvidia-ml.so.1 not found")],
    );
    let hung = Host::from_parts(vec![], vec![nvml(NoteKind::Unread, "no answer within 5s")]);
    let h100 = [model("H100", 80.0)];
    let table: &[(&Host, DeviceNeed, &str)] = &[
        (
            &no_driver,
            need("cuda", &h100, 1, None),
            "needs 1 x H100 (cuda); no NVIDIA driver here (NVML: libnvidia-ml.so.1 not found)",
        ),
        (
            &hung,
            need("cuda", &h100, 1, None),
            "needs 1 x H100 (cuda); NVIDIA devices could not be read (NVML: no answer within 5s)",
        ),
        (
            &no_driver,
            need("neuron", &[], 2, None),
            "needs 2 neuron devices; no AWS Neuron device here (looked in /dev/neuron*)",
        ),
        (
            &no_driver,
            need("", &[], 1, Some(4.0)),
            "needs 4 GiB on a device; no device here (NVML: libnvidia-ml.so.1 not found)",
        ),
        (
            &no_driver,
            need("tpu", &[], 1, None),
            "needs 1 tpu device; Tribunal cannot look for tpu devices (it can for cuda, rocm, xpu, npu, musa, neuron)",
        ),
        (
            &Host::without_devices(),
            need("cuda", &h100, 1, None),
            "needs 1 x H100 (cuda); devices were not looked for",
        ),
    ];
    for (host, need, expected) in table {
        assert_eq!(reason(host, need), *expected);
    }
}

#[test]
fn unmeasured_memory_is_not_enough_and_not_zero() {
    let notes = vec![note(
        "npu",
        "/dev",
        NoteKind::Partial,
        "memory is unmeasured",
    )];
    let npu = Device::new("npu", 0, "Ascend device");
    let host = Host::from_parts(vec![npu.clone()], notes.clone());
    assert_eq!(gate(&host, &need("npu", &[], 1, None)), Ok(()));
    assert_eq!(
        reason(&host, &need("npu", &[], 1, Some(1.0))),
        "needs 1 GiB on a npu device; the memory of the device here is unmeasured (/dev: memory is unmeasured)"
    );
    assert_eq!(
        reason(&host, &need("npu", &[], 2, None)),
        "needs 2 npu devices; this host has 1 x Ascend device (memory unmeasured)"
    );
    assert_eq!(
        reason(&host, &need("npu", &[model("A2", 64.0)], 1, None)),
        "needs 1 x A2 (npu); this host has 1 x Ascend device (memory unmeasured) (/dev: memory is unmeasured)"
    );
    let partly = hosts(vec![
        card("NVIDIA L4", 22.0),
        Device::new("cuda", 1, "NVIDIA L4"),
    ]);
    assert_eq!(
        reason(&partly, &need("cuda", &[], 1, Some(23.0))),
        "needs 23 GiB on a cuda device; the largest here has 22 GiB, and the memory of 1 more is unmeasured"
    );
}

#[test]
fn hidden_devices_do_not_count_and_are_named() {
    let mut hidden = card("NVIDIA L4", 22.0);
    hidden.visible = false;
    let notes = vec![note(
        "cuda",
        "CUDA_VISIBLE_DEVICES",
        NoteKind::Hidden,
        "`0` shows 1 of 2 devices",
    )];
    let host = Host::from_parts(vec![card("NVIDIA L4", 22.0), hidden], notes);
    assert_eq!(gate(&host, &need("cuda", &[], 1, None)), Ok(()));
    assert_eq!(
        reason(&host, &need("cuda", &[], 2, None)),
        "needs 2 cuda devices; this host has 2 x NVIDIA L4 22 GiB, of which 1 is visible (CUDA_VISIBLE_DEVICES: `0` \
         shows 1 of 2 devices)"
    );
}
