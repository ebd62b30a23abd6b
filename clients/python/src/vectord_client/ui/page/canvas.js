// The canvas of the map: draws points, and finds the one that a pointer or a key means.

import { element } from "./dom.js";
import { WHOLE, dragged, nearest, nextPoint, toScreen, zoomed } from "./geometry.js";

const NEAR = 12; // pixels
const DRAG = 4; // pixels that a click may move
const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

export class Canvas {
  #map = { ids: [], x: [], y: [], matches: null };
  #colours = null;
  #view = WHOLE;
  #positions = [];
  #current = -1;
  #chosen = -1;
  #near = [];
  #drag = null;
  #on;

  /** `on.pointed(number)` is called for the point under the pointer, -1 for none; `on.chosen(number)` for a click. */
  constructor(on) {
    this.#on = on;
    this.element = element("canvas", {
      tabindex: 0,
      role: "application",
      "aria-label": "Map of vectors. Arrow keys move to the next point, Enter chooses it.",
      onpointerdown: (event) => this.#down(event),
      onpointermove: (event) => this.#move(event),
      onpointerup: (event) => this.#up(event),
      onpointerleave: () => this.#point(-1),
      onkeydown: (event) => this.#key(event),
    });
    this.element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    new ResizeObserver(() => this.#draw()).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** Show another map; `colours` has one for each point, or is null. */
  show(map, colours) {
    [this.#map, this.#colours] = [map, colours];
    [this.#view, this.#current, this.#chosen, this.#near] = [WHOLE, -1, -1, []];
    this.#draw();
  }

  /** Mark a point and its neighbours. */
  mark(chosen, near) {
    [this.#chosen, this.#near] = [chosen, near];
    this.#draw();
  }

  get #size() {
    return { width: this.element.clientWidth, height: this.element.clientHeight };
  }

  #draw() {
    const { width, height } = this.#size;
    if (!width || !height) return;
    const ratio = devicePixelRatio || 1;
    [this.element.width, this.element.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    const pen = this.element.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(this.element);
    const [plain, text] = ["--point", "--text"].map((name) => style.getPropertyValue(name));
    this.#positions = this.#map.ids.map((_, number) => toScreen(this.#view, this.#size, this.#map.x[number], this.#map.y[number]));
    const radius = this.#map.ids.length > 1000 ? 2.5 : 4;
    const matches = this.#map.matches;
    // Points that satisfy the filter are drawn last, so that none of the others hides them.
    for (const wanted of matches ? [false, true] : [true]) {
      pen.globalAlpha = wanted ? 0.85 : 0.15;
      this.#positions.forEach((place, number) => {
        if (matches && matches[number] !== wanted) return;
        pen.fillStyle = this.#colours ? this.#colours[number] : plain;
        circle(pen, place, radius + (matches && wanted ? 1 : 0));
        pen.fill();
      });
    }
    pen.globalAlpha = 1;
    pen.strokeStyle = text;
    const ring = (number, size, thickness) => {
      pen.lineWidth = thickness;
      circle(pen, this.#positions[number], size);
      pen.stroke();
    };
    for (const number of this.#near) ring(number, radius + 3, 1.5);
    if (this.#chosen >= 0) ring(this.#chosen, radius + 6, 3);
    if (this.#current >= 0) ring(this.#current, radius + 2, 1);
  }

  #down(event) {
    this.#drag = { left: event.offsetX, top: event.offsetY, view: this.#view, moved: false };
    this.element.setPointerCapture(event.pointerId);
  }

  #move(event) {
    if (!this.#drag) return this.#point(nearest(this.#positions, event.offsetX, event.offsetY, NEAR));
    const [right, down] = [event.offsetX - this.#drag.left, event.offsetY - this.#drag.top];
    this.#drag.moved ||= Math.hypot(right, down) > DRAG;
    if (!this.#drag.moved) return;
    this.#view = dragged(this.#drag.view, this.#size, right, down);
    this.#draw();
  }

  #up(event) {
    const clicked = this.#drag && !this.#drag.moved;
    this.#drag = null;
    const number = nearest(this.#positions, event.offsetX, event.offsetY, NEAR);
    if (clicked && number >= 0) this.#on.chosen(number);
  }

  #wheel(event) {
    event.preventDefault();
    this.#zoom(event.offsetX, event.offsetY, event.deltaY < 0 ? 1.2 : 1 / 1.2);
  }

  #zoom(left, top, factor) {
    this.#view = zoomed(this.#view, this.#size, left, top, factor);
    this.#draw();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { width, height } = this.#size;
    const [middle, centre] = this.#positions[this.#current] ?? [width / 2, height / 2];
    if (STEPS[event.key]) this.#step(...STEPS[event.key]);
    else if (event.key === "Enter" && this.#current >= 0) this.#on.chosen(this.#current);
    else if (event.key === "+" || event.key === "=") this.#zoom(middle, centre, 1.5);
    else if (event.key === "-") this.#zoom(middle, centre, 1 / 1.5);
    else if (event.key === "0") this.#zoom(middle, centre, 0);
    else return;
    event.preventDefault();
  }

  #step(right, down) {
    const { width, height } = this.#size;
    if (this.#current < 0) return this.#point(nearest(this.#positions, width / 2, height / 2, Infinity));
    const next = nextPoint(this.#positions, this.#current, right, down);
    if (next >= 0) this.#point(next);
  }

  #point(number) {
    if (number === this.#current) return;
    this.#current = number;
    this.#on.pointed(number);
    this.#draw();
  }
}

function circle(pen, [x, y], radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
}
