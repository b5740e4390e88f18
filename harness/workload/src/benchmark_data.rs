//! The data set of a benchmark of vLLM-Ascend.

use std::path::Path;

use tribunal_deploy::tree::text_of;

use crate::amount::Amount;
use crate::data::{DataSpec, Lengths, Refusal, map_exam, map_it};
use crate::fields::Fields;
use crate::reader::Reader;

impl Reader<'_> {
    /// The data set, how many questions it has where that is known, and why it cannot be had.
    pub fn ascend_data(
        &mut self,
        fields: &Fields<'_>,
        performance: bool,
        out: Option<u32>,
        path: &Path,
    ) -> (DataSpec, Option<u32>, Option<Refusal>) {
        let output = out.map(Amount::Fixed);
        let Some(entry) = fields
            .entry("dataset_path")
            .or(fields.entry("dataset_path_local"))
        else {
            self.mistake(
                fields.at,
                "this benchmark has no `dataset_path`",
                Some("name its data set".to_owned()),
            );
            return (
                DataSpec::Missing {
                    name: String::new(),
                },
                None,
                None,
            );
        };
        let name = self.text(entry).unwrap_or_default();
        let local = fields
            .entry("dataset_path_local")
            .and_then(|entry| self.text(entry));
        let here = self
            .lookups
            .data
            .get(&name)
            .map(Path::to_path_buf)
            .or_else(|| {
                [local.as_deref(), Some(&*name)]
                    .into_iter()
                    .flatten()
                    .filter(|file| file.ends_with(".jsonl") || file.ends_with(".json"))
                    .find_map(|file| self.lookups.locate(path.parent(), file))
            });
        if let Some(file) = here {
            let lines = text_of(&file).ok();
            let count =
                lines.map(|text| text.lines().filter(|line| !line.trim().is_empty()).count());
            return (
                DataSpec::File { path: file, output },
                count.and_then(|count| u32::try_from(count).ok()),
                None,
            );
        }
        if performance && let Some(input) = length_in(&name, "in") {
            self.note(entry.node.at, format!("`{name}` is not here: random text of {input} tokens stands for it, since only lengths decide how fast it is"));
            let lengths = Lengths {
                input: Amount::Fixed(input),
                output: output.unwrap_or(Amount::Fixed(128)),
                prefix: 0,
                input_spread: 0.0,
                output_spread: 0.0,
            };
            return (DataSpec::Random(lengths), length_in(&name, "bs"), None);
        }
        let why = if performance {
            format!(
                "the data set `{name}` is not here, and its name does not say how long its prompts are"
            )
        } else {
            format!(
                "the data set `{name}` is not here, and without its questions and answers nothing can be scored"
            )
        };
        (
            DataSpec::Missing { name: name.clone() },
            None,
            Some(Refusal {
                why,
                help: if performance {
                    map_it(&name)
                } else {
                    map_exam(&name)
                },
            }),
        )
    }
}

/// The number behind `-in` or `-bs` in a name of a data set.
fn length_in(name: &str, what: &str) -> Option<u32> {
    name.split('-').find_map(|part| {
        let digits = part.strip_prefix(what)?;
        let number: u32 = digits.trim_end_matches('k').parse().ok()?;
        let number = if digits.ends_with('k') {
            number.checked_mul(1024)?
        } else {
            number
        };
        (number > 0).then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use super::length_in;

    #[test]
    fn lengths_in_names() {
        for (name, what, want) in [
            ("vllm-ascend/GSM8K-in3500-bs400", "in", Some(3500)),
            ("vllm-ascend/GSM8K-in3500-bs400", "bs", Some(400)),
            ("GSM8K-in16k", "in", Some(16384)),
            ("vllm-ascend/AIME2024", "in", None),
            ("x-in0", "in", None),
            ("x-in99999999999", "in", None),
            ("x-instruct", "in", None),
        ] {
            assert_eq!(length_in(name, what), want, "{name}");
        }
    }
}
