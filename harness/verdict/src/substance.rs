//! The rules of substance: text that is there, and token counts that agree with each other, with the
//! limit that was asked for and with the finish reasons.

use tribunal_client::Usage;

use crate::bench::Bench;
use crate::facts::{Facts, choice};
use crate::form;
use crate::verdict::{Ending, RuleResult, quoted};

const COUNTS: [&str; 4] = ["usage_sum", "usage_counts", "usage_limit", "finish_length"];

pub(crate) fn rules(bench: &Bench, facts: &Facts<'_>) -> Vec<RuleResult> {
    let (usage, counts) = usage(facts);
    let mut rules = vec![text(bench, facts), usage];
    match counts {
        Some(counts) => rules.extend([
            sum(counts),
            positive(facts, counts),
            limit(facts, counts),
            finish_length(facts, counts),
        ]),
        None => rules.extend(COUNTS.iter().map(|rule| {
            RuleResult::not_applicable(rule, "there are no complete token counts to compare")
        })),
    }
    rules
}

/// Every choice has text that is more than blanks, unless it answers in another way.
fn text(bench: &Bench, facts: &Facts<'_>) -> RuleResult {
    if facts.max_tokens() == Some(0) {
        return RuleResult::not_applicable("text", "the request asked for no token");
    }
    let blank: Vec<_> = facts
        .choices
        .iter()
        .filter(|choice| choice.text.is_none_or(|text| text.trim().is_empty()))
        .collect();
    let Some(first) = blank.first() else {
        return RuleResult::holds("text", !facts.choices.is_empty())
            .threshold("text in every choice");
    };
    let which = choice(first.index);
    if blank
        .iter()
        .all(|choice| choice.finish == Some("tool_calls") && choice.other)
    {
        return RuleResult::not_applicable("text", format!("{which} is a tool call"));
    }
    if blank.iter().all(|choice| choice.other) {
        return RuleResult::new("text", Ending::Undecided).because(format!(
            "{which} has other output (reasoning, a refusal, audio) but no text"
        ));
    }
    if facts.has_stop() && blank.iter().all(|choice| choice.finish == Some("stop")) {
        return RuleResult::new("text", Ending::Undecided).because(format!(
            "{which} has no text, and a stop string may have come first"
        ));
    }
    // Blanks are text that was said, and no end at once.
    let nothing = blank.iter().all(|c| c.text.is_none_or(str::is_empty));
    if nothing && let Some(result) = form::ended_at_once("text", bench, facts, &blank) {
        return result;
    }
    let figure = first.text.map_or_else(|| "null".into(), quoted);
    RuleResult::new("text", Ending::Fail)
        .figure(figure)
        .threshold("text in every choice")
        .because(which)
}

fn usage(facts: &Facts<'_>) -> (RuleResult, Option<Usage>) {
    let rule = RuleResult::new("usage", Ending::Fail)
        .threshold("prompt_tokens, completion_tokens, total_tokens");
    let Some(usage) = facts.usage else {
        let asked = facts.asked("stream_options")["include_usage"] == true;
        if facts.stream.is_some() && !asked {
            return (
                RuleResult::not_applicable("usage", "the stream was not asked for it"),
                None,
            );
        }
        return (rule.figure("no usage"), None);
    };
    match usage.complete() {
        Ok(counts) => {
            let figure = format!(
                "{} + {} = {}",
                counts.prompt_tokens, counts.completion_tokens, counts.total_tokens
            );
            (
                RuleResult::new("usage", Ending::Pass).figure(figure),
                Some(counts),
            )
        }
        Err(missing) => (rule.figure(format!("no {missing}")), None),
    }
}

fn sum(usage: Usage) -> RuleResult {
    let want = usage.prompt_tokens.checked_add(usage.completion_tokens);
    let shown = want.map_or_else(
        || "a sum that a computer can hold".into(),
        |want| want.to_string(),
    );
    RuleResult::holds("usage_sum", want == Some(usage.total_tokens))
        .figure(usage.total_tokens)
        .threshold(format!("{shown} (prompt + completion)"))
}

/// Text that is there was counted, and so was the prompt.
fn positive(facts: &Facts<'_>, usage: Usage) -> RuleResult {
    // With `echo` the text holds the prompt, which is not counted as generated.
    let said = facts.asked("echo") != true
        && facts
            .choices
            .iter()
            .any(|choice| choice.other || choice.text.is_some_and(|text| !text.is_empty()));
    let wrong = if usage.prompt_tokens == 0 {
        Some("prompt_tokens is 0")
    } else if said && usage.completion_tokens == 0 {
        Some("completion_tokens is 0, but there is output")
    } else {
        None
    };
    RuleResult::holds("usage_counts", wrong.is_none()).because(wrong.unwrap_or_default())
}

/// How many sequences were generated for the counts; `None` where the request said nonsense.
fn sequences(facts: &Facts<'_>) -> Option<u64> {
    let best_of = facts.asked("best_of").as_u64().unwrap_or(0);
    Some(facts.n()?.max(best_of).saturating_mul(facts.prompts()))
}

fn limit(facts: &Facts<'_>, usage: Usage) -> RuleResult {
    let (Some(max), Some(sequences)) = (facts.max_tokens(), sequences(facts)) else {
        return RuleResult::not_applicable("usage_limit", "the request set no limit of tokens");
    };
    let most = max.saturating_mul(sequences);
    RuleResult::holds("usage_limit", usage.completion_tokens <= most)
        .figure(usage.completion_tokens)
        .threshold(format!("at most {most}"))
}

/// A choice that ended for its length has exactly as many tokens as were allowed; one that used them
/// all ended for its length.
///
/// Counts are for all choices together: with `k` of them ended for their length, there must be at
/// least `k` times the limit.
fn finish_length(facts: &Facts<'_>, usage: Usage) -> RuleResult {
    const RULE: &str = "finish_length";
    let (Some(max), Some(sequences)) = (facts.max_tokens(), sequences(facts)) else {
        return RuleResult::not_applicable(RULE, "the request set no limit of tokens");
    };
    let choices = facts.choices.len() as u64;
    if sequences != choices {
        return RuleResult::not_applicable(RULE, "the counts are not those of the choices shown");
    }
    let cut = facts
        .choices
        .iter()
        .filter(|choice| choice.finish == Some("length"))
        .count() as u64;
    let (found, least, most) = (
        usage.completion_tokens,
        max.saturating_mul(cut),
        max.saturating_mul(choices),
    );
    let result = |ending| {
        RuleResult::new(RULE, ending).figure(format!(
            "{cut} of {choices} choices ended for length with {found} tokens"
        ))
    };
    if found < least {
        return result(Ending::Fail)
            .threshold(format!("{least} tokens"))
            .because("a choice that ends for its length has used all tokens that it was allowed");
    }
    if cut < choices && found >= most {
        // The end-of-text token or the last piece of a stop string may be exactly the last allowed.
        return result(Ending::Undecided)
            .threshold(format!("fewer than {most} tokens"))
            .because("the text may have ended with exactly the last token");
    }
    result(Ending::Pass)
}
