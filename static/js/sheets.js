/*
 * Closes sheets (`[popover].sheet`) when they no longer belong on the screen. Opening, Esc and a
 * press beside the sheet are the browser's work. docs/pages.md describes the markup.
 */

const openSheet = () => document.querySelector(".sheet:popover-open");

/** Close the sheet when the focus goes to what lies under it. */
function closeWhenLeft(event) {
  const sheet = event.target.closest(".sheet:popover-open");
  if (sheet && event.relatedTarget && !sheet.contains(event.relatedTarget)) sheet.hidePopover();
}

document.addEventListener("focusout", closeWhenLeft);
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.sourceElement?.closest?.(".sheet")) openSheet()?.hidePopover();
});
// On a wider screen, what the sheet holds stands in the page.
matchMedia("(width > 860px)").addEventListener("change", () => openSheet()?.hidePopover());
// The browser may show this page again as it was left.
addEventListener("pagehide", () => openSheet()?.hidePopover());
