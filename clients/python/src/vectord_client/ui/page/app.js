// The page: the list of indexes, and the view of one. The address says which one and which tab: #films/map.

import { Failure, get } from "./api.js";
import { element, failure } from "./dom.js";
import { bytes, counted } from "./format.js";
import { showIndex } from "./view.js";

const PAGE = 50;
const NAME = /^[\w-][\w.-]*$/;
const SIDE_BY_SIDE = 4; // requests for counts

const byId = (id) => document.getElementById(id);
const [list, more, status, prefix, main] = ["indexes", "more-indexes", "indexes-status", "prefix", "main"].map(byId);
let listing = 0; // the number of the latest listing: answers to earlier ones come too late
let cursor = null;
let shown = {}; // the view of an index

async function addPage(mine) {
  const page = await get("/api/indexes", { limit: PAGE, prefix: prefix.value.trim(), cursor: cursor ?? undefined });
  if (mine !== listing) return;
  cursor = page.next;
  more.hidden = cursor === null;
  const notes = page.indexes.map((index) => {
    const note = element("span", { class: "quiet" }, bytes(index.bytes));
    list.append(element("li", {}, element("a", { href: `#${index.name}`, "data-name": index.name }, index.name, note)));
    return [index, note];
  });
  status.textContent = list.children.length ? "" : "There are no indexes.";
  markCurrent();
  const waiting = notes.values();
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, () => countEach(waiting, mine)));
}

async function countEach(waiting, mine) {
  for (const [index, note] of waiting) {
    if (mine !== listing) return;
    try {
      const info = await get(`/api/indexes/${index.name}`);
      note.textContent = `${counted(info.count, "vector")}, ${bytes(info.bytes)}`;
    } catch (error) {
      note.title = error.message; // the view of the index says it where it is read
    }
  }
}

async function listIndexes() {
  listing += 1;
  cursor = null;
  list.replaceChildren();
  await addPage(listing).catch(showListingError);
}

function showListingError(error) {
  status.replaceChildren(failure(error));
}

function markCurrent() {
  const [name] = route();
  for (const link of list.querySelectorAll("a")) {
    if (link.dataset.name === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

const route = () => location.hash.slice(1).split("/"); // names of indexes need no encoding

async function showRoute() {
  const [name, tab] = route();
  markCurrent();
  if (!name) return;
  if (!NAME.test(name)) {
    shown = {};
    return main.replaceChildren(failure(new Failure(`${name} is not a name of an index.`)));
  }
  if (shown.name === name) return shown.select(tab);
  const view = { name, select: () => {} };
  shown = view;
  main.replaceChildren(element("p", { class: "quiet" }, `Reading ${name} …`));
  try {
    const made = await showIndex(name, tab);
    if (shown !== view) return;
    view.select = made.select;
    main.replaceChildren(...made.elements);
    document.title = `${name} – vectord`;
  } catch (error) {
    if (shown !== view) return;
    shown = {};
    main.replaceChildren(failure(error));
  }
}

async function start() {
  let typing;
  prefix.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(listIndexes, 250);
  });
  more.addEventListener("click", () => addPage(listing).catch(showListingError));
  addEventListener("hashchange", showRoute);
  showRoute();
  listIndexes();
  try {
    byId("target").textContent = (await get("/about")).target;
  } catch (error) {
    showListingError(error);
  }
}

start();
