//! The whole chain of speech: a text is said by the server, somebody listens, and the two texts are compared. It is the check that the gate on transcripts
//! is neither deaf nor blind: it lets through what was said, and stops what was not.
//!
//! It skips where speech has no real words (`spoken_words`), and where nobody listens. The table at its end has the errors of every phrase.

use std::sync::{Arc, Mutex};

use tribunal::client::{Judged, SpeechAnswer};
use tribunal::prelude::*;
use tribunal::verdict::transcribers::{Audio, Transcriber, Transcribing, Transcript};
use tribunal::verdict::{Depth, Ending, Judging, RuleResult};
use tribunal_media::{Encoding, decode_audio, encode_wav};

const TABLE: &str = "speech chain";
/// The rule that is looked at. The others are judged elsewhere.
const RULE: &str = "transcript";

/// Who speaks, where the deployment knows him: the phrases are those that a small recogniser hears in his voice. Else the first that it knows.
const VOICE: &str = "tenor";

/// Plain sentences, chosen among forty as those that a small recogniser hears: what is tested is the chain, and not how well somebody hears.
const PHRASES: [&str; 20] = [
    "The president said that the country would need more time.",
    "She asked for a cup of coffee and a piece of bread.",
    "The children played in the park until the evening.",
    "The train from London will arrive at seven in the morning.",
    "There is a small garden behind the old school.",
    "They were waiting for the doctor in the next room.",
    "We can see the mountains from the window of the hotel.",
    "He forgot the name of the woman who had called him.",
    "The government will publish the report next week.",
    "Nobody knows what will happen after the election.",
    "The students read three books about the history of the war.",
    "I would like to buy two tickets for the concert tonight.",
    "It takes about twenty minutes to walk to the station.",
    "A group of people stood in front of the church.",
    "The plane landed safely in spite of the heavy rain.",
    "You should never leave your money on the table.",
    "She has lived in the same house for forty years.",
    "Many people in the south of the country have no work.",
    "The football team won the first game of the season.",
    "The bridge was built more than a hundred years ago.",
];

/// The server's voice, and how what it says is judged.
#[derive(Clone)]
struct Chain {
    api: ModelClient,
    judging: Judging,
    /// Who speaks; nobody in particular where the deployment knows no voice.
    voice: Option<String>,
    /// Who listens.
    ear: Arc<Ear>,
}

#[tribunal::fixture]
fn chain(cx: &SetUp, server: &Server, api: ModelClient) -> Result<Chain, Error> {
    if cx.depth() == 0 {
        skip!("at the lowest level weights may be dummies, and say nothing that can be understood");
    }
    let judging = tribunal::judging_of(server, Depth::Deep)?;
    let Some(listener) = judging.listener() else {
        skip!("nobody listens: the deployment has no [transcriber]");
    };
    let ear = Arc::new(Ear {
        listener: listener.clone(),
        heard: Mutex::default(),
    });
    let voices = tribunal::voices_of(server);
    // Every verdict is wanted here, and not that the first failure ends the test.
    Ok(Chain {
        api: api.without_judge(),
        judging: judging.transcriber(ear.clone()),
        voice: voices
            .iter()
            .find(|voice| voice.as_str() == VOICE)
            .or(voices.first())
            .cloned(),
        ear,
    })
}

impl Chain {
    /// The phrase, said.
    async fn said(&self, phrase: &str) -> Result<SpeechAnswer, Error> {
        let request = self.api.speech(phrase).format("wav");
        let request = match &self.voice {
            Some(voice) => request.voice(voice),
            None => request,
        };
        Ok(request.send().await?)
    }

    /// The verdict on an answer as one that was to say `text`.
    async fn rule(&self, answer: &SpeechAnswer, text: &str) -> Result<RuleResult, Error> {
        let mut answer = answer.clone();
        Arc::make_mut(&mut answer.raw.request)["input"] = text.into();
        let verdict = self.judging.verdict(Judged::Speech(&answer)).await;
        match verdict.rule(RULE) {
            Some(rule) => Ok(rule.clone()),
            None => fail!("the verdict has no rule `{RULE}`: {}", verdict.told()),
        }
    }

    /// Judges an answer, and puts what came of it into the table.
    async fn told(
        &self,
        answer: &SpeechAnswer,
        text: &str,
        place: u8,
        what: &str,
    ) -> Result<RuleResult, Error> {
        let rule = self.rule(answer, text).await?;
        let figures = rule.figure.as_deref().unwrap_or_default();
        let mut row = tribunal::Row::new(TABLE, place, what).cell("gate", rule.ending.to_string());
        for name in ["WER", "CER"] {
            let figure = figures.split(", ").find_map(|part| part.strip_prefix(name));
            row = row.cell(name, figure.unwrap_or(" unknown").trim_start());
        }
        row.cell("heard", self.ear.last().unwrap_or_default()).add();
        Ok(rule)
    }
}

/// A listener that remembers the last thing it heard: the same audio is held against several texts.
struct Ear {
    listener: Arc<dyn Transcriber>,
    heard: Mutex<Option<(Audio, Transcript)>>,
}

impl Ear {
    fn last(&self) -> Option<String> {
        let heard = self.heard.lock().ok()?;
        heard
            .as_ref()
            .map(|(_, transcript)| transcript.text.clone())
    }

    fn remembered(&self, audio: &Audio) -> Option<Transcript> {
        let heard = self.heard.lock().ok()?;
        let (known, transcript) = heard.as_ref()?;
        (known == audio).then(|| transcript.clone())
    }
}

impl Transcriber for Ear {
    fn name(&self) -> String {
        self.listener.name()
    }

    fn transcribe<'a>(&'a self, audio: &'a Audio, language: Option<&'a str>) -> Transcribing<'a> {
        Box::pin(async move {
            if let Some(transcript) = self.remembered(audio) {
                return Ok(transcript);
            }
            let transcript = self.listener.transcribe(audio, language).await?;
            if let Ok(mut heard) = self.heard.lock() {
                *heard = Some((audio.clone(), transcript.clone()));
            }
            Ok(transcript)
        })
    }
}

/// A phrase, and the place that it has among the others.
fn phrases() -> Vec<Case<usize>> {
    let words = |phrase: &str| phrase.split(' ').take(5).collect::<Vec<_>>().join("_");
    PHRASES
        .iter()
        .enumerate()
        .map(|(at, phrase)| Case::new(words(phrase), at).text(*phrase))
        .collect()
}

/// Every fourth: each of them is listened to twice more.
fn fewer_phrases() -> Vec<Case<usize>> {
    phrases().into_iter().step_by(4).collect()
}

/// What was said passes as what it is, and fails as any other phrase.
#[tribunal::test]
#[advanced_model]
#[timeout("5m")]
#[requires(capability = ["speech", "spoken_words"])]
#[cases(from = phrases)]
async fn what_is_said_is_heard(#[case] at: &usize, chain: Chain) -> TestResult {
    let (phrase, other) = (PHRASES[*at], PHRASES[(*at + 1) % PHRASES.len()]);
    let answer = chain.said(phrase).await?;
    let right = chain
        .told(&answer, phrase, 0, "the phrase that was said")
        .await?;
    let wrong = chain
        .told(&answer, other, 1, "held against another phrase")
        .await?;
    assert_eq!(right.ending, Ending::Pass, "{right}");
    assert_eq!(wrong.ending, Ending::Fail, "{wrong}");
    Ok(())
}

/// Audio that breaks off, and audio that comes twice, are not what was to be said.
#[tribunal::test]
#[advanced_model]
#[timeout("5m")]
#[requires(capability = ["speech", "spoken_words"])]
#[cases(from = fewer_phrases)]
async fn half_and_twice(#[case] at: &usize, chain: Chain) -> TestResult {
    let phrase = PHRASES[*at];
    let mut answer = chain.said(phrase).await?;
    let audio = decode_audio(&answer.audio)?.audio;
    let samples = audio.mixed();
    let edited = |samples: &[f32]| {
        let edited = Audio::mono(audio.rate(), samples.to_vec())?;
        encode_wav(&edited, Encoding::I16)
    };
    answer.audio = edited(&samples[..samples.len() / 2])?.into();
    let half = chain
        .told(&answer, phrase, 2, "cut off in the middle")
        .await?;
    answer.audio = edited(&[&samples[..], &samples[..]].concat())?.into();
    let twice = chain.told(&answer, phrase, 3, "said twice").await?;
    assert_eq!(half.ending, Ending::Fail, "{half}");
    assert_eq!(twice.ending, Ending::Fail, "{twice}");
    Ok(())
}
