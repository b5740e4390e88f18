//! The second pass: every reference finds what it names, and the whole is free of contradictions.

use super::{Assembly, CategoryReferences};
use crate::document::{Text, list};
use crate::marker::{MarkerId, Role};
use crate::nearest::nearest;
use crate::vocabulary::Group;

/// What `conflicts` may name besides markers.
const ANY_PLATFORM: &str = "any platform";

impl Assembly<'_> {
    pub(super) fn resolve(&mut self) {
        self.hardware_members();
        self.counts();
        self.implications();
        self.conflicts();
        for references in std::mem::take(&mut self.references.categories) {
            self.category_references(references);
        }
        self.masks();
        self.lifecycle_of_stages();
        for references in std::mem::take(&mut self.references.stages) {
            self.stage_references(references);
        }
        self.queue_references();
        self.coverage_references();
    }

    /// The marker that a text names; a mistake if there is none. `what` says who names it: "`slow` implies".
    fn lookup(&mut self, name: &Text, what: &str) -> Option<MarkerId> {
        let id = self.vocabulary.id(&name.text);
        if id.is_none() {
            let help = match self.vocabulary.near(&name.text) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it under a category".to_owned(),
            };
            self.document.mistake(
                name.span,
                format!("{what} `{}`, which is not declared", name.text),
                Some(help),
            );
        }
        id
    }

    fn implications(&mut self) {
        let references = std::mem::take(&mut self.references.implies);
        for (id, names) in &references {
            let what = format!("`{}` implies", self.vocabulary.name(*id));
            let implied = names
                .iter()
                .filter_map(|name| self.lookup(name, &what))
                .collect();
            self.vocabulary.markers[id.index()].implies = implied;
        }
        let gpu = self
            .vocabulary
            .id("gpu")
            .filter(|id| self.vocabulary.at(*id).role == Role::Member);
        for at in 0..self.vocabulary.platforms.len() {
            let platform = &self.vocabulary.platforms[at];
            self.vocabulary.markers[platform.id.index()].implies =
                gpu.filter(|_| platform.gpu).into_iter().collect();
            for device in &platform.devices {
                self.vocabulary.markers[device.id.index()].implies = vec![platform.id];
            }
        }
        for index in 0..self.vocabulary.markers.len() {
            let closure = self.closure(MarkerId(index as u32));
            let marker = &mut self.vocabulary.markers[index];
            marker.mask = closure.iter().copied().collect();
            marker.closure = closure;
        }
        self.cycles(&references);
    }

    /// A marker and all that it implies; ends on a cycle too.
    fn closure(&self, id: MarkerId) -> Vec<MarkerId> {
        let mut closure = vec![id];
        let mut next = 0;
        while let Some(id) = closure.get(next) {
            for implied in &self.vocabulary.at(*id).implies {
                if !closure.contains(implied) {
                    closure.push(*implied);
                }
            }
            next += 1;
        }
        closure
    }

    fn cycles(&mut self, references: &[(MarkerId, Vec<Text>)]) {
        let mut reported: Vec<Vec<MarkerId>> = Vec::new();
        for (id, names) in references {
            for name in names {
                let Some(implied) = self.vocabulary.id(&name.text) else {
                    continue;
                };
                let Some(path) = self.path(implied, *id) else {
                    continue;
                };
                let mut nodes = path.clone();
                nodes.sort();
                if reported.contains(&nodes) {
                    continue;
                }
                reported.push(nodes);
                let mut circle: Vec<String> = vec![format!("`{}`", self.vocabulary.name(*id))];
                circle.extend(
                    path.iter()
                        .map(|id| format!("`{}`", self.vocabulary.name(*id))),
                );
                let message = format!(
                    "`{}` implies itself: {}",
                    self.vocabulary.name(*id),
                    circle.join(" → ")
                );
                self.document.mistake(
                    name.span,
                    message,
                    Some("drop one of these implications".to_owned()),
                );
            }
        }
    }

    /// The shortest way from one marker to another along implications, both ends included.
    fn path(&self, from: MarkerId, to: MarkerId) -> Option<Vec<MarkerId>> {
        let mut seen: Vec<(MarkerId, Option<usize>)> = vec![(from, None)];
        let mut next = 0;
        while let Some((id, _)) = seen.get(next).copied() {
            if id == to {
                let mut path = Vec::new();
                let mut at = Some(next);
                while let Some(index) = at {
                    path.push(seen[index].0);
                    at = seen[index].1;
                }
                path.reverse();
                return Some(path);
            }
            for implied in &self.vocabulary.at(id).implies {
                if !seen.iter().any(|(known, _)| known == implied) {
                    seen.push((*implied, Some(next)));
                }
            }
            next += 1;
        }
        None
    }

    fn conflicts(&mut self) {
        for (id, names) in std::mem::take(&mut self.references.conflicts) {
            let name = self.vocabulary.name(id).to_owned();
            let what = format!("`{name}` conflicts with");
            let mut conflicts = Vec::new();
            let mut platforms = false;
            for other in &names {
                if other.text == ANY_PLATFORM {
                    platforms = true;
                } else if let Some(other_id) = self.lookup(other, &what) {
                    if self.vocabulary.at(id).closure.contains(&other_id) {
                        let message = format!(
                            "`{name}` conflicts with `{}`, and it is or implies it",
                            other.text
                        );
                        self.document.mistake(
                            other.span,
                            message,
                            Some(
                                "a test with it could never be right; drop one of the two"
                                    .to_owned(),
                            ),
                        );
                    }
                    conflicts.push(other_id);
                }
            }
            let marker = &mut self.vocabulary.markers[id.index()];
            marker.conflicts = conflicts;
            marker.conflicts_with_platforms = platforms;
        }
    }

    fn category_references(&mut self, references: CategoryReferences) {
        let at = references.category;
        let name = self.vocabulary.categories[at].name.clone();
        if self.vocabulary.categories[at].members.is_empty() {
            // Where markers are declared and none of them is right, each of them has its own mistake.
            if references.has_markers {
                return;
            }
            let message = format!("category `{name}` has no markers");
            let help = format!("declare them under [categories.{name}.markers]");
            self.document
                .mistake(references.key_span, message, Some(help));
            return;
        }
        if let Some(default) = references.default
            && self
                .is_member(&default, at, "the default of", &name)
                .is_some()
        {
            self.vocabulary.categories[at].default = Some(default.text);
        }
        for (marker, limit) in &references.limits {
            let Some(id) = self.is_member(marker, at, "a limit of", &name) else {
                continue;
            };
            let Some(limit) = limit else { continue };
            let limits = &mut self.vocabulary.categories[at].limits;
            limits.retain(|(known, _)| *known != id);
            limits.push((id, *limit));
        }
        if let Some(names) = references.waived_by {
            let what = format!("category `{name}` is waived by");
            self.vocabulary.categories[at].waived_by = names
                .iter()
                .filter_map(|name| self.lookup(name, &what))
                .collect();
        }
        if let Some(groups) = references.exclusive {
            let what = format!("category `{name}` excludes");
            let mut exclusive = Vec::new();
            for group in groups {
                if let [only] = &*group {
                    let message = format!("`{}` stands alone in its group", only.text);
                    self.document.mistake(
                        only.span,
                        message,
                        Some(
                            "a group names markers that exclude each other: two at least"
                                .to_owned(),
                        ),
                    );
                }
                exclusive.push(
                    group
                        .iter()
                        .filter_map(|name| self.lookup(name, &what))
                        .collect(),
                );
            }
            self.vocabulary.categories[at].exclusive = exclusive;
        }
    }

    /// The id of a text that must name a member of a category.
    fn is_member(
        &mut self,
        text: &Text,
        category: usize,
        what: &str,
        name: &str,
    ) -> Option<MarkerId> {
        let members = &self.vocabulary.categories[category].members;
        let found = self
            .vocabulary
            .id(&text.text)
            .filter(|id| members.contains(id));
        if found.is_none() {
            let names = members.iter().map(|id| self.vocabulary.name(*id));
            let help = match nearest(&text.text, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its members are {}", list(names)),
            };
            let message = format!(
                "{what} category `{name}` names `{}`, which is no member of it",
                text.text
            );
            self.document.mistake(text.span, message, Some(help));
        }
        found
    }

    /// What is asked of every test, in the form in which it is asked fastest.
    fn masks(&mut self) {
        let vocabulary = &mut self.vocabulary;
        for category in &mut vocabulary.categories {
            category.mask = category.members.iter().copied().collect();
        }
        let platforms: Vec<MarkerId> = vocabulary
            .platforms
            .iter()
            .map(|platform| platform.id)
            .collect();
        vocabulary.fighters = vocabulary
            .markers()
            .filter(|(_, marker)| marker.conflicts_with_platforms || !marker.conflicts.is_empty())
            .map(|(id, marker)| {
                let platforms = platforms.iter().filter(|_| marker.conflicts_with_platforms);
                let against = marker.conflicts.iter().chain(platforms).copied();
                (id, against.filter(|other| *other != id).collect())
            })
            .collect();
        let group = |category: &str, ids: Vec<MarkerId>| {
            let mask = ids.iter().copied().collect();
            Group {
                category: category.to_owned(),
                ids,
                mask,
            }
        };
        let mut groups: Vec<Group> = Vec::new();
        for category in &vocabulary.categories {
            groups.extend(
                category
                    .exclusive
                    .iter()
                    .map(|ids| group(&category.name, ids.clone())),
            );
        }
        // A test asks for one count of cards.
        for category in vocabulary
            .categories
            .iter()
            .filter(|category| category.platforms)
        {
            let cards = |id: &MarkerId| matches!(vocabulary.at(*id).role, Role::Cards(_));
            groups.push(group(
                &category.name,
                category.members.iter().copied().filter(cards).collect(),
            ));
        }
        vocabulary.groups = groups;
    }

    /// What a count implies: looked up once here, not at every test.
    fn counts(&mut self) {
        for at in 0..self.vocabulary.platforms.len() {
            let platform = &self.vocabulary.platforms[at];
            let of_count = |count: &u32| {
                let cards = self.vocabulary.id(&format!("cards_{count}"));
                let gpus = self
                    .vocabulary
                    .id(&format!("gpu_{count}"))
                    .filter(|_| platform.gpu);
                let of_platform = self.vocabulary.id(&format!("{}_{count}", platform.name));
                (
                    *count,
                    [cards, gpus, of_platform].into_iter().flatten().collect(),
                )
            };
            let counts = platform.cards.iter().map(of_count).collect();
            self.vocabulary.platforms[at].counts = counts;
        }
    }
}
