// Charts: curves of soaks, histories of figures, spreads of samples, timelines of faults.
function ticks(low, high, count = 4) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const out = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) out.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  return out;
}

function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
  if (low === Infinity) return [0, 1];
  const room = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
  return [low - room, high + room];
}

function plane({ x: [x0, x1], y: [y0, y1], width = 360, height = 150, label, clock = false }) {
  const left = 52, right = 8, top = 8, bottom = 20;
  const sx = (x) => left + ((x - x0) / (x1 - x0 || 1)) * (width - left - right);
  const sy = (y) => height - bottom - ((y - y0) / (y1 - y0 || 1)) * (height - top - bottom);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  for (const y of ticks(y0, y1)) {
    drawing.append(svg("line", { class: "axis", x1: left, x2: width - right, y1: sy(y), y2: sy(y) }), svg("text", { x: left - 5, y: sy(y) + 4, "text-anchor": "end" }, digits(y, 3)));
  }
  if (clock) for (const x of ticks(x0, x1, 5)) drawing.append(svg("text", { x: sx(x), y: height - 5, "text-anchor": "middle" }, seconds(x)));
  return { drawing, sx, sy };
}

const path = (points, sx, sy) => points.map(([x, y], at) => `${at ? "L" : "M"}${sx(x).toFixed(1)} ${sy(y).toFixed(1)}`).join("");

function soakChart(curve) {
  const xs = curve.points.map((point) => point[0]), ys = curve.points.map((point) => point[1]);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const { drawing, sx, sy } = plane({ x: [x0, x1], y: extent(ys), label: `${curve.signal}: ${curve.says}`, clock: true });
  if (curve.judged) {
    const [from, to] = curve.judged;
    drawing.append(svg("rect", { class: "band", x: sx(from), y: 8, width: Math.max(0, sx(to) - sx(from)), height: 122 }));
  }
  drawing.append(svg("path", { class: "curve", d: path(curve.points, sx, sy) }));
  if (curve.judged && curve.slope !== null && curve.last !== null) {
    const [from, to] = curve.judged;
    const line = [[from, curve.last - (curve.slope * (to - from)) / 3600], [to, curve.last]];
    drawing.append(svg("path", { class: `slope ${curve.verdict === "leak" ? "bad" : ""}`, d: path(line, sx, sy) }));
  }
  const tone = { ok: "good", leak: "bad", suspect: "warn" }[curve.verdict] ?? "mute";
  return el("figure", null, drawing, el("figcaption", null, badge(curve.verdict || "not judged", tone), " ", curve.server && el("span", { class: "soft" }, curve.server, " "), curve.says));
}

function historyChart(row, width = 360, height = 150, plain = false) {
  const points = row.history.map((value, at) => [at, value]);
  const here = row.history.length;
  const ys = [...row.history, ...(row.interval ?? []), row.value, row.baseline].filter((y) => y !== null && y !== undefined);
  const label = `${row.metric}: ${digits(row.value)} ${row.unit}; ${plural(row.history.length, "accepted run")}`;
  const { drawing, sx, sy } = plane({ x: [-0.5, here + 0.5], y: extent(ys), width, height, label });
  if (row.baseline !== null) drawing.append(svg("line", { class: "guide", x1: sx(-0.5), x2: sx(here + 0.5), y1: sy(row.baseline), y2: sy(row.baseline) }));
  for (const [at] of row.changes) drawing.append(svg("line", { class: "change", x1: sx(at - 0.5), x2: sx(at - 0.5), y1: 8, y2: height - 20 }));
  if (points.length > 1) drawing.append(svg("path", { class: "curve", d: path(points, sx, sy), opacity: 0.5 }));
  for (const [x, y] of points) drawing.append(svg("circle", { class: "dot", cx: sx(x), cy: sy(y), r: points.length > 60 ? 1.5 : 2.5 }));
  if (row.interval) drawing.append(svg("line", { class: "whisker", x1: sx(here), x2: sx(here), y1: sy(row.interval[0]), y2: sy(row.interval[1]) }));
  if (row.value !== null) drawing.append(svg("circle", { class: `dot ${verdictTone(row.verdict)}`, cx: sx(here), cy: sy(row.value), r: 4.5 }));
  if (!plain) drawing.append(svg("text", { x: sx(0), y: height - 5 }, points.length ? "accepted runs, oldest first" : "no accepted runs"), svg("text", { x: sx(here), y: height - 5, "text-anchor": "end" }, "this run"));
  return drawing;
}

const verdictTone = (verdict) => ({ pass: "good", improved: "good", regressed: "bad", invalid: "bad", inconclusive: "warn", "no baseline": "warn" })[verdict] ?? "mute";

// Least to most as a line, 50 to 95 % as a box, the median, the 99th percentile and the mean as marks.
function spreadChart(spread) {
  const [least, p50, p90, p95, p99, most] = spread.at, width = 340, height = 34;
  const known = spread.at.filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const sx = (value) => 6 + ((value - low) / (high - low || 1)) * (width - 12);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${spread.metric}: median ${digits(p50)}, 99th percentile ${digits(p99)}` });
  drawing.append(svg("line", { class: "step-line", x1: sx(low), x2: sx(high), y1: 17, y2: 17 }));
  const end = p95 ?? p90;
  if (p50 !== null && end !== null) drawing.append(svg("rect", { class: "box", x: sx(p50), y: 9, width: Math.max(1, sx(end) - sx(p50)), height: 16 }));
  for (const [value, kind] of [[least, ""], [p50, "good"], [p99, "warn"], [most, ""]]) if (value !== null) drawing.append(svg("circle", { class: `dot ${kind}`, cx: sx(value), cy: 17, r: kind ? 4 : 2.5 }));
  if (spread.mean !== null) drawing.append(svg("path", { class: "whisker", d: `M${sx(Math.min(Math.max(spread.mean, low), high))} 4V30` }));
  return drawing;
}

// Steps of a fault on one line, from its first to its last.
function faultChart(steps, label) {
  const width = 720, height = 88, line = 44;
  const times = steps.map((step) => step.at);
  const [low, high] = [Math.min(...times), Math.max(...times)];
  const sx = (at) => 14 + ((at - low) / (high - low || 1)) * (width - 28);
  const drawing = svg("svg", { class: "steps", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  drawing.append(svg("line", { class: "step-line", x1: sx(low), x2: sx(high), y1: line, y2: line }));
  const at = (word) => steps.find((step) => step.step === word)?.at;
  const injected = at("injected"), until = at("recovered") ?? at("undone");
  if (injected !== undefined && until !== undefined && until > injected) drawing.append(svg("rect", { class: "band", x: sx(injected), y: line - 12, width: sx(until) - sx(injected), height: 24 }));
  // Each name goes to the first of four rows that has room.
  const rows = [[28, 0], [66, 0], [12, 0], [82, 0]];
  for (const step of [...steps].sort((a, b) => a.at - b.at)) {
    const x = sx(step.at), word = step.step.replaceAll("_", " ");
    drawing.append(svg("circle", { class: `dot ${stepTone(step.step)}`, cx: x, cy: line, r: 5 }, svg("title", null, `${word} at ${digits(step.at)} s: ${step.text}`)));
    if (!step.named) continue;
    const long = word.length * 6.2, from = Math.min(Math.max(0, x - long / 2), width - long);
    const row = rows.find((one) => one[1] <= from);
    if (!row) continue;
    row[1] = from + long + 8;
    drawing.append(svg("text", { x: from, y: row[0] }, word));
  }
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, drawing);
}

const stepTone = (step) => ({ injected: "bad", first_error: "bad", failed: "bad", detected: "warn", undone: "", recovered: "good", proven: "warn" })[step] ?? "";
