// pairs.mjs: what llama.cpp makes of a query and documents: the tokens of each pair, by the kind of file, as its server puts
// them together (format_prompt_rerank; for old files of WordPiece, which do not say how a text ends, as llama-embedding does,
// with a separator at the end), and the first of the classification head's scores.
import { ask } from "../fidelity/oracle.mjs";

// Pieces of text, and names of special tokens in lists.
const LAYOUTS = {
  pair: (query, document) => [["[CLS]"], query, ["[SEP]"], document, ["[SEP]"]],
  single: (query, document) => [["<s>"], query, ["</s>"], document, ["</s>"]],
  roberta: (query, document) => [["<s>"], query, ["</s></s>"], document, ["</s>"]],
  judge: (query, document) => [[`<|im_start|>query: ${query}\ndocument: ${document}<|im_end|>\n`]],
};

const isNames = (piece) => Array.isArray(piece);

// All in two runs of the program: it reads the vocabulary each time.
function tokensOf(path, pieces) {
  const names = pieces.filter(isNames).flat();
  const texts = pieces.filter((piece) => !isNames(piece));
  const ofNames = ask(path, ["tokens", "--special"], names);
  const ofTexts = texts.length ? ask(path, ["tokens"], texts) : [];
  return pieces.map((piece) => (isNames(piece) ? ofNames : ofTexts).shift().ids);
}

/** kind: of LAYOUTS. Returns { scores, nTokens } of the documents in their order. */
export function scoresOf(path, kind, query, documents) {
  const layouts = documents.map((document) => LAYOUTS[kind](query, document));
  const tokens = tokensOf(path, layouts.flat());
  const requests = layouts.map((layout) => tokens.splice(0, layout.length).flat());
  const scores = ask(path, ["embed"], requests).map(({ embedding }) => embedding[0]);
  return { scores, nTokens: requests.flat().length };
}
