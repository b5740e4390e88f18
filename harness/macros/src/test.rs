//! `#[tribunal::test]`: from a function with its attributes to a checked test.
//!
//! Promise: [`expand`] is pure: tokens, a vocabulary and "for an editor or not" in, tokens out. All mistakes are reported at
//! once; then the function is emitted as it is, without registration, so that no error follows from another.
//! Rejected: stopping at the first mistake, and dropping the function on a mistake (an editor would lose everything in it).

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Item, ItemFn, Path, Type, parse_quote};
use tribunal_vocabulary::Vocabulary;

use crate::above::without_markers;
use crate::attributes::Attributes;
use crate::axis::{Axis, Listing};
use crate::marker::Marker;
use crate::matrix::{self, Case};
use crate::mistakes::{Mistakes, listed, with_error};
use crate::parameter::{Parameter, Source, check_signature};
use crate::place::Position;
use crate::{render, rules};

/// A test without mistakes.
#[derive(Debug)]
pub(crate) struct Test {
    /// The function, our attributes taken off.
    pub(crate) function: ItemFn,
    pub(crate) doc: String,
    pub(crate) markers: Vec<Marker>,
    pub(crate) ignore: Option<String>,
    pub(crate) should_panic: Option<String>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) cases: Cases,
}

/// Where the cases of a test come from.
#[derive(Debug)]
pub(crate) enum Cases {
    /// It is its own only case.
    One,
    /// Known now.
    Listed { axes: Vec<Axis>, list: Vec<Case> },
    /// Made by a function at start-up.
    From(Box<Provider>),
}

/// `#[cases(from = function)]`.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) function: Path,
    /// The type of the values that it makes.
    pub(crate) value: Type,
}

/// The expansion of `#[tribunal::test]`.
pub(crate) fn expand(
    args: TokenStream,
    item: TokenStream,
    vocabulary: &Vocabulary,
    for_ide: bool,
) -> TokenStream {
    let mut function = match read_function("test", item) {
        Ok(function) => function,
        Err(tokens) => return tokens,
    };
    let mut mistakes = Mistakes::default();
    if !args.is_empty() {
        mistakes.at(args, "`#[tribunal::test]` takes no arguments: markers and cases stand below it, each as an attribute");
    }
    match resolve(&mut function, vocabulary, &mut mistakes) {
        Some(test) if mistakes.is_empty() => render::test(&test, for_ide),
        _ => unregistered(mistakes, &function),
    }
}

/// The function that `#[tribunal::WHAT]` stands on; else the error, and the tokens as they are but for the markers, which would be
/// errors of their own.
pub(crate) fn read_function(what: &str, item: TokenStream) -> Result<ItemFn, TokenStream> {
    syn::parse2(item.clone()).map_err(|error| {
        let error = match syn::parse2::<Item>(item.clone()) {
            Ok(other) => syn::Error::new_spanned(
                other,
                format!("`#[tribunal::{what}]` stands on a function"),
            ),
            Err(_) => error,
        };
        let (error, rest) = (error.to_compile_error(), without_markers(item));
        quote!(#error #rest)
    })
}

/// The function without its markers and without registration, where no vocabulary can say what they are; that is an error already.
pub(crate) fn without_vocabulary(item: TokenStream, message: Option<&str>) -> TokenStream {
    let tokens = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(mut function) => {
            let mut unused = Mistakes::default();
            Attributes::take(&mut function, Vocabulary::shipped(), &mut unused);
            Parameter::read(&mut function.sig, &mut unused);
            unregistered(Mistakes::default(), &function)
        }
        Err(_) => without_markers(item),
    };
    with_error(message, tokens)
}

/// The mistakes, and the function as it stands.
pub(crate) fn unregistered(mistakes: Mistakes, function: &ItemFn) -> TokenStream {
    let errors = mistakes.into_tokens();
    quote!(#errors #[allow(dead_code, unused)] #function)
}

/// Checks everything; there is a test only if nothing stands in the way of reading it as one.
fn resolve(
    function: &mut ItemFn,
    vocabulary: &Vocabulary,
    mistakes: &mut Mistakes,
) -> Option<Test> {
    check_signature("test", &function.sig, mistakes);
    let attributes = Attributes::take(function, vocabulary, mistakes);
    let found = mistakes.len();
    let parameters = Parameter::read(&mut function.sig, mistakes);
    let parameters_are_known = mistakes.len() == found;
    let span = function.sig.ident.span();

    let listing = attributes
        .cases
        .as_ref()
        .and_then(|attribute| Listing::read(attribute, mistakes));
    let case_parameters: Vec<&Parameter> = parameters
        .iter()
        .filter(|parameter| matches!(parameter.source, Source::Case))
        .collect();
    if parameters_are_known {
        check_pairing(&attributes, &case_parameters, mistakes);
    }

    let mut axes = Vec::new();
    let mut provider = None;
    match listing {
        Some(Listing::From(path)) => provider = from(path, &parameters, mistakes),
        Some(Listing::Entries(written)) if parameters_are_known && !case_parameters.is_empty() => {
            let names = case_parameters
                .iter()
                .map(|parameter| parameter.name.clone())
                .collect();
            axes.push(Axis::resolve(written, names, vocabulary, mistakes));
        }
        _ => {}
    }
    for parameter in &parameters {
        if let Source::Values(attribute) = &parameter.source
            && let Some(Listing::Entries(written)) = Listing::read(attribute, mistakes)
        {
            axes.push(Axis::resolve(
                written,
                vec![parameter.name.clone()],
                vocabulary,
                mistakes,
            ));
        }
    }

    let Attributes {
        doc,
        mut markers,
        ignore,
        should_panic,
        ..
    } = attributes;
    // Those that stood above the test arrive last one first.
    markers.sort_by_key(|marker| Position::of(marker.name.span()));
    let split = matrix::split(&mut markers, &axes, vocabulary);
    rules::check(&markers, &split, &axes, vocabulary, mistakes);

    let cases = if let Some(provider) = provider {
        if let [variant, _, ..] = split.as_slice() {
            mistakes.at(
                &variant.marker.name,
                "different card counts per platform make one case per platform, which `#[cases(from = …)]` cannot have\n\
                 help: ask for equally many cards on every platform, or write one test per platform",
            );
        }
        Cases::From(Box::new(provider))
    } else if axes.is_empty() && split.is_empty() {
        Cases::One
    } else {
        let list = matrix::cases(&axes, &split, vocabulary, span, mistakes);
        Cases::Listed { axes, list }
    };
    Some(Test {
        function: function.clone(),
        doc,
        markers,
        ignore,
        should_panic,
        parameters,
        cases,
    })
}

/// `#[cases(…)]` on the test and `#[case]` on a parameter go together.
fn check_pairing(attributes: &Attributes, parameters: &[&Parameter], mistakes: &mut Mistakes) {
    match (&attributes.cases, parameters) {
        (None, parameters) => {
            for parameter in parameters {
                mistakes.at(
                    &parameter.ident,
                    format!(
                        "`{}` is a case parameter, but the test has no `#[cases(…)]`\nhelp: add `#[cases(…)]` below \
                         `#[tribunal::test]`, or list the values here with `#[values(…)]`",
                        parameter.name
                    ),
                );
            }
        }
        (Some(attribute), []) => mistakes.at(
            attribute.path(),
            "no parameter takes these cases\nhelp: put `#[case]` in front of the parameter that does",
        ),
        (Some(_), [_, ..]) => {}
    }
}

/// The provider of cases: exactly one `#[case]` parameter, and no matrix.
fn from(function: Path, parameters: &[Parameter], mistakes: &mut Mistakes) -> Option<Provider> {
    let cases: Vec<&Parameter> = parameters
        .iter()
        .filter(|p| matches!(p.source, Source::Case))
        .collect();
    for parameter in parameters {
        if let Source::Values(attribute) = &parameter.source {
            mistakes.at(
                attribute,
                "`#[values(…)]` cannot be multiplied with `#[cases(from = …)]`\nhelp: let the function make the combinations",
            );
        }
    }
    match cases.as_slice() {
        [] => None,
        [one] => Some(Provider {
            function,
            value: provided(&one.ty),
        }),
        several => {
            let names = listed(several.iter().map(|parameter| &parameter.name));
            mistakes.at(
                function,
                format!(
                    "`#[cases(from = …)]` fills one `#[case]` parameter, but there are {} ({names})\nhelp: take a struct or a tuple",
                    several.len()
                ),
            );
            None
        }
    }
}

/// The type that the provider makes for a parameter of type `ty`: `T` for `&T` and `T`, `String` for `&str`, `Vec<T>` for `&[T]`.
fn provided(ty: &Type) -> Type {
    match ty {
        Type::Reference(reference) if reference.lifetime.is_none() => match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") => parse_quote!(::std::string::String),
            Type::Slice(slice) => {
                let item = &slice.elem;
                parse_quote!(::std::vec::Vec<#item>)
            }
            other => other.clone(),
        },
        Type::Group(group) => provided(&group.elem),
        other => other.clone(),
    }
}

/// Where the type of a function's result stands, for errors about it.
pub(crate) fn output_span(function: &ItemFn) -> proc_macro2::Span {
    match &function.sig.output {
        syn::ReturnType::Default => function.sig.ident.span(),
        syn::ReturnType::Type(_, ty) => ty.to_token_stream().span(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_vocabulary_the_function_stays_and_nothing_follows_from_its_markers() {
        let item = quote!(
            #[whatever]
            #[inline]
            fn t(#[values(1, 2)] n: u8) {}
        );
        let tokens = without_vocabulary(item, Some("the file has mistakes"))
            .to_string()
            .replace(' ', "");
        assert!(tokens.contains("compile_error!"), "{tokens}");
        assert!(tokens.ends_with("#[inline]fnt(n:u8){}"), "{tokens}");
        assert!(
            !tokens.contains("whatever") && !tokens.contains("submit"),
            "{tokens}"
        );
    }

    #[test]
    fn the_provider_makes_what_the_parameter_borrows() {
        for (parameter, made) in [
            ("Model", "Model"),
            ("&Model", "Model"),
            ("&str", ":: std :: string :: String"),
            ("&[u8]", ":: std :: vec :: Vec < u8 >"),
            ("&'static str", "& 'static str"),
        ] {
            let ty = syn::parse_str(parameter).expect(parameter);
            assert_eq!(
                provided(&ty).to_token_stream().to_string(),
                made,
                "{parameter}"
            );
        }
    }
}
