/*
 * Says once when a page that updates itself gets no answer, or the sign-in page because the session
 * has ended. The page stays as it is, and goes on when answers come again.
 */

const isPoll = (ctx) => ctx?.sourceEvent?.type === "every";
const loginPath = () => document.body.dataset.loginPath;

let said = "";
let signedOut = false;

/** Show the text of the template called `name`; nothing for "". */
function say(name) {
  if (said === name) return;
  said = name;
  const place = document.getElementById("connection");
  place.replaceChildren(...(name ? [document.getElementById(name).content.cloneNode(true)] : []));
  const link = place.querySelector("a");
  if (link) link.href = `${loginPath()}?next=${encodeURIComponent(location.pathname + location.search)}`;
}

function readPollAnswer(event) {
  const { ctx } = event.detail;
  if (!isPoll(ctx)) return;
  const { raw } = ctx.response;
  signedOut = raw.redirected && new URL(raw.url).pathname === loginPath();
  if (signedOut) event.preventDefault();
  say(signedOut ? "signed-out" : raw.status >= 500 ? "no-answer" : "");
}

/** Name the version that the page shows. The extension names the last answer, shown or not. */
function nameShownVersion(event) {
  const { ctx } = event.detail;
  const shown = ctx.sourceElement?.getAttribute("hx-ptag");
  if (shown) ctx.request.headers["HX-PTag"] = shown;
}

document.addEventListener("htmx:config:request", nameShownVersion);
document.addEventListener("htmx:before:response", readPollAnswer);
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (isPoll(ctx) && !ctx.response) say("no-answer");
});
document.addEventListener("htmx:before:request", (event) => {
  if (signedOut && isPoll(event.detail.ctx)) event.preventDefault();
});
// The person may have signed in again in another tab.
document.addEventListener("visibilitychange", () => { signedOut = false; });
