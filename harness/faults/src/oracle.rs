//! What must hold of a server around a fault, and by when: values that a test states and a report shows.
//!
//! Promise: an oracle looks at [`Observed`] alone and at nothing else, so the same observation always gives the same judgement; where the observation
//! does not reach for a judgement it says so, and never holds for want of evidence. Rejected: texts that must occur in an error: they change with
//! every version, while status and form are the contract.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::judgement::{Judgement, time};
use crate::observed::Observed;
use crate::{answers, ends, health, recovery};

/// Something that must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Oracle {
    /// Every request that was under way at the injection and is not served ends within this time after it.
    InFlightEndsWithin(Duration),
    /// At least so many requests that were under way, or were sent while the fault was there, are not served: the fault was felt.
    SomeFail(u32),
    /// A request that is sent while the fault is there and is not served fails within this time, with a status of 500 and above, 429, or its
    /// connection.
    FailsFastWithin(Duration),
    /// No request runs into a limit of ours.
    NothingHangs,
    /// The health route says 500 and above, or is not there, within this time after the injection.
    HealthTellsWithin(Duration),
    /// Where the health route says that all is well, requests are served.
    HealthTellsTheTruth,
    /// The server's own process lives for at least this time after the injection.
    StaysAliveFor(Duration),
    /// Every error is an OpenAI error object.
    ErrorForm,
    /// Requests for text and requests for sound fail in the same way.
    TextAndAudioFailAlike,
    /// A request that is refused for want of room (429) says when to come again.
    RefusalsSayWhen,
    /// A stream that broke does not look like one that ended.
    StreamsToldApart,
    /// A stream that was under way ends whole or with an error that is told in it; none merely breaks off. For servers that were asked to end.
    StreamsEndWithAWord,
    /// Once the fault is gone, a request, the list of models, the metrics and the health route are all well within this time.
    RecoversWithin(Duration),
    /// Nothing is left of the server when it has stopped: processes, port, shared memory.
    NoResidue,
    /// Nothing is left of it on devices. One of its own, so that devices that nobody looked at are a judgement that was not made.
    NoDeviceResidue,
    /// Every process ends when it is asked to.
    EndsWhenAsked,
    /// What a request took of the slots is free within this time after its end, however it ended.
    FreesSlotsWithin(Duration),
    /// The same for the key-value cache and for memory.
    FreesMemoryWithin(Duration),
    /// The resident memory of the server's processes is at most so many bytes above what it was before the fault, once all requests are over.
    HostMemoryGrowsAtMost(u64),
    /// Requests that the fault is not meant for are served.
    NeighboursUnaffected,
    /// Requests that are alike are answered alike.
    AnsweredAlike,
    /// No request is answered twice, or with the answer of another.
    NoDoubleAnswer,
    /// Requests sent = served + failed + refused + given up, and the server's counters agree.
    Conserved,
}

impl Oracle {
    /// What it says of what was observed.
    pub fn judge(&self, observed: &Observed) -> Judgement {
        let found = match self {
            Oracle::InFlightEndsWithin(limit) => ends::in_flight(observed, *limit),
            Oracle::SomeFail(least) => ends::some_fail(observed, *least),
            Oracle::FailsFastWithin(limit) => ends::fast(observed, *limit),
            Oracle::NothingHangs => ends::nothing_hangs(observed),
            Oracle::HealthTellsWithin(limit) => health::tells(observed, *limit),
            Oracle::HealthTellsTheTruth => health::truth(observed),
            Oracle::StaysAliveFor(limit) => health::stays_alive(observed, *limit),
            Oracle::ErrorForm => answers::form(observed),
            Oracle::TextAndAudioFailAlike => answers::alike_in_failure(observed),
            Oracle::RefusalsSayWhen => answers::refusals(observed),
            Oracle::StreamsToldApart => answers::told_apart(observed),
            Oracle::StreamsEndWithAWord => answers::last_words(observed),
            Oracle::HostMemoryGrowsAtMost(most) => recovery::host_memory(observed, *most),
            Oracle::RecoversWithin(limit) => recovery::recovers(observed, *limit),
            Oracle::NoResidue => recovery::residue(observed),
            Oracle::NoDeviceResidue => recovery::device_residue(observed),
            Oracle::EndsWhenAsked => recovery::ends_when_asked(observed),
            Oracle::FreesSlotsWithin(limit) => recovery::slots(observed, *limit),
            Oracle::FreesMemoryWithin(limit) => recovery::memory(observed, *limit),
            Oracle::NeighboursUnaffected => answers::neighbours(observed),
            Oracle::AnsweredAlike => answers::alike(observed),
            Oracle::NoDoubleAnswer => answers::no_double(observed),
            Oracle::Conserved => answers::conserved(observed),
        };
        Judgement {
            oracle: self.clone(),
            ruling: found.ruling,
            says: found.says,
            figure: found.figure,
            limit: match self {
                Oracle::SomeFail(least) => Some(f64::from(*least)),
                Oracle::HostMemoryGrowsAtMost(most) => Some(*most as f64),
                _ => self.limit().map(|limit| limit.as_secs_f64()),
            },
        }
    }

    /// The time in its statement.
    pub fn limit(&self) -> Option<Duration> {
        match self {
            Oracle::InFlightEndsWithin(limit)
            | Oracle::FailsFastWithin(limit)
            | Oracle::HealthTellsWithin(limit)
            | Oracle::StaysAliveFor(limit)
            | Oracle::RecoversWithin(limit)
            | Oracle::FreesSlotsWithin(limit)
            | Oracle::FreesMemoryWithin(limit) => Some(*limit),
            _ => None,
        }
    }
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Oracle::InFlightEndsWithin(_) => "requests under way end",
            Oracle::SomeFail(least) => return write!(f, "the fault is felt by {least} or more"),
            Oracle::FailsFastWithin(_) => "new requests fail fast",
            Oracle::NothingHangs => "nothing hangs",
            Oracle::HealthTellsWithin(_) => "health tells",
            Oracle::HealthTellsTheTruth => "health tells the truth",
            Oracle::StaysAliveFor(limit) => {
                return write!(f, "the server lives on for {}", time(*limit));
            }
            Oracle::ErrorForm => "errors keep their form",
            Oracle::TextAndAudioFailAlike => "text and sound fail alike",
            Oracle::RefusalsSayWhen => "refusals say when to come again",
            Oracle::StreamsToldApart => "broken streams are told apart",
            Oracle::StreamsEndWithAWord => "streams end with a word",
            Oracle::HostMemoryGrowsAtMost(most) => {
                return write!(f, "host memory grows by at most {} MiB", most >> 20);
            }
            Oracle::RecoversWithin(_) => "it recovers",
            Oracle::NoResidue => "nothing is left",
            Oracle::NoDeviceResidue => "nothing is left on devices",
            Oracle::EndsWhenAsked => "it ends when asked",
            Oracle::FreesSlotsWithin(_) => "slots are freed",
            Oracle::FreesMemoryWithin(_) => "memory is freed",
            Oracle::NeighboursUnaffected => "neighbours are unaffected",
            Oracle::AnsweredAlike => "like requests are answered alike",
            Oracle::NoDoubleAnswer => "no answer twice",
            Oracle::Conserved => "every request is accounted for",
        };
        f.write_str(name)?;
        match self.limit() {
            Some(limit) => write!(f, " within {}", time(limit)),
            None => Ok(()),
        }
    }
}
