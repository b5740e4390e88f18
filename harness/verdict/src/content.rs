//! The rules of what a text says: keywords, an expected text, a form that was asked for.

use regex::Regex;
use serde_json::Value;

use crate::bench::Bench;
use crate::schema;
use crate::verdict::{Ending, RuleResult, quoted};

/// What was said, on whichever route.
pub(crate) struct Content<'a> {
    /// The text of each choice.
    pub texts: Vec<&'a str>,
    /// What is heard in it, where there is no text, or beside it.
    pub spoken: Option<&'a str>,
    /// The body of the request.
    pub request: &'a Value,
    /// Whether a text was cut off by the limit of tokens.
    pub cut: bool,
}

impl Content<'_> {
    fn said(&self) -> Vec<&str> {
        let texts: Vec<&str> = self
            .texts
            .iter()
            .copied()
            .filter(|text| !text.trim().is_empty())
            .collect();
        if texts.is_empty() {
            self.spoken.into_iter().collect()
        } else {
            texts
        }
    }
}

pub(crate) fn rules(bench: &Bench, content: &Content<'_>) -> Vec<RuleResult> {
    vec![
        keywords(bench, content),
        expected_text(bench, content),
        guided(content),
        json_keys(bench, content),
    ]
}

pub(crate) fn keywords(bench: &Bench, content: &Content<'_>) -> RuleResult {
    const RULE: &str = "keywords";
    if bench.expect.keywords.is_empty() {
        return RuleResult::not_applicable(RULE, "the test expects none");
    }
    let said = content.said();
    if said.is_empty() {
        return RuleResult::new(RULE, Ending::Fail)
            .figure("no text")
            .threshold("keywords");
    }
    let mut complaints = Vec::new();
    for text in &said {
        let lower = text.to_lowercase();
        for (modality, words) in &bench.expect.keywords {
            if !words
                .iter()
                .any(|word| lower.contains(&word.to_lowercase()))
            {
                let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
                complaints.push(format!(
                    "of the {modality}: none of {} is in {}",
                    words.join(", "),
                    quoted(text)
                ));
            }
        }
    }
    RuleResult::without_complaints(RULE, complaints)
}

pub(crate) fn expected_text(bench: &Bench, content: &Content<'_>) -> RuleResult {
    const RULE: &str = "expected_text";
    let Some(wanted) = &bench.expect.text else {
        return RuleResult::not_applicable(RULE, "the test expects none");
    };
    match content
        .texts
        .iter()
        .find(|text| text.trim() != wanted.trim())
    {
        None if content.texts.is_empty() => RuleResult::new(RULE, Ending::Fail)
            .figure("no text")
            .threshold(quoted(wanted)),
        None => RuleResult::new(RULE, Ending::Pass),
        Some(other) => {
            let same = other
                .trim()
                .chars()
                .zip(wanted.trim().chars())
                .take_while(|(a, b)| a == b)
                .count();
            RuleResult::new(RULE, Ending::Fail)
                .figure(quoted(other))
                .threshold(quoted(wanted))
                .because(format!("they part after {same} characters"))
        }
    }
}

/// A form that the request asked for.
#[derive(Debug, PartialEq)]
enum Form<'a> {
    Object,
    Schema(&'a Value),
    Choice(Vec<&'a str>),
    Pattern(&'a str),
    /// A form that is not looked at.
    Other(&'static str),
}

/// The form that a request asks for, in the words of the API and of vLLM and SGLang.
fn form(request: &Value) -> Option<Form<'_>> {
    let format = match &request["response_format"] {
        Value::Null => &request["text"]["format"],
        format => format,
    };
    let format_schema = format["json_schema"]
        .get("schema")
        .or_else(|| format.get("schema"));
    match (format["type"].as_str(), format_schema) {
        (Some("json_schema"), Some(schema)) => return Some(Form::Schema(schema)),
        (Some("json_object" | "json_schema"), _) => return Some(Form::Object),
        _ => {}
    }
    let structured = &request["structured_outputs"];
    let find = |names: [&str; 2], inner: &str| {
        names
            .iter()
            .map(|name| &request[*name])
            .chain([&structured[inner]])
            .find(|value| !value.is_null() && **value != false)
    };
    if let Some(schema) = find(["guided_json", "json_schema"], "json") {
        return Some(if schema.is_object() {
            Form::Schema(schema)
        } else {
            Form::Object
        });
    }
    if find(["guided_json_object", "-"], "json_object").is_some() {
        return Some(Form::Object);
    }
    if let Some(Value::Array(choices)) = find(["guided_choice", "-"], "choice") {
        return Some(Form::Choice(
            choices.iter().filter_map(Value::as_str).collect(),
        ));
    }
    if let Some(Value::String(pattern)) = find(["guided_regex", "regex"], "regex") {
        return Some(Form::Pattern(pattern));
    }
    find(["guided_grammar", "ebnf"], "grammar").map(|_| Form::Other("a grammar"))
}

pub(crate) fn guided(content: &Content<'_>) -> RuleResult {
    const RULE: &str = "guided";
    let Some(form) = form(content.request) else {
        return RuleResult::not_applicable(RULE, "the request asked for no form");
    };
    if let Form::Other(what) = form {
        return RuleResult::not_made(
            RULE,
            format!("{what} is not followed here"),
            "expect keywords or a text instead",
        );
    }
    if content.texts.is_empty() {
        return RuleResult::new(RULE, Ending::Fail).figure("no text");
    }
    let (mut complaints, mut unknown) = (Vec::new(), Vec::new());
    for text in &content.texts {
        match &form {
            Form::Object => match serde_json::from_str::<Value>(text) {
                Ok(Value::Object(_)) => {}
                Ok(_) => complaints.push(format!("{} is JSON and no object", quoted(text))),
                Err(error) => complaints.push(format!("{} is no JSON: {error}", quoted(text))),
            },
            Form::Schema(wanted) => match serde_json::from_str::<Value>(text) {
                Ok(value) => {
                    let found = schema::check(wanted, &value);
                    complaints.extend(found.wrong);
                    unknown.extend(found.unknown);
                }
                Err(error) => complaints.push(format!("{} is no JSON: {error}", quoted(text))),
            },
            Form::Choice(choices) => {
                if !choices.contains(&text.trim()) {
                    complaints.push(format!(
                        "{} is none of the choices {choices:?}",
                        quoted(text)
                    ));
                }
            }
            Form::Pattern(pattern) => match Regex::new(&format!("^(?:{pattern})$")) {
                Ok(regex) if regex.is_match(text.trim()) => {}
                Ok(_) => complaints.push(format!(
                    "{} does not match {}",
                    quoted(text),
                    quoted(pattern)
                )),
                Err(_) => unknown.push(format!("the pattern {}", quoted(pattern))),
            },
            Form::Other(_) => {}
        }
    }
    let is_cut = content.cut && !complaints.is_empty();
    if complaints.is_empty() && !unknown.is_empty() {
        return RuleResult::not_made(
            RULE,
            format!("not understood: {}", unknown.join(", ")),
            "use the plainer words of the standard",
        );
    }
    let result = RuleResult::without_complaints(RULE, complaints);
    match is_cut {
        true => RuleResult {
            ending: Ending::Undecided,
            message: format!(
                "the text ended with the limit of tokens: {}",
                result.message
            ),
            ..result
        },
        false => result,
    }
}

pub(crate) fn json_keys(bench: &Bench, content: &Content<'_>) -> RuleResult {
    const RULE: &str = "json_keys";
    let wanted = &bench.expect.json_keys;
    if wanted.is_empty() {
        return RuleResult::not_applicable(RULE, "the test expects none");
    }
    let mut complaints = Vec::new();
    for text in &content.texts {
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(fields)) => {
                let missing = wanted.iter().filter(|key| !fields.contains_key(*key));
                complaints
                    .extend(missing.map(|key| format!("{} lacks {}", quoted(text), quoted(key))));
            }
            _ => complaints.push(format!("{} is no JSON object", quoted(text))),
        }
    }
    if content.texts.is_empty() {
        complaints.push("there is no text".into());
    }
    RuleResult::without_complaints(RULE, complaints)
}
