/*
 * References of the composer: files that are dropped, pasted or chosen go to the studio at once, and
 * their order changes by drag and by keys. The form holds the identifiers, so everything works without
 * this script. Texts come from the attributes of `#composer-references`.
 */

import { announce, fill } from "./texts.js";

const byId = (id) => document.getElementById(id);
const composer = () => document.querySelector("form[data-composer]");
const texts = () => byId("composer-references").dataset;
const MEGABYTE = 1_000_000;

// Addresses of the files that were chosen here, by the identifier of their reference: the studio shows
// an upload only when it is clean.
const local = new Map();
const queue = [];
// How often a reference was added that the studio has not shown yet: an answer to an earlier request
// removes it from the form.
const added = new Map();
const MOST_TIMES = 3;
let isSending = false;

const list = (name) => [...composer().querySelectorAll(`input[name=${name}]`)].filter((input) => input.type === "hidden");
const named = (name) => list(name).map((input) => input.value);

/** Fetch the composer again, as after any other choice. */
function refresh() {
  byId("references-changed")?.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Add a reference to the form; `refresh` then shows it. */
function add(identifier) {
  added.set(identifier, (added.get(identifier) ?? 0) + 1);
  const input = Object.assign(document.createElement("input"), { type: "hidden", name: "references", value: identifier });
  byId("references").append(input);
}

// --- Files on their way ---------------------------------------------------------------------------

function take(files) {
  const { atOnce, many } = texts();
  if (!files.length) return tell(texts().none);
  if (files.length > atOnce) tell(fill(many, { count: files.length, most: atOnce }));
  for (const file of files.slice(0, atOnce)) enqueue(file);
  send();
}

function enqueue(file) {
  const { empty, large, mostBytes } = texts();
  const name = file.name;
  if (!file.size) return tell(fill(empty, { name }));
  if (file.size > mostBytes) {
    return tell(fill(large, { name, size: Math.ceil(file.size / MEGABYTE), most: mostBytes / MEGABYTE }));
  }
  const address = URL.createObjectURL(file);
  const shown = document.createElement("li");
  shown.className = "reference";
  const image = Object.assign(new Image(), { src: address, alt: name });
  image.addEventListener("error", () => image.removeAttribute("src"));
  const progress = document.createElement("progress");
  progress.ariaLabel = name;
  shown.append(image, progress);
  byId("uploads").append(shown);
  byId("uploads").hidden = false;
  queue.push({ file, address, shown });
}

/** Send the files one after the other; then fetch the composer, which shows what has arrived. */
async function send() {
  if (isSending) return;
  isSending = true;
  let arrived = 0;
  while (queue.length) {
    const job = queue.shift();
    arrived += await sendOne(job);
    job.shown.remove();
  }
  isSending = false;
  byId("uploads").hidden = true;
  if (arrived) refresh();
}

async function sendOne(job) {
  const { known } = texts();
  const { file, address } = job;
  let answer;
  try {
    answer = await post(file);
  } catch (error) {
    tell(fill(texts()[error.cause ?? "offline"], { name: file.name }), job);
    return 0;
  }
  const [received] = answer.files;
  const problem = received?.problem ?? answer.notes[0];
  if (problem) {
    URL.revokeObjectURL(address);
    tell(problem);
    return 0;
  }
  if (named("references").includes(received.uuid)) {
    tell(fill(known, { name: file.name }));
    return 0;
  }
  local.set(received.uuid, address);
  add(received.uuid);
  return 1;
}

async function post(file, isSecond = false) {
  const body = new FormData();
  body.append("csrfmiddlewaretoken", composer().elements.csrfmiddlewaretoken.value);
  body.append("references", file);
  const response = await fetch(texts().address, { method: "POST", body, headers: { Accept: "application/json" } });
  if (response.redirected) throw new Error("signed out", { cause: "signedOut" });
  // Signing in again, in another tab, has changed the token.
  if (response.status === 403 && !isSecond && (await renewToken())) return post(file, true);
  if (!response.headers.get("Content-Type")?.includes("json")) throw new Error(response.statusText);
  return response.json();
}

async function renewToken() {
  const page = await (await fetch(location.pathname)).text();
  const token = new DOMParser().parseFromString(page, "text/html").querySelector("[name=csrfmiddlewaretoken]");
  if (token) composer().elements.csrfmiddlewaretoken.value = token.value;
  return Boolean(token);
}

/** Show a sentence about a file until somebody dismisses it; `job` can be sent again. */
function tell(sentence, job) {
  const line = document.createElement("li");
  const text = Object.assign(document.createElement("span"), { className: "grow", textContent: sentence });
  line.append(text);
  const button = (label, act) => {
    const made = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: label });
    made.addEventListener("click", () => {
      line.remove();
      byId("upload-troubles").hidden = !byId("upload-troubles").children.length;
      act();
    });
    line.append(made);
  };
  if (job) button(texts().again, () => (enqueue(job.file), send()));
  button(texts().dismiss, () => composer().querySelector("textarea")?.focus());
  byId("upload-troubles").append(line);
  byId("upload-troubles").hidden = false;
}

// --- Dropped, pasted, chosen ----------------------------------------------------------------------

const holdsFiles = (event) => event.dataTransfer?.types.includes("Files") && composer();

/** The dropped files; of a folder, those that the browser lists at once, without further folders. */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const files = [...transfer.files].filter((file, at) => entries[at]?.isFile);
  for (const folder of entries.filter((entry) => entry.isDirectory)) {
    const inside = await new Promise((done) => folder.createReader().readEntries(done, () => done([])));
    const found = inside.filter((entry) => entry.isFile && !entry.name.startsWith("."));
    files.push(...(await Promise.all(found.map((entry) => new Promise((done) => entry.file(done, () => done(null)))))));
  }
  return files.filter(Boolean);
}

function dragOver(event) {
  if (!holdsFiles(event)) return dragOverReference(event);
  // Elsewhere, the browser would leave the page and show the file.
  event.preventDefault();
  const isOver = composer().contains(event.target);
  event.dataTransfer.dropEffect = isOver ? "copy" : "none";
  composer().classList.toggle("is-dropping", isOver);
}

async function drop(event) {
  if (dragged) event.preventDefault();
  if (!holdsFiles(event)) return;
  event.preventDefault();
  composer().classList.remove("is-dropping");
  if (composer().contains(event.target)) take(await dropped(event.dataTransfer));
}

function paste(event) {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length || !composer() || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  take(files);
}

function chosen(event) {
  const input = event.target;
  if (input.type !== "file" || input.form !== composer() || !input.files.length) return;
  event.stopPropagation();
  take([...input.files]);
  input.value = "";
}

// --- Order ----------------------------------------------------------------------------------------

const items = () => [...byId("references").querySelectorAll("[data-reference]")];
let dragged = null;

function moved(item) {
  const { moved: text } = byId("references").dataset;
  announce(fill(text, { place: items().indexOf(item) + 1, count: items().length }));
  refresh();
}

function dragStart(event) {
  dragged = event.target.closest?.("[data-reference]");
  if (!dragged) return;
  dragged.classList.add("is-dragged");
  event.dataTransfer.setData("text/plain", ""); // Firefox drags nothing without data
}

function dragOverReference(event) {
  const over = event.target.closest?.("[data-reference]");
  if (!dragged || !over) return;
  event.preventDefault();
  if (over !== dragged) over[items().indexOf(dragged) < items().indexOf(over) ? "after" : "before"](dragged);
}

function dragEnd() {
  composer()?.classList.remove("is-dropping");
  if (!dragged) return;
  dragged.classList.remove("is-dragged");
  moved(dragged);
  dragged = null;
}

function key(event) {
  const handle = event.target.closest?.("[data-handle]");
  if (!handle || event.altKey || event.ctrlKey || event.metaKey) return;
  const item = handle.closest("[data-reference]");
  if (event.key === "Delete" || event.key === "Backspace") item.querySelector("[name=remove]").click();
  const isBack = document.dir === "rtl" ? "ArrowRight" : "ArrowLeft";
  const step = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: isBack === "ArrowLeft" ? -1 : 1, ArrowRight: isBack === "ArrowLeft" ? 1 : -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const other = items()[items().indexOf(item) + step];
  if (!other) return;
  other[step > 0 ? "after" : "before"](item);
  handle.focus();
  moved(item);
}

// --- The library ----------------------------------------------------------------------------------

function use(event) {
  const button = event.target.closest("#picker [data-use-reference]");
  if (!button) return;
  event.preventDefault();
  if (named("references").includes(button.value)) composer().querySelector(`[name=remove][value="${button.value}"]`)?.click();
  else {
    add(button.value);
    refresh();
  }
}

function mark() {
  const used = composer() ? [...named("references"), ...named("aside")] : [];
  for (const button of document.querySelectorAll("#picker [data-use-reference]")) {
    button.ariaPressed = String(used.includes(button.value));
  }
}

// --- Kept in this tab -----------------------------------------------------------------------------

const kept = () => `references:${document.body.dataset.user}`;

function keep() {
  const chosen = [...named("references"), ...named("aside")];
  sessionStorage.setItem(kept(), JSON.stringify({ at: location.search, chosen }));
}

/** After a reload, bring back what was chosen. A page that is filled from a run has its own. */
function restore() {
  const before = JSON.parse(sessionStorage.getItem(kept()));
  if (!before || !composer()) return;
  const isOfRun = new URLSearchParams(location.search).has("reuse");
  if (isOfRun && before.at !== location.search) return;
  const here = named("references");
  const wanted = isOfRun ? before.chosen : [...new Set([...before.chosen, ...here])];
  if (String(wanted) === String(here)) return;
  for (const input of list("references")) input.remove();
  for (const each of wanted) add(each);
  refresh();
}

function addAgain() {
  const here = [...items().map((item) => item.dataset.reference), ...named("aside")];
  for (const each of here) added.delete(each);
  const lost = [...added].filter(([each, times]) => times < MOST_TIMES && !named("references").includes(each));
  for (const [each] of lost) add(each);
  if (lost.length) refresh();
}

/** After each swap: the pictures of files that the studio can't show yet, and what is used. */
function show({ detail }) {
  if (!composer()) return;
  for (const item of items()) {
    const place = item.querySelector(".reference-to-come");
    const address = local.get(item.dataset.reference);
    if (place && address) place.replaceWith(Object.assign(new Image(), { src: address, alt: "", draggable: false }));
  }
  addAgain();
  if (detail.ctx.target?.id === "composer") keep();
  mark();
}

document.addEventListener("dragover", dragOver);
document.addEventListener("drop", drop);
document.addEventListener("dragstart", dragStart);
document.addEventListener("dragend", dragEnd);
document.addEventListener("dragleave", (event) => event.relatedTarget || composer()?.classList.remove("is-dropping"));
document.addEventListener("paste", paste);
document.addEventListener("change", chosen, true);
document.addEventListener("keydown", key);
document.addEventListener("click", use);
document.addEventListener("htmx:after:swap", show);
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.response?.status < 400 && ctx.sourceElement.matches("[data-composer]")) sessionStorage.removeItem(kept());
});
addEventListener("load", restore);
