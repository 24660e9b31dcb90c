// code.mjs: what V8 makes of the hot loops, counted (make bench-code). usage: node tests/bench/code.mjs [LAYOUT...|attention]
// For each innermost loop that multiplies: its instructions but for loads ahead, its products (of 16 bytes, or 8 shorts) and its
// accesses of the stack, which are spills. For x64: what it counts are the names of its instructions.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const PRODUCT = /^vpmadd(ubsw|wd)\b|^vpdpbusd\b|^vmulps\b/;
const AHEAD = /^movzxbl\b/; // loads of bytes: those ahead (simd.h), most of which are passed over
const STACK = /\[(rbp|rsp)/;

/** The hot loops of the kernels that `names` measure: [{ kernel, instructions, products, spills }]. */
export function hotLoops(names) {
  const bench = fileURLToPath(new URL("kernels.mjs", import.meta.url));
  const listing = execFileSync(process.execPath, ["--print-wasm-code", "--no-liftoff", bench, ...names, "--rounds", "1"],
    { encoding: "utf8", maxBuffer: 1 << 30 });
  return listing.split("--- WebAssembly code ---").filter((part) => part.includes("compiler: TurboFan")).flatMap(loopsOf);
}

function loopsOf(part) {
  const kernel = /^name: (\S+)/m.exec(part)[1];
  const code = [...part.matchAll(/^0x[0-9a-f]+ +([0-9a-f]+) +[0-9a-f]+ +(?:REX.W )?(.*)$/gm)]
    .map(([, at, text]) => ({ at: Number.parseInt(at, 16), text }));
  const loops = code.flatMap(({ at, text }) => {
    const to = /^j\w+ 0x[0-9a-f]+ +<\+0x([0-9a-f]+)>/.exec(text)?.[1];
    return to && Number.parseInt(to, 16) < at ? [{ from: Number.parseInt(to, 16), to: at }] : [];
  });
  const innermost = loops.filter((loop) => !loops.some((other) => other !== loop && other.from >= loop.from && other.to <= loop.to));
  return innermost.map(({ from, to }) => {
    const texts = code.filter(({ at }) => at >= from && at <= to).map(({ text }) => text);
    const count = (pattern) => texts.filter((text) => pattern.test(text)).length;
    return { kernel, instructions: texts.length - count(AHEAD), products: count(PRODUCT), spills: count(STACK) };
  }).filter(({ products }) => products >= 8);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { kernel, instructions, products, spills } of hotLoops(process.argv.slice(2)))
    console.log(`${kernel.padEnd(32)} ${String(instructions).padStart(4)} instructions  ${String(products).padStart(3)} products  ` +
      `${(instructions / products).toFixed(2)} each  ${spills} of the stack`);
}
