use std::time::Duration;

use tribunal_vocabulary::Expression;

use super::support::*;
use crate::plan::Plan;
use crate::selection::Selector;

fn planned(args: &[&str], sequential: Option<&str>) -> Vec<(String, Duration, bool)> {
    let c = catalog(vec![
        test("a").marked(&["unit", "cpu"]),
        test("b").marked(&["parallel", "unit", "cpu"]),
        test("c").marked(&["e2e", "cpu", "timeout(\"7s\")"]),
        test("d").marked(&["parallel", "stress", "cpu"]),
        test("e").marked(&["parallel", "integration", "unit", "cpu", "max_vram_gib(1)"]),
    ]);
    let (o, v) = (options(args), vocabulary());
    let bound = sequential.map(|t| Expression::parse(t).and_then(|e| e.bind(v)).expect("valid"));
    let selection = Selector::new(v, &o)
        .expect("valid")
        .select(&c, &mut |_| false);
    let plan = Plan::new(&c, &selection, &o, bound.as_ref(), v, &mut here());
    plan.cases
        .iter()
        .map(|p| {
            (
                c.cases[p.case].name.clone(),
                p.limit.expect("a limit"),
                p.alone,
            )
        })
        .collect()
}

fn order(args: &[&str], sequential: Option<&str>) -> String {
    planned(args, sequential)
        .into_iter()
        .map(|(n, ..)| n)
        .collect()
}

#[test]
fn limits_are_the_tests_own_or_those_of_its_kind() {
    let limits: Vec<u64> = planned(&[], None)
        .into_iter()
        .map(|(_, l, _)| l.as_secs())
        .collect();
    // unit, unit, its own, stress, and the larger of integration and unit.
    assert_eq!(limits, [60, 60, 7, 900, 300]);
    let scaled: Vec<u64> = planned(&["--timeout-scale", "2"], None)
        .into_iter()
        .map(|(_, l, _)| l.as_secs())
        .collect();
    assert_eq!(scaled, [120, 120, 14, 1800, 600]);
}

#[test]
fn what_runs_alone_comes_last() {
    assert_eq!(order(&[], Some("parallel")), "bdeac");
    assert_eq!(
        planned(&[], Some("parallel"))
            .iter()
            .map(|p| p.2)
            .collect::<Vec<_>>(),
        [false, false, false, true, true]
    );
    assert_eq!(
        order(&["--max-vram-gib", "4", "--vram-unknown", "last"], None),
        "eabcd"
    );
}

#[test]
fn a_seed_gives_one_order_everywhere() {
    assert_eq!(
        order(&["--shuffle-seed", "1"], None),
        order(&["--shuffle-seed", "1"], None)
    );
    let orders: std::collections::BTreeSet<String> = (0..20)
        .map(|s| order(&["--shuffle-seed", &s.to_string()], None))
        .collect();
    assert!(orders.len() > 5, "{orders:?}");
    for o in &orders {
        let mut letters: Vec<char> = o.chars().collect();
        letters.sort_unstable();
        assert_eq!(letters, ['a', 'b', 'c', 'd', 'e']);
    }
}
