//! The table of metrics: what there is, in what unit, and which way is better.

use super::known::{Direction, Family};
use super::taken::Taken;

/// Where the samples of a series come from.
pub(super) enum Of {
    /// At most one of each answer.
    One(fn(&Taken) -> Option<f64>),
    /// Several of each answer, pooled.
    Many(fn(&Taken) -> &[f64]),
}

/// A metric that has samples.
pub(super) struct Series {
    pub stem: &'static str,
    pub unit: &'static str,
    pub direction: Direction,
    pub family: Family,
    pub about: &'static str,
    pub of: Of,
}

impl Series {
    /// The key of a statistic of it: `mean_ttft_ms`.
    pub fn key(&self, statistic: &str) -> String {
        format!("{statistic}_{}", self.name())
    }

    /// Its stem with its unit: `ttft_ms`.
    pub fn name(&self) -> String {
        match self.unit {
            "" => self.stem.to_owned(),
            "MB" => format!("{}_mb", self.stem),
            unit => format!("{}_{unit}", self.stem),
        }
    }
}

use Direction::{HigherIsBetter as Higher, Informational, LowerIsBetter as Lower};
use Family::{Audio, Client, Image, Requests, Text, Video};

macro_rules! series {
    ($($of:ident $field:ident $stem:literal $unit:literal $direction:ident $family:ident $about:literal;)*) => {
        &[$(Series { stem: $stem, unit: $unit, direction: $direction, family: $family, about: $about, of: series!(@ $of $field) }),*]
    };
    (@ one $field:ident) => { Of::One(|taken| taken.$field) };
    (@ many $field:ident) => { Of::Many(|taken| &taken.$field) };
}

/// The metrics that have samples; each has a mean, a median, a deviation, a least, a largest and percentiles.
pub(super) const SERIES: &[Series] = series! {
    one ttft "ttft" "ms" Lower Text "time to the first token: from sending to the first event that counts";
    one ttfo "ttfo" "ms" Lower Text "time to the first output: from sending to the first event that is not reasoning";
    one ttst "ttst" "ms" Lower Text "time from the first event to the second";
    one tpot "tpot" "ms" Lower Text "time per token after the first, one for each answer";
    many itl "itl" "ms" Lower Text "time between tokens, of all answers together";
    many icl "icl" "ms" Lower Text "time between events with tokens, of all answers together";
    one request_itl_p99 "request_itl_p99" "ms" Lower Text "the 99th percentile of an answer's own gaps, one for each answer";
    one tokens_per_chunk "tokens_per_chunk" "" Informational Text "tokens in each event after the first; above 1, gaps between events are not gaps between tokens";
    one input_tokens "input_tokens" "" Informational Text "tokens of a prompt";
    one output_tokens "output_tokens" "" Informational Text "tokens of an answer";
    one e2el "e2el" "ms" Lower Requests "from sending to the end of the answer";
    one e2el_scheduled "e2el_including_client_queue" "ms" Lower Requests "from when it was to be sent to the end of the answer";
    one queue "client_queue_time" "ms" Lower Client "from when it was to be sent to sending";
    one connect "connect" "ms" Informational Client "making a connection, where one had to be made";
    one audio_ttfp "audio_ttfp" "ms" Lower Audio "time to the first packet: from sending to the first bytes of audio";
    one audio_duration "audio_duration" "s" Informational Audio "length of the audio of an answer";
    one audio_rtf "audio_rtf" "" Lower Audio "real-time factor: time until the audio was there, in lengths of the audio";
    one audio_underrun "audio_underrun" "s" Lower Audio "the longest that a player in real time lacked audio";
    one image_generation "image_generation" "ms" Lower Image "time of making the images of an answer";
    one denoise_step_latency "denoise_step_latency" "ms" Lower Image "time of a step of denoising, as the server tells";
    one video_generation "video_generation" "ms" Lower Video "time of making a video";
    one video_rtf "video_rtf" "" Lower Video "time of making a video, in lengths of the video";
    one peak_memory "peak_memory" "MB" Lower Requests "the largest memory, as the server tells";
};

/// The metrics that are one figure: key, unit, direction, family, what it is.
pub(super) const SCALARS: &[(&str, &str, Direction, Family, &str)] = &[
    (
        "num_prompts",
        "",
        Informational,
        Requests,
        "requests that were scheduled",
    ),
    (
        "completed",
        "",
        Higher,
        Requests,
        "requests answered, whole",
    ),
    (
        "failed",
        "",
        Lower,
        Requests,
        "requests not answered, or not whole",
    ),
    (
        "cancelled",
        "",
        Informational,
        Requests,
        "requests given up on purpose",
    ),
    (
        "not_sent",
        "",
        Informational,
        Requests,
        "requests never sent",
    ),
    (
        "error_rate",
        "",
        Lower,
        Requests,
        "failed of all that were answered or failed",
    ),
    (
        "duration",
        "s",
        Informational,
        Requests,
        "from the first request to the end of the last",
    ),
    (
        "request_throughput",
        "1/s",
        Higher,
        Requests,
        "requests answered in a second",
    ),
    (
        "request_goodput",
        "1/s",
        Higher,
        Requests,
        "requests answered within all limits in a second",
    ),
    (
        "max_concurrent_requests",
        "",
        Informational,
        Requests,
        "the most requests under way at once",
    ),
    (
        "total_input_tokens",
        "",
        Informational,
        Text,
        "tokens of all prompts",
    ),
    (
        "total_output_tokens",
        "",
        Informational,
        Text,
        "tokens of all answers",
    ),
    (
        "output_throughput",
        "tokens/s",
        Higher,
        Text,
        "tokens of answers in a second",
    ),
    (
        "total_token_throughput",
        "tokens/s",
        Higher,
        Text,
        "tokens of prompts and answers in a second",
    ),
    (
        "max_output_tokens_per_s",
        "tokens/s",
        Higher,
        Text,
        "tokens of answers in the best second",
    ),
    (
        "coalesced_share",
        "",
        Informational,
        Client,
        "events that came in one read with the one before: their gaps are not the server's",
    ),
    (
        "steady_state_duration_s",
        "s",
        Informational,
        Requests,
        "how long nearly all places were taken",
    ),
    (
        "steady_state_request_throughput",
        "1/s",
        Higher,
        Requests,
        "requests answered in a second of the steady state",
    ),
    (
        "steady_state_output_throughput",
        "tokens/s",
        Higher,
        Text,
        "tokens of answers in a second of the steady state",
    ),
    (
        "rtfx",
        "",
        Higher,
        Audio,
        "seconds of audio of prompts in a second",
    ),
    (
        "total_audio_duration_s",
        "s",
        Informational,
        Audio,
        "length of the audio of all answers",
    ),
    (
        "total_audio_frames",
        "",
        Informational,
        Audio,
        "sample frames of the audio of all answers",
    ),
    (
        "audio_throughput",
        "",
        Higher,
        Audio,
        "seconds of audio of answers in a second",
    ),
    (
        "audio_continuity_ok_rate",
        "",
        Higher,
        Audio,
        "answers whose audio a player could play without a gap that is heard",
    ),
    (
        "total_images",
        "",
        Informational,
        Image,
        "images of all answers",
    ),
    (
        "image_throughput",
        "1/s",
        Higher,
        Image,
        "images in a second",
    ),
    (
        "average_pixels_per_image",
        "",
        Informational,
        Image,
        "pixels of an image, as the server tells",
    ),
    (
        "total_video_duration_s",
        "s",
        Informational,
        Video,
        "length of all videos",
    ),
    (
        "total_video_frames",
        "",
        Informational,
        Video,
        "frames of all videos, as the server tells",
    ),
    (
        "video_throughput",
        "",
        Higher,
        Video,
        "seconds of video in a second",
    ),
];

/// Keys of diffusion results, with the key and the divisor that they stand for.
pub(super) const DIFFUSION: &[(&str, &str, f64, &str)] = &[
    ("throughput_qps", "request_throughput", 1.0, "1/s"),
    ("latency_mean", "mean_e2el_ms", 1e3, "s"),
    ("latency_median", "median_e2el_ms", 1e3, "s"),
    ("latency_p50", "p50_e2el_ms", 1e3, "s"),
    ("latency_p95", "p95_e2el_ms", 1e3, "s"),
    ("latency_p99", "p99_e2el_ms", 1e3, "s"),
    ("peak_memory_mb_max", "max_peak_memory_mb", 1.0, "MB"),
    ("peak_memory_mb_mean", "mean_peak_memory_mb", 1.0, "MB"),
    ("peak_memory_mb_median", "median_peak_memory_mb", 1.0, "MB"),
];
