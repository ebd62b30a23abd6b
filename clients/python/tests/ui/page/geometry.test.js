import assert from "node:assert/strict";
import { test } from "node:test";
import { WHOLE, dragged, nearest, nextPoint, ticks, toScreen, zoomed } from "./geometry.js";

const SIZE = { width: 800, height: 400 };
const near = (found, expected) => found.forEach((value, axis) => assert.ok(Math.abs(value - expected[axis]) < 1e-6, `${found}`));

test("the whole map fills the screen within a margin, with its middle in the middle", () => {
  near(toScreen(WHOLE, SIZE, 0, 0), [400, 200]);
  near(toScreen(WHOLE, SIZE, 1, 1), [782, 18]);
  near(toScreen(WHOLE, SIZE, -1, -1), [18, 382]);
});

test("a magnification leaves the point under the pointer where it is", () => {
  const [left, top] = toScreen(WHOLE, SIZE, 0.3, -0.6);
  const once = zoomed(WHOLE, SIZE, left, top, 3);
  near(toScreen(once, SIZE, 0.3, -0.6), [left, top]);
  near(toScreen(zoomed(once, SIZE, left, top, 2), SIZE, 0.3, -0.6), [left, top]);
  assert.deepEqual(zoomed(once, SIZE, 1, 1, 0.001), WHOLE);
});

test("a point follows the pointer that drags the map", () => {
  const view = zoomed(WHOLE, SIZE, 100, 100, 2);
  const [left, top] = toScreen(view, SIZE, 0.1, 0.2);
  near(toScreen(dragged(view, SIZE, 30, -40), SIZE, 0.1, 0.2), [left + 30, top - 40]);
});

test("the nearest point is found within a distance", () => {
  const positions = [[0, 0], [10, 0], [13, 0]];
  assert.deepEqual([nearest(positions, 11, 1, 12), nearest(positions, 12, 0, 12), nearest(positions, 99, 0, 12), nearest([], 0, 0, 9)], [1, 2, -1, -1]);
});

test("arrow keys reach a point in their direction, and stay at the border", () => {
  const positions = [[0, 0], [10, 1], [5, 40], [-3, -3]];
  assert.deepEqual([nextPoint(positions, 0, 1, 0), nextPoint(positions, 0, 0, 1), nextPoint(positions, 0, -1, 0), nextPoint(positions, 1, 1, 0)], [1, 2, 3, -1]);
});

test("ticks are round and within the axis", () => {
  assert.deepEqual(ticks(0.9, 1), [0.9, 0.92, 0.94, 0.96, 0.98, 1]);
  assert.deepEqual(ticks(0, 7.7), [0, 2, 4, 6]);
  assert.deepEqual(ticks(3, 3), [3]);
});
