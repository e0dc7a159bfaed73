#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Drill: does to a copy of an archive what an attacker with the host in hand could do.

    tamper.py FROM TO flip INDEX                 one byte of one record, nothing else
    tamper.py FROM TO remove INDEX --key FILE    a record taken out, tree and checkpoint made anew
    tamper.py FROM TO swap INDEX --key FILE      a record and the next one change places, likewise
    tamper.py FROM TO cut COUNT --key FILE       the last records cut off, likewise
    tamper.py FROM TO rewrite INDEX --key FILE   a record dropped, and everything after it numbered,
                                                 linked, sealed and checkpointed anew

--key is the ledger's own private key. FROM is left as it is; TO must not exist.
"""
import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "vectors"))
import tallyref as ref  # noqa: E402


def read_bundle(root, kind, count):
    """The bytes of every row of entries, seals or commitments."""
    rows = []
    for first in range(0, count, 256):
        width = min(256, count - first)
        data = (root / ref.tile_path(kind, 0, first // 256, width)).read_bytes()
        at = 0
        for _ in range(width):
            if kind == "seals":
                size, head = 64, 0
            else:
                number = int.from_bytes(data[at:at + 2], "big")
                size, head = number * (32 if kind == "commitments" else 1), 2
            rows.append(data[at + head:at + head + size])
            at += head + size
    return rows


class Archive:
    def __init__(self, root):
        note = ref.note_decode((root / "checkpoint").read_bytes())
        checkpoint = ref.checkpoint_decode(note["text"])
        self.origin, size = checkpoint["origin"], checkpoint["size"]
        self.records = read_bundle(root, "entries", size)
        self.seals = read_bundle(root, "seals", size)
        self.commitments = read_bundle(root, "commitments", size)
        self.parts = []
        for index in range(size):
            path = root / ("tally/parts/" + ref.number_path(index))
            self.parts.append(path.read_bytes() if path.exists() else None)

    def rows(self):
        return (self.records, self.seals, self.commitments, self.parts)

    def write(self, root, seed):
        """Everything again, under a checkpoint signed with the ledger's key."""
        leaves = [ref.leaf_hash(record) for record in self.records]
        text = ref.checkpoint_text(self.origin, len(leaves), ref.tree_root(leaves))
        key = ref.note_key(self.origin, ref.public_of(seed))
        rows = [ref.chunks(row, 32) for row in self.commitments]
        files = ref.archive_files(self.records, self.seals, rows, [[] for _ in self.records],
                                  ref.note_sign(text, key, seed))
        for index, part in enumerate(self.parts):
            if part is not None:
                files["tally/parts/" + ref.number_path(index)] = part
        for name in ("tile", "tally/seals", "tally/commitments", "tally/parts"):
            shutil.rmtree(root / name)
        for name, data in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def relink(self, first, seed):
        """New index, link and seal for every record from first on; envelopes stay as signed."""
        for index in range(first, len(self.records)):
            record = ref.record_decode(self.records[index])
            record["index"] = index
            record["link"] = ref.leaf_hash(self.records[index - 1]) if index > 0 else bytes(32)
            self.records[index] = ref.record_encode(record)
            self.seals[index] = ref.seal_make(seed, ref.leaf_hash(self.records[index]))


def flip(root, index):
    """Changes one byte in the middle of a record, where it stands in its bundle."""
    archive = Archive(root)
    first = index // 256 * 256
    width = min(256, len(archive.records) - first)
    path = root / ref.tile_path("entries", 0, first // 256, width)
    data = bytearray(path.read_bytes())
    at = sum(len(record) + 2 for record in archive.records[first:index])
    data[at + 2 + len(archive.records[index]) // 2] ^= 0x01
    path.write_bytes(bytes(data))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("how", choices=["flip", "remove", "swap", "cut", "rewrite"])
    parser.add_argument("number", type=int)
    parser.add_argument("--key", type=Path)
    options = parser.parse_args()
    if not (options.source / "checkpoint").is_file():
        parser.error(f"{options.source}: not an archive")
    if options.target.exists():
        parser.error(f"{options.target}: exists already")
    first = 1 if options.how == "cut" else 0
    last = len(Archive(options.source).records) - (2 if options.how == "swap" else 1)
    if not first <= options.number <= last:
        parser.error(f"{options.number}: not a number from {first} to {last}")
    if options.how != "flip" and options.key is None:
        parser.error("--key is needed")
    shutil.copytree(options.source, options.target)
    if options.how == "flip":
        flip(options.target, options.number)
        return
    seed = ref.private_file_seed(options.key.read_text())
    archive, n = Archive(options.target), options.number
    if options.how in ("remove", "rewrite"):
        for row in archive.rows():
            del row[n]
    if options.how == "swap":
        for row in archive.rows():
            row[n], row[n + 1] = row[n + 1], row[n]
    if options.how == "cut":
        for row in archive.rows():
            del row[len(row) - n:]
    if options.how == "rewrite":
        archive.relink(n, seed)
    archive.write(options.target, seed)


if __name__ == "__main__":
    main()
