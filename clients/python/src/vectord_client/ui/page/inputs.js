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

const MAX_INDEX = 2 ** 32 - 1;
const PAIR = "such as 17: 1.5";

/** Return a sparse vector, of pairs `index: value` or of an object with `indices` and `values`; undefined for no text. */
export function sparseOf(text) {
  const trimmed = text.trim();
  if (!trimmed) return undefined;
  const { indices, values, ...more } = listsOf(trimmed) ?? pairsOf(trimmed);
  if (!Array.isArray(indices) || !Array.isArray(values) || indices.length !== values.length) {
    throw new Failure("`indices` and `values` must be two arrays of one length.");
  }
  if (!indices.length) throw new Failure(`Write an index and its value, ${PAIR}.`);
  const seen = new Set();
  indices.forEach((index, at) => {
    if (!Number.isInteger(index) || index < 0 || index > MAX_INDEX) {
      throw new Failure(`The index ${JSON.stringify(index)} must be an integer from 0 to ${MAX_INDEX}.`);
    }
    if (seen.has(index)) throw new Failure(`The index ${index} is there more than once.`);
    if (!Number.isFinite(values[at]) || values[at] === 0) throw new Failure(`The value of index ${index} must be a number other than 0.`);
    seen.add(index);
  });
  return { ...more, indices, values };
}

/** Return an object of JSON that has `indices`; undefined if the text is something else. */
function listsOf(text) {
  try {
    const value = JSON.parse(text);
    return value?.indices === undefined ? undefined : value;
  } catch {
    return undefined;
  }
}

/** Return indices and values of pairs, which may be in braces and have quotes, as those of JSON and Python. */
function pairsOf(text) {
  const inside = text.replace(/^\{|\}$/g, "").replace(/\s*:\s*/g, ":");
  const pairs = inside.split(/[\s,;]+/).filter(Boolean).map((pair) => {
    const found = /^["']?([^"':]+)["']?:([^:]+)$/.exec(pair);
    const numbers = found ? [Number(found[1]), Number(found[2])] : [NaN];
    if (numbers.some(Number.isNaN)) throw new Failure(`${JSON.stringify(pair)} is not an index and its value, ${PAIR}.`);
    return numbers;
  });
  return { indices: pairs.map(([index]) => index), values: pairs.map(([, value]) => value) };
}

/**
 * Return the members of a search: by a query of a kind, by words or a sparse vector in its place, or by both, which is
 * a hybrid search. `embed` returns a promise of `{ vector }` of a text.
 */
export async function queryOf(kind, query, words, embed, sparse) {
  const text = words.trim() || undefined;
  const members = { ...(text && { text }), ...(sparse && { sparse }) };
  if ((text || sparse) && !query.trim()) return members;
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
