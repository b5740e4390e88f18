//! From reports to what people read: entries of a table, grouped by how bad they are.
//!
//! Promise: a pure function of the reports and of what is known. Nothing is dropped: what held is counted, what was not made stands there with the reason.

use crate::expect::Severity;
use crate::known::Known;
use crate::run::{Ending, Report};

/// Where an entry stands, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// It has to be otherwise, and nobody knew.
    MustNew,
    /// It has to be otherwise, and is known.
    MustKnown,
    /// It should be otherwise.
    Should,
    /// It is known to be otherwise, and is not.
    Gone,
    /// It was not looked at.
    NotMade,
    /// It is as it has to be.
    Held,
}

impl Group {
    /// The heading of a table.
    pub fn heading(self) -> &'static str {
        match self {
            Group::MustNew => "must: new",
            Group::MustKnown => "must: known",
            Group::Should => "should",
            Group::Gone => "no longer deviates",
            Group::NotMade => "not made",
            Group::Held => "held",
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub group: Group,
    /// The route.
    pub route: String,
    /// The row.
    pub row: String,
    /// What was bad, in a few words.
    pub sent: String,
    /// What was allowed.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// Where a known deviation is discussed, and since when it is known; else empty.
    pub link: String,
    /// How to send it again.
    pub curl: Option<String>,
    /// What a file of known deviations would say of it, where it can be known.
    pub known_as: Option<String>,
}

/// The lines of these reports, worst first. What held is one line for each route.
pub fn entries(reports: &[Report], known: &Known) -> Vec<Entry> {
    let mut out = vec![];
    let mut held: Vec<(String, usize, usize)> = vec![];
    for report in reports {
        match held.iter_mut().find(|(route, ..)| *route == report.route) {
            Some((_, all, _)) => *all += 1,
            None => held.push((report.route.clone(), 1, 0)),
        }
        match &report.ending {
            Ending::NotMade(why) => out.push(entry(report, Group::NotMade, why.clone())),
            ending => {
                let deviations = match ending {
                    Ending::Deviates(list) => &list[..],
                    _ => &[],
                };
                if deviations.is_empty()
                    && let Some((_, _, well)) = held.iter_mut().find(|(r, ..)| *r == report.route)
                {
                    *well += 1;
                }
                for deviation in deviations {
                    let there = known.of(&report.route, &report.row, &deviation.fault);
                    let group = match (deviation.severity, there) {
                        (Severity::Must, None) => Group::MustNew,
                        (Severity::Must, Some(_)) => Group::MustKnown,
                        (Severity::Should, _) => Group::Should,
                    };
                    let mut entry = entry(report, group, deviation.found.clone());
                    entry.known_as = Some(deviation.fault.to_string()).filter(|f| f != "broken");
                    if let Some(there) = there {
                        entry.link = match &there.since {
                            Some(since) => format!("{} (since {since})", there.link),
                            None => there.link.clone(),
                        };
                    }
                    out.push(entry);
                }
                for there in known.of_row(&report.route, &report.row) {
                    let still = deviations
                        .iter()
                        .any(|d| d.fault.to_string() == there.found);
                    if !still {
                        let found = format!(
                            "not {}: {} (remove it from the known ones)",
                            there.found, there.does
                        );
                        let mut entry = entry(report, Group::Gone, found);
                        entry.link = there.link.clone();
                        out.push(entry);
                    }
                }
            }
        }
    }
    for (route, all, well) in held {
        out.push(Entry {
            group: Group::Held,
            route,
            row: format!("{well} of {all}"),
            sent: String::new(),
            expected: String::new(),
            found: String::new(),
            link: String::new(),
            curl: None,
            known_as: None,
        });
    }
    out.sort_by_key(|entry| entry.group);
    out
}

fn entry(report: &Report, group: Group, found: String) -> Entry {
    Entry {
        group,
        route: report.route.clone(),
        row: report.row.clone(),
        sent: report.sent.clone(),
        expected: report.expected.clone(),
        found,
        link: String::new(),
        curl: report.curl.clone(),
        known_as: None,
    }
}
