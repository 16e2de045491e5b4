// The SQL editor: Ctrl+Enter runs what stands there. While a word is typed, names that begin so stand below:
// Tab takes the first, Esc puts them away.
const WORDS = "SELECT FROM WHERE GROUP BY ORDER LIMIT HAVING DESC JOIN USING DISTINCT BETWEEN FILTER UNNEST count(*) avg( sum( min( max( quantile_cont( time_bucket( date_trunc( round( $from $to".split(" ");

/** Names that may stand at the end of this text: after FROM and JOIN views, else columns of those it names first. */
function known(before, sql) {
  const views = [...document.querySelectorAll("#sql-views details")].map((view) => [...view.querySelectorAll("code")].map((code) => code.textContent));
  const tables = views.map(([name]) => name);
  if (/\b(from|join)\s+\w*$/i.test(before)) return tables;
  const named = views.filter(([name]) => new RegExp(`\\b${name}\\b`).test(sql));
  return [...new Set([...(named.length ? named : views).flatMap((names) => names.slice(1)), ...WORDS, ...tables])];
}

function offer(area) {
  const before = area.value.slice(0, area.selectionStart), word = before.match(/[\w$]+$/)?.[0].toLowerCase() ?? "";
  const found = word && !/'[^']*$/.test(before) ? known(before, area.value).filter((name) => name.toLowerCase().startsWith(word) && name.toLowerCase() !== word) : [];
  document.getElementById("sql-names").replaceChildren(...found.slice(0, 8).map((name) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chip mono";
    button.textContent = name;
    return button;
  }));
}

/** The name in the place of the word before the caret, in a way that Ctrl+Z undoes. */
function take(area, name) {
  area.focus();
  area.setSelectionRange(area.selectionStart - area.value.slice(0, area.selectionStart).match(/[\w$]*$/)[0].length, area.selectionStart);
  document.execCommand("insertText", false, name);
  document.getElementById("sql-names").replaceChildren();
}

const editor = () => document.getElementById("sql-text");
document.addEventListener("input", (event) => { if (event.target === editor() && event.isTrusted) offer(event.target); });
document.addEventListener("click", (event) => {
  const chosen = event.target.closest?.("#sql-names button");
  if (chosen) take(editor(), chosen.textContent);
});
document.addEventListener("keydown", (event) => {
  if (event.target !== editor()) return;
  const first = document.querySelector("#sql-names button");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit();
  else if (event.key === "Tab" && !event.shiftKey && first) take(event.target, first.textContent);
  else if (event.key === "Escape" && first) first.parentElement.replaceChildren();
  else return;
  event.preventDefault();
  event.stopPropagation(); // elsewhere Esc leaves the field
}, true);
