// The sections of the page. Each is made from the data alone; one that has nothing to show says so in the overview, and is left out.
const redraws = [];
const all = Array.from({ length: COUNT }, (_, at) => at);
const RAN = new Set(["skipped", "ignored", "not run"]);
const cutOff = all.filter((at) => has(at, CUT_OFF));
const failures = all.filter((at) => failed(at) && !has(at, WAIVED)).concat(cutOff);
const notRun = all.filter((at) => RAN.has(outcomeOf(at)));
const unsure = all.filter((at) => outcomeOf(at) === "flaky" || has(at, QUARANTINED) || (failed(at) && has(at, WAIVED)));

function counted(of, by) {
  const counts = new Map();
  for (const at of of) counts.set(by(at), (counts.get(by(at)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function verdictOfRun() {
  const { code, signal, stopping } = run;
  const why = stopping ? ` It was stopped after ${seconds(stopping[0])}: ${stopping[1]}.` : "";
  const waived = unsure.filter((at) => failed(at) && has(at, WAIVED)).length;
  const count = failures.length - cutOff.length;
  const failedText = `${count ? `${plural(count, "case")} failed.` : ""}${cutOff.length ? ` ${plural(cutOff.length, "case")} cut off.` : ""}`;
  const waivedText = waived ? ` ${plural(waived, "failure")} waived.` : "";
  if (code === null) return ["bad", "The log ends before the run did.", `Its writer was killed, or runs still. What is told here is what was known after ${seconds(run.seconds)}. ${failedText}${waivedText}${why}`];
  if (signal !== null) return ["bad", `Stopped by signal ${signal}.`, `${failedText}${waivedText}${why}`];
  if (code === 0) return ["good", "Passed.", `${waivedText}${why}${notRun.length ? ` ${plural(notRun.length, "case")} did not run.` : ""}`];
  const word = { 2: "The command line or a rule is wrong.", 4: "Nothing was executed.", 5: "Something regressed.", 6: "Something was measured without a verdict.", 101: "Failed." }[code] ?? "Failed.";
  return ["bad", word, `${failedText}${waivedText}${why}`];
}

function overview() {
  const [tone, word, more] = verdictOfRun();
  const counts = counted(all, outcomeOf);
  const tile = ([word_, count]) => {
    const tone_ = TONE[word_] ?? "mute";
    return el("button", { type: "button", class: "tile", onclick: () => listOutcome(word_) }, el("b", { class: tone_ }, count.toLocaleString("en")), `${SIGN[tone_]} ${word_}`);
  };
  const share = el("div", { class: "share", "aria-hidden": "true" }, counts.map(([outcome, count]) => { const bar = el("i", { class: TONE[outcome] ?? "mute" }); bar.style.flex = String(count); return bar; }));
  const when = new Date(run.at);
  const devices = run.devices.map(([index, name, gib, simulated]) => `${index}: ${name}${gib === null ? "" : `, ${digits(gib, 3)} GiB`}${simulated ? " (simulated)" : ""}`);
  const commit = run.commit ? `${run.commit.slice(0, 12)}${run.branch ? ` on ${run.branch}` : ""}${run.changed ? ", with changes" : ""}` : "";
  const said = (title, lines, tone_) => (lines.length ? fold(`${title} (${lines.length})`, () => el("ul", { class: "plain" }, lines.map((line) => el("li", { dir: "auto" }, line))), { open: tone_ === "bad" && lines.length < 6 }) : "");
  const classes = counted(all.filter((at) => failed(at) && WORD("class", at)), (at) => WORD("class", at));
  return [
    el("p", { class: `banner ${tone}` }, el("strong", null, word), " ", more),
    share, el("div", { class: "tiles" }, counts.map(tile)),
    classes.length ? el("p", { class: "row" }, el("span", { class: "soft" }, "Failures by class:"), classes.map(([name, count]) => badge(`${name}: ${count}`, "bad", ""))) : "",
    said("What is wrong with the log", run.wrong, "bad"), said("Errors of teardown that no case answers for", run.late_errors, "bad"),
    said("Panics that belong to no test", run.stray_panics.map(([at, text]) => `after ${seconds(at)}: ${text}`), "bad"), said("Notes", run.notes), said("Left out of this page", data.left_out),
    facts([
      ["run", el("span", { class: "mono" }, run.name)], ["level", `${run.level[0]}${run.level[1] ? ` (${run.level[1]})` : ""}`], ["deployments", run.deployments.join(", ")],
      ["when", Number.isFinite(when.getTime()) && run.at > 0 ? `${when.toISOString().replace("T", " ").slice(0, 19)} UTC, for ${seconds(run.seconds)}` : ""], ["host", [run.host === "()" ? "" : run.host, run.cpus ? plural(run.cpus, "processor") : ""].filter(Boolean).join(", ")], ["devices", devices.join("; ")],
      ["commit", commit], ["shard", run.shard ? `${run.shard[0]} of ${run.shard[1]}` : ""], ["shuffled with seed", run.shuffle], ["parts", run.parts.length > 1 ? run.parts.join("; ") : ""],
      ["removed by filters", run.removed.map(([by, count]) => `${count} by ${by}`).join(", ")], ["arguments", run.command ? el("span", { class: "mono" }, run.command) : ""], ["harness", run.harness ? `${run.harness} (${run.package}, ${run.target})` : ""],
    ]),
  ];
}

function failureSection() {
  return [el("p", { class: "soft small" }, "j and k go from failure to failure."), gradually(failures, (at) => caseLine(at, failures.length <= 3), 100)];
}

// By kind of gate and reason: many cases share one.
function notRunSection() {
  const kinds = new Map();
  for (const at of notRun) {
    const kind = outcomeOf(at) === "skipped" ? `skipped: ${WORD("gate", at) || "at run time"}` : outcomeOf(at);
    const why = WORD("why", at) || "no reason was given";
    if (!kinds.has(kind)) kinds.set(kind, new Map());
    const reasons = kinds.get(kind);
    if (!reasons.has(why)) reasons.set(why, []);
    reasons.get(why).push(at);
  }
  return [...kinds].map(([kind, reasons]) => [
    el("h3", null, `${kind} (${[...reasons.values()].reduce((sum, cases) => sum + cases.length, 0).toLocaleString("en")})`),
    gradually([...reasons].sort((a, b) => b[1].length - a[1].length), ([why, cases]) => fold([`${cases.length.toLocaleString("en")} × `, el("span", { dir: "auto" }, why)], () => gradually(cases, (at) => caseLine(at))), 50),
  ]);
}

const SORTS = {
  "as they ran": (a, b) => (C.start[a] < 0) - (C.start[b] < 0) || C.start[a] - C.start[b] || a - b, "as listed": (a, b) => a - b, "slowest first": (a, b) => spent(b) - spent(a) || a - b,
  "by name": (a, b) => (C.name[a] < C.name[b] ? -1 : 1),
};
let filterCases = null;
function casesSection() {
  const words = el("input", { type: "search", id: "filter", placeholder: "Part of a name, marker, deployment or reason", "aria-label": "Filter the cases" });
  const outcome = el("select", { "aria-label": "Outcome" }, el("option", { value: "" }, "every outcome"), counted(all, outcomeOf).map(([word, count]) => el("option", { value: word }, `${word} (${count})`)));
  const sort = el("select", { "aria-label": "Order" }, Object.keys(SORTS).map((name) => el("option", { value: name }, name)));
  const list = el("div", null), says = el("p", { class: "soft small", role: "status" });
  const show = () => {
    const asked = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (at) => `${C.name[at]} ${WORD("markers", at)} ${WORD("deployment", at)} ${WORD("why", at)}`.toLowerCase();
    const found = all.filter((at) => (!outcome.value || outcomeOf(at) === outcome.value) && (asked.length === 0 || asked.every((part) => text(at).includes(part))));
    found.sort(SORTS[sort.value]);
    says.textContent = `${found.length.toLocaleString("en")} of ${plural(COUNT, "case")}`;
    list.replaceChildren(gradually(found, (at) => caseLine(at), 60));
  };
  let wait = 0;
  words.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(show, 120); });
  outcome.addEventListener("change", show);
  sort.addEventListener("change", show);
  filterCases = (word) => { outcome.value = word; words.value = ""; show(); };
  show();
  return [el("div", { class: "row" }, words, outcome, sort), says, list];
}

function listOutcome(word) {
  location.hash = "#cases";
  byId("cases").scrollIntoView();
  filterCases?.(word);
}

function figureTable(rows) {
  const change = (row) => (row.baseline && row.value !== null ? `${row.value >= row.baseline ? "+" : "−"}${digits((Math.abs(row.value - row.baseline) / Math.abs(row.baseline)) * 100, 3)} %` : "–");
  const columns = ["step", "metric", { name: "value", number: true }, { name: "interval", number: true }, { name: "baseline", number: true }, { name: "change", number: true }, "verdict"];
  const line = (row) => [
    row.step || "–", [row.metric, row.better ? el("span", { class: "soft small" }, ` (${row.better} is better)`) : ""], `${digits(row.value)} ${row.unit}`, row.interval ? `${digits(row.interval[0])} to ${digits(row.interval[1])}` : "–", digits(row.baseline), change(row),
    row.verdict ? badge(row.verdict, verdictTone(row.verdict)) : el("span", { class: "soft" }, "only shown"),
  ];
  const history = (row) => {
    const changes = row.changes.length ? `, ${plural(row.changes.length, "change")}` : "";
    const inside = () => [historyChart(row), row.changes.map(([at, before, after, p]) => el("p", { class: "small odd" }, `from run ${at + 1} on: ${digits(before)} became ${digits(after)} ${row.unit} (p = ${digits(p, 2)})`))];
    return fold(`History of ${row.metric}: ${plural(row.history.length, "accepted run")}${changes}`, inside, { open: rows.length < 12 && (row.changes.length > 0 || row.verdict === "regressed") });
  };
  const made = table(columns, rows.map(line)), body = made.querySelector("tbody");
  [...body.children].forEach((drawn, at) => { if (rows[at].history.length) drawn.after(el("tr", null, el("td", { class: "whole", colspan: columns.length }, history(rows[at])))); });
  return made;
}

function performanceSection() {
  const { all: count, shown } = data.figures;
  const judged = shown.filter((row) => row.verdict), cases = [...new Set(shown.map((row) => row.case))];
  const verdicts = counted(judged.map((_, at) => at), (at) => judged[at].verdict);
  return [
    el("p", { class: "row" }, verdicts.map(([word, number]) => badge(`${word}: ${number}`, verdictTone(word))), el("span", { class: "soft" }, `${plural(count, "figure")}${count > shown.length ? `, ${shown.length} shown` : ""}`)),
    gradually(cases, (at) => {
      const rows = shown.filter((row) => row.case === at), own = rows.filter((row) => row.verdict), rest = rows.filter((row) => !row.verdict);
      return el("div", null, el("h3", { class: "mono" }, caseLink(at)), own.length ? figureTable(own) : "", rest.length ? fold(`${plural(rest.length, "figure")} that ${rest.length === 1 ? "is" : "are"} only shown`, () => figureTable(rest), { open: own.length === 0 && cases.length === 1 }) : "");
    }, 20),
    data.steps.length ? [el("h3", null, "How samples are spread"), data.steps.slice(0, 200).map((at) => fold(C.name[at], () => evidenceOf(at).flatMap((evidence) => evidence.steps).map((step) => [el("h4", null, step.name), spreads(step)])))] : "",
  ];
}

const caseLink = (at) => el("a", { href: `#case-${at}` }, C.name[at]);
const evidenceOf = (at) => (toldOf(at)?.attempts ?? []).map((attempt) => attempt.evidence).filter(Boolean);

function soakSection() {
  return data.soaks.map(([at, soak], place) => fold([at === null ? badge("not in the log", "mute", "") : badge(outcomeOf(at), toneOf(at)), " ", el("span", { class: "mono" }, soak.name)], () => [at === null ? "" : el("p", null, caseLink(at)), soakInside(soak)], { open: place < 4 }));
}

function faultSection() {
  const inside = (at) => toldOf(at).attempts.map((attempt) => {
    const reports = attempt.evidence?.faults ?? [];
    return reports.length ? reports.map(faultReport) : attempt.faults.length ? faultSteps(attempt) : "";
  });
  return gradually(data.faults, (at) => fold([badge(outcomeOf(at), toneOf(at)), " ", el("span", { class: "mono" }, C.name[at])], () => [el("p", null, caseLink(at)), inside(at)], { open: data.faults.length <= 3 }), 50);
}

function tableSection(one) {
  const rows = one.groups.flatMap((group) => [{ head: group.name }, ...group.rows]);
  const columns = one.columns;
  const words = el("input", { type: "search", placeholder: "Part of a row", "aria-label": `Filter the table ${one.title}` });
  const box = el("div", null);
  const show = () => {
    const asked = words.value.toLowerCase();
    const found = asked ? rows.filter((row) => !row.head && row[1].join(" ").toLowerCase().includes(asked)) : rows;
    const body = el("tbody", null), more = el("button", { type: "button" });
    let shown = 0;
    const next = () => {
      for (const row of found.slice(shown, shown + 150)) {
        if (row.head !== undefined) body.append(el("tr", { class: "head" }, el("td", { colspan: columns.length + 1 }, row.head || "rows")));
        else body.append(el("tr", null, row[1].map((cell) => el("td", { dir: "auto" }, cell)), el("td", null, el("a", { href: `#case-${row[0]}`, "aria-label": `Case ${C.name[row[0]]}` }, "case"))));
      }
      shown += 150;
      more.hidden = shown >= found.length;
      more.textContent = `Show 150 more of ${Math.max(0, found.length - shown)}`;
    };
    more.addEventListener("click", next);
    next();
    box.replaceChildren(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": one.title }, el("table", null, el("thead", null, el("tr", null, columns.map((column) => el("th", { scope: "col" }, column)), el("th", null))), body)), more);
  };
  words.addEventListener("input", show);
  show();
  const groups = one.groups.map((group) => `${group.name || "rows"}: ${group.rows.length}`).join(", ");
  return [el("p", { class: "soft small" }, groups, one.more ? `; ${one.more} more rows are not in this page` : ""), el("div", { class: "row" }, words), box];
}

function unsureSection() {
  const flaky = unsure.filter((at) => outcomeOf(at) === "flaky"), quarantined = unsure.filter((at) => has(at, QUARANTINED)), waived = unsure.filter((at) => failed(at) && has(at, WAIVED) && !has(at, QUARANTINED));
  return [["Passed on a later attempt", flaky], ["In quarantine", quarantined], ["Failed, and waived", waived]].filter(([, cases]) => cases.length).map(([title, cases]) => [el("h3", null, `${title} (${cases.length})`), gradually(cases, (at) => caseLine(at))]);
}

function gapSection() {
  return data.gaps.length ? el("ul", { class: "plain" }, data.gaps.map((gap) => el("li", null, gap))) : el("p", null, "No gap was found.");
}

function telemetrySection() {
  const { devices = [], trees = [], host = {}, notes = [], reason, samples, seconds: lasted } = run.telemetry;
  const range = (value) => (value ? `${digits(value.min, 3)} to ${digits(value.max, 3)}, mean ${digits(value.mean, 3)}` : "–");
  return [
    facts([
      ["samples", samples === undefined ? "" : `${samples} in ${seconds(lasted)}`], ["devices", reason ? `none: ${reason}` : ""], ["host memory", host.memory_total ? `${bytes(host.memory_total)}, at least ${bytes(host.memory_available_min)} of it left` : ""],
      ["load", host.load_1 ? range(host.load_1) : ""], ["processors", host.cpus],
    ]),
    devices.length ? [el("h3", null, "Devices"), table(["device", { name: "most memory", number: true }, "utilisation, %", { name: "power, W", number: true }, { name: "heat, °C", number: true }, "clocks held down"], devices.map((one) => [`${one.name ?? one.device}${one.simulated ? " (simulated)" : ""}`, `${bytes(one.memory_used_max)} of ${bytes(one.memory_total)}`, range(one.utilisation), digits(one.power_watts_max), digits(one.temperature_celsius_max), one.throttle ? Object.entries(one.throttle).map(([name, count]) => `${name}: ${count}`).join(", ") || "never" : "not measured"]))] : "",
    trees.length ? [el("h3", null, "Servers and their processes"), table(["server", { name: "resident, most", number: true }, { name: "shared divided, most", number: true }, { name: "CPU time", number: true }, { name: "processors, mean", number: true }, "memory of devices, most"], trees.map((one) => [one.label, bytes(one.rss_max), bytes(one.pss_max), seconds(one.cpu_seconds), digits(one.cores_mean, 3), (one.devices ?? []).map((device) => `${device.device}: ${device.bytes === null ? "unknown" : bytes(device.bytes)}`).join(", ") || "–"]))] : "",
    notes.length ? [el("h3", null, "Notes"), el("ul", { class: "plain" }, notes.map((note) => el("li", null, [note.platform, note.text].filter(Boolean).join(": "))))] : "",
  ];
}
