//! What `nvidia-smi` says of a card, to compare with. Used here and nowhere else: the harness itself reads the driver's library.

use std::process::Command;

use tribunal_hardware::LiveDevice;

const FIELDS: &str = "uuid,name,memory.total,memory.used,clocks.max.sm,enforced.power.limit,temperature.gpu,driver_version";

/// One line of it. Sizes are MiB; a figure that it does not give is `None`.
#[derive(Debug, PartialEq)]
pub(crate) struct Said {
    uuid: String,
    name: String,
    total: Option<u64>,
    used: Option<u64>,
    clock_max: Option<u32>,
    power_limit: Option<f64>,
    temperature: Option<u32>,
    driver: String,
}

pub(crate) fn query(uuid: &str) -> Result<Said, String> {
    let output = Command::new("nvidia-smi")
        .arg(format!("--query-gpu={FIELDS}"))
        .arg("--format=csv,noheader,nounits")
        .output()
        .map_err(|error| format!("nvidia-smi cannot be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .filter_map(parse)
        .find(|said| said.uuid == uuid)
        .ok_or_else(|| format!("nvidia-smi does not list {uuid}: {}", text.trim()))
}

fn parse(line: &str) -> Option<Said> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [uuid, name, total, used, clock, power, temperature, driver] = fields[..] else {
        return None;
    };
    Some(Said {
        uuid: uuid.into(),
        name: name.into(),
        total: total.parse().ok(),
        used: used.parse().ok(),
        clock_max: clock.parse().ok(),
        power_limit: power.parse().ok(),
        temperature: temperature.parse().ok(),
        driver: driver.into(),
    })
}

/// What of a reading is not what was said. Figures that move between the two may differ by a little.
pub(crate) fn differences(live: &LiveDevice, said: &Said) -> Vec<String> {
    let mut all = Vec::new();
    let mut differ = |what: &str, ours: Option<f64>, theirs: Option<f64>, by: f64| {
        // A figure that it does not give is nothing to compare with.
        let Some(theirs) = theirs else { return };
        if ours.is_none_or(|ours| (ours - theirs).abs() > by) {
            all.push(format!("{what}: read {ours:?}, said {theirs}"));
        }
    };
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let whole = |figure: u64| figure as f64;
    differ(
        "memory",
        live.memory_total.map(mib),
        said.total.map(whole),
        1.0,
    );
    differ(
        "in use",
        live.memory_used.map(mib),
        said.used.map(whole),
        64.0,
    );
    differ(
        "highest clock",
        live.core_clock_max_mhz.map(f64::from),
        said.clock_max.map(f64::from),
        0.0,
    );
    differ("power limit", live.power_limit_watts, said.power_limit, 1.0);
    differ(
        "temperature",
        live.temperature_celsius.map(f64::from),
        said.temperature.map(f64::from),
        5.0,
    );
    if live.name != said.name {
        all.push(format!("name: read {}, said {}", live.name, said.name));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "GPU-1, NVIDIA H100 80GB HBM3, 81559, 4, 1980, 700.00, 31, 580.1";

    #[test]
    fn a_line_is_read_and_compared() {
        let said = parse(LINE).unwrap();
        assert_eq!((said.total, said.power_limit), (Some(81559), Some(700.0)));
        let mut live = LiveDevice::new("cuda", 0, "NVIDIA H100 80GB HBM3");
        live.memory_total = Some(81559 << 20);
        live.memory_used = Some(30 << 20);
        live.core_clock_max_mhz = Some(1980);
        live.power_limit_watts = Some(700.0);
        live.temperature_celsius = Some(33);
        assert_eq!(differences(&live, &said), [] as [String; 0]);
        live.memory_used = None;
        live.core_clock_max_mhz = Some(1979);
        let found = differences(&live, &said);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn what_it_does_not_say_is_not_compared() {
        let said = parse("GPU-1, X, [N/A], [N/A], [N/A], [N/A], [N/A], 1").unwrap();
        let live = LiveDevice::new("cuda", 0, "X");
        assert_eq!(differences(&live, &said), [] as [String; 0]);
        assert_eq!(parse("Unable to determine the device handle"), None);
    }
}
