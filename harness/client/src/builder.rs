//! What all builders of requests have in common, written once.
//!
//! Macros and no trait: the methods belong to each builder, so that a test needs no import for them
//! and the documentation shows them where they are.

/// What every builder with a field `draft` has.
macro_rules! request_methods {
    ($request:ident => $answer:ty) => {
        impl $request {
            /// Ask another model (or LoRA adapter) of the same server.
            pub fn model(self, name: impl Into<String>) -> Self {
                self.extra("model", name.into())
            }

            /// Any key of the body, with any value, right or wrong. It replaces what was there.
            pub fn extra(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
                self.draft = self.draft.set(key, value);
                self
            }

            /// Leave a key out of the body, also one that the builder or a default set.
            pub fn without(mut self, key: &str) -> Self {
                self.draft.body.remove(key);
                self
            }

            /// Ask this path below the server's root instead of the usual one.
            pub fn path(mut self, path: impl Into<String>) -> Self {
                self.draft.path = path.into().into();
                self
            }

            /// Send this header with this request. Its value is masked if its name says secret.
            pub fn header(mut self, name: &str, value: &str) -> Self {
                self.draft.headers.push((name.to_owned(), value.to_owned()));
                self
            }

            /// Let this value travel to whoever judges the answer; the server never sees it. Of
            /// each type there is one, the last.
            pub fn attach<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
                self.draft.attached.insert(value);
                self
            }

            /// For this request: the longest time without any byte once the headers came.
            pub fn idle_timeout(mut self, limit: std::time::Duration) -> Self {
                self.draft.idle = Some(limit);
                self
            }

            /// For this request: the longest time from before the connection to the last byte.
            pub fn total_timeout(mut self, limit: std::time::Duration) -> Self {
                self.draft.total = Some(limit);
                self
            }

            /// Do not ask the client's judge about this answer.
            pub fn unjudged(mut self) -> Self {
                self.draft.judged = false;
                self
            }

            /// While the judge rejects the answer, send the same request again, this many times at
            /// most. Every attempt stands in the transcript, and the answer counts them. A request
            /// that the server fails to serve is never sent again.
            pub fn retry_content(mut self, times: u32) -> Self {
                self.draft.retries = times;
                self
            }

            /// Of the requests of `send_many`, have at most this many under way at a time.
            pub fn at_most(mut self, in_flight: usize) -> Self {
                self.draft.at_most = Some(in_flight);
                self
            }

            /// The body as it will be sent; of a form, its fields without the files.
            pub fn body(&self) -> serde_json::Value {
                serde_json::Value::Object(self.draft.body.clone())
            }

            /// Expect a refusal: `400`, `[400, 422]`, `400..500`.
            pub fn expect_status(self, expected: impl Into<crate::Statuses>) -> crate::ExpectError {
                crate::ExpectError::new(self.draft, expected.into())
            }

            /// Send it, and let the judge look at the answer.
            ///
            /// # Errors
            /// Where no complete, successful, readable answer comes, or the judge rejects it.
            pub async fn send(self) -> Result<$answer, crate::ClientError> {
                self.draft.send().await
            }

            /// Send it and take whatever comes: any status, a stream that breaks off. Nothing is
            /// judged.
            ///
            /// # Errors
            /// Where no response comes, a limit runs out, or the answer is too large.
            pub async fn send_raw(self) -> Result<crate::RawAnswer, crate::ClientError> {
                self.draft.send_raw().await
            }

            /// Send the same request this many times at once (or as many at a time as
            /// [`at_most`](Self::at_most) says); all results, in order.
            pub async fn send_many(self, times: usize) -> crate::Many<$answer> {
                let at_most = self.draft.at_most;
                crate::many::send_bounded((0..times).map(|_| self.clone().send()), at_most).await
            }

            /// Send the same request `times` times, all of them, and want at least `gate` answers
            /// that pass their verdict. Only a verdict is tolerated: a request that the server
            /// fails to serve fails the whole. The answers that passed come back.
            ///
            /// # Errors
            /// At once, and nothing is sent, where the gate is higher than the number of requests;
            /// see [`Many::at_least`](crate::Many::at_least) for the rest.
            pub async fn send_gated(
                self,
                gate: usize,
                times: usize,
            ) -> Result<Vec<$answer>, crate::ClientError> {
                crate::many::reachable(gate, times, &self.draft)?;
                self.send_many(times).await.at_least(gate)
            }
        }

        impl crate::Attach for $request {
            fn attached(&mut self) -> &mut http::Extensions {
                &mut self.draft.attached
            }
        }
    };
}
pub(crate) use request_methods;

/// The parameters of sampling and streaming that the text routes share.
macro_rules! sampling_methods {
    () => {
        /// Generate at most this many tokens.
        pub fn max_tokens(self, tokens: u64) -> Self {
            self.extra("max_tokens", tokens)
        }

        /// Generate at least this many tokens before the model may end (vLLM, SGLang).
        pub fn min_tokens(self, tokens: u64) -> Self {
            self.extra("min_tokens", tokens)
        }

        /// Go on past the model's end token, to the limit of tokens (vLLM, SGLang, llama.cpp).
        pub fn ignore_eos(self) -> Self {
            self.extra("ignore_eos", true)
        }

        /// Sampling temperature; 0 is greedy.
        pub fn temperature(self, temperature: f64) -> Self {
            self.extra("temperature", temperature)
        }

        /// Sample from the likeliest tokens that hold this share of the probability.
        pub fn top_p(self, top_p: f64) -> Self {
            self.extra("top_p", top_p)
        }

        /// Sample from this many likeliest tokens (vLLM, SGLang, llama.cpp).
        pub fn top_k(self, top_k: i64) -> Self {
            self.extra("top_k", top_k)
        }

        /// The seed of the sampling.
        pub fn seed(self, seed: i64) -> Self {
            self.extra("seed", seed)
        }

        /// Lower runs first, where the server schedules by priority (vLLM).
        pub fn priority(self, priority: i64) -> Self {
            self.extra("priority", priority)
        }

        /// End the text before any of these.
        pub fn stop<S: Into<String>>(self, stop: impl IntoIterator<Item = S>) -> Self {
            let stop: Vec<String> = stop.into_iter().map(Into::into).collect();
            self.extra("stop", stop)
        }

        /// This many choices.
        pub fn n(self, n: u64) -> Self {
            self.extra("n", n)
        }

        /// Ask for a stream of events.
        pub fn stream(self) -> Self {
            self.extra("stream", true)
        }

        /// Ask for the token counts at the end of a stream.
        pub fn include_usage(self) -> Self {
            self.extra(
                "stream_options",
                serde_json::json!({ "include_usage": true }),
            )
        }
    };
}
pub(crate) use sampling_methods;
