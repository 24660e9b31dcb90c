// Speaks to a screen reader: whole sentences, when they are finished, so that streamed tokens do not stutter.

const announcer = document.getElementById("announcer");
const KEEP = 20; // lines kept in the live region; older ones were spoken long ago

/** Says one line politely. */
export function announce(text) {
  const line = document.createElement("p");
  line.textContent = text;
  announcer.append(line);
  while (announcer.childElementCount > KEEP) announcer.firstElementChild.remove();
}

/** Announces a growing text sentence by sentence. */
export class SentenceReader {
  #spoken = 0; // characters announced

  /** `ended`: what is left is a sentence too. */
  update(text, ended = false) {
    const rest = text.slice(this.#spoken);
    // A sentence ends at its mark and a space (so that "3.5" and "1. first" do not), at a CJK mark, or with its line.
    const length = ended ? rest.length : (/^[\s\S]*(?:(?<=\p{L}["')\]*_]*)[.!?…]["')\]*_]*\s|[。！？]|\n)/u.exec(rest)?.[0].length ?? 0);
    if (length === 0) return;
    this.#spoken += length;
    const plain = rest.slice(0, length).replace(/[*_`#>|~]+|:?-{2,}:?|^\s*- |\]\([^)]*\)|\[/gm, " ").replace(/\s+/g, " ").trim();
    if (plain) announce(plain);
  }
}
