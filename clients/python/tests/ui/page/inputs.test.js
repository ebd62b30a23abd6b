import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf } from "./api.js";
import { filterText, narrowed, queryOf, vectorOf } from "./inputs.js";

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
