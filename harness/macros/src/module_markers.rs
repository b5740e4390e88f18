//! `tribunal::markers!(…)`: markers of a module.
//!
//! Promise: checked like the markers of a test; they are merged with those of tests at start-up, by module path.
//! Rejected: an attribute on `mod` (an attribute macro on a module in a file of its own is unstable).

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Meta, Token};
use tribunal_vocabulary::Vocabulary;

use crate::marker::{Marker, check_repeated};
use crate::matrix;
use crate::mistakes::Mistakes;
use crate::rules;

/// The expansion of `tribunal::markers!(…)`.
pub(crate) fn expand(input: TokenStream, vocabulary: &Vocabulary) -> TokenStream {
    let list = match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(input) {
        Ok(list) => list,
        Err(error) => return error.to_compile_error(),
    };
    let mut mistakes = Mistakes::default();
    if list.is_empty() {
        mistakes.at_span(
            proc_macro2::Span::call_site(),
            "no markers\nhelp: list those that every test of this module gets, as in `tribunal::markers!(e2e, omni);`",
        );
    }
    let mut markers = Vec::new();
    for meta in &list {
        if let Some(marker) = Marker::from_meta(meta, &mut mistakes)
            && let Some(marker) = marker.resolve(vocabulary, &mut mistakes)
        {
            markers.push(marker);
        }
    }
    check_repeated(&markers, &mut mistakes);
    if let Some(marker) = matrix::hardware(&markers)
        && matrix::variants(marker, vocabulary).len() > 1
    {
        mistakes.at(
            &marker.name,
            "different card counts per platform make one case per platform, which a module marker cannot\n\
             help: mark each test, or ask for equally many cards on every platform",
        );
    } else {
        rules::check_module(&markers, vocabulary, &mut mistakes);
    }
    if !mistakes.is_empty() {
        return mistakes.into_tokens();
    }
    let markers = markers.iter().map(Marker::render);
    quote! {
        ::tribunal::__private::inventory::submit! {
            ::tribunal::__private::ModuleMarkers {
                module: ::core::module_path!(),
                file: ::core::file!(),
                markers: &[#(#markers),*],
            }
        }
    }
}
