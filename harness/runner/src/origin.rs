//! Where each marker of a case came from. Computed for `--explain` only.

use std::collections::HashMap;

use tribunal_vocabulary::{Arg, MarkerId, Vocabulary};

use crate::catalog::{Case, Catalog, without_crate};
use crate::fixture::FixtureEntry;
use crate::marks::args;
use crate::registry::{Cases, ModuleMarkers};

/// Where a marker of a case came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `tribunal::markers!` of a module.
    Module(String, &'static str, u32),
    /// The function.
    Test(&'static str, u32),
    /// The case.
    Case(String, &'static str, u32),
    /// A fixture that the test asks for.
    Fixture(&'static str),
    /// A marker that implies it.
    Implied(String),
    /// The default of a category in which the test has none.
    Default(String),
}

/// The module markers that apply to a module, outermost first.
pub(crate) fn module_chain<'a>(
    modules: &HashMap<&str, Vec<&'a ModuleMarkers>>,
    module: &str,
) -> Vec<&'a ModuleMarkers> {
    if modules.is_empty() {
        return vec![];
    }
    let ends = module
        .match_indices("::")
        .map(|(i, _)| i)
        .chain([module.len()]);
    ends.filter_map(|end| modules.get(&module[..end]))
        .flatten()
        .copied()
        .collect()
}

/// Module markers by module, in the order of the source.
pub(crate) fn by_module<'a>(all: &[&'a ModuleMarkers]) -> HashMap<&'a str, Vec<&'a ModuleMarkers>> {
    let mut map: HashMap<&str, Vec<&ModuleMarkers>> = HashMap::new();
    for m in all {
        map.entry(m.module).or_default().push(m);
    }
    for list in map.values_mut() {
        list.sort_by_key(|m| (m.file, m.markers.first().map(|k| k.line)));
    }
    map
}

impl Catalog {
    /// Every marker of a case with where it came from, in the order in which they merge. Computed for `--explain`.
    pub fn origins(&self, case: usize, v: &Vocabulary) -> Vec<(MarkerId, Origin)> {
        let (case, modules) = (
            &self.cases[case],
            inventory::iter::<ModuleMarkers>
                .into_iter()
                .collect::<Vec<_>>(),
        );
        self.origins_among(case, &modules, v)
    }

    pub(crate) fn origins_among(
        &self,
        case: &Case,
        modules: &[&'static ModuleMarkers],
        v: &Vocabulary,
    ) -> Vec<(MarkerId, Origin)> {
        let entry = self.tests[case.test].entry;
        let modules = by_module(modules);
        let mut direct: Vec<(&str, Vec<Arg>, Origin)> = vec![];
        for module in module_chain(&modules, entry.module) {
            let shown = without_crate(module.module);
            let shown = if shown.is_empty() {
                "of the crate's root"
            } else {
                shown
            };
            direct.extend(module.markers.iter().map(|m| {
                (
                    m.name,
                    args(m.args),
                    Origin::Module(shown.to_owned(), module.file, m.line),
                )
            }));
        }
        direct.extend(
            entry
                .markers
                .iter()
                .map(|m| (m.name, args(m.args), Origin::Test(entry.place.file, m.line))),
        );
        if let Cases::Listed(list) = &entry.cases {
            let own = &list[case.index];
            direct.extend(own.markers.iter().map(|m| {
                (
                    m.name,
                    args(m.args),
                    Origin::Case(own.name.to_owned(), entry.place.file, m.line),
                )
            }));
        }
        fn users(fixtures: &[&'static FixtureEntry], out: &mut Vec<(&'static str, &'static str)>) {
            for f in fixtures {
                out.extend(f.implies.iter().map(|m| (*m, f.name)));
                users(f.needs, out);
            }
        }
        let mut by_fixture = vec![];
        users(entry.fixtures, &mut by_fixture);
        direct.extend(
            by_fixture
                .into_iter()
                .map(|(marker, fixture)| (marker, vec![], Origin::Fixture(fixture))),
        );
        let mut seen: Vec<(MarkerId, Origin)> = vec![];
        for (name, _, origin) in &direct {
            if let Some(id) = v.id(name)
                && case.marks.set.contains(id)
                && !seen.iter().any(|(i, o)| *i == id && o == origin)
            {
                seen.push((id, origin.clone()));
            }
        }
        for (name, args, _) in &direct {
            for id in v.expand(name, args) {
                if case.marks.set.contains(id) && !seen.iter().any(|(i, _)| *i == id) {
                    seen.push((id, Origin::Implied((*name).to_owned())));
                }
            }
        }
        // What is left came from defaults, directly or by what they imply.
        for id in case.marks.set.iter() {
            if !seen.iter().any(|(i, _)| *i == id) {
                let category = v
                    .categories()
                    .iter()
                    .find(|c| c.members.contains(&id))
                    .map_or("defaulted", |c| c.name.as_str());
                seen.push((id, Origin::Default(category.to_owned())));
            }
        }
        seen
    }
}
