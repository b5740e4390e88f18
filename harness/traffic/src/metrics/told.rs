//! Figures that servers tell of themselves.
//!
//! Promise: nothing is made of what is not there; 0 is how servers say that they do not know. Their names are those of vLLM-Omni.

use serde_json::{Map, Value};

use crate::Record;

/// A figure under any of these names.
pub(super) fn figure(record: &Record, names: &[&str]) -> Option<f64> {
    names
        .iter()
        .find_map(|name| positive(record.told.get(*name)?))
}

fn positive(value: &Value) -> Option<f64> {
    value
        .as_f64()
        .filter(|value| value.is_finite() && *value > 0.0)
}

fn object<'a>(record: &'a Record, name: &str) -> Option<&'a Map<String, Value>> {
    record.told.get(name)?.as_object()
}

/// What the stages that make images tell under this name.
fn of_image_stages(record: &Record, name: &str) -> Vec<f64> {
    let stages = object(record, "stage_metrics")
        .into_iter()
        .flat_map(Map::values);
    let makes_images = |stage: &&Value| {
        matches!(
            stage["final_output_type"].as_str(),
            Some("image" | "images")
        ) || stage["output_unit_type"] == "image"
    };
    stages
        .filter(makes_images)
        .filter_map(|stage| positive(&stage[name]))
        .collect()
}

/// How long each stage took, by name, where an object of such times is told.
pub(super) fn stage_durations(record: &Record) -> impl Iterator<Item = (&String, f64)> {
    let stages = object(record, "stage_durations").into_iter().flatten();
    stages
        .filter_map(|(name, value)| Some((name, value.as_f64().filter(|value| value.is_finite())?)))
}

/// Milliseconds of making images: as such, else those of the stages that make them together.
pub(super) fn image_ms(record: &Record) -> Option<f64> {
    let stages = || {
        of_image_stages(record, "stage_gen_time_ms")
            .into_iter()
            .reduce(|a, b| a + b)
    };
    figure(record, &["image_generation_ms", "image_generation_time_ms"]).or_else(stages)
}

/// Milliseconds of a step of denoising: as such, else that of the slowest stage.
pub(super) fn denoise_step_ms(record: &Record) -> Option<f64> {
    let stages = || {
        of_image_stages(record, "denoise_step_latency_ms")
            .into_iter()
            .reduce(f64::max)
    };
    figure(record, &["denoise_step_latency_ms"]).or_else(stages)
}

/// Pixels of all images.
pub(super) fn pixels(record: &Record) -> Option<f64> {
    let stages = || {
        of_image_stages(record, "image_pixels")
            .into_iter()
            .reduce(|a, b| a + b)
    };
    figure(record, &["image_pixels"]).or_else(stages)
}

/// Milliseconds of making a video: as such, else that of the slowest stage that ends in `_gen_ms`, else the time that the server gives in seconds.
pub(super) fn video_ms(record: &Record) -> Option<f64> {
    let making = |(name, ms): (&String, f64)| (name.ends_with("_gen_ms") && ms > 0.0).then_some(ms);
    let stages = || stage_durations(record).filter_map(making).reduce(f64::max);
    let seconds = || figure(record, &["inference_time_s"]).map(|seconds| seconds * 1e3);
    figure(record, &["video_generation_ms", "video_generation_time_ms"])
        .or_else(stages)
        .or_else(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(told: Value) -> Record {
        let mut record = Record::new(0, 0);
        record.told = told.as_object().unwrap().clone();
        record
    }

    #[test]
    fn stages_that_make_images_are_taken_together() {
        let told = json!({"stage_metrics": {
            "0": {"final_output_type": "text", "stage_gen_time_ms": 999.0},
            "1": {"final_output_type": "image", "stage_gen_time_ms": 100.0, "denoise_step_latency_ms": 4.0, "image_pixels": 65536},
            "2": {"output_unit_type": "image", "stage_gen_time_ms": 20.0, "denoise_step_latency_ms": 6.0},
        }});
        let record = record(told);
        assert_eq!(
            (image_ms(&record), denoise_step_ms(&record), pixels(&record)),
            (Some(120.0), Some(6.0), Some(65536.0))
        );
    }

    #[test]
    fn videos_are_told_in_several_ways_and_zero_is_none() {
        assert_eq!(
            video_ms(&record(
                json!({"stage_durations": {"a_gen_ms": 5.0, "b_gen_ms": 7.0, "decode": 90.0}})
            )),
            Some(7.0)
        );
        assert_eq!(
            video_ms(&record(json!({"inference_time_s": 1.5}))),
            Some(1500.0)
        );
        assert_eq!(
            video_ms(&record(
                json!({"video_generation_time_ms": 3.0, "inference_time_s": 1.5})
            )),
            Some(3.0)
        );
        assert_eq!(
            video_ms(&record(
                json!({"inference_time_s": 0, "stage_durations": [1]})
            )),
            None
        );
        assert_eq!(
            figure(&record(json!({"peak_memory_mb": 0.0})), &["peak_memory_mb"]),
            None
        );
    }
}
