//! Seeded mistakes of a deployment file: what is said of each, and that nothing else is said.

use std::fmt::Write;

use tribunal_deploy::{Catalogue, Context};

/// One mistake each: what it is, and the file.
const SEEDED: &[(&str, &str)] = &[
    // What is known of answers.
    (
        "a known model of which nothing is known",
        "command = [\"x\"]\nknown_model = { name = \"b\" }",
    ),
    (
        "a known model with two truths",
        "command = [\"x\"]\nknown_model = { truth = \"t.json\", bigram_seed = 1, sed = 2 }",
    ),
    // How answers are judged.
    (
        "a threshold that is no number",
        "command = [\"x\"]\n[thresholds]\nwer = \"low\"",
    ),
    (
        "a voice of nothing",
        "command = [\"x\"]\n[voices]\nalto = {}",
    ),
    (
        "a voice of another sort",
        "command = [\"x\"]\n[voices]\nalto = { gender = \"high\" }\nbass = { pitch_hz = 3 }\ntenor = { pich_hz = 100 }",
    ),
    (
        "a similarity that there is not",
        "command = [\"x\"]\nsimilarity = \"vlm-omni\"",
    ),
    (
        "a transcriber that hears nothing",
        "command = [\"x\"]\n[transcriber]\ncommand = [\"listen\"]\n[transcriber.stronger]\nurl = \"http://127.0.0.1:1\"",
    ),
    (
        "a transcriber with a word that nobody fills in",
        "command = [\"x\"]\n[transcriber]\ncommand = [\"listen\", \"{wave}\", \"{port}\", \"{wav}\"]",
    ),
    // Devices.
    (
        "devices of the wrong type",
        "command = [\"x\"]\ndevices = 2",
    ),
    (
        "unknown key of devices",
        "command = [\"x\"]\ndevices = { cuont = 2 }",
    ),
    ("no devices", "command = [\"x\"]\ndevices = { count = 0 }"),
    (
        "devices that are no number",
        "command = [\"x\"]\ndevices = { count = [2, \"four\"] }",
    ),
    (
        "too many devices",
        "command = [\"x\"]\ndevices = { count = [512, 4] }",
    ),
    (
        "memory of the wrong type",
        "command = [\"x\"]\ndevices = { memory_gib = \"8GiB\" }",
    ),
    (
        "memory of nothing",
        "command = [\"x\"]\ndevices = { memory_gib = 0 }",
    ),
    (
        "devices that there are not",
        "command = [\"x\"]\ndevices = { on = \"simulatd\" }",
    ),
    (
        "spacing of nobody",
        "command = [\"x\"]\ndevices = { start_spacing = \"5s\" }",
    ),
    (
        "a limit of the wrong type",
        "command = [\"x\"]\ndevices = { cap = \"--limit {memory_gib}\" }",
    ),
    (
        "a limit that says nothing",
        "command = [\"x\"]\ndevices = { cap = [\"--limit\", \"0.5\"] }",
    ),
    (
        "a limit with an unknown figure",
        "command = [\"x\"]\ndevices = { cap = [\"--limit\", \"{memory_gb}\"] }",
    ),
    (
        "a limit with a port",
        "command = [\"x\"]\ndevices = { cap = [\"--limit\", \"{port}\"] }",
    ),
    (
        "a limit of a part that is not there",
        "command = [\"x\"]\ndevices = { cap = [\"{memory_gib}\"], cap_of = \"worker-*\" }",
    ),
    (
        "unknown key of a profile",
        "command = [\"x\"]\ndevices = { profile = { kv_byte = [\"{kv_bytes}\"] } }",
    ),
    (
        "a profile with another figure",
        "command = [\"x\"]\ndevices = { profile = { kv_bytes = [\"{memory_bytes}\"] } }",
    ),
    (
        "an expression without a group",
        "command = [\"x\"]\ndevices = { profile = { kv_tokens_log = \"tokens: [0-9]+\" } }",
    ),
    // The text.
    ("no TOML", "command = [\"x\""),
    ("a value is missing", "command ="),
    (
        "a key twice",
        "command = [\"x\"]\nmodel = \"a\"\nmodel = \"b\"",
    ),
    (
        "an integer that is too large",
        "command = [\"x\"]\nport = 99999999999999999999",
    ),
    ("no finite number", "command = [\"x\", inf]"),
    // The top.
    ("nothing at all", ""),
    ("unknown key", "comand = [\"x\"]\ncommand = [\"x\"]"),
    (
        "unknown key that resembles nothing",
        "command = [\"x\"]\nfrobnicate = 1",
    ),
    ("neither command nor url", "model = \"m\""),
    (
        "command and url",
        "command = [\"x\"]\nurl = \"http://127.0.0.1:1\"",
    ),
    (
        "url and offline",
        "url = \"http://127.0.0.1:1\"\n[offline]\ncommand = [\"x\"]",
    ),
    ("doc of the wrong type", "command = [\"x\"]\ndoc = 3"),
    (
        "model of the wrong type",
        "command = [\"x\"]\nmodel = [\"m\"]",
    ),
    ("empty model", "command = [\"x\"]\nmodel = \" \""),
    ("true has no meaning", "command = [\"x\"]\nmodel = true"),
    (
        "destructive of the wrong type",
        "command = [\"x\"]\ndestructive = \"no\"",
    ),
    // The command.
    (
        "command of the wrong type",
        "command = \"vllm serve --port {port}\"",
    ),
    ("command of nothing", "command = []"),
    ("program in a group", "command = [[\"x\"], \"y\"]"),
    ("argument of the wrong type", "command = [\"x\", true]"),
    (
        "a group in a group",
        "command = [\"x\", [\"--a\", [\"--b\"]]]",
    ),
    (
        "args_add of the wrong type",
        "command = [\"x\"]\nargs_add = \"--a\"",
    ),
    ("program with a port", "command = [\"x{port}\"]"),
    ("an empty program", "command = [\"\"]"),
    // Placeholders.
    (
        "unknown placeholder",
        "command = [\"x\", \"--port={prot}\"]",
    ),
    (
        "unknown placeholder that resembles nothing",
        "command = [\"x\", \"{frobnicate}\"]",
    ),
    ("model that is not there", "command = [\"x\", \"{model}\"]"),
    (
        "index beyond the block",
        "command = [\"x\", \"{ports[2]}\"]\nports = 2",
    ),
    (
        "a block without an index",
        "command = [\"x\", \"{ports}\"]\nports = 2",
    ),
    (
        "a part that is not there",
        "command = [\"x\", \"{worker-0.url}\"]",
    ),
    (
        "a field that no part has",
        "command = [\"x\", \"{w.pid}\"]\n[[process]]\nname = \"w\"\ncommand = [\"y\"]",
    ),
    (
        "parts that are not there",
        "command = [\"x\", \"{worker-*.url}\"]",
    ),
    (
        "config that is not there",
        "command = [\"x\", \"{config}\"]",
    ),
    ("number of a copy outside one", "command = [\"x\", \"{i}\"]"),
    (
        "placeholder of an offline job",
        "command = [\"x\", \"{prompt}\"]",
    ),
    (
        "port in a text that is needed at once",
        "command = [\"x\"]\nmodel = \"m-{port}\"",
    ),
    // Variables.
    ("variable without an end", "command = [\"x\", \"${HOME\"]"),
    ("variable without a name", "command = [\"x\", \"${}\"]"),
    // Parameters.
    ("params of the wrong type", "command = [\"x\"]\nparams = 3"),
    (
        "name of a parameter",
        "command = [\"x\"]\n[params]\nmax-len = 3",
    ),
    (
        "reserved name of a parameter",
        "command = [\"x\", \"{port}\"]\n[params]\nport = 3",
    ),
    (
        "parameter that nothing uses",
        "command = [\"x\", [\"--n\", \"{max_len}\"]]\n[params]\nmax_len = 3\nmax_lne = 4",
    ),
    (
        "parameter without a type",
        "command = [\"x\", [\"{n}\"]]\n[params]\nn = { doc = \"d\" }",
    ),
    (
        "unknown type of a parameter",
        "command = [\"x\", [\"{n}\"]]\n[params]\nn = { type = \"integer\" }",
    ),
    (
        "unknown key of a parameter",
        "command = [\"x\", [\"{n}\"]]\n[params]\nn = { typ = \"int\", default = 3 }",
    ),
    (
        "default of another type",
        "command = [\"x\", [\"{n}\"]]\n[params]\nn = { type = \"int\", default = \"3\" }",
    ),
    (
        "parameter that is not set, outside a group",
        "command = [\"x\", \"{n}\"]\n[params]\nn = false",
    ),
    (
        "condition outside a group",
        "command = [\"x\", \"{?n}\", [\"{n}\"]]\n[params]\nn = false",
    ),
    (
        "condition of no parameter",
        "command = [\"x\", [\"{?eagr}\", \"--e\"], [\"{!eager}\", \"--g\"]]\n[params]\neager = true",
    ),
    (
        "a date is no parameter",
        "command = [\"x\", \"{n}\"]\n[params]\nn = 2024-01-01",
    ),
    // Environment.
    (
        "env of the wrong type",
        "command = [\"x\"]\nenv = [\"A=1\"]",
    ),
    (
        "variable of the wrong type",
        "command = [\"x\"]\n[env]\nA = true",
    ),
    (
        "name of a variable",
        "command = [\"x\"]\n[env]\n\"A=B\" = \"1\"",
    ),
    // Ports, readiness, limits.
    ("port out of range", "command = [\"x\"]\nport = 70000"),
    (
        "port of the wrong type",
        "command = [\"x\"]\nport = \"8000\"",
    ),
    ("block out of range", "command = [\"x\"]\nports = 0"),
    (
        "fixed port and block",
        "command = [\"x\"]\nport = 8000\nports = 2",
    ),
    (
        "unknown key of ready",
        "command = [\"x\"]\n[ready]\nwithn = \"30s\"",
    ),
    (
        "bad duration",
        "command = [\"x\"]\n[ready]\nwithin = \"30 seconds\"",
    ),
    (
        "duration without a unit",
        "command = [\"x\"]\n[ready]\nwithin = 30",
    ),
    (
        "duration of nothing",
        "command = [\"x\"]\n[ready]\nwithin = \"0s\"",
    ),
    (
        "route without a slash",
        "command = [\"x\"]\n[ready]\nhealth = \"health\"",
    ),
    (
        "unknown word of ready",
        "command = [\"x\"]\nready = \"listen\"",
    ),
    (
        "one_token of the wrong type",
        "command = [\"x\"]\n[ready]\none_token = 1",
    ),
    (
        "unknown key of limits",
        "command = [\"x\"]\n[limits]\ngrase = \"5s\"",
    ),
    ("bad size", "command = [\"x\"]\n[limits]\nlog = \"64 MB\""),
    // Fatal lines.
    ("fatal of the wrong type", "command = [\"x\"]\nfatal = [3]"),
    ("an empty fatal text", "command = [\"x\"]\nfatal = [\"\"]"),
    (
        "fatal line without regex",
        "command = [\"x\"]\nfatal = [{ cause = \"c\" }]",
    ),
    (
        "regex that does not parse",
        "command = [\"x\"]\nfatal = [{ regex = \"a(b\" }]",
    ),
    (
        "regex that is in everything",
        "command = [\"x\"]\nfatal = [{ regex = \"a*\" }]",
    ),
    // What it offers.
    (
        "unknown capability",
        "command = [\"x\"]\ncapabilities = [\"chat\", \"compltions\"]",
    ),
    (
        "capability twice",
        "command = [\"x\"]\ncapabilities = [\"chat\", \"chat\"]",
    ),
    (
        "unknown feature",
        "command = [\"x\"]\n[features]\nprefix_cache = true",
    ),
    (
        "feature of the wrong type",
        "command = [\"x\"]\n[features]\nprefix_caching = \"yes\"",
    ),
    (
        "count of the wrong type",
        "command = [\"x\"]\n[features]\ntensor_parallel = 0",
    ),
    (
        "lora of the wrong type",
        "command = [\"x\"]\n[features]\nlora = 3",
    ),
    (
        "speculative without method",
        "command = [\"x\"]\n[features]\nspeculative = { tokens = 4 }",
    ),
    (
        "speculative of the wrong type",
        "command = [\"x\"]\n[features]\nspeculative = \"eagle\"",
    ),
    (
        "workers without a pattern",
        "command = [\"x\"]\n[workers]\ncount = 2",
    ),
    (
        "pattern that does not parse",
        "command = [\"x\"]\n[workers]\npattern = \"[\"",
    ),
    // Parts.
    (
        "process with one bracket",
        "command = [\"x\"]\n[process]\nname = \"w\"",
    ),
    (
        "part without a name",
        "command = [\"x\"]\n[[process]]\ncommand = [\"y\"]",
    ),
    (
        "part without a command",
        "command = [\"x\"]\n[[process]]\nname = \"w\"",
    ),
    (
        "name of a part",
        "command = [\"x\"]\n[[process]]\nname = \"a b\"\ncommand = [\"y\"]",
    ),
    (
        "part called server",
        "command = [\"x\"]\n[[process]]\nname = \"server\"\ncommand = [\"y\"]",
    ),
    (
        "two parts of one name",
        "command = [\"x\"]\n[[process]]\nname = \"w\"\ncommand = [\"y\"]\n[[companion]]\nname = \"w\"\ncommand = [\"y\"]",
    ),
    (
        "copies of one name",
        "command = [\"x\"]\n[[process]]\nname = \"w\"\ncount = 2\ncommand = [\"y\"]",
    ),
    (
        "unknown key of a part",
        "command = [\"x\"]\n[[process]]\nname = \"w\"\ncommand = [\"y\"]\nwhen = \"before\"",
    ),
    (
        "unknown order",
        "command = [\"x\"]\n[[process]]\nname = \"w\"\ncommand = [\"y\"]\norder = \"first\"",
    ),
    (
        "order of a companion",
        "command = [\"x\"]\n[[companion]]\nname = \"w\"\ncommand = [\"y\"]\norder = \"after\"",
    ),
    // Container.
    (
        "container without image",
        "command = [\"x\"]\n[container]\nport = 80",
    ),
    (
        "unknown key of a container",
        "command = [\"x\"]\n[container]\nimage = \"i\"\noption = []",
    ),
    (
        "options of the wrong type",
        "command = [\"x\"]\n[container]\nimage = \"i\"\noptions = \"--gpus all\"",
    ),
    // A server that runs already.
    ("no address", "url = \"127.0.0.1:8000\""),
    ("https", "url = \"https://h:1\""),
    (
        "key_env without url",
        "command = [\"x\"]\nkey_env = \"KEY\"",
    ),
    (
        "a key instead of its variable",
        "url = \"http://h:1\"\nkey_env = \"sk-123.abc\"",
    ),
    ("env for a url", "url = \"http://h:1\"\nenv = { A = \"1\" }"),
    (
        "destructive tests for a url",
        "url = \"http://h:1\"\ndestructive = true",
    ),
    // Offline.
    ("offline without command", "[offline]\noutput = \"stdout\""),
    (
        "ports of an offline job",
        "ports = 2\n[offline]\ncommand = [\"x\"]",
    ),
    (
        "unknown format",
        "[offline]\ncommand = [\"x\", \"{prompt}\"]\nformat = \"yaml\"",
    ),
    (
        "output elsewhere",
        "[offline]\ncommand = [\"x\"]\noutput = \"../a\"",
    ),
    (
        "port of an offline job",
        "[offline]\ncommand = [\"x\", \"{port}\"]",
    ),
    // Requires, version, config.
    (
        "unknown key of requires",
        "command = [\"x\"]\n[requires]\nprograms = [\"x\"]",
    ),
    (
        "unknown key of version",
        "command = [\"x\"]\n[version]\npin = \"1\"",
    ),
    (
        "config without file",
        "command = [\"x\"]\n[config]\nupdate.a = 1",
    ),
    (
        "config of another format",
        "command = [\"x\"]\n[config]\nfile = \"a.ini\"",
    ),
    (
        "config that is not there",
        "command = [\"x\"]\n[config]\nfile = \"no-such-file.json\"",
    ),
    // Overlays.
    (
        "unknown level",
        "command = [\"x\"]\n[level.core_modle]\nmodel = \"m\"",
    ),
    (
        "unknown platform",
        "command = [\"x\"]\n[platform.cude]\nmodel = \"m\"",
    ),
    (
        "level of the wrong type",
        "command = [\"x\"]\nlevel = \"core_model\"",
    ),
    (
        "overlay of the wrong type",
        "command = [\"x\"]\nlevel.core_model = 3",
    ),
    (
        "unknown key of an overlay",
        "command = [\"x\"]\n[level.core_model]\nmodle = \"m\"",
    ),
    (
        "extends in an overlay",
        "command = [\"x\"]\n[level.core_model]\nextends = \"vllm\"",
    ),
    (
        "mistake in an overlay",
        "command = [\"x\"]\n[level.core_model]\nport = 70000",
    ),
    (
        "type of a parameter changed by an overlay",
        "command = [\"x\", [\"{n}\"]]\n[params]\nn = 3\n[level.core_model.params]\nn = \"three\"",
    ),
    // Extends.
    ("extends of the wrong type", "extends = 3"),
    ("extends what is not there", "extends = \"embeded\""),
    (
        "extends a file that is not there",
        "extends = \"no-such-file.toml\"",
    ),
    // Patches.
    (
        "update of the wrong type",
        "command = [\"x\"]\nupdate = [\"a\"]",
    ),
    (
        "update of what is not there",
        "command = [\"x\"]\nmodel = \"m\"\nupdate.modle = \"n\"",
    ),
    (
        "update beyond the list",
        "command = [\"x\", \"y\"]\n[update]\n\"command.2\" = \"z\"",
    ),
    (
        "update of an unknown part",
        "command = [\"x\"]\nupdate.process.v.port = 1\n[[process]]\nname = \"w\"\ncommand = [\"y\"]\nport = 2",
    ),
    (
        "update below a text",
        "command = [\"x\"]\nmodel = \"m\"\nupdate.model.name = \"n\"",
    ),
    (
        "delete of what is not there",
        "command = [\"x\"]\ndelete = [\"model\"]",
    ),
    (
        "delete of the wrong type",
        "command = [\"x\"]\ndelete = \"model\"",
    ),
    ("delete of a number", "command = [\"x\"]\ndelete = [3]"),
    (
        "insert of what is there",
        "command = [\"x\"]\nmodel = \"m\"\ninsert.model = \"n\"",
    ),
    ("an empty step", "command = [\"x\"]\n[update]\n\"a..b\" = 1"),
    ("patch of the wrong type", "command = [\"x\"]\npatch = 3"),
    (
        "unknown key of a patch",
        "command = [\"x\"]\n[[patch]]\nupdates.a = 1",
    ),
];

fn catalogue() -> Catalogue {
    Catalogue::new(&[])
}

#[test]
fn seeded_mistakes() {
    let mut out = String::new();
    for (what, file) in SEEDED {
        match catalogue().parse(file, "my.toml", "my") {
            Err(problems) => writeln!(out, "== {what} ==\n{problems}\n").expect("text grows"),
            Ok(_) => panic!("nothing wrong was found: {what}\n{file}"),
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn all_mistakes_at_once() {
    let file = "doc = 3\ncommand = [\"x\", \"{prot}\"]\nprot = 1\nfatal = [3]\n[ready]\nwithin = 3\n[level.core_model]\nport = 0\n[platform.rocm]\nports = 1000\n";
    let problems = catalogue()
        .parse(file, "my.toml", "my")
        .expect_err("six mistakes");
    let lines: Vec<String> = problems
        .to_string()
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--> my.toml:").map(str::to_owned))
        .collect();
    assert_eq!(
        lines,
        ["1:7", "2:18", "3:1", "4:10", "6:10", "8:8", "10:9"],
        "{problems}"
    );
}

#[test]
fn a_mistake_is_shown_where_it_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file of our own");
        path
    };
    write(
        "base.toml",
        "command = [\"x\", [\"{n}\"]]\nports = 0\n[params]\nn = 3\n",
    );
    let child = write(
        "child.toml",
        "extends = \"base.toml\"\nmodel = 3\n[params]\nn = \"four\"\n",
    );
    let problems = catalogue()
        .resolve(&child.display().to_string())
        .expect_err("three mistakes")
        .to_string();
    assert!(
        problems.contains("child.toml:2:9") && problems.contains("child.toml:4:5"),
        "{problems}"
    );
    assert!(problems.contains("base.toml:2:9"), "{problems}");
    assert!(problems.ends_with("3 mistakes"), "{problems}");
}

#[test]
fn a_ring_is_shown_and_the_own_name_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let deploy = folder.path().join("deploy");
    std::fs::create_dir(&deploy).expect("a folder of our own");
    for (name, base) in [("a", "b"), ("b", "c"), ("c", "b"), ("self", "./self.toml")] {
        std::fs::write(
            deploy.join(format!("{name}.toml")),
            format!("extends = \"{base}\"\n"),
        )
        .expect("a file");
    }
    // A file of the project that is called as a shipped one extends that.
    std::fs::write(
        deploy.join("embedded.toml"),
        "extends = \"embedded\"\nmodel = \"mine\"\n",
    )
    .expect("a file");
    let catalogue = Catalogue::new(&[folder.path().to_path_buf()]);
    let problems = catalogue.resolve("a").expect_err("a ring").to_string();
    let ring = problems
        .lines()
        .next()
        .expect("a line")
        .replace(&deploy.display().to_string(), "DEPLOY");
    assert_eq!(
        ring,
        "error: these files extend each other: DEPLOY/b.toml → DEPLOY/c.toml → DEPLOY/b.toml"
    );
    let problems = catalogue.resolve("self").expect_err("a ring").to_string();
    assert!(problems.contains("extend each other"), "{problems}");
    let recipe = catalogue
        .resolve("embedded")
        .and_then(|spec| spec.recipe(&Context::default()))
        .expect("nothing is wrong");
    assert_eq!(recipe.model.as_deref(), Some("mine"));
}

#[test]
fn names_that_are_not_there() {
    let mut out = String::new();
    for name in [
        "embeded",
        "frobnicate",
        "../embedded",
        "/etc/passwd",
        "",
        "no-such.toml",
        "https://h:1",
        "http://",
        "http://h:1/\" \n[env]",
    ] {
        match catalogue().resolve(name) {
            Err(problems) => writeln!(out, "== {name:?} ==\n{problems}\n").expect("text grows"),
            Ok(_) => panic!("{name} was found"),
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn settings_that_do_not_fit() {
    let file = "model = \"m\"\ncommand = [\"x\", [\"{n}\"], [\"{r}\"], [\"{?f}\", \"-f\"], [\"{t}\"], [\"{l}\"]]\n[params]\nn = 3\nr = 0.5\nf = true\nt = \"text\"\nl = [\"a\"]\n";
    let mut spec = catalogue()
        .parse(file, "my.toml", "my")
        .expect("nothing is wrong");
    let mut out = String::new();
    for setting in [
        "n",
        "=3",
        "n=three",
        "n=1.5",
        "r=fast",
        "f=yes",
        "m=3",
        "modle=x",
        "ready..within=3s",
        "model.name=x",
        "command.9=y",
        "ready.withn=3s",
        "ready.within=soon",
        "port=true",
        "features.lora=3",
        "model=",
    ] {
        let problems = spec.set(setting).expect_err(setting);
        writeln!(out, "== {setting} ==\n{problems}\n").expect("text grows");
    }
    insta::assert_snapshot!(out);
    // Nothing of them stays.
    spec.set("n=4").expect("it fits");
    let recipe = spec.recipe(&Context::default()).expect("nothing is wrong");
    assert_eq!(recipe.params[0], ("n".to_owned(), Some("4".to_owned())));
}
