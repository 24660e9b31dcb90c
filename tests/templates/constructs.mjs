// constructs.mjs: small templates, each for one thing that Jinja or Python does; their variables are in variables.json.
// tests/golden/make-templates.mjs asks Python for their texts.

const expressions = String.raw`
name
none
yes ~ no ~ none
none, yes
zero, whole, half, tiny, huge, long, big
1e15, 1e16, 123456.789e3, 1e-4, 1e-5, 5e-324, 1.7976931348623157e308, -0.0, 0.1 + 0.2
1_000, 0x1F, 0b101, 0o17, 1_0.5_0
list
mixed
dict
people
()
(1,)
1, 2
[1, [2, (3, 4)], {"a": {"b": none}}]
{"k": 1, 2: "two", none: 3, 1.5: 4}
["it's", 'say "x"', 'both \' and "', "tab\tnl\nbs\\", "é🙂", "\x00\x7f\xa0\u200b\ud7ff\ue000"]
"a\tb\x41\u00e9\U0001f642\101\q\'"
"one" "two" 'three'
missing
missing.attribute
missing["item"]
missing()
dict.missing
dict.missing.deeper
dict["items"]
dict.items()
dict.keys(), dict.values()
dict.keys() | list
dict["b"], dict.b, dict["10"], dict[10]
dict[missing]
dict[list]
dict.get("b"), dict.get("z"), dict.get("z", 5), dict.get("a")
dict.get()
dict.pop("b")
dict.pop is defined
dict.update({"z": 1})
list.append(4)
list.index(1), list.count(3)
list[0], list[-1], list[3] is defined
list[0:2], list[::-1], list[-2:], list[:-1], list[5:], list[::2]
"héllo🙂x"[1], emoji[1], emoji[-1], emoji[1:3], emoji[::-1], emoji[9] is defined
(1, 2, 3)[1:], range(5)[1]
range(3), range(3) | list, range(1, 10, 3) | list, range(3, 0, -1) | list, range(0) | list
range(200000)
1 + 2, 1 + 2.0, 7 - 9, 2 * 3.5, 7 / 2, 6 / 2, 7 // 2, -7 // 2, 7 % 3, -7 % 3, 7 % -3, 2 ** 10
7.5 // 2, -7.5 // 2, -7.5 % 2, 7.5 % -2, 1.0 // 0.1, 1 % 0.1
2 ** 3 ** 2, -2 ** 2
-one ** 2, - seven, + seven, -yes
big + 1, big * big, big // 7, big % 7, big / 3
1 / 0
yes + yes, yes * 3, no + 0.5
"ab" * 3, 3 * "ab", [1] * 2, (1,) * 2, "x" * -1
"a" + "b", [1] + [2], (1,) + (2,)
"a" + 1
"a" + none
"a" + missing
1 + none
[1] + (2,)
"a" ~ 1 ~ 2.0 ~ none ~ missing ~ [1, "x"]
1 ~ 2 + 3
1 < 2 < 3, 1 < 3 < 2, 1 == 1.0 == true, "a" < "b", "B" < "a", [1, 2] < [1, 3], [1] < [1, 0]
1 < "a"
none < 1
missing < 1
"😀" < "￿"
1 == "1", none == false, missing == missing, missing == none, [] == (), {"a": 1} == {"a": 1.0}, [1] == [1]
1 != 2, "a" != "a", yes == 1, no == 0
1 in list, 9 in list, "b" in dict, "x" in "text", "" in "", 3 not in list, missing in list, "a" in missing, 1.0 in list
1 in "text"
1 in none
[] in dict
not 1, not "", not [], not {}, not none, not missing, not 0.0, not range(0)
1 and 2, 0 and 2, 1 or 2, 0 or "", none or missing or "end", not 1 == 2
"yes" if one else "no", "yes" if zero else "no"
"yes" if zero
("yes" if zero) is defined
1 if no else 2 if no else 3
seven is odd, seven is even, seven is divisibleby 7, seven is divisibleby(2)
one is number, half is number, yes is number, "1" is number, one is integer, yes is integer, whole is integer, whole is float, one is float
name is string, none is string, list is string, (name | safe) is string
list is sequence, "s" is sequence, dict is sequence, none is sequence, one is sequence, missing is sequence, range(1) is sequence, (list | map("string")) is sequence
list is iterable, "s" is iterable, dict is iterable, none is iterable, one is iterable, missing is iterable, (list | map("string")) is iterable, dict.items() is iterable
dict is mapping, list is mapping, missing is mapping
yes is boolean, one is boolean, yes is true, one is true, no is false, zero is false
none is none, missing is none, zero is none
missing is defined, name is defined, missing is undefined, dict.zz is undefined, none is defined
range is callable, name is callable, missing is callable, dict.get is callable
"a" is lower, "A" is lower, "1" is lower, "A1" is upper, "" is upper
1 is eq 1, 1 is ne 2, 1 is lt 2, 3 is ge 3, 3 is equalto 3, 3 is gt 4, 2 is in list
none is sameas none, yes is sameas true
"upper" is filter, "nope" is filter, "odd" is test, "nope" is test
name is nope
name | nope
name is not string, not name is string, name is string and not none
name | upper | lower, name|length + 1, -1 | abs, -(1 | abs)
-1.5 | abs, yes | abs, big | abs
"a" | abs
text | trim, text.strip(), text.lstrip(), text.rstrip(), "xxaxx" | trim("x")
"\x1c \ufeffa\ufeff\x85" | trim
"xyaxy".strip("xy"), "xyaxy".lstrip("yx"), "xyaxy".rstrip("y")
text.split(), text.split(" "), text.split("\n"), "a,b,c".split(",", 1), "a,b,c".rsplit(",", 1), "".split(), "".split(",")
"  a  b   c  ".split(None, 1), "  a  b   c  ".rsplit(None, 1), "a b c".split(maxsplit=1), "a-b".split(sep="-")
"a".split("")
"a\nb\r\nc\x0bd\u2028e\n".splitlines(), "a\nb\n".splitlines(true), "".splitlines()
"Hello".startswith("He"), "Hello".startswith(("x", "H")), "Hello".endswith("lo"), "Hello".startswith("l", 2), "Hello".endswith("He", 0, 2)
"aXbX".replace("X", "-"), "aXbX".replace("X", "-", 1), "ab".replace("", "."), "abc".replace("", "-", 2), "aaa".replace("aa", "b")
"ababa".count("ab"), "ababa".count("a", 1), "aaa".count("aa"), "🙂a".count(""), "🙂a🙂".find("a"), "a".find("z"), "abab".rfind("ab"), "abc".find("c", -1)
"abc".index("z")
", ".join(["a", "b"]), "".join("abc"), "-".join({"x": 1, "y": 2})
",".join([1])
"hello WORLD".capitalize(), "hello wORLD".title(), "they're bill's".title(), "ß".upper(), "ΑΣ".lower()
"a".center(4) ~ "|", "ab".center(5, "*"), "a".ljust(3) ~ "|", "a".rjust(3, "."), "7".zfill(3), "-7".zfill(4), "abc".zfill(2)
"a=b=c".partition("="), "a=b=c".rpartition("="), "abc".partition("-"), "abc".rpartition("-")
"prefix-x".removeprefix("prefix-"), "x.txt".removesuffix(".txt"), "x".removeprefix("y")
"abc".isalpha(), "ab1".isalnum(), "12".isdecimal(), " \t".isspace(), "".isspace(), "aB".islower(), "ab".islower(), "AB1".isupper(), "é".isascii()
"{} and {}".format(1, "x"), "{1}{0}".format("a", 2.0), "{{}}".format()
"{".format()
"{}".format()
"%s is %d, %r%%" % ("x", 3, "y"), "%s" % none
"%s %s" % ("a",)
"%s-%s" | format("a", 1)
name.upper(1)
name.nope
name.nope()
name.upper is defined
name | capitalize, "hELLO wORLD" | capitalize, "hello-world (foo) [bar]" | title, 5 | string | length
list | first, list | last, nothing | first is defined, nothing | last is defined, "abc" | first, "abc" | last, [none] | last
none | first
list | length, "é🙂" | length, dict | count, missing | length, range(4) | length, dict.items() | length
none | length
(list | map("string")) | length
list | sort, words | sort, words | sort(case_sensitive=true), list | sort(reverse=true), words | sort(reverse=true)
people | sort(attribute="age") | map(attribute="name") | join(","), people | sort(attribute="age,name") | map(attribute="name") | list
people | sort(attribute="age", reverse=true) | map(attribute="name") | list
mixed | sort
dict | dictsort, dict | dictsort(true), dict | dictsort(reverse=true)
{"x": 2, "y": 1} | dictsort(by="value"), {"b": 1, "A": 2, "a": 3} | dictsort(false, "key")
list | dictsort
list | reverse | list, "abc" | reverse, "a🙂" | reverse
list | join, list | join(", "), mixed | join("|"), people | join(",", attribute="name"), missing | join
list | sum, [0.1, 0.2] | sum, people | sum(attribute="age"), nothing | sum, [[1], [2]] | sum(start=[])
["a"] | sum
list | min, list | max, words | min, words | max, nothing | max is defined, people | max(attribute="age")
list | map("string") | list, words | map("upper") | join, people | map(attribute="tags") | list, people | map(attribute="tags", default="none") | list
people | map(attribute="tags.0", default=0) | list, none | map("upper") | list
words | map("replace", "a", "x") | list
words | map("nope") | list
list | select("odd") | list, list | reject("odd") | list, mixed | select | list, list | select("gt", 1) | list, list | select(">", 1) | list
people | selectattr("age", "equalto", 3) | map(attribute="name") | list, people | rejectattr("tags") | list | length, people | selectattr("tags", "defined") | list | length
none | selectattr("x") | list, messages | selectattr("role", "==", "system") | first
words | unique | list, words | unique(true) | list, [3, 1, 3] | unique | list
list | batch(2) | list, list | batch(2, "-") | list
list | list, "abc" | list, dict | list, missing | list
5 | list
"42" | int, "x" | int, "x" | int(7), 3.9 | int, -3.9 | int, "3.7" | int, " 12 " | int, "1e3" | int, none | int, yes | int, [] | int(2), "" | int
"1.5" | float, "x" | float, "x" | float(2.5), 3 | float, none | float, yes | float
missing | int
2.5 | round, 3.5 | round, -2.5 | round, 2.675 | round(2), 0.125 | round(2), 1.25 | round(1), 7 | round, 2.1 | round(0, "ceil"), 2.19 | round(1, "floor")
missing | default, missing | default("d"), none | default("d"), none | default("d", true), "" | d("e", boolean=true), 0 | default(1)
dict.zz | default("z")
missing.deeper | default("x")
html | e, html | escape, html | safe, (html | safe) ~ "<", html | e | e, html | forceescape
(html | safe) + "<i>", "<i>" + (html | safe), (html | safe) | upper, (html | safe) | length
html | replace("<", "["), 12 | replace(1, "x"), "aaa" | replace("a", "b", 2), none | replace("N", "n")
text | indent, "a\n\nb" | indent(2), "a\n\nb" | indent(2, true), "a\n\nb" | indent(2, first=true, blank=true), "a\nb\n" | indent("> ")
none | indent
"some words here, it's" | wordcount, "a" | center(5) ~ "|", 5 | upper, none | lower, missing | upper
dict | items | list, missing | items | list
list | items | list
dict | attr("items") is callable, dict | attr("b") is defined
tiny | tojson, huge | tojson, big | tojson, whole | tojson, none | tojson, yes | tojson, name | tojson, mixed | tojson, () | tojson, (1, 2) | tojson
dict | tojson
dict | tojson(indent=2)
dict | tojson(sort_keys=true), people | tojson(indent=1, sort_keys=true), [[], {}, [[]]] | tojson(indent=2)
dict | tojson(separators=(",", ":")), dict | tojson(separators=(", ", ":"), indent=2), list | tojson(indent=0), list | tojson(indent="--")
["é🙂\u2028\x7f\x01<>&'\"\\/"] | tojson, ["é🙂\u2028\x7f\x01"] | tojson(ensure_ascii=true), [html | safe] | tojson
{1: 1, 2.5: 2, none: 3} | tojson
missing | tojson
dict.items() | tojson
{"a": missing} | tojson
html | tojson
namespace(a=1).a, namespace({"b": 2}, c=3).c, namespace().x is defined
dict(a=1, b=2), dict([("a", 1)], b=2), dict({"x": 1})
raise_exception("no " ~ name)
raise_exception(5)
strftime_now("%Y-%m-%d %H:%M:%S"), strftime_now("%d %B %Y, %A %b %a %j %p %I %y %-d %e %%")
name.upper()[0], name[0].upper(), (name)[1], dict.a[1].x, dict.a.1, people[0].tags[-1], people.0.name
"x" in ("x", "y"), {"a": 1}.a, [1, 2][0], "abc"[-1]
list[missing]
list["a"] is defined, none["a"] is defined, one.real is defined or true
people[0]["name"] ~ people[1].name
(list | map("string")) and true, not (nothing | map("string"))
yes is defined and yes is true or no
1 is string or 1 is number
[1, 2, 3,], {"a": 1,}, (1, 2,)
lipsum is defined, cycler is defined, joiner is defined, range is defined, dict is defined, namespace is defined
one is integer and 2 or 3
"a" "b" ~ "c"
not one in list
1 if missing else 2, 1 if missing is defined else 2
"%" ~ "{{ no }}" ~ '{% raw %}'
`;

const templates = String.raw`
{% if one %}a{% elif two %}b{% else %}c{% endif %}
---
{% if zero %}a{% elif one %}b{% else %}c{% endif %}|{% if zero %}a{% else %}c{% endif %}|{% if zero %}a{% endif %}
---
{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }};{% endfor %}
---
{% for x in list %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }}{{ loop.previtem is defined }};{% endfor %}
---
{% for x in list %}{{ loop.cycle("a", "b") }}{{ loop.changed(x > 1) }};{% endfor %}
---
{% for x in nothing %}{{ x }}{% else %}none{% endfor %}|{% for x in missing %}{{ x }}{% else %}missing{% endfor %}
---
{% for x in none %}{{ x }}{% endfor %}
---
{% for x in 5 %}{{ x }}{% endfor %}
---
{% for k, v in dict.items() %}{{ k }}={{ v }};{% endfor %}|{% for k in dict %}{{ k }};{% endfor %}
---
{% for (a, b) in [(1, 2), [3, 4]] %}{{ a }}{{ b }};{% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}
---
{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}
---
{% for c in emoji %}{{ c }};{% endfor %}
---
{% for x in list if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }};{% else %}none{% endfor %}
---
{% set ns = namespace(done=false) %}{% for x in list if not ns.done %}{{ x }}{% set ns.done = x == 1 %}{% endfor %}
---
{% for x in list %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}|{% for x in list %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}
---
{% for x in list %}{% for y in words %}{% if y == "c" %}{% break %}{% endif %}{{ x }}{{ y }}{% endfor %};{% endfor %}
---
{% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}
---
{% for x in list %}{% set y = x %}{% endfor %}{{ y is defined }}{{ x is defined }}
---
{% set y = 0 %}{% for x in list %}{{ y }}{% set y = x %}{{ y }};{% endfor %}{{ y }}
---
{% set ns = namespace(n=0) %}{% for x in list %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}
---
{% set dict.x = 1 %}
---
{% set ns = namespace() %}{% set ns.a = [1] %}{{ ns.a }}{{ ns.b }}|{{ ns["a"] }}
---
{% if one %}{% set z = 5 %}{% endif %}{{ z }}{% if zero %}{% set w = 5 %}{% endif %}{{ w is defined }}
---
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = 1, %}{{ c }}
---
{% set a, b = [1] %}
---
{% set x %}a{{ one }}b{% set inner = 1 %}{% endset %}{{ x }}{{ x is string }}{{ inner is defined }}{% set x | upper | replace("A", "z") %}abc{% endset %}{{ x }}
---
{% macro m(a, b="d", c=a) %}{{ a }}-{{ b }}-{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(1, c=3) }}{{ m(b=2, a=1) }}{{ m() }}
---
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
---
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(z=2) }}
---
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, "x", y=2) }}{{ m() }}
---
{% macro m(a) %}[{{ a }}{{ caller() }}]{% endmacro %}{% call m(1) %}in{{ one }}{% endcall %}
---
{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) m() %}{{ a }}+{{ b }}{% endcall %}
---
{% macro m() %}{% for x in list %}{{ x }}{% endfor %}{% endmacro %}{{ m() | upper }}{{ m() | length }}{{ m() ~ "!" }}{{ m() is string }}
---
{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}
---
{% macro g() %}{{ later }}{% endmacro %}{% set later = "seen" %}{{ g() }}
---
{% for x in list %}{% macro h() %}{{ x }}{% endmacro %}{{ h() }}{% endfor %}
---
{% macro k() %}{{ x }}{% endmacro %}{% for x in list %}{{ k() }}{% endfor %}|
---
{% macro m() %}
  a
{% endmacro %}
[{{ m() }}]
---
{% with a = 1, b = 2 %}{{ a }}{{ b }}{% set c = 3 %}{% endwith %}{{ a is defined }}{{ c is defined }}
---
{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}
---
{% filter upper %}abc {{ name }}{% endfilter %}{% filter replace("a", "b") | upper %}aa{% endfilter %}
---
{% raw %}{{ name }} {% if %}{# x #}{% endraw %}|{%- raw -%}  x  {%- endraw -%}  |
---
{% generation %}said {{ name }}{% set gone = 1 %}{% endgeneration %}{{ gone is defined }}
---
a {# comment #} b{# c
d #}

e
  {# indented #}
f
  {%- if one -%}  x  {%- endif -%}  y
  {% if one %}
  kept
  {% endif %}
end
  {{ name }}  
	{% set q = 1 %}  
 {%+ if one %} plus {% endif +%}
x
a {%- set q = 1 %} b {% set q = 1 -%} c
---
{{- name -}}   {{ name }}
---
{{ name -}}
   x
---
{{ {"a": {"b": 1}}["a"]["b"] }}{{ {"a": {}} }}
---
{{ "}}" }}{{ '%}' }}{% if "%}" %}ok{% endif %}
---
{{ '\n' }}{{ "a\
b" }}
---
{% set x = "a" if one else "b" %}{{ x }}{% set y = not one %}{{ y }}
---
{% for m in messages %}{{ '<|' + m['role'] + '|>' + m.content|trim + '<end>' }}{% endfor %}{% if add_generation_prompt %}x{% endif %}
---
{%- for message in messages %}
    {%- if message.role == "system" %}
        {{- message.content }}
    {%- else %}
        {{- "[" ~ message.content ~ "]" }}
    {%- endif %}
{%- endfor %}
---
{% for m in messages[1:] %}{{ m.role }}{% endfor %}{% for m in messages[::-1] %}{{ m.role }}{% endfor %}{% for x in range(messages | length - 1, -1, -1) %}{{ x }}{% endfor %}
---
{% if messages[0]["role"] == "system" and "brief" in messages[0].content %}yes{% endif %}
---
{% set j = joiner("; ") %}{% for x in list %}{{ j() }}{{ x }}{% endfor %}
---
{% set g = list | map("string") %}{{ g | join }}{{ g | join }}|{% set h = list | select %}{{ 1 in h }}{{ h | list }}
---
{% set s = [] %}{% for x in list %}{% set s = s + [x] %}{% endfor %}{{ s }}
---
{% if one %}
  {% if one %}
  {# deeper #}
    x
  {% endif %}
{% endif %}
  {% raw %}y{% endraw %}
---
{% if %}x{% endif %}
---
{% for x in list %}
{% endif %}
---
{% nope %}
---
{{ name
---
{{ 1 + }}
---
{{ (1 }}
---
{{ a b }}
---
{{ name | }}
---
{# no end
---
{% raw %} no end
---
{% include "x" %}
---
{% import "x" as y %}
---
{{ undefined_function(1) }}
---
{% set true = 1 %}
---
{{ @ }}
---
{{ none.x.y }}
`;

const split = (text, separator) => text.slice(1, -1).split(separator);

export const CONSTRUCTS = [
  ...split(expressions, "\n").map((expression) => `{{ ${expression} }}`),
  ...split(templates, "\n---\n"),
];
