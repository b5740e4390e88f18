//! A marker above `#[tribunal::test]`: rustc looks it up there, so the prelude has an attribute of each name that moves it below.
//!
//! Promise: only the attributes in front are read; the function itself passes through as it is, also while it does not parse.
//! Rejected: no such attributes (rustc says "cannot find attribute" and not where the marker belongs).

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::Attribute;
use syn::parse::{Parse, ParseStream};

use crate::marker::marker_word;

/// Calls the macro `$then` with the names of all attributes of this kind: the markers of the shipped vocabulary, their aliases,
/// and `cases`.
///
/// Attributes of a proc-macro crate must stand in its source, so the names cannot be read from markers.toml; a test compares the two.
macro_rules! with_attribute_names {
    ($then:ident) => {
        $then! {
            A100 A2 A3 B200 B60 H100 H200 H800 Inf2 L4 L40S MI300 MI300X MI325 MI325X S5000 T4 Trn1
            Trn2 a100 a2 a3 advanced_model aiconfigurator alone b200 b60 benchmark cache cards_1 cards_16
            cards_2 cards_3 cards_4 cards_8 cases conformance core core_model cpu cpus cuda custom_build defaulted
            depends_on deploy diffusion e2e example fault_tolerance features flaky framework_only framework_with_efa
            framework_with_gaie frontend_api_surface_compliance full_model gpu gpu_0 gpu_1 gpu_2
            gpu_4 gpu_8 h100 h200 h800 hardware_test host_memory_gib inf2 integration isolated k8s kvbm kvbm_concurrency l4
            l40s lmcache local_model local_only max_vram_gib mi300 mi325 model multi_dgd_live
            multimodal musa neuron nightly none npu omni parallel parallelism performance planner
            post_merge power_agent pre_merge profiled_vram_gib quarantine release requested_sglang_kv_tokens
            requested_sglang_vram_gib requested_trtllm_kv_tokens requested_trtllm_vram_gib
            requested_vllm_kv_cache_bytes requires retries rocm router s5000 serial server sglang skip_in_nightly
            slow stability stress t4 timeout topology_dependent trn1 trn2 trtllm tts unified unit vllm weekly
            xfail xpu xpu_1 xpu_2
        }
    };
}
pub(crate) use with_attribute_names;

/// Markers that have no attribute of their own, each for its reason.
#[cfg(test)]
const WITHOUT_ATTRIBUTE: &[(&str, &str)] = &[(
    "skip",
    "the prelude has `skip!`, and a module has one macro of a name",
)];

/// An item with attributes in front, the rest unread.
struct Marked {
    attributes: Vec<Attribute>,
    rest: TokenStream,
}

impl Parse for Marked {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Marked {
            attributes: input.call(Attribute::parse_outer)?,
            rest: input.parse()?,
        })
    }
}

/// `item` without the attributes in front that only Tribunal knows.
pub(crate) fn without_markers(item: TokenStream) -> TokenStream {
    let Ok(Marked { attributes, rest }) = syn::parse2(item.clone()) else {
        return item;
    };
    let kept = attributes
        .iter()
        .filter(|attribute| marker_word(attribute).is_none());
    quote!(#(#kept)* #rest)
}

/// Puts `#[name(args)]` behind the first attribute of `item` that is called `test`.
pub(crate) fn moved(name: &str, args: TokenStream, item: TokenStream) -> TokenStream {
    let marked = match syn::parse2::<Marked>(item.clone()) {
        Ok(marked) => marked,
        Err(error) => {
            let error = error.to_compile_error();
            return quote!(#error #item);
        }
    };
    let Marked { attributes, rest } = marked;
    let is_test = |attribute: &Attribute| {
        attribute
            .path()
            .segments
            .last()
            .is_some_and(|last| last.ident == "test")
    };
    let Some(test) = attributes.iter().position(is_test) else {
        let message =
            format!("`{name}` marks a test: there is no `#[tribunal::test]` on this function");
        let error = syn::Error::new(Span::call_site(), message).to_compile_error();
        return quote!(#error #(#attributes)* #rest);
    };
    let (before, after) = attributes.split_at(test + 1);
    let marker = Ident::new(name, Span::call_site());
    let marker = if args.is_empty() {
        quote!(#[#marker])
    } else {
        quote!(#[#marker(#args)])
    };
    quote!(#(#before)* #marker #(#after)* #rest)
}

/// The expansion of `tribunal_macros::prelude_attributes!()`.
pub(crate) fn prelude() -> TokenStream {
    let names = NAMES.iter().map(|name| Ident::new(name, Span::call_site()));
    quote!(#[doc(no_inline)] pub use ::tribunal_macros::{#(#names),*};)
}

macro_rules! names {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}
with_attribute_names!(names);

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tokens: TokenStream) -> String {
        tokens.to_string().replace(' ', "")
    }

    #[test]
    fn a_marker_moves_below_the_first_test_attribute() {
        let item = quote!(
            #[doc = "x"]
            #[tribunal::test]
            #[e2e]
            async fn t() {}
        );
        let expected = quote!(
            #[doc = "x"]
            #[tribunal::test]
            #[timeout("5m")]
            #[e2e]
            async fn t() {}
        );
        assert_eq!(text(moved("timeout", quote!("5m"), item)), text(expected));
    }

    #[test]
    fn without_a_test_attribute_it_says_where_it_belongs() {
        let output = text(moved(
            "core_model",
            TokenStream::new(),
            quote!(
                fn t() {}
            ),
        ));
        assert!(
            output.contains("`core_model`marksatest:thereisno`#[tribunal::test]`onthisfunction"),
            "{output}"
        );
        assert!(output.ends_with("fnt(){}"), "{output}");
    }

    #[test]
    fn every_shipped_marker_has_an_attribute() {
        let mut expected: Vec<&str> = tribunal_vocabulary::Vocabulary::shipped()
            .markers()
            .flat_map(|(_, marker)| {
                marker
                    .aliases()
                    .iter()
                    .map(String::as_str)
                    .chain([marker.name()])
            })
            .filter(|name| !WITHOUT_ATTRIBUTE.iter().any(|(without, _)| without == name))
            .chain(["cases"])
            .collect();
        expected.sort_unstable();
        assert_eq!(
            NAMES, expected,
            "copy the right side into `with_attribute_names!`"
        );
    }
}
