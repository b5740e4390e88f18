//! The shapes of the pictures and videos that a block asks for.

use serde_json::Value as Json;
use tribunal_deploy::tree::Value;
use tribunal_traffic::Route;

use crate::data::{DataSpec, Shape};
use crate::fields::Fields;
use crate::reader::Reader;

/// Keys of a shape that say nothing of its size.
const SHAPE_KEYS: [&str; 5] = [
    "resolution",
    "num_frames",
    "fps",
    "num_inference_steps",
    "guidance_scale",
];

/// What should not be seen, where a block says that prompts say so.
const NEGATIVE: &str = "blurred, distorted, watermark";

impl Reader<'_> {
    /// Prompts for pictures and videos.
    pub fn shapes(&mut self, fields: &Fields<'_>, route: Route, stability: bool) -> DataSpec {
        let base = self.shape(fields, stability);
        let shapes = match fields.entry("random_request_config") {
            None => vec![base],
            Some(entry) => {
                match &entry.node.value {
                    Value::List(list) if !list.is_empty() => {
                        let mut shapes = Vec::new();
                        for node in list {
                            let Some(table) = node.table() else {
                                self.wrong_node(&entry.key, node, "a list of tables");
                                continue;
                            };
                            let own = Fields::of(self, table, node.at, &[]);
                            let mut known = SHAPE_KEYS.to_vec();
                            known.extend(["width", "height", "weight"]);
                            for (name, entry) in own.iter() {
                                if !known.contains(&name) {
                                    self.unknown_key(entry, "a shape", &known, "what else goes into each request stands below `extra_body`");
                                }
                            }
                            let own = self.shape(&own, stability);
                            let mut shape = base.clone();
                            shape.size = own.size.or(shape.size);
                            shape.weight = own.weight;
                            shape.fields.extend(own.fields);
                            shapes.push(shape);
                        }
                        shapes
                    }
                    _ => {
                        self.wrong_node(&entry.key, &entry.node, "a list of shapes");
                        Vec::new()
                    }
                }
            }
        };
        let pictures = fields
            .entry("num_input_images")
            .and_then(|entry| self.whole(&entry.key, &entry.node, 0));
        let task = fields.get("task").and_then(|node| node.text());
        let shown = route == Route::ImageEdits || matches!(task, Some("i2v" | "ti2v"));
        DataSpec::Shapes {
            shapes,
            input_images: pictures.unwrap_or(u32::from(shown)),
        }
    }

    /// What a block says of the shape of a picture.
    pub fn shape(&mut self, fields: &Fields<'_>, stability: bool) -> Shape {
        let mut side = |name: &str| {
            fields
                .entry(name)
                .map(|entry| self.length(entry, 1, stability))
        };
        let size = match (side("width"), side("height")) {
            (Some(width), Some(height)) => width.zip(height),
            (None, None) => None,
            _ => {
                self.mistake(fields.at, "`width` and `height` stand together", None);
                None
            }
        };
        let mut more = serde_json::Map::new();
        for name in SHAPE_KEYS {
            if let Some(entry) = fields.entry(name)
                && let Some(value) = self.json(&entry.key, &entry.node)
            {
                more.insert(name.to_owned(), value);
            }
        }
        let negative = fields.entry("enable_negative_prompt");
        if negative.and_then(|entry| self.bool(entry)) == Some(true) {
            more.insert("negative_prompt".to_owned(), Json::from(NEGATIVE));
        }
        let weight = fields
            .entry("weight")
            .and_then(|entry| self.number_within(entry, 0.0, f64::MAX));
        Shape {
            size,
            weight: weight.unwrap_or(1.0),
            fields: more,
        }
    }
}
