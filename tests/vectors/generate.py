#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Writes the vectors of docs/formats.md: tests/vectors/*.json and the worked example.

  generate.py            writes every file
  generate.py --check    writes nothing; exit 1 when a file differs from what would be written

Either way the vectors from elsewhere are checked first (outside.py), and every vector made here:
good ones decode and encode to themselves, bad ones are refused for the reason given.
"""
import json
import pathlib
import sys

import example
import outside
import tallyref as T
import vectors_binary
import vectors_keys
import vectors_ledger
import vectors_text

HERE = pathlib.Path(__file__).resolve().parent
FORMATS = HERE.parent.parent / "docs" / "formats.md"


def files():
    """Name and content of everything that is generated."""
    made = {}
    for module in (vectors_keys, vectors_text, vectors_binary, vectors_ledger):
        for name, vectors in module.make():
            made[HERE / name] = json.dumps(vectors, indent=1) + "\n"
    made[FORMATS] = example.replace(FORMATS.read_text())
    return made


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    outside.check(HERE / "outside")
    different = {path: content for path, content in files().items()
                 if not path.exists() or path.read_text() != content}
    for path, content in different.items():
        if not check:
            path.write_text(content)
        print(f"{'differs' if check else 'written'}: {path}")
    sys.exit(1 if check and different else 0)


if __name__ == "__main__":
    try:
        main()
    except T.Bad as error:
        sys.exit(f"a vector is not what it should be: {error}")
