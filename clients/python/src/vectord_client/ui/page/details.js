// Parameters, sizes and calibration of an index.

import { element, table } from "./dom.js";
import { bytes, count, label, short } from "./format.js";

export function detailsTab(index) {
  const { index: parameters, graph, calibration, shards } = index.info;
  const facts = { ...parameters, vectors: count(index.info.count), bytes: bytes(index.info.bytes), "bytes of the graph": bytes(graph.bytes) };
  const list = Object.entries(facts).map(([name, value]) => [element("dt", {}, name.replaceAll("_", " ")), element("dd", {}, label(value, 2000))]);
  return {
    elements: [
      element("dl", {}, list),
      element("h3", {}, "Calibration"),
      calibrated(calibration),
      ...(shards ? [element("h3", {}, "Shards"), shardTable(shards)] : []),
    ],
  };
}

function calibrated(calibration) {
  const rows = Object.entries(calibration).flatMap(([strategy, efforts]) =>
    Object.entries(efforts).map(([effort, recall]) => [strategy, effort, short(recall)]),
  );
  if (!rows.length) return element("p", { class: "quiet" }, "None: the index is small, and is scanned.");
  return table("Recall@10 for each effort, as the last build measured it", [["Strategy"], ["Effort", "number"], ["Recall", "number"]], rows);
}

function shardTable(shards) {
  const rows = shards.map((shard, number) => [String(number), count(shard.count), bytes(shard.bytes)]);
  return table(`${shards.length} shards`, [["Shard", "number"], ["Vectors", "number"], ["Size", "number"]], rows);
}
