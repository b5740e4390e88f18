//! The facts for programs.
//!
//! Promise: the keys that `cargo tribunal devices --help` lists, under one `schema` number that grows when a key changes its
//! meaning or goes away; new keys may appear without. Rejected: leaving unmeasured figures out (a reader could take a missing key for
//! an old program).

use serde_json::{Value, json};
use tribunal_hardware::PLATFORMS;

use super::gather::{Facts, Seen};

/// Grows when a key changes its meaning or goes away.
const SCHEMA: u32 = 1;

/// One object over many lines.
pub(crate) fn pretty(facts: &Facts) -> String {
    format!("{:#}\n", object(facts))
}

/// One object on one line.
pub(crate) fn line(facts: &Facts) -> String {
    format!("{}\n", object(facts))
}

fn object(facts: &Facts) -> Value {
    let places = PLATFORMS.iter().map(|platform| {
        json!({"platform": platform.name, "maker": platform.maker, "looked_in": platform.looked_in})
    });
    let places: Vec<Value> = places.filter(|_| !facts.simulated).collect();
    let devices: Vec<Value> = facts.devices.iter().map(device).collect();
    json!({
        "schema": SCHEMA,
        "program": "cargo-tribunal",
        "version": env!("CARGO_PKG_VERSION"),
        "taken_unix_ms": facts.taken_unix_ms,
        "simulated": facts.simulated,
        "looked_in": places,
        "devices": devices,
        "drivers": facts.drivers,
        "host": facts.host,
        "visibility": facts.visibility,
        "leases": facts.leases.as_ref().ok(),
        "leases_note": facts.leases.as_ref().err(),
        "notes": facts.notes,
    })
}

fn device(seen: &Seen) -> Value {
    let mut value = json!(seen.live);
    value["key"] = seen.live.key().into();
    value["visible"] = seen.visible.into();
    if let Some(processes) = value["processes"].as_array_mut() {
        for (process, command) in processes.iter_mut().zip(&seen.commands) {
            process["command"] = json!(command);
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::super::HELP;
    use super::*;
    use crate::devices::text::tests::example;

    fn keys(value: &Value) -> Vec<&String> {
        value.as_object().unwrap().keys().collect()
    }

    #[test]
    fn every_key_is_in_the_help() {
        let value = object(&example());
        let parts = [
            &value,
            &value["devices"][0],
            &value["devices"][0]["processes"][0],
            &value["drivers"][0],
            &value["host"],
            &value["leases"][0],
            &value["leases"][0]["devices"][0],
            &value["notes"][0],
            &value["looked_in"][0],
        ];
        for part in parts {
            assert!(!keys(part).is_empty());
            for key in keys(part) {
                let named = HELP
                    .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .any(|word| word == key);
                assert!(named, "{key}");
            }
        }
    }

    #[test]
    fn unmeasured_is_null_and_a_process_has_its_command() {
        let value = object(&example());
        let card = &value["devices"][0];
        assert_eq!(card["key"], "GPU-1");
        assert_eq!(card["processes"][0]["command"], "serve m");
        assert_eq!(card["processes"][0]["bytes"], 12_u64 << 30);
        let bare = &value["devices"][1];
        assert!(bare["memory_used"].is_null() && bare["processes"].is_null());
        assert_eq!(bare["visible"], false);
        assert!(value["leases_note"].is_null());
        assert!(value["leases"][0]["devices"][0]["bytes"].is_null());
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line(&example()).lines().count(), 1);
        let mut facts = example();
        facts.leases = Err("no".into());
        let value: Value = serde_json::from_str(&pretty(&facts)).unwrap();
        assert!(value["leases"].is_null());
        assert_eq!(value["leases_note"], "no");
    }
}
