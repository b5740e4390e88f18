//! The rules of tool calls: their structure, the tool that is called, and arguments that the tool could take.

use serde_json::Value;

use crate::bench::Bench;
use crate::schema;
use crate::verdict::{Ending, RuleResult, quoted, shown};

/// A call, on whichever route.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub id: Option<String>,
    pub kind: Option<String>,
    pub name: Option<String>,
    pub arguments: Option<String>,
}

impl Call {
    /// From a chat's `tool_calls`.
    pub fn of_chat(call: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Self {
            id: text(&call["id"]),
            // Some servers leave out what can only be one thing; that is their affair, and their clients'.
            kind: text(&call["type"]),
            name: text(&call["function"]["name"]),
            arguments: text(&call["function"]["arguments"]),
        }
    }

    fn parsed(&self) -> Result<Value, String> {
        let text = self.arguments.as_deref().ok_or("there are no arguments")?;
        let value: Value = serde_json::from_str(text)
            .map_err(|error| format!("{} is no JSON: {error}", quoted(text)))?;
        if value.is_object() {
            Ok(value)
        } else {
            Err(format!("{} is no JSON object", quoted(text)))
        }
    }
}

/// The tools that a request offers: name and schema of the parameters.
fn offered(request: &Value) -> Vec<(&str, &Value)> {
    let tools = request["tools"].as_array().into_iter().flatten();
    tools
        .filter_map(|tool| {
            // The responses route has the function's fields beside `type`.
            let function = tool.get("function").unwrap_or(tool);
            Some((function["name"].as_str()?, &function["parameters"]))
        })
        .collect()
}

/// Whether the request leaves the model no choice but to call a tool, and which.
fn required(request: &Value) -> Option<Option<&str>> {
    match &request["tool_choice"] {
        Value::String(word) if word == "required" => Some(None),
        Value::Object(choice) => {
            let name = choice
                .get("function")
                .and_then(|function| function["name"].as_str());
            Some(name.or_else(|| choice.get("name").and_then(Value::as_str)))
        }
        _ => None,
    }
}

/// What the text or the call could not say any more, because it ended with the limit of tokens, decides nothing.
fn cut_off(result: RuleResult) -> RuleResult {
    RuleResult {
        ending: Ending::Undecided,
        message: format!("it ended with the limit of tokens: {}", result.message),
        ..result
    }
}

/// `cut`: whether a choice ended with the limit of tokens.
pub(crate) fn structure(request: &Value, calls: &[Call], cut: bool) -> RuleResult {
    const RULE: &str = "tool_calls";
    let (tools, required) = (offered(request), required(request));
    if calls.is_empty() {
        return match required {
            Some(_) => {
                let result = RuleResult::new(RULE, Ending::Fail)
                    .figure("no call")
                    .threshold("the call that the request requires");
                if cut { cut_off(result) } else { result }
            }
            None => RuleResult::not_applicable(RULE, "there is no call, and none is required"),
        };
    }
    let (mut complaints, mut unread) = (Vec::new(), 0);
    if request["tool_choice"] == "none" || tools.is_empty() {
        complaints.push("the request allows no call".to_owned());
    }
    for (number, call) in calls.iter().enumerate() {
        let number = number + 1;
        if call.id.as_deref().is_none_or(str::is_empty) {
            complaints.push(format!("call {number} has no id"));
        }
        if calls[..number - 1]
            .iter()
            .any(|other| other.id.is_some() && other.id == call.id)
        {
            complaints.push(format!("call {number} has the id of another"));
        }
        if call.kind.as_deref() != Some("function") {
            complaints.push(format!(
                "call {number} is of type {}, not \"function\"",
                shown(call.kind.as_deref())
            ));
        }
        let name = call.name.as_deref();
        if !name.is_some_and(|name| tools.iter().any(|(known, _)| *known == name)) {
            complaints.push(format!(
                "call {number} is for {}, which was not offered",
                shown(name)
            ));
        }
        if let Some(Some(wanted)) = required
            && name != Some(wanted)
        {
            complaints.push(format!(
                "call {number} is for {}, the request requires {}",
                shown(name),
                quoted(wanted)
            ));
        }
        if let Err(why) = call.parsed() {
            complaints.push(format!("the arguments of call {number}: {why}"));
            // Only the last call can be the one that was cut off.
            unread += usize::from(number == calls.len());
        }
    }
    let only_cut = cut && unread == 1 && complaints.len() == 1;
    let result = RuleResult::without_complaints(RULE, complaints);
    if only_cut { cut_off(result) } else { result }
}

pub(crate) fn name(bench: &Bench, calls: &[Call]) -> RuleResult {
    const RULE: &str = "tool_name";
    let Some(wanted) = bench.expect.tool.as_deref() else {
        return RuleResult::not_applicable(RULE, "the test expects none");
    };
    let names: Vec<_> = calls
        .iter()
        .map(|call| shown(call.name.as_deref()))
        .collect();
    RuleResult::holds(
        RULE,
        calls
            .iter()
            .any(|call| call.name.as_deref() == Some(wanted)),
    )
    .figure(if names.is_empty() {
        "no call".to_owned()
    } else {
        names.join(", ")
    })
    .threshold(quoted(wanted))
}

pub(crate) fn arguments(bench: &Bench, request: &Value, calls: &[Call], cut: bool) -> RuleResult {
    const RULE: &str = "tool_arguments";
    let keys = &bench.expect.tool_keys;
    if calls.is_empty() {
        return match keys.is_empty() {
            true => RuleResult::not_applicable(RULE, "there is no call"),
            false => RuleResult::new(RULE, Ending::Fail)
                .figure("no call")
                .threshold(keys.join(", ")),
        };
    }
    let tools = offered(request);
    let (mut complaints, mut unknown) = (Vec::new(), Vec::new());
    let mut unread = 0;
    for (number, call) in calls.iter().enumerate() {
        let name = call.name.as_deref().unwrap_or_default();
        let value = match call.parsed() {
            Ok(value) => value,
            Err(why) => {
                complaints.push(format!("of {}: {why}", quoted(name)));
                unread += usize::from(number + 1 == calls.len());
                continue;
            }
        };
        if let Some((_, schema)) = tools
            .iter()
            .find(|(known, schema)| *known == name && !schema.is_null())
        {
            let found = schema::check(schema, &value);
            complaints.extend(
                found
                    .wrong
                    .into_iter()
                    .map(|wrong| format!("of {}: {wrong}", quoted(name))),
            );
            unknown.extend(found.unknown);
        }
        if bench.expect.tool.as_deref().is_none_or(|tool| tool == name) {
            let missing = keys.iter().filter(|key| value.get(key.as_str()).is_none());
            complaints.extend(missing.map(|key| {
                format!(
                    "of {}: {} lacks {}",
                    quoted(name),
                    quoted(&value.to_string()),
                    quoted(key)
                )
            }));
        }
    }
    if complaints.is_empty() && !unknown.is_empty() {
        return RuleResult::not_made(
            RULE,
            format!("not understood of the schema: {}", unknown.join(", ")),
            "use the plainer words of the standard",
        );
    }
    let only_cut = cut && unread == 1 && complaints.len() == 1;
    let result = RuleResult::without_complaints(RULE, complaints);
    if only_cut { cut_off(result) } else { result }
}
