// Not a module, and loaded before the body: a module would run after the first paint and flash the other theme.
(() => {
  const KEY = "jauge-theme";
  const root = document.documentElement;
  let chosen = null;
  try {
    chosen = localStorage.getItem(KEY);
  } catch {
    // A browser that refuses storage still gets the system's theme.
  }
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;

  window.jaugeTheme = {
    /** Return the theme in force, "light" or "dark". */
    current() {
      if (root.dataset.theme) return root.dataset.theme;
      return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    },
    /** Turn to the other theme and remember it on this device. */
    toggle() {
      const next = this.current() === "dark" ? "light" : "dark";
      root.dataset.theme = next;
      try {
        localStorage.setItem(KEY, next);
      } catch {
        // The same: it then lasts for this visit.
      }
      return next;
    },
  };
})();
