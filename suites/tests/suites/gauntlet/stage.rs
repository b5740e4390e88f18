//! Where the gauntlet is run: an engine that obeys the names of defects, and a judge that keeps what it finds.

use std::sync::{Arc, Mutex, PoisonError};

use tribunal::client::{Judge, JudgeFuture, Judged};
use tribunal::prelude::*;
use tribunal::verdict::transcribers::Settings;
use tribunal::verdict::{Depth, Judging, Verdict, Voices};

use super::asks::Ask;

/// The header that asks for a defect.
const HEADER: &str = "x-engine-defect";

/// An engine that obeys the header. It is the same whatever the deployment of the run.
#[tribunal::fixture(scope = session, implies(e2e))]
pub async fn wayward(cx: &SetUp) -> Result<Server, Error> {
    let deployment = tribunal::embedded()?.arg("--defects");
    tribunal::start(cx, &deployment.name("an engine with defects")).await
}

/// What a healthy request is sent with.
#[derive(Clone)]
pub struct Stage {
    /// Without the defect, and judged by nobody: for what the request needs.
    pub plain: ModelClient,
    /// With the defect; the judge keeps its verdicts.
    pub api: ModelClient,
    /// Decides all that is drawn.
    pub seed: i64,
    /// What was judged.
    pub verdicts: Verdicts,
}

/// The verdicts on one answer: at the lowest level, and above it.
#[derive(Clone, Default)]
pub struct Verdicts(Arc<Mutex<Option<(Verdict, Verdict)>>>);

impl Verdicts {
    /// Remembers both.
    pub fn keep(&self, basic: Verdict, deep: Verdict) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((basic, deep));
    }

    fn take(&self) -> Option<(Verdict, Verdict)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What came of a request.
pub enum Found {
    /// An answer, judged at the lowest level and above it.
    Judged(Box<(Verdict, Verdict)>),
    /// No answer that could be judged: the client says why.
    Unjudged(Error),
}

/// Judges at both depths, keeps what it finds and rejects nothing, so that the client's own complaints stay its own.
struct Keeper {
    basic: Judging,
    deep: Judging,
    verdicts: Verdicts,
}

impl Judge for Keeper {
    fn judge<'a>(&'a self, answer: Judged<'a>) -> JudgeFuture<'a> {
        Box::pin(async move {
            let basic = self.basic.verdict(answer).await;
            self.verdicts.keep(basic, self.deep.verdict(answer).await);
            Ok(())
        })
    }
}

/// Sends a healthy request, with a defect or without one.
pub async fn play(
    server: &Server,
    ask: &Ask,
    seed: i64,
    defect: Option<&str>,
) -> Result<Found, Error> {
    let model = server.model().unwrap_or_default();
    let client = Client::new(server.base_url())?;
    let judging = |depth| -> Result<Judging, Error> {
        let listener = Settings::Http {
            url: server.base_url().to_owned(),
            model: model.to_owned(),
        };
        let judging = Judging::new(depth).voices(voices());
        Ok(judging.transcriber(listener.build().map_err(Error::of)?))
    };
    let verdicts = Verdicts::default();
    let keeper = Keeper {
        basic: judging(Depth::Basic)?,
        deep: judging(Depth::Deep)?,
        verdicts: verdicts.clone(),
    };
    let spoilt = match defect {
        Some(name) => client.clone().with_header(HEADER, name)?,
        None => client.clone(),
    };
    let stage = Stage {
        plain: client.model(model),
        api: spoilt.model(model).with_judge(Arc::new(keeper)),
        seed,
        verdicts: verdicts.clone(),
    };
    let sent = (ask.send)(stage).await;
    match (verdicts.take(), sent) {
        (Some(both), _) => Ok(Found::Judged(Box::new(both))),
        (None, Err(error)) => Ok(Found::Unjudged(error)),
        (None, Ok(())) => fail!("`{}` was sent, and nobody judged its answer", ask.name),
    }
}

/// The voices of the engine, by their pitch (docs/engine.md).
fn voices() -> Voices {
    let pitch = [
        ("alto", 220.0),
        ("mezzo", 240.0),
        ("soprano", 270.0),
        ("tenor", 135.0),
        ("baritone", 110.0),
        ("bass", 90.0),
    ];
    Voices::from_iter(pitch.map(|(name, hertz)| (name, Voice::Pitch(hertz))))
}
