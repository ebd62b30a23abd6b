// Search by the id of a stored vector, by a vector or by a text, by words or a sparse vector, or by both; or list rows.

import { bodyOf, get, post } from "./api.js";
import { element, field, run, table } from "./dom.js";
import { bytes, count, counted, label, numbersOf, short } from "./format.js";
import { queryOf } from "./inputs.js";
import { sparseField } from "./sparse.js";

const LISTED = 50;
const SUMMARY = 160; // characters of metadata that a row shows

export function searchTab(index) {
  const kinds = [["id", "the id of a stored vector"], ["vector", "a vector"], ["text", "a text"]];
  const by = element("select", { id: "by" }, kinds.map(([value, title]) => element("option", { value }, title)));
  const query = element("textarea", { id: "query", rows: 1, spellcheck: "false" });
  const fields = Object.keys(index.info.index.text ?? {});
  const words = element("input", { id: "words", type: "search", autocomplete: "off", placeholder: fields.join(", ") });
  const names = Object.keys(index.info.index.sparse ?? {});
  const sparse = names.length ? sparseField(names) : null;
  const k = element("input", { id: "k", type: "number", min: 1, max: 10000, value: 10 });
  const recall = element("input", { id: "recall", type: "number", min: 0.5, max: 1, step: "any", value: 0.95 });
  const search = element("button", { type: "submit", class: "main" }, "Search");
  const listRows = element("button", { type: "button", onclick: () => run(listRows, output, () => rowsFrom(undefined)) }, "List rows");
  const output = element("div", { "aria-live": "polite" });
  by.value = index.info.index.embedding ? "text" : "id";
  const submit = (event) => {
    event.preventDefault();
    const typed = sparse?.read();
    if (typed !== null) run(search, output, () => firstPage(typed));
  };
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) submit(event);
  });

  async function firstPage(typed) {
    const filter = index.filter();
    const wanted = await queryOf(by.value, query.value, words.value, embed, typed);
    return found({ k: k.valueAsNumber, recall: recall.valueAsNumber, include: ["metadata"], ...wanted }, filter, 0);
  }

  const embed = (text) => post("/embed", JSON.stringify({ index: index.name, text }));

  async function found(members, filter, before) {
    const answer = await post(`${index.route}/search`, bodyOf(members, filter));
    const summary = [
      `${count(answer.eligible)} of ${counted(answer.count, "vector")} searched by ${answer.strategy}`,
      `${count(answer.examined)} examined`,
      `${short(answer.milliseconds)} ms`,
      `${bytes(answer.bytes_read)} in ${counted(answer.requests, "request")} of storage`,
    ].join(" · ");
    const numbers = numbersOf(answer.matches);
    const columns = [["", "number"], ["Id", "id"], ...numbers.map(([, title]) => [title, "number"]), ["Metadata"]];
    const shown = (hit) => numbers.map(([member]) => short(hit[member]));
    const cells = (hit, rank) => [String(before + rank + 1), idButton(index, hit.id), ...shown(hit), metadataCell(hit.metadata)];
    const next = () => found({ ...members, after: answer.next }, filter, before + answer.matches.length);
    return [table(summary, columns, answer.matches.map(cells)), ...nextPage(answer.next, next)];
  }

  async function rowsFrom(cursor) {
    const page = await get(`${index.route}/vectors`, { limit: LISTED, filter: index.filter(), cursor });
    return [listed(page.vectors, "Rows, in the order of storage"), ...nextPage(page.next, () => rowsFrom(page.next))];
  }

  const listed = (rows, caption) =>
    table(caption, [["Id", "id"], ["Metadata"]], rows.map((row) => [idButton(index, row.id), metadataCell(row.metadata)]));

  function nextPage(cursor, load) {
    if (cursor === null) return [];
    const place = element("div");
    const button = element("button", { type: "button", onclick: () => run(button, place, load) }, "Next page");
    place.append(element("p", {}, button));
    return [place];
  }

  output.append(listed(index.first.slice(0, LISTED), "The first rows. Choose one to search with it."));
  const form = element(
    "form",
    { class: "row", onsubmit: submit },
    field("Search by", by, "kind"),
    field("Query", query, "wide"),
    fields.length ? field("Words, alone or with a query", words, "kind") : null,
    ...(sparse?.elements ?? []),
    field("Matches (k)", k, "narrow"),
    field("Target recall", recall, "narrow"),
    element("div", { class: "buttons" }, search, listRows),
  );
  return {
    elements: [form, output],
    searchWith: (id) => {
      by.value = "id";
      query.value = id;
      words.value = "";
      sparse?.clear();
      run(search, output, () => firstPage());
    },
  };
}

/** Return a button that searches with a stored vector. */
export function idButton(index, id) {
  return element("button", { type: "button", class: "plain", title: "Search with it", onclick: () => index.searchWith(id) }, id);
}

function metadataCell(metadata) {
  if (metadata === null || metadata === undefined) return element("span", { class: "quiet" }, "none");
  const text = label(metadata, Infinity);
  if (text.length <= SUMMARY) return element("code", {}, text);
  const whole = element("code", {}, JSON.stringify(metadata, null, 2));
  return element("details", {}, element("summary", {}, element("code", {}, label(metadata, SUMMARY))), whole);
}
