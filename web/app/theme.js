// Light or dark, set before the first paint: a classic script, because a module would run after it.

document.documentElement.dataset.theme = (() => {
  try {
    return JSON.parse(localStorage.getItem("sotto.theme")) ?? "auto";
  } catch {
    return "auto"; // nothing stored, or storage is blocked: follow the system
  }
})();
