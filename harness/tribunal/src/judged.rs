//! The judge of the clients that fixtures hand out: as deep as the level asks, by the deployment's thresholds and the command line's, with the
//! evidence of every verdict.
//!
//! Promise: every verdict is in the evidence of its attempt, also those that pass; a check without an answer is a note of its test and is counted at
//! the end of the run; the text of a failing verdict says where its evidence lies.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};
use tribunal_client::{Judge, JudgeFuture, Judged, RawAnswer};
use tribunal_deploy::{JudgingFacts, TranscriberFact, VoiceFact};
use tribunal_runner::{Error, OpenCheck, Options, UsageError};
use tribunal_serving::Server;
use tribunal_verdict::transcribers::{Settings, Transcriber, TranscriberError};
use tribunal_verdict::{
    Depth, Ending, Judging, Origin, Similarity, Thresholds, Verdict, VerdictError, Voice, Voices,
};

/// What the command line says of judging.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    thresholds: Vec<String>,
    require_checks: bool,
}

static ASKED: OnceLock<Asked> = OnceLock::new();

/// How the answers of running servers are judged, by their addresses: a client is made from a server, which does not know its file.
static FACTS: Mutex<BTreeMap<String, JudgingFacts>> = Mutex::new(BTreeMap::new());

/// Remembers how the answers of a server are judged. A later server at the same address takes its place.
pub(crate) fn of_server(address: &str, facts: &JudgingFacts) {
    let mut facts = facts.clone();
    for fact in [&mut facts.transcriber, &mut facts.stronger_transcriber] {
        if let Some(TranscriberFact::Http { url, .. }) = fact {
            *url = placed(url, address);
        }
    }
    let mut all = FACTS.lock().unwrap_or_else(PoisonError::into_inner);
    all.insert(address.to_owned(), facts);
}

/// A server that transcribes what it says itself is known only once it runs: `http://{host}:{port}`.
fn placed(url: &str, address: &str) -> String {
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) => url.replace("{host}", host).replace("{port}", port),
        None => url.replace("{host}", authority),
    }
}

/// How the answers of the server at this address are judged.
pub(crate) fn facts(address: &str) -> JudgingFacts {
    let all = FACTS.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(address).cloned().unwrap_or_default()
}

/// The files of verdicts in the evidence of an attempt.
const LIST: &str = "verdicts.json";
const TEXT: &str = "verdicts.txt";

/// Fixes what the command line says of judging.
pub(crate) fn choose(o: &Options) -> Result<(), UsageError> {
    let mut thresholds = Thresholds::default();
    for text in &o.threshold {
        thresholds
            .assign(Origin::CommandLine, text)
            .map_err(|e| UsageError(format!("--threshold {text}: {e}")))?;
    }
    let _ = ASKED.set(Asked {
        thresholds: o.threshold.clone(),
        require_checks: o.require_checks,
    });
    Ok(())
}

/// The judge for a depth and a deployment.
pub(crate) fn judge(depth: usize, facts: &JudgingFacts) -> Result<Arc<dyn Judge>, Error> {
    let depth = if depth == 0 {
        Depth::Basic
    } else {
        Depth::Deep
    };
    Ok(Arc::new(Recorded {
        judging: here(depth, facts)?,
        require_checks: ASKED.get().is_some_and(|asked| asked.require_checks),
    }))
}

/// How the answers of `server` are judged in this run: the thresholds, the voices and the listeners of its deployment, of the command line and of the
/// environment. It is for tests of judging itself, and for those that want a verdict and not its failure; the fixtures `chat` and `api` judge by it
/// already.
///
/// # Errors
/// When a threshold or a transcriber is none.
pub fn judging_of(server: &Server, depth: Depth) -> Result<Judging, Error> {
    here(depth, &facts(server.base_url()))
}

/// The voices of this server that the table `voices` of its deployment knows, in the order of the table.
pub fn voices_of(server: &Server) -> Vec<String> {
    let voices = facts(server.base_url()).voices.into_iter();
    voices.map(|(name, _)| name).collect()
}

/// By the command line and the environment of this process.
fn here(depth: Depth, facts: &JudgingFacts) -> Result<Judging, Error> {
    let thresholds = ASKED.get().map_or(&[][..], |asked| &asked.thresholds);
    judging(depth, facts, thresholds, &|name| std::env::var(name).ok()).map_err(Error::of)
}

/// From a deployment's facts, the thresholds of the command line, and the environment.
fn judging(
    depth: Depth,
    facts: &JudgingFacts,
    thresholds: &[String],
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Judging, String> {
    let mut held = Thresholds::default();
    for (name, value) in &facts.thresholds {
        held.set(Origin::Deployment, name, *value)
            .map_err(|e| format!("[thresholds] of the deployment: {e}"))?;
    }
    for text in thresholds {
        held.assign(Origin::CommandLine, text)
            .map_err(|e| format!("--threshold: {e}"))?;
    }
    let voices = facts.voices.iter().filter_map(|(name, fact)| {
        let voice = match fact {
            VoiceFact::Pitch(hertz) => Voice::Pitch(*hertz),
            VoiceFact::Male => Voice::Male,
            VoiceFact::Female => Voice::Female,
            _ => return None,
        };
        Some((name.clone(), voice))
    });
    let similarity = match facts.similarity.as_deref() {
        Some("vllm-omni") => Similarity::VllmOmni,
        _ => Similarity::ErrorRates,
    };
    let mut judging = Judging::new(depth)
        .thresholds(held)
        .voices(Voices::from_iter(voices))
        .similarity(similarity);
    let named = |variable: &str,
                 fact: &Option<TranscriberFact>|
     -> Result<Option<Arc<dyn Transcriber>>, String> {
        // Who sits before the keyboard knows better than a file which transcriber is here.
        let settings = match env(variable).filter(|text| !text.trim().is_empty()) {
            Some(text) => Settings::parse(&text).map_err(|e| format!("{variable}: {e}"))?,
            None => match fact.as_ref().and_then(settings) {
                Some(settings) => settings,
                None => return Ok(None),
            },
        };
        let said = |e: TranscriberError| format!("the transcriber: {e}");
        settings.build().map(Some).map_err(said)
    };
    if let Some(transcriber) = named("TRIBUNAL_TRANSCRIBER", &facts.transcriber)? {
        judging = judging.transcriber(transcriber);
    }
    if let Some(stronger) = named("TRIBUNAL_TRANSCRIBER_STRONGER", &facts.stronger_transcriber)? {
        judging = judging.stronger_transcriber(stronger);
    }
    Ok(judging)
}

fn settings(fact: &TranscriberFact) -> Option<Settings> {
    match fact {
        TranscriberFact::Http { url, model } => Some(Settings::Http {
            url: url.clone(),
            model: model.clone(),
        }),
        TranscriberFact::Command { command, timeout } => Some(Settings::Command {
            argv: command.clone(),
            limit: *timeout,
        }),
        TranscriberFact::Whisper { folder, timeout } => Some(Settings::Whisper {
            folder: folder.clone(),
            limit: *timeout,
        }),
        _ => None,
    }
}

/// A judge that leaves evidence.
struct Recorded {
    judging: Judging,
    require_checks: bool,
}

impl Judge for Recorded {
    fn judge<'a>(&'a self, answer: Judged<'a>) -> JudgeFuture<'a> {
        Box::pin(async move {
            let verdict = self.judging.verdict(answer).await;
            let number = record(&verdict, answer);
            for ending in [Ending::NotMade, Ending::Undecided] {
                for rule in verdict.with_ending(ending) {
                    let why = match rule.message.is_empty() {
                        true => rule.figure.clone().unwrap_or_default(),
                        false => rule.message.clone(),
                    };
                    tribunal_runner::open_check(OpenCheck {
                        ending: ending.to_string(),
                        rule: rule.rule.to_owned(),
                        why: answer.raw().masked(&why),
                    });
                }
            }
            let checked = if self.require_checks {
                verdict.check_all_made()
            } else {
                verdict.check()
            };
            checked.map_err(|error| {
                let place =
                    number.and_then(|number| Some((number, tribunal_runner::evidence().ok()?)));
                Failed {
                    error,
                    place: place.map(|(number, folder)| {
                        format!("verdict {number} in {}/{TEXT}", folder.display())
                    }),
                }
                .into()
            })
        })
    }
}

/// Writes the verdict down; its number in the list.
fn record(verdict: &Verdict, answer: Judged<'_>) -> Option<usize> {
    let raw = answer.raw();
    let mut value = verdict.to_json();
    mask(&mut value, raw);
    if let Value::Object(fields) = &mut value {
        fields.insert("exchange".into(), json!(raw.exchange));
        fields.insert("attempts".into(), json!(raw.attempts));
    }
    let number = tribunal_runner::record(LIST, value)?;
    let exchange = raw.exchange.map_or_else(String::new, |exchange| {
        format!(", exchange {exchange} of the transcript")
    });
    let told = raw.masked(&verdict.told());
    tribunal_runner::record_text(TEXT, &format!("{number}{exchange}: {told}\n\n"));
    Some(number)
}

/// Masks the client's secrets in every text: a figure quotes the answer, and an answer may quote a key.
fn mask(value: &mut Value, raw: &RawAnswer) {
    match value {
        Value::String(text) => *text = raw.masked(text),
        Value::Array(list) => list.iter_mut().for_each(|value| mask(value, raw)),
        Value::Object(fields) => fields.values_mut().for_each(|value| mask(value, raw)),
        _ => {}
    }
}

/// A failing verdict, and where its evidence lies.
#[derive(Debug)]
struct Failed {
    error: VerdictError,
    place: Option<String>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)?;
        match &self.place {
            Some(place) => write!(f, "\n  evidence: {place}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failed {}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(
        facts: &JudgingFacts,
        thresholds: &[&str],
        env: &[(&str, &str)],
    ) -> Result<Judging, String> {
        let thresholds: Vec<String> = thresholds.iter().map(|text| (*text).to_owned()).collect();
        let env = |name: &str| {
            env.iter()
                .find(|(own, _)| *own == name)
                .map(|(_, value)| (*value).to_owned())
        };
        judging(Depth::Deep, facts, &thresholds, &env)
    }

    #[test]
    fn a_name_that_is_no_threshold_is_an_error_with_the_nearest() {
        let mut facts = JudgingFacts::default();
        assert!(made(&facts, &["wer=0.2"], &[]).is_ok());
        let said = made(&facts, &["wre=0.2"], &[]).expect_err("no such threshold");
        assert!(
            said.contains("--threshold") && said.contains("did you mean `wer`?"),
            "{said}"
        );
        facts.thresholds.push(("cerr".into(), 0.1));
        let said = made(&facts, &[], &[]).expect_err("no such threshold");
        assert!(
            said.contains("[thresholds]") && said.contains("did you mean `cer`?"),
            "{said}"
        );
    }

    #[test]
    fn a_server_can_be_its_own_transcriber() {
        let url = "http://{host}:{port}";
        assert_eq!(placed(url, "http://127.0.0.1:81/v1"), "http://127.0.0.1:81");
        assert_eq!(placed("http://a:1", "http://127.0.0.1:81"), "http://a:1");
    }

    #[test]
    fn the_environment_names_a_transcriber_before_the_deployment() {
        let mut facts = JudgingFacts::default();
        facts.transcriber = Some(TranscriberFact::Command {
            command: vec!["listen".into(), "{wav}".into()],
            timeout: None,
        });
        let shown = |judging: Judging| format!("{judging:?}");
        assert!(shown(made(&facts, &[], &[]).expect("good")).contains("listen"));
        let other = made(&facts, &[], &[("TRIBUNAL_TRANSCRIBER", "hear {wav}")]).expect("good");
        assert!(shown(other).contains("hear"));
        let said = made(&facts, &[], &[("TRIBUNAL_TRANSCRIBER", "hear")]).expect_err("no {wav}");
        assert!(said.contains("TRIBUNAL_TRANSCRIBER"), "{said}");
    }
}
