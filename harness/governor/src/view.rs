//! What others use: the live readings of the cards, and what other runs have leased.
//!
//! Promise: what could not be read is `None` and never zero; [`View::undisturbed`] says in so many words that nobody else is there, which only a
//! plan and a simulation may claim.

/// What a card's driver says at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Memory in use by all processes; `None`: unreadable.
    pub used: Option<u64>,
    /// What of it processes of this run use. `None`: the driver does not tell; then what was known of outsiders stands until the sum contradicts it,
    /// because a job that has just started has not taken yet what it declared.
    pub ours: Option<u64>,
}

/// What other runs have leased on a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Foreign {
    /// How many leases.
    pub leases: u32,
    /// Bytes, all of them together.
    pub bytes: u64,
    /// One of them is for the whole card.
    pub whole: bool,
}

/// The surroundings at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// One per card; `None`: undisturbed, the jobs of this governor are all there is.
    pub(crate) cards: Option<Vec<(Reading, Foreign)>>,
    /// Exclusive names that other runs hold.
    pub names: Vec<u32>,
    /// Processors that other runs have leased.
    pub cpus: u32,
    /// Host memory that other runs have leased.
    pub host_memory: u64,
    /// Another run has the host for itself.
    pub host_taken: bool,
}

impl View {
    /// Nobody else uses anything: for plans and simulations.
    pub fn undisturbed() -> View {
        View {
            cards: None,
            names: vec![],
            cpus: 0,
            host_memory: 0,
            host_taken: false,
        }
    }

    /// The cards as they were read, in the order of the cards. A card that is missing at the end counts as unreadable.
    pub fn of(cards: Vec<(Reading, Foreign)>) -> View {
        View {
            cards: Some(cards),
            ..View::undisturbed()
        }
    }

    /// The reading of a card; `None` where nobody else is there.
    pub(crate) fn card(&self, card: usize) -> Option<(Reading, Foreign)> {
        let cards = self.cards.as_ref()?;
        Some(cards.get(card).copied().unwrap_or_default())
    }
}
