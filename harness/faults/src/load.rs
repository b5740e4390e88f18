//! Requests that are under way while a server is broken: what is sent, how often, and when we give one up.
//!
//! Promise: nothing is sent that is not accounted for. Data only; [`Running`](crate::Running) sends it. Rejected: a load that retries: a second
//! attempt would hide the failure that is looked for.

use std::time::Duration;

use crate::payload::Payload;
use crate::seen::Role;

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrival {
    /// One after the other in even steps, this many for each second, whatever becomes of those before.
    Rate(f64),
    /// This many at once, and none after them.
    AtOnce(u32),
    /// This many are always under way: where one ends, the next is sent.
    Always(u32),
}

/// When a request is given up by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// This long after it was sent: before the first byte, or while the prompt is being read.
    After(Duration),
    /// Once this many events have come.
    Events(u32),
}

/// What is sent, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    pub(crate) payloads: Vec<Payload>,
    pub(crate) arrival: Arrival,
    pub(crate) limit: Duration,
    pub(crate) most: Option<u32>,
    pub(crate) give_up: Option<(GiveUp, u32)>,
    pub(crate) role: Role,
}

/// How long a request may take before we say that it hangs; what the reference systems allow a text.
const LIMIT: Duration = Duration::from_secs(120);

/// Requests for each second.
const SLOWEST: f64 = 0.001;
const FASTEST: f64 = 10_000.0;

impl Load {
    fn new(payload: Payload, arrival: Arrival) -> Self {
        Self {
            payloads: vec![payload],
            arrival,
            limit: LIMIT,
            most: None,
            give_up: None,
            role: Role::Load,
        }
    }

    /// So many requests for each second: 0.001 at least, and 10,000 at most.
    pub fn rate(payload: Payload, per_second: f64) -> Self {
        let rate = match per_second.is_nan() {
            true => SLOWEST,
            false => per_second.clamp(SLOWEST, FASTEST),
        };
        Self::new(payload, Arrival::Rate(rate))
    }

    /// So many requests at once, and none after them.
    pub fn at_once(payload: Payload, count: u32) -> Self {
        Self::new(payload, Arrival::AtOnce(count))
    }

    /// So many requests under way at every time.
    pub fn always(payload: Payload, count: u32) -> Self {
        Self::new(payload, Arrival::Always(count.max(1)))
    }

    /// Send this in turn with the others.
    #[must_use]
    pub fn and(mut self, payload: Payload) -> Self {
        self.payloads.push(payload);
        self
    }

    /// How long a request may take before we give it up and call it hanging; 120 s if nothing is said.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Send no more than this many.
    #[must_use]
    pub fn most(mut self, requests: u32) -> Self {
        self.most = Some(requests);
        self
    }

    /// Give up every `nth` request (1: all of them). The others then count as neighbours of those: nothing may happen to them.
    #[must_use]
    pub fn give_up(mut self, when: GiveUp, nth: u32) -> Self {
        self.give_up = Some((when, nth.max(1)));
        self
    }

    /// Count every request as a neighbour: the fault is something else's, and nothing may happen to these.
    #[must_use]
    pub fn neighbours(mut self) -> Self {
        self.role = Role::Neighbour;
        self
    }

    /// Count every request as a part of the fault: wrong on purpose.
    #[must_use]
    pub fn faulty(mut self) -> Self {
        self.role = Role::Fault;
        self
    }

    /// What request `number` (the first is 1) asks for, as what it counts, and when it is given up.
    pub(crate) fn request(&self, number: u32) -> (&Payload, Role, Option<GiveUp>) {
        let place = (number.saturating_sub(1)) as usize % self.payloads.len();
        let payload = &self.payloads[place];
        match self.give_up {
            Some((when, nth)) if number.is_multiple_of(nth) => (payload, Role::Fault, Some(when)),
            Some(_) => (payload, Role::Neighbour, None),
            None => (payload, self.role, None),
        }
    }

    /// Whether a stream is among what it sends.
    pub(crate) fn has_stream(&self) -> bool {
        self.payloads.iter().any(Payload::is_stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_given_up_is_a_neighbour_of_those_who_are() {
        let load = Load::at_once(Payload::chat().stream(), 4).give_up(GiveUp::Events(2), 2);
        let roles: Vec<Role> = (1..=4).map(|number| load.request(number).1).collect();
        assert_eq!(
            roles,
            [Role::Neighbour, Role::Fault, Role::Neighbour, Role::Fault]
        );
        assert_eq!(load.request(2).2, Some(GiveUp::Events(2)));
        assert_eq!(load.request(3).2, None);
    }

    #[test]
    fn every_rate_can_be_sent() {
        let rate = |n: f64| Load::rate(Payload::chat(), n).arrival;
        assert_eq!(rate(f64::NAN), Arrival::Rate(SLOWEST));
        assert_eq!(rate(-1.0), Arrival::Rate(SLOWEST));
        assert_eq!(rate(f64::INFINITY), Arrival::Rate(FASTEST));
    }

    #[test]
    fn payloads_take_turns() {
        let load = Load::rate(Payload::chat(), 1.0).and(Payload::speech());
        let kinds: Vec<bool> = (1..=4).map(|n| load.request(n).0.is_audio()).collect();
        assert_eq!(kinds, [false, true, false, true]);
        assert!(!load.has_stream());
        assert!(Load::rate(Payload::chat().stream(), 1.0).has_stream());
    }
}
