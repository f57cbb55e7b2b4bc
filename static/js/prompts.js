/*
 * Help with the prompt: its length, hints, one's own prompts (Alt+Up and Alt+Down), and snippets from
 * the dialog. Texts come from the attributes of `#prompt-help`.
 */

import { fill } from "./texts.js";

const byId = (id) => document.getElementById(id);
const help = () => byId("prompt-help");
const prompt = () => document.querySelector("form[data-composer] [data-draft]");
const DISMISSED = "hints:dismissed";

let history = null;
// Where one is in the history; -1 is what one has written oneself, kept in `own`.
let place = -1;
let own = "";

function set(text, { isWhole }) {
  const box = prompt();
  box.focus();
  if (isWhole) box.select();
  // Unlike setting the value, this can be undone with Ctrl+Z.
  if (!document.execCommand("insertText", false, text)) {
    box.setRangeText(text, box.selectionStart, box.selectionEnd, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

// --- Length and hints -----------------------------------------------------------------------------

/** Characters as the engine counts them: code points, without spaces at the ends. */
const lengthOf = (text) => [...text.trim()].length;

function measure() {
  const { most, near } = help().dataset;
  const line = byId("prompt-length");
  const count = lengthOf(prompt().value);
  const excess = count - most;
  line.hidden = count < most * near;
  line.classList.toggle("is-too-long", excess > 0);
  const text = excess > 0 ? line.dataset.tooLong : line.dataset.length;
  line.textContent = line.hidden ? "" : fill(text, { count, most, excess });
}

function dismissed() {
  try {
    return JSON.parse(localStorage.getItem(DISMISSED)) ?? [];
  } catch {
    return []; // the browser's storage is switched off
  }
}

function hint() {
  let room = Number(help().dataset.atOnce);
  const gone = dismissed();
  for (const each of help().querySelectorAll("[data-hint]")) {
    const { hint: name, words } = each.dataset;
    const fits = room > 0 && !gone.includes(name) && new RegExp(words, "iu").test(prompt().value);
    each.hidden = !fits;
    room -= fits;
  }
}

function dismiss(button) {
  const { hint: name } = button.closest("[data-hint]").dataset;
  try {
    localStorage.setItem(DISMISSED, JSON.stringify([...dismissed(), name]));
  } catch {
    button.closest("[data-hint]").remove();
  }
  look();
  prompt().focus();
}

function look() {
  if (!help() || !prompt()) return;
  measure();
  hint();
}

// --- One's own prompts ----------------------------------------------------------------------------

async function browse(step) {
  history ??= await load();
  const next = Math.min(Math.max(place + step, -1), history.length - 1);
  if (next === place) return;
  if (place < 0) own = prompt().value;
  place = next;
  set(place < 0 ? own : history[place], { isWhole: true });
}

async function load() {
  const response = await fetch(help().dataset.history, { headers: { Accept: "application/json" } });
  return response.ok && !response.redirected ? (await response.json()).prompts : [];
}

function key(event) {
  if (!event.altKey || event.ctrlKey || event.metaKey || event.target !== prompt()) return;
  const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  browse(step);
}

// --- The dialog -----------------------------------------------------------------------------------

function opened({ detail: { ctx } }) {
  const picker = byId("picker");
  if (ctx.target === picker && !picker.open) picker.showModal();
  const box = picker?.querySelector("[data-from-composer]");
  if (box && !box.value && prompt()) box.value = prompt().value;
}

function insert(link) {
  byId("picker").close();
  const isWhole = link.dataset.insert === "whole" || !prompt().value.trim();
  const text = link.querySelector("[data-text]").textContent;
  const before = prompt().value.slice(0, prompt().selectionStart);
  set(isWhole || !before || /\s$/.test(before) ? text : ` ${text}`, { isWhole });
}

function click(event) {
  const hit = (selector) => event.target.closest(selector);
  if (hit("[data-dismiss-hint]")) dismiss(hit("[data-dismiss-hint]"));
  if (event.target === byId("picker") || hit("[data-picker-close]")) byId("picker").close();
  if (!hit("#picker [data-insert]") || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  insert(hit("[data-insert]"));
}

document.addEventListener("input", (event) => event.target === prompt() && look());
document.addEventListener("keydown", key);
document.addEventListener("click", click);
document.addEventListener("htmx:after:swap", opened);
document.addEventListener("htmx:after:swap", look);
addEventListener("load", look);
