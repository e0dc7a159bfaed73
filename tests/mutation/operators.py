# SPDX-License-Identifier: ISC
"""Mutants of C source: classic operators over the tokens of function bodies."""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tidy"))

from tidy import strip_c  # noqa: E402

SWAPS = {
    "relation": {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="},
    "logic": {"&&": "||", "||": "&&"},
    "arithmetic": {"+": "-", "-": "+", "*": "/", "/": "*", "%": "/", "<<": ">>", ">>": "<<",
                   "&": "|", "|": "&", "^": "|", "+=": "-=", "-=": "+=", "|=": "&=", "^=": "|=",
                   "++": "--", "--": "++"},
    "value": {"true": "false", "false": "true"},
}
TOKEN = re.compile(r"""
    (?P<number>\b(?:0[xX][0-9a-fA-F]+|\d+)[uUlL]*\b)
  | (?P<word>\b[A-Za-z_]\w*\b)
  | (?P<operator>->|<<=|>>=|\.\.\.|\+\+|--|&&|\|\||[-+*/%&|^<>=!]=|<<|>>
                |[-+*/%&|^<>=!~?:;,.(){}\[\]])
""", re.VERBOSE)
BINARY_AFTER = re.compile(r"[\w)\]]$")
DEFINITION = re.compile(r"^\{\n(.*?)^\}\n", re.DOTALL | re.MULTILINE)


class Mutant:
    def __init__(self, path, body, at, old, new, kind):
        """body: (begin, end) of the function's; at: offset of old in the file."""
        self.path, self.body, self.at, self.old, self.new, self.kind = (
            path, body, at, old, new, kind)
        self.line = self.text = self.context = self.function = None

    def describe(self):
        return f"{self.path}:{self.line}: {self.kind}: {self.text} -> {self.changed()}"

    def changed(self):
        column = self.context
        behind = self.text[column + len(self.old):]
        return " ".join((self.text[:column] + self.new + behind).split())

    def key(self):
        """What names it as long as its line stays as it is, in its function."""
        return f"{self.path}: {self.function}: {self.text} -> {self.changed()}"


def tokens(code, begin, end):
    return [match for match in TOKEN.finditer(code, begin, end)]


def closing(code, start):
    """Offset of the parenthesis that closes the one at start."""
    depth = 0
    for offset in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[offset], 0)
        if depth == 0:
            return offset
    return None


def of_token(code, match):
    """(old, new, kind) of one token."""
    text = match.group(0)
    if match.lastgroup == "number":
        digits = text.rstrip("uUlL")
        octal = len(digits) > 1 and digits.isdigit() and digits[0] == "0"
        suffix, value = text[len(digits):], int(digits, 8 if octal else 0)
        yield text, f"{value + 1}{suffix}", "constant"
        if value > 0:
            yield text, f"{value - 1}{suffix}", "constant"
        return
    for kind, table in SWAPS.items():
        if text not in table:
            continue
        before = code[:match.start()].rstrip()
        is_binary = BINARY_AFTER.search(before) and not re.search(r"\breturn$", before)
        if kind == "arithmetic" and text in "+-*&" and not is_binary:
            continue  # a sign, a pointer, an address
        yield text, table[text], kind
    if text == "!":
        yield text, "", "negation"


def of_returns(code, begin, end):
    for match in re.finditer(r"\breturn (TALLY_\w+);", code[begin:end]):
        name = match.group(1)
        if name == "TALLY_REASON_NONE":
            new = "TALLY_REASON_MALFORMED"
        elif name.startswith("TALLY_REASON_"):
            new = "TALLY_REASON_NONE"
        else:
            new = "TALLY_EIO" if name == "TALLY_OK" else "TALLY_OK"
        yield begin + match.start(1), name, new, "return"


def of_statements(code, begin, end):
    """Conditions negated, call statements deleted."""
    for match in re.finditer(r"\bif \(", code[begin:end]):
        start = begin + match.end() - 1
        stop = closing(code, start)
        inner = code[start + 1:stop]
        yield start + 1, inner, f"!({inner})", "condition"
    for match in re.finditer(r"(?<=[;{}])\s+((?:\(void\)!?)?[a-z]\w*\()", code[begin:end]):
        start = begin + match.start(1)
        stop = closing(code, begin + match.end(1) - 1)
        word = match.group(1).rstrip("(")
        if stop and code[stop + 1] == ";" and word not in ("if", "while", "for", "switch"):
            yield start, code[start:stop + 1], "", "call"


def mutants_of(path, source):
    """All of one file, in the order of its text."""
    code = strip_c(source)
    found = []
    for definition in DEFINITION.finditer(code):
        body = definition.span()
        for match in tokens(code, *definition.span(1)):
            for old, new, kind in of_token(code, match):
                found.append(Mutant(path, body, match.start(), old, new, kind))
        for place in (of_returns, of_statements):
            for at, old, new, kind in place(code, *definition.span(1)):
                # With literals, which the code does not have.
                old_source = source[at:at + len(old)]
                new_source = new.replace(old, old_source) if old in new else new
                found.append(Mutant(path, body, at, old_source, new_source, kind))
    for mutant in found:
        begin = source.rfind("\n", 0, mutant.at) + 1
        stop = source.find("\n", mutant.at + len(mutant.old))
        text = source[begin:stop]
        indent = len(text) - len(text.lstrip())
        head = code[code.rfind("\n\n", 0, mutant.body[0]):mutant.body[0]]
        mutant.function = re.findall(r"(\w+)\(", head)[0]
        mutant.line = source.count("\n", 0, mutant.at) + 1
        mutant.text = text.lstrip().replace("\n", " ")
        mutant.context = mutant.at - begin - indent
    return sorted(found, key=lambda mutant: (mutant.at, mutant.new))


def with_own_labels(body, number):
    """Labels are of the whole function: each copy of its body has its own."""
    labels = re.findall(r"^(\w+):$", body, re.MULTILINE)
    for label in labels:
        body = re.sub(rf"^{label}:$", f"{label}_{number}:", body, flags=re.MULTILINE)
        body = re.sub(rf"\bgoto {label};", f"goto {label}_{number};", body)
    return body


def schema(source, numbered):
    """The file with all of these mutants in it; {number: mutant}. And who stands on which line."""
    by_body = {}
    for number, mutant in numbered.items():
        by_body.setdefault(mutant.body, []).append((number, mutant))
    out, at, lines = [], 0, {}
    include = re.search(r"^#include", source, re.MULTILINE)
    out.append(source[:include.start()] + "extern int tl_mutant;\n")
    at = include.start()
    count = "".join(out).count("\n")

    def put(text, number=None):
        nonlocal count
        out.append(text)
        for line in range(count + 1, count + text.count("\n") + 1):
            lines[line] = number
        count += text.count("\n")

    for body in sorted(by_body):
        begin, end = body
        put(source[at:begin] + "{\n")
        for number, mutant in by_body[body]:
            offset = mutant.at - begin
            text = source[begin:end]
            text = text[:offset] + mutant.new + text[offset + len(mutant.old):]
            put(f"if (tl_mutant == {number})\n" + with_own_labels(text, number) + "else\n", number)
        put(source[begin:end] + "}\n")
        at = end
    put(source[at:])
    return "".join(out), lines
