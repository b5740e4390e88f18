//! The key `known_model`: which model's answers are known, and where the truth is.

use tribunal_serving::{KnownModel, Truth};

use crate::node::{Table, Value};
use crate::process;
use crate::reader::Reader;

/// Reads it. `served` is the name that the server lists, which counts unless the file gives another.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    table: &Table,
    served: Option<&str>,
) -> Option<KnownModel> {
    const KEY: &str = "known_model";
    let node = reader.set(table, KEY)?;
    let Value::Table(known) = &node.value else {
        return Some(KnownModel {
            name: served.unwrap_or_default().to_owned(),
            truth: Truth::File(process::folder(reader, table, KEY)?),
        });
    };
    reader.known(known, "`known_model`", &["name", "truth", "bigram_seed"]);
    let name = reader.text_of(known, "name");
    let file = process::folder(reader, known, "truth");
    let seed = reader.int_of(known, "bigram_seed", 0..=i64::MAX);
    let truth = match (file, seed) {
        (Some(path), None) => Truth::File(path),
        (None, Some(seed)) => Truth::Bigram { seed: seed as u64 },
        _ => {
            reader.mistake(
                node.at,
                "`known_model` must have one of `truth` and `bigram_seed`",
                Some(
                    "`truth` is a file, `bigram_seed` the seed of the project's bigram model"
                        .to_owned(),
                ),
            );
            return None;
        }
    };
    Some(KnownModel {
        name: name.or(served.map(str::to_owned)).unwrap_or_default(),
        truth,
    })
}
