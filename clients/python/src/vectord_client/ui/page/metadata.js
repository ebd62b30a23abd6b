// Which paths metadata has.

const DEPTH = 3;
const MOST = 100;

/** Return the paths to texts, numbers and booleans in the metadata of rows, as a filter writes them, most common first. */
export function pathsOf(rows) {
  const counts = new Map();
  for (const { metadata } of rows) {
    for (const path of new Set(paths(metadata, [], 0))) counts.set(path, (counts.get(path) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
  return sorted.slice(0, MOST).map(([path]) => path);
}

function* paths(value, keys, depth) {
  if (Array.isArray(value)) {
    for (const one of value.slice(0, MOST)) yield* paths(one, keys, depth);
  } else if (value !== null && typeof value === "object" && !isExactNumber(value)) {
    if (depth === DEPTH) return;
    for (const [key, one] of Object.entries(value)) yield* paths(one, [...keys, key], depth + 1);
  } else if (keys.length && value !== null) {
    const path = keys.join(".");
    yield /^\\*\$/.test(path) ? `\\${path}` : path;
  }
}

const isExactNumber = (value) => Boolean(JSON.isRawJSON && JSON.isRawJSON(value));
