//! One axis of a test's cases: what `#[cases(…)]` or the `#[values(…)]` of a parameter lists.
//!
//! Promise: entries have distinct names, as many values as the axis has parameters, and checked markers.
//! Rejected: one attribute per case (`#[case(…)]` as in rstest): a name, a place for markers and the order would each need a convention.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Lit, Path, Token};
use tribunal_vocabulary::Vocabulary;

use crate::marker::{Marker, check_repeated, marker_word};
use crate::mistakes::{Mistakes, listed};
use crate::name;
use crate::text::value_text;

/// One axis: the parameters that it binds together, and its entries.
#[derive(Debug)]
pub(crate) struct Axis {
    pub(crate) parameters: Vec<String>,
    pub(crate) entries: Vec<Entry>,
}

/// One value on an axis, or one tuple of values.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its part of a case's name.
    pub(crate) name: String,
    /// One value per parameter.
    pub(crate) values: Vec<Expr>,
    /// The markers in front of it.
    pub(crate) markers: Vec<Marker>,
    /// Where it starts: at its name, else at its value.
    pub(crate) span: Span,
}

/// What stands in the parentheses of `#[cases(…)]`.
pub(crate) enum Listing {
    /// The entries, as written.
    Entries(Vec<Written>),
    /// `from = function`.
    From(Path),
}

/// One entry as it stands in the source.
pub(crate) struct Written {
    attributes: Vec<Attribute>,
    name: Option<Ident>,
    value: Expr,
}

impl Parse for Written {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let name =
            if input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
                let name = input.call(Ident::parse_any)?;
                input.parse::<Token![=]>()?;
                Some(name)
            } else {
                None
            };
        Ok(Written {
            attributes,
            name,
            value: input.parse()?,
        })
    }
}

impl Listing {
    /// Reads the tokens in the parentheses of `attribute` (`cases` or `values`).
    pub(crate) fn read(attribute: &Attribute, mistakes: &mut Mistakes) -> Option<Listing> {
        let what = attribute.path().to_token_stream().to_string();
        let tokens = match attribute.meta.require_list() {
            Ok(list) => list.tokens.clone(),
            Err(_) => TokenStream::new(),
        };
        if tokens.is_empty() {
            mistakes.at(
                attribute,
                format!("`{what}` lists at least one value, as in `#[{what}(\"a\", \"b\")]`"),
            );
            return None;
        }
        let entries = match Punctuated::<Written, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(entries) => entries,
            Err(error) => {
                mistakes.add(error);
                return None;
            }
        };
        let from = entries
            .iter()
            .position(|e| e.name.as_ref().is_some_and(|name| name == "from"));
        match from.and_then(|index| entries.get(index)) {
            None => Some(Listing::Entries(entries.into_iter().collect())),
            Some(provider) => match &provider.value {
                Expr::Path(path)
                    if path.qself.is_none() && entries.len() == 1 && what == "cases" =>
                {
                    Some(Listing::From(path.path.clone()))
                }
                _ => {
                    mistakes.at(
                        &provider.name,
                        "`from` names the function that makes all cases of a test, as in `#[cases(from = function)]`; \
                         no other case stands beside it, and none can be called `from`",
                    );
                    None
                }
            },
        }
    }
}

impl Axis {
    /// Checks `written` against the parameters that it binds.
    pub(crate) fn resolve(
        written: Vec<Written>,
        parameters: Vec<String>,
        vocabulary: &Vocabulary,
        mistakes: &mut Mistakes,
    ) -> Axis {
        let mut entries: Vec<(Entry, Expr)> = Vec::new();
        for one in written {
            let Some((entry, value)) = Entry::resolve(one, &parameters, vocabulary, mistakes)
            else {
                continue;
            };
            match entries
                .iter()
                .find(|(earlier, _)| earlier.name == entry.name)
            {
                Some((_, other)) => {
                    let (name, first, second) = (&entry.name, shown(other), shown(&value));
                    let message = format!(
                        "two cases are called `{name}`: `{first}` and `{second}`\n\
                         help: give this one a name of its own, as in `{name}_2 = {second}`"
                    );
                    mistakes.at_span(entry.span, message);
                }
                // Only the first stays, so that its combinations with other axes are not reported as well.
                None => entries.push((entry, value)),
            }
        }
        Axis {
            parameters,
            entries: entries.into_iter().map(|(entry, _)| entry).collect(),
        }
    }
}

impl Entry {
    fn resolve(
        written: Written,
        parameters: &[String],
        vocabulary: &Vocabulary,
        mistakes: &mut Mistakes,
    ) -> Option<(Entry, Expr)> {
        let Written {
            attributes,
            name,
            value,
        } = written;
        let found = mistakes.len();
        let markers = markers(&attributes, vocabulary, mistakes);
        let values = split(&value, parameters, mistakes);
        let span = name.as_ref().map_or_else(|| value.span(), Ident::span);
        let name = match &name {
            Some(ident) => {
                let word = name::unraw(ident);
                if !name::is_identifier(&word) {
                    mistakes.at(
                        ident,
                        format!("`{word}` is a word of the language: a case needs another name"),
                    );
                }
                word
            }
            None => {
                if !names_itself(&value) {
                    mistakes.at(
                        &value,
                        "a case without a name is a literal or a path, or a tuple of them\nhelp: give this one a name: `name = …`",
                    );
                }
                let values = values.as_deref().unwrap_or_default();
                let parts: Vec<_> = parameters
                    .iter()
                    .zip(values)
                    .map(|(parameter, value)| name::part(parameter, value))
                    .collect();
                parts.join("__")
            }
        };
        if mistakes.len() > found {
            return None;
        }
        Some((
            Entry {
                name,
                values: values?,
                markers,
                span,
            },
            value,
        ))
    }

    /// Name and text of each parameter, for reports and sharing keys.
    pub(crate) fn texts<'a>(
        &'a self,
        parameters: &'a [String],
    ) -> impl Iterator<Item = (&'a str, String)> {
        parameters
            .iter()
            .map(String::as_str)
            .zip(self.values.iter().map(value_text))
    }
}

/// The markers in front of an entry.
fn markers(
    attributes: &[Attribute],
    vocabulary: &Vocabulary,
    mistakes: &mut Mistakes,
) -> Vec<Marker> {
    let mut markers = Vec::new();
    for attribute in attributes {
        if attribute.path().is_ident("doc") {
            continue;
        }
        match marker_word(attribute).as_deref() {
            Some("ignore") => mistakes.at(
                attribute.path(),
                "`ignore` stands on the test and means all its cases\nhelp: for one case write `#[skip(\"reason\")]`",
            ),
            Some("should_panic" | "cases" | "values" | "case") => {
                let word = attribute.path().to_token_stream();
                mistakes.at(&word, format!("`{word}` stands on the test, not on one case"));
            }
            Some(_) => {
                if let Some(marker) = Marker::from_attribute(attribute, mistakes)
                    && let Some(marker) = marker.resolve(vocabulary, mistakes)
                {
                    markers.push(marker);
                }
            }
            None => mistakes.at(attribute.path(), "in front of a case stand markers only"),
        }
    }
    check_repeated(&markers, mistakes);
    markers
}

/// The values of a case, one per parameter.
fn split(value: &Expr, parameters: &[String], mistakes: &mut Mistakes) -> Option<Vec<Expr>> {
    if parameters.len() == 1 {
        return Some(vec![value.clone()]);
    }
    let of = format!("`#[case]` parameters ({})", listed(parameters));
    match value {
        Expr::Tuple(tuple) if tuple.elems.len() == parameters.len() => {
            Some(tuple.elems.iter().cloned().collect())
        }
        Expr::Tuple(tuple) => {
            mistakes.at(
                value,
                format!("{} values for {} {of}", tuple.elems.len(), parameters.len()),
            );
            None
        }
        _ => {
            mistakes.at(
                value,
                format!(
                    "one value for {} {of}\nhelp: write a tuple",
                    parameters.len()
                ),
            );
            None
        }
    }
}

/// Whether a value is plain enough to be the source of a name.
fn names_itself(value: &Expr) -> bool {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => !matches!(lit, Lit::Verbatim(_)),
        Expr::Path(_) => true,
        Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Neg(_)) && names_itself(&unary.expr),
        Expr::Group(group) => names_itself(&group.expr),
        Expr::Paren(paren) => names_itself(&paren.expr),
        Expr::Tuple(tuple) => tuple.elems.iter().all(names_itself),
        _ => false,
    }
}

fn shown(value: &Expr) -> String {
    crate::text::source_text(quote!(#value))
}
