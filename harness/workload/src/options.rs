//! The keys of a benchmark block.
//!
//! Three sorts: those that mean something here, those that only `vllm bench serve` knows (they are rendered, and a note says that nothing else is done with
//! them), and those of data sets that cannot be had here, by the beginnings of their names. Everything else is a mistake.

/// What a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// It means something here.
    Ours,
    /// It is rendered for the other client.
    Passed,
    /// A comment: it begins with an underscore.
    Comment,
    /// Nobody knows it.
    Unknown,
}

/// Keys that say what is measured and never reach a command line.
pub(crate) const NOT_RENDERED: [&str; 20] = [
    "baseline",
    "name",
    "enabled",
    "task",
    "eval_phase",
    "num_prompts",
    "request_rate",
    "max_concurrency",
    "num_warmups",
    "duration_sec",
    "num_prompts_per_batch",
    "description",
    "route",
    "stream",
    "dialect",
    "dataset_path_inline",
    "warmup_requests",
    "cancel",
    "idle_limit",
    "total_limit",
];

const OURS: [&str; 68] = [
    "baseline",
    "name",
    "description",
    "enabled",
    "task",
    "eval_phase",
    "num_prompts",
    "request_rate",
    "max_concurrency",
    "num_warmups",
    "warmup_requests",
    "duration_sec",
    "num_prompts_per_batch",
    "dataset_name",
    "dataset",
    "dataset_path",
    "dataset_path_inline",
    "backend",
    "endpoint",
    "route",
    "stream",
    "dialect",
    "percentile_metrics",
    "metric_percentiles",
    "goodput",
    "ignore_eos",
    "extra_body",
    "seed",
    "burstiness",
    "ramp_up_strategy",
    "ramp_up_start_rps",
    "ramp_up_end_rps",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "random_input_len",
    "random_output_len",
    "random_range_ratio",
    "random_prefix_len",
    "input_len",
    "output_len",
    "custom_output_len",
    "sharegpt_output_len",
    "prefix_repetition_prefix_len",
    "prefix_repetition_suffix_len",
    "prefix_repetition_num_prefixes",
    "prefix_repetition_output_len",
    "random_mm_base_items_per_request",
    "random_mm_num_mm_items_range_ratio",
    "random_mm_limit_mm_per_prompt",
    "random_mm_bucket_config",
    "width",
    "height",
    "resolution",
    "num_frames",
    "fps",
    "num_inference_steps",
    "guidance_scale",
    "num_input_images",
    "enable_negative_prompt",
    "random_request_config",
    "cancel",
    "idle_limit",
    "total_limit",
];

const PASSED: [&str; 58] = [
    "header",
    "tokenizer",
    "tokenizer_mode",
    "trust_remote_code",
    "use_beam_search",
    "logprobs",
    "disable_tqdm",
    "profile",
    "save_detailed",
    "append_result",
    "metadata",
    "request_id_prefix",
    "served_model_name",
    "lora_modules",
    "lora_assignment",
    "ready_check_timeout_sec",
    "insecure",
    "plot_timeline",
    "plot_dataset_stats",
    "label",
    "no_oversample",
    "no_stream",
    "skip_chat_template",
    "enable_multimodal_chat",
    "disable_shuffle",
    "spec_bench_output_len",
    "spec_bench_category",
    "sonnet_input_len",
    "sonnet_output_len",
    "sonnet_prefix_len",
    "blazedit_min_distance",
    "blazedit_max_distance",
    "random_batch_size",
    "no_reranker",
    "random_cache_threshold",
    "hf_subset",
    "hf_split",
    "hf_name",
    "hf_output_len",
    "asr_min_audio_len_sec",
    "asr_max_audio_len_sec",
    "probe_request_rate",
    "chat_template_kwargs",
    "warmup_num_inference_steps",
    "warmup_concurrency",
    "warmup_prompt",
    "bot_task",
    "slo",
    "slo_scale",
    "negative_prompt",
    "true_cfg_scale",
    "flow_shift",
    "num_outputs_per_prompt",
    "log_requests",
    "cfg_text_scale",
    "cfg_img_scale",
    "video_fps",
    "enable_profiler",
];

/// How the names of options begin whose data sets are scored elsewhere.
const FAMILIES: [&str; 10] = [
    "seed_tts_",
    "omniinteract_",
    "duplex_eval_",
    "duplex_",
    "daily_omni_",
    "video_mme_",
    "ttsd_",
    "sound_effect_",
    "llama_omni2_",
    "s2s_",
];

/// What a key is.
pub(crate) fn sort(name: &str) -> Sort {
    if name.starts_with('_') {
        Sort::Comment
    } else if OURS.contains(&name) {
        Sort::Ours
    } else if PASSED.contains(&name) || FAMILIES.iter().any(|start| name.starts_with(start)) {
        Sort::Passed
    } else {
        Sort::Unknown
    }
}

/// All names, for the nearest one.
pub(crate) fn names() -> Vec<&'static str> {
    OURS.iter().chain(&PASSED).copied().collect()
}

/// Keys that mean something only to one sort of data set, by their beginnings, and that sort.
pub(crate) const OF_DATA: [(&str, &str); 14] = [
    ("random_mm_", "random-mm"),
    ("prefix_repetition_", "prefix_repetition"),
    ("random_request_config", "pictures"),
    ("random_", "random"),
    ("input_len", "random"),
    ("width", "pictures"),
    ("height", "pictures"),
    ("resolution", "pictures"),
    ("num_frames", "pictures"),
    ("fps", "pictures"),
    ("num_inference_steps", "pictures"),
    ("guidance_scale", "pictures"),
    ("num_input_images", "pictures"),
    ("enable_negative_prompt", "pictures"),
];

/// What the native form calls some of them.
pub(crate) const NATIVE: [(&str, &str); 13] = [
    ("prompts", "num_prompts"),
    ("rate", "request_rate"),
    ("concurrency", "max_concurrency"),
    ("warmups", "num_warmups"),
    ("duration", "duration_sec"),
    ("batch", "num_prompts_per_batch"),
    ("data", "dataset_name"),
    ("data_path", "dataset_path"),
    ("input_tokens", "random_input_len"),
    ("output_tokens", "random_output_len"),
    ("body", "extra_body"),
    ("limits", "baseline"),
    ("percentiles", "metric_percentiles"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_stands_in_the_document_and_in_one_list() {
        let doc = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/workloads.md");
        let text = std::fs::read_to_string(doc).expect("the document is there");
        for name in OURS {
            let shown = name.strip_prefix("prefix_repetition").unwrap_or(name);
            assert!(
                text.contains(&format!("{shown}`"))
                    || text.replace('-', "_").contains(&format!("`{shown}`")),
                "docs/workloads.md does not tell of `{name}`"
            );
            assert!(!PASSED.contains(&name), "{name}");
        }
        for (short, name) in NATIVE {
            assert!(
                text.contains(&format!("`{short}`")),
                "docs/workloads.md does not tell of `{short}`"
            );
            assert!(OURS.contains(&name) && !OURS.contains(&short), "{short}");
        }
        for name in NOT_RENDERED {
            assert_eq!(sort(name), Sort::Ours, "{name}");
        }
    }

    #[test]
    fn sorts() {
        for (name, want) in [
            ("num_prompts", Sort::Ours),
            ("tokenizer", Sort::Passed),
            ("seed_tts_locale", Sort::Passed),
            ("_why", Sort::Comment),
            ("num_promts", Sort::Unknown),
        ] {
            assert_eq!(sort(name), want, "{name}");
        }
    }
}
