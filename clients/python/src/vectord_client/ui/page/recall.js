// Recall against latency, as the service measures them.

import { Failure, bodyOf, post } from "./api.js";
import { drawn, element, field, run, table } from "./dom.js";
import { counted, short } from "./format.js";
import { ticks } from "./geometry.js";

const TARGETS = "0.8, 0.9, 0.95, 0.99, 1";
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [640, 300, 60, 44, 16, 20];

export function recallTab(index) {
  const targets = element("input", { id: "targets", value: TARGETS, autocomplete: "off" });
  const sample = element("input", { id: "sample", type: "number", min: 1, max: 500, value: 50 });
  const k = element("input", { id: "recall-k", type: "number", min: 1, max: 10000, value: 10 });
  const button = element("button", { type: "submit", class: "main" }, "Measure");
  const output = element("div", { "aria-live": "polite" });

  async function measure() {
    const filter = index.filter();
    const reports = [];
    for (const target of targetsOf(targets.value)) {
      const body = bodyOf({ recall: target, sample: sample.valueAsNumber, k: k.valueAsNumber }, filter);
      reports.push({ target, ...(await post(`${index.route}/recall`, body)) });
      output.replaceChildren(...shown(reports));
    }
    return shown(reports);
  }

  const onsubmit = (event) => {
    event.preventDefault();
    run(button, output, measure);
  };
  const form = element(
    "form",
    { class: "row", onsubmit },
    field("Target recalls", targets, "wide"),
    field("Queries", sample, "narrow"),
    field("Matches (k)", k, "narrow"),
    element("div", { class: "buttons" }, button),
  );
  const note = "Searches for stored vectors are compared with exact ones. The service computes both, which costs as many exact searches.";
  return { elements: [element("p", { class: "quiet" }, note), form, output] };
}

function targetsOf(text) {
  const numbers = text.split(/[\s,;]+/).filter(Boolean).map(Number);
  if (!numbers.length || !numbers.every(Number.isFinite)) throw new Failure("Target recalls are numbers from 0.5 to 1.");
  return numbers;
}

function shown(reports) {
  const columns = [["Target", "number"], ["Recall", "number"], ["p50, ms", "number"], ["p99, ms", "number"], ["Exact p50, ms", "number"], ["Queries", "number"], ["Strategies"]];
  const rows = reports.map((report) => [
    String(report.target),
    report.recall === null ? "–" : short(report.recall),
    short(report.milliseconds.p50),
    short(report.milliseconds.p99),
    short(report.exact_milliseconds.p50),
    String(report.queries),
    report.strategies.join(", "),
  ]);
  const measured = reports.filter((report) => report.recall !== null);
  return [...(measured.length ? [plot(measured)] : []), table(`${counted(reports.length, "measurement")}`, columns, rows)];
}

function plot(reports) {
  const recalls = reports.map((report) => report.recall);
  const most = Math.max(...reports.map((report) => report.milliseconds.p50)) * 1.1 || 1;
  const least = Math.max(0, Math.min(0.9, Math.floor(Math.min(...recalls) * 20 - 0.5) / 20));
  const x = (recall) => LEFT + ((recall - least) / (1 - least)) * (WIDTH - LEFT - RIGHT);
  const y = (milliseconds) => HEIGHT - BOTTOM - (milliseconds / most) * (HEIGHT - BOTTOM - TOP);
  const line = (x1, y1, x2, y2) => drawn("line", { class: "axis", x1, y1, x2, y2 });
  const text = (left, top, anchor, words) => drawn("text", { x: left, y: top, "text-anchor": anchor }, words);
  const points = [...reports].sort((a, b) => a.recall - b.recall).map((report) => [x(report.recall), y(report.milliseconds.p50), report]);
  return drawn(
    "svg",
    { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "Latency over recall; the table has the numbers." },
    ticks(0, most).flatMap((value) => [line(LEFT, y(value), WIDTH - RIGHT, y(value)), text(LEFT - 8, y(value) + 4, "end", short(value))]),
    ticks(least, 1).flatMap((value) => [line(x(value), TOP, x(value), HEIGHT - BOTTOM), text(x(value), HEIGHT - BOTTOM + 16, "middle", short(value))]),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "middle", "measured recall"),
    text(LEFT, TOP - 4, "end", "p50, ms"),
    drawn("polyline", { class: "curve", points: points.map(([left, top]) => `${left},${top}`).join(" ") }),
    points.map(([cx, cy, report]) => drawn("circle", { class: "dot", cx, cy, r: 5 }, drawn("title", {}, `target ${report.target}: recall ${short(report.recall)}, ${short(report.milliseconds.p50)} ms`))),
  );
}
