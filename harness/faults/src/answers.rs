//! Oracles of what answers are: their form, whose they are, how many.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ends::named;
use crate::judgement::Found;
use crate::observed::Observed;
use crate::seen::{Account, Ending, Role, Seen, Told};

pub(crate) fn form(observed: &Observed) -> Found {
    let told: Vec<(&Seen, &Told)> = observed
        .requests
        .iter()
        .filter_map(|seen| Some((seen, seen.error.as_ref()?)))
        .collect();
    if told.is_empty() {
        return Found::not_made("no request was answered with an error");
    }
    let formless: Vec<&(&Seen, &Told)> = told
        .iter()
        .filter(|(_, error)| !error.is_object())
        .collect();
    match formless.first() {
        None => Found::held(format!("all {} errors are error objects", told.len()))
            .measured(told.len() as f64),
        Some((seen, error)) => Found::broken(format!(
            "{} of {} errors are no error objects with a message, the first to {}: status {}, {:?}",
            formless.len(),
            told.len(),
            named(seen),
            error.status,
            error.form
        ))
        .measured(formless.len() as f64),
    }
}

/// A way to fail, as a client that retries tells it from another.
fn way(seen: &Seen) -> String {
    let form = match &seen.error {
        Some(error) if error.is_object() => "with an error object",
        Some(_) => "without an error object",
        None => "",
    };
    match (&seen.ending, seen.status) {
        (Ending::Status, Some(status)) => format!("{}xx {form}", status / 100),
        (Ending::ErrorEvent, _) => format!("an error in the answer {form}"),
        (Ending::Refused | Ending::Closed | Ending::Reset, _) => "no answer".into(),
        (Ending::Cut { .. } | Ending::EndedEarly(_), _) => "an answer that breaks off".into(),
        (Ending::TimedOut(_), _) => "no end".into(),
        _ => "something else".into(),
    }
}

pub(crate) fn alike_in_failure(observed: &Observed) -> Found {
    let sent = |audio: bool| {
        let of = observed.during().filter(move |seen| {
            seen.audio == audio && seen.account() != Account::Aborted && seen.role != Role::Fault
        });
        of.collect::<Vec<&Seen>>()
    };
    let (text, sound) = (sent(false), sent(true));
    for (of, what) in [(&text, "text"), (&sound, "sound")] {
        if of.is_empty() {
            return Found::not_made(format!(
                "no request for {what} was sent while the fault was there"
            ));
        }
    }
    let ways = |of: &[&Seen]| -> BTreeSet<String> {
        let failed = of.iter().filter(|seen| seen.failed());
        failed.map(|seen| way(seen)).collect()
    };
    let (text_fails, sound_fails) = (ways(&text), ways(&sound));
    let list = |ways: &BTreeSet<String>| match ways.is_empty() {
        true => "with nothing: all were served".to_owned(),
        false => format!(
            "with {}",
            ways.iter().cloned().collect::<Vec<_>>().join(" and ")
        ),
    };
    let says = format!(
        "text fails {}; sound fails {}",
        list(&text_fails),
        list(&sound_fails)
    );
    match (text_fails.is_empty(), sound_fails.is_empty()) {
        (true, true) => Found::not_made("neither text nor sound failed while the fault was there"),
        _ if text_fails == sound_fails => Found::held(says),
        _ => Found::broken(says),
    }
}

pub(crate) fn refusals(observed: &Observed) -> Found {
    let refused: Vec<&Seen> = observed
        .requests
        .iter()
        .filter(|seen| seen.ending == Ending::Status && seen.status == Some(429))
        .collect();
    if refused.is_empty() {
        return Found::not_made("no request was refused with 429");
    }
    let says_when = |seen: &&&Seen| {
        let header = seen.error.as_ref().and_then(|e| e.retry_after.as_deref());
        header.is_some_and(|value| !value.trim().is_empty())
    };
    match refused.iter().find(|seen| !says_when(seen)) {
        None => Found::held(format!("all {} do", refused.len())),
        Some(seen) => Found::broken(format!("429 without Retry-After to {}", named(seen))),
    }
}

pub(crate) fn told_apart(observed: &Observed) -> Found {
    let streams: Vec<&Seen> = observed
        .under_way()
        .filter(|seen| seen.stream && seen.ending != Ending::Aborted && seen.events > 0)
        .collect();
    if streams.is_empty() {
        return Found::not_made("no stream was under way when the fault was injected");
    }
    if let Some((seen, why)) = streams
        .iter()
        .find_map(|seen| Some((seen, looks_whole(observed, seen)?)))
    {
        return Found::broken(format!("{} looks as if it had ended: {why}", named(seen)));
    }
    let broken = streams.iter().filter(|seen| seen.failed()).count();
    Found::held(format!(
        "of {} streams under way {broken} broke, and each can be told",
        streams.len()
    ))
    .measured(broken as f64)
}

pub(crate) fn last_words(observed: &Observed) -> Found {
    let streams: Vec<&Seen> = observed
        .under_way()
        .filter(|seen| seen.stream && seen.ending != Ending::Aborted && seen.events > 0)
        .collect();
    if streams.is_empty() {
        return Found::not_made("no stream was under way when the fault was injected");
    }
    let silent: Vec<&&Seen> = streams
        .iter()
        .filter(|seen| !matches!(seen.ending, Ending::Whole | Ending::ErrorEvent))
        .collect();
    match silent.first() {
        None => Found::held(format!("all {} streams ended with a word", streams.len())),
        Some(seen) => Found::broken(format!(
            "{} of {} did not, the first: {}, {}",
            silent.len(),
            streams.len(),
            named(seen),
            seen.ended_how()
        )),
    }
    .measured(silent.len() as f64)
}

/// Why a stream looks whole that is not.
fn looks_whole(observed: &Observed, seen: &Seen) -> Option<String> {
    let answer = &seen.answer;
    match &seen.ending {
        Ending::EndedEarly(_) if answer.dones > 0 && answer.finish.is_none() => {
            Some("[DONE] came, though no reason to finish did".into())
        }
        Ending::Whole => {
            let finish = answer.finish.as_deref().unwrap_or_default();
            if let (Some(asked), Some(tokens), "length") = (seen.asked, answer.tokens, finish)
                && tokens < asked
            {
                return Some(format!(
                    "it says that it ended at its length, with {tokens} of {asked} tokens"
                ));
            }
            let before = undisturbed(observed, seen);
            let others: BTreeSet<&str> = before
                .iter()
                .filter_map(|other| other.answer.finish.as_deref())
                .collect();
            if !others.is_empty() && !others.contains(finish) {
                let others: Vec<&str> = others.into_iter().collect();
                return Some(format!(
                    "its reason to finish is `{finish}`, where those before the fault had `{}`",
                    others.join("`, `")
                ));
            }
            // Engines put several tokens into an event, and never as many in one case as in another; half is beyond that.
            let least = before.iter().map(|other| other.events).min()?;
            (seen.asked.is_some() && seen.events * 2 < least).then(|| {
                format!(
                    "it has {} events, where those before the fault had {least}",
                    seen.events
                )
            })
        }
        _ => None,
    }
}

/// Requests for the same that were over before the fault, and served.
fn undisturbed<'a>(observed: &'a Observed, like: &Seen) -> Vec<&'a Seen> {
    let injected = observed.injected.unwrap_or_default();
    observed
        .requests
        .iter()
        .filter(|seen| {
            seen.ended < injected && seen.payload == like.payload && seen.asked == like.asked
        })
        .filter(|seen| seen.ending == Ending::Whole)
        .collect()
}

pub(crate) fn neighbours(observed: &Observed) -> Found {
    let all: Vec<&Seen> = observed
        .neighbours()
        .filter(|seen| seen.ending != Ending::Aborted)
        .collect();
    if all.is_empty() {
        return Found::not_made("no request is known that the fault is not meant for");
    }
    let unserved: Vec<&&Seen> = all.iter().filter(|seen| seen.failed()).collect();
    // One that was over before says nothing of what came then.
    let met = |seen: &&Seen| observed.injected.is_some_and(|at| seen.ended > at);
    match unserved.first() {
        None if !all.iter().copied().any(|seen| met(&seen)) => {
            return Found::not_made("every neighbour had been served before the fault");
        }
        None => Found::held(format!("all {} were served", all.len())),
        Some(seen) => Found::broken(format!(
            "{} of {} were not served, the first: {}, {}",
            unserved.len(),
            all.len(),
            named(seen),
            seen.ended_how()
        )),
    }
    .measured(unserved.len() as f64)
}

pub(crate) fn alike(observed: &Observed) -> Found {
    let mut groups: BTreeMap<(&str, Option<u64>), Vec<&Seen>> = BTreeMap::new();
    let whole = |seen: &&Seen| seen.alike && seen.ending == Ending::Whole;
    for seen in observed.requests.iter().filter(whole) {
        if seen.answer.text.is_some() {
            groups
                .entry((&seen.payload, seen.asked))
                .or_default()
                .push(seen);
        }
    }
    groups.retain(|_, group| group.len() > 1);
    if groups.is_empty() {
        return Found::not_made(
            "no two requests were sent that must be answered alike, and were served",
        );
    }
    for group in groups.values() {
        let first = group[0];
        let other = group.iter().find(|s| s.answer.text != first.answer.text);
        if let Some(other) = other {
            return Found::broken(format!(
                "{} was answered otherwise than {}",
                named(other),
                named(first)
            ));
        }
    }
    let count: usize = groups.values().map(Vec::len).sum();
    Found::held(format!("{count} answers agree")).measured(count as f64)
}

pub(crate) fn no_double(observed: &Observed) -> Found {
    let answered = |seen: &&Seen| seen.status.is_some_and(|status| status < 400);
    let answers: Vec<&Seen> = observed.requests.iter().filter(answered).collect();
    if answers.is_empty() {
        return Found::not_made("no request was answered");
    }
    for seen in &answers {
        if let Some(why) = doubled(seen) {
            return Found::broken(format!("{}: {why}", named(seen)));
        }
    }
    if let Some(id) = observed.shared_ids().first() {
        return Found::broken(format!(
            "more than one request was answered with the id `{id}`"
        ));
    }
    if let Some((from, to)) = counted(observed) {
        let most = observed.requests.len() as f64 + f64::from(observed.beside);
        if to - from > most {
            return Found::broken(format!(
                "the server counts {} requests where {most} were sent",
                to - from
            ));
        }
    }
    Found::held(format!("{} answers, each once and its own", answers.len()))
}

/// Why an answer is more than one.
fn doubled(seen: &Seen) -> Option<String> {
    let answer = &seen.answer;
    if let Some(token) = answer.foreign.first() {
        return Some(format!(
            "the token `{token}` of another request is in its answer"
        ));
    }
    if answer.ids.len() > 1 {
        let ids: Vec<&str> = answer.ids.iter().map(String::as_str).collect();
        return Some(format!(
            "its answer has {} ids: {}",
            ids.len(),
            ids.join(", ")
        ));
    }
    if let Some((choice, times)) = answer.finishes.iter().find(|(_, times)| **times > 1) {
        return Some(format!("choice {choice} was finished {times} times"));
    }
    if answer.dones > 1 {
        return Some(format!("[DONE] came {} times", answer.dones));
    }
    (answer.after_done > 0).then(|| format!("{} events came after [DONE]", answer.after_done))
}

/// What the server had counted at the first reading and at the last.
fn counted(observed: &Observed) -> Option<(f64, f64)> {
    let readings = observed.gauges.as_ref().ok()?;
    Some((readings.first()?.answered?, readings.last()?.answered?))
}

/// How late a server may count what it has answered.
const COUNTED_AFTER: Duration = Duration::from_millis(200);

pub(crate) fn conserved(observed: &Observed) -> Found {
    let accounts = observed.accounts;
    if accounts.sent == 0 {
        return Found::not_made("no request was sent");
    }
    if !accounts.conserved() || accounts.sent as usize != observed.requests.len() {
        return Found::broken(format!(
            "{accounts}, and {} are in the books",
            observed.requests.len()
        ));
    }
    let readings = observed.gauges.as_deref().unwrap_or_default();
    let counts = || readings.iter().filter_map(|r| Some((r.at, r.answered?)));
    let Some((last_at, last)) = counts().next_back() else {
        return Found::held(format!(
            "{accounts}; the server counts nothing that can be read"
        ));
    };
    // A process that starts again starts to count again.
    let lives = matches!(observed.root_ended, Ok(None));
    let back = counts().zip(counts().skip(1)).find(|(a, b)| b.1 < a.1);
    if let (true, Some(((_, from), (at, to)))) = (lives, back) {
        return Found::broken(format!(
            "the server's counter of requests went from {from} back to {to} at {:.2} s, and its process had lived on",
            at.as_secs_f64()
        ));
    }
    let first = counts().next().map_or(last, |(_, count)| count);
    // A few milliseconds may lie between an answer and its count.
    let counted = |seen: &&Seen| seen.ended + COUNTED_AFTER < last_at;
    let all = readings.iter().all(|reading| reading.counts_failures);
    let taken = |seen: &&Seen| match all {
        true => seen.status.is_some(),
        false => seen.ending == Ending::Whole,
    };
    let requests = observed.requests.iter();
    let least = requests.filter(counted).filter(taken).count();
    if lives && last - first < least as f64 {
        let word = if all { "answered" } else { "served" };
        return Found::broken(format!(
            "the server counts {} requests, and {word} {least}",
            last - first
        ));
    }
    Found::held(accounts.to_string())
}
