// Elements of the page. Every text becomes a text node, so that ids and metadata can never become markup.

const SVG = "http://www.w3.org/2000/svg";

/** Return an element. `on…` properties are listeners, other properties are attributes; undefined and false are left out. */
export function element(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** Return an element of SVG. */
export function drawn(tag, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

function filled(made, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

/** Return a labelled field: the label above, the input below. */
export function field(label, input, kind = "") {
  return element("div", { class: kind }, element("label", { for: input.id }, label), input);
}

/** Return a table in a box that scrolls. Columns are `[title, kind]`, rows are arrays of texts or elements. */
export function table(caption, columns, rows) {
  const kindOf = (position) => columns[position][1] || undefined;
  const head = columns.map(([title], position) => element("th", { scope: "col", class: kindOf(position) }, title));
  const body = rows.map((cells) =>
    element("tr", {}, cells.map((cell, position) => element("td", { class: kindOf(position) }, cell))),
  );
  const parts = [element("caption", {}, caption), element("thead", {}, element("tr", {}, head)), element("tbody", {}, body)];
  return element("div", { class: "table" }, element("table", {}, parts));
}

/** Return a box for an error. */
export function failure(error) {
  return element("p", { class: "error", role: "alert" }, error.message);
}

const latest = new WeakMap(); // output → the latest work, whose result it shows

/** Run `work` while `button` is disabled, and show what it returns, or its error, in `output`, unless later work does. */
export async function run(button, output, work) {
  const mine = {};
  latest.set(output, mine);
  button.disabled = true;
  output.setAttribute("aria-busy", "true");
  const show = (...shown) => latest.get(output) === mine && output.replaceChildren(...shown);
  try {
    show(...[await work()].flat());
  } catch (error) {
    show(failure(error));
    if (!error.expected) throw error;
  } finally {
    button.disabled = false;
    output.removeAttribute("aria-busy");
  }
}
