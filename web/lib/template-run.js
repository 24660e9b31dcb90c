// template-run.js: runs a template's tree over its variables, as Jinja's compiled templates would.
import { applyFilter, applyTest } from "./template-filters.js";
import { functions } from "./template-functions.js";
import { attributeOf, itemOf, sliceOf } from "./template-methods.js";
import {
  Callable, Loop, Namespace, TemplateFailure, Tuple, Undefined, changeSign, compare, contains, fail, isEqual, isTrue,
  iterate, keyOf, operate, str, unsupported,
} from "./template-values.js";

const MOST_STEPS = 5_000_000; // statements, expressions and turns of loops of one rendering: it may not run forever

/** The text that `body` makes of `variables`, a Map of Python values; strftime_now() tells `now`, a Date. */
export function run(body, variables, now) {
  const runner = new Runner();
  const globals = new Scope(null, functions(now));
  return runner.capture(body, new Scope(new Scope(globals, variables)));
}

class Scope {
  constructor(parent, variables = new Map()) {
    this.parent = parent;
    this.variables = variables;
  }

  find(name) {
    for (let scope = this; scope; scope = scope.parent) {
      if (scope.variables.has(name)) return scope.variables.get(name);
    }
    return new Undefined(`"${name}" is not defined`);
  }

  set(name, value) {
    this.variables.set(name, value);
  }
}

class Runner {
  #output = [];
  #steps = 0;

  /** The text of a body that runs in a scope of its own. */
  capture(body, scope) {
    return this.collect(() => this.statements(body, scope));
  }

  /** The text that is written while `work` runs. */
  collect(work) {
    const outer = this.#output;
    this.#output = [];
    try {
      work();
      return this.#output.join("");
    } finally {
      this.#output = outer;
    }
  }

  write(text) {
    this.#output.push(text);
  }

  /** "break" or "continue" when the body ended with that, else undefined. */
  statements(body, scope) {
    for (const node of body) {
      const signal = this.#at(node, STATEMENTS, scope);
      if (signal) return signal;
    }
    return undefined;
  }

  evaluate(node, scope) {
    return this.#at(node, EXPRESSIONS, scope);
  }

  evaluateAll(nodes, scope) {
    return nodes.map((node) => this.evaluate(node, scope));
  }

  // An error gets the line of the innermost node that has one.
  #at(node, table, scope) {
    this.step();
    try {
      return table[node.type](this, node, scope);
    } catch (error) {
      if (error instanceof TemplateFailure) error.line ??= node.line;
      throw error;
    }
  }

  step() {
    if (++this.#steps > MOST_STEPS) unsupported(`more than ${MOST_STEPS} steps`);
  }

  arguments(node, scope) {
    const named = new Map(node.named.map(({ name, value }) => [name, this.evaluate(value, scope)]));
    return [this.evaluateAll(node.positional, scope), named];
  }

  call(node, scope, more = []) {
    const callee = this.evaluate(node.callee, scope);
    const [positional, named] = this.arguments(node, scope);
    for (const [name, value] of more) named.set(name, value);
    if (callee instanceof Undefined) fail(callee.reason);
    const isFunction = callee instanceof Callable || callee instanceof Loop;
    return isFunction ? callee.call(positional, named) : fail("what is called is no function");
  }

  assign(target, value, scope) {
    if (target.type === "name") scope.set(target.name, value);
    else if (target.type === "field") setField(scope.find(target.object), target.name, value);
    else {
      const values = [...iterate(value)];
      if (values.length !== target.items.length) fail(`${values.length} values for ${target.items.length} names`);
      target.items.forEach((item, i) => this.assign(item, values[i], scope));
    }
  }
}

function setField(object, name, value) {
  if (!(object instanceof Namespace)) fail("only a namespace's attributes can be set");
  if (name.startsWith("_")) fail(`a namespace takes no attribute ${name}`);
  object.map.set(name, value);
}

// ---- statements: (runner, node, scope) ----

const STATEMENTS = {
  data: (runner, { text }) => runner.write(text),

  output: (runner, { value }, scope) => runner.write(str(runner.evaluate(value, scope))),

  if(runner, { branches, otherwise }, scope) {
    const taken = branches.find(({ test }) => isTrue(runner.evaluate(test, scope)));
    return runner.statements(taken?.body ?? otherwise ?? [], scope);
  },

  for(runner, node, scope) {
    runLoop(runner, node, runner.evaluate(node.iterable, scope), scope, 0);
  },

  break: () => "break",

  continue: () => "continue",

  set(runner, { target, value }, scope) {
    runner.assign(target, runner.evaluate(value, scope), scope);
  },

  setBlock(runner, node, scope) {
    runner.assign(node.target, filtered(runner, node, scope), scope);
  },

  filterBlock(runner, node, scope) {
    runner.write(str(filtered(runner, node, scope)));
  },

  generation(runner, { body }, scope) {
    runner.write(runner.capture(body, new Scope(scope)));
  },

  with(runner, { assignments, body }, scope) {
    const inner = new Scope(scope);
    const values = assignments.map(({ value }) => runner.evaluate(value, scope));
    assignments.forEach(({ target }, i) => runner.assign(target, values[i], inner));
    return runner.statements(body, inner);
  },

  macro(runner, node, scope) {
    scope.set(node.name, macroOf(runner, node.name, node, scope));
  },

  callBlock(runner, node, scope) {
    const caller = macroOf(runner, "caller", node, scope);
    runner.write(str(runner.call(node.call, scope, [["caller", caller]])));
  },
};

function filtered(runner, { body, filter }, scope) {
  const inner = new Scope(scope);
  inner.set(CAPTURED, runner.capture(body, new Scope(scope)));
  return runner.evaluate(filter, inner);
}

const CAPTURED = Symbol("the text of a block");

// Items come one by one, as in Python: the body may change what the loop's condition sees. Only `loop` knows them all.
function runLoop(runner, node, iterable, scope, depth) {
  const items = node.usesLoop ? [...picked(runner, node, iterable, scope)] : picked(runner, node, iterable, scope);
  const loop = node.usesLoop ? loopOf(runner, node, items, scope, depth) : null;
  let i = 0;
  for (const item of items) {
    const inner = loopScope(runner, node, item, scope);
    if (loop) moveTo(loop, items, i);
    if (loop) inner.set("loop", loop);
    if (runner.statements(node.body, inner) === "break") return;
    i++;
  }
  if (i === 0 && node.otherwise) runner.statements(node.otherwise, new Scope(scope));
}

function* picked(runner, node, iterable, scope) {
  for (const item of iterate(iterable)) {
    runner.step();
    if (!node.test || isTrue(runner.evaluate(node.test, loopScope(runner, node, item, scope)))) yield item;
  }
}

function loopScope(runner, node, item, scope) {
  const inner = new Scope(scope);
  runner.assign(node.target, item, inner);
  return inner;
}

function loopOf(runner, node, items, scope, depth) {
  let seen; // what changed() was told last
  const recurse = node.isRecursive
    ? ([iterable]) => runner.collect(() => runLoop(runner, node, iterable, scope, depth + 1))
    : () => fail("loop() needs a loop that is recursive");
  const loop = new Loop({
    length: BigInt(items.length),
    depth: BigInt(depth + 1),
    depth0: BigInt(depth),
    cycle: new Callable("cycle", (values) =>
      (values.length > 0 ? values[Number(loop.fields.index0) % values.length] : fail("cycle() needs values"))),
    changed: new Callable("changed", (values) => {
      const isSame = seen !== undefined && isEqual(seen, values);
      seen = values;
      return !isSame;
    }),
  }, recurse);
  return loop;
}

function moveTo(loop, items, i) {
  Object.assign(loop.fields, {
    index: BigInt(i + 1),
    index0: BigInt(i),
    revindex: BigInt(items.length - i),
    revindex0: BigInt(items.length - i - 1),
    first: i === 0,
    last: i === items.length - 1,
    previtem: i > 0 ? items[i - 1] : new Undefined("there is no previous item"),
    nextitem: i < items.length - 1 ? items[i + 1] : new Undefined("there is no next item"),
  });
}

function macroOf(runner, name, node, scope) {
  return new Callable(name, (positional, named) => {
    const inner = new Scope(scope);
    const rest = new Map(named);
    node.parameters.forEach((parameter, i) => {
      if (i < positional.length && rest.has(parameter.name)) fail(`${name}() has the argument ${parameter.name} twice`);
      inner.set(parameter.name, argumentOf(runner, parameter, positional.slice(i, i + 1), rest, inner));
      rest.delete(parameter.name);
    });
    takeRest(inner, name, node, positional.slice(node.parameters.length), rest);
    return runner.capture(node.body, inner);
  });
}

// A default is evaluated at each call and sees the parameters before it.
function argumentOf(runner, { name, value }, given, named, scope) {
  if (given.length > 0) return given[0];
  if (named.has(name)) return named.get(name);
  return value ? runner.evaluate(value, scope) : new Undefined(`the parameter ${name} was not given`);
}

function takeRest(scope, name, { takes }, positional, named) {
  if (takes.caller) {
    scope.set("caller", named.get("caller") ?? new Undefined("there is no caller"));
    named.delete("caller");
  }
  if (takes.varargs) scope.set("varargs", Tuple.from(positional));
  else if (positional.length > 0) fail(`${name}() has ${positional.length} arguments too many`);
  if (takes.kwargs) scope.set("kwargs", named);
  else if (named.size > 0) fail(`${name}() has no argument ${named.keys().next().value}`);
}

// ---- expressions: (runner, node, scope) ----

const COMPARISONS = {
  "==": isEqual,
  "!=": (a, b) => !isEqual(a, b),
  "<": (a, b) => compare(a, b) < 0,
  "<=": (a, b) => compare(a, b) <= 0,
  ">": (a, b) => compare(a, b) > 0,
  ">=": (a, b) => compare(a, b) >= 0,
  "in": (a, b) => contains(b, a),
  "not in": (a, b) => !contains(b, a),
};

const EXPRESSIONS = {
  constant: (_, { value }) => value,

  name: (_, { name }, scope) => scope.find(name),

  captured: (_, node, scope) => scope.find(CAPTURED),

  list: (runner, { items }, scope) => runner.evaluateAll(items, scope),

  tuple: (runner, { items }, scope) => Tuple.from(runner.evaluateAll(items, scope)),

  dict: (runner, { entries }, scope) =>
    new Map(entries.map(([key, value]) => [keyOf(runner.evaluate(key, scope)), runner.evaluate(value, scope)])),

  condition(runner, { test, value, otherwise }, scope) {
    if (isTrue(runner.evaluate(test, scope))) return runner.evaluate(value, scope);
    return otherwise ? runner.evaluate(otherwise, scope) : new Undefined("an if expression without else was false");
  },

  or(runner, { left, right }, scope) {
    const value = runner.evaluate(left, scope);
    return isTrue(value) ? value : runner.evaluate(right, scope);
  },

  and(runner, { left, right }, scope) {
    const value = runner.evaluate(left, scope);
    return isTrue(value) ? runner.evaluate(right, scope) : value;
  },

  not: (runner, { value }, scope) => !isTrue(runner.evaluate(value, scope)),

  compare(runner, { first, rest }, scope) {
    let left = runner.evaluate(first, scope);
    return rest.every(({ operator, value }) => {
      const right = runner.evaluate(value, scope);
      const isSo = COMPARISONS[operator](left, right);
      left = right;
      return isSo;
    });
  },

  binary: (runner, { operator, left, right }, scope) =>
    operate(operator, runner.evaluate(left, scope), runner.evaluate(right, scope)),

  concat: (runner, { items }, scope) => runner.evaluateAll(items, scope).map(str).join(""),

  sign: (runner, { sign, value }, scope) => changeSign(sign, runner.evaluate(value, scope)),

  attribute: (runner, { object, name }, scope) => attributeOf(runner.evaluate(object, scope), name),

  item(runner, { object, key }, scope) {
    const value = runner.evaluate(object, scope);
    if (key.type !== "slice") return itemOf(value, runner.evaluate(key, scope));
    return sliceOf(value, key.parts.map((part) => part && runner.evaluate(part, scope)));
  },

  call: (runner, node, scope) => runner.call(node, scope),

  filter(runner, node, scope) {
    const value = runner.evaluate(node.value, scope);
    return applyFilter(node.name, value, ...runner.arguments(node, scope));
  },

  test(runner, node, scope) {
    const value = runner.evaluate(node.value, scope);
    if (node.named.length > 0) unsupported(`a named argument of the test ${node.name}`);
    return applyTest(node.name, value, runner.evaluateAll(node.positional, scope));
  },
};
