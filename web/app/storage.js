// Small settings that outlive the page. A browser may refuse storage (private windows, blocked cookies): then
// they last as long as the page. Conversations are never stored.

const PREFIX = "sotto.";
const fallback = new Map();

/** What was stored under that name, or `otherwise`. */
export function recall(name, otherwise) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return fallback.get(name) ?? otherwise;
  }
}

/** Stores a value that JSON can hold; undefined forgets it. */
export function remember(name, value) {
  fallback.set(name, value);
  try {
    if (value === undefined) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Nothing is lost but the memory of it.
  }
}
