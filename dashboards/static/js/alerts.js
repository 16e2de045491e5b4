// A rule's preview follows what is being written. Without this the Preview button does it.
import { onPage } from "./app.js";
import { setUp } from "./charts.js";

const PAUSE_MS = 350; // after the last change, so that typing asks once
const SECRET = ["webhook_url", "name", "action"]; // the preview needs none of them

onPage((main) => {
  const form = main.querySelector("#rule-form"), preview = main.querySelector("#preview");
  if (!form) return;
  const units = JSON.parse(main.querySelector("#units").textContent), unit = main.querySelector("#threshold-unit");
  let timer, asked, dirty = false;

  async function refresh() {
    asked?.abort();
    const mine = (asked = new AbortController()), fields = new URLSearchParams(new FormData(form));
    for (const name of SECRET) fields.delete(name);
    const dim = setTimeout(() => preview.classList.add("stale"), 200);
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: fields, signal: mine.signal });
      if (answer.ok) preview.replaceChildren(...new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes);
      preview.querySelectorAll("svg.ts").forEach(setUp);
    } catch (error) {
      if (error.name !== "AbortError") main.querySelector("#preview-button").hidden = false;
    } finally {
      clearTimeout(dim);
      if (mine === asked) preview.classList.remove("stale");
    }
  }

  main.querySelector("#preview-button").hidden = true;
  // Zooming loads the page anew: not while it would lose what is being written.
  for (const type of ["pointerdown", "pointerup", "pointercancel"]) preview.addEventListener(type, (event) => { if (dirty) event.stopPropagation(); }, true);
  form.addEventListener("input", () => {
    dirty = true;
    document.documentElement.dataset.busy = "form"; // live refresh would throw away what is being written
    unit.textContent = units[form.elements.signal.value] ?? "";
    clearTimeout(timer);
    timer = setTimeout(refresh, PAUSE_MS);
  });
  form.addEventListener("submit", () => delete document.documentElement.dataset.busy);
  document.addEventListener("page:leave", () => {
    clearTimeout(timer);
    delete document.documentElement.dataset.busy;
  }, { once: true });
});
