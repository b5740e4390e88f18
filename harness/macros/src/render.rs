//! A checked test as tokens.
//!
//! Promise: plain `const` data and one body per test, with no `async` block, no box and no generic call beyond picking values up;
//! a further case costs a line of data. The order of `CaseEntry::at` is `#[cases]` first, then each `#[values]`.
//! Rejected: a closure per case (about ten times the compile time for a test with five cases).

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::axis::Axis;
use crate::matrix::Case;
use crate::name::unraw;
use crate::parameter::{Parameter, Source, hidden};
use crate::place::Position;
use crate::test::{Cases, Provider, Test, output_span};

/// The function, its registration, and what an editor needs to see.
pub(crate) fn test(test: &Test, for_ide: bool) -> TokenStream {
    let function = &test.function;
    let registration = registration(test);
    let (above, beside) = if for_ide {
        ide(test)
    } else {
        Default::default()
    };
    quote! {
        #above
        #function
        #beside
        ::tribunal::__private::inventory::submit! { #registration }
    }
}

fn registration(test: &Test) -> TokenStream {
    let name = unraw(&test.function.sig.ident);
    let place = Position::of(test.function.sig.ident.span()).render();
    let doc = &test.doc;
    let markers = test.markers.iter().map(crate::marker::Marker::render);
    let ignore = optional(test.ignore.as_deref());
    let should_panic = optional(test.should_panic.as_deref());
    let fixtures = fixtures(test).map(Parameter::entry);
    let cases = cases(&test.cases);
    let is_async = test.function.sig.asyncness.is_some();
    let body = body(test);
    quote! {
        ::tribunal::__private::TestEntry {
            name: #name,
            module: ::core::module_path!(),
            place: #place,
            doc: #doc,
            markers: &[#(#markers),*],
            ignore: #ignore,
            should_panic: #should_panic,
            fixtures: &[#(#fixtures),*],
            cases: #cases,
            is_async: #is_async,
            body: #body,
        }
    }
}

fn optional(text: Option<&str>) -> TokenStream {
    match text {
        Some(text) => quote!(::core::option::Option::Some(#text)),
        None => quote!(::core::option::Option::None),
    }
}

fn fixtures(test: &Test) -> impl Iterator<Item = &Parameter> {
    test.parameters
        .iter()
        .filter(|parameter| matches!(parameter.source, Source::Fixture))
}

fn cases(cases: &Cases) -> TokenStream {
    match cases {
        Cases::One => quote!(::tribunal::__private::Cases::One),
        Cases::Listed { list, .. } => {
            let list = list.iter().map(case);
            quote!(::tribunal::__private::Cases::Listed(&[#(#list),*]))
        }
        Cases::From(provider) => {
            let Provider { function, value } = &**provider;
            quote_spanned! {function.span()=>
                ::tribunal::__private::Cases::From(|| ::tribunal::__private::IntoCases::<#value>::into_cases(#function()))
            }
        }
    }
}

fn case(case: &Case) -> TokenStream {
    let Case {
        name,
        at,
        texts,
        markers,
        span,
    } = case;
    let params = texts.iter().map(|(name, text)| quote!((#name, #text)));
    let markers = markers.iter().map(crate::marker::Marker::render);
    let place = Position::of(*span).render();
    quote! {
        ::tribunal::__private::CaseEntry {
            name: #name, at: &[#(#at),*], params: &[#(#params),*], markers: &[#(#markers),*], place: #place,
        }
    }
}

/// The body: binds what the case says, picks the fixtures up, calls the function.
fn body(test: &Test) -> TokenStream {
    let cx = hidden("cx");
    let function = &test.function.sig.ident;
    let mut bindings = TokenStream::new();
    let mut arguments = Vec::new();
    match &test.cases {
        Cases::One => {}
        Cases::Listed { axes, .. } => bindings.extend(axes.iter().enumerate().map(|(at, axis)| {
            let parameters = axis
                .parameters
                .iter()
                .filter_map(|name| parameter(test, name))
                .collect::<Vec<_>>();
            choose(at, axis, &parameters, &cx)
        })),
        Cases::From(provider) => bindings.extend(
            test.parameters
                .iter()
                .filter(|parameter| matches!(parameter.source, Source::Case))
                .map(|parameter| take_provided(parameter, provider, &cx)),
        ),
    }
    let mut fixtures = 0;
    for parameter in &test.parameters {
        if matches!(parameter.source, Source::Fixture) {
            bindings.extend(parameter.pick_up(fixtures, &cx));
            arguments.push(parameter.hand_over(fixtures));
            fixtures += 1;
        } else {
            let bound = bound(parameter);
            arguments.push(quote!(#bound));
        }
    }
    let output = output_span(&test.function).resolved_at(Span::mixed_site());
    let result = hidden("result");
    // Bound first: in editions before 2024 what `pin!` makes would outlive the values that it borrows.
    let end = if test.function.sig.asyncness.is_some() {
        quote_spanned! {output=>
            let #result = ::tribunal::__private::drive(::core::pin::pin!(#function(#(#arguments),*)));
        }
    } else {
        quote_spanned! {output=>
            let #result = ::tribunal::__private::IntoResult::into_result(#function(#(#arguments),*));
        }
    };
    quote!(|#cx| { #bindings #end #result })
}

fn parameter<'a>(test: &'a Test, name: &str) -> Option<&'a Parameter> {
    test.parameters
        .iter()
        .find(|parameter| parameter.name == name && !matches!(parameter.source, Source::Fixture))
}

/// The local variable of a case parameter.
fn bound(parameter: &Parameter) -> Ident {
    hidden(&format!("case_{}", parameter.name))
}

/// `let case: T = match cx.at(AXIS) { 0 => …, _ => … };`
fn choose(at: usize, axis: &Axis, parameters: &[&Parameter], cx: &Ident) -> TokenStream {
    let names: Vec<Ident> = parameters
        .iter()
        .map(|parameter| bound(parameter))
        .collect();
    let types: Vec<&Type> = parameters.iter().map(|parameter| &parameter.ty).collect();
    let last = axis.entries.len().saturating_sub(1);
    let arms = axis.entries.iter().enumerate().map(|(index, entry)| {
        let pattern = match u16::try_from(index) {
            Ok(index) if usize::from(index) < last => quote!(#index),
            _ => quote!(_),
        };
        let value = match entry.values.as_slice() {
            [one] => quote!(#one),
            several => quote!((#(#several),*)),
        };
        quote!(#pattern => #value,)
    });
    let (pattern, ty) = match (names.as_slice(), types.as_slice()) {
        ([name], [ty]) => (quote!(#name), quote!(#ty)),
        (names, types) => (quote!((#(#names),*)), quote!((#(#types),*))),
    };
    quote!(let #pattern: #ty = match #cx.at(#at) { #(#arms)* };)
}

/// The value of a case that was made at start-up: borrowed for `&T`, cloned for `T`.
fn take_provided(parameter: &Parameter, provider: &Provider, cx: &Ident) -> TokenStream {
    let (name, ty, value) = (bound(parameter), &parameter.ty, &provider.value);
    let taken = match ty {
        Type::Reference(reference) if reference.lifetime.is_none() => {
            quote!(#cx.provided::<#value>())
        }
        _ => quote!(::core::clone::Clone::clone(#cx.provided::<#value>())),
    };
    quote_spanned!(ty.span().resolved_at(Span::mixed_site())=> let #name: #ty = #taken;)
}

/// What an editor sees in addition: above the function a `#[test]` where it is its own only case, else beside it a module with a
/// function per case. Not both: the explorer keeps one node per path.
fn ide(test: &Test) -> (TokenStream, TokenStream) {
    let Cases::Listed { list, .. } = &test.cases else {
        return (quote!(#[::core::prelude::v1::test]), TokenStream::new());
    };
    let functions = list.iter().filter_map(|case| {
        let name = syn::parse_str::<Ident>(&case.name).ok()?;
        let name = Ident::new(&name.to_string(), case.span);
        Some(quote_spanned!(case.span=> #[::core::prelude::v1::test] fn #name() {}))
    });
    let name = &test.function.sig.ident;
    (
        TokenStream::new(),
        quote!(#[allow(non_snake_case, unused)] mod #name { #(#functions)* }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use tribunal_vocabulary::Vocabulary;

    /// The items of an expansion: the function, the module beside it, and the text of the registration.
    struct Expansion {
        function: syn::ItemFn,
        module: Option<syn::ItemMod>,
        registration: String,
    }

    fn expand(source: &str, for_ide: bool) -> Expansion {
        let tokens = crate::test::expand(
            TokenStream::new(),
            source.parse().expect("tokens"),
            Vocabulary::shipped(),
            for_ide,
        );
        let file: syn::File = syn::parse2(tokens.clone()).expect("items");
        let mut expansion = (None, None, None);
        for item in file.items {
            match item {
                syn::Item::Fn(function) => expansion.0 = Some(function),
                syn::Item::Mod(module) => expansion.1 = Some(module),
                syn::Item::Macro(registration) => {
                    expansion.2 = Some(
                        registration
                            .mac
                            .tokens
                            .to_string()
                            .replace(char::is_whitespace, ""),
                    );
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        let (Some(function), module, Some(registration)) = expansion else {
            panic!("no test in {tokens}")
        };
        Expansion {
            function,
            module,
            registration,
        }
    }

    fn lenses(attributes: &[syn::Attribute]) -> usize {
        let lens: syn::Path = syn::parse_quote!(::core::prelude::v1::test);
        attributes
            .iter()
            .filter(|attribute| *attribute.path() == lens)
            .count()
    }

    const CASES: &str = "#[cases(\"llama-8b\", b = 2)] async fn t(#[case] n: u8, #[values(true, false)] s: bool, server: &u8) {}";

    #[test]
    fn an_editor_gets_a_lens_on_a_function_without_cases() {
        for source in ["fn t() {}", "#[cases(from = f)] fn t(#[case] n: u8) {}"] {
            let (build, ide) = (expand(source, false), expand(source, true));
            assert_eq!(
                (lenses(&build.function.attrs), lenses(&ide.function.attrs)),
                (0, 1),
                "{source}"
            );
            assert!(build.module.is_none() && ide.module.is_none(), "{source}");
            assert_eq!(build.registration, ide.registration, "{source}");
        }
    }

    #[test]
    fn an_editor_gets_a_function_per_case_and_no_lens_on_the_test_itself() {
        let (build, ide) = (expand(CASES, false), expand(CASES, true));
        assert!(build.module.is_none());
        assert_eq!(
            (lenses(&build.function.attrs), lenses(&ide.function.attrs)),
            (0, 0)
        );
        assert_eq!(build.registration, ide.registration);
        let module = ide.module.expect("a module");
        assert_eq!(module.ident, "t");
        let (_, items) = module.content.expect("items");
        let names: Vec<_> = items
            .iter()
            .map(|item| match item {
                syn::Item::Fn(function) if lenses(&function.attrs) == 1 => {
                    function.sig.ident.to_string()
                }
                other => panic!("unexpected {other:?}"),
            })
            .collect();
        assert_eq!(
            names,
            [
                "llama_8b__s_true",
                "llama_8b__s_false",
                "b__s_true",
                "b__s_false"
            ]
        );
    }

    #[test]
    fn there_is_one_plain_body_however_many_cases() {
        let registration = expand(CASES, false).registration;
        assert_eq!(registration.matches("drive(").count(), 1);
        assert_eq!(registration.matches("CaseEntry{").count(), 4);
        for costly in ["async{", "async {", "Box", "move"] {
            assert!(!registration.contains(costly), "{costly} in {registration}");
        }
    }

    #[test]
    fn our_attributes_are_gone_and_the_others_stay() {
        let function = expand(
            "#[e2e] #[inline] #[tracing::instrument] fn t(#[values(1)] n: u8) {}",
            false,
        )
        .function;
        assert_eq!(function.attrs.len(), 2);
        let Some(syn::FnArg::Typed(parameter)) = function.sig.inputs.first() else {
            panic!("a parameter")
        };
        assert!(parameter.attrs.is_empty());
    }

    #[test]
    fn variants_carry_their_own_part_of_the_hardware_marker() {
        let source = "#[hardware_test(cuda = \"H100\", rocm = \"MI325\", num_cards(cuda = 2, rocm = 8))] fn t() {}";
        let registration = expand(source, false).registration;
        let (of_test, of_cases) = registration.split_once("cases:").expect("cases");
        assert!(!of_test.contains("hardware_test"), "{of_test}");
        let (cuda, rocm) = of_cases.split_once("name:\"rocm\"").expect("a variant");
        assert!(
            cuda.contains("key:\"cuda\"") && !cuda.contains("key:\"rocm\""),
            "{cuda}"
        );
        assert!(
            rocm.contains("key:\"rocm\"") && !rocm.contains("key:\"cuda\""),
            "{rocm}"
        );
    }

    #[test]
    fn hardware_of_a_case_stands_in_place_of_that_of_the_test() {
        let names = |source: &str| {
            let registration = expand(source, false).registration;
            let cases = registration.split("CaseEntry{name:\"").skip(1).map(|case| {
                let name = case.split('"').next().unwrap_or_default().to_owned();
                (
                    name,
                    case.matches("hardware_test").count(),
                    case.contains("\"L4\""),
                )
            });
            let of_test = registration
                .split("cases:")
                .next()
                .unwrap_or_default()
                .contains("hardware_test");
            (of_test, cases.collect::<Vec<_>>())
        };
        let case = |name: &str, l4| (name.to_owned(), 1, l4);
        let equal = "#[hardware_test(cuda = \"H100\")] #[cases(a = 1, #[hardware_test(cuda = \"L4\")] b = 2)] fn t(#[case] n: u8) {}";
        assert_eq!(
            names(equal),
            (false, vec![case("a", false), case("b", true)])
        );
        let unequal = "#[hardware_test(cuda = \"H100\", rocm = \"MI325\", num_cards(cuda = 2, rocm = 8))] \
                       #[cases(a = 1, #[hardware_test(cuda = \"L4\")] b = 2)] fn t(#[case] n: u8) {}";
        assert_eq!(
            names(unequal),
            (
                false,
                vec![
                    case("a__cuda", false),
                    case("a__rocm", false),
                    case("b", true)
                ]
            )
        );
        let unequal_case = "#[hardware_test(cuda = \"H100\")] \
                            #[cases(a = 1, #[hardware_test(cuda = \"L4\", rocm = \"MI325\", num_cards(cuda = 1, rocm = 8))] b = 2)] \
                            fn t(#[case] n: u8) {}";
        assert_eq!(
            names(unequal_case),
            (
                false,
                vec![
                    case("a", false),
                    case("b__cuda", true),
                    case("b__rocm", false)
                ]
            )
        );
    }

    #[test]
    fn an_alias_is_registered_under_the_declared_name() {
        let registration = expand("#[profiled_vram_gib(20)] #[h100] fn t() {}", false).registration;
        assert!(
            registration.contains("name:\"max_vram_gib\"")
                && registration.contains("name:\"H100\""),
            "{registration}"
        );
    }

    #[test]
    fn equal_counts_are_one_test_with_the_marker_as_written() {
        let source = "#[hardware_test(cuda = \"H100\", rocm = \"MI325\", num_cards = 2)] fn t() {}";
        let registration = expand(source, false).registration;
        assert!(
            registration.contains("Cases::One") && registration.contains("key:\"rocm\""),
            "{registration}"
        );
    }
}
