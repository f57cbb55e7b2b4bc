/* The key ? shows the keys of the studio: `_keys.html`. */

const EDITABLE = "input:not([type=checkbox]), textarea, select, [contenteditable]";

/** Whether a key press is meant for a field, a dialog or the browser. */
export function isElsewhere(event) {
  const modified = event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
  return modified || event.defaultPrevented || Boolean(event.target.closest(`${EDITABLE}, dialog[open]`));
}

document.addEventListener("keydown", (event) => {
  const keys = document.getElementById("keys");
  if (event.key !== "?" || !keys || isElsewhere(event)) return;
  event.preventDefault();
  keys.togglePopover();
});
