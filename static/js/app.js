/*
 * What neither HTML nor htmx does by itself. Every listener is on the document, so it still works
 * after a swap. docs/pages.md describes the attributes.
 */

const EDITABLE = "input, textarea, select, [contenteditable]";
const THEMES = ["auto", "light", "dark"];
const TOAST_MILLISECONDS = 4000;

const byId = (id) => document.getElementById(id);
const isPoll = (ctx) => ctx?.sourceEvent?.type === "every";
const currentPath = () => location.pathname + location.search;

let toastTimer;

/** Show one of the toast's texts, and have it read out: copied, failed, large or offline. */
function announce(name) {
  const toast = byId("toast");
  if (!toast) return;
  // Browsers neither show nor read out what lies outside an open dialog.
  (byId("lightbox")?.open ? byId("lightbox") : document.body).append(toast);
  clearTimeout(toastTimer);
  toast.textContent = toast.dataset[name];
  toastTimer = setTimeout(() => toast.replaceChildren(), TOAST_MILLISECONDS);
}

/** Stop polls of a tab that is not visible; `feed.js` lets some of the feed's through. */
function holdHiddenPolls(event) {
  const { ctx } = event.detail;
  if (document.hidden && isPoll(ctx) && ctx.sourceElement?.id !== "live") event.preventDefault();
}

/** Reload the page if the answer to a press is the sign-in page; `connection.js` reads polls. */
function leaveWhenSignedOut(event) {
  if (isPoll(event.detail.ctx)) return;
  const { raw } = event.detail.ctx.response;
  if (!raw.redirected || new URL(raw.url).pathname !== document.body.dataset.loginPath) return;
  event.preventDefault();
  location.reload();
}

/** Show the toast for a request that failed, except one that is repeated: a poll, or the draft's. */
function reportFailure(event) {
  const { ctx } = event.detail;
  if (!ctx || isPoll(ctx) || ctx.sourceElement?.matches(".draft-state")) return;
  if (ctx.response?.status === 422) return;
  const failure = ctx.response?.status === 413 ? "large" : "failed";
  announce(ctx.response ? failure : "offline");
}

const chosenTheme = () => document.documentElement.dataset.theme ?? "auto";

function switchTheme() {
  const theme = THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length];
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
  nameThemeSwitches();
}

function nameThemeSwitches() {
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    button.ariaLabel = button.title = button.dataset[`${chosenTheme()}Label`];
  }
}

/** Copy the text of the element that `data-copy` names; without a name, of the one before it. */
async function copyText(button) {
  const named = button.dataset.copy;
  const source = named ? document.querySelector(named) : button.previousElementSibling;
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(source.textContent.trim());
  } else {
    // Without https, as on a local network, browsers offer no clipboard object.
    getSelection().selectAllChildren(source);
    document.execCommand("copy");
    getSelection().removeAllRanges();
  }
  announce("copied");
}

// The lightbox shows an image's page in a dialog. Its address goes into the browser's history.
// While it is open, `behind` holds the address and title of the page behind it.
let behind = null;

const lightboxOpens = (ctx) => ctx.target === byId("lightbox") && ctx.swap !== "none" && !ctx.target.open;

function rememberPage(event) {
  if (lightboxOpens(event.detail.ctx)) behind = { path: currentPath(), title: document.title };
}

function openLightbox(event) {
  if (lightboxOpens(event.detail.ctx)) event.detail.ctx.target.showModal();
}

/** Go back in the history to the page behind; `returnToPage` then closes the dialog. */
function leaveLightbox(event) {
  event.preventDefault();
  if (behind && currentPath() !== behind.path) history.back();
  else byId("lightbox").close();
}

/** Send no request when the history leads back to the page behind: it is still there. */
function returnToPage(event) {
  if (behind?.path !== event.detail.path) return;
  event.preventDefault();
  if (byId("lightbox").open) byId("lightbox").close();
  else behind = null;
}

function tidyLightbox(event) {
  if (event.target !== byId("lightbox") || !behind) return;
  document.title = behind.title;
  if (currentPath() !== behind.path) history.back();
  else behind = null;
  document.body.append(byId("toast"));
  event.target.replaceChildren();
}

function followArrow(event) {
  const selector = { ArrowLeft: "[data-prev]", ArrowRight: "[data-next]" }[event.key];
  const scope = byId("lightbox")?.open ? byId("lightbox") : document;
  if (selector) scope.querySelector(selector)?.click();
}

function submitComposer(event) {
  const form = event.target.closest("form[data-composer]");
  const button = form?.querySelector("[type=submit]");
  if (button && !button.disabled) form.requestSubmit(button);
}

function handleKey(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return submitComposer(event);
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") return closeMenus(null);
  if (event.target.closest(EDITABLE)) return;
  if (event.key === "/" && document.querySelector("[data-search]")) {
    event.preventDefault();
    document.querySelector("[data-search]").focus();
  }
  followArrow(event);
}

/** Close every open menu except the one that contains `kept`. */
function closeMenus(kept) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(kept)) menu.open = false;
  }
}

function handleClick(event) {
  const hit = (selector) => event.target.closest(selector);
  closeMenus(event.target);
  if (hit("[data-theme-switch]")) switchTheme();
  if (hit("[data-copy]")) copyText(hit("[data-copy]"));
  if (event.target === byId("lightbox") || hit("#lightbox [data-close]")) leaveLightbox(event);
}

/** Send a plain form marked `data-once` only once, however often its button is pressed. */
function guardDoublePress(event) {
  if (event.defaultPrevented || !event.target.matches("[data-once]")) return;
  // Disable buttons after this event, so that the value of the pressed one is still sent.
  setTimeout(() => setButtons(event.target, true));
}

function setButtons(form, disabled) {
  for (const control of form.elements) {
    if (control.type === "submit") control.disabled = disabled;
  }
}

/** Enable the buttons again when the browser shows a page that it kept in memory. */
function reviveForms(event) {
  if (event.persisted) document.querySelectorAll("form[data-once]").forEach((form) => setButtons(form, false));
}

/** Leave no unsent prompt in a browser that others may use (see draft.js). */
function forgetDraft(event) {
  if (event.target.matches("[data-sign-out]")) sessionStorage.removeItem(`composer:${document.body.dataset.user}`);
}

/** Remove empty files: an empty file field sends one, and as text it looks like a chosen file. */
function leaveOutEmptyFiles(event) {
  const { body } = event.detail.ctx.request;
  for (const name of new Set(body.keys())) {
    const values = body.getAll(name);
    const chosen = values.filter((value) => !(value instanceof File) || value.name || value.size);
    if (chosen.length === values.length) continue;
    body.delete(name);
    for (const value of chosen) body.append(name, value);
  }
}

document.addEventListener("htmx:config:request", leaveOutEmptyFiles);
document.addEventListener("htmx:before:request", holdHiddenPolls);
document.addEventListener("htmx:before:response", leaveWhenSignedOut);
document.addEventListener("htmx:response:error", reportFailure);
document.addEventListener("htmx:error", reportFailure);
document.addEventListener("htmx:before:swap", rememberPage);
document.addEventListener("htmx:after:swap", openLightbox);
document.addEventListener("htmx:after:swap", nameThemeSwitches);
document.addEventListener("htmx:before:history:restore", returnToPage);
document.addEventListener("cancel", (event) => event.target === byId("lightbox") && leaveLightbox(event), true);
document.addEventListener("close", tidyLightbox, true);
document.addEventListener("click", handleClick);
document.addEventListener("keydown", handleKey);
document.addEventListener("submit", guardDoublePress);
document.addEventListener("submit", forgetDraft);
addEventListener("pageshow", reviveForms);

nameThemeSwitches();
