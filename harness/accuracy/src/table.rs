//! Rows of a data set from a table of comma-separated values: its first line names the fields, and every other one is a row.
//!
//! Promise: a row means what the same row means as a line of JSON, with the same mistakes told. Rejected: guessing which cells are numbers. A right answer
//! `007` is three digits.

use serde_json::{Map, Value};

/// Fields that are lists, and stand in their cell as JSON.
const LISTS: [&str; 3] = ["messages", "choices", "tags"];

/// The lines of the table that are rows, each with its number and as the JSON that it stands for.
pub(crate) fn rows(bytes: &[u8]) -> impl Iterator<Item = (usize, Result<String, String>)> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = match reader.headers() {
        Ok(header) => named(header).map(|()| header.clone()),
        Err(error) => Err(told(&error)),
    };
    let (header, wrong) = match header {
        Ok(header) => (header, None),
        Err(problem) => (csv::StringRecord::new(), Some((1, Err(problem)))),
    };
    // A table whose header says nothing has no rows.
    let limit = match wrong {
        Some(_) => 0,
        None => usize::MAX,
    };
    let records = reader.into_records().take(limit);
    let mut lines = Lines {
        bytes,
        at: 0,
        line: 1,
    };
    let rows = records.map(move |record| match record {
        Ok(record) => (lines.of(record.position()), json(&header, &record)),
        Err(error) => (lines.of(error.position()), Err(told(&error))),
    });
    wrong.into_iter().chain(rows)
}

/// Counts lines by the places of records. The reader's own count is one less where lines end with a carriage return, and where some are empty: it takes
/// what is left of an end for the beginning of the record after it.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, position: Option<&csv::Position>) -> usize {
        let place = position.map_or(0, csv::Position::byte);
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let place = place.clamp(self.at, self.bytes.len());
        let ends = self.bytes[place..].iter();
        let place = place + ends.take_while(|b| matches!(b, b'\r' | b'\n')).count();
        self.line += self.bytes[self.at..place]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        self.at = place;
        self.line
    }
}

/// Whether every column has a name of its own.
fn named(header: &csv::StringRecord) -> Result<(), String> {
    for (at, name) in header.iter().enumerate() {
        let name = name.trim();
        if name.is_empty() {
            return Err(format!(
                "column {} has no name; expected a field, as in `prompt,expected`",
                at + 1
            ));
        }
        if header.iter().take(at).any(|other| other.trim() == name) {
            return Err(format!(
                "two columns are called `{name}`; expected each field once"
            ));
        }
    }
    Ok(())
}

fn json(header: &csv::StringRecord, record: &csv::StringRecord) -> Result<String, String> {
    if record.len() != header.len() {
        return Err(format!(
            "{} cells, and the first line names {} fields; a cell with a comma or a line end in it stands in quotes",
            record.len(),
            header.len()
        ));
    }
    let mut fields = Map::new();
    for (name, cell) in header.iter().map(str::trim).zip(record) {
        // An empty cell says nothing, as a field that is not there.
        if cell.is_empty() {
            continue;
        }
        fields.insert(name.to_owned(), value(name, cell)?);
    }
    Ok(Value::Object(fields).to_string())
}

fn value(name: &str, cell: &str) -> Result<Value, String> {
    if LISTS.contains(&name) {
        return match serde_json::from_str(cell) {
            Ok(list @ Value::Array(_)) => Ok(list),
            _ => Err(format!(
                "the cell `{name}` is no list; expected one of JSON, as in [\"a\", \"b\"]"
            )),
        };
    }
    // Several right answers are a list of texts; anything else in brackets is an answer with brackets.
    let several = (name == "expected" && cell.starts_with('['))
        .then(|| serde_json::from_str::<Vec<String>>(cell).ok())
        .flatten();
    Ok(several.map_or_else(|| cell.into(), Value::from))
}

fn told(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "no UTF-8; expected a line of comma-separated values".into(),
        _ => format!("no line of comma-separated values: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::DataSet;

    fn written(text: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("set.csv");
        std::fs::write(&path, text).expect("written");
        (folder, path)
    }

    #[test]
    fn a_table_is_a_data_set() {
        let text = "\u{feff}id,prompt,expected,choices,group,source\r\n\
            a,\"Say \"\"yes\"\",\nplease\",yes,,manners,own\r\n\
            \r\n\
            ,Where?,\"[\"\"Rome\"\", \"\"B\"\"]\",\"[\"\"Oslo\"\", \"\"Rome\"\"]\",,\r\n\
            c,Which?,007,,sums,\r\n\
            d,Which list?,[1],,sums,\r\n";
        let (_folder, path) = written(text.as_bytes());
        let set = DataSet::read(&path).expect("a set");
        let rows = set.rows();
        assert_eq!(rows[0].prompt, "Say \"yes\",\nplease");
        assert_eq!((rows[0].id.as_str(), rows[0].line), ("a", 2));
        assert_eq!(rows[0].group.as_deref(), Some("manners"));
        assert_eq!(rows[0].extra["source"], "own");
        // The row before it has two lines, and an empty one follows.
        assert_eq!((rows[1].id.as_str(), rows[1].line), ("line-5", 5));
        assert_eq!(rows[1].right_letters(), ['B']);
        assert_eq!(
            (&rows[2].expected[..], &rows[3].expected[..]),
            (&["007".to_owned()][..], &["[1]".to_owned()][..])
        );
    }

    #[test]
    fn a_bad_line_of_a_table_is_named() {
        let text = b"prompt,expected,tags\nq,a,easy\nq,a\nq,,\nq,\xff,\nq,a,\"[\"\"easy\"\"]\"\n";
        let (_folder, path) = written(text);
        let error = DataSet::read(&path).expect_err("bad lines").to_string();
        for told in [
            "set.csv:2: the cell `tags` is no list",
            "set.csv:3: 2 cells, and the first line names 3 fields",
            "set.csv:4: without `expected`",
            "set.csv:5: no UTF-8",
        ] {
            assert!(error.contains(told), "{told}: {error}");
        }
        let set = DataSet::read_good(&path).expect("the good one");
        assert_eq!((set.rows().len(), set.bad_lines().len()), (1, 4));
        for (text, told) in [
            (
                "prompt,prompt\na,b\n",
                ":1: two columns are called `prompt`",
            ),
            ("prompt,,expected\na,b,c\n", ":1: column 2 has no name"),
            ("prompt,expected\n", "has no rows"),
            ("", "has no rows"),
        ] {
            let (_folder, path) = written(text.as_bytes());
            let error = DataSet::read(&path).expect_err("no rows").to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
