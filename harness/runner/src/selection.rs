//! Which cases the user asked for, and which filter removed each of the others.
//!
//! Promise: a pure function of catalog, vocabulary and options. The order of the filters is fixed, and a case counts for the first that removes it.
//!
//! Rejected: treating cases above the level as *ignored*: `--ignored` and nextest's `--run-ignored` would then run deep tests by accident; a name
//! that equals a case's or a test's is the one way around the level, and editors use exactly that.

use tribunal_stages::Narrowing;
use tribunal_vocabulary::{Bound, Expression, Vocabulary, nearest};

use crate::catalog::Catalog;
use crate::options::{Options, UsageError, VramUnknown};
use crate::recall::Recalled;

/// What removed a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Filter {
    /// A positional filter, or none of several.
    Name,
    /// `--skip`.
    Skip,
    /// `-k`.
    Keyword,
    /// `--ignored`: the case is not ignored.
    Ignored,
    /// `--exclude-should-panic`.
    ShouldPanic,
    /// `--bench`: there are no benchmarks.
    Bench,
    /// `-m`.
    Select,
    /// `--stage`.
    Stage,
    /// Its lowest level is above the run's.
    Level,
    /// `--max-vram-gib`.
    Vram,
    /// `--changed-since`.
    Changed,
    /// `--last-failed`.
    LastFailed,
    /// `--shard`.
    Shard,
}

impl Filter {
    /// How the end of the run names it.
    pub fn name(self) -> &'static str {
        match self {
            Filter::Name => "name",
            Filter::Skip => "--skip",
            Filter::Keyword => "-k",
            Filter::Ignored => "--ignored",
            Filter::ShouldPanic => "--exclude-should-panic",
            Filter::Bench => "--bench",
            Filter::Select => "-m",
            Filter::Stage => "--stage",
            Filter::Level => "level",
            Filter::Vram => "--max-vram-gib",
            Filter::Changed => "--changed-since",
            Filter::LastFailed => "--last-failed",
            Filter::Shard => "--shard",
        }
    }
}

/// The run level in force, and why it is that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelInForce {
    /// Index into the vocabulary's levels.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// What decided: `--run-level`, `--stage nightly`, `-m`, `the default`.
    pub because: String,
}

/// A case that was selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selected {
    /// Index into [`Catalog::cases`].
    pub case: usize,
    /// The level at which it runs: the highest that it declares and that is not above the run's; by name, its own lowest; `None` if it declares none.
    pub level: Option<usize>,
    /// `--max-vram-gib` with `--vram-unknown last`: it runs after the others.
    pub last: bool,
}

/// The result of selecting.
#[derive(Debug)]
pub struct Selection {
    /// The level in force.
    pub level: LevelInForce,
    /// The selected cases, in the order of their names.
    pub selected: Vec<Selected>,
    /// How many cases each filter removed.
    pub removed: Vec<(Filter, usize)>,
}

/// The compiled filters; [`Selector::judge`] answers for one case.
pub struct Selector<'a> {
    v: &'a Vocabulary,
    o: &'a Options,
    /// The level in force.
    pub level: LevelInForce,
    select: Option<Bound>,
    stage: Option<Bound>,
    keyword: Option<Expression>,
    narrowing: Option<&'a Narrowing>,
    recalled: Option<&'a Recalled>,
}

/// What became of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It is selected, before sharding.
    Selected(Selected),
    /// It was removed by this filter.
    Removed(Filter),
}

impl<'a> Selector<'a> {
    /// Compiles the filters. Unknown names of levels, stages and markers are usage errors with the nearest valid one.
    pub fn new(v: &'a Vocabulary, o: &'a Options) -> Result<Selector<'a>, UsageError> {
        let expression = |what: &str, text: &str| {
            Expression::parse(text).map_err(|e| UsageError(format!("{what}: {e}")))
        };
        let keyword = match o.keyword.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(text) => Some(expression("-k", text)?),
        };
        let parsed = match o.select.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(text) => Some(expression("-m", text)?),
        };
        let select = match &parsed {
            Some(e) => Some(e.bind(v).map_err(|e| UsageError(format!("-m: {e}")))?),
            None => None,
        };
        let (stage, stage_level) = match &o.stage {
            Some(name) => {
                let (filter, level) = stage(v, name)?;
                (Some(filter), level)
            }
            None => (None, None),
        };
        let level = level_in_force(v, o, stage_level, parsed.as_ref())?;
        Ok(Selector {
            v,
            o,
            level,
            select,
            stage,
            keyword,
            narrowing: None,
            recalled: None,
        })
    }

    /// With what earlier runs tell.
    pub fn recalling(mut self, recalled: &'a Recalled) -> Self {
        self.recalled = Some(recalled);
        self
    }

    /// With what `--changed-since` leaves.
    pub fn narrowed(mut self, narrowing: Option<&'a Narrowing>) -> Self {
        self.narrowing = narrowing;
        self
    }

    /// Whether a filter equals the name of the case or of its test.
    fn by_name(&self, names: [&str; 3]) -> bool {
        self.o.filters.iter().any(|f| names.contains(&f.as_str()))
    }

    /// Judges one case.
    pub fn judge(&self, catalog: &Catalog, index: usize, ignored: bool) -> Judged {
        let o = self.o;
        let case = &catalog.cases[index];
        let (name, marks) = (case.name.as_str(), &case.marks);
        let test = &catalog.tests[case.test];
        let should_panic = test.entry.should_panic.is_some();
        let names = [name, case.base_name(catalog), &test.name];
        let named = self.by_name(names);
        if !o.filters.is_empty()
            && !named
            && (o.exact || !o.filters.iter().any(|f| name.contains(f.as_str())))
        {
            return Judged::Removed(Filter::Name);
        }
        let skipped = |s: &String| {
            if o.exact {
                names.contains(&s.as_str())
            } else {
                name.contains(s.as_str())
            }
        };
        if o.skip.iter().any(skipped) {
            return Judged::Removed(Filter::Skip);
        }
        if self
            .keyword
            .as_ref()
            .is_some_and(|k| !k.matches_names(name))
        {
            return Judged::Removed(Filter::Keyword);
        }
        if o.bench {
            return Judged::Removed(Filter::Bench);
        }
        if o.exclude_should_panic && should_panic {
            return Judged::Removed(Filter::ShouldPanic);
        }
        if self.select.as_ref().is_some_and(|b| !b.matches(&marks.set)) {
            return Judged::Removed(Filter::Select);
        }
        if self.stage.as_ref().is_some_and(|b| !b.matches(&marks.set)) {
            return Judged::Removed(Filter::Stage);
        }
        let level = match (marks.levels.first(), named) {
            (None, _) => None,
            (Some(&lowest), false) if lowest > self.level.index => {
                return Judged::Removed(Filter::Level);
            }
            // Above the level, but asked for by name: at its own lowest.
            (Some(&lowest), true) if lowest > self.level.index => Some(lowest),
            (Some(_), _) => marks
                .levels
                .iter()
                .rev()
                .find(|l| **l <= self.level.index)
                .copied(),
        };
        let mut last = false;
        if let Some(limit) = o.max_vram_gib {
            match (marks.max_vram_gib, o.vram_unknown) {
                (Some(gib), _) if gib > limit => return Judged::Removed(Filter::Vram),
                (None, VramUnknown::Skip) => return Judged::Removed(Filter::Vram),
                (None, VramUnknown::Last) => last = true,
                _ => {}
            }
        }
        if self
            .narrowing
            .is_some_and(|narrowing| narrowing.keeps(&marks.set).is_none())
        {
            return Judged::Removed(Filter::Changed);
        }
        if o.last_failed && !self.recalled.is_some_and(|r| r.failed.contains(name)) {
            return Judged::Removed(Filter::LastFailed);
        }
        if o.ignored && !ignored {
            return Judged::Removed(Filter::Ignored);
        }
        Judged::Selected(Selected {
            case: index,
            level,
            last,
        })
    }

    /// Selects among a catalog. `ignored` says whether a case is ignored or gated (for `--ignored`).
    pub fn select(self, catalog: &Catalog, ignored: &mut dyn FnMut(usize) -> bool) -> Selection {
        let mut counts = std::collections::BTreeMap::new();
        let mut selected = vec![];
        for index in 0..catalog.cases.len() {
            let skipped = !self.o.ignored || ignored(index);
            let judged = self.judge(catalog, index, skipped);
            match judged {
                Judged::Selected(s) => selected.push(s),
                Judged::Removed(f) => *counts.entry(f).or_insert(0) += 1,
            }
        }
        if let Some((k, n)) = self.o.shard {
            let all = selected.len();
            let names: Vec<&str> = selected
                .iter()
                .map(|s| &*catalog.cases[s.case].name)
                .collect();
            let none = Recalled::default();
            let parts = self.recalled.unwrap_or(&none).parts(&names, n);
            let mut parts = parts.into_iter();
            selected.retain(|_| parts.next() == Some(k - 1));
            if all > selected.len() {
                counts.insert(Filter::Shard, all - selected.len());
            }
        }
        Selection {
            level: self.level,
            selected,
            removed: counts.into_iter().collect(),
        }
    }

    /// The vocabulary that the filters are bound to.
    pub fn vocabulary(&self) -> &'a Vocabulary {
        self.v
    }
}

/// DESIGN's order: `--run-level`; the level of the stage; the highest level that `-m` names outside a `not`; the level that implies the latest
/// lifecycle marker that it names; the lowest.
fn level_in_force(
    v: &Vocabulary,
    o: &Options,
    stage: Option<(usize, String)>,
    select: Option<&Expression>,
) -> Result<LevelInForce, UsageError> {
    let force = |index: usize, because: String| LevelInForce {
        index,
        name: v.levels()[index].name.clone(),
        because,
    };
    if let Some(name) = &o.run_level {
        let Some(index) = v.level(name) else {
            let names: Vec<&str> = v.levels().iter().map(|l| l.name.as_str()).collect();
            let near = nearest(name, names.iter().copied())
                .map_or(String::new(), |n| format!("; did you mean `{n}`?"));
            return Err(UsageError(format!(
                "no level `{name}` is declared (levels, lowest first: {}){near}",
                names.join(", ")
            )));
        };
        return Ok(force(index, "--run-level".into()));
    }
    if let Some((index, because)) = stage {
        return Ok(force(index, because));
    }
    let named: Vec<&str> = select
        .into_iter()
        .flat_map(|e| e.idents())
        .filter(|i| !i.negated)
        .map(|i| i.name)
        .collect();
    if let Some(index) = named.iter().filter_map(|n| v.level(n)).max() {
        return Ok(force(index, "-m names it".into()));
    }
    let mut best: Option<(usize, usize, &str)> = None;
    for category in v.categories().iter().filter(|c| c.ordered) {
        for (rank, id) in category.members.iter().enumerate() {
            let marker = v.name(*id);
            if !named.contains(&marker) {
                continue;
            }
            // The highest level whose own lifecycle marker comes no later: `release` has none of its own and means everything before it.
            let level = v
                .levels()
                .iter()
                .enumerate()
                .filter(|(_, l)| {
                    l.implies.iter().filter_map(|i| v.id(i)).any(|i| {
                        category
                            .members
                            .iter()
                            .position(|m| *m == i)
                            .is_some_and(|p| p <= rank)
                    })
                })
                .map(|(i, _)| i)
                .max();
            if let Some(level) = level
                && best.is_none_or(|(r, ..)| rank > r)
            {
                best = Some((rank, level, marker));
            }
        }
    }
    if let Some((_, index, marker)) = best {
        return Ok(force(index, format!("-m names `{marker}`")));
    }
    Ok(force(0, "the default".into()))
}

/// A stage as a filter, and its level.
fn stage(v: &Vocabulary, text: &str) -> Result<(Bound, Option<(usize, String)>), UsageError> {
    let (name, step) = match text.split_once('.') {
        Some((name, step)) => (name, Some(step)),
        None => (text, None),
    };
    let Some(stage) = v.stages().iter().find(|s| s.name == name) else {
        let names = || v.stages().iter().map(|s| s.name.as_str());
        let near =
            nearest(name, names()).map_or(String::new(), |n| format!("; did you mean `{n}`?"));
        return Err(UsageError(format!(
            "no stage `{name}` is declared (stages: {}){near}",
            names().collect::<Vec<_>>().join(", ")
        )));
    };
    let Some(selection) = v.selection(name, step) else {
        let steps: Vec<&str> = stage.steps.iter().map(|s| s.name.as_str()).collect();
        let wanted = step.unwrap_or("");
        let near = nearest(wanted, steps.iter().copied())
            .map_or(String::new(), |n| format!("; did you mean `{name}.{n}`?"));
        let known = if steps.is_empty() {
            "it has none".to_owned()
        } else {
            format!("its steps: {}", steps.join(", "))
        };
        return Err(UsageError(format!(
            "stage `{name}` has no step `{wanted}` ({known}){near}"
        )));
    };
    // Checked when the file was read; an error here would name the stage all the same.
    let bound = selection
        .bind(v)
        .map_err(|e| UsageError(format!("stage `{name}`: {e}")))?;
    let level = stage
        .level
        .as_deref()
        .and_then(|l| v.level(l))
        .map(|l| (l, format!("--stage {name}")));
    Ok((bound, level))
}
