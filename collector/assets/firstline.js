// What the pages cannot do by themselves: ages that stay true, charts, remembered check marks, the live light.
// Everything else is plain HTML and htmx; without this file the pages still work.
"use strict";
(() => {
  const minute = 60, hour = 3600, day = 86400;

  function age(seconds) {
    if (seconds < 5) return "just now";
    if (seconds < minute) return `${Math.floor(seconds)} s ago`;
    if (seconds < hour) return `${Math.floor(seconds / minute)} min ago`;
    if (seconds < 2 * day) return `${Math.floor(seconds / hour)} h ago`;
    return `${Math.floor(seconds / day)} days ago`;
  }

  // What is to be said from a moment on, unless the page brings news before.
  function sayWhenDue(root) {
    for (const said of root.querySelectorAll("[data-from][hidden]")) said.hidden = Date.parse(said.dataset.from) > Date.now();
  }

  function refreshAges(root) {
    sayWhenDue(root);
    for (const time of root.querySelectorAll("time[data-age]")) {
      const at = Date.parse(time.dateTime);
      if (!Number.isNaN(at)) {
        time.textContent = age(Math.max(0, (Date.now() - at) / 1000));
        time.title = new Date(at).toLocaleString();
      }
    }
  }

  // --- check marks of a runbook, remembered on this device for a week ---------------------------------------------
  function rememberMarks(root) {
    for (const box of root.querySelectorAll("input[type=checkbox][data-step]")) {
      if (box.dataset.ready) continue;
      box.dataset.ready = "yes";
      const key = `step:${box.dataset.step}`;
      box.checked = localStorage.getItem(key) !== null;
      box.addEventListener("change", () => {
        if (box.checked) localStorage.setItem(key, String(Date.now()));
        else localStorage.removeItem(key);
      });
    }
  }
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith("step:") && Date.now() - Number(localStorage.getItem(key)) > 7 * day * 1000) localStorage.removeItem(key);
  }

  // --- copy to the clipboard ---------------------------------------------------------------------------------------
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source.textContent.trim());
    const said = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = said; }, 1500);
  });

  // --- charts ------------------------------------------------------------------------------------------------------
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const strokes = ["--accent", "--high", "--good", "--medium", "--critical", "--soft"];
  const dashes = [[], [6, 3], [2, 3], [10, 3, 2, 3], [1, 2], [12, 4]];

  function print(value, unit) {
    if (value === null || value === undefined) return "no data";
    if (unit === "1") return `${(value * 100).toFixed(value >= 0.0005 && value < 0.0995 ? 1 : 0)} %`;
    if (unit === "By" || unit === "By/s") {
      const tail = unit === "By/s" ? "/s" : "";
      const units = ["B", "KiB", "MiB", "GiB", "TiB"];
      let index = 0;
      while (Math.abs(value) >= 1024 && index < units.length - 1) { value /= 1024; index += 1; }
      return `${value.toFixed(value < 10 && index > 0 ? 1 : 0)} ${units[index]}${tail}`;
    }
    if (unit === "s") return value === 0 ? "0" : Math.abs(value) < 1 ? `${(value * 1000).toFixed(value < 0.01 ? 1 : 0)} ms` : `${value.toFixed(1)} s`;
    return `${Number(value.toPrecision(3))}`;
  }

  // Steps of axes whose numbers are told in units of 1024, so that ticks are round: 256 MiB, 512 MiB, 768 MiB.
  const binarySteps = Array.from({ length: 50 }, (_, power) => 2 ** power);
  const isBinary = (unit) => unit === "By" || unit === "By/s";

  const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

  const dayOf = (seconds) => new Date(seconds * 1000).toLocaleDateString([], { day: "numeric", month: "short" });

  const DAY_SECONDS = 86400;

  async function draw(figure) {
    if (figure.dataset.ready) return;
    figure.dataset.ready = "yes";
    const plot = figure.querySelector(".plot");
    const say = (text) => { plot.innerHTML = ""; const p = document.createElement("p"); p.textContent = text; plot.append(p); };
    let chart;
    try {
      const answer = await fetch(figure.dataset.chart, { headers: { accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      chart = await answer.json();
    } catch {
      say("The chart could not be loaded. Reload the page to try again.");
      return;
    }
    if (chart.lines.length === 0) { say(chart.empty); return; }
    plot.innerHTML = "";
    const latest = figure.querySelector(".latest"), legend = figure.querySelector(".legend");
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    // Over more than a day or two the date says more than the hour.
    const long = chart.to - chart.from > 2 * DAY_SECONDS;
    const moment = (seconds) => long ? `${dayOf(seconds)}, ${clock(seconds)}` : clock(seconds);
    const newest = (line) => line.values.findLast((value) => value !== null);
    const options = {
      width: plot.clientWidth, height: 150, padding: [8, 22, 0, 0], legend: { show: false }, cursor: { y: false, points: { size: 6 } },
      scales: { x: { time: true, range: () => [chart.from, chart.to] }, y: { range: (u, low, high) => [Math.min(0, low ?? 0), chart.ceiling ?? Math.max(high ?? 0, chart.floor_of_ceiling) * 1.08] } },
      axes: [
        { ...axis, space: 70, values: (u, ticks) => ticks.map(long ? dayOf : clock), ...(long ? { incrs: [1, 2, 7, 14, 30, 60, 90].map((days) => days * DAY_SECONDS) } : {}) },
        { ...axis, size: 72, space: 34, ...(isBinary(chart.unit) ? { incrs: binarySteps } : {}), values: (u, ticks) => ticks.map((t) => print(t, chart.unit)) },
      ],
      series: [{}, ...chart.lines.map((line, index) => ({
        label: line.label, stroke: colour(strokes[index % strokes.length]), width: 1.5, dash: dashes[index % dashes.length], points: { show: chart.times.length < 20, size: 4 }, spanGaps: false,
      }))],
      bands: [],
      hooks: {
        setCursor: [(u) => {
          const at = u.cursor.idx;
          const texts = chart.lines.map((line) => print(at === null || at === undefined ? newest(line) : line.values[at], chart.unit));
          const when = at === null || at === undefined ? "now" : moment(chart.times[at]);
          latest.textContent = `${texts.slice(0, 3).join(" · ")} (${when})`;
        }],
      },
    };
    const columns = [chart.times, ...chart.lines.map((line) => line.values)];
    // In longer steps a line is a mean; behind it lies between what it moved.
    chart.lines.forEach((line, index) => {
      if (line.high.length === 0) return;
      const edge = { width: 0, points: { show: false }, spanGaps: false };
      options.series.push(edge, { ...edge });
      options.bands.push({ series: [columns.length, columns.length + 1], fill: `color-mix(in srgb, ${colour(strokes[index % strokes.length])} 16%, transparent)` });
      columns.push(line.high, line.low);
    });
    const drawn = new uPlot(options, columns, plot);
    latest.textContent = `${chart.lines.slice(0, 3).map((line) => print(newest(line), chart.unit)).join(" · ")} (now)`;
    legend.replaceChildren(...chart.lines.filter((line) => line.label).map((line, index) => {
      const item = document.createElement("li");
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      const stroke = document.createElementNS("http://www.w3.org/2000/svg", "line");
      for (const [name, value] of Object.entries({ x1: 0, x2: 18, y1: 4, y2: 4, stroke: colour(strokes[index % strokes.length]), "stroke-width": 2, "stroke-dasharray": dashes[index % dashes.length].join(" ") })) stroke.setAttribute(name, value);
      svg.setAttribute("aria-hidden", "true");
      svg.append(stroke);
      item.append(svg, line.label);
      return item;
    }));
    new ResizeObserver(() => drawn.setSize({ width: plot.clientWidth, height: 150 })).observe(plot);
  }

  function drawCharts() {
    const visible = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) { visible.unobserve(entry.target); draw(entry.target); }
    }, { rootMargin: "200px" });
    for (const figure of document.querySelectorAll("figure[data-chart]")) visible.observe(figure);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const figure of document.querySelectorAll("figure[data-chart][data-ready]")) { delete figure.dataset.ready; draw(figure); }
  });

  // --- looking for a reading ---------------------------------------------------------------------------------------
  // Areas are folded; what fits the words is shown, and its area opened.
  function findReadings(box) {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const area of document.querySelectorAll("details.area")) {
      let shown = 0;
      for (const row of area.querySelectorAll("tr[data-text]")) {
        const fits = words.every((word) => row.dataset.text.includes(word));
        row.hidden = !fits;
        shown += fits ? 1 : 0;
      }
      area.hidden = shown === 0 && words.length > 0;
      area.open = words.length > 0 ? shown > 0 : "open" in area.dataset;
      area.querySelector(".count").textContent = words.length > 0 ? `${shown} of ${area.dataset.count}` : area.dataset.count;
    }
  }
  document.addEventListener("input", (event) => { if (event.target.matches("[data-find-readings]")) findReadings(event.target); });

  // --- the live light ----------------------------------------------------------------------------------------------
  function light(on, text) {
    for (const lamp of document.querySelectorAll(".live")) { lamp.classList.toggle("on", on); lamp.textContent = text; }
  }
  function lost(is) { for (const said of document.querySelectorAll("[data-lost]")) said.hidden = !is; }
  document.addEventListener("htmx:sseOpen", () => { light(true, "Live"); lost(false); });
  document.addEventListener("htmx:sseError", () => { light(false, "Reconnecting…"); lost(true); });

  // --- what was asked for and not done ---------------------------------------------------------------------------
  function trouble(text) {
    const said = document.getElementById("trouble");
    if (said) { said.textContent = text; said.hidden = text === ""; }
  }
  const reasons = {
    401: "You are signed out. Reload the page and sign in again; nothing was changed.",
    403: "Your role may not do that. Nothing was changed.",
    404: "It is not there any more. Reload the page to see what is.",
    409: "Somebody else changed it meanwhile. Reload the page to see how it is now.",
    503: "The collector cannot do that now. Nothing was changed; try again in a minute.",
  };
  document.addEventListener("htmx:beforeRequest", () => trouble(""));
  document.addEventListener("htmx:sendError", () => trouble("The collector cannot be reached. Nothing was changed; try again when it is back."));
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    trouble(reasons[status] ?? `The collector could not do that (${status}). Reload the page and try again.`);
  });
  document.addEventListener("click", (event) => { if (event.target.closest("button[data-back]")) history.back(); });

  // What a person has opened or is typing in stays as it is when the feed brings news.
  document.addEventListener("htmx:beforeSwap", (event) => remember(event.target));
  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    if (told(event)) event.preventDefault();
    else remember(event.target);
  });
  // News that differ in nothing but ages would only flicker.
  const lastTold = new WeakMap();
  function told(event) {
    const lasting = String(event.detail.data).replace(/(<time[^>]*>)[^<]*/g, "$1").replaceAll(" fresh\"", "\"");
    const again = lastTold.get(event.target) === lasting;
    lastTold.set(event.target, lasting);
    return again;
  }
  const opened = new Set(), chosen = new Map();
  function remember(root) {
    opened.clear();
    chosen.clear();
    for (const select of root.querySelectorAll("select[id]")) chosen.set(select.id, select.value);
    for (const fold of root.querySelectorAll("details[id][open]")) opened.add(fold.id);
  }
  document.addEventListener("htmx:load", (event) => {
    for (const id of opened) { const fold = document.getElementById(id); if (fold) fold.open = true; }
    for (const [id, value] of chosen) { const select = document.getElementById(id); if (select) select.value = value; }
    refreshAges(event.target); rememberMarks(event.target);
  });

  // A link to a fold opens it.
  function openNamed() {
    const named = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (named && named.tagName === "DETAILS") named.open = true;
  }
  addEventListener("hashchange", openNamed);

  setInterval(() => refreshAges(document), 5000);
  document.addEventListener("DOMContentLoaded", () => { refreshAges(document); rememberMarks(document); drawCharts(); openNamed();
    for (const button of document.querySelectorAll("button[data-back]")) button.hidden = history.length < 2;
  });
})();
