// What all parts of the page use: the data, elements, and how figures are written.
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
byId("data").remove();
const { run, cases: C, words: W } = data;
const COUNT = C.name.length;
const WORD = (column, at) => W[C[column][at]];
const OUTCOME = data.outcomes.map(([word]) => word);
const FAILS = data.outcomes.map(([, fails]) => fails);
const WAIVED = 1, QUARANTINED = 2, CUT_OFF = 4, TOLD = 8;
const has = (at, flag) => (C.flags[at] & flag) !== 0;
// What had begun when the log ended neither passed nor failed.
const outcomeOf = (at) => (has(at, CUT_OFF) ? "cut off" : OUTCOME[C.outcome[at]] ?? "not run");
const failed = (at) => Boolean(FAILS[C.outcome[at]]);

// Elements are only made here. Text is text; no attribute can be a listener; a link leads to a place in this page or to a file beside it.
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "href" && !/^(#|\.\/|\.$)/.test(value)) continue;
    else if (name === "src" && !/^data:(image|audio|video)\/[a-z0-9]+;base64,[A-Za-z0-9+/=]*$/.test(value)) continue;
    else if (name === "srcdoc" || name === "style") continue;
    else made.setAttribute(name, value === true ? "" : value);
  }
  add(made, children);
  return made;
}

function add(to, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    to.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

const SVG = "http://www.w3.org/2000/svg";
function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && !name.startsWith("on") && name !== "href") made.setAttribute(name, value);
  }
  add(made, children);
  return made;
}

const TONE = {
  "passed": "good", "failed": "bad", "timed out": "bad", "set-up failed": "bad", "teardown failed": "bad", "skipped": "mute", "ignored": "mute",
  "expected failure": "good", "unexpected pass": "bad", "no baseline": "warn", "regressed": "bad", "inconclusive": "bad", "invalid": "bad",
  "flaky": "odd", "not run": "warn", "cut off": "bad",
};
const SIGN = { good: "✓", bad: "✗", mute: "–", warn: "!", odd: "≈" };
const toneOf = (at) => (has(at, WAIVED) ? "odd" : TONE[outcomeOf(at)] ?? "mute");
const badge = (word, tone, sign = SIGN[tone]) => el("span", { class: `badge ${tone ?? "mute"}` }, `${sign ?? ""} ${word}`.trim());

function digits(value, most = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e7 || size < 1e-3)) return value.toExponential(2);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(most)));
}

function seconds(value) {
  if (value === null || value === undefined || value < 0 || !Number.isFinite(value)) return "–";
  if (value < 0.001) return "0 s";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 60) return `${digits(value, 3)} s`;
  const whole = Math.round(value), hours = Math.floor(whole / 3600), minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}
const millis = (value) => (value < 0 ? "–" : seconds(value / 1000));

function bytes(value) {
  if (value === null || value === undefined) return "–";
  for (const [size, unit] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]]) {
    if (value >= size) return `${digits(value / size, 3)} ${unit}`;
  }
  return `${value} B`;
}

const spent = (at) => (C.body[at] < 0 ? -1 : C.set_up[at] + C.body[at] + C.teardown[at]);
const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

function table(columns, rows) {
  const heads = columns.map((column) => el("th", { scope: "col", class: column.number ? "number" : null }, column.name ?? column));
  const line = (cells) => el("tr", null, cells.map((cell, at) => el("td", { class: columns[at]?.number ? "number" : null }, cell)));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" }, el("table", null, el("thead", null, el("tr", null, heads)), el("tbody", null, rows.map(line))));
}

// A list of which some are put on the screen, and more when somebody asks.
function gradually(all, make, step = 100) {
  const list = el("div", null), more = el("button", { type: "button" });
  let shown = 0;
  const next = () => {
    const end = Math.min(all.length, shown + step);
    list.append(...all.slice(shown, end).map(make));
    shown = end;
    more.hidden = shown >= all.length;
    more.textContent = `Show ${Math.min(step, all.length - shown)} more of ${(all.length - shown).toLocaleString("en")}`;
  };
  more.addEventListener("click", next);
  next();
  return el("div", null, list, more);
}

// What is inside is made when it is opened for the first time.
function fold(summary, make, { open = false, name = "fold", id = null } = {}) {
  const details = el("details", { class: name, id }, el("summary", null, summary));
  const fill = () => {
    if (!details.open || details.dataset.made) return;
    details.dataset.made = "yes";
    const inside = el("div", { class: "inside" });
    add(inside, [make()]);
    details.append(inside);
  };
  details.addEventListener("toggle", fill);
  if (open) { details.open = true; fill(); }
  return details;
}
