//! The first pass over `[platforms]`.

use super::Assembly;
use crate::document::Item;
use crate::marker::Role;
use crate::mistake::Span;
use crate::platform::{Device, Platform};

impl Assembly<'_> {
    pub(super) fn platform(&mut self, item: &Item<'_>) {
        let Some(fields) = self.document.table(item, "a table") else {
            return;
        };
        let hardware = self
            .vocabulary
            .categories
            .iter()
            .find(|category| category.platforms)
            .map(|category| category.name.clone());
        let Some(id) = self.declare(item.key, item.key_span, Role::Platform, hardware.as_deref())
        else {
            return;
        };
        let known = self
            .vocabulary
            .platforms
            .iter()
            .position(|platform| platform.id == id);
        let at = known.unwrap_or(self.vocabulary.platforms.len());
        if known.is_none() {
            self.vocabulary.platforms.push(Platform {
                name: item.key.to_owned(),
                doc: String::new(),
                gpu: false,
                devices: Vec::new(),
                cards: Vec::new(),
                id,
                counts: Vec::new(),
            });
        }
        let mut cards = None;
        for field in fields {
            match field.key {
                "doc" => {
                    if let Some(doc) = self.document.doc(&field) {
                        self.vocabulary.markers[id.index()].doc.clone_from(&doc);
                        self.vocabulary.platforms[at].doc = doc;
                    }
                }
                "gpu" => {
                    if let Some(gpu) = self.document.boolean(&field) {
                        self.vocabulary.platforms[at].gpu = gpu;
                    }
                }
                "devices" => {
                    for device in self
                        .document
                        .table(&field, "a table of devices")
                        .unwrap_or_default()
                    {
                        self.device(&device, at, hardware.as_deref());
                    }
                }
                "cards" => cards = self.cards(&field, hardware.as_deref()),
                _ => self.document.unknown_key(
                    &field,
                    "a platform",
                    &["doc", "gpu", "devices", "cards"],
                ),
            }
        }
        match cards {
            Some(cards) => self.vocabulary.platforms[at].cards = cards,
            // A test that says nothing of a count asks for one card.
            None if known.is_none() => {
                self.vocabulary.platforms[at].cards =
                    self.one_card(item.key_span, hardware.as_deref())
            }
            None => {}
        }
    }

    fn device(&mut self, item: &Item<'_>, platform: usize, hardware: Option<&str>) {
        let id = self.declare(item.key, item.key_span, Role::Device(platform), hardware);
        let Some(fields) = self.document.table(item, "a table: { vram_gib = 80 }") else {
            return;
        };
        let (mut vram, mut alias) = (None, Vec::new());
        for field in fields {
            match field.key {
                "vram_gib" => vram = Some((field.span, self.document.number(&field))),
                "alias" => alias = self.document.texts(&field).unwrap_or_default(),
                _ => self
                    .document
                    .unknown_key(&field, "a device", &["vram_gib", "alias"]),
            }
        }
        let Some(id) = id else { return };
        let known = self.vocabulary.platforms[platform]
            .devices
            .iter()
            .position(|device| device.id == id);
        let vram_gib = match (vram, known) {
            (Some((span, Some(gib))), _) if gib <= 0.0 => {
                self.document.mistake(
                    span,
                    "`vram_gib` must be more than zero",
                    Some("the memory of one device, in GiB".to_owned()),
                );
                None
            }
            (Some((_, gib)), _) => gib,
            (None, Some(known)) => {
                Some(self.vocabulary.platforms[platform].devices[known].vram_gib)
            }
            (None, None) => {
                let message = format!("device `{}` has no `vram_gib`", item.key);
                self.document.mistake(
                    item.key_span,
                    message,
                    Some("the memory of one device, in GiB".to_owned()),
                );
                None
            }
        };
        for alias in alias {
            self.declare_alias(id, alias);
        }
        let aliases = self.vocabulary.at(id).aliases.clone();
        // Where the size is wrong there is a mistake, and no vocabulary comes of it.
        let device = Device {
            name: item.key.to_owned(),
            vram_gib: vram_gib.unwrap_or_default(),
            aliases,
            id,
        };
        let platform = &mut self.vocabulary.platforms[platform];
        if self.vocabulary.markers[id.index()].doc.is_empty() {
            self.vocabulary.markers[id.index()].doc = format!("a device of {}", platform.name);
        }
        match known {
            Some(known) => platform.devices[known] = device,
            None => platform.devices.push(device),
        }
    }

    fn cards(&mut self, item: &Item<'_>, hardware: Option<&str>) -> Option<Vec<u32>> {
        let integers = self.document.integers(item)?;
        if integers.is_empty() {
            self.document.mistake(
                item.span,
                "`cards` is empty",
                Some("the counts that a test may ask for: [1, 2, 4, 8]".to_owned()),
            );
        }
        let mut cards: Vec<u32> = Vec::new();
        for (count, span) in integers {
            match u32::try_from(count) {
                Ok(count) if count > 0 && cards.last().is_none_or(|last| *last < count) => {
                    cards.push(count);
                    self.card_count(count, span, hardware);
                }
                Ok(count) if count > 0 => {
                    self.document.mistake(
                        span,
                        format!("{count} is out of order"),
                        Some("counts are ascending, each once".to_owned()),
                    );
                }
                _ => self.document.mistake(
                    span,
                    format!("{count} is no count of cards"),
                    Some("counts start at 1".to_owned()),
                ),
            }
        }
        Some(cards)
    }

    fn one_card(&mut self, span: Span, hardware: Option<&str>) -> Vec<u32> {
        self.card_count(1, span, hardware);
        vec![1]
    }

    /// Several platforms have the same counts: `cards_N` is declared by the first of them.
    fn card_count(&mut self, count: u32, span: Span, hardware: Option<&str>) {
        let name = format!("cards_{count}");
        if self
            .vocabulary
            .marker(&name)
            .is_some_and(|known| known.role == Role::Cards(count))
        {
            return;
        }
        if let Some(id) = self.declare(&name, span, Role::Cards(count), hardware) {
            self.vocabulary.markers[id.index()].doc = match count {
                1 => "1 device".to_owned(),
                n => format!("{n} devices"),
            };
        }
    }
}
