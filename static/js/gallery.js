/*
 * The gallery: selecting with mouse and keys, acts without leaving the page, and the way back to the
 * same place. Without this script, its checkboxes and buttons are a plain form.
 */

import { isElsewhere } from "./keys.js";

const UNDO_MILLISECONDS = 10_000;
const MOST_PAGES = 20; // loaded again on the way back
const LEAVING = new Set(["zip", "reference", "compare"]); // acts that lead to another page

const form = () => document.getElementById("tidy");
const cards = () => [...document.querySelectorAll("[data-card]:not([hidden])")];
const box = (card) => card.querySelector(".pick input");
const selected = () =>
  [...document.querySelectorAll("[data-card]:not([hidden]) .pick :checked")].map((input) => input.closest("[data-card]"));
const focused = () => document.activeElement?.closest("[data-card]");

let last = null; // the card that was selected last: where a range begins
let drag = null; // while the mouse is dragged over cards: where from, and whether it selects them
let undoTimer;

// --- Selecting ---

function showCount() {
  const output = document.querySelector("[data-selected]");
  if (!output) return;
  const count = selected().length;
  // The first number that is put into words takes long, and small ones need none.
  output.value = count < 1000 ? count : count.toLocaleString(document.documentElement.lang);
  form().toggleAttribute("data-selecting", count > 0 || Boolean(form().elements.all?.checked));
  const compare = form().querySelector("button[value=compare]");
  if (compare) compare.disabled = count < compare.dataset.fewest || count > compare.dataset.most;
}

function select(card, on) {
  box(card).checked = on;
  last = card;
  showCount();
}

function selectRange(to, on) {
  const all = cards();
  const ends = [all.indexOf(last), all.indexOf(to)].sort((a, b) => a - b);
  if (ends[0] < 0) return select(to, on);
  for (const card of all.slice(ends[0], ends[1] + 1)) box(card).checked = on;
  last = to;
  showCount();
}

function handleClick(event) {
  const card = event.target.closest("[data-card]");
  if (event.target.closest("[data-star]") && form()) {
    event.preventDefault();
    return star(card);
  }
  if (!card) return;
  if (event.target.matches(".pick input")) {
    if (event.shiftKey) selectRange(card, event.target.checked);
    else select(card, event.target.checked);
  } else if (event.shiftKey && event.target.closest(".frame-link")) {
    event.preventDefault();
    event.stopPropagation();
    selectRange(card, true);
  }
}

function beginDrag(event) {
  const from = event.target.closest(".pick")?.closest("[data-card]");
  if (from && event.pointerType === "mouse" && event.button === 0) drag = { from, on: !box(from).checked };
}

function dragOver(event) {
  if (!drag) return;
  if (!event.buttons) return endDrag();
  const card = event.target.closest?.("[data-card]");
  if (!card || card === drag.from) return;
  select(drag.from, drag.on);
  select(card, drag.on);
}

function endDrag() {
  drag = null;
}

// --- Acts ---

/** Send the form's own fields and these; show what the studio says. Returns whether it was done. */
async function send(values, images) {
  const data = new FormData(form());
  data.delete("image");
  if (images) {
    data.delete("all");
    data.set("images", images.map((card) => card.dataset.card).join());
  }
  for (const [name, value] of Object.entries(values)) data.set(name, value);
  const headers = { "HX-Request": "true", "HX-Request-Type": "partial" };
  let answer;
  try {
    answer = await fetch(form().action, { method: "POST", body: data, headers });
  } catch {
    return tell("offline");
  }
  if (answer.redirected) return location.reload();
  if (!answer.ok && answer.status !== 422) return tell("failed");
  const note = document.getElementById("gallery-done");
  note.innerHTML = await answer.text();
  clearTimeout(undoTimer);
  undoTimer = setTimeout(forgetUndo, UNDO_MILLISECONDS);
  return answer.ok;
}

/** Take the note away, unless somebody is about to press its button. */
function forgetUndo() {
  const note = document.getElementById("gallery-done");
  if (note?.matches(":hover, :focus-within")) undoTimer = setTimeout(forgetUndo, UNDO_MILLISECONDS);
  else note?.replaceChildren();
}

function tell(name) {
  const toast = document.getElementById("toast");
  toast.textContent = toast.dataset[name];
}

async function act(name, images, values = {}) {
  const isAll = !images && form().elements.all?.checked;
  const about = images ?? selected();
  if (!(await send({ act: name, ...values }, isAll ? null : about))) return;
  if (isAll && !["star", "unstar", "rate"].includes(name)) return location.reload();
  for (const card of isAll ? cards() : about) show(card, name, values);
  if (!images) form().reset();
  showCount();
}

/** Show on a card what was done with its image. */
function show(card, name, { rating }) {
  if (name === "hide" || name === "restore") hide(card);
  if (name === "star" || name === "unstar") {
    card.toggleAttribute("data-starred", name === "star");
    const button = card.querySelector("[data-star]");
    button.name = name === "star" ? "unstar" : "star";
    button.ariaPressed = name === "star";
  }
  if (name === "rate") {
    const stars = card.querySelector(".card-stars");
    stars.hidden = !Number(rating);
    stars.lastElementChild.textContent = rating;
  }
}

function hide(card) {
  const all = cards();
  const next = all[all.indexOf(card) + 1] ?? all[all.indexOf(card) - 1];
  if (card.contains(document.activeElement)) next?.querySelector(".frame-link").focus();
  box(card).checked = false;
  card.hidden = true;
  card.dataset.hidden = "";
}

function star(card) {
  return act(card.hasAttribute("data-starred") ? "unstar" : "star", [card]);
}

async function undo(button) {
  if (!(await send({ act: "restore", undo: button.value }, []))) return;
  for (const card of document.querySelectorAll("[data-card][data-hidden]")) {
    card.hidden = false;
    delete card.dataset.hidden;
  }
}

function handleSubmit(event) {
  const { submitter, target } = event;
  if (submitter?.matches("[data-undo]") && form()) {
    event.preventDefault();
    undo(submitter);
  } else if (target.id === "tidy" && submitter?.name === "act" && !LEAVING.has(submitter.value)) {
    event.preventDefault();
    submitter.closest("details")?.removeAttribute("open");
    const values = submitter.value === "rate" ? { rating: target.elements.rating.value } : {};
    act(submitter.value, null, values);
  }
}

/** Send all selected images in one field: a form may have at most 1,000 fields. */
function joinImages({ target, formData }) {
  if (target.id !== "tidy") return;
  formData.set("images", formData.getAll("image").join());
  formData.delete("image");
}

/** Keep what was not chosen out of the address, which people share. */
function shorten({ target, formData }) {
  if (target.id !== "filter-form") return;
  for (const [name, value] of [...formData]) if (!value) formData.delete(name);
}

// --- Keys ---

/** Enter in a field of a menu does what the menu is for. */
function pressOfMenu(event) {
  if (event.key !== "Enter" || event.isComposing || !event.target.matches(".tidy-acts .menu-panel input")) return;
  event.preventDefault();
  event.target.closest(".menu-panel").querySelector("button").click();
}

function handleKey(event) {
  if (!form() || isElsewhere(event)) return;
  const card = focused();
  if (event.key === "Escape" && !document.querySelector(":popover-open, details.menu[open]")) {
    form().reset();
    return showCount();
  }
  if (event.key === "c") return form().querySelector("button[value=compare]")?.click();
  if (event.key.startsWith("Arrow") && (card || event.target === document.body)) return move(event, card);
  if (card) onCard(event, card);
}

function onCard(event, card) {
  const keys = {
    x: () => select(card, !box(card).checked),
    " ": () => select(card, !box(card).checked),
    ".": () => star(card),
    h: () => form().querySelector("button[value=hide]") && act("hide", [card]),
    d: () => card.querySelector("[data-download]").click(),
    r: () => card.querySelector("[data-reuse]")?.click(),
  };
  if (event.key === " " && !event.target.matches(".frame-link")) return;
  const does = /^[0-5]$/.test(event.key) ? () => act("rate", [card], { rating: event.key }) : keys[event.key];
  if (!does) return;
  event.preventDefault();
  does();
}

/** Move the focus to the image before or after, or to the nearest one of the row above or below. */
function move(event, card) {
  const all = cards();
  const forward = event.key === "ArrowDown" || event.key === (isLeftToRight() ? "ArrowRight" : "ArrowLeft");
  const step = forward ? 1 : -1;
  let to = card ? all[all.indexOf(card) + step] : all[0];
  if (card && ["ArrowUp", "ArrowDown"].includes(event.key)) to = inNextRow(all, card, step);
  if (!to) return;
  event.preventDefault();
  to.querySelector(".frame-link").focus();
}

const isLeftToRight = () => document.documentElement.dir !== "rtl";

function inNextRow(all, card, step) {
  const middle = (each) => each.offsetLeft + each.offsetWidth / 2;
  const beyond = all.filter((each) => (each.offsetTop - card.offsetTop) * step > 1);
  const rows = beyond.map((each) => each.offsetTop);
  const top = step > 0 ? Math.min(...rows) : Math.max(...rows);
  const away = (each) => Math.abs(middle(each) - middle(card));
  return beyond.filter((each) => each.offsetTop === top).sort((a, b) => away(a) - away(b))[0];
}

// --- The way back ---

const place = () => `gallery:${location.pathname}${location.search}`;

function keepPlace() {
  if (!form()) return;
  const names = selected().map((card) => card.dataset.card);
  sessionStorage.setItem(place(), JSON.stringify({ count: cards().length, top: scrollY, names }));
}

/**
 * After a reload or the way back: load as many images as there were, and scroll to the same place.
 * On the way back, select what was selected.
 */
async function findPlace() {
  const kept = JSON.parse(sessionStorage.getItem(place()) ?? "null");
  const way = performance.getEntriesByType("navigation")[0]?.type;
  if (!kept || !form() || !["back_forward", "reload"].includes(way)) return;
  for (let page = 0; page < MOST_PAGES && cards().length < kept.count; page++) {
    const more = document.querySelector("#more a");
    if (!more) break;
    const loaded = new Promise((done) => document.addEventListener("htmx:after:swap", done, { once: true }));
    more.dispatchEvent(new Event("more"));  // a click would leave the page if htmx does not know the link yet
    await Promise.race([loaded, new Promise((done) => setTimeout(done, 5000))]);
  }
  scrollTo(0, kept.top);
  if (way === "back_forward") selectNamed(new Set(kept.names));
}

function selectNamed(names) {
  for (const card of cards()) if (names.has(card.dataset.card)) box(card).checked = true;
  showCount();
}

document.addEventListener("click", handleClick, true);
document.addEventListener("change", ({ target }) => target.matches("#tidy [name=all]") && showCount());
document.addEventListener("pointerdown", beginDrag);
document.addEventListener("pointerover", dragOver);
document.addEventListener("pointerup", endDrag);
document.addEventListener("submit", handleSubmit);
document.addEventListener("formdata", joinImages);
document.addEventListener("formdata", shorten);
document.addEventListener("reset", () => setTimeout(showCount));
// Before app.js closes menus, so that Escape either closes one or selects none.
document.addEventListener("keydown", handleKey, true);
document.addEventListener("keydown", pressOfMenu);
addEventListener("pagehide", keepPlace);
addEventListener("pageshow", showCount);
// What was typed before another filter was chosen is not what this page shows.
addEventListener("pageshow", ({ persisted }) => persisted && document.getElementById("filter-form")?.reset());
if (document.readyState === "complete") findPlace();
else addEventListener("load", findPlace);
