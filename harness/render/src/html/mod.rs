//! One page of HTML that tells a run.
//!
//! Promise: one file that works without a network and may be handed on; it loads nothing from outside and runs no script but its own, whatever a server said: everything
//! from outside stands in it as escaped data, and its own policy forbids the rest. It has a bounded length, and says what it left out. What it tells of a case is only put
//! on the screen when somebody opens it.
//!
//! Rejected: HTML that is made here, case by case (each place would have to escape, and a browser would build a hundred thousand rows before it shows one); and a
//! library for charts (a page that is handed on is not updated).

mod detail;
mod devices;
mod exchange;
mod fault;
mod figures;
mod folder;
mod index;
mod media;
mod page;
mod quantiles;
mod soak;
mod summary;
mod tables;
mod text;

use std::path::PathBuf;

use serde::Serialize;
use tribunal_events::RunLog;

use detail::{detail, rank};
use index::{OUTCOMES, Words};
use text::{block_length, json_block};

/// How the page is made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HtmlOptions {
    /// The folder where the page will lie; links to evidence start there. Without it there are none.
    pub beside: Option<PathBuf>,
    /// The title; the package of the run where there is none.
    pub title: Option<String>,
    /// How long the page may be, in bytes. Details go first, the list of the cases never.
    pub most_bytes: usize,
}

impl Default for HtmlOptions {
    fn default() -> Self {
        Self {
            beside: None,
            title: None,
            most_bytes: 24_000_000,
        }
    }
}

/// The page.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Html {
    /// Its text.
    pub text: String,
    /// What it leaves out, in lines for people; it says so itself as well.
    pub left_out: Vec<String>,
}

/// All that the page's script reads first.
#[derive(Serialize)]
struct Data {
    run: summary::Summary,
    outcomes: Vec<(&'static str, bool)>,
    cases: index::Columns,
    words: Words,
    figures: figures::Figures,
    tables: Vec<tables::Table>,
    curves: Vec<devices::Curve>,
    earlier: Vec<index::Earlier>,
    faults: Vec<usize>,
    soaks: Vec<(Option<usize>, soak::Soak)>,
    steps: Vec<usize>,
    gaps: Option<Vec<String>>,
    left_out: Vec<String>,
}

/// Media take so much of a page at most.
const MEDIA: usize = 8_000_000;
/// A detail that does not fit is left out; after so many nobody tries any more.
const MISSES: usize = 100;

/// Makes the page.
pub fn html(run: &RunLog, options: &HtmlOptions) -> Html {
    let (parts, folders) = devices::parts(run);
    let mut words = Words::new();
    let cases = index::columns(run, &parts, &mut words);
    let earlier = index::earlier(run, &mut words);
    let line = |text: &String| text::shown(text, 600, text::Cut::Middle);
    let mut data = Data {
        run: summary::summary(run, options.title.as_deref()),
        outcomes: OUTCOMES.map(|one| (one.word(), one.is_failure())).to_vec(),
        cases,
        words,
        figures: figures::figures(run),
        tables: tables::tables(run),
        curves: devices::curves(run, &folders),
        earlier,
        soaks: soak::soaks(run, &folders),
        faults: Vec::new(),
        steps: Vec::new(),
        gaps: run
            .started
            .gaps
            .as_ref()
            .map(|gaps| gaps.iter().take(5000).map(line).collect()),
        left_out: Vec::new(),
    };
    // What is not known yet is short: numbers of cases.
    let taken = block_length(&data) + page::FRAME_LENGTH + 8 * run.cases.len().min(10_000);
    let told = told(run, options, options.most_bytes.saturating_sub(taken));
    for (case, _) in &told.blocks {
        data.cases.tell(*case);
    }
    (data.faults, data.steps, data.left_out) = (told.faults, told.steps, told.left_out);
    let title = summary::title(run, options.title.as_deref());
    Html {
        text: page::page(&title, &json_block(&data), &told.blocks),
        left_out: data.left_out,
    }
}

/// What is told of cases: the number of each with its block.
#[derive(Default)]
struct Told {
    blocks: Vec<(usize, String)>,
    faults: Vec<usize>,
    steps: Vec<usize>,
    left_out: Vec<String>,
}

fn told(run: &RunLog, options: &HtmlOptions, room: usize) -> Told {
    let mut order: Vec<(u8, usize)> = run
        .cases
        .iter()
        .enumerate()
        .filter_map(|(at, case)| Some((rank(case)?, at)))
        .collect();
    order.sort_unstable();
    let mut to = Told::default();
    let (mut left, mut media, mut misses) = (room, MEDIA.min(room / 2), 0);
    for (_, at) in &order {
        if misses > MISSES {
            misses += 1;
            continue;
        }
        let mut media_left = media;
        let found = detail(&run.cases[*at], options.beside.as_deref(), &mut media_left);
        let block = json_block(&found);
        if block.len() + 100 > left {
            misses += 1;
            continue;
        }
        left -= block.len() + 100;
        media = media_left;
        for (has, list) in [
            (found.has_faults(), &mut to.faults),
            (found.has_steps(), &mut to.steps),
        ] {
            if has {
                list.push(*at);
            }
        }
        to.blocks.push((*at, block));
    }
    if misses > 0 {
        to.left_out.push(format!(
            "{misses} of {} cases of which there is more to tell are only listed, because the page would be longer than {} bytes",
            order.len(),
            options.most_bytes
        ));
    }
    to.blocks.sort_unstable_by_key(|(at, _)| *at);
    for list in [&mut to.faults, &mut to.steps] {
        list.sort_unstable();
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;
    use tribunal_events::{AttemptLog, CaseEnded, CaseLog, Outcome};

    fn failing(cases: usize, text: &str) -> RunLog {
        let case = |number: usize| {
            let ended = CaseEnded {
                attempt: 1,
                outcome: Outcome::Failed,
                text: format!("{number}: {text}"),
                ..CaseEnded::default()
            };
            let mut case = CaseLog {
                attempts: vec![AttemptLog {
                    ended: Some(ended),
                    ..AttemptLog::default()
                }],
                ..CaseLog::default()
            };
            case.line.name = format!("module::case_{number}");
            case
        };
        RunLog {
            cases: (0..cases).map(case).collect(),
            ..RunLog::default()
        }
    }

    #[test]
    fn it_keeps_to_its_length_and_lists_every_case() {
        let run = failing(2000, &"words that nobody else says ".repeat(60));
        let whole = html(&run, &HtmlOptions::default());
        assert!(whole.left_out.is_empty(), "{:?}", whole.left_out);
        let most_bytes = 1_500_000;
        assert!(whole.text.len() > most_bytes);
        let options = HtmlOptions {
            most_bytes,
            ..HtmlOptions::default()
        };
        let cut = html(&run, &options);
        assert!(cut.text.len() <= most_bytes, "{}", cut.text.len());
        assert!(cut.text.len() > most_bytes - 100_000, "room is left");
        assert!(
            cut.left_out[0].contains("are only listed"),
            "{:?}",
            cut.left_out
        );
        for case in [0, 1999] {
            assert!(cut.text.contains(&format!("\"module::case_{case}\"")));
        }
        assert!(cut.text.contains("case-data-0") && !cut.text.contains("\"case-data-1999\""));
    }

    #[test]
    fn a_run_of_nothing_is_a_page() {
        let page = html(&RunLog::default(), &HtmlOptions::default());
        assert!(page.text.starts_with("<!DOCTYPE html>"));
        assert!(page.text.len() < 120_000, "{}", page.text.len());
    }
}
