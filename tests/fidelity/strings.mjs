// strings.mjs: texts that are hard on a tokenizer: a list of our own, a few very long ones, and random mixtures.
import { mulberry32 } from "./statistics.mjs";

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => String.fromCodePoint(first + i));

const SPACES = [" ", "\t", "\n", "\r", "\r\n", "\v", "\f", "\u0085", "\u00a0", "\u1680", ...range(0x2000, 0x200a),
  "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"];
const INVISIBLE = ["\u00ad", "\u034f", "\u061c", "\u180e", ...range(0x200b, 0x200f), ...range(0x202a, 0x202e), "\u2060",
  "\u2066", "\u2069", "\ufe0f", "\ufeff", "\u{e0001}", "\u{e0020}", "\u{e007f}", "\u{e0100}"];
const CONTROLS = [...range(0, 0x1f), "\x7f", ...range(0x80, 0x9f)];
const NOT_CHARACTERS = ["\ufffd", "\ufffe", "\uffff", "\ufdd0", "\ue000", "\uf8ff", "\u{f0000}", "\u{10ffff}", "\u0378",
  "\u{e0fff}"];
const SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<reponame>", "<file_sep>",
  "<filename>", "<gh_stars>", "<issue_start>", "<issue_comment>", "<jupyter_start>", "<jupyter_code>",
  "<empty_output>", "<bos>", "<eos>", "<pad>", "<unk>", "<mask>", "<2mass>", "[@BOS@]", "<start_of_turn>",
  "<end_of_turn>", "<start_of_image>", "<unused0>", "<unused99>", "[multimodal]", "<s>", "</s>", "<table>", "</table>",
  "<h1>", "</h1>", "<code>", "<0x0A>", "<0xE2>", "<|eot_id|>", "<|end|>", "[CLS]", "[SEP]",
  "[MASK]", "<｜begin▁of▁sentence｜>", "<｜fim▁hole｜>", "<|START_OF_TURN_TOKEN|>", "<|turn>", "<|fim_prefix|>", "<|plamo:eos|>",
  "<dna>", "</dna>", "<dna>ACGTacgtNCCCCCCA</dna>", "<oov>"];

// Zero to nine in scripts that have digits of their own; and numbers that are no digits.
const DIGITS = [0x30, 0x660, 0x6f0, 0x966, 0x9e6, 0xbe6, 0xe50, 0xf20, 0x17e0, 0xff10, 0x1d7ce, 0x1fbf0]
  .map((zero) => range(zero, zero + 9));
const NUMBERS = [..."²³¹⁰₀₉¼½⅓⅔Ⅳⅻↀ①⑳❶〇一二三㈠㊿፩௰𐄇𝟘"];

const SCRIPTS = ["Straße Ærø naïve façade Ångström œuvre ĳsselmeer Ǆ ǅ ǆ ŉ ſ ß ẞ İ ı", "Ελληνικά ΐ ᾳ Ὠ",
  "Русский Ѣ ӂ Ԥ їжак", "Հայերեն և", "עברית שָׁלוֹם ׳״", "العربيّة مُحَمَّد ﷺ لا ـــ", "فارسی می‌خواهم",
  "हिन्दी क्षत्रिय ज्ञ कि की क़", "বাংলা ক্ষ", "தமிழ் ஸ்ரீ", "മലയാളം ൻ", "ภาษาไทย น้ำ กำแพง", "ລາວ", "བོད་སྐད་",
  "မြန်မာ", "ქართული ᲒᲐ", "አማርኛ፡፡", "ខ្មែរ", "ᠮᠣᠩᠭᠣᠯ", "ᏣᎳᎩ ꮳ", "ⴰⵎⴰⵣⵉⵖ", "中文，简体。繁體「引號」", "日本語のテキスト、カタカナ・ひらがな ｶﾞ ー",
  "한국어 조합 ㄱㅏ 각", "𠀀𠮷野家 𰻞", "𝕬𝖇𝖈 𝓧 ℵ ℝ", "𓀀𓂀 𐎠𐎡 𐐷 𞤀", "Tiếng Việt ệ ữ"];
const MARKS = ["e\u0301", "é", "e\u0301\u0301\u0323", "\u0301", " \u0301x",
  "Z\u0351\u036b\u0343a\u0329l\u0348g\u0334o\u0322", "n\u0303o\u0308", "\u1112\u1161\u11ab", "ï\u0308", "a\u20dd",
  "x\u0305\u0332"];
const EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "🇩", "1️⃣#️⃣", "❤️", "❤", "👩🏿‍🚀", "🫠🪿", "☺︎", "🚀 🚀🚀\n🚀",
  "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}"];
const SYMBOLS = [..."!?.,;:-–—…'\"`´‘’“”«»()[]{}<>@#$%^&*+=|\\/~_§¶†‡•°©®™€£¥₹¤±×÷≤≠∞√∑∂→⇒↦│┌█░■◆★☃♪✓⠿"];

const CONTRACTIONS = ["I'm you're he's we've she'll they'd don't", "I'M YOU'RE HE'S WE'VE SHE'LL THEY'D DON'T",
  "'s't're've'm'll'd", "'S'T'RE'VE'M'LL'D'Ve'lL", "it’s isn’t", "''s '''s", "' s", "rock'n'roll o'clock 'tis", "x'sy",
  "'sab", "l'été d'or", "'ſ 'K"];
const ENGLISH = ["Hello", " Hello", "  Hello", "Hello world", "Hello, world!", " Hello, world! ", "HELLO", "hElLo",
  "a", " a", "a ", "", "The quick brown fox jumps over the lazy dog.", "one\ntwo\n\nthree\n\n\nfour",
  "antidisestablishmentarianism", "Dr. Smith's \"well-known\" e-mail: 3.14 (approx.), isn't it?!",
  "CamelCaseAndSNAKE_CASE_and-kebab-case", "ab ab  ab   ab"];
const WEB = ["https://user:pw@example.com:8080/a/b.html?q=1&r=%20x#frag", "www.example.co.uk",
  "me+tag@mail.example.org", "C:\\Users\\x\\y.txt", "~/.config/a-b_c", "192.168.0.1/24 ::1 fe80::1%eth0",
  "2026-11-26T00:51:40.123Z", "+49 (0)30 1234-5678", "$1,234,567.89 €1.234,50 50% 3/4"];
export const CODE = [
  "def f(x: int) -> str:\n    return f\"{x!r:>10}\"  # 4 spaces\n\n\nclass A(B):\n\tpass\n",
  "int main(void) {\n\tfor (int i = 0; i < 10; i++)\n\t\tprintf(\"%d\\n\", a[i]->b.c & ~0x7fUL);\n}\n",
  "const f = async ({ a, ...b }) => (await a?.b ?? `${b}\\n`);\r\n// end\r\n",
  "<!DOCTYPE html>\n<table><tr><td colspan=\"2\">&nbsp;</td></tr></table>\n<h1>Title</h1>\n",
  "SELECT * FROM t WHERE a <> 'b''c' AND d IS NOT NULL; -- x",
  "fn main() { let x: Vec<&'static str> = vec![\"a\"; 3]; println!(\"{:?}\", x); }",
  "#!/bin/sh\nset -eu; for f in *.txt; do cat \"$f\" | sed 's/a\\/b/c/g' >> /dev/null 2>&1; done",
  "{\"a\":[1,-2.5e-10,null,true],\"b\":\"\\u00e9\\n\"}", "a&&b||!c?d:e<=f>>>3**2//4%5^6",
  "x86_64-linux-gnu v1.2.3-rc.4+build.5",
  "\\frac{\\partial f}{\\partial x} = \\sum_{i=0}^{n} x_i^2", "| a | b |\n|---|:-:|\n| 1 | **2** |\n",
  "- [ ] todo\n  - [x] done\n1. one\n\n> quote\n***",
];

function spaceTexts() {
  const around = SPACES.flatMap((s) => [s, `a${s}b`, `a${s}${s}b`, ` ${s}a`, `${s} a`, `1${s}2`, `.${s}.`, `a${s}`]);
  const counts = [2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100];
  const runs = [" ", "\n", "\t", "\r\n"].flatMap((s) => counts.map((n) => s.repeat(n))).flatMap((run) => [run,
    `a${run}b`]);
  const mixed = [" \n", "\n ", " \n \n", "\n\n \n", "\t \t", "a \n b", "a\n\n  b", "a \t\n\r\n b", "\r\r\n\n\r",
    "  \n  a\n    b\n\n", ".\n", "!\r\n\r\n", "; \n\n", "a  \u00a0 b", "\u3000\u3000a", " \u2028 \u2029 ",
    SPACES.join(""), SPACES.join("x")];
  return [...around, ...runs, ...mixed];
}

function numberTexts() {
  const counts = [1, 2, 3, 4, 5, 6, 7, 10, 13];
  const runs = counts.map((n) => "123456789012345".slice(0, n)).flatMap((run) => [run, ` ${run}`, `a${run}b`]);
  const scripts = DIGITS.flatMap((d) => [d.join(""), ` ${d.slice(0, 4).join("")} ${d[1]}`, `a${d[7]}${d[8]}.${d[9]}`]);
  return [...runs, ...scripts, NUMBERS.join(""), NUMBERS.join(" "), "1 000 000", "0x1F 1e-5 1_000 3² ½kg",
    "٣٫١٤ 3٬000"];
}

function specialTexts() {
  const single = SPECIALS.flatMap((token) =>
    [token, ` ${token} `, `a${token}b`, token.slice(0, -1), token.slice(1), token + token]);
  const mixed = ["<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    "<bos><start_of_turn>user\nHi<end_of_turn>\n", "<|im_<|im_start|>start|>", "<|im_start|<|im_end|>",
    "<<|endoftext|>>", "<|endoftext|><|endoftext|> <|endoftext|>\n", "<bos> <bos>\n<eos><bos>", "< |im_start|>",
    "<|im_start |>", "<|IM_START|>", "\n<h1>\n\n</h1>\n", "<table><table/></table >", "<unused0><unused00><unused100>",
    "<0x0A><0x0a><0xGG><0x0", "▁", "▁▁", " ▁ ▁▁", "▁a▁▁b", "a ▁", "Ġ", "ĠHello", "Ċ", "âĢĻ", "[@BOS@][@BOS",
    SPECIALS.join(""), SPECIALS.join(" "), SPECIALS.join("\n")];
  return [...single, ...mixed];
}

function characterTexts() {
  const single = [...INVISIBLE, ...CONTROLS, ...NOT_CHARACTERS].flatMap((char) => [char, `a${char}b`]);
  const symbols = SYMBOLS.flatMap((symbol) => [symbol, ` ${symbol}a`, symbol.repeat(3)]);
  const lists = [...MARKS, ...EMOJI, ...SCRIPTS, SCRIPTS.join("\n"), EMOJI.join(""), MARKS.join(" "), SYMBOLS.join("")];
  return [...single, ...symbols, ...lists, CONTROLS.join("")];
}

const unique = (texts) => [...new Set(texts)];

/** More than a thousand short texts. */
export const HARD = unique([...ENGLISH, ...CONTRACTIONS, ...spaceTexts(), ...numberTexts(), ...specialTexts(),
  ...characterTexts(), ...CODE, ...WEB]);

/** Texts that are hard because they are long. */
export const LONG = [
  ...["a", "é", "ab", "日", "1", " ", "\n", "\t", "▁", "!", "=", "'", "<", "👍🏽", "e\u0301", "\0", "\r\n", " a", " \n",
    "<h1>", "<bos>"].map((text) => text.repeat(10_000 / text.length)),
  `${"x".repeat(9_999)} y`, `a${" ".repeat(9_999)}b`, SCRIPTS.join(" ").repeat(20), CODE.join("\n").repeat(10),
];

const ALPHABETS = [
  ...[[0x61, 0x7a], [0x41, 0x7a], [0x20, 0x7e], [0xa0, 0xff], [0x100, 0x24f], [0x370, 0x3ff], [0x400, 0x52f],
    [0x591, 0x5f4], [0x600, 0x6ff], [0x900, 0x97f], [0xb80, 0xbff], [0xe00, 0xe7f], [0x1100, 0x11ff], [0x1e00, 0x1fff],
    [0x2000, 0x206f], [0x2070, 0x218f], [0x2190, 0x27bf], [0x3000, 0x30ff], [0x4e00, 0x4fff], [0xac00, 0xacff],
    [0xfb00, 0xfdff], [0xfe00, 0xffef], [0x1d400, 0x1d7ff], [0x1f1e6, 0x1f1ff], [0x1f300, 0x1f6ff], [0x20000, 0x200ff],
    [0, 0xd7ff], [0x1680, 0x1cff], [0xa000, 0xabff], [0xe000, 0xffff], [0x10000, 0x1ffff], [0x20000, 0x323af],
    [0xe0000, 0xe01ef]].map(([first, last]) => range(first, last)),
  SPACES, [" "], ["\n"], [" ", "\n", "\t"], INVISIBLE, CONTROLS, NOT_CHARACTERS, ...DIGITS, DIGITS[0], NUMBERS, MARKS,
  EMOJI, SYMBOLS, ["'", "’"], ["▁", " "],
];
const WORDS = [...CONTRACTIONS, ...ENGLISH, ...SCRIPTS, ...CODE, ...WEB].join(" ").split(/(?<= )/);

// What UTF-8 does not allow: bytes that are no beginning or have no end, overlong forms, surrogates.
const BROKEN = ["80", "bf", "c3", "c328", "e282", "e296", "f09f98", "c080", "c181", "e08080", "eda080", "edb080", "f08080af",
  "f888808080", "fe", "ff", "ffffff", "efbfbd"].map((bytes) => Buffer.from(bytes, "hex"));
// Bytes of which llama.cpp dies: characters beyond U+10FFFF, overlong spaces.
const DEADLY = /\xf4[\x90-\xbf][\x80-\xbf]{2}|[\xf5-\xf7][\x80-\xbf]{3}|(?:\xc0|\xe0\x80|\xf0\x80\x80)\xa0/;

/** n mixtures of scripts, words, spaces and pieces of special tokens, as bytes; one in four has broken characters. The
 *  same ones each time. */
export function randomTexts(n) {
  const random = mulberry32(1);
  const below = (limit) => Math.floor(random() * limit);
  const oneOf = (list) => list[below(list.length)];
  const many = (make) => Array.from({ length: 1 + below(below(20) ? 6 : 60) }, make).join("");
  const letters = () => {
    const alphabet = oneOf(ALPHABETS);
    return many(() => oneOf(alphabet));
  };
  const special = () => {
    const token = oneOf(SPECIALS);
    const cut = below(4) ? token.length : below(token.length);
    return below(2) ? token.slice(0, cut) : token.slice(-cut);
  };
  const word = () => oneOf(WORDS);
  const pieces = [letters, letters, letters, letters, word, word, special, () => oneOf(SPACES)];
  const piece = () => oneOf(pieces)();
  const breakOnce = (bytes) => {
    const at = below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), ...(below(3) ? [oneOf(BROKEN)] : []), bytes.subarray(at + below(3))]);
  };
  const text = () => Buffer.from(piece() + many(piece));
  const broken = () => {
    const bytes = Array.from({ length: 1 + below(4) }).reduce(breakOnce, text());
    return DEADLY.test(bytes.toString("latin1")) ? broken() : bytes;
  };
  return Array.from({ length: n }, () => (below(4) ? text() : broken()));
}
