# SPDX-License-Identifier: ISC
"""A set of vectors, checked as it grows."""
import itertools

import tallyref as T


def plain(value):
    """value as JSON has it: bytes as hexadecimal, tuples as lists."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def payload(data):
    """Text as text, everything else in hexadecimal."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return {"bytes_hex": data.hex()}
    if any(byte < 0x20 and byte != 0x0A for byte in data):
        return {"bytes_hex": data.hex()}
    return {"text": text}


LONG = 16000


def runs_of(data):
    """Long, dull bytes as [hexadecimal, how often] after each other."""
    runs = []
    for byte, group in itertools.groupby(data):
        count = len(list(group))
        if count < 64 and runs and runs[-1][1] == 1:
            runs[-1][0] += bytes([byte]) * count
        elif count < 64:
            runs.append([bytes([byte]) * count, 1])
        else:
            runs.append([bytes([byte]), count])
    return {"runs": [[chunk.hex(), count] for chunk, count in runs]}


class Vectors:
    def __init__(self, name, decode, encode=None, about=""):
        """decode raises Bad; encode, of what decode gives, must return the same bytes."""
        self.decode, self.encode = decode, encode
        self.json = {"format": name, "about": about, "good": [], "bad": []}

    def good(self, name, data, fields=None, **more):
        decoded = self.decode(data)
        if self.encode is not None and self.encode(decoded) != data:
            raise T.Bad("encode", name)
        if len(data) > LONG:
            self.json.setdefault("good_runs", []).append(
                {"name": name, **runs_of(data), "sha256": T.sha256(data).hex()})
            return decoded
        self.json["good"].append({"name": name, **payload(data), **more,
                                  "fields": plain(decoded if fields is None else fields)})
        return decoded

    def refused(self, name, data, why):
        try:
            self.decode(data)
        except T.Bad as error:
            if why is not None and error.reason != why:
                raise T.Bad(error.reason, f"{name}: expected {why}") from error
            return
        raise T.Bad("accepted", f"{self.json['format']}: {name}")

    def bad(self, name, data, why="malformed", **more):
        self.refused(name, data, why)
        if len(data) > LONG:
            self.json.setdefault("bad_runs", []).append(
                {"name": name, **runs_of(data), "why": why, **more})
            return
        self.json["bad"].append({"name": name, **payload(data), "why": why, **more})

    def edits(self, data, cases):
        """cases: (name, old, new[, why]); old stands exactly once in data."""
        for name, old, new, *why in cases:
            old, new = old.encode(), new.encode()
            if data.count(old) != 1:
                raise T.Bad("edit", f"{self.json['format']}: {name}: {old!r} x {data.count(old)}")
            self.bad(name, data.replace(old, new), *why)

    def frame_of_text(self, data):
        """What is wrong with every text format."""
        self.bad("empty", b"")
        self.bad("no final LF", data[:-1])
        self.bad("CRLF", data.replace(b"\n", b"\r\n"))
        self.bad("CR before the first LF", data.replace(b"\n", b"\r\n", 1))
        self.bad("empty line at the end", data + b"\n")
        self.bad("bytes behind the end", data + b"x")
        self.bad("empty line first", b"\n" + data)
        self.bad("NUL behind the end", data + b"\x00\n")
        self.bad("byte order mark", b"\xef\xbb\xbf" + data)

    def frame_of_bytes(self, data):
        """What is wrong with every binary format that knows its own end."""
        self.bad("empty", b"")
        self.bad("last byte missing", data[:-1])
        self.bad("first half", data[:len(data) // 2])
        self.bad("byte behind the end", data + b"\x00")
