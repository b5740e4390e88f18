//! When the output of a streamed answer arrived, told alike by every kind of answer.
//!
//! Only pieces with output count: a first chunk that carries the role alone, or a comment, is no
//! token. All times start before the connection is opened.

/// Write the methods for one kind of answer; `$times` yields when each piece of output arrived.
macro_rules! latency_methods {
    ($answer:ident, $output:literal, |$of:ident| $times:expr) => {
        impl $answer {
            #[doc = concat!("When each piece with ", $output, " arrived, from before the connection was opened; none for a plain answer.")]
            pub fn token_times(&self) -> impl Iterator<Item = std::time::Duration> {
                let $of = self;
                $times
            }

            #[doc = concat!("When the first ", $output, " arrived, from before the connection was opened; `None` for a plain answer and for a stream without any.")]
            pub fn time_to_first_token(&self) -> Option<std::time::Duration> {
                self.token_times().next()
            }

            /// The times between the pieces with output, in order; empty where fewer than two came.
            pub fn gaps(&self) -> Vec<std::time::Duration> {
                let times: Vec<_> = self.token_times().collect();
                times
                    .windows(2)
                    .map(|pair| pair[1].saturating_sub(pair[0]))
                    .collect()
            }

            /// From before the connection was opened to the last byte.
            pub fn elapsed(&self) -> std::time::Duration {
                self.raw.elapsed
            }
        }
    };
}
pub(crate) use latency_methods;
