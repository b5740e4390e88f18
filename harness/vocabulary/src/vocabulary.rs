//! The vocabulary: every name that a test may use, and the questions that are asked of it.
//!
//! Promise: reading is all or nothing; a vocabulary that exists is free of contradictions. Names are looked up by hash, markers
//! by index. Rejected: looking names up in the TOML tree on demand (mistakes would surface one at a time, when first used).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::assemble;
use crate::category::Category;
use crate::document::list;
use crate::expression::Expression;
use crate::level::Level;
use crate::marker::{Marker, MarkerId};
use crate::mistake::Mistakes;
use crate::nearest::nearest;
use crate::pipeline::{ChangeRules, Priority, Queue, Subject};
use crate::platform::{Device, Platform};
use crate::set::MarkerSet;
use crate::stage::Stage;

/// The text of the vocabulary that Tribunal ships.
const SHIPPED: &str = include_str!("../markers.toml");

/// What the shipped vocabulary is called where a file would be named.
const SHIPPED_ORIGIN: &str = "the default vocabulary";

/// A vocabulary: levels, categories of markers, platforms, stages. Made from one markers.toml, on top of the shipped one unless
/// the file says `extends = "none"`.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    pub(crate) origin: String,
    pub(crate) levels: Vec<Level>,
    pub(crate) categories: Vec<Category>,
    pub(crate) platforms: Vec<Platform>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) queues: Vec<Queue>,
    pub(crate) changes: ChangeRules,
    pub(crate) priorities: Vec<Priority>,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) markers: Vec<Marker>,
    /// Names and aliases.
    pub(crate) by_name: HashMap<String, MarkerId>,
    /// The markers that conflict with others, each with those others.
    pub(crate) fighters: Vec<(MarkerId, MarkerSet)>,
    /// Groups of markers that exclude each other, with the category that says so.
    pub(crate) groups: Vec<Group>,
}

/// Markers that exclude each other.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The name of the category that says so.
    pub category: String,
    pub ids: Vec<MarkerId>,
    pub mask: MarkerSet,
}

impl Vocabulary {
    /// The vocabulary that Tribunal ships, read once per process.
    pub fn shipped() -> &'static Vocabulary {
        match read_shipped() {
            Ok(vocabulary) => vocabulary,
            // Not outside input: the text is part of this crate, and its tests read it.
            Err(mistakes) => panic!("the shipped markers.toml is wrong:\n{mistakes}"),
        }
    }

    /// Reads a project's markers.toml (or the shipped one). `origin` is what messages call it: its path.
    ///
    /// # Errors
    /// Everything that is wrong with the file, at once.
    pub fn parse(text: &str, origin: &str) -> Result<Vocabulary, Mistakes> {
        let mut vocabulary = if text == SHIPPED {
            read_shipped()
                .clone()
                .map_err(|mistakes| mistakes.named(origin))?
        } else {
            assemble::read(text, origin)?
        };
        vocabulary.origin = origin.to_owned();
        Ok(vocabulary)
    }

    /// The markers.toml that holds for a package in the folder `from`: the first one on the way up, not beyond the repository
    /// (`.git`) or the workspace root (`Cargo.toml` and `Cargo.lock` side by side). `None`: the shipped vocabulary holds.
    pub fn find(from: &Path) -> Option<PathBuf> {
        crate::find::find(from)
    }

    /// Where the vocabulary was read from, for messages.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The names of all markers, in the order of their ids. Aliases are not among them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.markers.iter().map(|marker| &*marker.name)
    }

    /// All markers, in the order of their ids.
    pub fn markers(&self) -> impl Iterator<Item = (MarkerId, &Marker)> {
        self.markers
            .iter()
            .enumerate()
            .map(|(index, marker)| (MarkerId(index as u32), marker))
    }

    /// The marker of that name or alias.
    pub fn marker(&self, name: &str) -> Option<&Marker> {
        self.id(name).map(|id| self.at(id))
    }

    /// The id of the marker of that name or alias.
    pub fn id(&self, name: &str) -> Option<MarkerId> {
        self.by_name.get(name).copied()
    }

    /// The name of a marker. An id of another vocabulary may give the wrong name, or an empty one.
    pub fn name(&self, id: MarkerId) -> &str {
        self.markers
            .get(id.index())
            .map_or("", |marker| &marker.name)
    }

    /// The levels, lowest first.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// The position of a level, 0 for the lowest.
    pub fn level(&self, name: &str) -> Option<usize> {
        self.levels.iter().position(|level| level.name == name)
    }

    /// The categories, in the order of the file.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// The platforms, in the order of the file.
    pub fn platforms(&self) -> &[Platform] {
        &self.platforms
    }

    /// The device of that name or alias, with its platform.
    pub fn device(&self, name_or_alias: &str) -> Option<(&Platform, &Device)> {
        let id = self.id(name_or_alias)?;
        self.platforms.iter().find_map(|platform| {
            platform
                .devices
                .iter()
                .find(|device| device.id == id)
                .map(|device| (platform, device))
        })
    }

    /// The stages, in the order of the file.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The queues, in the order of the file.
    pub fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// How `--changed-since` reads paths.
    pub fn changes(&self) -> &ChangeRules {
        &self.changes
    }

    /// The priorities, in the order of the file.
    pub fn priorities(&self) -> &[Priority] {
        &self.priorities
    }

    /// The models, features and deployments that must be covered, in the order of the file.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// What a stage, or one of its steps, selects, as one expression: the lifecycle markers that it covers, and its `select`, and
    /// the step's. Empty if a stage selects everything; `None` if there is no such stage or step.
    pub fn selection(&self, stage: &str, step: Option<&str>) -> Option<Expression> {
        let stage = self.stages.iter().find(|known| known.name == stage)?;
        let step = match step {
            Some(name) => Some(stage.steps.iter().find(|known| known.name == name)?),
            None => None,
        };
        let covers: Vec<&str> = stage.covers.iter().map(|id| self.name(*id)).collect();
        let lifecycle = (!covers.is_empty()).then(|| covers.join(" or "));
        let parts = [
            lifecycle.as_deref(),
            stage.select.as_deref(),
            step.map(|step| &*step.select),
        ];
        let text: Vec<String> = parts
            .into_iter()
            .flatten()
            .map(|part| format!("({part})"))
            .collect();
        // Every part was read when the vocabulary was made, and parentheses keep them apart.
        Expression::parse(&text.join(" and ")).ok()
    }

    /// What to say of a marker that is not declared: what is wrong, then a line `help: …`.
    pub fn unknown_marker(&self, name: &str) -> String {
        let what = format!(
            "undeclared marker `{name}` (markers are declared in {})",
            self.origin
        );
        format!("{what}\nhelp: {}", self.unknown_marker_help(name))
    }

    pub(crate) fn unknown_marker_help(&self, name: &str) -> String {
        if let Some(near) = self.near(name) {
            return format!("did you mean `{near}`?");
        }
        if let Some(category) = self
            .categories
            .iter()
            .find(|category| category.name == name)
        {
            let members = list(category.members.iter().map(|id| self.name(*id)));
            return format!("`{name}` is a category; its markers are {members}");
        }
        let file = if self.origin == SHIPPED_ORIGIN {
            "a markers.toml beside your Cargo.lock"
        } else {
            &self.origin
        };
        format!(
            "declare it in {file}, for example under [categories.other.markers] as `{name} = \"what it means\"`; \
             an attribute macro of another crate is written with its path, `#[the_crate::{name}]`"
        )
    }

    /// The name or alias nearest to a word.
    pub(crate) fn near(&self, word: &str) -> Option<&str> {
        let aliases = self
            .markers
            .iter()
            .flat_map(|marker| marker.aliases.iter().map(|alias| &**alias));
        nearest(word, self.names().chain(aliases))
    }

    /// A marker by its id, which must be one of ours.
    pub(crate) fn at(&self, id: MarkerId) -> &Marker {
        &self.markers[id.index()]
    }
}

fn read_shipped() -> &'static Result<Vocabulary, Mistakes> {
    static SHIPPED_VOCABULARY: OnceLock<Result<Vocabulary, Mistakes>> = OnceLock::new();
    SHIPPED_VOCABULARY.get_or_init(|| {
        let mut vocabulary = assemble::read(SHIPPED, SHIPPED_ORIGIN)?;
        for marker in &mut vocabulary.markers {
            marker.shipped = true;
        }
        Ok(vocabulary)
    })
}
