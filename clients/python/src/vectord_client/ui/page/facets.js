// The distinct values at a path of the metadata.

import { bodyOf, post } from "./api.js";
import { element, field, run, table } from "./dom.js";
import { count, counted, label } from "./format.js";
import { narrowed } from "./inputs.js";

export function facetsTab(index) {
  const path = element("input", { id: "facet-path", list: "paths", autocomplete: "off", value: index.paths[0] ?? "" });
  const limit = element("input", { id: "facet-limit", type: "number", min: 1, max: 1000, value: 20 });
  const button = element("button", { type: "submit", class: "main" }, "Count");
  const output = element("div", { "aria-live": "polite" });
  const load = () => run(button, output, counts);
  const onsubmit = (event) => {
    event.preventDefault();
    load();
  };

  async function counts() {
    const body = bodyOf({ paths: [path.value], limit: limit.valueAsNumber }, index.filter());
    const { facets: [facet], count: matching } = await post(`${index.route}/vectors/facets`, body);
    const distinct = `${facet.approximate ? "at least " : ""}${counted(facet.distinct, "value")}`;
    const range = facet.min === null ? "" : ` · numbers from ${label(facet.min)} to ${label(facet.max)}`;
    const caption = `${distinct} in ${count(facet.rows)} of ${counted(matching, "vector")}${range}. Choose one to filter by it.`;
    const most = facet.values[0]?.count ?? 1;
    const cells = ({ value, count: many }) => [
      element("button", { type: "button", class: "plain", onclick: () => narrow(facet.path, value) }, label(value, 200)),
      count(many),
      element("meter", { min: 0, max: most, value: many, "aria-label": `${many} of ${most}` }),
    ];
    return table(caption, [["Value", "id"], ["Vectors", "number"], [""]], facet.values.map(cells));
  }

  function narrow(where, value) {
    index.setFilter(narrowed(index.filterAsTyped(), where, value));
    load();
  }

  const form = element(
    "form",
    { class: "row", onsubmit },
    field("Metadata path", path, "wide"),
    field("Values", limit, "narrow"),
    element("div", { class: "buttons" }, button),
  );
  return { elements: [form, output] };
}
