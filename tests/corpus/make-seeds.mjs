// make-seeds.mjs: writes a small file of each model in models/make-tiny.mjs, for the fuzzer of GGUF files to go astray from:
// node tests/corpus/make-seeds.mjs FOLDER (`make fuzz` does).
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ENCODERS, MODELS, makeTiny } from "../../models/make-tiny.mjs";

const [folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
for (const [name, { nLayers = 2, nKvHeads = 2, experts = null, hasDenseLayers }] of Object.entries({ ...MODELS, ...ENCODERS })) {
  const few = experts && { ...experts, n: Math.min(experts.n, 4), nUsed: Math.min(experts.nUsed, 2), nFf: 8 };
  const sizes = { nLayers: Math.min(nLayers, 3), nHeads: 2, nKvHeads: Math.min(nKvHeads, 2), nEmbd: hasDenseLayers ? 32 : 16 };
  writeFileSync(join(folder, `${name.replace(":", "-")}.gguf`), makeTiny(name, { ...sizes, experts: few }));
}
