//! Which rule must catch which defect, on which request. The table of docs/verdicts.md is made of it.

/// What notices a defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Catch {
    /// A rule of the verdict.
    Rule(&'static str),
    /// The client, which has nothing to judge: the beginning of what it says.
    Client(&'static str),
}

/// One defect, the healthy request that it is put into, and what must notice it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The name of the defect.
    pub defect: &'static str,
    /// The name of the request.
    pub ask: &'static str,
    /// What notices it.
    pub catch: Catch,
}

const fn rule(defect: &'static str, ask: &'static str, rule: &'static str) -> Row {
    let catch = Catch::Rule(rule);
    Row { defect, ask, catch }
}

const fn client(defect: &'static str, ask: &'static str, says: &'static str) -> Row {
    let catch = Catch::Client(says);
    Row { defect, ask, catch }
}

/// Every row. A defect may stand in several: a rule is proven by the one in which it stands.
pub const ROWS: &[Row] = &[
    rule("wrong_content_type", "chat", "content_type"),
    rule("error_without_object", "refused", "error_object"),
    rule("error_without_object", "refused", "error_field"),
    rule("error_without_object", "refused", "error_message"),
    rule("error_500_for_400", "refused", "status"),
    client(
        "truncated_stream",
        "streamed",
        "the connection broke in the middle of the answer",
    ),
    client("broken_chunk", "streamed", "is no chunk of this route"),
    rule("no_done", "streamed", "stream_end"),
    rule("no_done", "streamed_completion", "stream_end"),
    rule("one_chunk_stream", "long_stream", "stream_pieces"),
    rule("slow_first_token", "first_token", "first_token_within"),
    rule("slow_first_token", "in_time", "within"),
    rule("stall_in_stream", "no_pause", "gap_below"),
    rule("repeated_chunk", "known_text", "expected_text"),
    rule("ids_change_in_stream", "streamed", "id"),
    rule("missing_usage", "chat", "usage"),
    rule("missing_usage", "logprobs_in_a_stream", "usage"),
    rule("missing_usage", "response", "usage"),
    rule("wrong_usage_sum", "chat", "usage_sum"),
    rule("zero_completion_tokens", "chat", "usage_counts"),
    rule("zero_completion_tokens", "twice", "same_usage"),
    rule("cached_tokens_never", "prompt_again", "cached_tokens"),
    rule("too_many_tokens", "chat", "usage_limit"),
    rule("wrong_finish_reason", "choice", "finish_length"),
    rule("wrong_finish_reason", "twice", "same_finish"),
    rule("finish_missing", "chat", "finish_reason"),
    rule("finish_missing", "streamed", "stream_one_finish"),
    rule("wrong_model_name", "chat", "model"),
    rule("wrong_object", "completion", "object"),
    rule("choice_missing", "several", "choices"),
    rule("empty_text", "chat", "text"),
    rule("empty_text", "chat", "output"),
    rule("no_keyword", "seen", "keywords"),
    rule("seed_ignored", "twice", "same_text"),
    rule("positive_logprob", "logprobs", "logprobs_sign"),
    rule("positive_logprob", "completion", "logprobs_sign"),
    rule("positive_logprob", "twice", "same_logprobs"),
    rule("logprobs_missing", "logprobs", "logprobs"),
    rule("logprobs_missing", "logprobs_in_a_stream", "logprobs"),
    rule("unsorted_top_logprobs", "logprobs", "logprobs_order"),
    rule("role_missing", "chat", "role"),
    rule("role_missing", "streamed", "stream_role_first"),
    rule("tool_arguments_not_json", "tool_call", "tool_calls"),
    rule("tool_wrong_name", "tool_call", "tool_name"),
    rule("tool_missing_argument", "tool_call", "tool_arguments"),
    rule("guided_not_json", "guided", "guided"),
    rule("guided_missing_key", "guided", "json_keys"),
    rule("reasoning_leaks_into_text", "thoughts", "reasoning"),
    rule("sees_nothing", "seen", "keywords"),
    rule("sees_nothing", "watched", "keywords"),
    rule("hears_nothing", "heard", "keywords"),
    rule("text_and_audio_disagree", "spoken", "text_audio"),
    rule(
        "responses_done_differs",
        "streamed_response",
        "response_text",
    ),
    rule(
        "responses_item_not_added",
        "streamed_response",
        "response_events",
    ),
    rule(
        "responses_not_completed",
        "streamed_response",
        "response_status",
    ),
    rule(
        "embeddings_wrong_dimension",
        "dimensions",
        "embedding_dimensions",
    ),
    rule("embeddings_nan", "vectors", "embedding_numbers"),
    rule("embeddings_zero", "vectors", "embedding_zero"),
    rule("embeddings_not_normalised", "vectors", "embedding_norm"),
    rule(
        "embeddings_not_normalised",
        "vectors_again",
        "embedding_same",
    ),
    rule("embeddings_out_of_order", "vectors", "embedding_count"),
    rule("embeddings_missing", "vectors", "embedding_count"),
    rule("rerank_unsorted", "ranked", "rank_order"),
    rule("rerank_unsorted", "ranked", "rank_first"),
    rule("rerank_index_twice", "ranked", "rank_indexes"),
    rule("score_out_of_range", "scored", "rank_scores"),
    rule("classify_not_a_distribution", "classified", "probabilities"),
    rule("speech_silent", "said", "silence"),
    rule("speech_clipped", "said", "clipping"),
    rule("speech_truncated", "said", "transcript"),
    rule("speech_truncated", "tone", "audio_duration"),
    rule("speech_wrong_voice", "said", "voice"),
    rule("speech_repeated_chunk", "said_in_pieces", "repeated_chunks"),
    rule("speech_wrong_words", "said", "transcript"),
    rule("speech_wrong_content_type", "said", "audio_container"),
    rule("speech_wrong_rate", "said_at_a_rate", "sample_rate"),
    rule("speech_noise", "said", "harmonicity"),
    rule("speech_dc_offset", "said", "dc_offset"),
    rule("speech_nonsense_header", "said", "audio_header"),
    rule("speech_long_pause", "said", "pause"),
    rule("speech_odd_bytes", "said", "audio_header"),
    rule("speech_empty", "said", "audio_present"),
    rule("speech_clicks", "said_in_pieces", "clicks"),
    rule("speech_too_fast", "said", "speech_rate"),
    rule("speech_not_audio", "said", "audio_container"),
    rule(
        "transcription_wrong_words",
        "transcribed",
        "transcription_errors",
    ),
    rule("transcription_loops", "transcribed", "transcription_loops"),
    rule("transcription_empty", "transcribed", "transcription_errors"),
    rule("image_wrong_size", "painted", "images_size"),
    rule("image_wrong_count", "painted", "images_count"),
    rule("image_blank", "painted", "images_blank"),
    rule("image_broken", "painted", "images_decodable"),
    rule("image_same_twice", "painted", "images_distinct"),
    rule("image_ignores_prompt", "painted_again", "images_alike"),
    rule("image_wrong_type", "painted", "images_type"),
    rule("video_wrong_frames", "filmed", "video_duration"),
    rule("video_wrong_size", "filmed", "video_size"),
    rule("video_wrong_fps", "filmed", "video_rate"),
    rule("video_frozen", "filmed", "video_frames"),
    rule("video_no_audio", "filmed", "video_audio"),
    rule("video_broken", "filmed", "video_present"),
    rule("metrics_not_a_number", "counted", "metrics_format"),
    rule("metrics_family_missing", "counted", "metrics_families"),
    rule("metrics_reset", "counted", "metrics_moved"),
    rule("metrics_out_of_range", "counted", "metrics_ranges"),
    client(
        "video_fails",
        "filmed",
        "the server took the job and reports `failed`",
    ),
];

/// The rules that no defect of the engine shows. Literal answers prove them (`harness/verdict/tests`), one that passes and one that fails.
pub const LITERAL: &[&str] = &[
    "expectations",
    "success",
    "stream_after_finish",
    "stream_text",
    "stream_usage_last",
    "logprobs_chosen",
    "logprobs_mass",
    "refusal",
    "workers",
    "speculative",
    "rank_count",
    "labels",
    "word_timestamps",
    "audio_finite",
    "exact_repeat",
    "transcription_text",
    "transcription_language",
    "transcription_segments",
    "transcription_duration",
    "images_present",
    "video_type",
    "error_text",
    "healthy_after",
];
