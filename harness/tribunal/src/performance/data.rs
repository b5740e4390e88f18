//! What a workload file says of its data, as a data set.

use tribunal_traffic::{Bucket as Size, DataSet, Lengths as Range, Lines, MediaLimits};
use tribunal_workload::{Amount, Bucket, DataSpec, Lengths, Shape};

/// The data set of a step.
pub(crate) fn data_set(spec: &DataSpec) -> DataSet {
    match spec {
        DataSpec::Random(text) => DataSet::Random {
            input: input(text),
            output: output(text),
            prefix: text.prefix,
        },
        DataSpec::SharedPrefix {
            prefix,
            suffix,
            output,
            prefixes,
        } => DataSet::SharedPrefix {
            pool: *prefixes,
            prefix: prefix.most(),
            input: range(*suffix),
            output: range(*output),
        },
        DataSpec::Multimodal {
            text,
            items,
            items_spread,
            limits,
            buckets,
        } => {
            let usual = MediaLimits::default();
            let limit = |name: &str, usual: u32| limits.get(name).copied().unwrap_or(usual);
            DataSet::Multimodal {
                input: input(text),
                output: output(text),
                items: Range::around(items.most(), *items_spread),
                limits: MediaLimits {
                    images: limit("image", usual.images),
                    videos: limit("video", usual.videos),
                    sounds: limit("audio", usual.sounds),
                },
                buckets: buckets.iter().map(size).collect(),
            }
        }
        DataSpec::Shapes {
            shapes,
            input_images,
            ..
        } => DataSet::Shapes {
            shapes: shapes.iter().map(shape).collect(),
            words: Range::between(8, 24),
            pictures: *input_images,
        },
        DataSpec::File { path, output } => lines(Lines::File(path.clone()), *output),
        DataSpec::Lines { text, output } => lines(Lines::Text(text.clone()), *output),
        // Such a step is skipped with its reason; an empty list says so where it is sent all the same.
        _ => DataSet::Text {
            texts: vec![],
            output: None,
        },
    }
}

fn lines(lines: Lines, output: Option<Amount>) -> DataSet {
    DataSet::JsonLines {
        lines,
        output: output.map(Amount::most),
        every_turn: false,
        shuffle: false,
        repeat: true,
    }
}

fn range(amount: Amount) -> Range {
    match amount {
        Amount::Fixed(number) => number.into(),
        Amount::Range(low, high) => Range::between(low, high),
    }
}

fn spread(amount: Amount, share: f64) -> Range {
    match amount {
        Amount::Fixed(number) => Range::around(number, share),
        range_of_batch => range(range_of_batch),
    }
}

fn input(text: &Lengths) -> Range {
    spread(text.input, text.input_spread)
}

fn output(text: &Lengths) -> Range {
    spread(text.output, text.output_spread)
}

fn size(bucket: &Bucket) -> (Size, f64) {
    let size = Size {
        height: range(bucket.height),
        width: range(bucket.width),
        frames: range(bucket.frames),
    };
    (size, bucket.share)
}

fn shape(shape: &Shape) -> (serde_json::Map<String, serde_json::Value>, f64) {
    let mut fields = shape.fields.clone();
    if let Some((width, height)) = shape.size {
        let size = format!("{}x{}", width.most(), height.most());
        fields.insert("size".to_owned(), size.into());
    }
    (fields, shape.weight)
}
