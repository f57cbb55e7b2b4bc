/* The image page, in the dialog and on its own: swipes lead to the images before and after it. */

import { viewOf } from "./zoom.js";

const LEAST_PIXELS = 48;

let start = null;

function begin(event) {
  const stage = event.target.closest?.(".stage .zoomable")?.closest(".stage");
  const alone = event.isPrimary && event.pointerType === "touch" && stage;
  start = alone && viewOf(stage).scale === 1 ? { stage, x: event.clientX, y: event.clientY } : null;
}

function end(event) {
  if (!start || !event.isPrimary) return;
  const { stage, x, y } = start;
  start = null;
  const [right, down] = [event.clientX - x, event.clientY - y];
  if (Math.abs(right) < LEAST_PIXELS || Math.abs(right) < 2 * Math.abs(down) || viewOf(stage).scale > 1) return;
  stage.querySelector(right > 0 ? "[data-prev]" : "[data-next]")?.click();
}

/** Save a file as soon as it is ready, for whoever waits for it. */
function save(event) {
  event.target.querySelector?.("[data-save]")?.click();
}

document.addEventListener("pointerdown", begin);
document.addEventListener("pointerup", end);
document.addEventListener("pointercancel", () => (start = null));
document.addEventListener("htmx:after:swap", save);
