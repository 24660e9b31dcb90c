// inspect.test.mjs: a report of a model from its header alone: what it holds, what it needs, what is unsupported and why.
import assert from "node:assert/strict";
import { open, readFile, stat } from "node:fs/promises";
import { test } from "node:test";
import { header, parse, serialise, value } from "../../models/gguf.mjs";
import { makeTiny } from "../../models/make-tiny.mjs";
import { Breath, Engine } from "../../build/sotto/engine.js";
import { chooseModule } from "../../build/sotto/features.js";
import { Header } from "../../build/sotto/header.js";
import { inspect, load } from "../../build/sotto/index.js";
import { Instance } from "../../build/sotto/instance.js";
import { compile } from "../../build/sotto/platform.js";
import { FaultServer } from "../fault-server.mjs";
import { MODEL_PATH, MODEL_URL } from "./support.mjs";

const HEADER_BYTES = 4 << 20; // more than the header has

const file = await open(MODEL_PATH);
const { buffer } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
await file.close();

/** The model's beginning, with `text` replaced behind the place where `after` stands first. */
function patched(after, text, by) {
  const bytes = Buffer.from(buffer);
  const at = bytes.indexOf(text, bytes.indexOf(after) + after.length);
  assert.ok(at > 0 && text.length === by.length);
  Buffer.from(by).copy(bytes, at);
  return bytes;
}

test("a report of a file that Sotto runs", async () => {
  const report = await inspect(buffer);
  const { name, architecture, fileBytes, types, tokenizer, hasChatTemplate, nCtxTrain, nCtx, unsupported } = report;
  assert.match(name, /^Smollm2 135M/);
  assert.deepEqual({ architecture, tokenizer, hasChatTemplate, nCtxTrain, nCtx, unsupported }, { architecture: "llama",
    tokenizer: { model: "gpt2", pre: "smollm", nTokens: 49152 }, hasChatTemplate: true, nCtxTrain: 8192, nCtx: 4096,
    unsupported: [] });
  assert.equal(fileBytes, (await stat(MODEL_PATH)).size);
  assert.deepEqual(types.map(({ name: type, nTensors }) => [type, nTensors]), [["Q8_0", 1], ["F32", 61], ["Q4_1", 210]]);
  assert.equal(types[0].bytes, 49152 * 576 / 32 * 34);
  assert.ok(Math.abs(types.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
});

test("its memory is what load() takes, but for a few MB", async () => {
  for (const options of [{ nCtx: 512 }, { nCtx: 2048, kvType: "f32" }]) {
    const { memoryBytes, nCtx } = await inspect(MODEL_URL, options);
    const model = await load(MODEL_URL, { ...options, nThreads: 1, early: true });
    const rest = model.info.memoryBytes - memoryBytes;
    assert.equal(nCtx, options.nCtx);
    assert.ok(rest > 0 && rest < 12e6, `${rest} bytes`);
    model.close();
  }
});

test("of a URL the header alone is fetched", { timeout: 60_000 }, async () => {
  const server = await new FaultServer(await readFile(MODEL_PATH)).listen();
  const { architecture, unsupported } = await inspect(server.url);
  await server.close();
  assert.deepEqual([architecture, unsupported], ["llama", []]);
  assert.ok(server.sentBytes < 4 << 20, `${server.sentBytes} bytes were sent`);
});

test("what is unsupported is named, with the rest of the report", async () => {
  const family = await inspect(patched("general.architecture", "llama", "xlama"));
  assert.equal(family.architecture, "xlama");
  assert.equal(family.memoryBytes, undefined);
  assert.deepEqual(family.unsupported.map(({ code }) => code), ["UNSUPPORTED_ARCHITECTURE"]);
  assert.match(family.unsupported[0].message, /'xlama' is not supported/);
  assert.equal(family.types.length, 3);

  const type = buffer.subarray(buffer.indexOf("token_embd.weight") + 17 + 4 + 16).subarray(0, 4);
  assert.equal(type.readUInt32LE(), 8); // Q8_0
  const unknown = await inspect(patched("token_embd.weight", type, Buffer.from([99, 0, 0, 0])));
  assert.deepEqual(unknown.unsupported.map(({ code }) => code), ["UNSUPPORTED_TYPE"]);
  assert.match(unknown.unsupported[0].message, /token_embd\.weight/);
  assert.equal(unknown.types[0].name, "unknown");

  const tokenizer = await inspect(patched("tokenizer.ggml.pre", "smollm", "smoxxm"));
  assert.deepEqual(tokenizer.unsupported.map(({ code }) => code), ["UNSUPPORTED_TOKENIZER"]);
  assert.match(tokenizer.unsupported[0].message, /the tokenizer 'gpt2' with the pre-tokenizer smoxxm/);
  assert.ok(tokenizer.memoryBytes > 0);

  const template = await inspect(patched("tokenizer.chat_template", "{% for", "{% fox"));
  assert.deepEqual(template.unsupported.map(({ code }) => code), ["TEMPLATE_ERROR"]);
  assert.ok(template.memoryBytes > 0);
});

test("all that is unsupported is named, not only the first", async () => {
  const patches = [["general.architecture", "llama", "xlama"], ["tokenizer.ggml.pre", "smollm", "smoxxm"],
    ["tokenizer.chat_template", "{% for", "{% fox"]];
  const bytes = Buffer.from(buffer);
  for (const [after, text, by] of patches) bytes.write(by, bytes.indexOf(text, bytes.indexOf(after) + after.length));
  for (const [name, type] of [["token_embd.weight", 99], ["blk.0.attn_k.weight", 98], ["blk.1.attn_k.weight", 98]]) {
    bytes.writeUInt32LE(type, bytes.indexOf(name) + name.length + 4 + 16);
  }
  const { unsupported } = await inspect(bytes);
  assert.deepEqual(unsupported.map(({ code }) => code), ["UNSUPPORTED_ARCHITECTURE", "UNSUPPORTED_TYPE", "UNSUPPORTED_TYPE",
    "UNSUPPORTED_TOKENIZER", "TEMPLATE_ERROR"]);
  const messages = [/'xlama'/, /^1 of the tensors, token_embd\.weight the first, have the type 99/,
    /^2 of the tensors, blk\.0\.attn_k\.weight the first, have the type 98/, /'gpt2' with the pre-tokenizer smoxxm/];
  messages.forEach((message, i) => assert.match(unsupported[i].message, message));
});

test("what holds no model, and what keeps a family out, are told in a sentence", async () => {
  const file = parse(makeTiny("llama"));
  const messageOf = async (architecture, key, number) => {
    const keys = new Map([...file.keys, ["general.architecture", value.string(architecture)], [key, value.u32(number)]]);
    const [{ code, message }] = (await inspect(serialise({ ...file, keys }))).unsupported;
    assert.equal(code, "UNSUPPORTED_ARCHITECTURE");
    return message;
  };
  const recurrent = { "mamba": "ssm.conv_kernel", "rwkv7": "wkv.head_size", "jamba": "ssm.conv_kernel", "plamo2": "ssm.conv_kernel",
    "granitehybrid": "ssm.conv_kernel", "nemotron_h": "ssm.conv_kernel", "falcon-h1": "ssm.conv_kernel", "lfm2": "shortconv.l_cache" };
  for (const [name, key] of Object.entries(recurrent)) {
    assert.match(await messageOf(name, `${name}.${key}`, 4), new RegExp(`'${name}' is not supported: .* a recurrent state \\(`));
  }
  assert.match(await messageOf("xlama", "xlama.ssm.conv_kernel", 0), /'xlama' is not supported \(/);
  assert.match(await messageOf("deepseek2", "deepseek2.attention.kv_lora_rank", 512), /latent vectors/);
  assert.match(await messageOf("t5", "t5.attention.relative_buckets_count", 32), /an encoder and a decoder/);
  const adapter = new Map([...file.keys, ["general.type", value.string("adapter")]]);
  assert.match((await inspect(serialise({ ...file, keys: adapter }))).unsupported[0].message, /holds an adapter \(LoRA\), and no model/);
});

test("sizes that differ from layer to layer are checked one by one", async () => {
  const file = parse(makeTiny("openelm"));
  const firstOf = async (name, numbers) => {
    const keys = new Map([...file.keys, [`openelm.${name}`, value.i32s(numbers)]]);
    return (await inspect(serialise({ ...file, keys }))).unsupported[0];
  };
  assert.equal((await firstOf("feed_forward_length", [24, 64, 33])).code, "UNSUPPORTED_TOKENIZER"); // as they are
  const lacks = await firstOf("feed_forward_length", [24, 0, 33]);
  assert.equal(lacks.code, "UNSUPPORTED_ARCHITECTURE");
  assert.match(lacks.message, /^openelm\.feed_forward_length is 0 for layer 1: layers that lack/);
  for (const [name, numbers, code] of [["feed_forward_length", [24, 64], "MALFORMED"], ["attention.head_count", [2, -6, 3], "MALFORMED"],
    ["attention.head_count_kv", [1, 65537, 3], "MALFORMED"], ["attention.head_count_kv", [1, 4, 3], "UNSUPPORTED_ARCHITECTURE"],
    ["attention.head_count_kv", [1, 3, 3], "SHAPE_MISMATCH"]]) {
    assert.equal((await firstOf(name, numbers)).code, code, `${name} ${numbers}`);
  }
});

// ---- beyond 4 GB ----

test("a file beyond 4 GB: its bytes, their shares, and what it would need", async () => {
  const [F32, F16, N_LAYERS, N_EMBD, N_FF, N_VOCAB] = [0, 1, 32, 4096, 14336, 128256]; // Llama 3's 8 billion
  const tensors = new Map();
  const add = (name, type, ...dims) => {
    const length = dims.reduce((product, n) => product * n) * (type === F16 ? 2 : 4);
    tensors.set(`${name}.weight`, { dims, type, data: { length } });
  };
  add("token_embd", F16, N_EMBD, N_VOCAB);
  for (let i = 0; i < N_LAYERS; i++) {
    for (const name of ["attn_norm", "ffn_norm"]) add(`blk.${i}.${name}`, F32, N_EMBD);
    for (const name of ["attn_q", "attn_output"]) add(`blk.${i}.${name}`, F16, N_EMBD, N_EMBD);
    for (const name of ["attn_k", "attn_v"]) add(`blk.${i}.${name}`, F16, N_EMBD, N_EMBD / 4);
    for (const name of ["ffn_gate", "ffn_up"]) add(`blk.${i}.${name}`, F16, N_EMBD, N_FF);
    add(`blk.${i}.ffn_down`, F16, N_FF, N_EMBD);
  }
  add("output_norm", F32, N_EMBD);
  add("output", F16, N_EMBD, N_VOCAB);
  const { u32, f32, string } = value;
  const keys = new Map([["general.architecture", string("llama")], ["tokenizer.ggml.model", string("none")],
    ["llama.attention.layer_norm_rms_epsilon", f32(1e-5)], ...Object.entries({ block_count: N_LAYERS,
      embedding_length: N_EMBD, feed_forward_length: N_FF, context_length: 8192, "attention.head_count": 32,
      "attention.head_count_kv": 8 }).map(([name, number]) => [`llama.${name}`, u32(number)])]);
  const bytes = header({ keys, tensors });
  const dataBytes = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  const report = await inspect(bytes);
  assert.ok(dataBytes > 3 * 2 ** 32);
  assert.equal(report.fileBytes, bytes.length + dataBytes);
  assert.deepEqual(report.types.map(({ name, nTensors, bytes: n }) => [name, nTensors, n]),
    [["F16", 226, dataBytes - 65 * 4 * N_EMBD], ["F32", 65, 65 * 4 * N_EMBD]]);
  assert.ok(Math.abs(report.types[1].share - 65 * 4 * N_EMBD / dataBytes) < 1e-12);
  assert.deepEqual(report.unsupported.map(({ code }) => code), ["OUT_OF_MEMORY", "UNSUPPORTED_TOKENIZER"]);
  assert.match(report.unsupported[0].message, /needs 160\d{8} bytes of memory/);
});

test("tensors that lie beyond 4 GB are read from where they are", async () => {
  const GAP = 5n << 30n;
  const module = await compile(chooseModule({ nThreads: 1 }).url);
  const [near, far] = [makeTiny("llama"), makeTiny("llama")];
  const scanned = new Header(Instance.create(module, { shared: false }));
  scanned.accept(far);
  const entries = scanned.entries();
  for (const { bytes, fileOffset, dataBegin } of entries) { // an entry ends with its offset
    far.writeBigUInt64LE(GAP + BigInt(fileOffset - dataBegin), far.indexOf(bytes) + bytes.length - 8);
  }
  const { dataBegin } = entries[0];
  async function* chunks(bytes, gap) {
    yield { offset: 0, bytes: bytes.subarray(0, dataBegin), totalBytes: bytes.length + gap };
    yield { offset: dataBegin + gap, bytes: bytes.subarray(dataBegin), totalBytes: bytes.length + gap };
  }
  const logits = async (bytes, gap) => {
    const engine = await Engine.open(module, chunks(bytes, gap), { nThreads: 1, level: "simd128", nCtx: 64 });
    await engine.ready;
    let found;
    await engine.eachLogits([1, 2, 3], { breath: new Breath() }, (_, row) => { found = row.slice(); });
    return found;
  };
  assert.deepEqual(await logits(far, Number(GAP)), await logits(near, 0));
  assert.equal((await inspect(far)).fileBytes, near.length + Number(GAP));
});

test("what is no model, ends too early or is asked for wrongly rejects", async () => {
  await assert.rejects(inspect(Buffer.from("no model")), { code: "NOT_GGUF" });
  await assert.rejects(inspect(buffer.subarray(0, 1000)), { code: "TRUNCATED" });
  await assert.rejects(inspect(MODEL_URL, { nBatch: 1 }), { code: "INVALID_ARGUMENT" });
  await assert.rejects(inspect(MODEL_URL, { signal: AbortSignal.abort() }), { code: "ABORTED" });
});
