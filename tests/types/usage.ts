// usage.ts: the API as people use it; `tsc --noEmit --strict` must accept it, and refuse what is marked.
import { SottoError, estimate, features, forget, importFile, inspect, kept, keptFile, load } from "../../web/lib/index.js";
import type { ChatCompletion, ChatMessage, CompletionStream, LoadOptions, Model } from "../../web/lib/index.js";

const options: LoadOptions = {
  nCtx: 2048, kvType: "f16", level: "relaxed", signal: new AbortController().signal,
  keep: false, persist: true,
  onProgress: ({ phase, loadedBytes, totalBytes }) => console.log(phase, loadedBytes / (totalBytes ?? loadedBytes)),
};

export async function everySource(file: File, stream: ReadableStream<Uint8Array>): Promise<Model[]> {
  const sources = ["model.gguf", new URL("https://example.org/model.gguf"), file, stream, new ArrayBuffer(8)];
  return Promise.all(sources.map((source) => load(source, options)));
}

export async function fits(url: URL): Promise<boolean> {
  const { memoryBytes, types, unsupported } = await inspect(url, { nCtx: 8192, kvType: "f16" });
  for (const { code, message } of unsupported) console.warn(code, message);
  return types[0].share < 1 && memoryBytes !== undefined && memoryBytes < 1e9;
}

export async function isWorthIt(url: URL): Promise<boolean> {
  const { problems, tokensPerSecond, readySeconds, bandwidth } = await estimate(url, { nCtx: 8192 });
  for (const { code, message } of problems) console.warn(code, message, bandwidth?.from);
  return tokensPerSecond !== undefined && tokensPerSecond.decode > 5 && (readySeconds ?? Infinity) < 60;
}

export async function early(): Promise<void> {
  const model = await load("model.gguf", { early: true });
  if (model.info.storage !== "cache" && model.info.storageProblem?.code === "QUOTA") console.warn("no room");
  const nothing: void = await model.ready;
  return nothing;
}

export async function chat(model: Model): Promise<string> {
  const messages: ChatMessage[] = [{ role: "user", content: "Hello" }];
  const options = { messages, seed: 1, stop: ["\n"], logprobs: true };
  const whole: ChatCompletion = await model.chat.completions.create({ ...options, stream: false });
  const stream = await model.chat.completions.create({ messages, stream: true });
  let text = whole.choices[0].message.content;
  for await (const chunk of stream) {
    text += chunk.choices[0].delta.content ?? "";
    if (chunk.usage) text += chunk.usage.prompt_tokens_details.cached_tokens;
  }
  stream.abort();
  return text;
}

export async function callTools(model: Model): Promise<string> {
  const tool_calls = [{ id: "1", function: { name: "now", arguments: "{}" } }];
  const messages: ChatMessage[] = [{ role: "user", content: "What time is it?" }, { role: "assistant", tool_calls },
    { role: "tool", tool_call_id: "1", content: "noon" }];
  const tools = [{ type: "function" as const, function: { name: "now" } }];
  const options = { tools, tool_choice: "auto" as const, enable_thinking: true, chat_template_kwargs: { level: 1 } };
  const { choices: [{ message }] } = await model.chat.completions.create({ messages, ...options, stream: false });
  return message.reasoning_content ?? message.content;
}

export async function complete(model: Model): Promise<number> {
  const whole = await model.completions.create({ prompt: "Once", max_tokens: 8, logprobs: 2 });
  const prompt = Int32Array.of(1, 2);
  const stream = await model.completions.create({ prompt, stream: true, logit_bias: { 5: -Infinity } });
  const readable: ReadableStream = stream.toReadableStream();
  await readable.cancel();
  return whole.choices[0].logprobs?.token_logprobs[0] ?? 0;
}

export async function bring(file: File): Promise<Model> {
  const url: string = await importFile(file, {
    persist: true,
    onProgress: ({ loadedBytes, totalBytes }) => console.log(loadedBytes / totalBytes),
  });
  return load(url);
}

export async function makeRoom(): Promise<void> {
  for (const { url, bytes, totalBytes, verified, lastUsed } of await kept()) {
    const file: File | undefined = await keptFile(url);
    if (bytes === totalBytes && verified && lastUsed < new Date(2020, 0)) await forget(url);
    else console.log(file?.size);
  }
}

// The caller's own wrapper, which does not know whether it streams.
export function either(model: Model, stream: boolean): Promise<ChatCompletion | CompletionStream<unknown>> {
  return model.chat.completions.create({ messages: [], stream });
}

export async function tokens(model: Model): Promise<Float32Array> {
  const ids: number[] = await model.tokenize("Hello", { special: true, bos: true });
  const text: string = await model.detokenize(ids, { special: true });
  console.log(text, features().relaxed, model.info.nCtx);
  model.close();
  return model.logits(ids, { all: true });
}

export function explain(error: unknown): string {
  if (error instanceof SottoError && error.code === "OUT_OF_MEMORY") return error.message;
  // @ts-expect-error a code that does not exist
  if (error instanceof SottoError && error.code === "OUT_OF_LUCK") return error.message;
  return String(error);
}

export function wrong(model: Model): void {
  // @ts-expect-error a source needs bytes
  void load(42);
  // @ts-expect-error a misspelt option
  void load("model.gguf", { ncTX: 1 });
  // @ts-expect-error messages are needed
  void model.chat.completions.create({});
  // @ts-expect-error the information is read-only
  model.info.nCtx = 1;
}
