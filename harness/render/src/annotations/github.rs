//! Workflow commands of GitHub: `::error file=…,line=…::text`.
//!
//! Promise: a step shows ten of each kind and a job fifty, so no more are written than ten of each; the tenth says how many there are besides. No text
//! can begin a command of its own. Rejected: writing all (GitHub drops what is too much, in no stated order, and without a word).

use std::path::Path;

use tribunal_events::{Place, RunLog};

use super::{Annotation, Kind, annotations};

/// The most of a kind that a step shows.
const MOST: usize = 10;

/// The annotations of a run as GitHub's workflow commands, to be printed by a step. Files are relative to `repository`, the checkout, where the
/// workspace lies below it; without one they are relative to the workspace.
pub fn annotations_github(run: &RunLog, repository: Option<&Path>) -> String {
    let prefix = repository
        .and_then(|r| Path::new(&run.started.root).strip_prefix(r).ok())
        .map(|p| p.display().to_string())
        .filter(|p| !p.is_empty());
    let all = annotations(run);
    let mut text = String::new();
    for kind in [Kind::Error, Kind::Warning, Kind::Notice] {
        let of_kind: Vec<&Annotation> = all.iter().filter(|a| a.kind == kind).collect();
        let shown = match of_kind.len() {
            n if n > MOST => MOST - 1,
            n => n,
        };
        for annotation in &of_kind[..shown] {
            command(&mut text, annotation, prefix.as_deref());
        }
        if shown < of_kind.len() {
            let rest = &of_kind[shown..];
            let titles: Vec<&str> = rest.iter().take(30).map(|a| a.title.as_str()).collect();
            let more = Annotation {
                kind,
                place: None,
                title: format!("and {} more", rest.len()),
                text: titles.join("\n"),
            };
            command(&mut text, &more, prefix.as_deref());
        }
    }
    text
}

fn command(text: &mut String, annotation: &Annotation, prefix: Option<&str>) {
    text.push_str(match annotation.kind {
        Kind::Error => "::error ",
        Kind::Warning => "::warning ",
        Kind::Notice => "::notice ",
    });
    if let Some(Place { file, line, column }) = &annotation.place {
        let file = match prefix {
            Some(prefix) => format!("{prefix}/{file}"),
            None => file.clone(),
        };
        text.push_str(&format!("file={},", property(&file)));
        if *line > 0 {
            text.push_str(&format!("line={line},"));
        }
        if *column > 0 {
            text.push_str(&format!("col={column},"));
        }
    }
    let said = match annotation.text.is_empty() {
        true => &annotation.title,
        false => &annotation.text,
    };
    text.push_str(&format!(
        "title={}::{}\n",
        property(&annotation.title),
        data(said)
    ));
}

/// What stands behind the last `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property, where colons and commas end it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_leave_its_place() {
        let hostile = Annotation {
            kind: Kind::Error,
            place: Some(Place {
                file: "a,line=1::b.rs".into(),
                line: 3,
                column: 0,
            }),
            title: "50%: x, y".into(),
            text: "one\r\n::warning::two 100%".into(),
        };
        let mut text = String::new();
        command(&mut text, &hostile, Some("sub"));
        assert_eq!(
            text,
            "::error file=sub/a%2Cline=1%3A%3Ab.rs,line=3,title=50%25%3A x%2C y::one%0D%0A::warning::two 100%25\n"
        );
    }
}
