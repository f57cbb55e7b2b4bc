/* Label policies in the admin: shows the badge as it is chosen, before anything is saved. */

"use strict";

{
  const NAMES = ["team", "campaign", "badge", "corner", "size", "safe_area", "made"];
  const samples = document.querySelector("[data-samples]");
  const form = samples?.closest("form");

  const show = () => {
    const chosen = new URLSearchParams();
    for (const name of NAMES) {
      const value = form.elements[name]?.value;
      if (value) chosen.set(name, value);
    }
    for (const image of samples.querySelectorAll("img")) {
      const address = `${image.dataset.address}?${chosen}`;
      if (image.getAttribute("src") !== address) image.src = address;
    }
  };

  // Without the fields, for those who may only look, there is nothing to choose.
  if (form?.elements.badge) {
    samples.querySelector("[data-samples-choice]").hidden = false;
    form.addEventListener("change", show);
    show();
  }
}
