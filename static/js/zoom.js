/*
 * Enlarges the images (`.zoomable > img`) of a `data-zoom-group`, all in step: wheel, pinch, double
 * click, drag, keys and buttons. The file in full size is fetched once more pixels are needed.
 */

const MOST = 8;
const STEP = 1.5;
const WHOLE = { scale: 1, x: 0, y: 0 };
const EDITABLE = "input, textarea, select, [contenteditable]";
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// By group: the scale, and how far the images are moved, in parts of their frames.
const views = new WeakMap();
const pointers = new Map();
let pinched = 0;

export const viewOf = (group) => views.get(group) ?? WHOLE;
const groupOf = (event) => event.target.closest?.(".zoomable")?.closest("[data-zoom-group]");

/** The group that keys are for: that of the open dialog, else that of the page. */
export function currentGroup() {
  const open = document.querySelector("dialog[open]");
  return (open ?? document).querySelector("[data-zoom-group]");
}

function show(group, { scale, x, y }) {
  scale = Math.min(MOST, Math.max(1, scale));
  const most = (scale - 1) / 2;
  const view = { scale, x: Math.min(most, Math.max(-most, x)), y: Math.min(most, Math.max(-most, y)) };
  views.set(group, view);
  group.classList.toggle("is-zoomed", scale > 1);
  for (const frame of group.querySelectorAll(".zoomable")) {
    const image = frame.querySelector("img");
    const [right, down] = [view.x * frame.clientWidth, view.y * frame.clientHeight];
    image.style.transform = scale > 1 ? `translate(${right}px, ${down}px) scale(${scale})` : "";
    fetchFull(image, scale);
  }
  const level = group.querySelector(".zoom-level");
  if (level) level.textContent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" }).format(scale);
}

async function fetchFull(image, scale) {
  const { full } = image.dataset;
  if (!full || scale === 1 || image.clientWidth * scale * devicePixelRatio <= image.naturalWidth) return;
  delete image.dataset.full;
  const larger = new Image();
  larger.src = full;
  await larger.decode().then(() => (image.src = full), () => (image.dataset.full = full));
}

/** Enlarge by `factor`; what is at `at`, in parts of the frame from its middle, stays there. */
function enlarge(group, factor, at = { x: 0, y: 0 }) {
  const { scale, x, y } = viewOf(group);
  const to = Math.min(MOST, Math.max(1, scale * factor));
  show(group, { scale: to, x: at.x - ((at.x - x) * to) / scale, y: at.y - ((at.y - y) * to) / scale });
}

function move(group, right, down) {
  const { scale, x, y } = viewOf(group);
  show(group, { scale, x: x + right, y: y + down });
}

function placeOf(event) {
  const box = event.target.closest(".zoomable").getBoundingClientRect();
  return {
    x: (event.clientX - box.left) / box.width - 0.5,
    y: (event.clientY - box.top) / box.height - 0.5,
  };
}

function turnWheel(event) {
  const group = groupOf(event);
  // Where the page itself can be scrolled, a wheel alone does that until the image is enlarged.
  const fixed = group?.matches(".stage") && matchMedia("(width > 860px)").matches;
  if (!group || !(event.ctrlKey || fixed || viewOf(group).scale > 1)) return;
  event.preventDefault();
  enlarge(group, Math.exp(-Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 100) * 0.003), placeOf(event));
}

function doubleClick(event) {
  const group = groupOf(event);
  if (group) viewOf(group).scale > 1 ? show(group, WHOLE) : enlarge(group, 2.5, placeOf(event));
}

const distance = ([one, other]) => Math.hypot(one.x - other.x, one.y - other.y);

function press(event) {
  if (!groupOf(event) || event.button) return;
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  pinched = pointers.size === 2 ? distance([...pointers.values()]) : 0;
}

function drag(event) {
  const before = pointers.get(event.pointerId);
  const group = before && groupOf(event);
  if (!group) return;
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (pinched && pointers.size === 2) {
    const now = distance([...pointers.values()]);
    enlarge(group, now / pinched, placeOf(event));
    pinched = now;
  } else if (viewOf(group).scale > 1) {
    const { width, height } = event.target.closest(".zoomable").getBoundingClientRect();
    move(group, (event.clientX - before.x) / width, (event.clientY - before.y) / height);
  }
}

function release(event) {
  pointers.delete(event.pointerId);
  pinched = 0;
}

function pressKey(event) {
  const group = currentGroup();
  if (!group || event.ctrlKey || event.metaKey || event.altKey || event.target.closest(EDITABLE)) return;
  if (event.key === "+" || event.key === "=") enlarge(group, STEP);
  else if (event.key === "-") enlarge(group, 1 / STEP);
  else if (event.key === "0") show(group, WHOLE);
  else if (ARROWS[event.key] && viewOf(group).scale > 1) {
    move(group, ...ARROWS[event.key].map((part) => part / 10));
    event.stopImmediatePropagation(); // else it would lead to the next image
  } else return;
  event.preventDefault();
}

function pressButton(event) {
  const button = event.target.closest("[data-zoom]");
  const group = button?.closest("[data-zoom-group]");
  if (!group) return;
  if (button.dataset.zoom === "reset") show(group, WHOLE);
  else enlarge(group, button.dataset.zoom === "in" ? STEP : 1 / STEP);
}

document.addEventListener("wheel", turnWheel, { passive: false });
document.addEventListener("dblclick", doubleClick);
document.addEventListener("pointerdown", press);
document.addEventListener("pointermove", drag);
document.addEventListener("pointerup", release);
document.addEventListener("pointercancel", release);
document.addEventListener("dragstart", (event) => groupOf(event) && event.preventDefault());
document.addEventListener("keydown", pressKey, true);
document.addEventListener("click", pressButton);
