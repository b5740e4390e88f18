// The timeline: which case ran where and when, by devices and by phase, with the memory of each device against what was declared.
function lanesOf() {
  const groups = new Map();
  const group = (part, device) => {
    const key = `${part}/${device}`;
    if (!groups.has(key)) groups.set(key, { part, device, lanes: [], ends: [] });
    return groups.get(key);
  };
  const order = [], bars = [];
  for (let at = 0; at < COUNT; at += 1) if (C.start[at] >= 0) order.push(at);
  order.sort((a, b) => C.start[a] - C.start[b] || a - b);
  const last = run.seconds * 1000;
  for (const at of order) {
    const from = C.start[at], long = spent(at);
    bars.push({ at, from, to: long < 0 ? Math.max(last, from) : from + long, devices: WORD("devices", at), tone: toneOf(at) });
  }
  for (const [at, from, to, devices, outcome] of data.earlier) bars.push({ at, from, to, devices: W[devices], tone: TONE[OUTCOME[outcome]] ?? "mute", earlier: true });
  bars.sort((a, b) => a.from - b.from || a.at - b.at);
  for (const bar of bars) {
    const { at, from, to, devices } = bar;
    for (const device of devices === "" ? [-1] : devices.split(",").map(Number)) {
      const here = group(C.part[at], device);
      let lane = here.ends.findIndex((end) => end <= from);
      if (lane < 0) { lane = here.ends.length; here.lanes.push([]); }
      here.ends[lane] = to;
      here.lanes[lane].push({ ...bar });
    }
  }
  for (const curve of data.curves) group(curve.part, curve.index).curve = curve;
  const sorted = [...groups.values()].sort((a, b) => a.part - b.part || (a.device < 0) - (b.device < 0) || a.device - b.device);
  for (const here of sorted) if (here.device >= 0) here.declared = declaredOf(here);
  return { groups: sorted, order };
}

// How much the cases on a device had declared together, as steps; a case that declared nothing counts as the whole device.
function declaredOf({ lanes, curve }) {
  const changes = [];
  for (const { at, from, to } of lanes.flat()) {
    const much = C.vram[at] >= 0 ? C.vram[at] : curve?.total ?? 0;
    changes.push([from, much], [to, -much]);
  }
  changes.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let sum = 0;
  return changes.map(([at, by]) => [at, (sum += by)]);
}

const LANE = 16, HEAD = 20, CURVE = 56, AXIS = 22, LEFT = 8;

function timeline() {
  const { groups, order } = lanesOf();
  if (order.length === 0) return el("p", { class: "soft" }, "No case began.");
  const canvas = el("canvas", { tabindex: "0", role: "application", "aria-label": "Timeline of the cases. Arrow keys go from case to case, plus and minus zoom, Enter opens the case." });
  const box = el("div", { class: "lanes" }, canvas);
  const says = el("p", { class: "small", role: "status" }, "Point at a bar, or use the arrow keys; Enter or a click opens the case.");
  const end = Math.max(1, ...groups.flatMap((group) => group.ends), ...data.curves.flatMap((curve) => curve.points.map((point) => point[0])).slice(-1));
  let from = 0, to = end, chosen = -1, wide = 0;
  const height = AXIS + groups.reduce((sum, group) => sum + HEAD + group.lanes.length * LANE + (group.device >= 0 ? CURVE : 0) + 6, 0);
  const x = (time) => LEFT + ((time - from) / (to - from)) * (wide - 2 * LEFT);

  function title(group) {
    const part = run.parts.length > 1 ? ` · ${run.parts[group.part] ?? `part ${group.part + 1}`}` : "";
    if (group.device < 0) return `no device${part}`;
    const known = group.curve ?? {}, listed = run.devices.find((device) => device[0] === group.device);
    const simulated = known.simulated || listed?.[3] ? " (simulated)" : "";
    return `device ${group.device}: ${known.name || listed?.[1] || "unknown"}${simulated}${part}`;
  }

  function draw() {
    wide = Math.max(280, box.clientWidth - 2);
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    canvas.width = wide * ratio; canvas.height = height * ratio;
    canvas.style.width = `${wide}px`; canvas.style.height = `${height}px`;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const tones = Object.fromEntries(["good", "bad", "warn", "mute", "odd"].map((tone) => [tone, colour(tone)]));
    const g = canvas.getContext("2d");
    g.scale(ratio, ratio);
    g.clearRect(0, 0, wide, height);
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "middle";
    for (const tick of ticks(from, to, Math.max(3, Math.floor(wide / 130)))) {
      g.strokeStyle = colour("line"); g.beginPath(); g.moveTo(x(tick), 0); g.lineTo(x(tick), height); g.stroke();
      g.fillStyle = colour("soft"); g.fillText(seconds(tick / 1000), x(tick) + 3, 9);
    }
    let y = AXIS;
    for (const group of groups) {
      g.fillStyle = colour("ink"); g.fillText(title(group), LEFT, y + HEAD / 2);
      y += HEAD;
      for (const lane of group.lanes) {
        let drawn = -1;
        for (const bar of lane) {
          const a = x(bar.from), b = x(bar.to);
          if (b < 0 || a > wide) continue;
          // What would be less than half a pixel beside what is there already is not drawn, unless it failed.
          if (b < drawn + 0.5 && bar.tone !== "bad") continue;
          drawn = b;
          phases(g, bar, a, b, y, tones, colour);
          bar.y = y;
        }
        y += LANE;
      }
      if (group.device >= 0) { curve(g, group, y, colour); y += CURVE; }
      y += 6;
    }
    const bar = chosen < 0 ? null : find(chosen);
    if (bar) { g.strokeStyle = colour("accent"); g.lineWidth = 2; g.strokeRect(x(bar.from) - 1, bar.y, Math.max(4, x(bar.to) - x(bar.from)) + 2, LANE - 2); g.lineWidth = 1; }
  }

  function phases(g, { at, tone: kind, earlier }, a, b, y, tones, colour) {
    // Of an earlier attempt the phases are not in the columns.
    const long = earlier ? 0 : spent(at), whole = Math.max(1, b - a), tone = tones[kind];
    const part = (of) => (long > 0 ? (Math.max(0, of) / long) * whole : 0);
    const before = part(C.set_up[at]), after = part(C.teardown[at]);
    g.fillStyle = tone;
    g.fillRect(a, y + 1, whole, LANE - 4);
    if (whole > 6) {
      g.fillStyle = colour("set-up"); g.fillRect(a, y + 1, before, LANE - 4);
      g.fillStyle = colour("teardown"); g.fillRect(a + whole - after, y + 1, after, LANE - 4);
    }
    if (kind === "bad") { g.fillStyle = tone; g.fillRect(a, y + LANE - 3, whole, 2); }
    const left = Math.max(a + before, 0), right = Math.min(a + whole - after, wide);
    if (right - left > 50) {
      g.save(); g.beginPath(); g.rect(left, y, right - left, LANE); g.clip();
      g.fillStyle = colour("card"); g.fillText(C.name[at].split("::").slice(-2).join("::"), left + 3, y + LANE / 2 - 1);
      g.restore();
    }
  }

  function curve(g, group, y, colour) {
    const points = group.curve?.points ?? [];
    const most = Math.max(group.curve?.total ?? 0, ...points.map((p) => p[1]), ...group.declared.map((p) => p[1]), 1);
    const level = (value) => y + CURVE - 4 - (value / most) * (CURVE - 20);
    g.fillStyle = colour("soft");
    if (points.length === 0) g.fillText("its memory was not measured", LEFT, y + CURVE / 2);
    else {
      g.fillStyle = colour("memory"); g.globalAlpha = 0.55; g.beginPath(); g.moveTo(x(points[0][0]), level(0));
      for (const [time, much] of points) g.lineTo(x(time), level(much));
      g.lineTo(x(points.at(-1)[0]), level(0)); g.fill(); g.globalAlpha = 1;
      const peak = points.reduce((a, b) => (b[1] > a[1] ? b : a));
      g.fillStyle = colour("soft");
      g.fillText(`peak ${digits(peak[1] / 1024, 3)} GiB${group.curve.total ? ` of ${digits(group.curve.total / 1024, 3)}` : ""}`, LEFT, y + 8);
    }
    if (group.curve?.total) { g.strokeStyle = colour("line"); g.beginPath(); g.moveTo(LEFT, level(group.curve.total)); g.lineTo(wide - LEFT, level(group.curve.total)); g.stroke(); }
    if (group.declared.length) {
      g.strokeStyle = colour("budget"); g.lineWidth = 1.5; g.beginPath(); g.moveTo(LEFT, level(0));
      let now = 0;
      for (const [time, much] of group.declared) { g.lineTo(x(time), level(now)); now = much; g.lineTo(x(time), level(now)); }
      g.lineTo(wide - LEFT, level(now)); g.stroke(); g.lineWidth = 1;
    }
  }

  const bars = new Map(groups.flatMap((group) => group.lanes.flat().filter((bar) => !bar.earlier).map((bar) => [bar.at, bar])));
  const find = (at) => bars.get(at);
  const zoom = (by, around = (from + to) / 2) => {
    const span = Math.min(end, Math.max(end / 1e5, (to - from) * by));
    const share = (around - from) / (to - from);
    from = Math.max(0, Math.min(end - span, around - share * span)); to = from + span;
    draw();
  };
  const move = (by) => { const span = to - from; from = Math.max(0, Math.min(end - span, from + by * span)); to = from + span; draw(); };
  const tell = (at) => { says.textContent = at < 0 ? "" : `${C.name[at]}: ${outcomeOf(at)}, began at ${millis(C.start[at])}; set-up ${millis(C.set_up[at])}, body ${millis(C.body[at])}, teardown ${millis(C.teardown[at])}`; };
  const choose = (at) => {
    chosen = at;
    const bar = find(at);
    if (bar && (bar.to < from || bar.from > to)) { const span = to - from; from = Math.max(0, Math.min(end - span, bar.from - span / 2)); to = from + span; }
    tell(at); draw();
  };
  const under = (event) => {
    const place = canvas.getBoundingClientRect(), px = event.clientX - place.left, py = event.clientY - place.top;
    let y = AXIS;
    for (const group of groups) {
      y += HEAD;
      const lane = group.lanes[Math.floor((py - y) / LANE)];
      if (py >= y && lane) return lane.find((bar) => x(bar.from) - 2 <= px && px <= Math.max(x(bar.to), x(bar.from) + 2) + 1)?.at ?? -1;
      y += group.lanes.length * LANE + (group.device >= 0 ? CURVE : 0) + 6;
    }
    return -1;
  };
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, moved: false }; });
  canvas.addEventListener("pointermove", (event) => {
    if (drag && event.buttons) {
      const by = (drag.x - event.clientX) / (wide - 2 * LEFT);
      if (drag.moved || Math.abs(drag.x - event.clientX) > 4) { drag = { x: event.clientX, moved: true }; move(by); }
      return;
    }
    const at = under(event);
    if (at >= 0) tell(at);
    canvas.style.cursor = at >= 0 ? "pointer" : "default";
  });
  canvas.addEventListener("click", (event) => { const at = under(event); if (at >= 0 && !drag?.moved) showCase(at); });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const share = (event.clientX - canvas.getBoundingClientRect().left - LEFT) / (wide - 2 * LEFT);
    zoom(event.deltaY > 0 ? 1.25 : 0.8, from + share * (to - from));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const place = order.indexOf(chosen);
    const act = {
      ArrowRight: () => choose(order[Math.min(order.length - 1, place + 1)]), ArrowLeft: () => choose(order[Math.max(0, place - 1)]),
      Home: () => choose(order[0]), End: () => choose(order.at(-1)), "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "0": () => { from = 0; to = end; draw(); },
      Enter: () => chosen >= 0 && showCase(chosen),
    }[event.key];
    if (act && !event.ctrlKey && !event.metaKey) { event.preventDefault(); event.stopPropagation(); act(); }
  });
  const button = (text, label, act) => el("button", { type: "button", "aria-label": label, onclick: act }, text);
  const keys = [["set-up", "set-up"], ["good", "body, passed"], ["bad", "body, failed"], ["odd", "flaky or waived"], ["teardown", "teardown"], ["memory", "memory in use"], ["budget", "memory declared"]];
  const legend = keys.filter(([name]) => !["memory", "budget"].includes(name) || groups.some((group) => group.device >= 0)).map(([name, text]) => el("span", { class: "key" }, el("i", { class: `k-${name}` }), text));
  // Drawing changes the size, which must not happen while sizes are looked at.
  new ResizeObserver(() => requestAnimationFrame(() => { if (Math.abs(box.clientWidth - 2 - wide) > 1) draw(); })).observe(box);
  redraws.push(draw);
  return [el("div", { class: "row" }, button("+", "Zoom in", () => zoom(0.5)), button("−", "Zoom out", () => zoom(2)), button("‹", "Earlier", () => move(-0.4)), button("›", "Later", () => move(0.4)), button("All", "The whole run", () => { from = 0; to = end; draw(); }), legend), box, says];
}
