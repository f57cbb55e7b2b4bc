/*
 * The composer's draft. htmx saves it a second after a change (`_draft_state.html`); this saves
 * what is not saved yet when the page is left, and keeps it in this tab until the studio has it.
 */

const composer = () => document.querySelector("form[data-composer]");
const tabKey = () => `composer:${document.body.dataset.user}`;
const version = () => composer().elements.draft_version.value;
/** What is in the form, without the files, which only the form itself may send. */
const values = () => [...new FormData(composer())].filter(([, value]) => typeof value === "string");

let isUnsaved = false;
let changes = 0;
// How many changes each request has with it.
const sent = new WeakMap();

function noteChange(event) {
  if (!event.target.closest("form[data-composer]")) return;
  isUnsaved = true;
  changes += 1;
  keepInTab();
}

function keepInTab() {
  const kept = { at: location.search, version: version(), values: values() };
  sessionStorage.setItem(tabKey(), JSON.stringify(kept));
}

function noteSaved() {
  isUnsaved = false;
  sessionStorage.removeItem(tabKey());
}

/** Send the draft in the background. */
function saveBeforeLeaving() {
  const form = composer();
  if (!form || !isUnsaved) return;
  keepInTab(); // An answer may have brought another version since the last change.
  if (navigator.sendBeacon(form.dataset.draftPath, new URLSearchParams(values()))) isUnsaved = false;
}

/** Bring back what the studio did not have when it drew this page, unless it has something newer. */
function restore() {
  const kept = composer() && JSON.parse(sessionStorage.getItem(tabKey()));
  if (!kept || kept.at !== location.search || kept.version !== version()) return;
  for (const [name, value] of kept.values) restoreField(composer().elements[name], value);
}

function restoreField(field, value) {
  if (!field || field.type === "hidden" || field.value === value) return;
  const before = field.value;
  field.value = value; // of a group of radio buttons, too: the one that is checked
  if (field.value === value) {
    tellOfChange(field);
  } else {
    field.value = before; // the studio no longer offers this choice
  }
}

function tellOfChange(field) {
  const element = field instanceof RadioNodeList ? [...field].find((each) => each.checked) : field;
  for (const type of ["input", "change"]) element.dispatchEvent(new Event(type, { bubbles: true }));
}

/** Close the list of engines after a choice with the mouse or a finger; keys go on to the next. */
function closeEngines(event) {
  if (event.detail > 0 && event.target.matches(".engine input")) event.target.closest("details").open = false;
}

document.addEventListener("input", noteChange);
document.addEventListener("click", closeEngines);
document.addEventListener("htmx:before:request", (event) => {
  const { ctx } = event.detail;
  sent.set(ctx, changes);
  if (ctx.sourceElement.id === "draft-state" && !isUnsaved) event.preventDefault();
});
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  const isKept = ctx.sourceElement.closest("[data-composer]");
  if (isKept && ctx.response?.status < 400 && sent.get(ctx) === changes) noteSaved();
});
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-sign-out]")) saveBeforeLeaving();
  else if (event.target.matches("[data-composer]") && !event.defaultPrevented) noteSaved();
});
document.addEventListener("visibilitychange", () => document.hidden && saveBeforeLeaving());
addEventListener("pagehide", saveBeforeLeaving);

setTimeout(restore); // after htmx, which finds its elements in such a task
