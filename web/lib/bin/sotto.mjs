#!/usr/bin/env node
// sotto.mjs: the command line: picks the command, prints errors, sets the exit code
// (0 done, 1 failed, 2 wrong usage, 130 interrupted).
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 3)) {
  console.error(`sotto needs Node 22.3 or newer, and this is ${process.versions.node}: ` +
    "install a newer one, or run it by one: npx --package=node@24 -- node sotto.mjs ...");
  process.exit(2);
}

const HELP = `usage: sotto COMMAND MODEL [options]

MODEL is a path, a URL, or a name of the catalogue. Nothing that you type leaves this machine.

  run MODEL -p "..."   answer one prompt
  chat MODEL           talk; Ctrl-C stops an answer, Ctrl-D ends
  info MODEL           what the file holds and needs: a URL's header alone is fetched
  bench MODEL          tokens a second
  render TEMPLATE      a conversation on standard input -> the text that the model sees

for machines, requests on standard input, one JSON value a line:
  tokens MODEL         texts -> token ids
  logits MODEL         token ids -> log-probabilities of the next token
  greedy MODEL N       token ids -> N more of them
  embed MODEL          token ids -> an embedding

sotto COMMAND --help tells a command's options.`;

const COMMANDS = {
  run: () => import("./run.mjs"),
  chat: () => import("./chat.mjs"),
  info: () => import("./info.mjs"),
  bench: () => import("./bench.mjs"),
  render: () => import("./render.mjs"),
  tokens: () => import("./machine.mjs"),
  logits: () => import("./machine.mjs"),
  greedy: () => import("./machine.mjs"),
  embed: () => import("./machine.mjs"),
};

// A reader that has seen enough, `sotto ... | head`, is no error.
process.stdout.on("error", (error) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2));

async function main([command, ...rest]) {
  if (command === undefined || command === "help" || command === "--help" || command === "-h") {
    (command ? console.log : console.error)(HELP);
    return command ? 0 : 2;
  }
  if (command === "--version") {
    const { SOTTO_VERSION } = await import("../abi.js");
    console.log(SOTTO_VERSION);
    return 0;
  }
  if (!Object.hasOwn(COMMANDS, command)) {
    console.error(`sotto: there is no command ${command}\n\n${HELP}`);
    return 2;
  }
  try {
    const { default: run } = await COMMANDS[command]();
    return await run(command, rest);
  } catch (error) {
    return report(error);
  }
}

function report(error) {
  if (error.code === "ABORTED") return 130;
  if (error.isUsage) console.error(error.message);
  else if (error.name === "SottoError") console.error(`sotto: ${error.message} [${error.code}]`);
  else console.error(error);
  return error.isUsage ? 2 : 1;
}
