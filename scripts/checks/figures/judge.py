#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Usage: judge.py [--measured CODE...]

For checks/figures/check: print a line "pass|fail|skip WHAT WHY", with tabs between, for
each quote and each table.

	--measured CODE...	print the checksums of the code: series, variants, module
"""
import hashlib
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[3]
MEASURED = {
    "series": ("patches/*/*-Input-*.patch", "patches/*/optional/*.patch"),
    "variants": ("scripts/kernel/variants/[0-9]*/*.patch",),
    "module": ("backport/*.[ch]",),
}
NUMBER = r"[0-9][0-9,]*(?:\.[0-9]+)?"
# A figure with a unit: it must have a source
FIGURE = re.compile(rf"(?<![\w.,])({NUMBER}) (%|ms|us|s|instructions?|minutes|times|GB|MB|of a million|late|bytes)(?!\w)")


def say(*result):
    """Print a line for checks/figures/check: pass, fail or skip, what, and why"""
    print("\t".join(result))


def measured(code):
    """The checksum of some of the code that is measured"""
    digest = hashlib.sha256()
    for pattern in MEASURED[code]:
        for path in sorted(TOP.glob(pattern)):
            # Leave out the message of a patch
            digest.update(path.read_bytes().partition(b"\ndiff --git ")[2] or path.read_bytes())
    return f"{code} {digest.hexdigest()[:16]}"


def number(cell):
    """A cell of a table, as a number if it is one"""
    try:
        return int(cell)
    except ValueError:
        try:
            return float(cell)
        except ValueError:
            return cell


def table(lines):
    """Rows by name, which may have blanks, and column, which may not"""
    rows, head = {}, []
    for line in lines:
        cells = line.split()
        if cells and cells[0] in ("kernel", "driver", "part"):
            head = cells
        elif len(cells) >= len(head) > 1:
            names = len(cells) - len(head) + 1
            rows[" ".join(cells[:names])] = dict(zip(head[1:], map(number, cells[names:])))
    return rows


def records():
    """The sections of results.md: NAME: (sums, rows, lines)"""
    found = {}
    text = (TOP / "Documentation/results.md").read_text()
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        name = section.split("\n", 1)[0]
        body = re.search(r"^(?:Measured: ([^.]*)\. )?On .*?^```\n(.*?)^```$", section, re.M | re.S)
        lines = body[2].splitlines()
        found[name] = (body[1].split(", ") if body[1] else [], table(lines), [" ".join(line.split()) for line in lines])
    return found


class Tables(dict):
    """The tables by name; notes which are old, and which were used"""

    def __init__(self, found):
        current = {measured(code) for code in MEASURED}
        super().__init__({name: rows for name, (_, rows, _) in found.items()})
        self.old = {name for name, (sums, _, _) in found.items() if set(sums) - current}
        self.used = set()

    def __getitem__(self, name):
        self.used.add(name)
        return super().__getitem__(name)


def rendered(text, tables):
    """The text with its {EXPRESSION[:FORMAT]} computed"""

    words = {port: lambda cell, n=n: float(cell.split("/")[n]) for n, port in enumerate(("kbd", "aux"))}

    def value(match):
        return format(eval(match[1], words, tables), match[2] or "")  # pylint: disable=eval-used

    # A row may have a colon in its name.
    return re.sub(r"\{([^}]*?)(?::([.,0-9df]*))?\}", value, text)


def flat(text):
    """The text without line breaks and layout"""
    return " ".join(text.split())


def quotes_of(path):
    """Lines "FILE...: TEXT"; a line that begins with a blank goes on"""
    for line in re.sub(r"\n[ \t]+", " ", path.read_text()).splitlines():
        if line and not line.startswith("#"):
            files, _, text = line.partition(": ")
            for file in files.split():
                yield file, flat(text)


def is_row(line):
    """Is this a row of a table: indented, with three figures or more?"""
    return line.startswith("  ") and len(re.findall(rf"(?<!\S){NUMBER}(?:/{NUMBER})?(?!\S)", line)) >= 3


def judged(file, text, quotes, found, tables):
    """(verdict, what, why) for each quote of a text, and for figures beside the quotes"""
    printed = {line for _, _, lines in found.values() for line in lines}
    rows = [line for line in text.splitlines() if is_row(line)]
    strange = [flat(line) for line in rows if flat(line) not in printed]
    if rows:
        yield ("fail" if strange else "pass", f"{file}: {len(rows)} rows are of Documentation/results.md",
               "not this one: " + strange[0] if strange else "")
    left = flat("\n".join(line for line in text.splitlines() if not is_row(line)))
    for quote in quotes:
        tables.used.clear()
        try:
            figure = rendered(quote, tables)
        except (KeyError, TypeError, ValueError) as error:
            yield "fail", f"{file}: {quote}", f"no such figure: {error}"
            continue
        if figure not in left:
            yield "fail", f"{file}: {figure}", "it does not say so"
        elif tables.used & tables.old:
            yield "skip", f"{file}: {figure}", f"{min(tables.used & tables.old)} is older than what it measures"
        elif tables.used:
            yield "pass", f"{file}: {figure}", ""
        left = left.replace(figure, "")
    unknown = [match[0] for match in FIGURE.finditer(left)]
    yield "fail" if unknown else "pass", f"{file}: every figure is accounted for", ", ".join(unknown)


def finds_planted(file, text, quotes, found, tables):
    """Change each digit of each quote: returns a change that is no failure, or nothing"""
    def failures(text):
        return sum(verdict == "fail" for verdict, _, _ in judged(file, text, quotes, found, tables))

    text, tried = flat(text), 0
    for figure in [rendered(quote, tables) for quote in quotes]:
        start = text.find(figure)
        if start < 0:
            continue
        for digit in re.finditer(r"\d", figure):
            at, tried = start + digit.start(), tried + 1
            changed = text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1:]
            if failures(changed) <= failures(text):
                return f"{figure}: {digit[0]} may be another digit"
    return "" if tried else "there is none"


def main():
    """Prints results, or sums"""
    if sys.argv[1:2] == ["--measured"]:
        print(", ".join(map(measured, sys.argv[2:])))
        return
    found = records()
    tables = Tables(found)
    quotes = list(quotes_of(TOP / "Documentation/quotes"))
    for file in sorted({file for file, _ in quotes}):
        text, of_file = (TOP / file).read_text(), [quote for of, quote in quotes if of == file]
        results = list(judged(file, text, of_file, found, tables))
        for result in results:
            say(*result)
        if "fail" in [verdict for verdict, _, _ in results]:
            continue
        missed = finds_planted(file, text, of_file, found, tables)
        say("fail" if missed else "pass", f"{file}: a figure that is changed is found", missed)
    for name in sorted(tables):
        if name in tables.old:
            say("skip", f"table {name}", "older than the code it measures; reports/record makes it anew")
        else:
            say("pass", f"table {name} is of this code", "")


main()
