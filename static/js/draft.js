/*
 * The composer's draft. htmx saves it a second after a change (`_draft_state.html`); this saves
 * what is not saved yet when the page is left, and keeps the text in this tab until the studio has it.
 */

const composer = () => document.querySelector("form[data-composer]");
const tabKey = () => `draft:${document.body.dataset.user}`;

let isUnsaved = false;

function noteChange(event) {
  if (!event.target.closest("form[data-composer]")) return;
  isUnsaved = true;
  if (event.target.matches("[data-draft]")) sessionStorage.setItem(tabKey(), event.target.value);
}

function noteSaved() {
  isUnsaved = false;
  sessionStorage.removeItem(tabKey());
}

/** Send the draft in the background, without the files, which only the form itself may send. */
function saveBeforeLeaving() {
  const form = composer();
  if (!form || !isUnsaved) return;
  const texts = [...new FormData(form)].filter(([, value]) => typeof value === "string");
  if (navigator.sendBeacon(form.dataset.draftPath, new URLSearchParams(texts))) isUnsaved = false;
}

/** Bring back a text that the studio never got, unless it has another one. */
function restoreText() {
  const prompt = document.querySelector("[data-draft]");
  const text = sessionStorage.getItem(tabKey());
  if (!prompt || prompt.value || !text) return;
  prompt.value = text;
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Close the list of engines after a choice with the mouse or a finger; keys go on to the next. */
function closeEngines(event) {
  if (event.detail > 0 && event.target.matches(".engine input")) event.target.closest("details").open = false;
}

document.addEventListener("input", noteChange);
document.addEventListener("click", closeEngines);
document.addEventListener("htmx:before:request", (event) => {
  if (event.detail.ctx.sourceElement.id === "draft-state" && !isUnsaved) event.preventDefault();
});
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  const isKept = ctx.sourceElement.closest("[data-composer]");
  if (isKept && ctx.response?.status < 400) noteSaved();
});
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-sign-out]")) saveBeforeLeaving();
  else if (event.target.matches("[data-composer]") && !event.defaultPrevented) noteSaved();
});
document.addEventListener("visibilitychange", () => document.hidden && saveBeforeLeaving());
addEventListener("pagehide", saveBeforeLeaving);

restoreText();
