// The evidence of an attempt: verdicts, transcript, media, logs and files.
function evidenceInside(evidence) {
  const out = [];
  if (evidence.verdicts) out.push(verdictsInside(evidence.verdicts));
  const media = evidence.files.filter((file) => file.media);
  if (media.length) out.push(el("h4", null, "Media"), el("div", { class: "media" }, media.slice(0, 24).map(figureOf)), media.length > 24 ? el("p", { class: "soft" }, `and ${media.length - 24} more below`) : "");
  if (evidence.exchanges) out.push(exchangesInside(evidence.exchanges));
  for (const [name, text] of evidence.logs) out.push(fold(`Log of a server, its end: ${name}`, () => pre(text)));
  for (const step of evidence.steps) out.push(fold(`Samples of ${step.name}`, () => spreads(step)));
  for (const [name, text] of evidence.plain) out.push(fold(name, () => pre(text)));
  const files = () => [
    evidence.link ? el("p", null, el("a", { href: evidence.link }, evidence.name)) : el("p", { class: "mono" }, evidence.name),
    table(["file", { name: "size", number: true }], evidence.files.map((file) => [file.link ? el("a", { href: file.link }, file.path) : file.path, bytes(file.bytes)])),
    evidence.more ? el("p", { class: "soft" }, `and ${evidence.more} more`) : "",
  ];
  out.push(fold(`Evidence: ${plural(evidence.files.length + evidence.more, "file")}`, files));
  return out;
}

function figureOf(file) {
  const { kind, type, data: inside } = file.media;
  const caption = el("figcaption", null, file.link ? el("a", { href: file.link }, file.path) : file.path, ` (${type}, ${bytes(file.bytes)})`);
  if (!inside) return el("figure", null, el("p", { class: "soft" }, "too large for this page"), caption);
  const wrong = el("p", { class: "bad", hidden: true }, "The browser cannot show it: it may be damaged.");
  const onerror = (event) => { wrong.hidden = false; event.target.hidden = true; };
  const src = `data:${type};base64,${inside}`;
  const player = kind === "image" ? el("img", { src, alt: `Picture ${file.path}`, loading: "lazy", onerror }) : el(kind, { src, controls: true, preload: "metadata", "aria-label": file.path, onerror });
  return el("figure", null, player, wrong, caption);
}

function verdictsInside({ all, shown }) {
  const bad = shown.filter((verdict) => !verdict.passes);
  const one = (verdict) => [
    el("p", null, badge(verdict.passes ? "passes" : "does not pass", verdict.passes ? "good" : "bad"), ` ${verdict.subject}`, verdict.exchange ? el("span", { class: "soft" }, ` exchange ${verdict.exchange}`) : "", el("span", { class: "soft" }, ` · ${plural(verdict.passed, "rule")} passed, ${verdict.not_applicable} without an object`)),
    verdict.rules.length ? table(["ending", "rule", "found", "wanted", "message"], verdict.rules.map((rule) => [badge(rule.ending, rule.ending === "fail" ? "bad" : "warn"), rule.rule, rule.found, rule.wanted, rule.message])) : "",
  ];
  return [
    el("h4", null, `Verdicts: ${bad.length} of ${all} did not pass`),
    bad.slice(0, 5).map(one),
    shown.length > Math.min(5, bad.length) ? fold(`All ${plural(shown.length, "verdict")}${all > shown.length ? ` of ${all}` : ""}`, () => [...bad.slice(5), ...shown.filter((verdict) => verdict.passes)].map(one)) : "",
  ];
}

function exchangesInside({ all, shown, wrong }) {
  if (wrong) return el("p", { class: "soft" }, wrong);
  const one = (exchange) => {
    const bad = exchange.rejected || exchange.error || (exchange.status ?? 0) >= 500;
    const summary = [badge(exchange.status ?? "no answer", bad ? "bad" : exchange.status >= 400 ? "warn" : "good"), ` ${exchange.number}. `, el("span", { class: "mono" }, exchange.what), el("span", { class: "soft" }, ` ${exchange.ms === null ? "" : `${digits(exchange.ms, 3)} ms`} ${exchange.outcome}`)];
    const inside = () => [
      exchange.rejected && [el("h4", null, "Rejected"), pre(exchange.rejected, "failure")],
      exchange.error && [el("h4", null, "Error"), pre(exchange.error, "failure")],
      exchange.said && [el("h4", null, "What the stream said"), pre(exchange.said)],
      exchange.events && el("p", { class: "soft" }, `${plural(exchange.events[0], "event")}, the first after ${digits(exchange.events[1], 3)} ms, the last after ${digits(exchange.events[2], 3)} ms`),
      el("h4", null, "Request"), pre(pretty(exchange.request) || "(no body)"), el("h4", null, "Response"), pre(pretty(exchange.response) || "(no body)"), el("h4", null, "To send it again"), pre(exchange.curl),
    ];
    return fold(summary, inside, { open: shown.length === 1 && Boolean(bad) });
  };
  const more = all > shown.length ? `, ${shown.length} shown` : "";
  return fold(`Transcript: ${plural(all, "exchange")}${more}`, () => gradually(shown, one, 20), { open: shown.some((exchange) => exchange.rejected || exchange.error) });
}

// JSON in lines, where it is such and whole.
function pretty(text) {
  if (!/^[[{]/.test(text)) return text;
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function spreads(step) {
  return table(["metric", { name: "samples", number: true }, "least · median to 95 % · 99 % · most (line: mean)", { name: "median", number: true }, { name: "p99", number: true }], step.spreads.map((spread) => [spread.metric, spread.samples?.toLocaleString("en") ?? "–", spreadChart(spread), digits(spread.at[1]), digits(spread.at[4])]));
}
