//! A literal argument of a marker: what it says and where it stands.
//!
//! Promise: every value keeps the tokens that it was read from, down to the items of lists and maps, so that a complaint of the
//! vocabulary lands on the very word.
//! Rejected: taking any constant expression (its value is not known while the macro runs, so it could not be checked).

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprCall, ExprLit, ExprUnary, Lit, LitStr, Token, UnOp};
use tribunal_vocabulary::Value;

use crate::mistakes::Mistakes;
use crate::name::unraw;

/// A value with the tokens that it was read from.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) value: Value,
    pub(crate) tokens: TokenStream,
    /// Where the items of a list or a map stand.
    pub(crate) parts: Vec<Part>,
}

/// One item of a list (no key) or of a map.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) key: Option<Ident>,
    pub(crate) value: Written,
}

impl Written {
    /// Reads a value; on a mistake it is recorded and there is none.
    pub(crate) fn read(expr: &Expr, mistakes: &mut Mistakes) -> Option<Written> {
        let value = match expr {
            Expr::Group(group) => return Written::read(&group.expr, mistakes),
            Expr::Paren(paren) => return Written::read(&paren.expr, mistakes),
            Expr::Array(array) => {
                let found = mistakes.len();
                let items: Vec<_> = array
                    .elems
                    .iter()
                    .filter_map(|item| Written::read(item, mistakes))
                    .collect();
                if mistakes.len() > found {
                    return None;
                }
                let values = items.iter().map(|item| item.value.clone()).collect();
                let parts = items
                    .into_iter()
                    .map(|value| Part { key: None, value })
                    .collect();
                return Some(Written {
                    value: Value::List(values),
                    tokens: expr.to_token_stream(),
                    parts,
                });
            }
            Expr::Call(call) => duration(call),
            Expr::Lit(literal) => plain(literal, false),
            Expr::Unary(ExprUnary {
                op: UnOp::Neg(_),
                expr,
                ..
            }) => match &**expr {
                Expr::Lit(literal) => plain(literal, true),
                _ => Err(help(expr)),
            },
            Expr::Path(path) if path.path.is_ident("None") => Ok(Value::None),
            other => Err(help(other)),
        };
        match value {
            Ok(value) => Some(Written {
                value,
                tokens: expr.to_token_stream(),
                parts: Vec::new(),
            }),
            Err(message) => {
                mistakes.at(expr, message);
                None
            }
        }
    }

    /// Reads `(cuda = 2, rocm = 8)`, the arguments of a call.
    pub(crate) fn read_map(
        items: &Punctuated<Expr, Token![,]>,
        tokens: TokenStream,
        mistakes: &mut Mistakes,
    ) -> Option<Written> {
        let found = mistakes.len();
        let mut parts = Vec::new();
        for item in items {
            match keyed(item) {
                Some((key, value)) => {
                    if let Some(value) = Written::read(value, mistakes) {
                        parts.push(Part {
                            key: Some(key),
                            value,
                        });
                    }
                }
                None => mistakes.at(item, "expected `name = value`"),
            }
        }
        if mistakes.len() > found {
            return None;
        }
        let entries = parts
            .iter()
            .filter_map(|part| Some((unraw(part.key.as_ref()?), part.value.value.clone())))
            .collect();
        Some(Written {
            value: Value::Map(entries),
            tokens,
            parts,
        })
    }

    /// A value that stands nowhere itself, made from one that does.
    pub(crate) fn made(value: Value) -> Written {
        Written {
            value,
            tokens: TokenStream::new(),
            parts: Vec::new(),
        }
    }

    /// An `ArgValue`.
    pub(crate) fn render(&self) -> TokenStream {
        render(&self.value)
    }

    /// An `ArgValue` in which every text is the name of a cargo feature of the test's own crate.
    pub(crate) fn render_feature(&self) -> TokenStream {
        match &self.value {
            Value::List(_) => {
                let items = self.parts.iter().map(|part| part.value.render_feature());
                quote!(::tribunal::__private::ArgValue::List(&[#(#items),*]))
            }
            // The literal of the source keeps its place, for rustc's warning about a feature that the crate does not have.
            Value::Str(text) => {
                let literal = syn::parse2::<LitStr>(self.tokens.clone())
                    .unwrap_or_else(|_| LitStr::new(text, Span::call_site()));
                let holds = quote_spanned!(literal.span()=> ::core::cfg!(feature = #literal));
                quote!(::tribunal::__private::ArgValue::Feature(#literal, #holds))
            }
            _ => self.render(),
        }
    }
}

/// The two sides of `name = value`.
pub(crate) fn keyed(expr: &Expr) -> Option<(Ident, &Expr)> {
    let Expr::Assign(assign) = expr else {
        return None;
    };
    let Expr::Path(path) = &*assign.left else {
        return None;
    };
    Some((path.path.get_ident()?.clone(), &assign.right))
}

fn render(value: &Value) -> TokenStream {
    let variant = match value {
        Value::Int(number) => {
            let number = Literal::i64_suffixed(*number);
            quote!(Int(#number))
        }
        Value::Float(number) => {
            let number = Literal::f64_suffixed(*number);
            quote!(Float(#number))
        }
        Value::Str(text) => quote!(Str(#text)),
        Value::Bool(truth) => quote!(Bool(#truth)),
        Value::None => quote!(None),
        Value::List(items) => {
            let items = items.iter().map(render);
            quote!(List(&[#(#items),*]))
        }
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let value = render(value);
                quote!(::tribunal::__private::ArgEntry { key: #key, value: #value })
            });
            quote!(Map(&[#(#entries),*]))
        }
    };
    quote!(::tribunal::__private::ArgValue::#variant)
}

fn plain(literal: &ExprLit, negative: bool) -> Result<Value, String> {
    let sign = if negative { "-" } else { "" };
    match &literal.lit {
        Lit::Str(text) if !negative => Ok(Value::Str(text.value())),
        Lit::Bool(truth) if !negative => Ok(Value::Bool(truth.value)),
        Lit::Int(number) => format!("{sign}{}", number.base10_digits())
            .parse()
            .map(Value::Int)
            .map_err(|_| "this number does not fit into 64 bits".to_owned()),
        Lit::Float(number) => match format!("{sign}{}", number.base10_digits()).parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => Err("this number is too large".to_owned()),
        },
        _ => Err(LITERALS.to_owned()),
    }
}

const LITERALS: &str =
    "a marker's argument is a literal: text, a number, `true`, `false`, `None`, or a list of them";

fn help(expr: &Expr) -> String {
    match expr {
        Expr::Path(path) => match path.path.get_ident() {
            Some(word) => format!("{LITERALS}\nhelp: put text into quotes: `\"{word}\"`"),
            None => LITERALS.to_owned(),
        },
        _ => LITERALS.to_owned(),
    }
}

/// `Duration::from_secs(300)` and `from_millis`, as the text that the vocabulary reads.
fn duration(call: &ExprCall) -> Result<Value, String> {
    let Expr::Path(path) = &*call.func else {
        return Err(LITERALS.to_owned());
    };
    let segments: Vec<String> = path
        .path
        .segments
        .iter()
        .map(|s| s.ident.to_string())
        .collect();
    let [.., of, constructor] = segments.as_slice() else {
        return Err(LITERALS.to_owned());
    };
    if of != "Duration" {
        return Err(LITERALS.to_owned());
    }
    let unit = match constructor.as_str() {
        "from_secs" => "s",
        "from_millis" => "ms",
        _ => {
            return Err(
                "of `Duration`, only `from_secs` and `from_millis` can be read here\n\
                        help: write text, as in \"5m\" or \"500ms\""
                    .to_owned(),
            );
        }
    };
    match call.args.iter().collect::<Vec<_>>().as_slice() {
        [
            Expr::Lit(ExprLit {
                lit: Lit::Int(number),
                ..
            }),
        ] => Ok(Value::Str(format!("{}{unit}", number.base10_digits()))),
        _ => Err(format!(
            "`Duration::{constructor}` takes one whole number here"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> Result<Value, Vec<String>> {
        let mut mistakes = Mistakes::default();
        let expr = syn::parse_str(source).expect(source);
        Written::read(&expr, &mut mistakes)
            .map(|w| w.value)
            .ok_or_else(|| mistakes.messages())
    }

    #[test]
    fn literals_become_values() {
        let text = |s: &str| Value::Str(s.to_owned());
        for (source, expected) in [
            ("21", Value::Int(21)),
            ("-1", Value::Int(-1)),
            ("21.5", Value::Float(21.5)),
            ("-0.5", Value::Float(-0.5)),
            ("\"5m\"", text("5m")),
            ("true", Value::Bool(true)),
            ("None", Value::None),
            (
                "[\"H100\", \"L4\"]",
                Value::List(vec![text("H100"), text("L4")]),
            ),
            ("Duration::from_secs(300)", text("300s")),
            ("std::time::Duration::from_millis(1_500)", text("1500ms")),
        ] {
            assert_eq!(read(source), Ok(expected), "{source}");
        }
    }

    #[test]
    fn anything_else_is_a_mistake_that_says_what_to_write() {
        for (source, expected) in [
            ("H100", "put text into quotes: `\"H100\"`"),
            ("9223372036854775808", "64 bits"),
            ("1e999", "too large"),
            ("b\"x\"", "a marker's argument is a literal"),
            (
                "Duration::from_mins(3)",
                "only `from_secs` and `from_millis`",
            ),
            ("Duration::from_secs(a)", "takes one whole number"),
            ("f(3)", "a marker's argument is a literal"),
        ] {
            let messages = read(source).expect_err(source);
            assert!(
                messages.len() == 1 && messages[0].contains(expected),
                "{source}: {messages:?}"
            );
        }
    }

    #[test]
    fn every_bad_item_of_a_list_is_named() {
        assert_eq!(read("[H100, \"L4\", L5]").map_err(|m| m.len()), Err(2));
    }
}
