/*
 * Loaded before the first paint. Sets the person's theme, and marks that scripts run.
 * The key and its values (auto, light, dark) are those of the Django admin, which reads them too.
 */
{
  const root = document.documentElement;
  root.dataset.scripts = "";
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // The browser's storage is switched off, so the system's theme applies.
  }
}
