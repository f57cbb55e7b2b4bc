// The shortcuts beside a time in the admin. Those of Django's own script say "6 p.m.".
document.addEventListener("DOMContentLoaded", () => {
  if (!window.DateTimeShortcuts) return;
  const hours = [0, 6, 12, 18].map((hour) => [`${String(hour).padStart(2, "0")}:00`, hour]);
  window.DateTimeShortcuts.clockHours.default_ = [["Now", -1], ...hours];
});
