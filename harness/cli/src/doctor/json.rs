//! The findings for programs: one JSON object.
//!
//! Promise: the keys that `cargo tribunal doctor --help` lists, under one `schema` number that grows when a key changes its
//! meaning or goes away; new keys may appear without. Rejected: JSON lines (one reader, one answer).

use serde::Serialize;
use tribunal_hardware::{Device, Host, Note};

use super::finding::{Finding, State};
use super::text::count;

/// Grows when a key changes its meaning or goes away.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    program: &'static str,
    version: &'static str,
    summary: Summary,
    findings: &'a [Finding],
    devices: Option<&'a [Device]>,
    device_notes: &'a [Note],
}

#[derive(Serialize)]
struct Summary {
    ok: usize,
    warn: usize,
    fail: usize,
    not_made: usize,
}

/// The whole object with a line break at its end. `host`: `None` where devices were not looked for.
pub(crate) fn render(findings: &[Finding], host: Option<&Host>) -> String {
    let report = Report {
        schema: SCHEMA,
        program: "cargo-tribunal",
        version: env!("CARGO_PKG_VERSION"),
        summary: Summary {
            ok: count(findings, State::Ok),
            warn: count(findings, State::Warn),
            fail: count(findings, State::Fail),
            not_made: count(findings, State::NotMade),
        },
        findings,
        devices: host.map(Host::devices),
        device_notes: host.map(Host::notes).unwrap_or_default(),
    };
    // Serialising plain data into memory has no way to fail; were there one, the reader must see it and not half an object.
    let text = serde_json::to_string_pretty(&report)
        .unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"));
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Check;

    #[test]
    fn the_shape_is_as_documented() {
        let check = Check {
            id: "a.b",
            group: "G",
            title: "t",
        };
        let findings = [check.ok("fine"), check.not_made("not looked for", "look")];
        let host = Host::from_parts(
            vec![Device::new("cuda", 0, "NVIDIA \"L4\"").with_memory_gib(Some(22.5), None)],
            vec![],
        );
        let value: serde_json::Value =
            serde_json::from_str(&render(&findings, Some(&host))).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "schema": 1,
                "program": "cargo-tribunal",
                "version": env!("CARGO_PKG_VERSION"),
                "summary": {"ok": 1, "warn": 0, "fail": 0, "not_made": 1},
                "findings": [
                    {"id": "a.b", "group": "G", "title": "t", "state": "ok", "found": "fine", "remedy": null},
                    {"id": "a.b", "group": "G", "title": "t", "state": "not_made", "found": "not looked for", "remedy": "look"},
                ],
                "devices": [{
                    "platform": "cuda", "index": 0, "uuid": null, "name": "NVIDIA \"L4\"",
                    "memory_total_gib": 22.5, "memory_used_gib": null, "visible": true,
                }],
                "device_notes": [],
            })
        );
    }

    #[test]
    fn devices_that_were_not_looked_for_are_null_and_not_an_empty_list() {
        let value: serde_json::Value = serde_json::from_str(&render(&[], None)).unwrap();
        assert!(value["devices"].is_null());
        let value: serde_json::Value =
            serde_json::from_str(&render(&[], Some(&Host::from_parts(vec![], vec![])))).unwrap();
        assert_eq!(value["devices"], serde_json::json!([]));
    }

    #[test]
    fn every_key_is_in_the_help() {
        let value: serde_json::Value = serde_json::from_str(&render(&[], None)).unwrap();
        for key in value.as_object().unwrap().keys() {
            assert!(
                crate::command::DOCTOR_HELP.contains(&format!("`{key}`")),
                "{key}"
            );
        }
    }
}
