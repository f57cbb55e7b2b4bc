/*
 * Says when the person's runs have ended: to screen readers once for each run, in the title of a tab
 * that is not visible, and, if the person has asked for it in this browser, in a notification. It
 * also moves the focus after what takes runs out of the feed or brings new ones.
 */

const HIDDEN_POLL_MILLISECONDS = 15_000;
const NOTIFIES = "notifies";

const byId = (id) => document.getElementById(id);
const pending = new Set();
let unseen = 0;
let lastPoll = 0;

/** In a tab that is not visible, let through a poll of the feed only now and then. */
function slowDownPolls(event) {
  const { ctx } = event.detail;
  if (ctx.sourceElement?.id !== "live" || ctx.sourceEvent?.type !== "every") return;
  if (document.hidden && Date.now() - lastPoll < HIDDEN_POLL_MILLISECONDS) event.preventDefault();
  else lastPoll = Date.now();
}

/** Find the runs that were open when this was last called and have ended since. */
function lookForEnds() {
  const ended = [];
  for (const run of document.querySelectorAll(".run[data-status]")) {
    if (run.dataset.status === "pending") pending.add(run.id);
    else if (pending.delete(run.id) && run.dataset.ended) ended.push(run.dataset.ended);
  }
  if (ended.length) tell(ended);
}

function tell(ended) {
  byId("live-status").textContent = ended.join(" ");
  if (!document.hidden) return;
  unseen += ended.length;
  document.title = `(${unseen}) ${plainTitle()}`;
  if (localStorage.getItem(NOTIFIES)) notify(ended.join(" "));
}

const plainTitle = () => document.title.replace(/^\(\d+\) /, "");

function forgetUnseen() {
  if (document.hidden || !unseen) return;
  unseen = 0;
  document.title = plainTitle();
}

function notify(text) {
  const { title } = document.querySelector("[data-notifies]")?.dataset ?? {};
  if (!title || Notification.permission !== "granted") return;
  // Some phones have the object, but allow notifications only to service workers.
  try {
    new Notification(title, { body: text, tag: "runs" }).onclick = () => focus();
  } catch {
    localStorage.removeItem(NOTIFIES);
    showSwitch();
  }
}

/** Ask for the permission only when the person presses the button. */
async function switchNotifications() {
  const isOn = localStorage.getItem(NOTIFIES) && Notification.permission === "granted";
  if (isOn) localStorage.removeItem(NOTIFIES);
  else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(NOTIFIES, "1");
  showSwitch();
}

function showSwitch() {
  const button = document.querySelector("[data-notifies]");
  if (!button) return;
  button.hidden = !("Notification" in window) || !isSecureContext || Notification.permission === "denied";
  if (button.hidden) return;
  const isOn = Notification.permission === "granted" && Boolean(localStorage.getItem(NOTIFIES));
  button.ariaPressed = String(isOn);
  const text = isOn ? button.dataset.on : button.dataset.off;
  // Polls come here too, and leave a page alone that has not changed.
  if (button.title !== text) button.title = button.lastElementChild.textContent = text;
}

/** The pressed button is gone after these swaps, so the focus needs another place. */
function moveFocus({ detail: { ctx } }) {
  const pressed = ctx.sourceEvent?.target?.closest?.("[data-dismisses], [data-restores], [data-shows-news]");
  if (!pressed) return;
  if (pressed.matches("[data-dismisses]")) byId("dismissed").querySelector("button")?.focus();
  if (pressed.matches("[data-restores]")) byId(pressed.dataset.restores)?.querySelector("[data-dismisses]")?.focus();
  if (!pressed.matches("[data-shows-news]")) return;
  byId("live").scrollIntoView();
  byId("live").focus({ preventScroll: true });
}

document.addEventListener("htmx:before:request", slowDownPolls);
document.addEventListener("htmx:after:swap", lookForEnds);
document.addEventListener("htmx:after:swap", showSwitch);
document.addEventListener("htmx:after:swap", moveFocus);
document.addEventListener("visibilitychange", forgetUnseen);
document.addEventListener("click", ({ target }) => target.closest("[data-notifies]") && switchNotifications());

lookForEnds();
showSwitch();
