// What the views of a trace share: the marks of the time axis, and the services' colours for a canvas.
import { duration } from "./format.js";

/** Marks at round times in `box`, which shows [from, to) in steps of `unit` ns. */
export function ticks(box, [from, to], unit) {
  const width = (to - from) * unit, rough = width / Math.max(2, Math.floor((box.clientWidth || 600) / 110)), power = 10 ** Math.floor(Math.log10(rough || 1));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough) ?? 1, marks = [];
  for (let at = Math.ceil((from * unit) / step) * step; at < to * unit && marks.length < 40; at += step) {
    const left = ((at - from * unit) / width) * 100, line = document.createElement("i"), label = Object.assign(document.createElement("span"), { textContent: at ? duration(at).replace(/\.0+(?= )|(\.\d*?)0+(?= )/, "$1") : "0" });
    line.style.left = label.style.left = `${left}%`;
    marks.push(line);
    if ((1 - left / 100) * box.clientWidth > 46) marks.push(label);
  }
  box.replaceChildren(...marks);
}

/** Colours as a canvas takes them: by palette slot, and err, fg, accent; `font` is the page's. */
export function palette(box) {
  const probe = box.appendChild(document.createElement("i")), read = (name) => { probe.className = `dot ${name}`; return getComputedStyle(probe).backgroundColor; };
  const colours = Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7, 8].map((s) => [s, read(`s${s}`)]));
  Object.assign(colours, { err: read("c-err"), accent: read("c-accent"), fg: getComputedStyle(probe).color, font: getComputedStyle(probe).fontFamily });
  probe.remove();
  return colours;
}
