//! A workload file for people, and for programs.

use serde_json::{Value, json};
use tribunal_deploy::Problems;
use tribunal_traffic::{Arrivals, Load, Until};
use tribunal_workload::{BenchServer, Compare, DataSpec, Lengths, Step, Workload};

/// One line for a file that is good, and what cannot be run here.
pub(super) fn summary(workload: &Workload) -> String {
    let steps = workload.steps().count();
    let refused: Vec<&Step> = workload
        .steps()
        .map(|(_, step)| step)
        .filter(|step| step.refused.is_some())
        .collect();
    let mut out = format!(
        "{}: nothing is wrong: {}, {}\n",
        workload.path.display(),
        many(workload.cases.len(), "case"),
        many(steps, "step")
    );
    for step in refused {
        out.push_str(&refusal(step));
    }
    for note in &workload.notes {
        out.push_str(&format!("  line {}: {}\n", note.line, note.text));
    }
    out
}

fn refusal(step: &Step) -> String {
    match &step.refused {
        Some(refusal) => format!(
            "  {} cannot be run here: {}\n    help: {}\n",
            step.name, refusal.why, refusal.help
        ),
        None => String::new(),
    }
}

pub(crate) fn many(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// All steps.
pub(super) fn steps(workload: &Workload) -> String {
    let mut out = String::new();
    for case in &workload.cases {
        out.push_str(&format!("{}  (line {})\n", case.test_name, case.line));
        if let Some(doc) = &case.doc {
            out.push_str(&format!("  {}\n", doc.trim()));
        }
        if let Some(model) = &case.server.model {
            out.push_str(&format!("  model     {model}\n"));
        }
        let arguments = case.server.arguments(|file| format!("<{}>", file.end));
        if !arguments.is_empty() {
            out.push_str(&format!("  arguments {}\n", line(&arguments)));
        }
        let marks: Vec<String> = case.marks.iter().map(shown_mark).collect();
        if !marks.is_empty() {
            out.push_str(&format!("  markers   {}\n", marks.join(", ")));
        }
        for step in &case.steps {
            out.push_str(&format!(
                "  {}  [{}]\n    {}, {}{}; {}\n",
                step.name,
                step.label,
                step.purpose.name(),
                step.route.path(),
                if step.stream { " streamed" } else { "" },
                load(&step.load)
            ));
            if let Some(duration) = step.duration {
                out.push_str(&format!("    for {duration:?}, in batches\n"));
            }
            out.push_str(&format!("    {}\n", data(&step.data)));
            if let Some(exam) = &step.exam
                && step.refused.is_none()
            {
                out.push_str(&format!("    scored by {}\n", exam.scoring.words()));
            }
            for limit in &step.thresholds {
                let device = limit
                    .hardware
                    .as_ref()
                    .map_or(String::new(), |device| format!(" on {device}"));
                out.push_str(&format!("    {}{device}\n", limit.words()));
            }
            out.push_str(&refusal(step).replace("\n  ", "\n    "));
        }
    }
    for note in &workload.notes {
        out.push_str(&format!("line {}: {}\n", note.line, note.text));
    }
    out
}

/// Each step as a command line.
pub(super) fn commands(workload: &Workload, server: &BenchServer) -> String {
    let mut out = String::new();
    for (_, step) in workload.steps() {
        out.push_str(&match step.vllm_bench(server) {
            Ok(command) => format!("# {}\n{}\n", step.name, line(&command)),
            Err(why) => format!("# {} cannot be rendered: {why}\n", step.name),
        });
    }
    out
}

/// Words as a shell takes them.
pub(crate) fn line(words: &[String]) -> String {
    let plain = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_./:,=@+%".contains(c))
    };
    let quoted = words.iter().map(|word| {
        if plain(word) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn shown_mark(mark: &tribunal_workload::Mark) -> String {
    let args: Vec<String> = mark.args.iter().map(ToString::to_string).collect();
    if args.is_empty() {
        mark.name.clone()
    } else {
        format!("{}({})", mark.name, args.join(", "))
    }
}

fn load(load: &Load) -> String {
    let arrivals = match &load.arrivals {
        Arrivals::AtOnce => "as fast as they may".to_owned(),
        Arrivals::Gamma { rate, burstiness } if *burstiness == 1.0 => format!("{rate}/s (Poisson)"),
        Arrivals::Gamma { rate, burstiness } => format!("{rate}/s (burstiness {burstiness})"),
        Arrivals::Constant { rate } => format!("{rate}/s (equal gaps)"),
        Arrivals::Ramp { from, to, .. } => format!("{from}/s to {to}/s"),
        Arrivals::Trace(times) => format!("at {} times of a trace", times.len()),
    };
    let until = match load.until {
        Until::Count(count) => format!("{count} requests"),
        Until::Elapsed(long) => format!("for {long:?}"),
        Until::Either(count, long) => format!("{count} requests or {long:?}"),
    };
    let most = load
        .concurrency
        .map_or(String::new(), |most| format!(", at most {most} at once"));
    format!(
        "{until}, {arrivals}{most}, {} warm-ups, seed {}",
        load.warmups, load.seed
    )
}

fn data(data: &DataSpec) -> String {
    let lengths = |text: &Lengths| {
        let spread = if text.input_spread > 0.0 || text.output_spread > 0.0 {
            format!(" (± {} and {})", text.input_spread, text.output_spread)
        } else {
            String::new()
        };
        format!(
            "random text, {} tokens in and {} out{spread}",
            text.input, text.output
        )
    };
    match data {
        DataSpec::Random(text) => lengths(text),
        DataSpec::SharedPrefix {
            prefix,
            suffix,
            prefixes,
            output,
        } => format!(
            "random text, one of {prefixes} beginnings of {prefix} tokens and {suffix} more, {output} out"
        ),
        DataSpec::Multimodal {
            text,
            items,
            buckets,
            ..
        } => {
            let buckets: Vec<String> = buckets
                .iter()
                .map(|bucket| format!("{bucket} {}", bucket.share))
                .collect();
            format!(
                "{}, {items} media each: {}",
                lengths(text),
                buckets.join(", ")
            )
        }
        DataSpec::Shapes { shapes, .. } => {
            let shapes: Vec<String> = shapes
                .iter()
                .map(|shape| match shape.size {
                    Some((width, height)) => format!("{width}x{height}"),
                    None => "of the server's size".to_owned(),
                })
                .collect();
            format!("random prompts, {}", shapes.join(", "))
        }
        DataSpec::File { path, .. } => format!("the questions of {}", path.display()),
        DataSpec::Lines { text, .. } => {
            format!("{} of the file", many(text.lines().count(), "question"))
        }
        DataSpec::Missing { name } => format!("the data set `{name}`"),
        _ => "a data set".to_owned(),
    }
}

/// A file for programs.
pub(super) fn json(workload: &Workload, server: Option<&BenchServer>) -> Value {
    let cases = workload.cases.iter().map(|case| {
        let steps: Vec<Value> = case.steps.iter().map(|step| step_json(step, server)).collect();
        json!({
            "name": case.name, "test_name": case.test_name, "line": case.line, "doc": case.doc,
            "marks": case.marks.iter().map(shown_mark).collect::<Vec<_>>(),
            "server": {
                "model": case.server.model, "server_type": case.server.server_type, "stage_config": case.server.stage_config,
                "arguments": case.server.arguments(|file| format!("<{}>", file.end)), "env": case.server.env,
            },
            "steps": steps,
        })
    });
    let notes = workload
        .notes
        .iter()
        .map(|note| json!({ "line": note.line, "text": note.text }));
    json!({
        "file": workload.path, "form": workload.form.name(), "notes": notes.collect::<Vec<_>>(), "cases": cases.collect::<Vec<_>>(),
    })
}

fn step_json(step: &Step, server: Option<&BenchServer>) -> Value {
    let thresholds = step.thresholds.iter().map(|limit| {
        let (compare, within) = match limit.compare {
            Compare::Less => ("<", None),
            Compare::Greater => (">", None),
            Compare::AtMost => ("<=", None),
            Compare::AtLeast => (">=", None),
            Compare::Within(distance) => ("within", Some(distance)),
        };
        json!({
            "metric": limit.metric, "compare": compare, "value": limit.value, "within": within, "hardware": limit.hardware, "line": limit.line,
        })
    });
    json!({
        "name": step.name, "label": step.label, "line": step.line, "purpose": step.purpose.name(), "point": step.point.words(),
        "route": step.route.path(), "stream": step.stream, "dialect": step.dialect.name(), "load": step.load,
        "data": data(&step.data),
        "refused": step.refused.as_ref().map(|refusal| json!({ "why": refusal.why, "help": refusal.help })),
        "thresholds": thresholds.collect::<Vec<_>>(), "duration_s": step.duration.map(|duration| duration.as_secs_f64()), "batch": step.batch,
        "exam": step.exam.as_ref().map(|exam| json!({ "dataset_conf": exam.conf, "scored_by": exam.scoring.words() })),
        "vllm_bench": server.and_then(|server| step.vllm_bench(server).ok()),
    })
}

/// What is wrong, for programs.
pub(crate) fn problems(problems: &Problems) -> Vec<Value> {
    let all = problems
        .messages()
        .zip(problems.places())
        .zip(problems.helps());
    all.map(|((message, place), help)| {
        let (file, line, column) = match place {
            Some((file, line, column)) => (Some(file), Some(line), Some(column)),
            None => (None, None, None),
        };
        json!({ "file": file, "line": line, "column": column, "message": message, "help": help })
    })
    .collect()
}
