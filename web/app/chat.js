// One conversation: what was said, the answer under way, and what happens when it fails.

import * as settings from "./settings.js";
import * as transcript from "./transcript.js";

export class Chat {
  isAnswering = false;
  #engine;
  #onStateChange;
  #messages = []; // what the model sees: turns that ended well, or were stopped with something said
  #answering; // AbortController of the answer under way

  constructor(engine, onStateChange) {
    this.#engine = engine;
    this.#onStateChange = onStateChange;
  }

  get isStarted() {
    return document.getElementById("transcript").childElementCount > 0;
  }

  stop() {
    this.#answering?.abort();
  }

  reset() {
    this.stop();
    this.#answering = undefined;
    this.#messages = [];
    transcript.clear();
    this.#setAnswering(false);
  }

  /** Adds a question and streams its answer. */
  async ask(question) {
    if (this.isAnswering) return;
    transcript.addQuestion(question);
    await this.#answer(question);
  }

  async #answer(question) {
    const answering = this.#answering = new AbortController();
    const answer = new transcript.Answer();
    this.#setAnswering(true);
    try {
      const result = await this.#stream(question, answer, answering.signal);
      this.#keep(answering, question, answer);
      answer.finish(result);
    } catch (error) {
      if (answering.signal.aborted) {
        if (answer.text) this.#keep(answering, question, answer);
        answer.finish({ reason: "aborted" });
      } else {
        answer.fail(error, this.#waysOut(error, question, answer));
      }
    } finally {
      if (this.#answering === answering) this.#setAnswering(false);
    }
  }

  async #stream(question, answer, signal) {
    if (this.#engine.state !== "ready") answer.wait("Waiting for the model");
    const model = await this.#engine.whenReady(signal);
    answer.wait("Reading");
    const system = settings.systemPrompt();
    const chunks = await model.chat.completions.create({
      ...settings.generation(),
      messages: [
        ...(system ? [{ role: "system", content: system }] : []),
        ...this.#messages,
        { role: "user", content: question },
      ],
      stream: true,
      signal,
    });
    let usage;
    let reason;
    for await (const chunk of chunks) {
      const choice = chunk.choices[0];
      // One chunk a token, even where its bytes wait for the next one; the first only names the role.
      if (choice && !choice.delta.role && choice.finish_reason === null) answer.append(choice.delta.content ?? "");
      reason = choice?.finish_reason ?? reason;
      usage = chunk.usage ?? usage;
    }
    const isFull = reason === "length" && usage?.total_tokens >= model.info.nCtx;
    return { nTokens: usage?.completion_tokens, reason: isFull ? "full" : reason };
  }

  /** Remembers a turn, unless a new chat was begun meanwhile. */
  #keep(answering, question, answer) {
    if (this.#answering !== answering) return;
    this.#messages.push({ role: "user", content: question }, { role: "assistant", content: answer.text });
  }

  #waysOut(error, question, answer) {
    const again = {
      label: "Try again",
      run: () => {
        if (this.isAnswering) return;
        answer.remove();
        this.#answer(question);
      },
    };
    if (error.code === "CONTEXT_FULL") return [{ label: "New chat", run: () => this.reset() }];
    return [again];
  }

  #setAnswering(isAnswering) {
    this.isAnswering = isAnswering;
    this.#onStateChange();
  }
}
