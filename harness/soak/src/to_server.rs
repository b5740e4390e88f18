//! Batches sent to a server.

use tokio::sync::mpsc;
use tribunal_traffic::{Record, Stop, Target, Validity, run_into};

use crate::batch::{Batch, Sending, Traffic};

impl Traffic for Target {
    fn send<'a>(&'a self, batch: Batch, sink: &'a mut dyn FnMut(Record)) -> Sending<'a> {
        Box::pin(async move {
            // Who takes records need not be sent to another thread; both ends are polled here, so that nothing piles up between them.
            let (into, mut from) = mpsc::unbounded_channel();
            let sending = async move {
                let mut give = |record| drop(into.send(record));
                run_into(self, &batch.load, batch.source, &mut give, &Stop::new()).await
            };
            let taking = async {
                while let Some(record) = from.recv().await {
                    sink(record);
                }
            };
            let (sent, ()) = tokio::join!(sending, taking);
            match sent.map_err(|error| error.to_string())?.validity {
                Validity::Valid => Ok(vec![]),
                Validity::Invalid(why) => Ok(why),
            }
        })
    }
}
