//! The attributes of a test, sorted: ours are taken off, those of the language and of other crates stay.
//!
//! Promise: afterwards the function carries nothing that rustc would have to look up for us.
//! Rejected: leaving `#[ignore]` and `#[should_panic]` in place (rustc warns about them on a function without `#[test]`).

use syn::{Attribute, Expr, ExprLit, ItemFn, Lit, Meta, MetaNameValue};
use tribunal_vocabulary::Vocabulary;

use crate::marker::{Marker, check_repeated, marker_word};
use crate::mistakes::Mistakes;

/// What stands above a test function.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    /// The doc comment, lines joined by `\n`.
    pub(crate) doc: String,
    /// The markers that are declared and well-formed.
    pub(crate) markers: Vec<Marker>,
    /// `#[cases(…)]`.
    pub(crate) cases: Option<Attribute>,
    /// `#[ignore]` (empty) or its reason.
    pub(crate) ignore: Option<String>,
    /// `#[should_panic]` (empty) or the text expected.
    pub(crate) should_panic: Option<String>,
}

impl Attributes {
    /// Takes our attributes off `function`.
    pub(crate) fn take(
        function: &mut ItemFn,
        vocabulary: &Vocabulary,
        mistakes: &mut Mistakes,
    ) -> Attributes {
        let mut taken = Attributes {
            doc: doc(&function.attrs),
            ..Attributes::default()
        };
        function
            .attrs
            .retain(|attribute| !taken.sort(attribute, vocabulary, mistakes));
        check_repeated(&taken.markers, mistakes);
        taken
    }

    /// Whether the attribute was ours.
    fn sort(
        &mut self,
        attribute: &Attribute,
        vocabulary: &Vocabulary,
        mistakes: &mut Mistakes,
    ) -> bool {
        if attribute
            .path()
            .segments
            .last()
            .is_some_and(|last| last.ident == "test")
        {
            mistakes.at(
                attribute.path(),
                "a second `test` attribute on one function\nhelp: remove it; `#[tribunal::test]` registers and runs sync and async \
                 functions alike",
            );
            return true;
        }
        let Some(word) = marker_word(attribute) else {
            return false;
        };
        match word.as_str() {
            "cases" if self.cases.is_some() => mistakes.at(
                attribute.path(),
                "a test has one `#[cases(…)]`\nhelp: put all cases into it; for a matrix use `#[values(…)]` on parameters",
            ),
            "cases" => self.cases = Some(attribute.clone()),
            "case" | "values" => mistakes.at(
                attribute.path(),
                format!("`{word}` stands on a parameter; the cases of a test are listed by `#[cases(…)]`"),
            ),
            "ignore" => self.ignore = ignore(attribute, mistakes),
            "should_panic" => self.should_panic = should_panic(attribute, mistakes),
            _ => {
                if let Some(marker) = Marker::from_attribute(attribute, mistakes)
                    && let Some(marker) = marker.resolve(vocabulary, mistakes)
                {
                    self.markers.push(marker);
                }
            }
        }
        true
    }
}

/// The doc comment among `attributes`; parts that are no literals (`include_str!`) are left out.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) => text(pair),
            _ => None,
        })
        .map(|line| {
            line.strip_prefix(' ')
                .unwrap_or(&line)
                .trim_end()
                .to_owned()
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

fn ignore(attribute: &Attribute, mistakes: &mut Mistakes) -> Option<String> {
    let reason = match &attribute.meta {
        Meta::Path(_) => Some(String::new()),
        Meta::NameValue(pair) => text(pair),
        Meta::List(_) => None,
    };
    if reason.is_none() {
        mistakes.at(attribute, "write `#[ignore]` or `#[ignore = \"why\"]`");
    }
    reason
}

fn should_panic(attribute: &Attribute, mistakes: &mut Mistakes) -> Option<String> {
    let expected = match &attribute.meta {
        Meta::Path(_) => Some(String::new()),
        Meta::NameValue(pair) => text(pair),
        Meta::List(list) => match list.parse_args::<MetaNameValue>() {
            Ok(pair) if pair.path.is_ident("expected") => text(&pair),
            _ => None,
        },
    };
    if expected.is_none() {
        mistakes.at(
            attribute,
            "write `#[should_panic]` or `#[should_panic(expected = \"text\")]`",
        );
    }
    expected
}

fn text(pair: &MetaNameValue) -> Option<String> {
    match &pair.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(source: &str) -> (Attributes, ItemFn, Vec<String>) {
        let mut function = syn::parse_str(source).expect(source);
        let mut mistakes = Mistakes::default();
        let taken = Attributes::take(&mut function, Vocabulary::shipped(), &mut mistakes);
        (taken, function, mistakes.messages())
    }

    #[test]
    fn the_language_keeps_its_attributes_and_ours_are_taken() {
        let (taken, function, mistakes) = take(
            "/// One.\n///  Two.\n#[e2e] #[allow(unused)] #[tracing::instrument] #[ignore = \"why\"] \
             #[should_panic(expected = \"boom\")] #[cases(\"a\")] fn t() {}",
        );
        assert_eq!(mistakes, [""; 0]);
        assert_eq!(taken.doc, "One.\n Two.");
        assert_eq!(taken.ignore.as_deref(), Some("why"));
        assert_eq!(taken.should_panic.as_deref(), Some("boom"));
        assert!(taken.cases.is_some());
        assert_eq!(
            taken
                .markers
                .iter()
                .map(|marker| &*marker.declared)
                .collect::<Vec<_>>(),
            ["e2e"]
        );
        let kept: Vec<_> = function
            .attrs
            .iter()
            .filter(|a| !a.path().is_ident("doc"))
            .collect();
        assert_eq!(kept.len(), 2);
    }

    #[test]
    fn every_mistake_is_found_in_one_pass() {
        let (_, _, mistakes) = take(
            "#[ende2ende] #[ignore(1)] #[should_panic(1)] #[case] #[test] #[e2e] #[e2e] fn t() {}",
        );
        assert_eq!(mistakes.len(), 6, "{mistakes:#?}");
    }
}
