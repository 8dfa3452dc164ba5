#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Usage: find_scancodes.py FILE WORD

Search FILE, the memory of a machine, for the bytes that a keyboard sends when WORD is
typed (set 1, press and release). The bytes may be adjacent, or at equal distances of up
to 64 bytes, as in a queue of structures. Four letters of the word in a row are a hit,
because a queue may cross pages. Prints how often each four letters were found, and at
which distance, then "found N".
"""
import re
import sys

PAGE = 4096
ROWS = {0x10: "qwertyuiop", 0x1E: "asdfghjkl", 0x2C: "zxcvbnm"}
CODES = {letter: first + n for first, row in ROWS.items() for n, letter in enumerate(row)}


def scancodes(word):
    """Press and release of each letter"""
    return bytes(b for letter in word for b in (CODES[letter], CODES[letter] | 0x80))


def patterns(word):
    """Four letters in a row, at any distance up to 64 bytes"""
    for start in range(0, len(word) - 3, 4):
        codes = [re.escape(bytes([b])) for b in scancodes(word[start:start + 4])]
        for distance in range(1, 65):
            gap = b".{%d}" % (distance - 1) if distance > 1 else b""
            yield word[start:start + 4], distance, re.compile(gap.join(codes), re.DOTALL)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        pages = iter(lambda: file.read(PAGE), b"")
        memory = b"".join(page for page in pages if page.count(0) != len(page))
    found = 0
    for letters, distance, pattern in patterns(sys.argv[2]):
        places = [match.start() for match in pattern.finditer(memory)]
        found += len(places)
        if places:
            print(f"{letters}: {len(places)} times, {distance} bytes apart")
    print(f"found {found}")


main()
