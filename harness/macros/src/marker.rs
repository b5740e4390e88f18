//! A marker as it stands in the source: read, checked against the vocabulary, rendered.
//!
//! Promise: whatever is wrong with a marker is reported at the word that is wrong.
//! Rejected: handing markers to the runner as text (each process would parse them again, and mistakes would show at start-up only).

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Meta, Token};
use tribunal_vocabulary::{Arg, Inner, Problem, ProblemAt, Vocabulary};

use crate::mistakes::Mistakes;
use crate::name::unraw;
use crate::place::Position;
use crate::value::{Written, keyed};

/// A marker with its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Marker {
    /// The name as written, for the place of errors.
    pub(crate) name: Ident,
    /// The declared name: another one where an alias was written.
    pub(crate) declared: String,
    pub(crate) arguments: Vec<Argument>,
}

/// One argument.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    /// The keyword, empty for a positional argument.
    pub(crate) key: String,
    /// Where the keyword stands, if it stands somewhere.
    pub(crate) key_at: Option<Ident>,
    pub(crate) value: Written,
}

impl Marker {
    /// Reads `#[name(…)]`.
    pub(crate) fn from_attribute(attribute: &Attribute, mistakes: &mut Mistakes) -> Option<Marker> {
        Marker::from_meta(&attribute.meta, mistakes)
    }

    /// Reads `name(…)`; mistakes are recorded. Arguments that cannot be read leave no marker behind, so that nothing is said twice.
    pub(crate) fn from_meta(meta: &Meta, mistakes: &mut Mistakes) -> Option<Marker> {
        let Some(name) = meta.path().get_ident().cloned() else {
            mistakes.at(
                meta.path(),
                "a marker is one word, declared in markers.toml",
            );
            return None;
        };
        let arguments = match meta {
            Meta::Path(_) => Vec::new(),
            Meta::NameValue(pair) => {
                let value = crate::text::source_text(pair.value.to_token_stream());
                mistakes.at(
                    meta,
                    format!(
                        "arguments of a marker stand in parentheses\nhelp: write `{name}({value})`"
                    ),
                );
                return None;
            }
            Meta::List(list) => {
                let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
                match parser.parse2(list.tokens.clone()) {
                    Ok(items) => {
                        let found = mistakes.len();
                        let read = items
                            .iter()
                            .filter_map(|item| {
                                Argument::flag(&unraw(&name), item)
                                    .or_else(|| Argument::read(item, mistakes))
                            })
                            .collect();
                        if mistakes.len() > found {
                            return None;
                        }
                        read
                    }
                    Err(error) => {
                        mistakes.add(error);
                        return None;
                    }
                }
            }
        };
        Some(Marker {
            declared: unraw(&name),
            name,
            arguments,
        })
    }

    /// The arguments as the vocabulary takes them.
    pub(crate) fn args(&self) -> Vec<Arg> {
        self.arguments
            .iter()
            .map(|argument| Arg {
                key: argument.key.clone(),
                value: argument.value.value.clone(),
            })
            .collect()
    }

    /// The same marker with other arguments.
    pub(crate) fn with_args(&self, args: Vec<Arg>) -> Marker {
        let arguments = args
            .into_iter()
            .map(|arg| Argument {
                key: arg.key,
                key_at: None,
                value: Written::made(arg.value),
            })
            .collect();
        Marker {
            name: self.name.clone(),
            declared: self.declared.clone(),
            arguments,
        }
    }

    /// The marker under its declared name, if it is declared and its arguments are right; what is not is recorded.
    pub(crate) fn resolve(
        self,
        vocabulary: &Vocabulary,
        mistakes: &mut Mistakes,
    ) -> Option<Marker> {
        let problems = vocabulary.check(&self.declared, &self.args());
        for problem in &problems {
            mistakes.at(self.tokens_at(problem), &problem.message);
        }
        let declared = vocabulary.marker(&self.declared)?.name().to_owned();
        problems.is_empty().then_some(Marker { declared, ..self })
    }

    fn tokens_at(&self, problem: &Problem) -> TokenStream {
        let name = || self.name.to_token_stream();
        match problem.at {
            ProblemAt::Name => name(),
            ProblemAt::Key(index) => match self.arguments.get(index) {
                Some(Argument {
                    key_at: Some(key), ..
                }) => key.to_token_stream(),
                Some(argument) => argument.value.tokens.clone(),
                None => name(),
            },
            ProblemAt::Value(index, inner) => match self.arguments.get(index) {
                Some(argument) => argument.value.tokens_of(inner),
                None => name(),
            },
        }
    }

    /// A `MarkerEntry`.
    pub(crate) fn render(&self) -> TokenStream {
        let word = &self.declared;
        let args = self.arguments.iter().map(|argument| {
            let key = &argument.key;
            let value = if word == "requires" && key == "feature" {
                argument.value.render_feature()
            } else {
                argument.value.render()
            };
            quote!(::tribunal::__private::ArgEntry { key: #key, value: #value })
        });
        let Position { line, column } = Position::of(self.name.span());
        quote! {
            ::tribunal::__private::MarkerEntry { name: #word, args: &[#(#args),*], line: #line, column: #column }
        }
    }
}

impl Argument {
    /// `server(fresh)`: a bare word that the marker declares as a switch says that it is on.
    fn flag(marker: &str, item: &Expr) -> Option<Argument> {
        let Expr::Path(path) = item else { return None };
        let word = path.path.get_ident()?;
        let on = Arg {
            key: unraw(word),
            value: tribunal_vocabulary::Value::Bool(true),
        };
        // A switch is the business of the harness, so the shipped vocabulary knows it whatever a project declares.
        let shipped = Vocabulary::shipped();
        (shipped.marker(marker).is_some()
            && shipped.check(marker, std::slice::from_ref(&on)).is_empty())
        .then(|| Argument {
            key: on.key,
            key_at: Some(word.clone()),
            value: Written::made(on.value),
        })
    }

    fn read(item: &Expr, mistakes: &mut Mistakes) -> Option<Argument> {
        if let Some((key, value)) = keyed(item) {
            let value = Written::read(value, mistakes)?;
            return Some(Argument {
                key: unraw(&key),
                key_at: Some(key),
                value,
            });
        }
        // `num_cards(cuda = 2, rocm = 8)`; a call with plain arguments is a value (`Duration::from_secs(3)`).
        if let Expr::Call(call) = item
            && let Expr::Path(path) = &*call.func
            && let Some(key) = path.path.get_ident()
            && (call.args.is_empty() || call.args.iter().any(|arg| keyed(arg).is_some()))
        {
            let value = Written::read_map(&call.args, item.to_token_stream(), mistakes)?;
            return Some(Argument {
                key: unraw(key),
                key_at: Some(key.clone()),
                value,
            });
        }
        let value = Written::read(item, mistakes)?;
        Some(Argument {
            key: String::new(),
            key_at: None,
            value,
        })
    }
}

/// Attributes of the language and of its tools that may stand on a function: they are no markers and stay where they are.
const BUILT_IN: &[&str] = &[
    "allow",
    "cfg",
    "cfg_attr",
    "cold",
    "coverage",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "export_name",
    "forbid",
    "inline",
    "instruction_set",
    "link_section",
    "must_use",
    "no_mangle",
    "optimize",
    "target_feature",
    "track_caller",
    "warn",
];

/// The word of an attribute that is a marker: one segment, and not an attribute of the language.
pub(crate) fn marker_word(attribute: &Attribute) -> Option<String> {
    let word = unraw(attribute.path().get_ident()?);
    (!BUILT_IN.contains(&word.as_str())).then_some(word)
}

/// Markers that say one thing about a test and so cannot stand twice in one list.
const ONCE: &[&str] = &["hardware_test", "max_vram_gib", "skip", "timeout", "xfail"];

/// Records markers that stand twice in one list.
pub(crate) fn check_repeated(markers: &[Marker], mistakes: &mut Mistakes) {
    for (index, marker) in markers.iter().enumerate() {
        let word = &marker.declared;
        let repeats = |earlier: &&Marker| {
            earlier.declared == *word
                && (ONCE.contains(&word.as_str()) || earlier.args() == marker.args())
        };
        if let Some(earlier) = markers[..index].iter().find(repeats) {
            let line = Position::of(earlier.name.span()).line;
            mistakes.at(
                &marker.name,
                format!(
                    "`{}` stands in line {line} already\nhelp: keep one of them",
                    earlier.name
                ),
            );
        }
    }
}

impl Written {
    /// The tokens of a part, or of all where the part stands nowhere.
    fn tokens_of(&self, inner: Option<Inner>) -> TokenStream {
        let part = inner.and_then(|inner| match inner {
            Inner::Item(index) | Inner::Value(index) => {
                Some(self.parts.get(index)?.value.tokens.clone())
            }
            Inner::Key(index) => Some(self.parts.get(index)?.key.as_ref()?.to_token_stream()),
        });
        part.unwrap_or_else(|| self.tokens.clone())
    }
}
