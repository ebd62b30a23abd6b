import assert from "node:assert/strict";
import { test } from "node:test";
import { OTHER, colouring } from "./colours.js";
import { element, run } from "./dom.js";
import { bytes, counted, label, numbersOf, short } from "./format.js";
import { pathsOf } from "./metadata.js";

const HOSTILE = "<script>alert(1)</script>";

test("text becomes text nodes, and attributes are set by name", () => {
  const made = { attributes: {}, listeners: {}, children: [] };
  globalThis.document = {
    createElement: () => ({
      setAttribute: (name, value) => (made.attributes[name] = value),
      addEventListener: (name, listener) => (made.listeners[name] = listener),
      append: (...children) => made.children.push(...children),
    }),
  };
  const onclick = () => {};
  element("button", { title: HOSTILE, hidden: true, class: undefined, disabled: false, onclick }, HOSTILE, null, [["a"]]);
  assert.deepEqual(made.children, [HOSTILE, "a"]); // `append` makes a text node of a text
  assert.deepEqual(made.attributes, { title: HOSTILE, hidden: "" });
  assert.deepEqual(made.listeners, { click: onclick });
});

test("an answer that comes after that of later work is not shown", async () => {
  const output = { shown: [], setAttribute() {}, removeAttribute() {}, replaceChildren: (...shown) => (output.shown = shown) };
  let answer;
  const slow = run({}, output, () => new Promise((resolve) => (answer = resolve)));
  await run({}, output, async () => ["later"]);
  answer(["earlier"]);
  await slow;
  assert.deepEqual(output.shown, ["later"]);
});

test("sizes, counts and values are short", () => {
  assert.deepEqual([0, 999, 1000, 1234567, 99.96e6, 999.6e6].map(bytes), ["0 B", "999 B", "1.0 KB", "1.2 MB", "100 MB", "1.0 GB"]);
  assert.deepEqual([counted(1, "index", "indexes"), counted(2345, "row")], ["1 index", "2,345 rows"]);
  assert.deepEqual([0.123456, 1e-7, 3, 1234.5678].map(short), ["0.1235", "1e-7", "3", "1235"]);
  assert.deepEqual([label("a"), label(null), label({ a: [1] }), label("x".repeat(90)).length], ["a", "null", '{"a":[1]}', 81]);
});

test("matches show the numbers that they have, the one that orders them first", () => {
  const titles = (...matches) => numbersOf(matches).map(([, title]) => title);
  assert.deepEqual(titles({ id: "a", distance: 0 }), ["Distance"]);
  assert.deepEqual(titles({ id: "a", relevance: 1.5 }, { id: "b", relevance: 0 }), ["Relevance"]);
  assert.deepEqual(titles({ id: "a", distance: 0.1, relevance: 0, score: 0.03 }), ["Score", "Distance", "Relevance"]);
  assert.deepEqual(titles(), []);
});

test("paths are those of a filter, the most common first", () => {
  const rows = [{ metadata: { b: { c: [{ d: 1 }] }, a: null } }, { metadata: { z: "x", b: { c: { d: true } } } }, { metadata: null }, { metadata: { $p: 1, "\\$q": 1 } }];
  assert.deepEqual(pathsOf(rows), ["b.c.d", "\\$p", "\\\\$q", "z"]);
  assert.deepEqual(pathsOf([{ metadata: { a: { b: { c: { d: 1 } } } } }]), []);
});

test("categories have colours of their own, and what is left is grey", () => {
  const values = [...Array.from({ length: 9 }, (_, number) => Array(9 - number).fill(`value ${number}`)).flat(), null];
  const { colours, legend } = colouring(values);
  assert.equal(new Set(colours).size, 9);
  assert.equal(colours.at(-1), OTHER);
  assert.equal(legend.at(-1).text, "others and none (2)");
  assert.equal(legend[0].text, "value 0 (9)");
});

test("a text and a number that look alike are two categories", () => {
  assert.equal(new Set(colouring(["1", 1, true, "true"]).colours).size, 4);
});

test("many numbers are a ramp, also if they are huge", () => {
  for (const factor of [1, 1.7e307, -1]) {
    const values = Array.from({ length: 11 }, (_, number) => (number - 5) * 2 * factor);
    const { colours, legend } = colouring([...values, null]);
    assert.equal(new Set(colours).size, 12);
    assert.ok(colours.every((colour) => !colour.includes("NaN")));
    assert.equal(legend.length, 6);
  }
});
