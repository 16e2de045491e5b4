// The choice of a time zone by name. Loaded when first asked for.
import { _ } from "./format.js";

let dialog, input, choose;

const known = (name) => {
  try { return Boolean(name) && Boolean(new Intl.DateTimeFormat("en", { timeZone: name })); } catch { return false; }
};

function build() {
  dialog = document.createElement("dialog");
  dialog.id = "zones";
  const form = document.createElement("form"), label = document.createElement("label"), title = document.createElement("span");
  const names = document.createElement("datalist"), button = document.createElement("button");
  form.method = "dialog";
  form.className = "stack";
  label.className = "field";
  title.textContent = _("Time zone");
  input = document.createElement("input");
  input.className = "input";
  input.setAttribute("list", (names.id = "zone-names"));
  names.append(...["UTC", ...Intl.supportedValuesOf("timeZone")].map((name) => new Option("", name)));
  button.className = "btn primary";
  button.textContent = _("Apply");
  label.append(title, input);
  form.append(label, names, button);
  dialog.append(form);
  input.addEventListener("input", () => input.setCustomValidity(known(input.value.trim()) ? "" : _("No such time zone")));
  form.addEventListener("submit", () => { const name = input.value.trim(); choose(name === "UTC" ? "utc" : name); });
  document.body.append(dialog);
}

export function open(now, then) {
  if (!dialog) build();
  choose = then;
  input.value = now;
  input.setCustomValidity("");
  dialog.showModal();
  input.select();
}
