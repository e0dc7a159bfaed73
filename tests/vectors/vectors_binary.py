# SPDX-License-Identifier: ISC
"""Vectors of the binary formats: part, record, seal, submission."""
import sample as S
import tallyref as T
from vectors import Vectors

LEDGER = S.sample_ledger()


def part():
    vectors = Vectors("part", T.part_decode, lambda p: T.part_encode(
        p["salt"], p["author"], p["ledger"], p["name"], p["value"]),
        "Names and values in hexadecimal; the commitment is the leaf hash of the part.")
    head = (S.stream("salt", 32), S.ALDER.fingerprint, LEDGER.id)

    def good(name, data):
        decoded = T.part_decode(data)
        vectors.good(name, data, {**decoded, "commitment": T.leaf_hash(data)})

    make = lambda name, value=b'"x"': T.part_encode(*head, name, value)
    for position, data in LEDGER.entries[1].opened:
        good(f"sample record 1, position {position}", data)
    for title, name in [("empty token", b"/"), ("two empty tokens", b"//"), ("escapes", b"/~0~1/a~0b"),
                        ("UTF-8", "/\u00e9/\uc2e0\uace0/\U0001f4ce".encode()), ("control bytes", b"/\x00\n\x7f"),
                        ("4096 bytes", b"/" + b"a" * 4095), ("largest character", "/\U0010ffff".encode())]:
        good(f"name: {title}", make(name))
    good("empty value", make(b"/a", b""))
    good("value that is no text", make(b"/a", bytes(range(256))))
    whole = make(b"/a", b"")
    for size in (0, 1, 32, 64, 96, 97, 98, len(whole) - 1):
        vectors.bad(f"first {size} bytes", whole[:size])
    for title, name in [("empty", b""), ("no slash first", b"a"), ("a tilde at the end", b"/~"),
                        ("tilde and 2", b"/~2"), ("tilde and a slash", b"/~/0"), ("fragment", b"#/a"),
                        ("byte 0xff", b"/\xff"), ("overlong slash", b"/\xc0\xaf"), ("half a character", b"/\xc3"),
                        ("surrogate", b"/\xed\xa0\x80"), ("above U+10FFFF", b"/\xf4\x90\x80\x80"),
                        ("overlong in three bytes", b"/\xe0\x80\xaf"), ("lone continuation", b"/\x80")]:
        vectors.bad(f"name: {title}", make(name))
    vectors.bad("name of 4097 bytes", make(b"/" + b"a" * 4096), "too-large")
    good("value of 262144 bytes", make(b"/a", b"v" * T.PART_VALUE_MAX))
    vectors.bad("value of 262145 bytes", make(b"/a", b"v" * (T.PART_VALUE_MAX + 1)), "too-large")
    vectors.bad("name longer than the part", b"".join(head) + T.u16(3) + b"/a")
    vectors.json["exhibits"] = exhibits()
    vectors.json["clock_steps"] = {
        "good": [{"text": text, "back_us": T.clock_step_decode(text.encode())}
                 for text in ("-1", "-1500000", f"-{T.SIZE_MAX}")],
        "bad": refused(T.clock_step_decode, ["", "-", "-0", "0", "1", "+1", "--1", "-01", "- 1", "-1 ",
                                             "-1\n", "-1.5", f"-{2 ** 63}", "-1e3", "-0x1"])}
    return vectors.json


def refused(decode, texts):
    for text in texts:
        try:
            decode(text.encode())
        except T.Bad:
            continue
        raise T.Bad("accepted", text)
    return [{"text": text} for text in texts]


def exhibits():
    digest, stored = T.sha256(b"clear").hex(), T.b64(T.sha256(b"stored"))
    lines = [f"sha256 {digest}", "size 20481", "media-type application/pdf", f"stored {stored}"]
    join = lambda changed: "".join(line + "\n" for line in changed)
    change = lambda i, line: join(lines[:i] + [line] + lines[i + 1:])
    good = [join(lines), change(3, "stored -"), change(2, "media-type " + "m" * 127), change(1, "size 0"),
            change(2, "media-type text/plain; charset=utf-8"), change(2, "media-type  "),
            change(1, f"size {T.SIZE_MAX}")]
    bad = ["", join(lines)[:-1], join(lines) + "\n", join(lines).replace("\n", "\r\n"), join(lines[:3]),
           join(lines + ["note x"]), join(lines[::-1]), join([lines[1], lines[0], *lines[2:]]),
           change(0, f"sha256 {digest.upper()}"), change(0, f"sha256 {digest[:-1]}"),
           change(0, f"sha256 {digest}00"), change(0, f"sha512 {digest}"), change(0, f"sha256  {digest}"),
           change(1, "size 020481"), change(1, "size -1"), change(1, "size "), change(1, f"size {2 ** 63}"),
           change(2, "media-type "), change(2, "media-type " + "m" * 128), change(2, "media-type a\tb"),
           change(2, "media-type t\u00e9xt"), change(3, "stored"), change(3, "stored "),
           change(3, f"stored {stored[:-1]}"), change(3, f"stored {digest}"), change(3, "stored --")]
    decoded = []
    for text in good:
        fields = T.exhibit_decode(text.encode())
        T.need(T.exhibit_encode(fields["sha256"], fields["size"], fields["media_type"],
                                fields["stored"]) == text.encode(), "exhibit")
        decoded.append({"text": text, "fields": {
            "sha256": fields["sha256"].hex(), "size": fields["size"], "media_type": fields["media_type"],
            "stored": fields["stored"] and fields["stored"].hex()}})
    names = {name: T.is_exhibit_name(name.encode()) for name in (
        "/exhibits/a", "/exhibits/a~1b", "/exhibits/", "/exhibits", "/exhibits/a/b", "/exhibits//",
        "/exhibit/a", "/x/exhibits/a", "/exhibits/\u00e9")}
    return {"good": decoded, "bad": refused(T.exhibit_decode, bad), "names": names}


def record():
    vectors = Vectors("record", T.record_decode, T.record_encode,
                      "The frame: envelope and blobs are not looked into.")

    def good(name, data):
        decoded = T.record_decode(data)
        vectors.good(name, data, {**decoded, "leaf": T.leaf_hash(data)})

    for i, data in enumerate(LEDGER.records):
        good(f"sample record {i}", data)
    base = {"index": 1, "received_us": S.RECEIVED_US, "link": T.sha256(b"link"), "roster": 0,
            "envelope": b"not looked into\n", "signatures": [b"nor this"]}
    make = lambda **change: T.record_encode({**base, **change})
    good("nothing inside", make(envelope=b"", signatures=[b""]))
    good("64 signatures", make(signatures=[bytes([i]) for i in range(64)]))
    good("largest numbers", make(index=T.SIZE_MAX - 1, received_us=T.SIZE_MAX, roster=T.SIZE_MAX))
    good("largest envelope", make(envelope=b"e" * T.ENVELOPE_MAX))
    good("largest signature", make(signatures=[b"s" * T.BLOB_MAX]))
    rest = T.RECORD_MAX - 60 - T.ENVELOPE_MAX
    blobs = [b"s" * 510] * (rest // 512)
    last = rest - 512 * len(blobs)
    good("40960 bytes", make(envelope=b"e" * T.ENVELOPE_MAX, signatures=blobs + [b"s" * (last - 2)] if last >= 2
                             else blobs[:-1] + [b"s" * (510 + last)]))
    vectors.bad("40961 bytes", make(envelope=b"e" * T.ENVELOPE_MAX, signatures=blobs[:-1] + [b"s" * 511]
                                    if last == 0 else blobs + [b"s" * (last - 1)]), "too-large")
    data = make()
    vectors.frame_of_bytes(data)
    for version in (0, 2, 255):
        vectors.bad(f"version {version}", bytes([version]) + data[1:])
    vectors.bad("index 2^63 - 1", make(index=T.SIZE_MAX))
    vectors.bad("index 2^63", make(index=2 ** 63))
    vectors.bad("index 2^64 - 1", make(index=2 ** 64 - 1))
    vectors.bad("received 2^63", make(received_us=2 ** 63))
    vectors.bad("roster 2^63", make(roster=2 ** 63))
    vectors.bad("no signature", make(signatures=[]))
    vectors.bad("65 signatures", make(signatures=[b"s"] * 65), "too-large")
    vectors.bad("signature of 513 bytes", make(signatures=[b"s" * 513]), "too-large")
    vectors.bad("envelope of 24577 bytes", make(envelope=b"e" * (T.ENVELOPE_MAX + 1)), "too-large")
    count_at = 59 + len(base["envelope"])
    vectors.bad("one signature announced more", data[:count_at] + b"\x02" + data[count_at + 1:])
    vectors.bad("envelope one byte longer announced", data[:57] + T.u16(len(base["envelope"]) + 1) + data[59:])
    vectors.bad("envelope one byte shorter announced", data[:57] + T.u16(len(base["envelope"]) - 1) + data[59:])
    for size in (1, 8, 9, 17, 49, 57, 58, 59, 60):
        vectors.bad(f"first {size} bytes", data[:size])
    return vectors.json


def seal():
    good, bad = [], []
    point = S.LEDGER_KEY.key["point"]
    for i, data in enumerate(LEDGER.records):
        leaf, made = LEDGER.leaves[i], LEDGER.seals[i]
        T.need(T.seal_verify(point, leaf, made), "seal")
        good.append({"name": f"sample record {i}", "bytes_hex": made.hex(), "fields": {
            "leaf": leaf.hex(), "public": point.hex(), "message": (T.SEAL_CONTEXT + leaf).hex()}})
    leaf, made = LEDGER.leaves[1], LEDGER.seals[1]
    sign = lambda message: T.sign(S.LEDGER_KEY.seed, message)
    for name, seal_bytes in [
            ("of another record", LEDGER.seals[2]), ("by another key", T.seal_make(S.HOST.seed, leaf)),
            ("over the leaf hash alone", sign(leaf)), ("over the record", sign(LEDGER.records[1])),
            ("without the LF", sign(b"tally-seal/v1" + leaf)), ("version 2", sign(b"tally-seal/v2\n" + leaf)),
            ("over the hash in base64", sign(T.SEAL_CONTEXT + T.b64(leaf).encode())),
            ("LF behind", sign(T.SEAL_CONTEXT + leaf + b"\n")), ("first bit", bytes([made[0] ^ 1]) + made[1:]),
            ("last bit", made[:-1] + bytes([made[-1] ^ 0x80])), ("zeros", bytes(64))]:
        T.need(not T.seal_verify(point, leaf, seal_bytes), name)
        bad.append({"name": name, "bytes_hex": seal_bytes.hex(), "why": "seal-invalid",
                    "fields": {"leaf": leaf.hex(), "public": point.hex()}})
    return {"format": "seal", "about": "Section 9.", "good": good, "bad": bad}


class Submissions:
    """Bad ones say at which stage: frame (the decoder), or check (steps 2 to 8 of section 19.1)."""

    def __init__(self):
        self.vectors = Vectors("submission", T.submission_decode, T.submission_encode, self.__doc__)

    def good(self, name, given):
        data = T.submission_encode(given)
        T.submission_check(data)
        self.vectors.decode = T.submission_decode
        fields = T.submission_decode(data)
        self.vectors.good(name, data, {
            **fields, "hash": T.sha256(data), **{kind: [dict(zip(("position", "bytes"), item))
                                                        for item in fields[kind]]
                                                 for kind in ("clear", "sealed")}})
        return data

    def frame(self, name, data, why="malformed"):
        self.vectors.decode = T.submission_decode
        self.vectors.bad(name, data, why, stage="frame")

    def check(self, name, given, why):
        data = T.submission_encode(given)
        T.submission_decode(data)
        self.vectors.decode = T.submission_check
        self.vectors.bad(name, data, why, stage="check")


def submission():
    made = Submissions()
    for i, entry in enumerate(LEDGER.entries):
        made.good(f"sample record {i}, {entry.fields['type']}", entry.submission())
    base = LEDGER.entries[1].submission()
    made.frame("empty", b"")
    data = T.submission_encode(base)
    made.frame("last byte missing", data[:-1])
    made.frame("first half", data[:len(data) // 2])
    made.frame("byte behind", data + b"\0")
    bad = lambda name, why="malformed", **change: made.frame(
        name, T.submission_encode({**base, **change}), why)
    bad("envelope of 24577 bytes", "too-large", envelope=b"e" * 24577)
    bad("65 signatures", "too-large", signatures=[b"s"] * 65)
    bad("signature of 513 bytes", "too-large", signatures=[b"s" * 513])
    bad("257 commitments", "too-large", commitments=[bytes(32)] * 257)
    bad("257 clear parts", "too-large", clear=[(i, b"") for i in range(257)])
    bad("257 ciphertexts", "too-large", sealed=[(i, b"") for i in range(257)])
    bad("clear positions descending", clear=base["clear"][::-1])
    bad("clear position twice", clear=base["clear"][:1] * 2)
    bad("clear position 8", clear=base["clear"] + [(8, b"x")])
    bad("sealed position twice", sealed=base["sealed"] * 2)
    bad("sealed position 8", sealed=[(8, b"x")])
    bad("record over its limit", "too-large", envelope=b"e" * 24576, signatures=[b"s" * 510] * 32)
    at = data.rindex(T.u16(len(base["clear"])) + T.u16(base["clear"][0][0]))
    made.frame("part above every limit announced", data[:at + 4] + T.u32(2 ** 32 - 1) + data[at + 8:], "too-large")
    checks(made, base)
    return made.vectors.json


def checks(made, base):
    check = lambda name, why, **change: made.check(name, {**base, **change}, why)
    stranger = S.STRANGER.sign(base["envelope"])
    author = base["signatures"][0]
    others = sorted(([key.blob, key.sign(base["envelope"])] for key in (S.BIRCH, S.CEDAR, S.HOST)))
    signed = [author] + [blob for _, blob in others]
    made.good("countersignatures by three keys", {**base, "signatures": signed})
    check("envelope without its last LF", "malformed", envelope=base["envelope"][:-1])
    check("envelope empty", "malformed", envelope=b"")
    check("commitment missing", "commitments-mismatch", commitments=base["commitments"][:-1] + [bytes(32)])
    check("commitments too few", "commitments-mismatch", commitments=base["commitments"][:-1], clear=[], sealed=[])
    check("commitments too many", "commitments-mismatch", commitments=base["commitments"] + [bytes(32)])
    check("commitments swapped", "commitments-mismatch",
          commitments=[base["commitments"][1], base["commitments"][0]] + base["commitments"][2:])
    check("no clear part", "part-missing", clear=[])
    check("last clear part missing", "part-missing", clear=base["clear"][:-1])
    position, part = base["clear"][0]
    check("value changed", "part-invalid", clear=[(position, part[:-1] + b"x")] + base["clear"][1:])
    check("salt changed", "part-invalid", clear=[(position, b"\0" + part[1:])] + base["clear"][1:])
    check("part of another position", "part-invalid", clear=[(position, base["clear"][1][1])] + base["clear"][1:])
    withheld = dict(LEDGER.entries[1].opened)[0]
    check("withheld part handed over", "part-invalid", clear=[(0, withheld)] + base["clear"])
    check("sealed part handed over in clear", "part-invalid",
          clear=sorted(base["clear"] + [(3, dict(LEDGER.entries[1].opened)[3])]))
    check("no ciphertext", "sealed-missing", sealed=[])
    check("ciphertext for a later position alone", "sealed-missing", sealed=[(4, base["sealed"][0][1])])
    check("ciphertext for an earlier position", "sealed-invalid", sealed=[(0, b"x")] + base["sealed"])
    check("ciphertext more", "sealed-invalid", sealed=base["sealed"] + [(6, b"x")])
    check("ciphertext changed", "sealed-invalid", sealed=[(3, base["sealed"][0][1][:-1] + b"\0")])
    check("ciphertext longer", "sealed-invalid", sealed=[(3, base["sealed"][0][1] + b"\0")])
    check("no signature", "signature-missing", signatures=[])
    check("signature by another key alone", "signature-missing", signatures=[stranger])
    check("author second", "signature-missing", signatures=[stranger, author])
    check("countersignatures descending", "signature-order", signatures=[author] + signed[:0:-1])
    check("countersignature twice", "signature-order", signatures=[author, signed[1], signed[1]])
    check("author twice", "signature-order", signatures=[author, author])
    check("not a signature", "malformed", signatures=[b"x"])
    check("byte behind a signature", "malformed", signatures=[author + b"\0"])
    check("namespace file", "malformed", signatures=[S.ALDER.sign(base["envelope"], namespace="file")])
    check("signature over another text", "signature-invalid", signatures=[S.ALDER.sign(b"x")])
    check("countersignature over another text", "signature-invalid", signatures=[author, S.BIRCH.sign(b"x")])
    token = LEDGER.entries[2].submission()
    made.check("no presence", {**token, "signatures": [S.BIRCH_TOKEN.sign(token["envelope"], flags=0)]},
               "presence-missing")
    made.check("no presence in a countersignature", {**base, "signatures": [author, S.BIRCH_TOKEN.sign(
        base["envelope"], flags=4)]}, "presence-missing")
    contents(made)
    made.check("malformed envelope comes before everything", {
        **base, "envelope": base["envelope"] + b"x", "signatures": [], "clear": []}, "malformed")
    check("commitments come before parts", "commitments-mismatch",
          commitments=[bytes(32)] * 8, clear=[], signatures=[])
    check("parts come before ciphertexts", "part-missing", clear=[], sealed=[], signatures=[])
    check("ciphertexts come before signatures", "sealed-missing", sealed=[], signatures=[])
    check("order comes before validity", "signature-order", signatures=[S.ALDER.sign(b"x"), signed[2], signed[1]])


def contents(made):
    """Entries whose author has signed what the ledger does not take."""
    compose = lambda kind="finding", key=S.ALDER, member="alder", **given: LEDGER.compose(
        key, member, kind, **given)
    exhibit = lambda value, name=b"/exhibits/a", **more: compose(contents=[(name, value, "c")], **more)
    data = b"the file"
    digest = T.sha256(data)
    line = T.exhibit_encode(digest, len(data), "text/plain", digest)
    clear, sealed = [("clear", data, b"a")], [("sealed", data, b"a")]
    made.good("exhibit left in clear", exhibit(line, files=clear).submission())
    made.good("exhibit left as ciphertext", exhibit(T.exhibit_encode(
        T.sha256(b"clear"), 5, "text/plain", digest), files=sealed).submission())
    made.good("exhibit kept by its author", exhibit(T.exhibit_encode(digest, 8, "x", None)).submission())
    made.good("no exhibit: a deeper name", exhibit(b"anything", b"/exhibits/a/b").submission())
    made.good("file that no exhibit names", compose(files=clear).submission())
    made.good("malformed exhibit, withheld: nobody sees it",
              compose(contents=[(b"/exhibits/a", b"x", "w")]).submission())
    for name, entry in [
            ("exhibit without lines", exhibit(b"x", files=clear)),
            ("exhibit without its file line", exhibit(line)),
            ("exhibit of another clear hash", exhibit(T.exhibit_encode(T.sha256(b"x"), 8, "x", digest), files=clear)),
            ("exhibit of another clear size", exhibit(T.exhibit_encode(digest, 9, "x", digest), files=clear)),
            ("exhibit with an empty media type", exhibit(line.replace(b"text/plain", b""), files=clear)),
            ("exhibit with CRLF", exhibit(line.replace(b"\n", b"\r\n"), files=clear))]:
        made.check(name, entry.submission(), "exhibit-invalid")
    step = lambda value: compose("incident", S.HOST, "host", contents=[(b"/clock/step_us", value, "c")])
    made.good("clock step", step(b"-1").submission())
    made.good("clock step in a finding is opaque", compose(contents=[(b"/clock/step_us", b"x", "c")]).submission())
    for value in (b"0", b"1", b"-0", b"-01", b"-x"):
        made.check(f"clock step {value.decode()}", step(value).submission(), "part-invalid")
    wrong = compose(contents=[(b"/a", b"1", "c"), (b"/b", b"2", "c")])
    for name, author, ledger in [("another author", S.BIRCH.fingerprint, LEDGER.id),
                                 ("another ledger", S.ALDER.fingerprint, T.sha256(b"other"))]:
        made.check(f"part of {name}", rewrite(wrong, lambda i, p, author=author, ledger=ledger: T.part_encode(
            p["salt"], author, ledger, p["name"], p["value"])), "part-invalid")
    names = lambda first, second: rewrite(wrong, lambda i, p: T.part_encode(
        p["salt"], p["author"], p["ledger"], (first, second)[i], p["value"]))
    made.check("names descending", names(b"/b", b"/a"), "part-invalid")
    made.check("name twice", names(b"/a", b"/a"), "part-invalid")
    made.check("name that is no pointer", names(b"a", b"b"), "part-invalid")
    made.check("name empty", names(b"", b"/b"), "part-invalid")
    made.check("part of 97 bytes", rewrite(wrong, lambda i, p: bytes(97) if i else T.part_encode(
        p["salt"], p["author"], p["ledger"], p["name"], p["value"])), "part-invalid")
    made.check("sealed size above 4194304", compose(fields={
        "letters": "s", "parts_root": T.leaf_hash(b"x"), "sealed": [(0, bytes(32), T.DEPOSIT_MAX + 1)]}
    ).submission() | {"commitments": [T.leaf_hash(b"x")]}, "too-large")
    half = T.DEPOSIT_MAX // 2 + 1
    made.check("sealed sizes together above 4194304", compose(fields={
        "letters": "ss", "parts_root": T.tree_root([bytes(32)] * 2),
        "sealed": [(0, bytes(32), half), (1, bytes(32), half)]}
    ).submission() | {"commitments": [bytes(32)] * 2}, "too-large")


def rewrite(entry, change):
    """The submission of an entry whose parts are others, committed to and signed for."""
    parts = [(position, change(i, T.part_decode(part)))
             for i, (position, part) in enumerate(entry.opened)]
    commitments = [T.leaf_hash(part) for _, part in parts]
    envelope = T.envelope_encode({**entry.fields, "parts_root": T.tree_root(commitments)})
    return {"envelope": envelope, "signatures": [entry.author.sign(envelope)],
            "commitments": commitments, "clear": parts, "sealed": []}


def make():
    yield "part.json", part()
    yield "record.json", record()
    yield "seal.json", seal()
    yield "submission.json", submission()
