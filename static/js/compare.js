/* The page that compares images: two of them, one over the other, with a slider. */

import "./zoom.js";

const page = document.getElementById("compare");
const button = page?.querySelector("[data-slider]");

function split(percent) {
  page.style.setProperty("--split", `${percent}%`);
}

function toggle() {
  const on = page.classList.toggle("is-slider");
  button.ariaPressed = on;
  page.querySelector(".compare-split").hidden = !on;
  split(page.querySelector("[data-split]").value);
}

if (button) {
  button.addEventListener("click", toggle);
  page.addEventListener("input", (event) => event.target.matches("[data-split]") && split(event.target.value));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "s" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!event.target.closest("textarea, select, input:not([data-split])")) toggle();
  });
}
