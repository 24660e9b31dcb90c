// index.d.ts: the types of the public API, and its reference.

/** Where a model file comes from. In Node a path is a URL, too: pathToFileURL(path). */
export type ModelSource = string | URL | Blob | ReadableStream<Uint8Array> | ArrayBuffer | ArrayBufferView | ModelParts;

/**
 * A split model, all parts in their order. Of an address that ends in "-00001-of-00003.gguf", say, the others are known:
 * one is enough.
 */
export type ModelParts = readonly (string | URL | Blob)[];

export interface LoadProgress {
  /** What is arriving: the file's header, its weights; or all is there. Waiting: another tab is fetching this file. */
  phase: "waiting" | "header" | "weights" | "ready";
  /** Bytes of the file that have arrived. */
  loadedBytes: number;
  /** Bytes of the file; undefined while nobody knows. */
  totalBytes: number | undefined;
}

export interface LoadOptions {
  /** Tokens that a prompt and its answer may have together. Default: the model's own, but at most 4,096. */
  nCtx?: number;
  /** When memory is refused: try half the context, down to 512 tokens; ModelInfo.nCtx tells. Default: false. */
  shrinkContext?: boolean;
  /** Prompt tokens that are computed together. Changes the speed, never the result. */
  nBatch?: number;
  /** Type of the cache of keys and values. Default: "int8", half as large as "f16", a little less exact. */
  kvType?: "f16" | "f32" | "int8";
  /** Threads that compute. Default: half the cores, at most 4; where memory cannot be shared, always 1. */
  nThreads?: number;
  /** Kernels. Default: the best that this engine has. The results are the same bits. */
  level?: Level;
  /**
   * true: the model is given when the file's header has been read, and takes requests while its weights arrive: a prompt
   * is computed layer by layer as they do, and the answer begins when the last ones are there. Default: false.
   */
  early?: boolean;
  /** Ends the loading. */
  signal?: AbortSignal;
  /** Goes on until all weights have arrived, also when the model is given early. */
  onProgress?: (progress: LoadProgress) => void;
  /** HTTP headers for a source that is a URL. */
  headers?: Record<string, string>;
  /**
   * Keep a file from a URL in the browser's storage (OPFS, or else the Cache API), so that a download that ends early goes
   * on where it was, and one that is whole is never repeated: it loads offline, and is not compared with the server's again
   * (see forget). Default: true. Where there is no such storage or no room in it, loading goes on without: see
   * ModelInfo.storage.
   */
  keep?: boolean;
  /**
   * Ask the browser to delete nothing of this site on its own, also where it then asks the person (Firefox). Default: false,
   * only where nobody is asked.
   */
  persist?: boolean;
  /**
   * The file's SHA-256 in 64 hexadecimal digits. It is computed beside the loading, which does not wait for it: until it is
   * known answers say verified: false, and a wrong one fails whatever is under way with CHECKSUM, drops what was kept, and
   * fails every later request. Default: what Hugging Face's JSON interface tells, for a file that comes from there.
   * Bytes come in the order in which the model needs them only where they can be read again from storage; elsewhere a file
   * that is hashed comes in its own order. A stream is hashed on the thread that called load. Not for split models.
   */
  sha256?: string;
  /** Address of compute-worker.js, when it is not beside index.js. */
  workerUrl?: string | URL;
  /** Address of io-worker.js. */
  ioWorkerUrl?: string | URL;
  /** Address of the folder with the sotto-*.wasm modules, or of one module. */
  wasmUrl?: string | URL;
}

export type Level = "scalar" | "simd128" | "relaxed" | "dot";

export interface ModelInfo {
  readonly name: string;
  readonly architecture: string;
  /** Kernels in use. */
  readonly level: Level;
  readonly nThreads: number;
  readonly nParameters: number;
  /** Tokens that a prompt and its answer may have together. */
  readonly nCtx: number;
  /** Tokens that the model was trained for. */
  readonly nCtxTrain: number;
  readonly nVocab: number;
  readonly nLayers: number;
  readonly nEmbd: number;
  /** Token ids; -1 when the file names none. */
  readonly bosToken: number;
  readonly eosToken: number;
  readonly eotToken: number;
  /** False: the file's tokenizer is unknown; only token ids can be used. */
  readonly canTokenize: boolean;
  /** False: the file names no template, and chat is written in ChatML, with a warning on the console. */
  readonly hasChatTemplate: boolean;
  readonly fileBytes: number;
  /** Bytes of the weights in memory. */
  readonly weightBytes: number;
  /** Bytes of all memory of the engine. */
  readonly memoryBytes: number;
  /** Where the file is kept: in the origin private file system, in the Cache API, or nowhere: it is in memory alone. */
  readonly storage: "opfs" | "cache" | "memory";
  /**
   * Why a file from a URL is not kept, or only some of it: QUOTA (what is there stays) or STORAGE_REFUSED. The loading went
   * on without. Null: it is kept, or LoadOptions.keep is false.
   */
  readonly storageProblem: SottoError | null;
  /** Whether the file's SHA-256 is known to be right: compared now, or when the file that is kept was fetched. */
  readonly verified: boolean;
}

export interface KeptModel {
  /** Without name, password, and parameters that look like a token or signature: these are not stored. */
  readonly url: string;
  /** How much of it is there. */
  readonly bytes: number;
  /** Undefined while nobody knows. */
  readonly totalBytes: number | undefined;
  /** Whether its SHA-256 has been compared, and was right. */
  readonly verified: boolean;
  readonly lastUsed: Date;
}

/** What this site keeps of model files. A file that is being fetched may be missing. */
export function kept(): Promise<KeptModel[]>;

/** Deletes what is kept of a model file; waits until no tab is loading it. */
export function forget(url: string | URL): Promise<void>;

/**
 * The file that is kept of a URL, to be written to the person's disk, say: it stays in storage and is read as it is used.
 * Undefined unless all of it is there; STORAGE_REFUSED where the browser keeps nothing.
 */
export function keptFile(url: string | URL): Promise<File | undefined>;

/**
 * Keeps a file of the person's as what a URL gives: load(url) then needs no network, and kept(), keptFile() and forget() know
 * it. Resolves to the URL; by default one is made up of the file's name, so that the parts of a split model find each other.
 * What was kept of that URL is replaced. Rejects with NOT_GGUF, and where there is no storage, or not enough, with
 * STORAGE_REFUSED or QUOTA. Nothing is evicted to make room: that is for the page to decide, for instance like this:
 *
 *     const oldest = (await kept()).sort((a, b) => a.lastUsed - b.lastUsed);
 *     while (oldest.length > 0 && (await estimate(url)).fitsStorage === false) await forget(oldest.shift().url);
 */
export function importFile(file: Blob, options?: {
  url?: string | URL;
  onProgress?: (progress: { loadedBytes: number; totalBytes: number }) => void;
  signal?: AbortSignal;
  /** As of load. */
  persist?: boolean;
  /** As of load. */
  ioWorkerUrl?: string | URL;
}): Promise<string>;

export interface Estimate {
  readonly fileBytes: number;
  /** What is left to fetch: the file without what is kept of it. */
  readonly fetchBytes: number;
  /** What the browser gives this site on its disk; undefined where nobody tells. */
  readonly freeBytes: number | undefined;
  readonly fitsStorage: boolean | undefined;
  /** Bytes of all memory of the engine, for this context. Undefined: load would fail. */
  readonly memoryBytes: number | undefined;
  /** The context that memoryBytes is for, in tokens. */
  readonly nCtx: number | undefined;
  /**
   * Expected of this device, at the beginning of a context: of a prompt, of an answer (an encoder gives none). The engine
   * computes the model's first layers for some 200 ms, without their weights, and is timed.
   */
  readonly tokensPerSecond: { readonly prefill: number; readonly decode: number } | undefined;
  /**
   * What readySeconds reckons with, and where it is from: the header's own request, or what the browser tells
   * (navigator.connection). Both are rather too low than too high. Undefined: nothing is to be fetched.
   */
  readonly bandwidth: { readonly bytesPerSecond: number; readonly from: "header" | "browser" } | undefined;
  /** From load() to a model that is ready: the longer of the download and of what the engine does with its bytes. */
  readonly readySeconds: number | undefined;
  /**
   * All that is known against the model. With memoryBytes undefined the first one is what load would reject with; the
   * others cost less: a chat template that cannot be read, say, or QUOTA, with which the file is fetched anew each time.
   */
  readonly problems: readonly SottoError[];
}

/**
 * What a model would take of this device. Fetches the file's header alone (of a split model, those of all parts; and up to
 * some MB more, as far as the network was ahead), and of a file that is kept nothing; takes the memory that load would take,
 * and gives it back.
 */
export function estimate(url: string | URL, options?: Pick<LoadOptions, "nCtx" | "shrinkContext" | "nBatch" | "kvType" |
  "nThreads" | "level" | "headers" | "workerUrl" | "ioWorkerUrl" | "wasmUrl" | "signal">): Promise<Estimate>;

/** Loads a GGUF file. */
export function load(source: ModelSource, options?: LoadOptions): Promise<Model>;

/** Reads a file's header alone: of a URL a few MB are fetched, and nothing is kept. A file that is no GGUF rejects. */
export function inspect(source: ModelSource, options?: InspectOptions): Promise<ModelReport>;

export type InspectOptions =
  Pick<LoadOptions, "nCtx" | "kvType" | "headers" | "workerUrl" | "ioWorkerUrl" | "wasmUrl" | "signal">;

export interface ModelReport {
  readonly name: string | undefined;
  /** The model's family. */
  readonly architecture: string | undefined;
  readonly fileBytes: number;
  /** Of the weights; share: of all their bytes, 0 to 1. A type that Sotto does not read is "unknown", of 0 bytes. */
  readonly types: readonly { name: string; nTensors: number; bytes: number; share: number }[];
  /** The kind as GGUF names it, and the name of its pre-tokenizer. */
  readonly tokenizer: { model: string | undefined; pre: string | undefined; nTokens: number | undefined };
  readonly hasChatTemplate: boolean;
  /** Tokens that the model was trained for. */
  readonly nCtxTrain: number | undefined;
  /** The context that memoryBytes is for: the one that was asked for, or load()'s default. */
  readonly nCtx: number | undefined;
  /** Of the weights and the context; the engine needs a few MB more. Undefined: load() would refuse the file. */
  readonly memoryBytes: number | undefined;
  /** All that does not work, and why. With memoryBytes undefined the first entry is what load() would reject with. */
  readonly unsupported: readonly { code: ErrorCode; message: string }[];
}

export interface Model {
  readonly info: ModelInfo;
  /**
   * Resolves when all weights have arrived, rejects with what ended the loading: requests that waited fail with that,
   * too, and the next one loads again. Without LoadOptions.early it has resolved already.
   */
  readonly ready: Promise<void>;
  /**
   * Resolves to true when the file's SHA-256 has been compared (LoadOptions.sha256), to false when there is nothing to
   * compare it with, or storage ran full; rejects with CHECKSUM, or with what ended the loading.
   */
  readonly verified: Promise<boolean>;
  readonly chat: { readonly completions: ChatCompletions };
  readonly completions: Completions;
  readonly embeddings: Embeddings;
  /**
   * Scores documents for a query, by the model's classification head; the best first. The two texts go into the file's
   * template for it (Qwen 3's), or with the begin, separator and end tokens that the file asks for.
   */
  rerank(request: RerankRequest): Promise<RerankResult>;
  /** special: text that spells a special token becomes it. bos: add the tokens that the file wants at the ends. */
  tokenize(text: string, options?: { special?: boolean; bos?: boolean }): Promise<number[]>;
  /** special: control tokens show their names. */
  detokenize(tokens: TokenIds, options?: { special?: boolean }): Promise<string>;
  /** Raw logits after the last token; with all, after each token, one row of nVocab after another. */
  logits(tokens: TokenIds, options?: { all?: boolean; signal?: AbortSignal }): Promise<Float32Array>;
  /**
   * Measures tokens a second: of a prompt of `prompt` tokens (256) and an answer of `new` (64), behind `depth` tokens of
   * context (0), in `runs` runs (5). They must fit into the context together. Takes seconds; forgets the prompt that was
   * computed last.
   */
  bench(options?: { prompt?: number; new?: number; depth?: number; runs?: number; signal?: AbortSignal }): Promise<BenchResult>;
  /** Ends the workers, fails what is under way with CLOSED, and gives the memory back. */
  close(): void;
}

export interface BenchResult {
  readonly prefill: Rate;
  readonly decode: Rate;
}

/** Tokens a second over the runs. */
export interface Rate {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export type TokenIds = readonly number[] | Int32Array | Uint32Array;

export interface Embeddings {
  create(request: EmbeddingsRequest): Promise<EmbeddingsResult>;
}

export interface EmbeddingsRequest {
  /** A text, token ids, or a list of either. */
  input: string | TokenIds | readonly (string | TokenIds)[];
  /** Only so many of the vector's first numbers, made of length 1 again. */
  dimensions?: number | null;
  encoding_format?: "float" | "base64" | null;
  /**
   * How the tokens' vectors become one. Default: as the file says. One that says nothing, or "none" (a vector for each token,
   * which this shape has no place for), is NO_POOLING: say which you want.
   */
  pooling?: "mean" | "first" | "last" | null;
  model?: string | null;
  user?: string | null;
  signal?: AbortSignal;
}

export interface EmbeddingsResult {
  readonly object: "list";
  /** Vectors of length 1; with base64, their float32 numbers, little-endian. */
  readonly data: readonly { readonly object: "embedding"; readonly index: number; readonly embedding: number[] | string }[];
  readonly model: string;
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number };
}

export interface RerankRequest {
  query: string;
  documents: readonly string[];
  /** Default: all of them. */
  top_n?: number | null;
  model?: string | null;
  signal?: AbortSignal;
}

export interface RerankResult {
  readonly object: "list";
  /** index: of the document. relevance_score: the classification head's, as it is. */
  readonly results: readonly { readonly index: number; readonly relevance_score: number }[];
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number };
}

export interface ChatCompletions {
  create(request: ChatRequest & { stream: true }): Promise<CompletionStream<ChatCompletionChunk>>;
  create(request: ChatRequest & { stream?: false | null }): Promise<ChatCompletion>;
  create(request: ChatRequest): Promise<ChatCompletion | CompletionStream<ChatCompletionChunk>>;
}

export interface Completions {
  create(request: CompletionRequest & { stream: true }): Promise<CompletionStream<Completion>>;
  create(request: CompletionRequest & { stream?: false | null }): Promise<Completion>;
  create(request: CompletionRequest): Promise<Completion | CompletionStream<Completion>>;
}

/** Defaults are llama.cpp's. Requests on one model are answered one after the other. */
export interface GenerationRequest {
  /** Echoed in the answer; there is only the model that was loaded. */
  model?: string | null;
  /** Default: until the model ends its answer, or the context is full. */
  max_tokens?: number | null;
  /** 0: always the most likely token. Default: 0.8. */
  temperature?: number | null;
  /** Default: 40; 0: off. */
  top_k?: number | null;
  /** Default: 0.95; 1: off. */
  top_p?: number | null;
  /** Default: 0.05; 0: off. */
  min_p?: number | null;
  /** Default: 1, off. */
  typical_p?: number | null;
  /** Default: another one each time. The same seed gives the same answer, in every browser. */
  seed?: number | null;
  /**
   * Guess how the answer goes on from what stands in the prompt and the answer already, and compute several tokens at
   * once where the guess is right: faster when the answer quotes. Never changes the answer. Default: true, where it pays.
   */
  lookup?: boolean | null;
  /** Default: 1, off. */
  repeat_penalty?: number | null;
  /** Tokens that the penalties look back on. Default: 64; 0: none, -1: all. */
  repeat_last_n?: number | null;
  frequency_penalty?: number | null;
  presence_penalty?: number | null;
  /** Token id -> number added to its logit; -Infinity forbids it. */
  logit_bias?: Record<string, number> | null;
  /** Texts that end the answer; they are not part of it. */
  stop?: string | readonly string[] | null;
  /** Tokens that end the answer, beside the model's own. */
  stop_token_ids?: TokenIds | null;
  stream?: boolean | null;
  /** Ends the request, while it waits, computes the prompt, or answers. */
  signal?: AbortSignal | null;
}

export interface ChatRequest extends GenerationRequest {
  messages: readonly ChatMessage[];
  /** Told to the model by its chat template. What it calls stands in the answer's text, in the model's own form. */
  tools?: readonly Tool[] | null;
  /** "none": the model is not told of the tools. Anything else is for the template. */
  tool_choice?: "none" | "auto" | "required" | { type: "function"; function: { name: string } } | null;
  /** Whether a thinking model thinks first, where its template lets one choose. */
  enable_thinking?: boolean | null;
  /** Further variables of the chat template. */
  chat_template_kwargs?: Record<string, unknown> | null;
  max_completion_tokens?: number | null;
  logprobs?: boolean | null;
  /** 0 to 20 of the most likely tokens at each place. */
  top_logprobs?: number | null;
}

/** The chat template may read further fields. */
export interface ChatMessage {
  role: "system" | "user" | "assistant" | "tool" | (string & {});
  /** May be missing beside tool_calls. */
  content?: string | readonly { type: "text"; text: string }[] | null;
  /** The thought before the content, of an answer that had one. Most templates drop those of earlier turns. */
  reasoning_content?: string | null;
  tool_calls?: readonly ToolCall[] | null;
  /** Of a tool's result: the call that it answers. */
  tool_call_id?: string;
  name?: string;
}

export interface ToolCall {
  id?: string;
  type?: "function";
  /** arguments: JSON text, or the object. */
  function: { name: string; arguments: string | Record<string, unknown> };
}

export interface Tool {
  type: "function";
  function: { name: string; description?: string; parameters?: Record<string, unknown>; strict?: boolean | null };
}

export interface CompletionRequest extends GenerationRequest {
  prompt: string | TokenIds;
  /** 0 to 20 of the most likely tokens at each place. */
  logprobs?: number | null;
}

export type FinishReason = "stop" | "length";

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** cached_tokens: tokens of the prompt that were still computed from the request before. */
  prompt_tokens_details: { cached_tokens: number };
  /** Tokens that were guessed (GenerationRequest.lookup), right and wrong. */
  completion_tokens_details: { accepted_prediction_tokens: number; rejected_prediction_tokens: number };
}

export interface TokenLogprob {
  token: string;
  logprob: number;
  bytes: number[];
}

export interface ChatLogprobs {
  content: (TokenLogprob & { top_logprobs: TokenLogprob[] })[];
  refusal: null;
}

export interface ChatCompletion {
  id: string;
  object: "chat.completion";
  created: number;
  model: string;
  choices: [{
    index: 0;
    /** reasoning_content: a thinking model's thought, when there is one. */
    message: { role: "assistant"; content: string; reasoning_content?: string };
    finish_reason: FinishReason;
    logprobs: ChatLogprobs | null;
  }];
  usage: Usage;
  /** ModelInfo.verified when the answer ended. */
  verified: boolean;
}

export interface ChatCompletionChunk {
  id: string;
  object: "chat.completion.chunk";
  created: number;
  model: string;
  choices: [{
    index: 0;
    delta: { role?: "assistant"; content?: string; reasoning_content?: string };
    finish_reason: FinishReason | null;
    logprobs: ChatLogprobs | null;
  }];
  /** Of the last chunk only. */
  usage?: Usage;
  /** ModelInfo.verified at this moment. */
  verified: boolean;
}

export interface TextLogprobs {
  tokens: string[];
  token_logprobs: number[];
  top_logprobs: Record<string, number>[];
  text_offset: number[];
}

/** A whole completion, or one chunk of it: then finish_reason and usage belong to the last. */
export interface Completion {
  id: string;
  object: "text_completion";
  created: number;
  model: string;
  choices: [{ index: 0; text: string; finish_reason: FinishReason | null; logprobs: TextLogprobs | null }];
  usage?: Usage;
  /** ModelInfo.verified at this moment. */
  verified: boolean;
}

/** for await (const chunk of stream); leaving the loop ends the computation. */
export interface CompletionStream<Chunk> extends AsyncIterable<Chunk> {
  readonly controller: AbortController;
  abort(): void;
  toReadableStream(): ReadableStream<Chunk>;
}

export type ErrorCode =
  // of a file
  | "TRUNCATED" | "NOT_GGUF" | "UNSUPPORTED_VERSION" | "MALFORMED" | "UNSUPPORTED_ARCHITECTURE" | "UNSUPPORTED_TYPE"
  | "UNSUPPORTED_TOKENIZER" | "MISSING_KEY" | "MISSING_TENSOR" | "SHAPE_MISMATCH" | "NO_POOLING" | "NO_LOGITS"
  // of its way here
  | "NOT_FOUND" | "FORBIDDEN" | "OFFLINE" | "NETWORK" | "STALLED" | "SERVER_ERROR" | "CHANGED" | "CHECKSUM" | "WRONG_PARTS" | "READ_FAILED"
  // of a request
  | "INVALID_ARGUMENT" | "CONTEXT_FULL" | "TEMPLATE_ERROR" | "ABORTED" | "CLOSED"
  // of the machine
  | "QUOTA" | "STORAGE_REFUSED"
  | "OUT_OF_MEMORY" | "UNSUPPORTED_BROWSER" | "TRAPPED" | "WORKER_DIED" | "INTERNAL" | "NOT_READY" | "NO_SPACE";

/** Every error of this package. The message says what happened and what to do. */
export class SottoError extends Error {
  constructor(code: ErrorCode, message?: string, cause?: unknown);
  readonly name: "SottoError";
  readonly code: ErrorCode;
  readonly cause?: unknown;
}

/** What this WebAssembly engine can do. */
export function features(): { simd128: boolean; relaxed: boolean; threads: boolean };
