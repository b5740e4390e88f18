//! The classes of failures of a project: `classes.toml` beside its markers.toml, before those that are shipped.
//!
//! Promise: a file that cannot be used stops the run before it starts. Rejected: a table in markers.toml (it is built into every test binary, and
//! these rules change with what servers say).

use std::path::Path;
use std::sync::OnceLock;

use tribunal_events::Classes;
use tribunal_runner::{Catalog, UsageError};

/// The name of the file.
const FILE: &str = "classes.toml";

static OWN: OnceLock<Classes> = OnceLock::new();

/// Reads the project's file, if there is one beside its vocabulary.
pub(crate) fn given(vocabulary: Option<&str>) -> Result<(), UsageError> {
    let Some(path) = vocabulary.and_then(|path| Path::new(path).parent().map(|p| p.join(FILE)))
    else {
        return Ok(());
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => {
            return Err(UsageError(format!(
                "{} cannot be read: {e}",
                path.display()
            )));
        }
    };
    let own = Classes::parse(&text).map_err(|e| UsageError(format!("{}: {e}", path.display())))?;
    // The first run of a process is its only one.
    let _ = OWN.set(own.before(Classes::shipped()));
    Ok(())
}

/// The classes of this run.
pub(crate) fn classes() -> &'static Classes {
    OWN.get().unwrap_or_else(|| Classes::shipped())
}

/// Classes that are named somewhere and that there are none of.
pub(crate) fn check(catalog: &Catalog, retry_on: &[String]) -> Result<(), UsageError> {
    let marked = catalog.cases.iter().flat_map(|case| {
        let on = case.marks.retries.iter().flat_map(|r| &r.on);
        on.map(|on| (on, case.name.as_str()))
    });
    let mut asked = retry_on
        .iter()
        .map(|on| (on, "--retry-on"))
        .chain(marked)
        .peekable();
    if asked.peek().is_none() {
        return Ok(());
    }
    let names: Vec<String> = classes()
        .names()
        .iter()
        .map(|name| name.replace(' ', "_"))
        .collect();
    let known = |on: &str| names.iter().any(|name| *name == on.replace(' ', "_"));
    match asked.find(|(on, _)| !known(on)) {
        None => Ok(()),
        Some((on, place)) => {
            let near = tribunal_vocabulary::nearest(on, names.iter().map(String::as_str));
            let near = near.map_or(String::new(), |near| format!(" did you mean `{near}`?"));
            Err(UsageError(format!(
                "{place}: there is no class of failures `{on}`;{near}\nhelp: there are {}",
                names.join(", ")
            )))
        }
    }
}
