// pairs.mjs: what llama.cpp's server makes of a query and documents: the tokens of each pair (its format_prompt_rerank, by
// the kind of file), and the first of the classification head's scores.
import { ask } from "../fidelity/oracle.mjs";

// Pieces of text, and names of special tokens in lists.
const LAYOUTS = {
  pair: (query, document) => [["[CLS]"], query, ["[SEP]"], document, ["[SEP]"]],
  roberta: (query, document) => [["<s>"], query, ["</s></s>"], document, ["</s>"]],
  judge: (query, document) => [[`<|im_start|>query: ${query}\ndocument: ${document}<|im_end|>\n`]],
};

function tokensOf(path, pieces) {
  return pieces.flatMap((piece) => {
    const [{ ids }] = Array.isArray(piece) ? ask(path, ["tokens", "--special"], piece) : ask(path, ["tokens"], [piece]);
    return ids;
  });
}

/** kind: of LAYOUTS. Returns { scores, nTokens } of the documents in their order. */
export function scoresOf(path, kind, query, documents) {
  const requests = documents.map((document) => tokensOf(path, LAYOUTS[kind](query, document)));
  const scores = ask(path, ["embed"], requests).map(({ embedding }) => embedding[0]);
  return { scores, nTokens: requests.reduce((sum, { length }) => sum + length, 0) };
}
