//! Where a server answers: a number, or a variable for a port that the run leases.

use tribunal_deploy::tree::Place;

use super::environment::Environment;
use super::layout::Port;
use super::reader::Reader;
use super::text::{Piece, Text};

/// The port that a text says; `name` is how messages call it.
pub(crate) fn of(
    reader: &mut Reader,
    name: &str,
    text: &Text,
    at: Place,
    environment: &Environment,
) -> Option<Port> {
    if let [Piece::Variable(variable)] = &text.0[..]
        && environment.free.contains(variable)
    {
        return Some(Port::Free(variable.clone()));
    }
    let read = text.plain().and_then(|text| text.parse::<u16>().ok());
    match read.filter(|port| *port > 0) {
        Some(port) => Some(Port::Fixed(port)),
        None => {
            reader.mistake(
                at,
                format!("`{name}` must be a port from 1 to 65535, not `{text}`"),
                "a variable that is DEFAULT_PORT is a free port",
            );
            None
        }
    }
}
