/* The account page: offers the time zone of the browser, unless it is the one that is written. */

"use strict";

const offer = document.querySelector("[data-time-zone]");
const field = document.getElementById(offer?.dataset.timeZone);
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

if (field && zone && field.value !== zone) {
  offer.textContent = offer.dataset.text.replace("{zone}", zone);
  offer.hidden = false;
  offer.addEventListener("click", () => {
    field.value = zone;
    offer.hidden = true;
    field.focus();
  });
}
