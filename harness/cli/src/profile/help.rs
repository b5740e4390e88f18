//! The text of `cargo tribunal profile-vram --help`.

pub(crate) const HELP: &str = "\
Measures how much device memory a test needs, and says which markers follow from it. The test is run several times, each time with
less memory, until it no longer passes.

Usage: cargo tribunal profile-vram <TEST> [FLAGS] [-- ARGUMENTS OF THE TEST RUN]

TEST is the whole name of one case, as `cargo test -- --list` prints it.

What is varied:
      --by WHAT               fraction (default): the share of the device's whole memory, by bisection between 5% and 95%;
                              kv-bytes, kv-tokens: the size of the engine's KV cache, which holds on other cards too
      --no-find-min-vram      one run with what the engine takes by itself: report and recommendations
      --repeats N             run the lowest that passed N times more (default 1; 0 with --as pytest)
      --probe-timeout S       stop the first run after S seconds (default 300); later ones after twice the time of the first
      --gpu N                 this device only (sets CUDA_VISIBLE_DEVICES)
      --simulate-devices L    on simulated devices, such as 2xL4: every figure is then one of a simulation
      --ci                    allow --by kv-bytes and kv-tokens where CI is set: their figures are for schedulers, and belong to a quiet machine

What is sampled:
      --interval S            seconds between samples (default 1)
      --baseline-seconds S    sample for so long before the test (default 3)
      --teardown-seconds S    and after it (default 5)
      --csv FILE              write the samples; only with --no-find-min-vram

What comes of it:
      --as rust|pytest        print attributes of Rust tests (default), or marks of pytest in the words of its profiler
      --no-recommend          no markers; only with --no-find-min-vram
      --kv-cache-marker NAME  the marker for the KV cache that was found, such as requested_vllm_kv_cache_bytes
      --write                 write the markers into the source of the test; only its attributes change
      --allow-dirty           write also into a file that has changes which git does not have
      --json                  print the result as one JSON object instead of text
  -q, --quiet                 no progress and no output of the test

Which program has the test:
  -p, --package NAME, --test NAME, --features LIST, --release
                              as for `cargo test`
      --binary FILE           this test program, as it is built
  -h, --help                  print this text

The test learns what it may use from TRIBUNAL_GPU_MEMORY_FRACTION (and DYN_GPU_MEMORY_FRACTION_OVERRIDE), TRIBUNAL_KV_CACHE_BYTES or
TRIBUNAL_KV_CACHE_TOKENS; deployments turn these into arguments of their engine. Figures go to target/tribunal/vram/TEST.json, with
device and driver, so that plans can use them. Models are not downloaded meanwhile: HF_HUB_OFFLINE=1 unless it is set.

Exit code: 0 found, 1 it cannot be measured here, 2 the command line is wrong, 4 the test ignores what it is allowed, or its engine does
not tell its tokens; else that of the test, which fails with all the memory there is.
";
