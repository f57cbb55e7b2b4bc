/* Texts that scripts show: filled in, and read out. The texts themselves stand in templates. */

/** `text` with the values of its placeholders, which are names in braces. */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

/** Have `text` read out by a screen reader. */
export function announce(text) {
  const status = document.getElementById("live-status");
  if (status) status.textContent = text;
}
