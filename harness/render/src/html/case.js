// A case: its line in a list, and all that is told of it once it is opened.
function caseLine(at, open = false) {
  const marks = [has(at, QUARANTINED) && badge("quarantine", "odd", ""), has(at, WAIVED) && !has(at, QUARANTINED) && badge("waived", "odd", ""), WORD("class", at) && badge(WORD("class", at), "mute", ""), C.attempts[at] > 1 && badge(plural(C.attempts[at], "attempt"), "mute", "")];
  const summary = [
    el("span", null, badge(outcomeOf(at), toneOf(at))),
    el("span", { class: "name mono" }, C.name[at], " ", marks),
    el("span", { class: "time" }, millis(spent(at))),
    WORD("why", at) && el("span", { class: "why", dir: "auto" }, WORD("why", at)),
  ];
  const made = fold(summary, () => caseInside(at), { open, name: "case" });
  made.dataset.case = at;
  return made;
}

const told = new Map();
function toldOf(at) {
  if (!has(at, TOLD)) return null;
  if (!told.has(at)) {
    const read = JSON.parse(byId(`case-data-${at}`).textContent);
    // What is empty is not written.
    read.attempts = read.attempts.map((attempt) => ({ fixtures: [], shared: [], notes: [], open: [], faults: [], ...attempt }));
    told.set(at, read);
  }
  return told.get(at);
}

function facts(pairs) {
  const list = el("dl", { class: "facts" });
  for (const [name, value] of pairs) {
    if (value === null || value === undefined || value === "" || value === false) continue;
    list.append(el("dt", null, name), el("dd", null, value));
  }
  return list;
}

function caseInside(at) {
  const more = toldOf(at);
  const place = WORD("file", at) ? el("span", { class: "mono" }, `${WORD("file", at)}:${C.line[at]}`) : "";
  const times = C.body[at] < 0 ? "" : `set-up ${millis(C.set_up[at])}, body ${millis(C.body[at])}, teardown ${millis(C.teardown[at])}`;
  const out = [
    WORD("doc", at) && el("p", { dir: "auto" }, WORD("doc", at)),
    facts([
      ["place", place], ["times", times], ["limit", more?.limit ? seconds(more.limit) : ""],
      ["expected", more?.expected ? `${seconds(more.expected[0])} (${more.expected[1]})` : ""],
      ["level", WORD("level", at)], ["deployment", WORD("deployment", at)], ["devices", WORD("devices", at)], ["declared memory", C.vram[at] >= 0 ? `${digits(C.vram[at] / 1024, 3)} GiB of each device` : ""],
      ["markers", WORD("markers", at)], ["link", el("a", { href: `#case-${at}` }, `#case-${at}`)],
    ]),
  ];
  if (more?.quarantine) out.push(el("p", { class: "banner" }, `In quarantine until ${more.quarantine[2]}: ${more.quarantine[0]} (${more.quarantine[1]})`));
  if (!more) {
    if (failed(at)) out.push(el("p", { class: "soft" }, "More was not put into this page; it stands in the log and in the evidence."));
    return out;
  }
  const attempts = more.attempts;
  for (const attempt of attempts) {
    const body = () => attemptInside(attempt);
    if (attempts.length === 1) out.push(body());
    else out.push(fold([badge(attempt.outcome ?? "cut off", TONE[attempt.outcome] ?? "warn"), ` attempt ${attempt.number}`], body, { open: attempt === attempts.at(-1) || Boolean(attempt.text) }));
  }
  for (const [, soak] of data.soaks.filter((one) => one[0] === at)) out.push(soakInside(soak));
  const own = data.figures.shown.filter((row) => row.case === at);
  if (own.length) out.push(el("h4", null, "Figures"), figureTable(own));
  return out;
}

const pre = (text, kind) => el("pre", { class: kind ?? null, dir: "auto", tabindex: "0" }, text);

function attemptInside(attempt) {
  const out = [];
  if (attempt.outcome === null) out.push(el("p", { class: "banner warn" }, "The log ends before this attempt did."));
  if (attempt.class) out.push(el("p", null, badge(attempt.class, "bad", ""), " ", el("span", { class: "soft" }, attempt.class_because)));
  if (attempt.waived) out.push(el("p", { class: "banner" }, `It does not fail the run: ${attempt.waived}`));
  if (attempt.text) out.push(pre(attempt.text, attempt.outcome === "passed" ? null : "failure"));
  if (attempt.notes.length) out.push(el("h4", null, "Notes"), el("ul", { class: "plain" }, attempt.notes.map((note) => el("li", { dir: "auto" }, note))));
  if (attempt.open.length) out.push(el("h4", null, "Checks without an answer"), table(["ending", "rule", "why", { name: "times", number: true }], attempt.open));
  if (attempt.faults.length) out.push(el("h4", null, "Fault timeline"), faultSteps(attempt));
  const evidence = attempt.evidence;
  for (const report of evidence?.faults ?? []) out.push(faultReport(report));
  if (evidence) out.push(...evidenceInside(evidence));
  if (attempt.output) out.push(fold("Output", () => pre(attempt.output), { open: Boolean(attempt.text) && attempt.outcome !== "passed" }));
  for (const [by, text] of attempt.shared) out.push(fold(`Output of one of: ${by}`, () => pre(text)));
  const facts_ = [["fixtures", attempt.fixtures.join(", ")]];
  if (attempt.fixtures.length) out.push(facts(facts_));
  return out;
}

// The steps that the log has of a fault, on the clock of the attempt.
function faultSteps(attempt) {
  const named = new Set(["injected", "first_error", "detected", "undone", "recovered", "failed"]);
  const steps = attempt.faults.map(([at, fault, step, detail]) => ({ at: at / 1000, step, text: detail ? `${fault}: ${detail}` : fault, named: named.has(step) }));
  return [faultChart(steps, `Faults: ${steps.map((step) => step.step).join(", ")}`), stepTable(steps)];
}

const stepTable = (steps) => fold(plural(steps.length, "step"), () => table([{ name: "s", number: true }, "step", "what"], steps.map((step) => [step.at.toFixed(3), step.step.replaceAll("_", " "), step.text])));

function faultReport(report) {
  const steps = report.steps.map(([at, step, text]) => ({ at, step, text, named: false }));
  for (const [step, at] of [["injected", report.inject], ["first_error", report.first_error], ["detected", report.detected], ["undone", report.undone], ["recovered", report.recovered]]) if (at !== null) steps.push({ at, step, text: report.fault, named: true });
  steps.sort((a, b) => a.at - b.at);
  const after = (at, from) => (at === null || from === null ? "not seen" : `after ${seconds(Math.max(0, at - from))}`);
  const rate = (value) => (value === null ? "unknown" : `${digits(value, 3)}/s`);
  const tone = { held: "good", broken: "bad" };
  return [
    el("h4", null, `Fault: ${report.fault} on ${report.server}`),
    steps.length ? faultChart(steps, `${report.fault}: first error ${after(report.first_error, report.inject)}, detected ${after(report.detected, report.inject)}, recovered ${after(report.recovered, report.undone)}`) : "",
    facts([
      ["first error", after(report.first_error, report.inject)], ["detected", after(report.detected, report.inject)], ["recovered", `${after(report.recovered, report.undone)}${report.recovered === null ? "" : " (from the undoing)"}`],
      ["served", `${rate(report.goodput[0])} before, ${rate(report.goodput[1])} during, ${rate(report.goodput[2])} after`], ["requests", report.accounts.map(([name, count]) => `${count} ${name}`).join(", ")],
    ]),
    table(["oracle", "ruling", "says"], report.judgements.map(([oracle, ruling, says]) => [oracle, badge(ruling, tone[ruling] ?? "warn"), says])),
    report.steps.length ? stepTable(steps) : "",
  ];
}

function soakInside(soak) {
  return [
    el("h4", null, `Soak: ${seconds(soak.seconds)}, ${soak.counts}`),
    soak.failures.map((text) => el("p", { class: "banner bad" }, text)),
    soak.remarks.map((text) => el("p", { class: "banner warn" }, text)),
    soak.incidents.length ? table([{ name: "s", number: true }, "incident"], soak.incidents.map(([at, text]) => [digits(at), text])) : "",
    el("div", { class: "charts" }, soak.curves.map(soakChart)),
  ];
}
