//! The test suites that Tribunal ships. The tests themselves stand in `tests/suites`, one module per purpose; what they share stands here.
