//! How much room a card has at this moment: what this run has given out, what others lease, and what the driver reads, all at once.
//!
//! Promise: a need fits only where the books *and* the reading say so. A reading that failed admits nobody beside anybody; on a card that nobody
//! is known to use it admits one job, next to what outsiders used when the card could last be read. Reserving and releasing are symmetric.
//!
//! Rejected: taking the reading alone (a server that starts holds little yet and will hold much), the books alone (they know nothing of other
//! people's processes), and nobody at all on a card without reading (a host whose driver reports no memory would then run nothing).

use crate::job::{Card, IDLE};
use crate::problem::WHOLE;
use crate::view::View;

/// What this run has given out on one card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub bytes: u64,
    pub tenants: u32,
    pub whole: bool,
}

/// What one card offers at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// The largest need that fits.
    pub bytes: u64,
    /// Somebody who takes whole cards could have it.
    pub idle: bool,
}

impl Room {
    pub fn fits(self, need: u64) -> bool {
        if need == WHOLE {
            self.idle
        } else {
            need <= self.bytes
        }
    }
}

/// What outsiders have of a card, in a form that the arithmetic needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outside {
    /// Bytes that processes of others use or have leased, as far as is known, and what our own use beyond what they declared.
    pub bytes: u64,
    /// How many leases others have on it.
    pub leases: u32,
    /// Others have the whole of it.
    pub whole: bool,
    /// All that is in use, ours too; `None`: unreadable.
    pub used: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Rooms {
    total: Vec<Option<u64>>,
    shared: Vec<u64>,
    given: Vec<Given>,
    /// What outsiders use, as far as the last reading told.
    remembered: Vec<u64>,
    /// `None`: undisturbed.
    outside: Option<Vec<Outside>>,
    room: Vec<Room>,
    /// The largest need that fits anywhere.
    pub top: u64,
    pub any_idle: bool,
}

impl Rooms {
    pub fn new(cards: &[Card]) -> Rooms {
        let mut rooms = Rooms {
            total: cards.iter().map(|c| c.total).collect(),
            shared: cards
                .iter()
                .map(|c| c.total.map_or(0, Card::shared))
                .collect(),
            given: vec![Given::default(); cards.len()],
            remembered: vec![0; cards.len()],
            outside: None,
            room: vec![Room::default(); cards.len()],
            top: 0,
            any_idle: false,
        };
        rooms.refresh();
        rooms
    }

    /// Nothing given out, nobody else there.
    pub fn clear(&mut self) {
        self.given.fill(Given::default());
        self.remembered.fill(0);
        self.outside = None;
        self.refresh();
    }

    /// Takes the surroundings of this moment.
    pub fn look(&mut self, view: &View) {
        if view.cards.is_none() {
            if self.outside.take().is_some() {
                self.refresh();
            }
            return;
        }
        let mut outside = self.outside.take().unwrap_or_default();
        outside.resize(self.total.len(), Outside::default());
        for (card, slot) in outside.iter_mut().enumerate() {
            let (reading, foreign) = view.card(card).unwrap_or_default();
            let given = self.given[card].bytes;
            if let Some(used) = reading.used {
                self.remembered[card] = match reading.ours {
                    Some(ours) => used.saturating_sub(ours),
                    // Ours use anything between nothing yet and all that they declared; as little as that allows changes what is known.
                    None => self.remembered[card].clamp(used.saturating_sub(given), used),
                };
            }
            let beyond = reading.ours.unwrap_or(0).saturating_sub(given);
            *slot = Outside {
                bytes: self.remembered[card]
                    .max(foreign.bytes)
                    .saturating_add(beyond),
                leases: foreign.leases,
                whole: foreign.whole,
                used: reading.used,
            };
        }
        self.outside = Some(outside);
        self.refresh();
    }

    /// Whether anybody may be there but us.
    pub fn disturbed(&self) -> bool {
        self.outside.is_some()
    }

    pub fn outside(&self, card: usize) -> Outside {
        self.outside.as_ref().map_or(
            Outside {
                used: Some(0),
                ..Outside::default()
            },
            |o| o[card],
        )
    }

    pub fn room(&self, card: usize) -> Room {
        self.room[card]
    }

    pub fn given(&self, card: usize) -> Given {
        self.given[card]
    }

    pub fn total(&self, card: usize) -> Option<u64> {
        self.total[card]
    }

    pub fn len(&self) -> usize {
        self.total.len()
    }

    pub fn reserve(&mut self, card: usize, need: u64) {
        let given = &mut self.given[card];
        given.tenants += 1;
        if need == WHOLE {
            given.whole = true;
            given.bytes += self.total[card].unwrap_or(0);
        } else {
            given.bytes += need;
        }
        self.room[card] = self.measure(card);
        self.crown();
    }

    pub fn release(&mut self, card: usize, need: u64) {
        let given = &mut self.given[card];
        given.tenants -= 1;
        if need == WHOLE {
            given.whole = false;
            given.bytes -= self.total[card].unwrap_or(0);
        } else {
            given.bytes -= need;
        }
        self.room[card] = self.measure(card);
        self.crown();
    }

    /// Whether the need would fit if this run had given out only so much on the card.
    pub fn would_fit(&self, card: usize, given: Given, need: u64, with_outside: bool) -> bool {
        let outside = if with_outside {
            self.outside(card)
        } else {
            Outside::default()
        };
        if given.whole || outside.whole {
            return false;
        }
        let alone = given.tenants == 0 && outside.leases == 0;
        if with_outside && !alone && self.outside.is_some() && outside.used.is_none() {
            return false;
        }
        if need == WHOLE {
            return alone && outside.bytes <= self.idle_allowance(card);
        }
        let Some(total) = self.total[card] else {
            return false;
        };
        let cap = if alone { total } else { self.shared[card] };
        given
            .bytes
            .checked_add(outside.bytes)
            .and_then(|taken| taken.checked_add(need))
            .is_some_and(|all| all <= cap)
    }

    /// What may stand beside `need` and `given` on a card, in bytes.
    pub fn beside(&self, card: usize, given: Given, need: u64) -> u64 {
        if need == WHOLE || given.whole {
            return 0;
        }
        self.shared[card]
            .saturating_sub(given.bytes)
            .saturating_sub(need)
    }

    fn idle_allowance(&self, card: usize) -> u64 {
        // Of a card whose size nobody knows, no use can be called small; what runs there is alone by the books.
        self.total[card].map_or(u64::MAX, |t| (t as f64 * IDLE) as u64)
    }

    fn measure(&self, card: usize) -> Room {
        let given = self.given[card];
        let outside = self.outside(card);
        if given.whole || outside.whole {
            return Room::default();
        }
        let alone = given.tenants == 0 && outside.leases == 0;
        if outside.used.is_none() && !alone {
            return Room::default();
        }
        let idle = alone && outside.bytes <= self.idle_allowance(card);
        let Some(total) = self.total[card] else {
            return Room { bytes: 0, idle };
        };
        let cap = if alone { total } else { self.shared[card] };
        let booked = given
            .bytes
            .saturating_add(outside.bytes)
            .max(outside.used.unwrap_or(0));
        Room {
            bytes: cap.saturating_sub(booked),
            idle,
        }
    }

    fn refresh(&mut self) {
        for card in 0..self.total.len() {
            self.room[card] = self.measure(card);
        }
        self.crown();
    }

    fn crown(&mut self) {
        self.top = self.room.iter().map(|r| r.bytes).max().unwrap_or(0);
        self.any_idle = self.room.iter().any(|r| r.idle);
    }
}
