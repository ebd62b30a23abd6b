// Numbers and values as people read them.

const UNITS = ["B", "KB", "MB", "GB", "TB"];

/** Return 1234567 as "1.2 MB". */
export function bytes(count) {
  let power = 0;
  let size = count;
  while (size >= 999.5 && power < UNITS.length - 1) {
    size /= 1000;
    power += 1;
  }
  return `${power && size < 9.95 ? size.toFixed(1) : Math.round(size)} ${UNITS[power]}`;
}

/** Return 1234567 as "1,234,567". */
export const count = (number) => number.toLocaleString("en-US");

/** Return a count with its noun. */
export const counted = (number, noun, plural = `${noun}s`) => `${count(number)} ${number === 1 ? noun : plural}`;

/** Return a number with four significant digits. */
export const short = (number) => (Number.isInteger(number) ? String(number) : String(Number(number.toPrecision(4))));

const NUMBERS = { score: "Score", distance: "Distance", relevance: "Relevance" };

/** Return the numbers that matches have, as `[member, title]`: what orders them is first. */
export const numbersOf = (matches) => Object.entries(NUMBERS).filter(([member]) => matches.some((match) => match[member] !== undefined));

/** Return a value of metadata as a label: texts as they are, all else as JSON. */
export function label(value, most = 80) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
