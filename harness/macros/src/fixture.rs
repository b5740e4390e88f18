//! `#[tribunal::fixture]`: a function becomes a node of the static graph of fixtures.
//!
//! Promise: the function stays as it is; a type of its name joins it, which parameters are looked up by. A fixture that asks for
//! one that does not live as long as itself does not compile.
//! Rejected: a registry of fixtures by text (a wrong name would show at start-up, and `use` could not choose between two).

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Expr, GenericArgument, ItemFn, PathArguments, ReturnType, Token, Type, parenthesized,
    parse_quote,
};
use tribunal_vocabulary::{Vocabulary, nearest};

use crate::marker::marker_word;
use crate::mistakes::Mistakes;
use crate::name::unraw;
use crate::parameter::{Parameter, Source, check_signature, hidden, is_set_up};
use crate::place::Position;
use crate::test::{read_function, unregistered};

/// How long the value lives: the word of the source and the name of the `Scope`.
const SCOPES: &[(&str, &str)] = &[
    ("test", "Test"),
    ("module", "Module"),
    ("session", "Session"),
];

/// The arguments of `#[tribunal::fixture(…)]`.
const OPTIONS: &[&str] = &[
    "deployment",
    "deployments",
    "implies",
    "params",
    "scope",
    "shared_by",
];

/// `scope = …`, `params(…)`, `implies(…)`, `deployment`, `deployments`, `shared_by = …`.
struct Options {
    deployment: bool,
    deployments: bool,
    shared_by: Option<Ident>,
    scope: (&'static str, Ident),
    params: Vec<String>,
    implies: Vec<String>,
}

/// The expansion of `#[tribunal::fixture]`.
pub(crate) fn expand(args: TokenStream, item: TokenStream, vocabulary: &Vocabulary) -> TokenStream {
    let mut function = match read_function("fixture", item) {
        Ok(function) => function,
        Err(tokens) => return tokens,
    };
    let mut mistakes = Mistakes::default();
    check_signature("fixture", &function.sig, &mut mistakes);
    let options = Options::read(args, vocabulary, &mut mistakes);
    check_attributes(&mut function, vocabulary, &mut mistakes);
    let parameters = Parameter::read(&mut function.sig, &mut mistakes);
    for parameter in &parameters {
        if !matches!(parameter.source, Source::Fixture) {
            mistakes.at(
                &parameter.ident,
                "cases belong to tests; a fixture reads them as text\nhelp: declare `#[tribunal::fixture(params(NAME))]` and call \
                 `cx.param(\"NAME\")` on a parameter `cx: &SetUp`",
            );
        }
    }
    if !mistakes.is_empty() {
        return unregistered(mistakes, &function);
    }
    render(&function, &options, &parameters)
}

/// Markers stand on tests; a fixture hands some on with `implies(…)`.
fn check_attributes(function: &mut ItemFn, vocabulary: &Vocabulary, mistakes: &mut Mistakes) {
    function.attrs.retain(|attribute| {
        let Some(word) = marker_word(attribute) else { return true };
        let message = if vocabulary.id(&word).is_some() {
            format!(
                "`{word}` marks tests, not fixtures\nhelp: to hand it to tests that ask for this fixture, write \
                 `#[tribunal::fixture(implies({word}))]`"
            )
        } else {
            format!(
                "`{word}` is no attribute of a fixture\nhelp: an attribute macro of another crate is written with its path"
            )
        };
        mistakes.at(attribute.path(), message);
        false
    });
}

impl Options {
    fn read(args: TokenStream, vocabulary: &Vocabulary, mistakes: &mut Mistakes) -> Options {
        let mut options = Options {
            scope: ("test", Ident::new("Test", Span::call_site())),
            params: Vec::new(),
            implies: Vec::new(),
            shared_by: None,
            deployment: false,
            deployments: false,
        };
        let list = match Punctuated::<OptionWritten, Token![,]>::parse_terminated.parse2(args) {
            Ok(list) => list,
            Err(error) => {
                mistakes.add(error);
                return options;
            }
        };
        let mut seen: Vec<String> = Vec::new();
        for OptionWritten { name, value } in &list {
            let word = unraw(name);
            if seen.contains(&word) {
                mistakes.at(name, format!("`{word}` stands here twice"));
            }
            match (word.as_str(), value) {
                ("scope", Some(OptionValue::Is(scope))) => options.scope(scope, mistakes),
                ("params", Some(OptionValue::List(words))) => {
                    options.params = words.iter().map(unraw).collect()
                }
                ("implies", Some(OptionValue::List(words))) => {
                    options.implies(words, vocabulary, mistakes)
                }
                ("deployment", None) => options.deployment = true,
                ("deployments", None) => options.deployments = true,
                ("deployments", Some(_)) => mistakes.at(name, "write `deployments` alone"),
                ("deployment", Some(_)) => mistakes.at(name, "write `deployment` alone"),
                ("shared_by", Some(OptionValue::Is(function))) => {
                    options.shared_by = Some(function.clone());
                }
                ("shared_by", _) => mistakes.at(
                    name,
                    "write `shared_by = function`, a `fn(&tribunal::Sharing<'_>) -> String` in scope",
                ),
                ("scope", _) => mistakes.at(
                    name,
                    "write `scope = test`, `scope = module` or `scope = session`",
                ),
                ("params" | "implies", _) => mistakes.at(name, format!("write `{word}(name, …)`")),
                _ => {
                    let near = nearest(&word, OPTIONS.iter().copied())
                        .map_or_else(String::new, |near| {
                            format!("\nhelp: did you mean `{near}`?")
                        });
                    mistakes.at(
                        name,
                        format!(
                            "`{word}` is no argument of a fixture (known: `scope = test|module|session`, `params(…)`, `implies(…)`, `deployment`, `deployments`, `shared_by = …`){near}"
                        ),
                    );
                }
            }
            seen.push(word);
        }
        options
    }

    fn scope(&mut self, scope: &Ident, mistakes: &mut Mistakes) {
        let word = unraw(scope);
        match SCOPES.iter().find(|(known, _)| *known == word) {
            Some((known, variant)) => self.scope = (known, Ident::new(variant, scope.span())),
            None => {
                let near = nearest(&word, SCOPES.iter().map(|(known, _)| *known))
                    .map_or_else(String::new, |near| {
                        format!("\nhelp: did you mean `{near}`?")
                    });
                mistakes.at(
                    scope,
                    format!("`{word}` is no scope (known: `test`, `module`, `session`){near}"),
                );
            }
        }
    }

    fn implies(&mut self, words: &[Ident], vocabulary: &Vocabulary, mistakes: &mut Mistakes) {
        for word in words {
            let name = unraw(word);
            if vocabulary.id(&name).is_none() {
                mistakes.at(word, vocabulary.unknown_marker(&name));
            }
            self.implies.push(name);
        }
    }
}

/// One argument as it stands in the source; without a value where it has another form than any of ours.
struct OptionWritten {
    name: Ident,
    value: Option<OptionValue>,
}

enum OptionValue {
    Is(Ident),
    List(Vec<Ident>),
}

impl Parse for OptionWritten {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.call(Ident::parse_any)?;
        let value = if input.parse::<Option<Token![=]>>()?.is_some() {
            word(&input.parse()?).map(OptionValue::Is)
        } else if input.peek(syn::token::Paren) {
            let words;
            parenthesized!(words in input);
            let words = words.parse_terminated(Expr::parse, Token![,])?;
            words
                .iter()
                .map(word)
                .collect::<Option<_>>()
                .map(OptionValue::List)
        } else {
            None
        };
        Ok(OptionWritten { name, value })
    }
}

/// The single name that an expression is.
fn word(expr: &Expr) -> Option<Ident> {
    match expr {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident().cloned(),
        _ => None,
    }
}

fn render(function: &ItemFn, options: &Options, parameters: &[Parameter]) -> TokenStream {
    let ident = &function.sig.ident;
    let (visibility, name) = (&function.vis, unraw(ident));
    let cx = hidden("cx");
    let (mut pick_up, mut arguments, mut needs, mut checks) = (vec![], vec![], vec![], vec![]);
    let (scope_word, scope) = &options.scope;
    for parameter in parameters {
        if is_set_up(&parameter.ty) {
            arguments.push(quote!(&#cx));
            continue;
        }
        let entry = parameter.entry();
        let message = format!(
            "{scope_word} fixture `{name}` asks for `{}`, which does not live as long",
            parameter.name
        );
        checks.push(quote_spanned! {parameter.ident.span()=>
            ::tribunal::__private::check_scope(::tribunal::__private::Scope::#scope, #entry, #message);
        });
        pick_up.push(parameter.pick_up(needs.len(), &cx));
        arguments.push(parameter.hand_over(needs.len()));
        needs.push(entry);
    }
    let (value, fallible) = output(&function.sig.output);
    let await_it = function.sig.asyncness.map(|_| quote!(.await));
    let made = hidden("made");
    let span = value.span().resolved_at(Span::mixed_site());
    let make = if fallible {
        quote_spanned! {span=>
            let #made: #value = #ident(#(#arguments),*) #await_it .map_err(::tribunal::__private::Error::of)?;
        }
    } else {
        quote_spanned!(span=> let #made: #value = #ident(#(#arguments),*) #await_it;)
    };
    let stored =
        quote_spanned!(span=> ::std::sync::Arc::new(#made) as ::tribunal::__private::Stored);
    let place = Position::of(ident.span()).render();
    let Options {
        params,
        implies,
        deployment,
        deployments,
        ..
    } = options;
    let shared_by = match &options.shared_by {
        Some(function) => quote!(::core::option::Option::Some(#function)),
        None => quote!(::core::option::Option::None),
    };
    quote! {
        #function

        #[allow(non_camel_case_types, dead_code)]
        #[doc(hidden)]
        #visibility struct #ident {}

        impl ::tribunal::__private::Fixture for #ident {
            type Value = #value;
            const ENTRY: &'static ::tribunal::__private::FixtureEntry = &::tribunal::__private::FixtureEntry {
                name: #name,
                module: ::core::module_path!(),
                scope: ::tribunal::__private::Scope::#scope,
                place: #place,
                needs: { #(#checks)* &[#(#needs),*] },
                params: &[#(#params),*],
                implies: &[#(#implies),*],
                deployment: #deployment,
                deployments: #deployments,
                shared_by: #shared_by,
                set_up: |#cx| ::std::boxed::Box::pin(async move {
                    #(#pick_up)*
                    #make
                    ::core::result::Result::Ok(#stored)
                }),
            };
        }
    }
}

/// The type of the value, and whether it comes in a `Result` (told by the last word of the type).
fn output(output: &ReturnType) -> (Type, bool) {
    let ReturnType::Type(_, ty) = output else {
        return (parse_quote!(()), false);
    };
    if let Type::Path(path) = &**ty
        && let Some(last) = path.path.segments.last()
        && last.ident == "Result"
        && let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(value)) = arguments.args.first()
    {
        return (value.clone(), true);
    }
    ((**ty).clone(), false)
}
