//! How often a model is right. To examine a model of your own: copy a test, name your data set, and say when an answer is right.
//!
//! The answers of the shipped sets are those of the embedded engine's little prose, so these tests skip where another model is served.

tribunal::markers!(full_model, parallel);

mod village;
