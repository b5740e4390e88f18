//! Memory of simulated devices: what a process had is free when it is killed, and nothing is given away twice.

use std::path::Path;

use libtest_mimic::Trial;
use tribunal_hardware::{AllocError, LayoutDevice, Process, Simulated};

use crate::crew::{self, Member};

pub fn trials() -> Vec<Trial> {
    vec![
        crew::trial(
            "a_killed_process_frees_its_memory",
            a_killed_process_frees_its_memory,
        ),
        crew::trial(
            "processes_fill_a_device_exactly",
            processes_fill_a_device_exactly,
        ),
    ]
}

fn card(total: u64) -> LayoutDevice {
    LayoutDevice {
        platform: "cuda".into(),
        model: "L4".into(),
        total,
    }
}

/// A process that takes blocks of a device until there are none left or it has as many as it wants: ledger, device, size, number. It
/// says how many it got.
pub fn play(args: &[String]) {
    let [path, device, size, count] = args else {
        panic!("four arguments, not {args:?}");
    };
    let number = |text: &String| text.parse::<u64>().unwrap();
    let simulated = Simulated::open(Path::new(path)).unwrap();
    let mut blocks = Vec::new();
    while (blocks.len() as u64) < number(count) {
        match simulated.allocate(number(device) as usize, number(size), "block") {
            Ok(block) => blocks.push(block),
            Err(AllocError::OutOfMemory { .. }) => break,
            Err(error) => panic!("{error}"),
        }
    }
    crew::say_and_wait(&blocks.len().to_string());
}

fn member(path: &Path, device: usize, size: u64, count: u64) -> Member {
    let (device, size, count) = (device.to_string(), size.to_string(), count.to_string());
    let args = [path.to_str().unwrap(), &device, &size, &count];
    Member::start(crew::role("fill", &args))
}

fn a_killed_process_frees_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("devices");
    let simulated = Simulated::create(&path, &[card(1000), card(500)]).unwrap();
    let own = simulated.allocate(1, 100, "own").unwrap();
    let mut one = member(&path, 1, 30, 3);
    let mut other = member(&path, 1, 7, 1);
    assert_eq!((one.line(), other.line()), ("3".into(), "1".into()));
    let of_second = || simulated.usage().unwrap().remove(1);
    let usage = of_second();
    assert_eq!((usage.total, usage.used), (500, 197));
    let mut expected = [
        (Process::this(), 100),
        (Process::of(one.pid()), 90),
        (Process::of(other.pid()), 7),
    ];
    expected.sort();
    let of = |p: &tribunal_hardware::ProcessUsage| (p.process, p.bytes);
    assert_eq!(usage.processes.iter().map(of).collect::<Vec<_>>(), expected);
    one.kill();
    assert_eq!(of_second().used, 107);
    // Also where nobody looked in between: what the dead had is given away.
    other.kill();
    let rest = simulated.allocate(1, 400, "rest").unwrap();
    drop(own);
    assert_eq!(of_second().used, 400);
    drop(rest);
    assert_eq!(of_second().used, 0);
    assert_eq!(simulated.usage().unwrap()[0].used, 0);
}

fn processes_fill_a_device_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("devices");
    let simulated = Simulated::create(&path, &[card(100 * 13 + 12)]).unwrap();
    let mut members: Vec<Member> = (0..6).map(|_| member(&path, 0, 13, 1000)).collect();
    let blocks: Vec<u64> = members
        .iter_mut()
        .map(|member| member.line().parse().unwrap())
        .collect();
    assert_eq!(blocks.iter().sum::<u64>(), 100, "{blocks:?}");
    let usage = simulated.usage().unwrap().remove(0);
    assert_eq!(usage.used, 1300);
    for (member, blocks) in members.iter().zip(&blocks) {
        let of = usage
            .processes
            .iter()
            .find(|p| p.process.pid == member.pid());
        assert_eq!(of.map_or(0, |p| p.bytes), 13 * blocks);
    }
    for (killed, member) in members.iter_mut().enumerate() {
        member.kill();
        let left: u64 = blocks[killed + 1..].iter().sum();
        assert_eq!(simulated.usage().unwrap()[0].used, 13 * left);
    }
}
