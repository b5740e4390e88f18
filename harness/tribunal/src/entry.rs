//! What `main!()` runs: hidden verbs first, then options, catalog, selection, gates, plan, and the run with its report.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tribunal_report::{Context, Screen};
use tribunal_runner::{
    Capture, Catalog, Chosen, Disposition, EvidenceOptions, Format, GateKind, Here, IsolatedCase,
    Options, Plan, Planned, Run, RunOptions, Selector, Severity, Task, UsageError,
    exit_code as code, guard_exit,
};
use tribunal_vocabulary::{Date, Expression, Vocabulary};

/// What the macro knows at compile time.
pub struct Built {
    /// The file of the vocabulary and its text; `None` for the shipped one.
    pub vocabulary: Option<(&'static str, &'static str)>,
    /// The package's folder, where the search for markers.toml began.
    pub manifest_dir: &'static str,
    /// The package's name.
    pub package: &'static str,
    /// The target's name.
    pub crate_name: &'static str,
}

/// The default of `--grace`: two seconds less than nextest waits between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(8);

/// Runs the harness.
pub fn main(built: Built) -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    // This binary is also the keeper of its servers, the bridge to commands, what presses on a server, the warden of isolated cases and the embedded engine.
    let hidden = tribunal_serving::verb(&args)
        .or_else(|| tribunal_offline::verb(&args))
        .or_else(|| tribunal_faults::verb(&args))
        .or_else(|| tribunal_nodes::verb(&args))
        .or_else(|| tribunal_runner::verb(&args));
    if let Some(code) = hidden {
        return code;
    }
    #[cfg(feature = "engine")]
    if let Some(code) = tribunal_engine::verb(&args) {
        return code;
    }
    let (isolated, args) = match tribunal_runner::isolated_case(&args) {
        Some((case, args)) => (Some(case), args),
        None => (None, args),
    };
    let (round, args) = tribunal_runner::stress_round(args);
    match harness(&built, &args, isolated, round) {
        Ok(code) => ExitCode::from(code),
        Err(UsageError(text)) => {
            eprintln!("error: {text}");
            ExitCode::from(code::USAGE)
        }
    }
}

fn usage<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> UsageError {
    let what = what.to_owned();
    move |e| UsageError(format!("{what}: {e}"))
}

/// The vocabulary that was built in; it must still be the one that a build would find.
fn vocabulary(built: &Built) -> Result<&'static Vocabulary, UsageError> {
    let found = Vocabulary::find(Path::new(built.manifest_dir));
    match (&built.vocabulary, &found) {
        // An archived binary runs where its sources are not: what was built in counts.
        (None, Some(path)) => {
            return Err(UsageError(format!(
                "{} appeared since this was built with the shipped vocabulary\nhelp: touch the test's main file, or `cargo clean -p {}`, so that it is built with the new one",
                path.display(),
                built.package
            )));
        }
        (Some((path, _)), Some(now)) if Path::new(path).exists() && Path::new(path) != now => {
            return Err(UsageError(format!(
                "{} now comes before {path}, with which this was built\nhelp: touch the test's main file, so that it is built with the nearer one",
                now.display()
            )));
        }
        _ => {}
    }
    match built.vocabulary {
        None => Ok(Vocabulary::shipped()),
        Some((path, text)) => match Vocabulary::parse(text, path) {
            Ok(v) => Ok(Box::leak(Box::new(v))),
            Err(mistakes) => Err(UsageError(mistakes.to_string())),
        },
    }
}

fn harness(
    built: &Built,
    args: &[OsString],
    isolated: Option<IsolatedCase>,
    round: bool,
) -> Result<u8, UsageError> {
    let mut options = Options::parse(args, &|name| std::env::var_os(name)).map_err(|e| {
        UsageError(format!(
            "{}\n\nSee `cargo test -- --help` for every option.",
            e.0
        ))
    })?;
    let print = |text: &str| {
        // A reader that has seen enough (`| head`) is no error.
        let _ = std::io::stdout().write_all(text.as_bytes());
    };
    if options.task == Task::Help {
        print(&Options::help(built.crate_name));
        return Ok(0);
    }
    if isolated.is_none()
        && let Some(code) = crate::rounds::asked(args, &mut options, round)?
    {
        return Ok(code);
    }
    if options.hold {
        crate::hold::settle(&mut options)?;
    }
    let v = vocabulary(built)?;
    if let Some(code) = crate::nodes::settle(
        &mut options,
        Path::new(built.manifest_dir),
        v,
        isolated.is_some(),
    )? {
        return Ok(code);
    }
    if options.task == Task::Markers {
        print(&tribunal_report::markers_page(v));
        return Ok(0);
    }
    crate::classes::given(built.vocabulary.map(|(path, _)| path))?;
    let narrowing = crate::changed::narrowing(&options, v);
    let recalled = crate::recall::recalled(&options)?;
    let selector = Selector::new(v, &options)?
        .narrowed(narrowing.as_ref())
        .recalling(&recalled);
    let sequential = match &options.sequential_unless {
        Some(text) => Some(
            Expression::parse(text)
                .and_then(|e| e.bind(v))
                .map_err(usage("--sequential-unless"))?,
        ),
        None => None,
    };
    crate::docs::given(Path::new(built.manifest_dir), &options.docs)?;
    crate::asked::given(Path::new(built.manifest_dir), &options, v)?;
    // One case of many is to start at once: what is not asked for by name is not made.
    let asked = match &options.task {
        Task::Run | Task::List | Task::Plan if options.exact => options.filters.as_slice(),
        _ => &[],
    };
    let (catalog, mut findings) = match options.hold {
        true => crate::hold::catalog(v),
        false => Catalog::collect(v, asked),
    };
    if options.task == Task::Lint {
        findings.extend(catalog.strict_findings(v));
        findings.extend(catalog.ended_quarantines(Date::today()));
        crate::classes::check(&catalog, &options.retry_on)?;
        let (text, clean) = tribunal_report::lint_page(&catalog, &findings, options.strict);
        print(&text);
        let gaps = crate::changed::covered(&catalog, v).map_or(vec![], |c| c.gaps);
        for gap in &gaps {
            print(&format!("gap: {}\n", gap.text()));
        }
        let clean = clean && (!options.strict || gaps.is_empty());
        return Ok(if clean { 0 } else { code::USAGE });
    }
    let errors: Vec<String> = findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .map(|f| f.to_string())
        .collect();
    if !errors.is_empty() {
        eprintln!("{}\n", errors.join("\n\n"));
        let n = errors.len();
        return Err(UsageError(format!(
            "{n} rule{} about tests {} broken, so nothing runs",
            if n == 1 { "" } else { "s" },
            if n == 1 { "is" } else { "are" }
        )));
    }
    let o = &options;
    crate::classes::check(&catalog, &o.retry_on)?;
    crate::judged::choose(o)?;
    // A catalog of one case cannot tell what the others cover, and one process of many is such a catalog.
    let gaps = match (&o.task, asked) {
        (Task::Run, []) if !o.process_per_test && isolated.is_none() => {
            crate::changed::covered(&catalog, v)
                .map(|found| found.gaps.iter().map(|gap| gap.text()).collect())
        }
        _ => None,
    };
    let catalog = catalog.over(crate::deployments::choose(
        Path::new(built.manifest_dir),
        o,
        v,
    )?);
    let catalog = catalog
        .drawn(v, &mut |name, features| {
            crate::drawing::drawn(name, features, v)
        })
        .map_err(UsageError)?;
    let mut facts = Here::new(Box::new(crate::deployments::offer)).recalling(recalled.clone());
    let layout = crate::layout::asked(o, v)?;
    if let Some(layout) = &layout {
        let host = tribunal_hardware::host_of(layout);
        facts = facts.simulating(host, o.simulate_devices.is_some());
    }
    let mut selection = selector.select(&catalog, &mut |case| {
        let level = catalog.cases[case].marks.levels.first().copied();
        let none = Options::default();
        tribunal_runner::disposition(&catalog, case, level, &none, v, &mut facts)
            != tribunal_runner::Disposition::Run
    });
    if o.hold {
        crate::hold::at_level(&mut selection);
    }
    let mut plan = Plan::new(&catalog, &selection, o, sequential.as_ref(), v, &mut facts);
    plan.notes.extend(recalled.notes.iter().cloned());
    let context = Context {
        absent: absent(&catalog, &plan, o),
        narrowing,
        level: selection.level,
        removed: selection.removed,
        selected: selection.selected.len(),
        gaps,
        options: options.clone(),
        findings: findings.iter().map(|f| f.severity).collect(),
        vocabulary: v,
    };
    tribunal_faults::listen(tell_fault);
    match &options.task {
        Task::List => {
            print(&match options.format {
                Format::Json => tribunal_report::list_json(&catalog, &plan, v),
                _ => tribunal_report::list_text(&catalog, &plan, o, v),
            });
            Ok(0)
        }
        Task::Explain(name) => match tribunal_report::explain(&catalog, name, &context, &mut facts)
        {
            Ok(text) => {
                print(&text);
                Ok(0)
            }
            Err(text) => Err(UsageError(text)),
        },
        Task::Plan => {
            print(&match options.format {
                Format::Json => tribunal_report::plan_json(&catalog, &plan, &context),
                _ => tribunal_report::plan_page(&catalog, &plan, &context),
            });
            Ok(0)
        }
        _ => match isolated {
            Some(case) => {
                let options = run_options(built, args, &context, None);
                case.run(catalog, plan, options)
            }
            None => {
                let ledger = layout.filter(|_| plan.resources.is_some());
                let ledger = ledger.map(|l| crate::layout::ledger(&l)).transpose()?;
                run(built, args, catalog, plan, context, ledger)
            }
        },
    }
}

/// Tells the event log what becomes of a fault.
fn tell_fault(fault: &str, entry: &tribunal_faults::Entry) {
    use tribunal_faults::Step;
    let step = match entry.step {
        Step::Announced => return,
        Step::Injected => "injected",
        Step::Proven => "proven",
        Step::Undone => "undone",
        Step::Failed => "failed",
        Step::Observed if entry.what == tribunal_faults::WORKS_AGAIN => "recovered",
        Step::Observed => "observed",
    };
    tribunal_runner::fault_step(fault, step, &entry.what);
}

/// What the run needs to know of the options.
fn run_options(
    built: &Built,
    args: &[OsString],
    context: &Context,
    simulated: Option<PathBuf>,
) -> RunOptions {
    let o = &context.options;
    RunOptions {
        slots: o.slots(),
        max_fail: o.max_fail,
        require_baseline: o.require_baseline,
        deny_skips: if o.deny_skips {
            Some("--deny-skips")
        } else {
            (o.process_per_test && !o.unmet_skip).then_some(tribunal_runner::ONE_PROCESS)
        },
        show_output: o.show_output,
        filtered_out: context.filtered_out(),
        level_names: context
            .vocabulary
            .levels()
            .iter()
            .map(|l| l.name.clone())
            .collect(),
        grace: o.grace.unwrap_or(GRACE),
        run_limit: o.run_limit,
        leases: crate::layout::leases(o),
        simulated,
        process_per_test: o.process_per_test,
        vram_overuse_warns: o.vram_overuse_warns,
        settle: tribunal_hardware::SETTLE_BOUND,
        clock: tribunal_runner::Clock::default(),
        retries: o.retrying(),
        classes: crate::classes::classes,
        today: Date::today(),
        evidence: EvidenceOptions {
            keep: o.keep_evidence,
            root: o.evidence_dir.clone(),
            keep_runs: o.keep_runs,
            args: args.to_vec(),
            about: vec![
                ("package".into(), built.package.to_owned()),
                ("target".into(), built.crate_name.to_owned()),
                ("run level".into(), context.level.name.clone()),
            ],
            given: None,
        },
    }
}

/// The deployments that were asked for and of which nothing can be executed, because they are not installed: a green run would say that they passed.
fn absent(catalog: &Catalog, plan: &Plan, o: &Options) -> Vec<String> {
    let asked = |name: &&Chosen| o.deploy.contains(&name.name);
    let nothing = |(index, _): &(usize, &Chosen)| {
        let mut missing = false;
        let of_it = |p: &&Planned| catalog.cases[p.case].chosen == Some(*index);
        let none_runs = plan
            .cases
            .iter()
            .filter(of_it)
            .all(|p| match &p.disposition {
                Disposition::Gated(unmet) => {
                    missing |= unmet.kind == GateKind::NotInstalled;
                    true
                }
                Disposition::Ignored(_) => true,
                Disposition::Run | Disposition::Refused(..) => false,
            });
        none_runs && missing
    };
    let all = catalog.deployments.iter().enumerate();
    all.filter(|(_, name)| asked(name))
        .filter(nothing)
        .map(|(_, chosen)| chosen.name.clone())
        .collect()
}

/// Runs the plan and ends the process: a stuck body may never give its thread back.
fn run(
    built: &Built,
    args: &[OsString],
    catalog: Catalog,
    plan: Plan,
    context: Context,
    simulated: Option<PathBuf>,
) -> Result<u8, UsageError> {
    crate::nodes::begin()?;
    let o = &context.options;
    let json = o.format == Format::Json;
    let (capture, out, err) = Capture::install(o.nocapture, json)
        .map_err(usage("the output of tests cannot be captured"))?;
    let guard = err
        .try_clone()
        .map_err(usage("no second handle on standard error"))?;
    guard_exit(Some((capture.clone(), guard)));
    let run_options = run_options(built, args, &context, simulated);
    let (sender, events) = mpsc::channel();
    let run = Run::new(catalog, plan, run_options, sender, capture);
    let context = Arc::new(context);
    let about = tribunal_report::About {
        package: built.package.to_owned(),
        target: built.crate_name.to_owned(),
        args: args.to_vec(),
        manifest_dir: built.manifest_dir.into(),
        history: (!context.options.hold).then(|| crate::recall::folder(&context.options)),
    };
    let events = tribunal_report::log(&context, &run, about, events);
    let reported = {
        let run = run.clone();
        std::thread::Builder::new()
            .name("tribunal-report".into())
            .spawn(move || report(&context, &run, &events, Screen { out, err }))
    };
    if let Err(e) = reported {
        return Err(UsageError(format!("no thread for the report: {e}")));
    }
    run.work();
    // The report ends the process when it has shown the last line.
    loop {
        std::thread::park();
    }
}

fn report(
    context: &Context,
    run: &Arc<Run>,
    events: &mpsc::Receiver<tribunal_runner::Event>,
    screen: Screen,
) {
    let mut err = screen.err.try_clone().ok();
    let shown = if context.options.format == Format::Json {
        tribunal_report::run_json(context, run, events, screen)
    } else {
        tribunal_report::run_terminal(context, run, events, screen)
    };
    guard_exit(None);
    crate::reports::make(&context.options, || run.log_file(), err.as_mut());
    let code = match shown {
        Ok(summary) => {
            let code = tribunal_report::exit_code(context, &summary);
            if context.options.format == Format::Json
                && code == code::NOTHING_EXECUTED
                && let Some(err) = &mut err
            {
                let _ = writeln!(
                    err,
                    "error: nothing was executed; --list shows what is selected, --no-tests pass accepts it"
                );
            }
            code
        }
        Err(e) => {
            if let Some(err) = &mut err {
                let _ = writeln!(err, "error: the results cannot be written: {e}");
            }
            code::FAILED
        }
    };
    // What was let go of (a start that was cut short) is gone before we are.
    tribunal_serving::wait_for_dropped(context.options.grace.unwrap_or(GRACE));
    crate::nodes::over(code);
    std::process::exit(code.into());
}
