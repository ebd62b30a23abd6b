import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf } from "./api.js";
import { filterText, narrowed, queryOf, sparseOf, vectorOf } from "./inputs.js";

test("a vector is read in every common notation", () => {
  for (const text of ["[1, -2.5, 3e2]", "1 -2.5 300", "1,-2.5,300", " [1\n-2.5;300] ", '{"id": "a", "vector": [1, -2.5, 300]}']) {
    assert.deepEqual(vectorOf(text), [1, -2.5, 300], text);
  }
  assert.equal(vectorOf("AACAPwAAAEA="), "AACAPwAAAEA=");
  for (const text of ["", "[]", "one two", "[1, NaN]", "1 Infinity", '{"id": "a"}', "{"]) assert.throws(() => vectorOf(text), { expected: true }, text);
});

test("a search has a query, words, or both", async () => {
  const embed = async (text) => ({ vector: `vector of ${text}` });
  const never = async () => assert.fail("a model was called");
  assert.deepEqual(await queryOf("id", " a ", " ", never), { id: " a " });
  assert.deepEqual(await queryOf("vector", "1 2", "", never), { vector: [1, 2] });
  assert.deepEqual(await queryOf("text", "a ship", "", embed), { vector: "vector of a ship" });
  for (const kind of ["id", "vector", "text"]) assert.deepEqual(await queryOf(kind, " \n", " space monster ", never), { text: "space monster" });
  assert.deepEqual(await queryOf("id", "alien", "monster", never), { text: "monster", id: "alien" });
  assert.deepEqual(await queryOf("vector", "1 2", "monster", never), { text: "monster", vector: [1, 2] });
  assert.deepEqual(await queryOf("text", "a ship", "monster", embed), { text: "monster", vector: "vector of a ship" });
  await assert.rejects(queryOf("vector", "one two", "monster", never), { expected: true });
});

test("a sparse vector is read as pairs, and as JSON of either form", () => {
  const vector = { indices: [17, 2024], values: [1.5, -0.5] };
  const lists = '{"indices": [17, 2024], "values": [1.5, -0.5]}';
  for (const text of ["17: 1.5, 2024: -0.5", "17:1.5 2024:-5e-1", " 17 : 1.5;\n2024 : -0.5 ", '{"17": 1.5, "2024": -0.5}', "{17: 1.5, 2024: -0.5}", lists]) {
    assert.deepEqual(sparseOf(text), vector, text);
  }
  assert.deepEqual(sparseOf('{"name": "splade", "indices": [0], "values": [4294967295]}'), { name: "splade", indices: [0], values: [4294967295] });
  assert.equal(sparseOf(" \n"), undefined);
});

test("what is wrong with a sparse vector is named", () => {
  const cases = {
    "17: 1.5, 2024": '"2024" is not an index and its value, such as 17: 1.5.',
    "17: x": '"17:x" is not an index and its value',
    "17: 1: 2": '"17:1:2" is not an index and its value',
    "1 2 3": '"1" is not an index and its value',
    "-1: 2": "The index -1 must be an integer from 0 to 4294967295.",
    "4294967296: 1": "The index 4294967296 must be an integer",
    "1.5: 1": "The index 1.5 must be an integer",
    "1: 2, 1: 3": "The index 1 is there more than once.",
    "7: 0": "The value of index 7 must be a number other than 0.",
    "7: 1e999": "The value of index 7 must be",
    "{}": "Write an index and its value",
    '{"indices": [1]}': "`indices` and `values` must be two arrays",
    '{"indices": [1, 2], "values": [1]}': "`indices` and `values` must be two arrays of one length.",
    '{"indices": ["1"], "values": [1]}': 'The index "1" must be an integer',
    '{"indices": [1], "values": ["1"]}': "The value of index 1 must be a number",
  };
  for (const [text, message] of Object.entries(cases)) {
    assert.throws(() => sparseOf(text), (error) => error.expected && error.message.startsWith(message), text);
  }
});

test("a sparse vector is searched alone and with a query", async () => {
  const sparse = { indices: [1], values: [2] };
  const never = async () => assert.fail("a model was called");
  assert.deepEqual(await queryOf("text", " ", "", never, sparse), { sparse });
  assert.deepEqual(await queryOf("id", "alien", "", never, sparse), { sparse, id: "alien" });
});

test("a filter is sent as it was written, if it is one object", () => {
  assert.equal(filterText("  "), "");
  assert.equal(filterText(' {"a": 1152921504606846977} '), '{"a": 1152921504606846977}');
  for (const text of ["{", "[]", "null", "1", '{"a": 1}, "k": 9', '{} {}']) assert.throws(() => filterText(text), { expected: true }, text);
});

test("a body has its members and the text of the filter", () => {
  assert.equal(bodyOf({}, ""), "{}");
  assert.equal(bodyOf({}, "{}"), '{"filter":{}}');
  assert.equal(bodyOf({ id: '"}', k: 3, after: undefined }, '{"n": 12345678901234567890}'), '{"id":"\\"}","k":3,"filter":{"n": 12345678901234567890}}');
});

test("a chosen value narrows the filter", () => {
  assert.equal(narrowed("", 'a"b', "<b>"), '{"a\\"b":"<b>"}');
  assert.equal(narrowed("{ }", "a", null), '{"a":null}');
  assert.equal(narrowed('{"year": 1}', "a", true), '{"$and": [{"year": 1}, {"a":true}]}');
  assert.deepEqual(JSON.parse(narrowed('{"a": 1}', "a", 2)), { $and: [{ a: 1 }, { a: 2 }] });
});
