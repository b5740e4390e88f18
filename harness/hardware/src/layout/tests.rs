use proptest::prelude::*;

use super::*;
use crate::gate::{DeclaredDevice, DeviceNeed, gate};
use crate::matching::device_is;

const MODELS: [(&str, &str, f64); 4] = [
    ("cuda", "H100", 80.0),
    ("cuda", "L4", 24.0),
    ("rocm", "MI300", 192.0),
    ("cuda", "H100_NVL", 94.0),
];

fn find(name: &str) -> Option<(String, String, f64)> {
    let (platform, model, gib) = MODELS
        .into_iter()
        .find(|(_, model, _)| model.eq_ignore_ascii_case(name))?;
    Some((platform.into(), model.into(), gib))
}

fn parse(text: &str) -> Result<Vec<LayoutDevice>, LayoutError> {
    let known = || MODELS.map(|(_, model, _)| model.to_string()).to_vec();
    parse_layout(text, &find, &known)
}

fn device(platform: &str, model: &str, gib: f64) -> LayoutDevice {
    LayoutDevice {
        platform: platform.into(),
        model: model.into(),
        total: (gib * GIB) as u64,
    }
}

#[test]
fn layouts_that_are_right() {
    let h100 = device("cuda", "H100", 80.0);
    let l4 = device("cuda", "L4", 24.0);
    let custom = device("cuda", "Custom", 12.0);
    let mi300 = device("rocm", "MI300", 192.0);
    for (text, expected) in [
        ("H100", vec![h100.clone()]),
        ("h100", vec![h100.clone()]),
        ("2xH100,1xL4", vec![h100.clone(), h100.clone(), l4.clone()]),
        (" 1 x H100 , L4 ", vec![h100.clone(), l4.clone()]),
        ("2XL4", vec![l4.clone(), l4.clone()]),
        ("2×L4", vec![l4.clone(), l4.clone()]),
        ("1*MI300,L4", vec![mi300, l4.clone()]),
        ("L4,H100,L4", vec![l4.clone(), h100, l4.clone()]),
        ("1xCustom:12", vec![custom.clone()]),
        ("Custom:12GiB,Custom: 12 g", vec![custom.clone(), custom]),
        ("1xL4:0.5", vec![device("cuda", "L4", 0.5)]),
        ("2x4090:24", vec![device("cuda", "4090", 24.0); 2]),
        ("4090:24", vec![device("cuda", "4090", 24.0)]),
    ] {
        assert_eq!(parse(text).as_ref(), Ok(&expected), "{text}");
    }
    assert_eq!(parse("1024xL4").unwrap().len(), 1024);
}

#[test]
fn a_mistake_is_answered_with_its_place_and_what_would_be_right() {
    for (text, place, message) in [
        (
            "",
            1,
            "there is no device here; say for example `2xH100,1xL4`",
        ),
        (
            "L4,",
            4,
            "there is no device here; say for example `2xH100,1xL4`",
        ),
        (
            "L4,,L4",
            4,
            "there is no device here; say for example `2xH100,1xL4`",
        ),
        (
            "L4, 2xH1O0",
            5,
            "no device model is called `H1O0`; did you mean `H100`?",
        ),
        (
            "Frobnicator",
            1,
            "no device model is called `Frobnicator`; known are H100, L4, MI300, H100_NVL; a device of your own has its memory in GiB behind it, as in `Frobnicator:24`",
        ),
        (
            "0xL4",
            1,
            "no device at all; leave the item out, or give a number from 1",
        ),
        ("1025xL4", 1, "1025 devices are too many; 1024 is the most"),
        (
            "99999999999999999999999xL4",
            1,
            "99999999999999999999999 devices are too many; 1024 is the most",
        ),
        (
            "1000xL4,25xL4",
            9,
            "that makes more than 1024 devices, which is the most",
        ),
        (
            "2x",
            1,
            "the model is missing behind the number; say for example `2xH100`",
        ),
        (
            "xL4",
            1,
            "the number is missing before the `x`; say for example `2xL4`",
        ),
        ("L4x2", 1, "the number stands before the model: `2xL4`"),
        ("2 L4", 1, "an `x` stands between number and model: `2xL4`"),
        ("-1xL4", 1, "a number of devices is at least 1"),
        (
            "1xA:lots",
            1,
            "`lots` is no size; the memory is given in GiB, as in `1xCustom:12` or `1xCustom:0.5`",
        ),
        (
            "1xA:12MB",
            1,
            "`12MB` is no size; the memory is given in GiB, as in `1xCustom:12` or `1xCustom:0.5`",
        ),
        (
            "1xA:0",
            1,
            "a device has more than 0 and at most 65536 GiB, not `0`",
        ),
        (
            "1xA:-3",
            1,
            "a device has more than 0 and at most 65536 GiB, not `-3`",
        ),
        (
            "1xA:1e300",
            1,
            "a device has more than 0 and at most 65536 GiB, not `1e300`",
        ),
        (
            "1xA:1e-300",
            1,
            "a device has more than 0 and at most 65536 GiB, not `1e-300`",
        ),
        (
            "1x:12",
            1,
            "the model is missing before the size; say for example `1xCustom:12`",
        ),
        (
            "1xa/b:12",
            1,
            "a model has at most 64 letters, digits, blanks, `-`, `_` and `.` in its name",
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(
            (error.place, error.message.as_str()),
            (place, message),
            "{text}"
        );
    }
    assert_eq!(
        parse("L4,2xH1O0").unwrap_err().to_string(),
        "devices, character 4: `2xH1O0`: no device model is called `H1O0`; did you mean `H100`?"
    );
}

#[test]
fn a_simulated_host_meets_the_needs_of_its_models() {
    let host = host_of(&parse("2xH100,1xMI300,1xL4:12").unwrap());
    let need = |model: &str, count, gib| DeviceNeed {
        platform: "cuda".into(),
        models: vec![DeclaredDevice {
            name: model.into(),
            aliases: vec![],
            vram_gib: None,
        }],
        count,
        max_vram_gib: gib,
    };
    assert_eq!(gate(&host, &need("H100", 2, Some(80.0))), Ok(()));
    assert_eq!(gate(&host, &need("L4", 1, Some(12.0))), Ok(()));
    assert!(gate(&host, &need("L4", 1, Some(12.1))).is_err());
    assert_eq!(
        gate(&host, &need("H100", 3, None)).unwrap_err().to_string(),
        "needs 3 x H100 (cuda); this host has 2 x simulated H100 80 GiB, 1 x simulated L4 12 GiB"
    );
    let numbers: Vec<(&str, u32, Option<&str>)> = host
        .devices()
        .iter()
        .map(|d| (d.platform.as_str(), d.index, d.uuid.as_deref()))
        .collect();
    assert_eq!(
        numbers,
        [
            ("cuda", 0, Some("SIM-0")),
            ("cuda", 1, Some("SIM-1")),
            ("rocm", 0, Some("SIM-2")),
            ("cuda", 2, Some("SIM-3"))
        ]
    );
    assert!(device_is(&host.devices()[2], "MI300", &[], Some(192.0)));
    assert_eq!(host.notes()[0].kind, NoteKind::Simulated);
}

proptest! {
    #[test]
    fn any_text_is_a_layout_or_a_mistake_in_it(text in "(?s).{0,60}") {
        match parse(&text) {
            Ok(devices) => prop_assert!(!devices.is_empty() && devices.len() <= MOST_DEVICES),
            Err(error) => {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.place));
                prop_assert!(!error.to_string().chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn near_layouts_do_not_break_it(text in "[0-9]{0,3} ?[xX×*]{0,2} ?(L4|H100|A)?(:[0-9.e-]{0,4}(GiB|g)?)?(,[0-9xL4:]{0,6}){0,2}") {
        let _ = parse(&text);
    }

    #[test]
    fn what_is_written_is_what_is_read(
        items in prop::collection::vec((1..20usize, 0..4usize, prop::option::of(1..200u32)), 1..6),
    ) {
        let text: Vec<String> = items
            .iter()
            .map(|(count, model, gib)| {
                let size = gib.map(|gib| format!(":{gib}")).unwrap_or_default();
                format!("{count}x{}{size}", MODELS[*model].1)
            })
            .collect();
        let expected: Vec<LayoutDevice> = items
            .iter()
            .flat_map(|(count, model, gib)| {
                let (platform, name, declared) = MODELS[*model];
                vec![device(platform, name, gib.map_or(declared, f64::from)); *count]
            })
            .collect();
        prop_assert_eq!(parse(&text.join(",")), Ok(expected));
    }
}
