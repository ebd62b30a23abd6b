// The field for a sparse vector, with its errors below it.

import { element, failure, field } from "./dom.js";
import { sparseOf } from "./inputs.js";

/** Return the field for the sparse vectors that an index declares by `names`: what it shows, and what is typed. */
export function sparseField(names) {
  const input = element("input", { id: "sparse", autocomplete: "off", spellcheck: "false", placeholder: "17: 1.5, 2024: 0.5", "aria-describedby": "sparse-error" });
  const name = element("select", { id: "sparse-name" }, names.map((one) => element("option", { value: one }, one)));
  const error = element("div", { id: "sparse-error" });
  const several = names.length > 1;
  if (several) name.value = names[0];
  const mark = (...shown) => {
    input.setAttribute("aria-invalid", String(shown.length > 0));
    error.replaceChildren(...shown);
  };
  const label = several ? "Sparse vector, alone or with a query" : `Sparse vector ${names[0]}, alone or with a query`;
  return {
    elements: [several ? field("Sparse vectors", name, "kind") : null, element("div", { class: "kind" }, field(label, input), error)],
    clear: () => {
      input.value = "";
      mark();
    },
    /** Return the sparse vector; undefined without one; null if it is not valid, which is shown at the field. */
    read: () => {
      mark();
      try {
        const typed = sparseOf(input.value);
        return typed && several ? { name: name.value, ...typed } : typed;
      } catch (raised) {
        if (!raised.expected) throw raised;
        mark(failure(raised));
        input.focus();
        return null;
      }
    },
  };
}
