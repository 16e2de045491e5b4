// The command palette: type a part of what you look for, Enter goes there. Loaded when first asked for.
import { _ } from "./format.js";

const MOST = 12;
let dialog, input, list, offers = [], found = [], at = 0;

const element = (name, attributes, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

function build() {
  input = element("input", { class: "input", type: "search", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-label": _("Go to"), placeholder: _("Page, function, board, view or trace id"), autocomplete: "off", spellcheck: "false" });
  list = element("ul", { id: "palette-list", role: "listbox", "aria-label": _("Go to") });
  dialog = element("dialog", { id: "palette", "aria-label": _("Go to") }, input, list);
  input.addEventListener("input", show);
  dialog.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && found.length) { at = (at + by + found.length) % found.length; mark(); event.preventDefault(); }
    if (event.key === "Escape") { dialog.close(); event.preventDefault(); } // a search field would only clear itself
    if (event.key === "Enter" && found[at]) { location.href = found[at][2]; event.preventDefault(); }
  });
  dialog.addEventListener("click", (event) => {
    const chosen = event.target.closest("li[role=option]");
    if (chosen) location.href = found[[...list.children].indexOf(chosen)][2];
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
}

// Every word must occur; a title that begins with what is typed comes first.
function rank(words, title) {
  const text = title.toLowerCase();
  if (!words.every((word) => text.includes(word))) return -1;
  return words.length && text.startsWith(words[0]) ? 1 : 0;
}

function show() {
  const typed = input.value.trim().toLowerCase(), words = typed.split(/\s+/).filter(Boolean);
  const ranked = offers.map((offer) => [rank(words, offer[1]), offer]).filter(([score]) => score >= 0);
  found = ranked.sort((a, b) => b[0] - a[0]).slice(0, MOST).map(([, offer]) => offer);
  if (/^[0-9a-f]{32}$/.test(typed)) found = [[_("Trace"), typed, `/traces/${typed}`]];
  else if (typed) found.push([_("Search"), input.value.trim(), `/traces?q=${encodeURIComponent(input.value.trim())}`]);
  at = 0;
  list.replaceChildren(...found.map(([kind, title], index) => element("li", { role: "option", id: `palette-${index}` }, element("bdi", { class: "cut" }, title), element("span", { class: "muted" }, kind))));
  mark();
}

function mark() {
  [...list.children].forEach((row, index) => row.setAttribute("aria-selected", index === at));
  list.children[at]?.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", found.length ? `palette-${at}` : "");
}

export async function open() {
  if (!dialog) build();
  if (dialog.open) return dialog.close();
  input.value = "";
  dialog.showModal();
  input.focus();
  show();
  const answer = await fetch(`/api/palette${location.search}`);
  if (answer.ok) { offers = await answer.json(); show(); }
}
