//! The mistakes found in one macro call, collected so that all of them are reported at once, each at its token.
//!
//! Promise: nothing that a user wrote ends the work early; the macro goes on and the list grows.
//! Rejected: `syn::Result` with `?` throughout (reports the first mistake only; a user then fixes ten tests in ten builds).

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};

/// What is wrong with the input of one macro call.
#[derive(Default)]
pub(crate) struct Mistakes(Vec<syn::Error>);

impl Mistakes {
    /// A mistake under all of `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.0.push(syn::Error::new_spanned(tokens, message));
    }

    /// A mistake at one place.
    pub(crate) fn at_span(&mut self, span: Span, message: impl Display) {
        self.0.push(syn::Error::new(span, message));
    }

    /// A mistake that the parser found.
    pub(crate) fn add(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The messages, in the order in which they were found.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// One `compile_error!` for each.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.0.iter().map(syn::Error::to_compile_error).collect()
    }
}

/// `tokens` with an error in front, if there is one to tell.
pub(crate) fn with_error(message: Option<&str>, tokens: TokenStream) -> TokenStream {
    let error =
        message.map(|message| syn::Error::new(Span::call_site(), message).to_compile_error());
    quote!(#error #tokens)
}

/// `items` as prose: "`a`, `b` and `c`".
pub(crate) fn listed<I>(items: I) -> String
where
    I: IntoIterator,
    I::Item: Display,
{
    let quoted: Vec<String> = items.into_iter().map(|item| format!("`{item}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
