//! What several processes do with one ledger: real processes, each of them this program in another role.
//!
//! A role is played when the first argument is `--play`; otherwise this is a program of tests.

#[cfg(target_os = "linux")]
mod compete;
#[cfg(target_os = "linux")]
mod crew;
#[cfg(target_os = "linux")]
mod hold;
#[cfg(target_os = "linux")]
mod memory;

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|first| first == "--play") && args.len() > 1 {
        let rest = args.split_off(2);
        match args[1].as_str() {
            "compete" => compete::play(&rest),
            "hold" => hold::play(&rest),
            "fill" => memory::play(&rest),
            other => panic!("no role is called {other}"),
        }
        return;
    }
    let trials = [compete::trials(), hold::trials(), memory::trials()];
    let trials = trials.into_iter().flatten().collect();
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), trials).exit();
}
