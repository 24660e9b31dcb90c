# reference.py: renders chat templates as transformers' apply_chat_template() compiles them, with a clock that stands still.
# Standard input: {"now": "2026-01-02T03:04:05", "templates": {name: source}, "conversations": {name: variables}}.
# Standard output, a JSON line for each pair: {"template", "conversation"} and "text", or "error" and "kind": "raised" when
# the template said so by raise_exception(), "failed" when Python did.
import functools
import json
import sys
from datetime import datetime

import jinja2
import jinja2.ext
import jinja2.sandbox


class Generation(jinja2.ext.Extension):
    """{% generation %}: transformers marks what the assistant said; the text is the body's."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("mark"), [], [], body).set_lineno(line)

    def mark(self, caller):
        return caller()


class Dict:
    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)


class Namespace(jinja2.utils.Namespace):
    def __setitem__(self, name, value):
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError(name)
        super().__setitem__(name, value)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment(now):
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals.update(
        raise_exception=raise_exception, strftime_now=now.strftime, dict=Dict(), namespace=Namespace
    )
    return env


def render(compiled, source, variables):
    try:
        return {"text": compiled(source).render(**variables)}
    except Exception as error:
        kind = "raised" if type(error) is jinja2.exceptions.TemplateError else "failed"
        return {"error": f"{type(error).__name__}: {error}", "message": str(error), "kind": kind}


request = json.load(sys.stdin)
compiled = functools.lru_cache(environment(datetime.fromisoformat(request["now"])).from_string)
for template, source in request["templates"].items():
    for conversation, variables in request["conversations"].items():
        result = render(compiled, source, variables)
        print(json.dumps({"template": template, "conversation": conversation, **result}))
