//! A walk over everything that a server says of itself in `/openapi.json`.
//!
//! Promise: each operation is called once with a body that its schema allows, and each is accounted for: called, or not made and why. What it finds are
//! server errors, silence, broken connections and ill health; whether an answer is right is nobody's business here, as the schema does not say.

mod bounds;
mod calls;
mod schema;
mod walk;

pub use schema::{SchemaError, synthesise};
pub use walk::{Walk, walk};
