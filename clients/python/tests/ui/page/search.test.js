import assert from "node:assert/strict";
import { test } from "node:test";
import { searchTab } from "./search.js";

const MATCH = { id: "heat", distance: 0.1, relevance: 1.5, score: 0.03, metadata: null };
const ANSWER = { matches: [MATCH], count: 1, eligible: 1, strategy: "hybrid", examined: 1, milliseconds: 1, bytes_read: 9, requests: 1, next: null };

/** A part of a page without a browser: its attributes, its children, and what it does. */
class Part {
  attributes = {};
  listeners = {};
  children = [];
  value = "";
  setAttribute(name, value) {
    this.attributes[name] = value;
    if (name === "value") this.value = value;
  }
  removeAttribute() {}
  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }
  append(...children) {
    this.children.push(...children);
  }
  replaceChildren(...children) {
    this.children = children;
  }
  focus() {
    this.focused = true;
  }
  get valueAsNumber() {
    return Number(this.value);
  }
  get parts() {
    return this.children.flatMap((child) => (child instanceof Part ? [child, ...child.parts] : []));
  }
  get text() {
    return this.children.map((child) => (child instanceof Part ? child.text : child)).join(" ");
  }
}

/** Return the search tab of an index that declares `text` and `sparse`, and the bodies of the searches that it sends. */
function opened(text, sparse) {
  const sent = [];
  globalThis.document = { createElement: () => new Part() };
  globalThis.fetch = async (path, { body }) => {
    sent.push(JSON.parse(body));
    return { ok: true, status: 200, text: async () => JSON.stringify(ANSWER) };
  };
  const tab = searchTab({ name: "films", route: "/api/indexes/films", first: [], filter: () => "", info: { index: { text, sparse } } });
  const [form, output] = tab.elements;
  const input = (id) => form.parts.find((part) => part.attributes.id === id);
  const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
  return { tab, form, output, input, sent, settled };
}

test("a query with words is one hybrid search, whose matches show all their numbers", async () => {
  const { form, output, input, sent, settled } = opened({ plot: {}, "by.name": {} });
  assert.equal(input("words").attributes.placeholder, "plot, by.name");
  input("by").value = "id";
  input("query").value = "alien";
  input("words").value = "monster";
  form.listeners.submit({ preventDefault() {} });
  await settled();
  assert.deepEqual(sent, [{ k: 10, recall: 0.95, include: ["metadata"], text: "monster", id: "alien" }]);
  assert.match(output.text, /Score Distance Relevance Metadata 1 heat 0.03 0.1 1.5 none/);
});

test("a search with a match that is chosen has no words", async () => {
  const { tab, input, sent, settled } = opened({ plot: {} });
  input("words").value = "monster";
  tab.searchWith("heat");
  await settled();
  assert.deepEqual([sent.length, sent[0].id, sent[0].text], [1, "heat", undefined]);
});

test("an index without text fields has no field for words", async () => {
  for (const text of [undefined, null]) {
    const { form, input, sent, settled } = opened(text);
    assert.equal(input("words"), undefined);
    input("by").value = "id";
    input("query").value = "alien";
    form.listeners.submit({ preventDefault() {} });
    await settled();
    assert.equal(sent[0].id, "alien");
  }
});

test("a sparse vector is searched alone, and with a query as one hybrid search", async () => {
  const { form, input, sent, settled } = opened(undefined, { splade: {} });
  input("sparse").value = "17: 1.5, 2024: 0.5";
  form.listeners.submit({ preventDefault() {} });
  await settled();
  input("by").value = "id";
  input("query").value = "alien";
  form.listeners.submit({ preventDefault() {} });
  await settled();
  const searched = { k: 10, recall: 0.95, include: ["metadata"], sparse: { indices: [17, 2024], values: [1.5, 0.5] } };
  assert.deepEqual(sent, [searched, { ...searched, id: "alien" }]);
});

test("a sparse vector that is not valid is marked at its field, and nothing is sent", async () => {
  const { form, output, input, sent, settled } = opened(undefined, { splade: {} });
  const before = output.text;
  const error = () => input("sparse-error").text;
  input("sparse").value = "17";
  form.listeners.submit({ preventDefault() {} });
  await settled();
  assert.match(error(), /"17" is not an index and its value/);
  assert.deepEqual([sent.length, output.text, input("sparse").focused, input("sparse").attributes["aria-invalid"]], [0, before, true, "true"]);
  input("sparse").value = "17: 1";
  form.listeners.submit({ preventDefault() {} });
  await settled();
  assert.deepEqual([sent.length, error(), input("sparse").attributes["aria-invalid"]], [1, "", "false"]);
});

test("one of several sparse vectors is chosen by its name", async () => {
  const { tab, form, input, sent, settled } = opened(undefined, { body: {}, title: {} });
  input("sparse-name").value = "title";
  input("sparse").value = "17: 1";
  form.listeners.submit({ preventDefault() {} });
  await settled();
  assert.deepEqual(sent[0].sparse, { name: "title", indices: [17], values: [1] });
  tab.searchWith("heat");
  await settled();
  assert.deepEqual([sent[1].id, sent[1].sparse, input("sparse").value], ["heat", undefined, ""]);
});

test("an index without sparse vectors has no field for them", () => {
  for (const sparse of [undefined, null]) assert.equal(opened(undefined, sparse).input("sparse"), undefined);
});
