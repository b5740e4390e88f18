//! What a test leaves in the registry.

use tribunal::__private::{ArgValue, Cases, MarkerEntry, ModuleMarkers, Scope, TestEntry, inventory};
use tribunal::prelude::*;

mod inner {
    tribunal::markers!(e2e, max_vram_gib(20.5));

    #[tribunal::test]
    pub fn test() {}
}

#[tribunal::fixture(scope = session)]
fn base() -> u32 {
    7
}

#[tribunal::fixture(scope = module, params(deploy), implies(e2e))]
fn server(base: &u32) -> u32 {
    *base
}

/// First line.
///
///   Indented.
#[core_model] #[omni]
#[tribunal::test]
#[hardware_test(cuda = ["H100", "L4"], rocm = "MI325", num_cards(cuda = 2, rocm = 8))]
#[requires(feature = ["no-such-feature"], env = "HOME")]
#[timeout(std::time::Duration::from_millis(1500))]
#[ignore = "why"]
#[should_panic]
#[cases(a = "x", #[slow] #[xfail("known", strict = false)] "Llama-8B")]
fn everything(#[case] deploy: &str, #[values(-1.0, 0.5)] _temperature: f64, server: u32, base: &u32) {
    let _ = (deploy, server, base);
}

fn names(markers: &[MarkerEntry]) -> Vec<&str> {
    markers.iter().map(|marker| marker.name).collect()
}

fn main() {
    let find = |name: &str| inventory::iter::<TestEntry>().find(|test| test.name == name).expect("registered");

    let inner = find("test");
    assert_eq!(inner.module, concat!(module_path!(), "::inner"));
    assert!(matches!(inner.cases, Cases::One) && inner.ignore.is_none() && inner.should_panic.is_none());
    assert_eq!((inner.place.line, inner.place.column), (10, 12));
    let module = inventory::iter::<ModuleMarkers>().next().expect("registered");
    assert_eq!((module.module, names(module.markers)), (inner.module, vec!["e2e", "max_vram_gib"]));
    assert!(matches!(module.markers[1].args[0].value, ArgValue::Float(20.5)));
    assert_eq!((module.markers[1].line, module.markers[1].column), (7, 29));

    let test = find("everything");
    assert_eq!(test.doc, "First line.\n\n  Indented.");
    assert_eq!((test.ignore, test.should_panic), (Some("why"), Some("")));
    assert_eq!(names(test.markers), ["core_model", "omni", "requires", "timeout"]);
    let ArgValue::List(features) = &test.markers[2].args[0].value else { panic!("a list") };
    assert!(matches!(features[0], ArgValue::Feature("no-such-feature", false)));
    assert!(matches!(test.markers[2].args[1].value, ArgValue::Str("HOME")));
    assert!(matches!(test.markers[3].args[0].value, ArgValue::Str("1500ms")));

    let [server, base] = test.fixtures else { panic!("two fixtures") };
    assert_eq!((server.name, server.scope, server.params, server.implies), ("server", Scope::Module, &["deploy"][..], &["e2e"][..]));
    assert_eq!((base.name, base.scope, base.needs.len()), ("base", Scope::Session, 0));
    assert!(std::ptr::eq(server.needs[0].name, base.name));

    let Cases::Listed(cases) = &test.cases else { panic!("listed") };
    let expected = [
        ("a__minus_1_0__cuda", [0, 0]),
        ("a__minus_1_0__rocm", [0, 0]),
        ("a__temperature_0_5__cuda", [0, 1]),
        ("a__temperature_0_5__rocm", [0, 1]),
        ("llama_8b__minus_1_0__cuda", [1, 0]),
        ("llama_8b__minus_1_0__rocm", [1, 0]),
        ("llama_8b__temperature_0_5__cuda", [1, 1]),
        ("llama_8b__temperature_0_5__rocm", [1, 1]),
    ];
    assert_eq!(cases.iter().map(|case| (case.name, [case.at[0], case.at[1]])).collect::<Vec<_>>(), expected);
    assert_eq!(cases[7].params, [("deploy", "Llama-8B"), ("temperature", "0.5")]);
    assert_eq!(names(cases[0].markers), ["hardware_test"]);
    assert_eq!(names(cases[7].markers), ["slow", "xfail", "hardware_test"]);
    let keys = |case: usize| cases[case].markers.last().expect("hardware_test").args.iter().map(|arg| arg.key).collect::<Vec<_>>();
    assert_eq!((keys(0), keys(1)), (vec!["cuda", "num_cards"], vec!["rocm", "num_cards"]));
    assert_eq!((cases[0].place.line, cases[0].place.column), (33, 9));
}
