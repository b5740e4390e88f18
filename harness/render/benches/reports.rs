//! How long reports of 100,000 cases take: `cargo bench -p tribunal-render`. The best and the median of five rounds and the least processor time of one,
//! in milliseconds, and how long the report is, as lines of JSON. A tenth of the cases fail, with a text of a kilobyte.

use std::fmt::Write as _;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use tribunal_events::RunLog;

const CASES: usize = 100_000;
const ROUNDS: usize = 5;

fn main() {
    let text = log();
    let bytes = text.len();
    let run = match RunLog::parse(&text, "/project/target/tribunal/run") {
        Ok(run) => run,
        Err(e) => return eprintln!("error: {e}"),
    };
    measure("a log read", || {
        RunLog::parse(&text, "/project").map_or(0, |run| run.cases.len().min(bytes))
    });
    measure("JUnit's XML", || tribunal_render::junit(&run).len());
    measure("CTRF", || tribunal_render::ctrf(&run).len());
    measure("Markdown", || {
        tribunal_render::markdown(&run, tribunal_render::GOOD_LIMIT).len()
    });
    measure("annotations", || {
        tribunal_render::annotations_github(&run, None).len()
    });
    measure("a trace", || tribunal_render::trace(&run, &[]).len());
    measure("the page", || {
        tribunal_render::html(&run, &tribunal_render::HtmlOptions::default())
            .text
            .len()
    });
}

fn measure(what: &str, made: impl Fn() -> usize) {
    let mut times = Vec::new();
    let mut busy = f64::INFINITY;
    let mut length = 0;
    for _ in 0..ROUNDS {
        let (begun, before) = (Instant::now(), processor());
        length = made();
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        busy = busy.min(processor() - before);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{{\"what\":\"{what}, {CASES} cases\",\"best_ms\":{:.1},\"median_ms\":{:.1},\"processor_ms\":{busy:.1},\"length\":{length}}}",
        times[0],
        times[ROUNDS / 2]
    );
}

/// Milliseconds of the processor that this process has used: what a clock says on a busy machine is the machine's.
fn processor() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 * 1000.0 + now.tv_nsec as f64 / 1e6
}

/// A log as the harness writes it.
fn log() -> String {
    let mut text = String::from(
        "{\"event\":\"run_started\",\"schema\":1,\"at\":1000,\"run\":\"r\",\"package\":\"p\",\"target\":\"t\",\"root\":\"/project\"}\n",
    );
    for i in 0..CASES {
        let _ = writeln!(
            text,
            "{{\"event\":\"case\",\"case\":{i},\"name\":\"e2e::module_{}::case_{i}\",\"test\":\"e2e::module_{}::case_{i}\",\"place\":{{\"file\":\"suites/src/e2e.rs\",\"line\":{i},\"column\":1}},\"doc\":\"What it does.\",\"markers\":[\"e2e\",\"core_model\",\"max_vram_gib(60)\"],\"level\":\"core_model\",\"deployment\":\"embedded\"}}",
            i % 100,
            i % 100
        );
    }
    let failure = "what was found is not what was expected\\n".repeat(25);
    for i in 0..CASES {
        let at = 1000 + i;
        let end = match i % 10 {
            0 => format!("\"outcome\":\"failed\",\"text\":\"case {i}: {failure}\""),
            _ => "\"outcome\":\"passed\"".to_owned(),
        };
        let _ = write!(
            text,
            "{{\"event\":\"case_started\",\"at\":{at},\"case\":{i},\"attempt\":1}}\n{{\"event\":\"phase\",\"at\":{at},\"case\":{i},\"attempt\":1,\"phase\":\"body\"}}\n{{\"event\":\"case_ended\",\"at\":{},\"case\":{i},\"attempt\":1,{end},\"times\":{{\"set_up\":0,\"body\":0.9,\"teardown\":0}},\"output\":\"one line\\n\"}}\n",
            at + 1
        );
    }
    text.push_str("{\"event\":\"run_ended\",\"at\":200000,\"code\":101}\n");
    text
}
