// The map under the pointer: a node, or an edge, fades all that it does not touch. The rest is links.
import { onPage } from "./app.js";

function touched(graph, item) {
  const { node, from, to } = item.dataset, near = new Set([item]);
  for (const edge of graph.querySelectorAll("[data-from]")) {
    const { from: source, to: target } = edge.dataset;
    if (node !== undefined ? source !== node && target !== node : source !== from || target !== to) continue;
    near.add(edge);
    for (const end of graph.querySelectorAll("[data-node]")) if (end.dataset.node === source || end.dataset.node === target) near.add(end);
  }
  return near;
}

function show(graph, item) {
  for (const old of graph.querySelectorAll(".near")) old.classList.remove("near");
  graph.classList.toggle("dim", Boolean(item));
  if (item) for (const near of touched(graph, item)) near.classList.add("near");
}

onPage((main) => {
  const graph = main.querySelector("#graph");
  if (!graph) return;
  const item = (event) => event.target.closest("[data-node], a[data-from]");
  let over = null;
  const move = (next) => { if (next !== over) show(graph, (over = next)); };
  graph.addEventListener("pointerover", (event) => move(item(event)));
  graph.addEventListener("pointerleave", () => move(null));
  graph.addEventListener("focusin", (event) => move(item(event)));
  graph.addEventListener("focusout", () => move(null));
  main.querySelector("#map .chosen")?.scrollIntoView({ block: "nearest", inline: "center" });
});
