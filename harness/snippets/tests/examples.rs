//! The tree of pages with every trap, against what is known of it: which blocks there are, and what becomes of each.
//!
//! A program of its own, since it is also the supervisor of the examples that it runs. `UPDATE_GOLDEN=1` writes what it
//! finds; read the difference before you keep it.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use tribunal_snippets::{
    CommandEnd, Kind, Page, PageRun, Report, Settings, Source, Verdict, pages,
};

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(code) = tribunal_offline::verb(&args) {
        return code;
    }
    let arguments = Arguments::from_args();
    let mut trials = vec![
        Trial::test("blocks", || golden("blocks.txt", &blocks()?)),
        Trial::test("nonsense_is_read", nonsense),
        Trial::test("a_dropped_page_leaves_nothing", dropped),
        Trial::test("folders_of_earlier_runs_are_left_alone", folders),
    ];
    let known = fs::read_to_string(golden_file("verdicts.txt")).unwrap_or_default();
    for source in tree().expect("the fixtures are there") {
        let name = source
            .name
            .with_extension("")
            .display()
            .to_string()
            .replace('/', "_");
        let known = chapter(&known, &source.name.display().to_string());
        let ignored = !cfg!(target_os = "linux");
        trials.push(
            Trial::test(format!("verdicts_{name}"), move || run(&source, &known))
                .with_ignored_flag(ignored),
        );
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/docs")
}

fn golden_file(name: &str) -> PathBuf {
    fixtures().join("golden").join(name)
}

fn tree() -> Result<Vec<Source>, String> {
    let all = pages(&fixtures())?;
    Ok(all
        .into_iter()
        .filter(|s| !s.name.starts_with("parts"))
        .collect())
}

fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

/// What is known of one page, from the file about all of them.
fn chapter(known: &str, page: &str) -> String {
    let begin = format!("== {page}\n");
    let rest = known.split_once(&begin).map_or("", |(_, rest)| rest);
    let end = rest.find("\n== ").map_or(rest.len(), |at| at + 1);
    rest[..end].to_owned()
}

fn golden(name: &str, found: &str) -> Result<(), Failed> {
    let path = golden_file(name);
    if updating() {
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(&path, found)?;
        return Ok(());
    }
    compare(&fs::read_to_string(&path)?, found)
}

fn compare(known: &str, found: &str) -> Result<(), Failed> {
    let differs = known
        .lines()
        .zip(found.lines())
        .enumerate()
        .find(|(_, (a, b))| a != b);
    match differs {
        Some((line, (known, found))) => {
            Err(format!("line {}:\n  known: {known}\n  found: {found}", line + 1).into())
        }
        None if known.lines().count() != found.lines().count() => {
            Err(format!("other lengths:\n{known}\n--- found:\n{found}").into())
        }
        None => Ok(()),
    }
}

/// Every block of every page.
fn blocks() -> Result<String, String> {
    let mut text = String::new();
    for source in tree()? {
        let page = Page::read(&source.root, &source.name)?;
        let _ = writeln!(text, "== {}", source.name.display());
        for snippet in &page.snippets {
            let kind = match &snippet.kind {
                Kind::Shell => "shell".to_owned(),
                Kind::Session(told) => format!("session of {} commands", told.len()),
                Kind::Python => "python".to_owned(),
                Kind::PythonSession => "python session".to_owned(),
                Kind::File(name) => format!("file {name}"),
                Kind::Output => "output".to_owned(),
                Kind::Listed(why) => format!("not run: {why}"),
            };
            let lines = snippet.code.lines().count();
            let _ = writeln!(
                text,
                "{} {} [{}] {kind}, {lines} lines from {}",
                snippet.place,
                snippet.id,
                snippet.sections.join(" / "),
                snippet.first
            );
            let about = [
                ("skip", &snippet.skip),
                ("server", &snippet.server),
                (
                    "prints",
                    &snippet.stated.as_ref().map(|s| s.place.to_string()),
                ),
            ];
            for (what, value) in about {
                if let Some(value) = value {
                    let _ = writeln!(text, "    {what}: {value}");
                }
            }
            for mistake in &snippet.mistakes {
                let _ = writeln!(text, "    mistake: {}", mistake.replace('\n', "\n      "));
            }
        }
        for mistake in &page.mistakes {
            let _ = writeln!(text, "mistake: {mistake}");
        }
        text.push('\n');
    }
    Ok(text)
}

/// A port that nothing listens on, below the range from which the kernel takes those of clients.
fn port() -> u16 {
    use std::hash::{BuildHasher as _, RandomState};
    loop {
        let port = 10_000 + (RandomState::new().hash_one(std::process::id()) % 20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A copy of the tree in which the servers have a port of their own.
fn copy(from: &Path, to: &Path, port: u16) -> Result<(), Failed> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target, port)?;
        } else {
            let text = fs::read_to_string(entry.path())?;
            fs::write(target, text.replace("18765", &port.to_string()))?;
        }
    }
    Ok(())
}

fn run(source: &Source, known: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (root, port) = (folder.path().join("docs"), port());
    copy(&source.root, &root, port)?;
    let page = Page::read(&root, &source.name)?;
    let mut settings = Settings::new(folder.path().join("out"));
    settings.timeout = Duration::from_secs(120);
    settings.server_timeout = Duration::from_secs(60);
    let mut run = PageRun::new(page, settings)?;
    let mut text = String::new();
    for at in 0..run.page().snippets.len() {
        let report = run.report(at).ok_or("no report")?;
        describe(report, &mut text);
    }
    for note in run.finish() {
        let _ = writeln!(text, "note: {note}");
    }
    let text = plain(&text, folder.path(), port);
    if updating() {
        return keep(source, &text);
    }
    compare(known.trim_end(), text.trim_end())
}

fn describe(report: &Report, text: &mut String) {
    let (word, reasons) = match &report.verdict {
        Verdict::Passed => ("passed", vec![]),
        Verdict::Failed(reasons) => ("FAILED", reasons.clone()),
        Verdict::Skipped(why) => ("skipped", vec![why.clone()]),
        Verdict::Listed(why) => ("listed", vec![why.clone()]),
    };
    let _ = writeln!(text, "{} {} {word}", report.place, report.id);
    for command in &report.commands {
        let end = match command.end {
            CommandEnd::Code(code) => format!("exit code {code}"),
            CommandEnd::Serves => "serves".to_owned(),
            ref other => format!("{other:?}"),
        };
        let line: String = command
            .text
            .lines()
            .next()
            .unwrap_or("")
            .chars()
            .take(60)
            .collect();
        let _ = writeln!(text, "    {}: {line}: {end}", command.place.line);
    }
    for file in &report.files {
        let _ = writeln!(text, "    made {}: {}", file.path.display(), file.about);
    }
    for reason in reasons {
        let _ = writeln!(text, "    because {}", reason.replace('\n', "\n      "));
    }
}

/// Without what differs from run to run and from machine to machine.
fn plain(text: &str, folder: &Path, port: u16) -> String {
    let text = text
        .replace(&port.to_string(), "18765")
        .replace(&folder.display().to_string(), "FOLDER");
    let mut lines: Vec<String> = Vec::new();
    let mut said = false;
    for line in text.lines() {
        // What programs say of themselves differs; that it is shown is what counts.
        if said && line.starts_with("        ") {
            continue;
        }
        said = line.contains("it said:");
        let line = match (
            line.find("left running: "),
            line.find("; they were stopped"),
        ) {
            (Some(from), Some(to)) => format!("{}left running: …{}", &line[..from], &line[to..]),
            _ => line.to_owned(),
        };
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

/// Puts what was found into the file about all pages.
fn keep(source: &Source, text: &str) -> Result<(), Failed> {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _held = ONE_AT_A_TIME.lock();
    let path = golden_file("verdicts.txt");
    let known = fs::read_to_string(&path).unwrap_or_default();
    let mut all = String::new();
    for other in tree()? {
        let chapter = match other == *source {
            true => format!("{text}\n"),
            false => chapter(&known, &other.name.display().to_string()),
        };
        let _ = write!(
            all,
            "== {}\n{}\n\n",
            other.name.display(),
            chapter.trim_end()
        );
    }
    fs::write(path, all)?;
    Ok(())
}

/// Pages that are cut, doubled and mixed up are read without a panic, and every block has a name of its own.
fn nonsense() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut state = 7u64;
    let mut random = move |below: usize| {
        // Xorshift: the same pages in every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for source in tree()? {
        let text = fs::read_to_string(source.root.join(&source.name))?;
        let mut chars: Vec<char> = text.chars().take(4000).collect();
        for _ in 0..20 {
            let (at, from) = (random(chars.len() + 1), random(chars.len() + 1));
            match random(4) {
                0 => chars.truncate(at),
                1 => drop(chars.drain(at.min(from)..at.max(from).min(at.min(from) + 40))),
                2 => chars.insert(
                    at,
                    ['`', '>', '\t', '"', '<', '\u{1e}', '=', '!'][random(8)],
                ),
                _ => {
                    let piece: Vec<char> = chars.iter().skip(from).take(60).copied().collect();
                    chars.splice(at..at, piece);
                }
            }
            let page = page_of(folder.path(), &chars.iter().collect::<String>())?;
            let names: std::collections::BTreeSet<&str> =
                page.snippets.iter().map(|s| s.id.as_str()).collect();
            assert_eq!(names.len(), page.snippets.len());
        }
    }
    Ok(())
}

/// A page with the text, in a folder of its own.
fn page_of(folder: &Path, text: &str) -> Result<Page, Failed> {
    fs::write(folder.join("page.md"), text)?;
    Ok(Page::read(folder, Path::new("page.md"))?)
}

fn dropped() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let port = port();
    let text = format!(
        "<!-- test: server -->\n```bash\npython3 -m http.server {port} --bind 127.0.0.1\n```\n"
    );
    let mut run = PageRun::new(
        page_of(folder.path(), &text)?,
        Settings::new(folder.path().join("out")),
    )?;
    let verdict = run.report(0).map(|r| r.verdict.clone());
    if verdict != Some(Verdict::Passed) {
        return Err(format!("{verdict:?}").into());
    }
    if TcpListener::bind(("127.0.0.1", port)).is_ok() {
        return Err("nothing serves".into());
    }
    drop(run);
    TcpListener::bind(("127.0.0.1", port))
        .map(drop)
        .map_err(|e| format!("the server is left: {e}").into())
}

fn folders() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("out");
    for expected in ["page", "page-2"] {
        let mut run = PageRun::new(
            page_of(folder.path(), "## A\n\n```bash\npwd\n```\n")?,
            Settings::new(&out),
        )?;
        let report = run.report(0).ok_or("no report")?;
        let work = out.canonicalize()?.join(expected).join("work");
        assert_eq!(report.commands[0].out.trim(), work.display().to_string());
        assert!(report.folder.join("report.json").is_file());
    }
    Ok(())
}
