// What people type, as the API wants it.

import { Failure } from "./api.js";

/** Return a filter's text if it is a JSON object, "" if there is none. What it means is the service's to judge. */
export function filterText(text) {
  const trimmed = text.trim();
  if (!trimmed) return "";
  let value;
  try {
    value = JSON.parse(trimmed);
  } catch (error) {
    throw new Failure(`The filter is not JSON: ${error.message}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new Failure('The filter must be an object, such as {"year": {"$gte": 1990}}.');
  }
  return trimmed;
}

/** Return a vector of numbers in any common notation, or of base64 as text; also that of a row of JSON. */
export function vectorOf(text) {
  const trimmed = text.trim();
  if (trimmed.startsWith("{")) {
    const row = parsedJson(trimmed);
    if (row.vector === undefined) throw new Failure("The object has no member `vector`.");
    return row.vector;
  }
  const words = trimmed.replace(/^\[|\]$/g, "").split(/[\s,;]+/).filter(Boolean);
  const numbers = words.map(Number);
  if (words.length && numbers.every(Number.isFinite)) return numbers;
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(trimmed)) return trimmed;
  throw new Failure("Paste a vector: numbers with commas or spaces between them, or base64 of float32.");
}

/**
 * Return the members of a search: by a query of a kind, by words in its place, or by both, which is a hybrid search.
 * `embed` returns a promise of `{ vector }` of a text.
 */
export async function queryOf(kind, query, words, embed) {
  const text = words.trim();
  const members = text ? { text } : {};
  if (text && !query.trim()) return members;
  if (kind === "id") return { ...members, id: query };
  if (kind === "vector") return { ...members, vector: vectorOf(query) };
  return { ...members, ...(await embed(query)) };
}

function parsedJson(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure(`The row is not JSON: ${error.message}`);
  }
}

/** Return a filter's text with one more condition, that `path` has `value`. */
export function narrowed(text, path, value) {
  const condition = JSON.stringify({ [path]: value });
  const before = filterText(text);
  if (!before || before.replace(/\s/g, "") === "{}") return condition;
  return `{"$and": [${before}, ${condition}]}`;
}
