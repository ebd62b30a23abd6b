// The map: a sample of the vectors in two dimensions. Choose a point to see its neighbours.

import { bodyOf, post } from "./api.js";
import { Canvas } from "./canvas.js";
import { colouring } from "./colours.js";
import { drawn, element, failure, field, run } from "./dom.js";
import { count, counted, label, short } from "./format.js";
import { idButton } from "./search.js";

export function mapTab(index) {
  const path = element("input", { id: "colour", list: "paths", autocomplete: "off", value: index.paths[0] ?? "" });
  const sample = element("input", { id: "points", type: "number", min: 1, max: 5000, value: 2000 });
  const k = element("input", { id: "map-k", type: "number", min: 1, max: 100, value: 10 });
  const button = element("button", { type: "submit", class: "main" }, "Draw");
  const output = element("div");
  const status = element("p", { class: "quiet", role: "status" });
  const chosen = element("div", { "aria-live": "polite" });
  const canvas = new Canvas({ pointed: (number) => describe(number), chosen: (number) => neighbours(number) });
  let map;
  let choices = 0;

  async function load() {
    const members = { index: index.name, sample: sample.valueAsNumber, path: path.value.trim() || undefined };
    map = await post("/map", bodyOf(members, index.filter()));
    const { colours, legend } = map.values.length ? colouring(map.values) : { colours: null, legend: [] };
    canvas.show(map, colours);
    chosen.replaceChildren(element("p", { class: "quiet" }, "Choose a point to see its neighbours."));
    describe(-1);
    return element("div", { class: "map" }, element("div", {}, canvas.element, legendOf(legend), status), chosen);
  }

  function describe(number) {
    if (number >= 0) {
      const value = map.values.length ? ` · ${path.value}: ${label(map.values[number])}` : "";
      status.textContent = label(map.ids[number], 200) + value;
      return;
    }
    const matches = map.matches ? ` · ${counted(map.matches.filter(Boolean).length, "point")} satisfy the filter` : "";
    const share = `${Math.round(map.explained * 100)} % of the variance`;
    status.textContent = `${count(map.ids.length)} of ${counted(map.count, "vector")}, ${share}${matches}`;
  }

  async function neighbours(number) {
    const mine = ++choices;
    const id = map.ids[number];
    const members = { id, k: k.valueAsNumber, include: ["metadata"] };
    try {
      const { matches } = await post(`${index.route}/search`, bodyOf(members));
      if (mine !== choices) return;
      const near = new Set(matches.map((hit) => hit.id));
      canvas.mark(number, map.ids.flatMap((one, position) => (near.has(one) ? [position] : [])));
      const hits = matches.map((hit) => element("li", {}, idButton(index, hit.id), ` ${short(hit.distance)}`));
      chosen.replaceChildren(element("h3", {}, `Nearest to ${label(id, 200)}`), element("ol", { class: "near" }, hits));
    } catch (error) {
      if (mine === choices) chosen.replaceChildren(failure(error));
    }
  }

  const onsubmit = (event) => {
    event.preventDefault();
    run(button, output, load);
  };
  const form = element(
    "form",
    { class: "row", onsubmit },
    field("Colour by the metadata path", path, "wide"),
    field("Points", sample, "narrow"),
    field("Neighbours (k)", k, "narrow"),
    element("div", { class: "buttons" }, button),
  );
  const help = "Wheel or + and −: magnify. Drag: move. Click, or arrow keys and Enter: choose a point. 0: the whole map.";
  return { elements: [form, element("p", { class: "quiet" }, help), output] };
}

function legendOf(legend) {
  const square = (colour) => drawn("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, drawn("rect", { width: 12, height: 12, rx: 3, fill: colour }));
  return element("ul", { class: "legend" }, legend.map(({ colour, text }) => element("li", {}, square(colour), text)));
}
