// Filters the table while one types; the form does the same on Enter, and without scripts.
import { onPage } from "./app.js";

function filter(input, main) {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...main.querySelectorAll("#functions tbody tr")];
  for (const row of rows) row.hidden = !words.every((word) => row.dataset.text.toLowerCase().includes(word));
  const shown = rows.filter((row) => !row.hidden).length, note = main.querySelector("#shown");
  note.textContent = note.textContent.replace(/^\d+/, shown);
  const url = new URL(location.href);
  if (input.value) url.searchParams.set("q", input.value); else url.searchParams.delete("q");
  history.replaceState(null, "", url);
}

onPage((main) => {
  const input = main.querySelector("#q");
  // A filter from the URL left rows out already: only the server can bring those back.
  if (!input || input.value) return;
  input.addEventListener("input", () => filter(input, main));
});
