//! The parameters of a test or a fixture: where the value of each comes from.
//!
//! Promise: after [`Parameter::read`] the signature carries no attribute of ours any more.
//! Rejected: telling cases and fixtures apart by type (a `&str` can be either).

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, Pat, Signature, Type};

use crate::marker::marker_word;
use crate::mistakes::Mistakes;
use crate::name::unraw;

/// One parameter.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// The name as written, for the place of errors.
    pub(crate) ident: Ident,
    /// The name without leading underscores: that of the fixture or of the case parameter.
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) source: Source,
}

/// Where a value comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// `#[case]`.
    Case,
    /// `#[values(…)]`.
    Values(Box<Attribute>),
    /// The fixture of its name.
    Fixture,
}

impl Parameter {
    /// Reads all parameters and removes our attributes from them.
    pub(crate) fn read(signature: &mut Signature, mistakes: &mut Mistakes) -> Vec<Parameter> {
        signature
            .inputs
            .iter_mut()
            .filter_map(|input| Parameter::read_one(input, mistakes))
            .collect()
    }

    fn read_one(input: &mut FnArg, mistakes: &mut Mistakes) -> Option<Parameter> {
        let typed = match input {
            FnArg::Receiver(receiver) => {
                mistakes.at(
                    receiver,
                    "a test or a fixture is a free function: it has no `self`",
                );
                return None;
            }
            FnArg::Typed(typed) => typed,
        };
        let source = Source::read(&mut typed.attrs, mistakes)?;
        let ident = match &*typed.pat {
            Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => pat.ident.clone(),
            other => {
                mistakes.at(
                    other,
                    "a parameter is a plain name, since its value is looked up by it\nhelp: take it apart in the body",
                );
                return None;
            }
        };
        if let Type::ImplTrait(_) = &*typed.ty {
            mistakes.at(
                &typed.ty,
                "write the type of the value: a test or a fixture cannot be generic",
            );
            return None;
        }
        let name = unraw(&ident).trim_start_matches('_').to_owned();
        if name.is_empty() {
            mistakes.at(
                &ident,
                "a parameter needs a name, since its value is looked up by it",
            );
            return None;
        }
        let parameter = Parameter {
            ident,
            name,
            ty: (*typed.ty).clone(),
            source,
        };
        if let (Source::Fixture, Type::Reference(reference)) = (&parameter.source, &parameter.ty)
            && let Some(mutable) = reference.mutability
        {
            mistakes.at(
                mutable,
                "the value of a fixture is shared: take `&T`, `Arc<T>`, or a clone as `T`",
            );
        }
        Some(parameter)
    }

    /// The fixture's marker type: the parameter's name, looked up where the function stands.
    pub(crate) fn fixture(&self) -> Ident {
        let span = self.ident.span();
        if self.ident.to_string().starts_with("r#") {
            Ident::new_raw(&self.name, span)
        } else {
            Ident::new(&self.name, span)
        }
    }

    /// `let __value_N = __cx.value::<name>(index);`, with a name that no user's code can see.
    pub(crate) fn pick_up(&self, index: usize, cx: &Ident) -> TokenStream {
        let (slot, fixture) = (self.slot(index), self.fixture());
        quote_spanned!(self.ident.span()=> let #slot = #cx.value::<#fixture>(#index);)
    }

    /// The argument of the call that hands over what [`Parameter::pick_up`] bound.
    pub(crate) fn hand_over(&self, index: usize) -> TokenStream {
        let (slot, fixture, ty) = (self.slot(index), self.fixture(), &self.ty);
        let span = ty.span().resolved_at(proc_macro2::Span::mixed_site());
        match ty {
            Type::Reference(reference) => {
                let inner = &reference.elem;
                // The annotation makes a wrong type an error at the parameter instead of inside the expansion.
                quote_spanned!(span=> { let value: &#inner = &*#slot; value })
            }
            _ => quote_spanned! {span=>
                <#ty as ::tribunal::__private::FromStored<<#fixture as ::tribunal::__private::Fixture>::Value>>::from_stored(&#slot)
            },
        }
    }

    /// The node of the fixture's static graph.
    pub(crate) fn entry(&self) -> TokenStream {
        let fixture = self.fixture();
        quote_spanned!(self.ident.span()=> <#fixture as ::tribunal::__private::Fixture>::ENTRY)
    }

    fn slot(&self, index: usize) -> Ident {
        let span = self
            .ident
            .span()
            .resolved_at(proc_macro2::Span::mixed_site());
        Ident::new(&format!("__value_{index}"), span)
    }
}

/// A local variable of the expansion, invisible to the code of users and the other way round.
pub(crate) fn hidden(name: &str) -> Ident {
    format_ident!("__{}", name, span = proc_macro2::Span::mixed_site())
}

impl Source {
    /// Takes `#[case]` and `#[values(…)]` off a parameter.
    fn read(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) -> Option<Source> {
        let mut sources = Vec::new();
        let found = mistakes.len();
        attributes.retain(|attribute| {
            let Some(word) = marker_word(attribute) else { return true };
            match word.as_str() {
                "case" => {
                    if attribute.meta.require_path_only().is_err() {
                        mistakes.at(
                            attribute,
                            "`#[case]` takes no arguments: the values stand in `#[cases(…)]` on the test",
                        );
                    }
                    sources.push((attribute.to_token_stream(), Source::Case));
                }
                "values" => sources.push((attribute.to_token_stream(), Source::Values(Box::new(attribute.clone())))),
                _ => mistakes.at(attribute.path(), unknown(&word)),
            }
            false
        });
        if let [_, (second, _), ..] = sources.as_slice() {
            mistakes.at(
                second,
                "a parameter has one of `#[case]` and `#[values(…)]`, once",
            );
        }
        if mistakes.len() > found {
            return None;
        }
        Some(sources.pop().map_or(Source::Fixture, |(_, source)| source))
    }
}

fn unknown(word: &str) -> String {
    let near = match tribunal_vocabulary::nearest(word, ["case", "values"]) {
        Some("case") => "\nhelp: did you mean `#[case]`?",
        Some(_) => "\nhelp: did you mean `#[values(…)]`?",
        None => "\nhelp: a parameter without attribute is a fixture of its name",
    };
    format!("`{word}` is no attribute of a parameter (known: `case`, `values`){near}")
}

/// Whether a type is `&SetUp`, by its last word.
pub(crate) fn is_set_up(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else {
        return false;
    };
    let Type::Path(path) = &*reference.elem else {
        return false;
    };
    reference.mutability.is_none()
        && path
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident == "SetUp")
}

/// What a test or a fixture cannot be; each is recorded at its word.
pub(crate) fn check_signature(what: &str, signature: &Signature, mistakes: &mut Mistakes) {
    let words: [(Option<TokenStream>, &str); 4] = [
        (signature.constness.map(|word| quote!(#word)), "const"),
        (signature.unsafety.map(|word| quote!(#word)), "unsafe"),
        (signature.abi.as_ref().map(|word| quote!(#word)), "extern"),
        (
            signature.variadic.as_ref().map(|word| quote!(#word)),
            "variadic",
        ),
    ];
    for (tokens, word) in words
        .into_iter()
        .filter_map(|(tokens, word)| Some((tokens?, word)))
    {
        mistakes.at(
            tokens,
            format!("a {what} cannot be `{word}`: Tribunal calls it itself"),
        );
    }
    if !signature.generics.params.is_empty() {
        mistakes.at(
            &signature.generics,
            format!("a {what} cannot be generic: nobody is there to choose\nhelp: write one {what} per type that calls a generic helper"),
        );
    } else if let Some(clause) = &signature.generics.where_clause {
        mistakes.at(clause, format!("a {what} has no `where` clause"));
    }
}
