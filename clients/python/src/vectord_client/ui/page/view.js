// The view of one index: its filter, which all tabs share, and the tabs.

import { get } from "./api.js";
import { element, field } from "./dom.js";
import { bytes, counted } from "./format.js";
import { filterText } from "./inputs.js";
import { pathsOf } from "./metadata.js";
import { detailsTab } from "./details.js";
import { facetsTab } from "./facets.js";
import { mapTab } from "./map.js";
import { recallTab } from "./recall.js";
import { searchTab } from "./search.js";

const TABS = [
  ["search", "Search", searchTab],
  ["facets", "Facets", facetsTab],
  ["map", "Map", mapTab],
  ["recall", "Recall", recallTab],
  ["details", "Details", detailsTab],
];
const FIRST_ROWS = 100; // whose metadata says which paths are suggested

/** Return the elements of the view of an index, and a function that selects a tab by its name. */
export async function showIndex(name, tab) {
  const route = `/api/indexes/${name}`;
  const [info, first] = await Promise.all([get(route), get(`${route}/vectors`, { limit: FIRST_ROWS })]);
  const filter = element("textarea", { id: "filter", rows: 2, spellcheck: "false", placeholder: '{"year": {"$gte": 1990}}' });
  const paths = element("datalist", { id: "paths" }, pathsOf(first.vectors).map((path) => element("option", { value: path })));
  const index = {
    name,
    route,
    info,
    first: first.vectors,
    paths: [...paths.children].map((option) => option.value),
    filter: () => filterText(filter.value),
    filterAsTyped: () => filter.value,
    setFilter: (text) => {
      filter.value = text;
    },
    go: (other) => {
      location.hash = `${name}/${other}`;
    },
  };
  const { elements, select } = tabs(index);
  select(tab);
  const { dimension, distance, embedding } = info.index;
  const facts = [counted(info.count, "vector"), counted(dimension, "dimension"), distance, bytes(info.bytes), embedding?.model];
  return {
    select,
    elements: [
      element("h2", {}, name),
      element("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")),
      field("Filter (JSON), for searches, facets, map and recall", filter),
      paths,
      ...elements,
    ],
  };
}

/** Return the tabs of an index by the pattern of ARIA: arrow keys move between them. A tab is made on its first use. */
function tabs(index) {
  const buttons = TABS.map(([name, title]) =>
    element("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, onclick: () => index.go(name) }, title),
  );
  const panels = TABS.map(([name]) =>
    element("section", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, hidden: true }),
  );
  const onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
    buttons[next].focus();
    index.go(TABS[next][0]);
  };
  const made = new Map();
  const select = (name) => {
    const selected = Math.max(0, TABS.findIndex(([one]) => one === name));
    buttons.forEach((button, number) => {
      button.setAttribute("aria-selected", String(number === selected));
      button.tabIndex = number === selected ? 0 : -1;
      panels[number].hidden = number !== selected;
    });
    if (!made.has(selected)) made.set(selected, TABS[selected][2](index));
    panels[selected].replaceChildren(...made.get(selected).elements);
    made.get(selected).shown?.();
  };
  index.searchWith = (id) => {
    index.go("search");
    select("search");
    made.get(0).searchWith(id);
  };
  return { select, elements: [element("div", { role: "tablist", "aria-label": "Views", onkeydown }, buttons), ...panels] };
}
