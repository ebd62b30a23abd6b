// Colours of the map's points. They differ also for people who see fewer colours (Okabe and Ito, 2008; viridis).

import { label } from "./format.js";

const CATEGORIES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a90a", "#7f5fc4"];
const RAMP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
export const OTHER = "#8b909c";

/** Return the colour of each value and a legend of `{colour, text}`. Many numbers are a ramp, all else is categories. */
export function colouring(values) {
  const numbers = values.filter((value) => typeof value === "number");
  if (new Set(numbers).size > CATEGORIES.length) return ramp(values, numbers);
  const counts = new Map();
  for (const value of values) if (value !== null) counts.set(keyOf(value), (counts.get(keyOf(value)) ?? 0) + 1);
  const sorted = [...counts].sort(([, many], [, more]) => more - many).slice(0, CATEGORIES.length);
  const colours = new Map(sorted.map(([key], number) => [key, CATEGORIES[number]]));
  const legend = sorted.map(([key, many]) => ({ colour: colours.get(key), text: `${textOf(key)} (${many})` }));
  const coloured = values.map((value) => colours.get(keyOf(value)) ?? OTHER);
  const others = coloured.filter((colour) => colour === OTHER).length;
  if (others) legend.push({ colour: OTHER, text: `others and none (${others})` });
  return { colours: coloured, legend };
}

const keyOf = (value) => JSON.stringify(value);
const textOf = (key) => label(key.startsWith('"') ? JSON.parse(key) : key, 40);

function ramp(values, numbers) {
  const least = numbers.reduce((a, b) => Math.min(a, b));
  const most = numbers.reduce((a, b) => Math.max(a, b));
  const colourOf = (value) => (typeof value === "number" ? mixed((value / 2 - least / 2) / (most / 2 - least / 2)) : OTHER);
  const shown = [0, 0.25, 0.5, 0.75, 1].map((part) => least * (1 - part) + most * part);
  const legend = shown.map((value) => ({ colour: colourOf(value), text: String(Number(value.toPrecision(4))) }));
  if (numbers.length < values.length) legend.push({ colour: OTHER, text: `no number (${values.length - numbers.length})` });
  return { colours: values.map(colourOf), legend };
}

function mixed(part) {
  const place = part * (RAMP.length - 1);
  const first = Math.min(Math.floor(place), RAMP.length - 2);
  const channels = RAMP[first].map((low, channel) => Math.round(low + (RAMP[first + 1][channel] - low) * (place - first)));
  return `rgb(${channels.join(" ")})`;
}
