/*
 * Loaded before the first paint: the person's theme, and a mark that scripts run.
 * The key and its values (auto, light, dark) are those of the Django admin, so both agree.
 */
{
  const root = document.documentElement;
  root.dataset.scripts = "";
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // Storage is switched off: the system's theme it is.
  }
}
