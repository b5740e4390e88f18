//! An expression as one line of text, for reports, for the sharing keys of fixtures and for the names of cases.
//!
//! Promise: the same tokens give the same text in rustc and in rust-analyzer, however the user spaced them.
//! Rejected: `TokenStream::to_string` (its spaces differ between compilers and their versions) and `Span::source_text` (on a
//! stable compiler the span of an expression covers its first token only).

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::{Expr, ExprLit, Lit};

/// A value as reports show it: text and characters without their quotes, anything else as source text.
pub(crate) fn value_text(value: &Expr) -> String {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => text.value(),
        Expr::Lit(ExprLit {
            lit: Lit::Char(one),
            ..
        }) => one.value().to_string(),
        Expr::Group(group) => value_text(&group.expr),
        Expr::Paren(paren) => value_text(&paren.expr),
        other => source_text(quote::quote!(#other)),
    }
}

/// `tokens` as one line, spaced as rustfmt would for everyday expressions.
pub(crate) fn source_text(tokens: TokenStream) -> String {
    let mut line = Line {
        text: String::new(),
        last: Last::Start,
    };
    line.all(tokens);
    line.text
}

/// What stands at the end of the line.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    /// Nothing, an opening delimiter or a prefix: no space follows.
    Start,
    /// A name or a literal.
    Word,
    /// A closing delimiter.
    Closed,
    /// A comma or a binary operator: a space follows.
    Between,
    /// The first half of an operator such as `::`.
    Joint,
}

struct Line {
    text: String,
    last: Last,
}

impl Line {
    fn all(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(word) => self.word(&word.to_string()),
                TokenTree::Literal(word) => self.word(&word.to_string()),
                TokenTree::Punct(punct) => self.punct(punct.as_char(), punct.spacing()),
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::Brace => ("{ ", " }"),
                        Delimiter::None => {
                            self.all(group.stream());
                            continue;
                        }
                    };
                    let apart = self.last == Last::Between
                        || group.delimiter() == Delimiter::Brace
                            && matches!(self.last, Last::Word | Last::Closed);
                    if apart {
                        self.text.push(' ');
                    }
                    self.text.push_str(open);
                    self.last = Last::Start;
                    self.all(group.stream());
                    self.text.push_str(close);
                    self.last = Last::Closed;
                }
            }
        }
    }

    fn word(&mut self, word: &str) {
        if matches!(self.last, Last::Word | Last::Between | Last::Closed) {
            self.text.push(' ');
        }
        self.text.push_str(word);
        self.last = Last::Word;
    }

    fn punct(&mut self, punct: char, spacing: Spacing) {
        let after_value = matches!(self.last, Last::Word | Last::Closed);
        match punct {
            ',' | ';' => {
                self.text.push(punct);
                self.last = Last::Between;
            }
            // Tight on both sides: paths, fields, `?`, ranges, generics, and the second half of a joint operator.
            ':' | '.' | '?' | '<' | '>' | '\'' => {
                if self.last == Last::Between {
                    self.text.push(' ');
                }
                self.text.push(punct);
                self.last = Last::Start;
            }
            _ if after_value || self.last == Last::Joint => {
                if self.last != Last::Joint && punct != '!' {
                    self.text.push(' ');
                }
                self.text.push(punct);
                self.last = match (spacing, punct) {
                    (_, '!') => Last::Start,
                    (Spacing::Joint, _) => Last::Joint,
                    (Spacing::Alone, _) => Last::Between,
                };
            }
            // A prefix: `-1`, `&x`, `!x`, `*x`.
            _ => {
                if self.last == Last::Between {
                    self.text.push(' ');
                }
                self.text.push(punct);
                self.last = Last::Start;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> String {
        value_text(&syn::parse_str(source).expect(source))
    }

    #[test]
    fn values_read_as_a_person_would_write_them() {
        for (source, expected) in [
            ("\"llama-8b\"", "llama-8b"),
            ("'x'", "x"),
            ("-1", "-1"),
            ("0.5", "0.5"),
            ("true", "true"),
            ("None", "None"),
            ("Some( 3 )", "Some(3)"),
            ("Duration :: from_secs ( 5 )", "Duration::from_secs(5)"),
            ("[ \"a\" , \"b\" ]", "[\"a\", \"b\"]"),
            ("(\"a\",-1)", "(\"a\", -1)"),
            ("& [1,2]", "&[1, 2]"),
            ("a+b*2", "a + b * 2"),
            ("a-1", "a - 1"),
            ("vec![1]", "vec![1]"),
            ("Point{x:1,y:2}", "Point { x:1, y:2 }"),
            ("\"a\".into()", "\"a\".into()"),
            ("a==b", "a == b"),
        ] {
            assert_eq!(text(source), expected, "{source}");
        }
    }

    #[test]
    fn spacing_in_the_source_does_not_matter() {
        assert_eq!(text("Some(  f ( 1,2 ) )"), text("Some(f(1, 2))"));
    }
}
