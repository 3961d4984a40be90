#!/usr/bin/env python3
"""All mutants of a folder of SystemVerilog in one build (mutant schemata).

Reads the sites that rtl/mutate.awk lists (module|line|column|length|rule|replacement) from the
standard input, numbers them from 1, and rewrites FOLDER/rtl/MODULE.sv so that a mutant is chosen
when the simulation starts: the expression that holds a site becomes

    pare_mutant_pkg::id == 7 ? (the mutated expression) : (the expression)

Prints the numbers of the sites whose expression it does not find; those need builds of their own.
An expression is the condition of an if, the right side of an assignment, or what a port of an
instance is connected to: all of it, so that widths and signs within it stay as they were.

usage: schemata.py FOLDER <sites
"""
import re
import sys

LABEL = re.compile(r"\s*(?:[A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*\s*:(?!:)\s*)?")
IF = re.compile(r"(?:end\s+)?(?:else\s+)?if \(")
PORT = re.compile(r"\.\w+_i\(")
TARGET = re.compile(r"(?:assign\s+)?(?:\{[^{}]*\}|[A-Za-z_][\w.:]*)(?:\[[^\]=]*(?:\[[^\]]*\][^\]=]*)*\])*\s*(<=|=)\s+")


def uncommented(line):
    return re.sub(r"//.*", lambda m: " " * len(m.group()), line)


def closing(text, at):
    """Where the parenthesis that opens before `at` closes."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at - 1


def slots(text, start):
    """(begin, end) of the expressions of the statement that begins at `start`, and its end."""
    at = LABEL.match(text, start).end()
    found = []
    while True:
        m = IF.match(text, at)
        if not m:
            break
        end = closing(text, m.end())
        found.append((m.end(), end))
        at = end + 1
        at += len(text[at:]) - len(text[at:].lstrip())
    m = PORT.match(text, at)
    if m:
        return found + [(m.end(), closing(text, m.end()))]
    m = TARGET.match(text, at)
    if m:
        end = text.index(";", m.end())
        found.append((m.end(), end))
    return found


def begins(lines):
    """The lines on which a statement begins."""
    ended = True
    for i, line in enumerate(lines):
        code = uncommented(line).strip()
        if not code:
            continue
        if ended:
            yield i
        ended = bool(re.search(r"(;|\bbegin(\s*:\s*\w+)?|\bend|\bendcase|,|\(|^\)|\belse|always_comb|\))$", code)
                     and not re.search(r"(&&|\|\||[?+^])$", code)) and not is_open(code, lines, i)


def is_open(code, lines, i):
    """A line that ends with a parenthesis and goes on on the next one."""
    following = uncommented(lines[i + 1]).strip() if i + 1 < len(lines) else ""
    return bool(re.match(r"(&&|\|\||\?|:|[+*^&|-]|==|\$stable)", following))


def rewrite(path, sites):
    """sites: (number, line, column, length, rule, replacement); returns those left out."""
    lines = open(path).read().split("\n")
    text = "\n".join(uncommented(line) for line in lines)
    offsets, at = [], 0
    for line in lines:
        offsets.append(at)
        at += len(line) + 1
    expressions = {}
    starts = list(begins(lines))
    left = []
    for number, line, column, length, rule, replacement in sites:
        site = offsets[line - 1] + column - 1
        first = max((s for s in starts if s <= line - 1), default=0)
        found = None
        for slot in slots(text, offsets[first]):
            if slot[0] <= site and site + length <= slot[1]:
                found = slot
                old = text[slot[0]:slot[1]]
                new = old[:site - slot[0]] + replacement + old[site - slot[0] + length:]
            elif rule == "if_never" and site + length == slot[0]:
                found = slot
                new = "1'b0 && " + text[slot[0]:slot[1]]
        if found is None:
            left.append(number)
        else:
            expressions.setdefault(found, []).append((number, new))
    for slot in sorted(expressions, reverse=True):
        chosen = "".join(f"pare_mutant_pkg::id == {n} ? ({' '.join(new.split())}) : "
                         for n, new in expressions[slot])
        text = text[:slot[0]] + chosen + "(" + " ".join(text[slot[0]:slot[1]].split()) + ")" + text[slot[1]:]
    open(path, "w").write(text)
    return left


def main():
    folder = sys.argv[1]
    modules = {}
    for number, line in enumerate(sys.stdin, 1):
        module, row, column, length, rule, replacement = line.rstrip("\n").split("|", 5)
        modules.setdefault(module, []).append((number, int(row), int(column), int(length), rule, replacement))
    for module, sites in modules.items():
        for number in rewrite(f"{folder}/rtl/{module}.sv", sites):
            print(number)
    with open(f"{folder}/rtl/pare_mutant_pkg.sv", "w") as f:
        f.write("package pare_mutant_pkg;\n  import \"DPI-C\" function int pare_mutant();\n"
                "  int id = pare_mutant();\nendpackage\n")


if __name__ == "__main__":
    main()
