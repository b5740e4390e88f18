// Puts the page together: what is read first at once, the rest when the browser has drawn that.
const SECTIONS = [
  { id: "overview", title: "Overview", make: overview },
  { id: "failures", title: "Failures", count: failures.length, tone: "bad", make: failureSection },
  { id: "unsure", title: "Flaky and quarantined", count: unsure.length, make: unsureSection },
  { id: "not-run", title: "Did not run", count: notRun.length, make: notRunSection },
  { id: "timeline", title: "Timeline", count: COUNT, quiet: true, make: timeline },
  { id: "performance", title: "Performance", count: data.figures.all + data.steps.length, quiet: true, make: performanceSection },
  { id: "soaks", title: "Soaks", count: data.soaks.length, make: soakSection },
  { id: "faults", title: "Faults", count: data.faults.length, make: faultSection },
  ...data.tables.map((one, at) => ({ id: `table-${at}`, title: one.title || "Table", count: one.groups.reduce((sum, group) => sum + group.rows.length, 0), make: () => tableSection(one) })),
  { id: "coverage", title: "Coverage gaps", count: data.gaps === null ? 0 : Math.max(1, data.gaps.length), quiet: true, make: gapSection },
  { id: "telemetry", title: "Telemetry", count: run.telemetry ? 1 : 0, quiet: true, make: telemetrySection },
  { id: "cases", title: "All cases", count: COUNT, make: casesSection },
].filter((section) => section.count === undefined || section.count > 0);

const main = byId("main"), waiting = new Map();
for (const section of SECTIONS) {
  const heading = el("h2", { id: `${section.id}-title` }, section.title);
  const made = el("section", { id: section.id, "aria-labelledby": `${section.id}-title` }, heading);
  main.append(made);
  waiting.set(section.id, () => { waiting.delete(section.id); add(made, [section.make()]); });
  const count = section.count === undefined || section.quiet ? "" : el("span", { class: `count ${section.tone ?? ""}` }, section.count.toLocaleString("en"));
  byId("nav").append(el("a", { href: `#${section.id}` }, section.title, count));
}
const ready = (id) => waiting.get(id)?.();

// A case that a link names is opened where it is listed already, else in a place of its own.
function showCase(at) {
  if (!Number.isInteger(at) || at < 0 || at >= COUNT) return;
  const hash = `#case-${at}`;
  if (location.hash !== hash) { location.hash = hash; return; }
  let line = [...document.querySelectorAll("section details.case")].find((one) => one.dataset.case === String(at) && one.checkVisibility?.() !== false);
  if (!line) {
    byId("one")?.remove();
    line = caseLine(at);
    const place = el("section", { id: "one" }, el("h2", null, "The case"), line);
    byId("overview").before(place);
  }
  line.open = true;
  line.scrollIntoView({ block: "start" });
  line.querySelector("summary").focus({ preventScroll: true });
}

function route() {
  const found = /^#case-(\d{1,9})$/.exec(location.hash);
  if (found) { showCase(Number(found[1])); return; }
  const id = location.hash.slice(1);
  ready(id);
  for (const link of byId("nav").children) link.classList.toggle("here", link.getAttribute("href") === `#${id || "overview"}`);
  if (id && SECTIONS.some((section) => section.id === id)) byId(id).scrollIntoView();
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  redraws.forEach((draw) => draw());
}

const KEYS = [["j, k", "the next, the one before of the cases that are listed"], ["o, Enter", "open or close it"], ["/", "filter the cases"], ["t", "timeline"], ["g", "back to the top"], ["d", "light or dark"], ["?", "this help"], ["← → + − Enter", "in the timeline: from case to case, zoom, open"]];
const help = byId("help");
add(help, [el("h2", null, "Keys"), facts(KEYS.map(([keys, what]) => [el("kbd", null, keys), what])), el("div", { class: "row" }, el("button", { type: "button", onclick: () => help.close() }, "Close"))]);

function step(by) {
  const lines = [...document.querySelectorAll("details.case > summary")].filter((one) => one.offsetParent !== null);
  const next = lines[lines.indexOf(document.activeElement) + by] ?? (by > 0 ? lines[0] : lines.at(-1));
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, audio, video")) return;
  const go = (id) => () => { location.hash = `#${id}`; ready(id); };
  const act = {
    j: () => step(1), k: () => step(-1), o: () => event.target.closest("summary")?.click(), t: go("timeline"), d: theme, "?": () => help.showModal(),
    "/": () => { ready("cases"); byId("cases")?.scrollIntoView(); byId("filter")?.focus({ preventScroll: true }); }, g: () => { scrollTo(0, 0); byId("main").focus({ preventScroll: true }); },
  }[event.key];
  if (act) { event.preventDefault(); act(); }
});
byId("theme").addEventListener("click", theme);
byId("help-button").addEventListener("click", () => help.showModal());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraws.forEach((draw) => draw()));
addEventListener("hashchange", route);
add(byId("foot"), [`Made from the event log of ${run.name || "a run"} by Tribunal ${run.harness}. This page loads nothing and needs no network; what a server said is shown as text.`]);

ready("overview");
ready("failures");
document.documentElement.dataset.ready = "first";
performance.mark("shown");
const rest = () => {
  const [id] = waiting.keys();
  if (id === undefined) { route(); performance.mark("all shown"); document.documentElement.dataset.ready = "all"; return; }
  ready(id);
  setTimeout(rest, 0);
};
requestAnimationFrame(() => setTimeout(rest, 0));
