//! The rules, as data. What each really does stands in the module of its kind.

use crate::depth::Depth::{Basic, Deep};
use crate::rule::Kind::{
    Audio, Chat, Classify, Comparison, Completion, Embeddings, Error, Images, Metrics, Rerank,
    Responses, Score, Speech, Transcription, Video,
};
use crate::rule::{Kind, Limit, Rule};

const TEXT: &[Kind] = &[Chat, Completion];
const GENERATED: &[Kind] = &[Chat, Completion, Responses];
const RANKED: &[Kind] = &[Rerank, Score, Classify];
const SOUND: &[Kind] = &[Speech, Audio];
const SPOKEN: &[Kind] = &[Chat, Speech];
const TIMED: &[Kind] = &[
    Chat,
    Completion,
    Responses,
    Embeddings,
    Rerank,
    Score,
    Classify,
    Speech,
    Audio,
    Transcription,
    Images,
    Video,
];
/// Every kind that is judged with what a test expects.
const ANSWERS: &[Kind] = &[
    Chat,
    Completion,
    Responses,
    Embeddings,
    Rerank,
    Score,
    Classify,
    Speech,
    Audio,
    Transcription,
    Images,
    Video,
    Error,
];

const fn rule(
    name: &'static str,
    kinds: &'static [Kind],
    level: crate::Depth,
    says: &'static str,
    limits: &'static [Limit],
) -> Rule {
    Rule {
        name,
        kinds,
        level,
        says,
        limits,
    }
}

const fn limit(
    name: &'static str,
    default: f64,
    says: &'static str,
    source: &'static str,
) -> Limit {
    Limit {
        name,
        default,
        says,
        source,
    }
}

/// Every rule there is, in the order in which the documentation has them.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    // All kinds.
    rule("expectations", ANSWERS, Basic, "what the test expects names thresholds that there are, and can be said of this kind of answer", &[]),
    rule("success", TIMED, Basic, "the status is a success", &[]),
    rule("content_type", TIMED, Basic, "the content type is that of the route, of the stream or of the format asked for", &[]),
    rule("first_token_within", &[Chat, Completion, Responses, Speech], Basic, "the first content of a stream arrives in time", &[]),
    rule("within", TIMED, Basic, "the whole answer arrives in time", &[]),
    rule("gap_below", &[Chat, Completion, Responses, Speech], Basic, "no pause between two pieces of a stream is longer", &[]),
    // Text.
    rule("object", GENERATED, Basic, "the object's name is that of the route", &[]),
    rule("id", GENERATED, Basic, "there is an id, the same in every chunk", &[]),
    rule("model", GENERATED, Basic, "the model that answers is the one that was asked", &[]),
    rule("choices", TEXT, Basic, "as many choices as asked for, numbered from 0", &[]),
    rule("role", &[Chat], Basic, "every message is the assistant's", &[]),
    rule("finish_reason", TEXT, Basic, "every choice ends for one of the reasons of the API", &[]),
    rule("output", GENERATED, Basic, "every choice has output of some sort; of one that was drawn with a temperature and ended with its first token nothing is decided", &[]),
    rule("stream_end", TEXT, Basic, "a stream ends with [DONE], and nothing follows", &[]),
    rule("stream_role_first", &[Chat], Basic, "the first chunk of a choice has its role", &[]),
    rule("stream_one_finish", TEXT, Basic, "every choice finishes once", &[]),
    rule("stream_after_finish", TEXT, Basic, "nothing follows the end of a choice", &[]),
    rule("stream_text", TEXT, Basic, "no chunk has null for its text without a reason", &[]),
    rule("stream_usage_last", TEXT, Basic, "the chunk with the token counts is the last", &[]),
    rule("tool_calls", &[Chat, Responses], Basic, "a tool call has an id, its type, a name that was offered and arguments that are a JSON object; one is there where it was required", &[]),
    rule("audio_present", &[Chat, Speech, Audio], Basic, "there is audio, and more of it than an empty file", &[
        limit("min_audio_bytes", 100.0, "the fewest bytes of audio", "Dynamo's speech payload")]),
    rule("audio_container", &[Chat, Speech, Audio], Basic, "the bytes are of the format asked for, and the content type names it", &[]),
    rule("audio_header", &[Chat, Speech, Audio], Basic, "the audio can be read, and its header agrees with itself and with what came", &[]),
    rule("text", TEXT, Deep, "every choice has text that is more than blanks; undecided like `output`", &[]),
    rule("stream_pieces", TEXT, Deep, "a long text of a stream comes in more than one chunk", &[
        limit("stream_pieces", 120.0, "the most characters that may come in a single chunk where there is no other", "engines that compute 16 tokens before they send any")]),
    rule("usage", GENERATED, Deep, "the three token counts are there, under the names of the route", &[]),
    rule("usage_sum", GENERATED, Deep, "prompt and completion make the total", &[]),
    rule("usage_counts", GENERATED, Deep, "a prompt and an output that are there were counted", &[]),
    rule("usage_limit", GENERATED, Deep, "no more tokens than were allowed", &[]),
    rule("finish_length", TEXT, Deep, "a choice that ends for its length has used all tokens that it was allowed", &[]),
    rule("logprobs", TEXT, Deep, "log-probabilities are there where they were asked for", &[]),
    rule("logprobs_sign", TEXT, Deep, "no log-probability is above zero", &[]),
    rule("logprobs_chosen", TEXT, Deep, "the chosen token is where it must be among the likeliest", &[]),
    rule("logprobs_order", TEXT, Deep, "the likeliest come first", &[]),
    rule("logprobs_mass", TEXT, Deep, "the probabilities of a list sum to at most 1", &[]),
    rule("keywords", HEARD_TEXT, Deep, "of each list of keywords at least one occurs in the text, or in what is said where there is no text", &[]),
    rule("expected_text", GENERATED_OR_HEARD, Deep, "the text is the expected one", &[]),
    rule("tool_name", &[Chat, Responses], Deep, "the tool that was expected is called", &[]),
    rule("tool_arguments", &[Chat, Responses], Deep, "the arguments fit the tool's schema and have the keys that were expected", &[]),
    rule("guided", GENERATED, Deep, "text that was asked for in a form (JSON, a choice, a pattern) has that form", &[]),
    rule("json_keys", GENERATED, Deep, "the text is a JSON object with the expected keys", &[]),
    rule("cached_tokens", GENERATED, Deep, "as many tokens of the prompt came from the cache as expected", &[]),
    rule("reasoning", &[Chat], Deep, "the reasoning is there, apart from the text, or not at all, as expected; its tags never leak into the text", &[]),
    rule("refusal", &[Chat], Deep, "the model refuses where that is expected", &[]),
    rule("workers", TEXT, Deep, "prefill and decode were done by different workers, which the answer names", &[]),
    rule("speculative", TEXT, Deep, "speculation is accepted as often as expected", &[]),
    // Responses.
    rule("response_status", &[Responses], Basic, "the response is completed, or says why it is not", &[]),
    rule("response_events", &[Responses], Basic, "the events of a stream come in the order of the API, numbered without a gap", &[]),
    rule("response_text", &[Responses], Basic, "the deltas together are the text that is called done", &[]),
    // Vectors and ranks.
    rule("embedding_count", &[Embeddings], Basic, "one vector for each input, numbered in order", &[]),
    rule("embedding_numbers", &[Embeddings], Basic, "every number is finite", &[]),
    rule("embedding_dimensions", &[Embeddings], Deep, "all vectors have one length, the one asked for", &[]),
    rule("embedding_zero", &[Embeddings], Deep, "no vector is all zero", &[]),
    rule("embedding_norm", &[Embeddings], Deep, "vectors have the length 1 where that is promised", &[
        limit("embedding_norm", 0.01, "how far the length of a vector may be from 1", "16-bit arithmetic over some thousand numbers")]),
    rule("embedding_same", &[Embeddings], Deep, "the same vectors whether asked for as numbers or as base64", &[
        limit("embedding_same", 1e-3, "how far two numbers may be apart, of the larger one", "batches change the order of sums in 16-bit arithmetic")]),
    rule("rank_indexes", RANKED, Basic, "every result points to one input, each at most once", &[]),
    rule("rank_count", RANKED, Basic, "as many results as there must be", &[]),
    rule("rank_scores", RANKED, Basic, "every score is a finite number, and lies where the test expects it", &[]),
    rule("rank_order", &[Rerank], Deep, "the best come first", &[]),
    rule("rank_first", &[Rerank], Deep, "the expected document comes first", &[]),
    rule("probabilities", &[Classify], Deep, "the probabilities lie between 0 and 1 and sum to 1", &[
        limit("probabilities", 0.01, "how far the sum may be from 1", "16-bit arithmetic")]),
    rule("labels", &[Classify], Deep, "the label is the one with the highest probability, and the expected one", &[]),
    // Sound.
    rule("word_timestamps", &[Speech], Basic, "the times of words that were asked for are there and in order", &[]),
    rule("audio_finite", SOUND, Deep, "every sample is a number", &[]),
    rule("audio_duration", SOUND, Deep, "the audio is as long as expected", &[
        limit("audio_duration", 0.1, "how many seconds it may be off", "delays of lossy encoders")]),
    rule("sample_rate", SOUND, Deep, "the rate and the channels are those that were asked for", &[]),
    rule("silence", SOUND, Deep, "something can be heard", &[
        limit("silence", 0.95, "the largest silent share", "half a second of speech in ten")]),
    rule("clipping", SOUND, Deep, "few samples are at full scale", &[
        limit("clipping", 0.001, "the largest share of samples at full scale", "one in a thousand is heard as distortion")]),
    rule("dc_offset", SOUND, Deep, "the signal is centred", &[
        limit("dc_offset", 0.02, "the largest mean of the samples", "usual of mastering tools")]),
    rule("clicks", SOUND, Deep, "nothing clicks where two chunks meet", &[
        limit("clicks", 8.0, "the largest jump at a seam, as a multiple of what is usual around it", "perf-media: 8 times the local deviation")]),
    rule("repeated_chunks", SOUND, Deep, "no chunk was sent twice", &[
        limit("repeated_chunks", 0.98, "the highest correlation of two neighbouring chunks", "perf-media: normalised cross-correlation")]),
    rule("exact_repeat", SOUND, Deep, "the audio is not that of another request of the same client", &[]),
    rule("pause", &[Speech], Deep, "no pause inside is too long", &[
        limit("pause", 1.5, "the longest silence inside, in seconds", "perf-media: longest internal silence")]),
    rule("speech_rate", &[Speech], Deep, "as long as the text asks for", &[
        limit("speech_rate_low", 4.0, "the fewest characters of text in a second", "perf-media: speech rate sanity"),
        limit("speech_rate_high", 30.0, "the most characters of text in a second", "perf-media: speech rate sanity")]),
    rule("harmonicity", &[Speech], Deep, "the voice is a voice and no noise", &[
        limit("harmonicity", 3.0, "the least decibels of harmonics over noise", "perf-media: 99 espeak-ng voices, whisper left out"),
        limit("harmonicity_vllm_omni", 1.0, "the same by vLLM-Omni's formula, with `similarity = \"vllm-omni\"`", "vLLM-Omni")]),
    rule("transcript", SPOKEN, Deep, "what is heard is what was to be said", &[
        limit("wer", 0.15, "the largest share of wrong words (either of the two rates is enough)", "perf-media: default of the gate"),
        limit("cer", 0.10, "the largest share of wrong characters", "perf-media: default of the gate"),
        limit("short_cer", 0.34, "the largest share of wrong characters of texts below four words", "perf-media: short references"),
        limit("similarity", 0.9, "the least similarity with `similarity = \"vllm-omni\"`; above it passes", "vLLM-Omni, speech")]),
    rule("text_audio", &[Chat], Deep, "text and audio of one answer say the same", &[
        limit("text_audio_similarity", 0.8, "the least similarity with `similarity = \"vllm-omni\"`; above it passes", "vLLM-Omni, omni chat")]),
    rule("voice", SPOKEN, Deep, "the voice has the pitch that is known of it", &[
        limit("voice", 4.0, "how many semitones it may be off", "perf-media: presets against their own reference")]),
    // Transcripts.
    rule("transcription_text", &[Transcription], Basic, "there is a text", &[]),
    rule("transcription_errors", &[Transcription], Deep, "the text is that of the reference", &[]),
    rule("transcription_language", &[Transcription], Deep, "the language is the one that was asked for", &[]),
    rule("transcription_loops", &[Transcription], Deep, "nothing is said over and over, and no more than can be said in the time", &[
        limit("transcription_loops", 4.0, "how often in a row the same words may come", "runaway repetition, perf-media")]),
    rule("transcription_segments", &[Transcription], Deep, "segments and words lie in order and inside the audio", &[]),
    rule("transcription_duration", &[Transcription], Deep, "the duration is that of the audio", &[
        limit("transcription_duration", 0.2, "how many seconds it may be off", "delays of lossy encoders, windows of a front end")]),
    // Pictures.
    rule("images_present", &[Images], Basic, "there is at least one picture", &[]),
    rule("images_decodable", &[Images], Basic, "every picture can be read", &[]),
    rule("images_type", &[Images], Basic, "the pictures are of the format that was asked for or declared", &[]),
    rule("images_count", &[Images], Deep, "as many pictures as asked for", &[]),
    rule("images_size", &[Images], Deep, "every picture has exactly the size asked for", &[]),
    rule("images_blank", &[Images], Deep, "there is something on every picture", &[
        limit("images_blank", 2.0, "the least deviation of the brightness, in steps of 255; above it passes", "what rounding and compression make of one tone")]),
    rule("images_distinct", &[Images], Deep, "no two pictures of one answer are the same", &[]),
    rule("images_alike", &[Images], Deep, "the picture is like its reference", &[
        limit("ssim", 0.97, "the least structural similarity", "vLLM-Omni: picture against its reference"),
        limit("psnr", 30.0, "the least peak signal-to-noise ratio, in decibels", "vLLM-Omni: picture against its reference"),
        limit("pixel_mean", 0.03, "the largest mean distance of pixel values, of 1", "vLLM-Omni: pixel closeness"),
        limit("pixel_p99", 0.4, "the distance below which 99 of 100 values lie, of 1", "vLLM-Omni: pixel closeness")]),
    // Video.
    rule("video_present", &[Video], Basic, "there is a video that can be read", &[]),
    rule("video_type", &[Video], Basic, "the content type names the container", &[]),
    rule("video_size", &[Video], Deep, "exactly the size asked for", &[]),
    rule("video_frames", &[Video], Deep, "as many frames as the model's rule makes of those asked for", &[]),
    rule("video_rate", &[Video], Deep, "as many frames per second as asked for", &[
        limit("video_rate", 1.0, "how far the rate must be within", "vLLM-Omni: below 1.0")]),
    rule("video_duration", &[Video], Deep, "as long as asked for", &[
        limit("video_duration", 0.25, "how many seconds it may be off", "a few frames")]),
    rule("video_audio", &[Video], Deep, "the audio track is there as expected", &[]),
    // Refusals.
    rule("status", &[Error], Basic, "the status is one of those expected", &[]),
    rule("error_object", &[Error], Basic, "a 4xx has a JSON error object", &[]),
    rule("error_message", &[Error], Basic, "a 4xx says why, for people", &[]),
    rule("error_field", &[Error], Basic, "the error names the field that is wrong", &[]),
    rule("error_text", &[Error], Basic, "the error says what was expected of it", &[]),
    rule("healthy_after", &[Error], Basic, "the server is healthy afterwards", &[]),
    // Metrics.
    rule("metrics_format", &[Metrics], Basic, "the exposition can be read, and has values that are numbers", &[]),
    rule("metrics_families", &[Metrics], Basic, "the expected families are there, and as many as expected", &[]),
    rule("metrics_moved", &[Metrics], Deep, "counters never fall, and the expected ones rise", &[]),
    rule("metrics_ranges", &[Metrics], Deep, "values lie in their ranges", &[]),
    // Two answers.
    rule("same_text", &[Comparison], Basic, "both answers have the same text", &[]),
    rule("same_finish", &[Comparison], Basic, "both end for the same reason", &[]),
    rule("same_usage", &[Comparison], Basic, "both count the same tokens", &[]),
    rule("same_logprobs", &[Comparison], Deep, "both have the same tokens with log-probabilities that are near", &[
        limit("same_logprobs", 0.05, "how far two log-probabilities may be apart", "16-bit arithmetic, batches of different sizes")]),
];

const HEARD_TEXT: &[Kind] = &[Chat, Completion, Responses, Speech, Transcription];
const GENERATED_OR_HEARD: &[Kind] = &[Chat, Completion, Responses, Transcription];
