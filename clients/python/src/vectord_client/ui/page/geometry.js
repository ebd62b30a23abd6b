// Coordinates: where a point of the map is on the screen, which one is near, and the ticks of an axis.

const MARGIN = 18;

/** A view of the map: how far it is magnified, and where its middle is. */
export const WHOLE = { scale: 1, x: 0, y: 0 };

/** Return the position on a screen of a point whose coordinates are from -1 to 1. */
export function toScreen(view, size, x, y) {
  const unit = (Math.min(size.width, size.height) / 2 - MARGIN) * view.scale;
  return [size.width / 2 + (x - view.x) * unit * aspect(size), size.height / 2 - (y - view.y) * unit];
}

// A wide screen is used in its whole width.
const aspect = (size) => Math.max(1, (size.width / 2 - MARGIN) / (Math.min(size.width, size.height) / 2 - MARGIN));

/** Return the view after a magnification by `factor` that leaves the point under (left, top) where it is. */
export function zoomed(view, size, left, top, factor) {
  const scale = Math.min(200, Math.max(1, view.scale * factor));
  if (scale === 1) return WHOLE;
  const [x, y] = toMap(view, size, left, top);
  const [newX, newY] = toMap({ ...view, scale }, size, left, top);
  return { scale, x: view.x + x - newX, y: view.y + y - newY };
}

/** Return the view after the map was dragged by some pixels. */
export function dragged(view, size, right, down) {
  const [x, y] = toMap(view, size, 0, 0);
  const [newX, newY] = toMap(view, size, right, down);
  return { ...view, x: view.x + x - newX, y: view.y + y - newY };
}

function toMap(view, size, left, top) {
  const unit = (Math.min(size.width, size.height) / 2 - MARGIN) * view.scale;
  return [view.x + (left - size.width / 2) / (unit * aspect(size)), view.y - (top - size.height / 2) / unit];
}

/** Return the number of the point nearest to (left, top), -1 if none is within `most` pixels. */
export function nearest(positions, left, top, most) {
  let found = -1;
  let least = most * most;
  positions.forEach(([x, y], number) => {
    const distance = (x - left) ** 2 + (y - top) ** 2;
    if (distance <= least) [found, least] = [number, distance];
  });
  return found;
}

/** Return the number of the next point in a quadrant, that of the direction (right, down); -1 if there is none. */
export function nextPoint(positions, current, right, down) {
  const [left, top] = positions[current];
  let found = -1;
  let least = Infinity;
  positions.forEach(([x, y], number) => {
    const along = (x - left) * right + (y - top) * down;
    const across = Math.abs((x - left) * down) + Math.abs((y - top) * right);
    const cost = along + 2 * across;
    if (along > 0 && along >= across && cost < least) [found, least] = [number, cost];
  });
  return found;
}

/** Return round numbers between two, about `wanted` of them. */
export function ticks(least, most, wanted = 5) {
  if (!(most > least)) return [least];
  const rough = (most - least) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= rough * 0.999);
  const first = Math.ceil(least / step - 1e-9);
  const last = Math.floor(most / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, number) => Number(((first + number) * step).toPrecision(10)));
}
