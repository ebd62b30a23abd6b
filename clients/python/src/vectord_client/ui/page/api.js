// Requests to the server of this page, which passes them on.

/** An error that the page shows: of the service, with its own text, or of an input. */
export class Failure extends Error {
  expected = true;
}

/** Return the text of a JSON object with `members`, those that are not undefined, and a filter as it was written. */
export function bodyOf(members, filter = "") {
  const text = JSON.stringify(members);
  if (!filter) return text;
  return `${text.slice(0, -1)}${text === "{}" ? "" : ","}"filter":${filter}}`;
}

/** Return the value of JSON text. Integers that a number cannot hold stay as they were written. */
export function decoded(text) {
  if (!JSON.rawJSON) return JSON.parse(text);
  const exact = (value, source) => (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? JSON.rawJSON(source) : value);
  return JSON.parse(text, (_, value, context) => exact(value, context.source));
}

async function answer(path, options) {
  let response;
  let text;
  try {
    response = await fetch(`call${path}`, options);
    text = await response.text();
  } catch {
    throw new Failure("`vectord ui` does not answer. Was it ended? Start it again, and open its new address.");
  }
  let value;
  try {
    value = decoded(text);
  } catch {
    throw new Failure(text || `The answer is empty (status ${response.status}).`);
  }
  if (!response.ok) throw new Failure(value.detail || value.title || `Status ${response.status}`);
  return value;
}

export const get = (path, parameters = {}) => {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== "");
  const query = new URLSearchParams(given);
  return answer(given.length ? `${path}?${query}` : path, {});
};
export const post = (path, body) =>
  answer(path, { method: "POST", headers: { "content-type": "application/json" }, body });
