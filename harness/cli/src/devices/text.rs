//! The facts for people: a table, and below it whatever explains it.
//!
//! Promise: a figure that was not read is called unmeasured or left out of its column, never 0; text from outside cannot move the cursor.
//! Rejected: a table with borders (breaks on narrow terminals and in logs).

use std::fmt::Write;

use tribunal_hardware::{HostLoad, LiveDevice, PLATFORMS};

use super::gather::{Facts, Seen};

const GIB: f64 = 1_073_741_824.0;
/// A dash where a column has no figure.
const NONE: &str = "-";

pub(crate) fn render(facts: &Facts) -> String {
    let mut text = String::new();
    if facts.simulated {
        text += "SIMULATED devices: nothing here was measured on hardware\n";
    } else if facts.devices.is_empty() {
        text += "No devices on this machine\n";
    } else {
        text += "Devices of this machine\n";
    }
    table(facts, &mut text);
    if facts.devices.is_empty() && !facts.simulated {
        text += "\nLooked for\n";
        for platform in &PLATFORMS {
            let _ = writeln!(text, "  {:<14} {}", platform.maker, platform.looked_in);
        }
    }
    let drivers = facts.drivers.iter().map(|driver| {
        let version = driver.version.as_deref().unwrap_or("of unknown version");
        let cuda = driver.cuda.as_deref();
        let cuda = cuda.map_or(String::new(), |cuda| format!(", CUDA {cuda}"));
        format!("{} {version}{cuda}", driver.platform)
    });
    section(&mut text, "Drivers", drivers);
    section(&mut text, "Host", [host(&facts.host)].into_iter());
    let variables = facts.visibility.iter();
    let variables = variables.map(|(name, value)| format!("{name}={value}"));
    section(&mut text, "Variables in force", variables);
    match &facts.leases {
        Ok(leases) => {
            let leases = leases.iter().map(|lease| lease.sentence.clone());
            section(&mut text, "Leases", leases);
        }
        Err(_) if facts.simulated => {}
        Err(why) => section(
            &mut text,
            "Leases",
            [format!("not read: {why}")].into_iter(),
        ),
    }
    let notes = facts.notes.iter().map(|note| {
        if note.platform.is_empty() {
            note.to_string()
        } else {
            format!("{}: {note}", note.platform)
        }
    });
    section(&mut text, "Notes", notes);
    text
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    for (at, line) in lines.enumerate() {
        if at == 0 {
            let _ = write!(text, "\n{title}\n");
        }
        let _ = writeln!(text, "  {}", clean(&line));
    }
}

/// One line per device in columns, and below it what belongs to it alone.
fn table(facts: &Facts, text: &mut String) {
    if facts.devices.is_empty() {
        return;
    }
    let head = [
        "device",
        "name",
        "memory in use",
        "load",
        "clock",
        "power",
        "heat",
    ];
    let mut rows = vec![head.map(str::to_string)];
    rows.extend(facts.devices.iter().map(|seen| row(&seen.live)));
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let indent = widths[0] + 4;
    let mut devices = facts.devices.iter();
    for (at, row) in rows.iter().enumerate() {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, " {cell:<width$} ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
        if at > 0
            && let Some(seen) = devices.next()
        {
            for line in details(seen) {
                let _ = writeln!(text, "{:indent$}{}", "", clean(&line));
            }
        }
    }
}

fn row(live: &LiveDevice) -> [String; 7] {
    let pair = |now: Option<String>, most: Option<String>, unit: &str| match (now, most) {
        (Some(now), Some(most)) => format!("{now} of {most} {unit}"),
        (Some(now), None) => format!("{now} {unit}"),
        (None, _) => NONE.to_string(),
    };
    let whole = |figure: Option<f64>| figure.map(|figure| format!("{figure:.0}"));
    let memory = match (live.memory_used, live.memory_total) {
        (Some(used), Some(total)) => format!("{} of {}", size(used), size(total)),
        (Some(used), None) => size(used),
        (None, Some(total)) => format!("unmeasured, of {}", size(total)),
        (None, None) => "unmeasured".into(),
    };
    let one = |figure: Option<u32>, unit: &str| {
        figure.map_or(NONE.to_string(), |figure| format!("{figure} {unit}"))
    };
    [
        format!("{} {}", clean(&live.platform), live.index),
        clean(&live.name),
        memory,
        one(live.utilisation_percent, "%"),
        pair(
            live.core_clock_mhz.map(|mhz| mhz.to_string()),
            live.core_clock_max_mhz.map(|mhz| mhz.to_string()),
            "MHz",
        ),
        pair(whole(live.power_watts), whole(live.power_limit_watts), "W"),
        one(live.temperature_celsius, "°C"),
    ]
}

fn details(seen: &Seen) -> Vec<String> {
    let live = &seen.live;
    let mut facts: Vec<String> = live.uuid.iter().cloned().collect();
    if !seen.visible {
        facts.push("hidden from programs started here".into());
    }
    if let Some(bytes) = live.memory_reserved.filter(|bytes| *bytes > 0) {
        facts.push(format!("{} kept by the driver", size(bytes)));
    }
    if live.mig == Some(true) {
        facts.push("MIG".into());
    }
    if let Some(errors) = live.ecc_uncorrected.filter(|errors| *errors > 0) {
        facts.push(format!("{errors} uncorrected memory errors"));
    }
    let slowed = live.throttle.iter().flatten();
    let slowed: Vec<&str> = slowed
        .filter(|reason| reason.slows())
        .map(|reason| reason.name())
        .collect();
    if !slowed.is_empty() {
        facts.push(format!("clocks held down: {}", slowed.join(", ")));
    }
    let mut lines = Vec::new();
    if !facts.is_empty() {
        lines.push(facts.join("; "));
    }
    for (process, command) in live.processes.iter().flatten().zip(&seen.commands) {
        let held = process.bytes.map_or("unmeasured".into(), size);
        let command = command.as_deref().unwrap_or("(not to be looked at)");
        lines.push(format!("pid {:<8} {held:>10}  {command}", process.pid));
    }
    let why = live.processes_note.as_deref();
    match (&live.processes, why) {
        (None, why) => lines.push(format!(
            "processes unknown: {}",
            why.unwrap_or("the driver does not list them")
        )),
        (Some(_), Some(why)) => lines.push(format!("processes may be missing: {why}")),
        (Some(_), None) => {}
    }
    lines
}

fn host(host: &HostLoad) -> String {
    let mut facts = Vec::new();
    if let Some(cpus) = host.cpus {
        let quota = host.cpu_quota;
        let quota = quota.map_or(String::new(), |quota| format!(" (quota {quota:.1})"));
        facts.push(format!("{cpus} processors{quota}"));
    }
    match (host.memory_available, host.memory_total) {
        (Some(free), Some(total)) => {
            facts.push(format!(
                "{} of {} memory available",
                size(free),
                size(total)
            ));
        }
        _ => facts.push("memory unmeasured".into()),
    }
    if let Some(limit) = host.memory_limit {
        let used = host.memory_limited_used.map_or("unmeasured".into(), size);
        facts.push(format!("limit {} ({used} used)", size(limit)));
    }
    if let Some(load) = host.load_1 {
        facts.push(format!("load {load:.1}"));
    }
    facts.join(", ")
}

/// `12.0 GiB`, and below one `312 MiB`.
fn size(bytes: u64) -> String {
    let gib = bytes as f64 / GIB;
    if gib >= 1.0 || bytes == 0 {
        format!("{gib:.1} GiB")
    } else {
        format!("{:.0} MiB", (gib * 1024.0).max(1.0))
    }
}

fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use tribunal_hardware::{DeviceProcess, Driver, Note, NoteKind, Throttle};

    use super::super::gather::{Lease, LeasedDevice};
    use super::*;

    /// A card in use and a device of which nothing is known.
    pub(crate) fn example() -> Facts {
        let mut card = LiveDevice::new("cuda", 0, "NVIDIA H100 80GB HBM3");
        card.uuid = Some("GPU-1".into());
        card.memory_total = Some(80 << 30);
        card.memory_used = Some(12 << 30);
        card.memory_reserved = Some(512 << 20);
        card.utilisation_percent = Some(97);
        card.core_clock_mhz = Some(1200);
        card.core_clock_max_mhz = Some(1980);
        card.power_watts = Some(650.4);
        card.power_limit_watts = Some(700.0);
        card.temperature_celsius = Some(61);
        card.throttle = Some(vec![Throttle::Idle, Throttle::SwPowerCap]);
        card.processes = Some(vec![DeviceProcess::new(4242, Some(12 << 30))]);
        let mut bare = LiveDevice::new("npu", 0, "Ascend \u{1b}[31mdevice");
        bare.processes_note = Some("not of this kind".into());
        Facts {
            taken_unix_ms: 5,
            simulated: false,
            devices: vec![
                Seen {
                    visible: true,
                    live: card,
                    commands: vec![Some("serve m".into())],
                },
                Seen {
                    visible: false,
                    live: bare,
                    commands: vec![],
                },
            ],
            drivers: vec![Driver {
                platform: "cuda".into(),
                version: Some("580.1".into()),
                cuda: Some("13.0".into()),
            }],
            host: HostLoad::default(),
            visibility: BTreeMap::from([("ASCEND_RT_VISIBLE_DEVICES", "1".to_string())]),
            leases: Ok(vec![Lease {
                pid: 7,
                command: "suites".into(),
                since_unix_ms: 1,
                waits: false,
                label: "a::b".into(),
                devices: vec![LeasedDevice {
                    key: "GPU-1".into(),
                    bytes: None,
                }],
                names: vec![],
                cpus: 0,
                host_memory: 0,
                host_exclusive: false,
                server: false,
                sentence: "pid 7 (`suites`) holds GPU-1 (whole)".into(),
            }]),
            notes: vec![Note {
                platform: "npu".into(),
                source: "/dev".into(),
                kind: NoteKind::Partial,
                text: "model and memory are unmeasured".into(),
            }],
        }
    }

    #[test]
    fn a_table_with_what_explains_it() {
        let text = render(&example());
        let expected = "\
Devices of this machine
  device  name                   memory in use        load  clock             power         heat
  cuda 0  NVIDIA H100 80GB HBM3  12.0 GiB of 80.0 GiB  97 %  1200 of 1980 MHz  650 of 700 W  61 °C
          GPU-1; 512 MiB kept by the driver; clocks held down: sw_power_cap
          pid 4242       12.0 GiB  serve m
  npu 0   Ascend [31mdevice      unmeasured           -     -                 -             -
          hidden from programs started here
          processes unknown: not of this kind

Drivers
  cuda 580.1, CUDA 13.0

Host
  memory unmeasured

Variables in force
  ASCEND_RT_VISIBLE_DEVICES=1

Leases
  pid 7 (`suites`) holds GPU-1 (whole)

Notes
  npu: /dev: model and memory are unmeasured
";
        let squeeze = |text: &str| -> Vec<String> {
            let lines = text.lines();
            lines
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect()
        };
        assert_eq!(squeeze(&text), squeeze(expected), "{text}");
        // The columns stand below each other.
        let column = |line: usize, word: &str| text.lines().nth(line).and_then(|l| l.find(word));
        assert_eq!(column(1, "memory"), column(2, "12.0 GiB of"));
        assert_eq!(column(1, "memory"), column(5, "unmeasured"));
    }

    #[test]
    fn a_machine_without_devices_says_where_was_looked() {
        let mut facts = example();
        facts.devices.clear();
        let text = render(&facts);
        assert!(text.starts_with("No devices on this machine\n"), "{text}");
        for platform in &PLATFORMS {
            assert!(text.contains(platform.looked_in), "{text}");
        }
    }

    #[test]
    fn simulated_devices_are_marked_in_the_first_line() {
        let mut facts = example();
        facts.simulated = true;
        facts.leases = Err("of their run".into());
        let text = render(&facts);
        assert!(text.starts_with("SIMULATED"), "{text}");
        assert!(!text.contains("Leases"), "{text}");
    }

    #[test]
    fn sizes_are_short_and_nothing_small_reads_as_nothing() {
        for (bytes, text) in [
            (0, "0.0 GiB"),
            (1, "1 MiB"),
            (300 << 20, "300 MiB"),
            (80 << 30, "80.0 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
