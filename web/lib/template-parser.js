// template-parser.js: a template's tokens -> a tree of nodes { type, line, ... }, in the grammar of Jinja 3.1 with the
// extensions that chat templates have: break, continue and {% generation %}.
import { TemplateFailure, unsupported } from "./template-values.js";
import { tokenize } from "./template-lexer.js";

const CONSTANTS = { true: true, True: true, false: false, False: false, none: null, None: null };
const COMPARISONS = new Set(["==", "!=", "<", "<=", ">", ">="]);
const FOREIGN = new Set(["autoescape", "block", "debug", "do", "extends", "from", "import", "include", "print",
  "trans"]);
const END = { type: "eof", value: "", line: 0 };

export function parse(source) {
  const parser = new Parser(tokenize(source));
  const body = parser.statements([]);
  if (parser.token !== END) parser.fail(`{% ${parser.token.value} %} ends nothing`);
  return body;
}

class Parser {
  constructor(tokens) {
    this.tokens = tokens;
    this.at = 0;
  }

  // ---- tokens ----

  get token() {
    return this.tokens[this.at] ?? END;
  }

  is(type, value) {
    const { token } = this;
    return token.type === type && (value === undefined || token.value === value);
  }

  accept(type, value) {
    return this.is(type, value) ? this.tokens[this.at++] : null;
  }

  expect(type, value) {
    return this.accept(type, value) ?? this.fail(`"${value ?? type}" is missing before "${this.token.value}"`);
  }

  op(value) {
    return this.accept("op", value);
  }

  fail(text) {
    throw new TemplateFailure(text, this.token.line || this.tokens.at(-1)?.line);
  }

  node(type, fields, line = this.token.line) {
    return { type, line, ...fields };
  }

  // ---- statements ----

  /** Nodes up to a statement named in `ends`, whose name is left to be read, or to the end of the file. */
  statements(ends) {
    const body = [];
    for (;;) {
      const { line } = this.token;
      const data = this.accept("data");
      if (data) body.push(this.node("data", { text: data.value }, line));
      else if (this.accept("begin", "{{")) {
        body.push(this.node("output", { value: this.tuple() }, line));
        this.expect("end");
      } else if (this.accept("begin", "{%")) {
        if (this.token.type === "name" && ends.includes(this.token.value)) return body;
        body.push(this.statement(line));
      } else if (ends.length > 0) this.fail(`{% ${ends.at(-1)} %} is missing`);
      else return body;
    }
  }

  statement(line) {
    const { value: name } = this.expect("name");
    if (FOREIGN.has(name)) unsupported(`the statement {% ${name} %}`, line);
    if (!Object.hasOwn(STATEMENTS, name)) this.fail(`there is no statement {% ${name} %}`);
    return { line, ...STATEMENTS[name](this) };
  }

  /** The body of a statement that ends with {% name %}. */
  bodyUntil(name) {
    this.expect("end");
    const body = this.statements([name]);
    this.expect("name", name);
    this.expect("end");
    return body;
  }

  // What is assigned to: a name, several in a tuple, or a namespace's attribute.
  target({ withAttribute = false } = {}) {
    const isInParentheses = this.op("(");
    const targets = [];
    let isTuple = false;
    do {
      if (this.is("end") || this.is("op", ")") || this.is("name", "in")) break;
      targets.push(this.oneTarget(withAttribute));
      isTuple ||= this.is("op", ",");
    } while (this.op(","));
    if (isInParentheses) this.expect("op", ")");
    return isTuple ? this.node("tuple", { items: targets }) : targets[0] ?? this.fail("a name is missing");
  }

  oneTarget(withAttribute) {
    if (this.is("op", "(")) return this.target();
    const { value: name, line } = this.expect("name");
    if (Object.hasOwn(CONSTANTS, name)) this.fail(`"${name}" cannot be assigned to`);
    const isField = withAttribute && this.op(".");
    if (isField) return this.node("field", { object: name, name: this.expect("name").value }, line);
    return this.node("name", { name }, line);
  }

  parameters() {
    const parameters = [];
    this.expect("op", "(");
    while (!this.op(")")) {
      if (parameters.length > 0) this.expect("op", ",");
      const { value: name } = this.expect("name");
      parameters.push({ name, value: this.op("=") ? this.expression() : undefined });
    }
    return parameters;
  }

  // ---- expressions ----

  /** An expression, or several with commas, which are a tuple. */
  tuple({ withCondition = true, mayBeEmpty = false } = {}) {
    const { line } = this.token;
    const items = [];
    let isTuple = false;
    while (!this.is("end") && !this.is("op", ")")) {
      items.push(withCondition ? this.expression() : this.or());
      if (!this.op(",")) break;
      isTuple = true;
    }
    if (!isTuple && items.length === 1) return items[0];
    if (items.length === 0 && !mayBeEmpty) this.fail("an expression is missing");
    return this.node("tuple", { items }, line);
  }

  expression() {
    let value = this.or();
    for (let token; (token = this.accept("name", "if"));) {
      const test = this.or();
      const otherwise = this.accept("name", "else") ? this.expression() : null;
      value = this.node("condition", { test, value, otherwise }, token.line);
    }
    return value;
  }

  or() {
    let left = this.and();
    while (this.accept("name", "or")) left = this.node("or", { left, right: this.and() });
    return left;
  }

  and() {
    let left = this.not();
    while (this.accept("name", "and")) left = this.node("and", { left, right: this.not() });
    return left;
  }

  not() {
    const token = this.accept("name", "not");
    return token ? this.node("not", { value: this.not() }, token.line) : this.comparison();
  }

  comparison() {
    const first = this.sum();
    const rest = [];
    for (let operator; (operator = this.comparisonOperator());) rest.push({ operator, value: this.sum() });
    return rest.length > 0 ? this.node("compare", { first, rest }) : first;
  }

  comparisonOperator() {
    if (this.token.type === "op" && COMPARISONS.has(this.token.value)) return this.tokens[this.at++].value;
    if (this.accept("name", "in")) return "in";
    const next = this.tokens[this.at + 1];
    if (!this.is("name", "not") || next?.type !== "name" || next.value !== "in") return null;
    this.at += 2;
    return "not in";
  }

  // From the loosest to the tightest; a power's operand on its right is a unary of its own, as in Jinja.
  binary(operators, operand) {
    let left = operand();
    while (this.token.type === "op" && operators.includes(this.token.value)) {
      const { value: operator, line } = this.tokens[this.at++];
      left = this.node("binary", { operator, left, right: operand() }, line);
    }
    return left;
  }

  sum() {
    return this.binary(["+", "-"], () => this.concatenation());
  }

  concatenation() {
    const items = [this.product()];
    while (this.op("~")) items.push(this.product());
    return items.length > 1 ? this.node("concat", { items }) : items[0];
  }

  product() {
    return this.binary(["*", "/", "//", "%"], () => this.power());
  }

  power() {
    return this.binary(["**"], () => this.unary());
  }

  unary({ withFilters = true } = {}) {
    const sign = this.op("-") ?? this.op("+");
    const value = this.postfix(sign ? this.node("sign", { sign: sign.value, value: this.unary({ withFilters: false }) },
      sign.line) : this.primary());
    return withFilters ? this.filters(value) : value;
  }

  primary() {
    const { type, value, line } = this.token;
    this.at++;
    switch (type) {
      case "name":
        return Object.hasOwn(CONSTANTS, value) ? this.node("constant", { value: CONSTANTS[value] }, line)
          : this.node("name", { name: value }, line);
      case "string":
        return this.node("constant", { value: value + this.moreStrings() }, line);
      case "int":
        return this.node("constant", { value: BigInt(value.replaceAll("_", "")) }, line);
      case "float":
        return this.node("constant", { value: Number(value.replaceAll("_", "")) }, line);
      default:
        if (type === "op" && Object.hasOwn(BRACKETS, value)) return { line, ...BRACKETS[value](this) };
        this.at--;
        return this.fail(`"${value}" is no expression`);
    }
  }

  moreStrings() {
    let text = "";
    for (let token; (token = this.accept("string"));) text += token.value;
    return text;
  }

  postfix(value) {
    for (;;) {
      const { line } = this.token;
      if (this.op(".")) value = this.attribute(value, line);
      else if (this.op("[")) value = this.node("item", { object: value, key: this.subscript() }, line);
      else if (this.is("op", "(")) value = this.node("call", { callee: value, ...this.callArguments() }, line);
      else return value;
    }
  }

  attribute(object, line) {
    const index = this.accept("int");
    if (index) return this.node("item", { object, key: this.node("constant", { value: BigInt(index.value) }) }, line);
    return this.node("attribute", { object, name: this.expect("name").value }, line);
  }

  subscript() {
    const items = [];
    while (!this.op("]")) {
      if (items.length > 0) this.expect("op", ",");
      items.push(this.oneSubscript());
    }
    return items.length === 1 ? items[0] : this.node("tuple", { items });
  }

  oneSubscript() {
    const parts = [null];
    while (!this.is("op", "]") && !this.is("op", ",")) {
      if (this.op(":")) parts.push(null);
      else if (parts.at(-1) === null) parts[parts.length - 1] = this.expression();
      else this.fail("a subscript is not closed");
    }
    if (parts.length > 3 || (parts.length === 1 && parts[0] === null)) this.fail("a subscript is wrong");
    return parts.length === 1 ? parts[0] : this.node("slice", { parts });
  }

  callArguments() {
    const positional = [];
    const named = [];
    this.expect("op", "(");
    while (!this.op(")")) {
      if (positional.length + named.length > 0) {
        this.expect("op", ",");
        if (this.op(")")) break;
      }
      const { value, line } = this.token;
      if (this.is("op", "*") || this.is("op", "**")) unsupported(`"${value}" before an argument`, line);
      this.argument(positional, named);
    }
    return { positional, named };
  }

  argument(positional, named) {
    const next = this.tokens[this.at + 1];
    if (this.token.type === "name" && next?.type === "op" && next.value === "=") {
      const { value: name } = this.expect("name");
      this.at++;
      named.push({ name, value: this.expression() });
    } else if (named.length > 0) this.fail("an argument without a name follows one with a name");
    else positional.push(this.expression());
  }

  filters(value) {
    for (;;) {
      const { line } = this.token;
      if (this.op("|")) value = this.filter(value, line);
      else if (this.accept("name", "is")) value = this.test(value, line);
      else if (this.is("op", "(")) value = this.node("call", { callee: value, ...this.callArguments() }, line);
      else return value;
    }
  }

  filter(value, line) {
    const name = this.dottedName();
    const call = this.is("op", "(") ? this.callArguments() : { positional: [], named: [] };
    return this.node("filter", { value, name, ...call }, line);
  }

  test(value, line) {
    const isNegated = this.accept("name", "not");
    const name = this.dottedName();
    const call = this.is("op", "(") ? this.callArguments() : { positional: this.bareArgument(), named: [] };
    const test = this.node("test", { value, name, ...call }, line);
    return isNegated ? this.node("not", { value: test }, line) : test;
  }

  // `x is divisibleby 3`: one argument without parentheses.
  bareArgument() {
    const { type, value } = this.token;
    const starts = ["name", "string", "int", "float"].includes(type) || (type === "op" && ["[", "{"].includes(value));
    if (!starts || (type === "name" && ["else", "or", "and"].includes(value))) return [];
    if (type === "name" && value === "is") this.fail("tests cannot be chained");
    return [this.postfix(this.primary())];
  }

  dottedName() {
    let { value } = this.expect("name");
    while (this.op(".")) value += `.${this.expect("name").value}`;
    return value;
  }
}

// What stands in brackets: the opening one has been read.
const BRACKETS = {
  "("(parser) {
    const value = parser.tuple({ mayBeEmpty: true });
    parser.expect("op", ")");
    return value;
  },

  "["(parser) {
    const items = [];
    while (!parser.op("]")) {
      if (items.length > 0) parser.expect("op", ",");
      if (parser.op("]")) break;
      items.push(parser.expression());
    }
    return { type: "list", items };
  },

  "{"(parser) {
    const entries = [];
    while (!parser.op("}")) {
      if (entries.length > 0) parser.expect("op", ",");
      if (parser.op("}")) break;
      const key = parser.expression();
      parser.expect("op", ":");
      entries.push([key, parser.expression()]);
    }
    return { type: "dict", entries };
  },
};

// What follows a statement's name.
const STATEMENTS = {
  if(parser) {
    const branches = [];
    let otherwise = null;
    for (let name = "if"; name !== "endif"; name = parser.expect("name").value) {
      const test = name === "else" ? null : parser.tuple({ withCondition: false });
      parser.expect("end");
      const body = parser.statements(name === "else" ? ["endif"] : ["elif", "else", "endif"]);
      if (test) branches.push({ test, body });
      else otherwise = body;
    }
    parser.expect("end");
    return { type: "if", branches, otherwise };
  },

  for(parser) {
    const target = parser.target();
    parser.expect("name", "in");
    const iterable = parser.tuple({ withCondition: false });
    const test = parser.accept("name", "if") ? parser.expression() : null;
    const isRecursive = parser.accept("name", "recursive") !== null;
    parser.expect("end");
    const body = parser.statements(["endfor", "else"]);
    const otherwise = parser.expect("name").value === "else" ? parser.bodyUntil("endfor") : null;
    if (!otherwise) parser.expect("end");
    return { type: "for", target, iterable, test, isRecursive, body, otherwise, usesLoop: mentions(body, "loop") };
  },

  set(parser) {
    const target = parser.target({ withAttribute: true });
    if (parser.op("=")) {
      const value = parser.tuple();
      parser.expect("end");
      return { type: "set", target, value };
    }
    const filter = parser.filters({ type: "captured" });
    return { type: "setBlock", target, filter, body: parser.bodyUntil("endset") };
  },

  macro(parser) {
    const { value: name } = parser.expect("name");
    const parameters = parser.parameters();
    return { type: "macro", name, parameters, ...macroBody(parser, "endmacro") };
  },

  call(parser) {
    const parameters = parser.is("op", "(") ? parser.parameters() : [];
    const call = parser.unary();
    if (call.type !== "call") parser.fail("{% call %} needs a call");
    return { type: "callBlock", parameters, call, ...macroBody(parser, "endcall") };
  },

  filter(parser) {
    const filter = parser.filters(parser.filter({ type: "captured" }, parser.token.line));
    return { type: "filterBlock", filter, body: parser.bodyUntil("endfilter") };
  },

  with(parser) {
    const assignments = [];
    while (!parser.is("end")) {
      if (assignments.length > 0) parser.expect("op", ",");
      const target = parser.oneTarget(false);
      parser.expect("op", "=");
      assignments.push({ target, value: parser.expression() });
    }
    return { type: "with", assignments, body: parser.bodyUntil("endwith") };
  },

  generation(parser) {
    return { type: "generation", body: parser.bodyUntil("endgeneration") };
  },

  break(parser) {
    parser.expect("end");
    return { type: "break" };
  },

  continue(parser) {
    parser.expect("end");
    return { type: "continue" };
  },
};

function macroBody(parser, end) {
  const body = parser.bodyUntil(end);
  const takes = Object.fromEntries(["caller", "varargs", "kwargs"].map((name) => [name, mentions(body, name)]));
  return { body, takes };
}

// Whether a tree uses a variable.
function mentions(tree, name) {
  if (tree === null || typeof tree !== "object") return false;
  if (tree.type === "name" && tree.name === name) return true;
  return Object.values(tree).some((part) => mentions(part, name));
}
