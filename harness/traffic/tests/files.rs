//! Files of records and of results.

use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};
use tribunal_traffic::{
    Dialect, EventsHead, EventsWriter, Failure, FailureClass, Kind, Load, Measure, Outcome,
    Provenance, Record, ResultFile, Seen, TokenSource, measure, read_events, write_events,
};

fn record(number: u64) -> Record {
    let mut record = Record::new(number, number * 1_000_000);
    record.sent = Some(number * 1_000_000 + 7);
    record.headers = Some(number * 1_000_000 + 500_000);
    record.events = (1..4)
        .map(|index| Seen {
            at: (number + index) * 1_000_000,
            kind: Kind::Text,
            bytes: 3,
            tokens: Some(index as u32),
            coalesced: index == 2,
        })
        .collect();
    record.end = Some((number + 4) * 1_000_000);
    record.status = Some(200);
    record.outcome = Outcome::Ok;
    record.prompt_tokens = Some(10);
    record.output_tokens = Some(3);
    record.token_source = Some(TokenSource::Usage);
    record
        .told
        .insert("stage_durations".into(), json!({"thinker": 1.5}));
    record
}

fn records(count: u64) -> Vec<Record> {
    let mut records: Vec<Record> = (0..count).map(record).collect();
    records[1].outcome = Outcome::Failed(Failure {
        class: FailureClass::Midstream,
        text: "a \"word\"\nand a line".into(),
    });
    records
}

fn head() -> EventsHead {
    EventsHead::new(
        Load::count(4).at_most(2).seed(9),
        UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789),
    )
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl.gz");
    let mut head = head();
    head.about.insert("model".into(), json!("m"));
    write_events(&path, &head, &records(40)).unwrap();
    let events = read_events(&path).unwrap();
    assert_eq!(
        (events.head, events.records, events.lost),
        (head, records(40), None)
    );
    // Nothing is left aside.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_was_cut_off_keeps_its_whole_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl.gz");
    write_events(&path, &head(), &records(500)).unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() * 2 / 3]).unwrap();
    let events = read_events(&path).unwrap();
    let lost = events.lost.unwrap();
    assert!(lost.contains("cut off in line"), "{lost}");
    assert!(!events.records.is_empty() && events.records.len() < 500);
    assert_eq!(events.records, records(500)[..events.records.len()]);
}

#[test]
fn what_was_flushed_survives_a_writer_that_never_ends_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl.gz");
    let mut writer = EventsWriter::create(&path, &head()).unwrap();
    for record in records(300) {
        writer.push(&record).unwrap();
    }
    // As a process that is killed: nothing is ended or written any more.
    std::mem::forget(writer);
    let events = read_events(&path).unwrap();
    assert!(events.records.len() >= 256, "{}", events.records.len());
    assert!(events.lost.is_some());
}

#[test]
fn what_is_no_file_of_records_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.gz");
    let compressed = |text: &str| {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap()
    };
    let of = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        read_events(&path).unwrap_err().to_string()
    };
    assert!(of(b"").contains("x.gz: "));
    assert!(of(b"plain text, not compressed").contains("it has no head"));
    assert!(of(&compressed("{\"a\": 1}\n")).contains("x.gz:1: no head of a file of records"));
    let newer = serde_json::to_string(&head())
        .unwrap()
        .replace("\"form\":1", "\"form\":99");
    assert!(of(&compressed(&format!("{newer}\n"))).contains("a newer version wrote it"));
    let good = serde_json::to_string(&head()).unwrap();
    assert!(of(&compressed(&format!("{good}\n{{}}\n"))).contains("x.gz:2: no record"));
    assert!(
        read_events(&folder.path().join("none"))
            .unwrap_err()
            .to_string()
            .contains("cannot be opened")
    );
}

#[test]
fn a_result_has_the_keys_of_the_tools_and_null_for_what_was_not_measured() {
    let records = records(40);
    let load = Load::count(40).at_most(2).seed(9);
    let metrics = measure(&records, &Measure::new(Dialect::Vllm).of_load(&load));
    let about = Provenance {
        model: Some("m".into()),
        commit: Some("abc".into()),
        more: json!({"baseline": {"mean_ttft_ms": 5}, "completed": 1})
            .as_object()
            .unwrap()
            .clone(),
        ..Provenance::default()
    };
    let file = ResultFile {
        load: &load,
        started: UNIX_EPOCH,
        records: &records,
        metrics: &metrics,
        about: &about,
        cost: None,
    }
    .to_json();
    for key in [
        "date",
        "endpoint_type",
        "backend",
        "label",
        "model_id",
        "tokenizer_id",
        "num_prompts",
        "request_rate",
        "burstiness",
        "max_concurrency",
        "duration",
        "completed",
        "failed",
        "total_input_tokens",
        "total_output_tokens",
        "request_throughput",
        "request_goodput",
        "output_throughput",
        "total_token_throughput",
        "total_audio_duration_s",
        "total_audio_frames",
        "audio_throughput",
        "max_output_tokens_per_s",
        "max_concurrent_requests",
        "rtfx",
        "baseline",
        "num_ttft_samples",
        "num_tpot_samples",
        "num_itl_samples",
        "num_audio_ttfp_samples",
        "num_audio_rtf_samples",
    ] {
        assert!(file.get(key).is_some(), "{key}");
    }
    for statistic in ["mean", "median", "p99"] {
        for name in [
            "ttft_ms",
            "tpot_ms",
            "itl_ms",
            "e2el_ms",
            "audio_rtf",
            "audio_ttfp_ms",
            "audio_duration_s",
        ] {
            assert!(
                file.get(format!("{statistic}_{name}")).is_some(),
                "{statistic}_{name}"
            );
        }
    }
    assert_eq!(
        (
            &file["request_rate"],
            &file["max_concurrency"],
            &file["completed"],
            &file["failed"]
        ),
        (&json!("inf"), &json!(2), &json!(39), &json!(1))
    );
    assert_eq!(
        (
            &file["mean_audio_rtf"],
            &file["rtfx"],
            &file["request_goodput"],
            &file["num_audio_rtf_samples"]
        ),
        (&Value::Null, &Value::Null, &Value::Null, &json!(0))
    );
    assert_eq!(file.get("mean_image_generation_ms"), None);
    assert_eq!(file["stage_durations_mean"]["thinker"], 1.5);
    let own = &file["tribunal"];
    assert_eq!(
        (&own["dialect"], &own["seed"], &own["commit"]),
        (&json!("vllm"), &json!(9), &json!("abc"))
    );
    assert_eq!(
        (&own["errors"], &own["tokens_from"]["usage"]),
        (&json!({"midstream": 1}), &json!(39))
    );
    assert!(
        own["figures"]["p99_ttft_ms"]["no_gate"]
            .as_str()
            .unwrap()
            .contains("368")
    );
    assert!(own["figures"]["median_ttft_ms"]["interval"].is_array());
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), gzip in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let bytes = if gzip {
            let mut out = GzEncoder::new(Vec::new(), Compression::fast());
            out.write_all(&bytes).unwrap();
            out.finish().unwrap()
        } else {
            bytes
        };
        std::fs::write(&path, bytes).unwrap();
        let _ = read_events(&path);
    }

    #[test]
    fn a_cut_at_any_place_loses_only_the_end(cut in 0.0..1.0_f64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        write_events(&path, &head(), &records(60)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..(whole.len() as f64 * cut) as usize]).unwrap();
        if let Ok(events) = read_events(&path) {
            prop_assert_eq!(&events.records[..], &records(60)[..events.records.len()]);
            prop_assert!(events.lost.is_some());
        }
    }

    #[test]
    fn no_record_makes_the_metrics_panic(
        instants in prop::collection::vec(prop::option::of(any::<u64>()), 6),
        kinds in prop::collection::vec((any::<u64>(), 0..9_usize, any::<u32>(), prop::option::of(any::<u32>())), 0..6),
        tokens in prop::option::of(any::<u32>()),
        rate in prop::option::of(any::<u32>()),
    ) {
        let all = [Kind::Role, Kind::Text, Kind::Reasoning, Kind::Tool, Kind::Audio, Kind::Image, Kind::Video, Kind::Usage, Kind::Other];
        let mut odd = Record::new(0, instants[0].unwrap_or(0));
        (odd.sent, odd.connect, odd.headers, odd.end) = (instants[1], instants[2], instants[3], instants[4]);
        odd.events = kinds.iter().map(|(at, kind, bytes, tokens)| Seen { at: *at, kind: all[*kind], bytes: *bytes, tokens: tokens.map(|tokens| tokens % 5000), coalesced: false }).collect();
        (odd.output_tokens, odd.prompt_tokens, odd.audio_rate, odd.audio_frame_bytes, odd.audio_header_bytes) = (tokens, tokens, rate, rate, rate);
        (odd.outcome, odd.images) = (Outcome::Ok, tokens);
        let records = [odd, record(1)];
        for dialect in Dialect::ALL {
            let how = Measure { concurrency: Some(1), ..Measure::new(dialect) };
            let metrics = measure(&records, &how);
            prop_assert!(metrics.iter().all(|(_, figure)| figure.value.is_none_or(f64::is_finite)));
        }
    }
}
