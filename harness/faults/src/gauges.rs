//! What a server's metrics say of its load: requests that run and wait, slots, use of the key-value cache, memory, requests answered.
//!
//! Promise: one small table says what each engine calls these, where that was read, and how several series of one name are put together; a
//! gauge that is not on the page is `None`. Rejected: a client library for Prometheus: six lines of a text format, read once a tenth of a second.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What an engine calls the gauges. Of several names the first that is on the page counts: newer versions rename.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// The engine.
    pub engine: &'static str,
    /// Where the names were read.
    pub source: &'static str,
    /// Requests or sequences that run.
    pub running: &'static [&'static str],
    /// Those that wait.
    pub waiting: &'static [&'static str],
    /// How many can run at once.
    pub slots: &'static [&'static str],
    /// Share (or number) of the cache's blocks that requests use.
    pub cache: &'static [&'static str],
    /// Memory that grows and shrinks with the requests, in bytes.
    pub memory: &'static [&'static str],
    /// Requests answered so far.
    pub answered: &'static [&'static str],
    /// Whether these count requests that failed as well.
    pub counts_failures: bool,
}

/// Every engine whose names are known.
pub const NAMES: [Names; 4] = [
    Names {
        engine: "the embedded engine",
        source: "docs/engine.md; its own page",
        running: &["engine_requests_running"],
        waiting: &["engine_requests_waiting"],
        slots: &["engine_slots"],
        // Not `engine_kv_cache_usage`: that is the prefix cache, which is meant to stay full.
        cache: &["engine_kv_blocks_used"],
        memory: &["engine_device_memory_bytes"],
        answered: &["engine_requests_total"],
        counts_failures: true,
    },
    Names {
        engine: "vLLM",
        source: "docs.vllm.ai: usage/metrics and design/metrics (v0.12); gpu_cache_usage_perc until v0.10",
        running: &["vllm:num_requests_running"],
        waiting: &["vllm:num_requests_waiting"],
        slots: &[],
        cache: &["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
        memory: &[],
        answered: &["vllm:request_success_total"],
        counts_failures: false,
    },
    Names {
        engine: "SGLang",
        source: "docs.sglang.io: references/production_metrics; needs --enable-metrics",
        running: &["sglang:num_running_reqs"],
        waiting: &["sglang:num_queue_reqs"],
        slots: &[],
        // With its radix cache this is the share of tokens that are held for requests, evictable ones left out.
        cache: &["sglang:token_usage"],
        memory: &[],
        answered: &["sglang:num_requests_total"],
        counts_failures: false,
    },
    Names {
        engine: "llama.cpp",
        source: "tools/server/README.md of ggml-org/llama.cpp; needs --metrics",
        running: &["llamacpp:requests_processing"],
        waiting: &["llamacpp:requests_deferred"],
        slots: &[],
        // Gone from newer versions.
        cache: &["llamacpp:kv_cache_usage_ratio"],
        memory: &[],
        answered: &[],
        counts_failures: false,
    },
];

/// One reading of the metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// When the answer came.
    pub at: Duration,
    /// Requests that run.
    pub running: Option<f64>,
    /// Requests that wait.
    pub waiting: Option<f64>,
    /// How many can run at once.
    pub slots: Option<f64>,
    /// Use of the key-value cache by requests, in the engine's own unit.
    pub cache: Option<f64>,
    /// Memory that grows and shrinks with the requests, in bytes.
    pub memory: Option<f64>,
    /// Requests to the routes that generate, answered so far.
    pub answered: Option<f64>,
    /// Whether requests that failed are among them.
    pub counts_failures: bool,
}

impl Reading {
    /// Reads a page of metrics.
    ///
    /// # Errors
    /// In words: where it is of no engine whose names are known.
    pub fn of_page(at: Duration, page: &str) -> Result<Self, String> {
        let series: Vec<Series<'_>> = page.lines().filter_map(Series::of_line).collect();
        let names = NAMES
            .iter()
            .find(|names| sum(&series, names.running).is_some())
            .ok_or_else(|| {
                let known: Vec<&str> = NAMES.iter().flat_map(|n| n.running).copied().collect();
                format!("the metrics have none of the gauges {}", known.join(", "))
            })?;
        Ok(Self {
            at,
            running: sum(&series, names.running),
            waiting: sum(&series, names.waiting),
            slots: sum(&series, names.slots),
            cache: sum(&series, names.cache),
            memory: sum(&series, names.memory),
            answered: sum(&series, names.answered),
            counts_failures: names.counts_failures,
        })
    }
}

/// One line of a page.
struct Series<'a> {
    name: &'a str,
    labels: &'a str,
    value: f64,
}

impl<'a> Series<'a> {
    /// `name{label="value",…} number [time]`; a value in quotes may hold anything, also braces and blanks.
    fn of_line(line: &'a str) -> Option<Self> {
        let line = line.trim();
        if line.starts_with('#') {
            return None;
        }
        let (head, rest) = match line.rfind('}') {
            Some(at) => line.split_at_checked(at + 1)?,
            None => line.split_at_checked(line.find(char::is_whitespace)?)?,
        };
        let (name, labels) = head.split_once('{').unwrap_or((head, ""));
        let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
        value.is_finite().then_some(Self {
            name,
            labels,
            value,
        })
    }

    /// Whether it is of a route that generates nothing: looks at such a route are no requests.
    fn is_of_a_quiet_route(&self) -> bool {
        let Some((_, rest)) = self.labels.split_once("route=\"") else {
            return false;
        };
        let route = rest.split('"').next().unwrap_or_default();
        !route.starts_with("/v1/") || route.starts_with("/v1/models")
    }
}

/// All series of the first of these names that is there, put together.
fn sum(series: &[Series<'_>], names: &[&str]) -> Option<f64> {
    names.iter().find_map(|name| {
        let of: Vec<f64> = series
            .iter()
            .filter(|one| one.name == *name && !one.is_of_a_quiet_route())
            .map(|one| one.value)
            .collect();
        // A share is not added up over the engines that have one each: the fullest counts.
        if name.contains("usage") {
            return of.into_iter().reduce(f64::max);
        }
        let there = series.iter().any(|one| one.name == *name);
        there.then(|| of.into_iter().sum())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str) -> Reading {
        Reading::of_page(Duration::ZERO, page).expect("a known engine")
    }

    #[test]
    fn the_names_of_each_engine_are_read() {
        let page = "# TYPE vllm:num_requests_running gauge\n\
            vllm:num_requests_running{engine=\"0\",model_name=\"a {b} c\"} 2.0\n\
            vllm:num_requests_running{engine=\"1\",model_name=\"a\"} 1 1700000000\n\
            vllm:num_requests_waiting{engine=\"0\"} 0.0\n\
            vllm:kv_cache_usage_perc{engine=\"0\"} 0.25\n\
            vllm:kv_cache_usage_perc{engine=\"1\"} 0.5\n";
        let reading = read(page);
        assert_eq!(reading.running, Some(3.0), "counts are added up");
        assert_eq!(reading.cache, Some(0.5), "of shares the largest counts");
        assert_eq!((reading.waiting, reading.slots), (Some(0.0), None));
        let old = read("vllm:num_requests_running 0\nvllm:gpu_cache_usage_perc 0.1\n");
        assert_eq!(old.cache, Some(0.1));
        let llama = read("llamacpp:requests_processing 4\nllamacpp:requests_deferred 2\n");
        assert_eq!((llama.running, llama.waiting), (Some(4.0), Some(2.0)));
        assert_eq!(llama.cache, None, "what is not there is not zero");
        let sglang = read("sglang:num_running_reqs{m=\"x\"} 1\nsglang:token_usage{m=\"x\"} 0.28\n");
        assert_eq!((sglang.running, sglang.cache), (Some(1.0), Some(0.28)));
    }

    #[test]
    fn looks_are_no_requests() {
        let reading = read(
            "engine_requests_running 0\n\
             engine_requests_total{route=\"/health\",status=\"200\"} 900\n\
             engine_requests_total{route=\"/v1/models\",status=\"200\"} 3\n\
             engine_requests_total{route=\"/v1/chat/completions\",status=\"200\"} 5\n\
             engine_requests_total{route=\"/v1/completions\",status=\"500\"} 2\n",
        );
        assert_eq!(reading.answered, Some(7.0));
        let none = read("engine_requests_running 0\nengine_requests_total{route=\"/health\"} 9\n");
        assert_eq!(
            none.answered,
            Some(0.0),
            "the counter is there, and is at zero"
        );
    }

    #[test]
    fn a_page_of_somebody_else_is_told_and_nonsense_is_passed_over() {
        let error = Reading::of_page(Duration::ZERO, "process_cpu_seconds 1\n").unwrap_err();
        assert!(error.contains("vllm:num_requests_running"), "{error}");
        let reading = read(
            "}{ 1\n{} \nengine_requests_running\nengine_requests_running NaN\nengine_requests_running 1\nx{a=\"é} 1\n",
        );
        assert_eq!(reading.running, Some(1.0));
    }
}
