//! How a value becomes the name of a case: the rule, as pure functions. Its wording stands in the docs of `#[tribunal::test]`.
//!
//! Promise: the result is a Rust identifier in lower case, the same on every machine, and depends on the value alone.
//! Rejected: numbering (`case_1`: says nothing in a report and shifts when a case is added) and brackets as in pytest
//! (`[llama-8b]`: test explorers cannot navigate to them).

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Expr, ExprLit, ExprUnary, Lit, UnOp};

use crate::text::value_text;

/// The part of a case's name that stands for `value` of the parameter `parameter`.
pub(crate) fn part(parameter: &str, value: &Expr) -> String {
    let slug = match tribunal_vocabulary::slug(&plain(value)) {
        slug if slug.is_empty() => "empty".to_owned(),
        slug => slug,
    };
    if is_identifier(&slug) {
        slug
    } else {
        format!("{parameter}_{slug}")
    }
}

/// Whether `name` can be the name of a function.
pub(crate) fn is_identifier(name: &str) -> bool {
    // `gen` is a keyword of edition 2024 that syn does not know.
    name != "gen" && syn::parse_str::<Ident>(name).is_ok()
}

/// An identifier as people read it: without `r#`.
pub(crate) fn unraw(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// The text that the slug is made of.
fn plain(value: &Expr) -> String {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => number.base10_digits().to_owned(),
        Expr::Lit(ExprLit {
            lit: Lit::Float(number),
            ..
        }) => number.base10_digits().to_owned(),
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => format!("minus {}", plain(expr)),
        Expr::Group(group) => plain(&group.expr),
        Expr::Paren(paren) => plain(&paren.expr),
        other => value_text(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_as_a_table() {
        for (value, expected) in [
            ("\"llama-8b\"", "llama_8b"),
            ("\"Qwen/Qwen3-Omni-30B\"", "qwen_qwen3_omni_30b"),
            ("\"  a -- b  \"", "a_b"),
            ("\"__a__\"", "a"),
            ("-1", "minus_1"),
            ("-0.5", "minus_0_5"),
            ("7", "p_7"),
            ("0.5", "p_0_5"),
            ("1_000", "p_1000"),
            ("0x10", "p_16"),
            ("1u8", "p_1"),
            ("true", "p_true"),
            ("false", "p_false"),
            ("\"fn\"", "p_fn"),
            ("\"gen\"", "p_gen"),
            ("\"Self\"", "p_self"),
            ("\"8b\"", "p_8b"),
            ("\"\"", "empty"),
            ("\"!?\"", "empty"),
            ("None", "none"),
            ("Some(3)", "some_3"),
            ("Format::Json", "format_json"),
            ("'x'", "x"),
            ("(-1)", "minus_1"),
            ("\"Ünï\"", "ünï"),
            ("\"中文\"", "中文"),
        ] {
            let parsed = syn::parse_str(value).expect(value);
            let name = part("p", &parsed);
            assert_eq!(name, expected, "{value}");
            assert!(is_identifier(&name), "{value} gave {name}");
        }
    }

    #[test]
    fn no_part_contains_the_separator_of_parts() {
        for text in ["a__b", "a _ _ b", "__", "a-_-b"] {
            assert!(!tribunal_vocabulary::slug(text).contains("__"), "{text}");
        }
    }
}
