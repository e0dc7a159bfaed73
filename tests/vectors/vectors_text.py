# SPDX-License-Identifier: ISC
"""Vectors of the text formats: envelope, note, checkpoint, receipt, rejection, bundle, entry file."""
import outside
import sample as S
import tallyref as T
from vectors import Vectors, plain

LEDGER = S.sample_ledger()
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def loose(text):
    """The same base64 with an unused bit set: decodes to the same bytes elsewhere."""
    if not text.endswith("="):
        raise T.Bad("loose", "base64 without padding has no unused bits")
    body = text.rstrip("=")
    return body[:-1] + ALPHABET[ALPHABET.index(body[-1]) | 1] + text[len(body):]


def envelope_fields(decoded):
    seen = decoded["seen"]
    return {**{key: value for key, value in decoded.items() if key != "text"},
            "hash": T.sha256(decoded["text"]), "signed": T.time_text(decoded["signed_s"]),
            "seen": None if seen is None else {"index": seen[0], "leaf": seen[1]},
            "sealed": [dict(zip(("position", "hash", "size"), line)) for line in decoded["sealed"]],
            "files": [dict(zip(("kind", "hash", "size"), line)) for line in decoded["files"]],
            "refs": [dict(zip(("relation", "index", "leaf"), line)) for line in decoded["refs"]]}


BASE = {"type": "finding", "ledger": T.sha256(b"ledger"), "member": "alder",
        "key": S.ALDER.fingerprint, "sequence": 17, "previous": T.sha256(b"previous"),
        "seen": (411, T.sha256(b"seen")), "signed_s": S.SIGNED_S,
        "parts_root": T.sha256(b"root"), "letters": "ccwcswws",
        "sealed": [(4, T.sha256(b"four"), 1432), (7, T.sha256(b"seven"), 0)],
        "files": [("clear", T.sha256(b"file one"), 20481), ("sealed", T.sha256(b"file two"), 9)],
        "refs": [("cites", 411, T.sha256(b"seen")), ("see", 10, T.sha256(b"ten")),
                 ("see", 9, T.sha256(b"nine"))], "ops": []}
PLAIN = {**BASE, "letters": "", "parts_root": T.EMPTY_ROOT, "sealed": [], "files": [], "refs": []}
AMENDMENT = {**PLAIN, "type": "amendment", "sequence": 0, "previous": None,
             "refs": [("amends", 0, T.sha256(b"charter"))], "ops": ["withdraw cedar", "rules 2"]}
CHARTER = {**PLAIN, "type": "charter", "ledger": None, "sequence": 0, "previous": None,
           "seen": None, "ops": ["origin a", "x"]}


def envelope():
    vectors = Vectors("envelope", T.envelope_decode, T.envelope_encode,
                      "Section 7. Hashes in hexadecimal; letters empty where there are no parts.")
    make = lambda change, base=BASE: T.envelope_encode({**base, **change})

    def good(name, text):
        vectors.good(name, text, envelope_fields(T.envelope_decode(text)))

    def bad(name, change, base=BASE, why="malformed"):
        vectors.bad(name, make(change, base), why)

    for i, entry in enumerate(LEDGER.entries):
        good(f"sample record {i}, {entry.fields['type']}", entry.envelope)
    good("all kinds of lines", make({}))
    good("no lists", make({}, PLAIN))
    good("amendment", make({}, AMENDMENT))
    good("charter", make({}, CHARTER))
    good("continuation", make({"type": "continuation"}, AMENDMENT))
    good("type that no table has", make({"type": "zz-9-"}))
    good("identifier of 32 bytes", make({"member": "a" * 32}))
    good("first entry of a key", make({"sequence": 1, "previous": None}))
    good("largest numbers", make({"sequence": T.SIZE_MAX, "seen": (T.SIZE_MAX, bytes(32)), "refs": []}))
    good("first second", make({"signed_s": 0}))
    good("last second", make({"signed_s": T.untime("9999-12-31T23:59:59Z")}))
    good("29 February 2000", make({"signed_s": T.untime("2000-02-29T00:00:00Z")}))
    good("29 February 2024", make({"signed_s": T.untime("2024-02-29T23:59:59Z")}))
    good("256 parts", make({"letters": "w" * 256, "sealed": []}))
    refs = sorted((("see", i, T.sha256(b"%d" % i)) for i in range(256)), key=lambda r: f"see {r[1]} ")
    good("256 refs", make({"refs": refs}))
    fixed = make({"ops": ["x"]}, AMENDMENT)
    filler = T.ENVELOPE_MAX - len(fixed)
    good("24576 bytes", make({"ops": ["x" * (filler + 1)]}, AMENDMENT))
    bad("24577 bytes", {"ops": ["x" * (filler + 2)]}, AMENDMENT, "too-large")
    text = make({})
    vectors.frame_of_text(text)
    lines = text.decode().splitlines(keepends=True)
    for i, line in enumerate(lines):
        vectors.bad(f"without line {i + 1}, {line.split(' ')[0]}" if i < 9 or line.startswith("sealed")
                    else f"line {i + 1} twice",
                    "".join(lines[:i] + lines[i + 1:] if i < 9 or line.startswith("sealed")
                            else lines[:i + 1] + lines[i:]).encode())
    for i in range(len(lines) - 1):
        vectors.bad(f"lines {i + 1} and {i + 2} swapped",
                    "".join(lines[:i] + [lines[i + 1], lines[i]] + lines[i + 2:]).encode())
    b = {name: T.b64(T.sha256(name.encode())) for name in
         ("ledger", "previous", "seen", "root", "four", "ten")}
    key = T.fingerprint(S.ALDER.fingerprint)
    vectors.edits(text, [
        ("version 2", "tally/v1 ", "tally/v2 "), ("upper-case keyword", "tally/v1", "Tally/v1"),
        ("two spaces", "tally/v1 f", "tally/v1  f"), ("space at the end", "finding\n", "finding \n"),
        ("tab", "member alder", "member\talder"), ("space before", "member alder", " member alder"),
        ("type in upper case", "v1 finding", "v1 Finding"), ("type empty", "v1 finding", "v1 "),
        ("type begins with a digit", "v1 finding", "v1 1finding"),
        ("type begins with a hyphen", "v1 finding", "v1 -finding"),
        ("type with an underscore", "v1 finding", "v1 find_ing"),
        ("type of 33 bytes", "v1 finding", "v1 " + "a" * 33), ("type not ASCII", "v1 finding", "v1 f\u00efnding"),
        ("no ledger id", f"ledger {b['ledger']}", "ledger -"),
        ("ledger id not canonical", b["ledger"], loose(b["ledger"])),
        ("ledger id without padding", b["ledger"], b["ledger"].rstrip("=")),
        ("ledger id padded twice", b["ledger"], b["ledger"] + "="),
        ("ledger id of 31 bytes", b["ledger"], T.b64(bytes(31))),
        ("ledger id of 33 bytes", b["ledger"], T.b64(bytes(33))),
        ("ledger id in base64url", b["ledger"], T.b64(b"\xfb" * 32).replace("+", "-").replace("/", "_")),
        ("ledger id in hexadecimal", b["ledger"], T.sha256(b"ledger").hex()),
        ("ledger id empty", b["ledger"], ""),
        ("member in upper case", "member alder", "member Alder"),
        ("member empty", "member alder", "member "), ("member of 33 bytes", "member alder", "member " + "a" * 33),
        ("member with a dot", "member alder", "member al.der"),
        ("fingerprint without prefix", key, key[7:]), ("fingerprint prefix in lower case", "key SHA256", "key sha256"),
        ("fingerprint padded", key, key + "="), ("fingerprint not canonical", key, loose(key + "=")[:-1]),
        ("fingerprint short", key, key[:-1]), ("MD5 fingerprint", key, "MD5:" + "00:" * 15 + "00"),
        ("sequence with a zero", "sequence 17", "sequence 017"), ("sequence signed", "sequence 17", "sequence +17"),
        ("sequence negative", "sequence 17", "sequence -17"), ("sequence empty", "sequence 17", "sequence "),
        ("sequence in hexadecimal", "sequence 17", "sequence 0x11"),
        ("sequence 2^63", "sequence 17", f"sequence {2 ** 63}"),
        ("sequence 2^64 + 17", "sequence 17", f"sequence {2 ** 64 + 17}"),
        ("sequence with a fraction", "sequence 17", "sequence 17.0"), ("sequence 0", "sequence 17", "sequence 0"),
        ("sequence 1 with a previous", "sequence 17", "sequence 1"),
        ("sequence 17 without a previous", f"previous {b['previous']}", "previous -"),
        ("previous not canonical", b["previous"], loose(b["previous"])),
        ("nothing seen", "seen 411 " + b["seen"], "seen -"), ("seen without a hash", "seen 411 " + b["seen"], "seen 411"),
        ("seen with a zero", "seen 411", "seen 0411"), ("seen with a third field", "seen 411 " + b["seen"], "seen 411 " + b["seen"] + " x"),
        ("29 February 2025", "2026-01-05T09:00:00Z", "2025-02-29T09:00:00Z"),
        ("29 February 1900 rule, 2100", "2026-01-05T09:00:00Z", "2100-02-29T09:00:00Z"),
        ("31 April", "2026-01-05T09", "2026-04-31T09"), ("day 0", "2026-01-05T09", "2026-01-00T09"),
        ("day 32", "2026-01-05T09", "2026-01-32T09"),
        ("month 0", "2026-01-05T09", "2026-00-05T09"), ("month 13", "2026-01-05T09", "2026-13-05T09"),
        ("year 1969", "2026-01-05T09", "1969-12-31T09"), ("year 0", "2026-01-05T09", "0000-01-05T09"),
        ("year 10000", "2026-01-05T09", "10000-01-05T09"),
        ("hour 24", "T09:00:00Z", "T24:00:00Z"), ("minute 60", "T09:00:00Z", "T09:60:00Z"),
        ("second 60", "T09:00:00Z", "T09:00:60Z"), ("leap second", "2026-01-05T09:00:00Z", "2016-12-31T23:59:60Z"),
        ("lower-case t", "T09:00:00Z", "t09:00:00Z"), ("lower-case z", "T09:00:00Z", "T09:00:00z"),
        ("offset", "T09:00:00Z", "T09:00:00+00:00"), ("no zone", "T09:00:00Z", "T09:00:00"),
        ("fraction", "T09:00:00Z", "T09:00:00.0Z"), ("space for T", "T09:00:00Z", " 09:00:00Z"),
        ("one digit", "T09:00:00Z", "T9:00:00Z"), ("date only", "2026-01-05T09:00:00Z", "2026-01-05"),
        ("count too small", "parts 8", "parts 7"), ("count too large", "parts 8", "parts 9"),
        ("count with a zero", "parts 8", "parts 08"), ("count 0 with letters", "parts 8", "parts 0"),
        ("257 parts", "parts 8 " + b["root"] + " ccwcswws", "parts 257 " + b["root"] + " " + "w" * 257, "too-large"),
        ("letter x", "ccwcswws", "ccwcswxs"), ("letter in upper case", "ccwcswws", "Ccwcswws"),
        ("letters separated", "ccwcswws", "ccwc swws"), ("letters missing", " ccwcswws", ""),
        ("letters -", "ccwcswws", "-"), ("root not canonical", b["root"], loose(b["root"])),
        ("sealed for a letter w", "sealed 4", "sealed 5"), ("sealed with a zero", "sealed 4", "sealed 04"),
        ("sealed line more", "file clear", f"sealed 7 {b['four']} 1\nfile clear"),
        ("size with a zero", "1432", "01432"), ("size negative", "1432", "-1432"), ("size missing", " 1432", ""),
        ("size 2^63", "1432", str(2 ** 63)), ("sealed hash not canonical", b["four"], loose(b["four"])),
        ("file kind withheld", "file clear", "file withheld"), ("file kind in upper case", "file clear", "file Clear"),
        ("file size missing", " 20481", ""), ("file with a fourth field", "20481", "20481 x"),
        ("file size with a zero", "20481", "020481"),
        ("relation in upper case", "ref cites", "ref Cites"), ("relation missing", "ref cites 411", "ref 411"),
        ("ref beyond seen", "ref cites 411", "ref cites 412"), ("ref with a zero", "see 10", "see 010"),
        ("ref hash not canonical", b["ten"], loose(b["ten"])), ("ref without a hash", "see 10 " + b["ten"], "see 10"),
        ("op in a finding", "ref see 9", "op x\nref see 9"), ("unknown line", "ref see 10", "see 10"),
        ("comment", "ref cites", "# a comment\nref cites"), ("empty line inside", "ref cites", "\nref cites")])
    bad("ref by number order", {"refs": sorted(BASE["refs"], key=lambda r: (r[0], r[1]))})
    bad("257 refs", {"refs": sorted((("see", i, T.sha256(b"%d" % i)) for i in range(257)),
                                    key=lambda r: f"see {r[1]} ")}, why="too-large")
    bad("file lines not sorted", {"files": BASE["files"][::-1]})
    bad("op at the end of a finding", {"ops": ["x"]})
    bad("letters for 0 parts", {"letters": "-"}, PLAIN)
    bad("root of something for 0 parts", {"parts_root": bytes(32)}, PLAIN)
    vectors.bad("no letters for 0 parts", make({}, PLAIN).replace(b" -\n", b" \n"))
    bad("charter with a ledger id", {"ledger": bytes(32)}, CHARTER)
    bad("charter that has seen", {"seen": (0, bytes(32))}, CHARTER)
    bad("charter with a ref", {"refs": [("see", 0, bytes(32))]}, CHARTER)
    bad("charter with a sequence", {"sequence": 1}, CHARTER)
    bad("charter with a file", {"files": BASE["files"]}, CHARTER)
    bad("charter without operations", {"ops": []}, CHARTER)
    bad("charter with a part", {"letters": "w", "parts_root": bytes(32)}, CHARTER)
    bad("amendment without a ledger id", {"ledger": None}, AMENDMENT)
    bad("amendment that has seen nothing", {"seen": None, "refs": []}, AMENDMENT)
    bad("amendment with a sequence", {"sequence": 1}, AMENDMENT)
    bad("amendment with a previous", {"previous": bytes(32)}, AMENDMENT)
    bad("amendment with a part", {"letters": "c", "parts_root": bytes(32)}, AMENDMENT)
    bad("amendment with a file", {"files": BASE["files"]}, AMENDMENT)
    bad("amendment without operations", {"ops": []}, AMENDMENT)
    bad("continuation with a sequence", {"type": "continuation", "sequence": 2}, AMENDMENT)
    for name, operation in [("empty", ""), ("with a tab", "admit\tx"), ("with DEL", "admit x\x7f"),
                            ("not ASCII", "admit x Caf\u00e9"), ("with NUL", "admit\0x")]:
        vectors.bad(f"operation {name}", make({"ops": ["@"]}, AMENDMENT).replace(b"@", operation.encode()))
    return vectors.json


def note_cases(vectors, text, key, seed):
    """What is wrong with a signed note, whatever its text; the signed text itself is good."""
    data = T.note_sign(text, key, seed)
    line = T.note_line(key, T.sign(seed, text))
    other = T.note_line(T.note_key("other.example", T.public_of(S.STRANGER.seed)),
                        T.sign(S.STRANGER.seed, b"anything"))
    blob = line.split(b" ")[2].strip().decode()
    vectors.good("lines of others before and behind", text + b"\n" + other + line + other)
    same_id = T.DASH.encode() + b" other.example " + T.b64(key["id"] + bytes(64)).encode() + b"\n"
    vectors.good("our ID under another name", text + b"\n" + same_id + line)
    cases = [
        ("no final LF", data[:-1]), ("no signature", text), ("no signature, empty line", text + b"\n"),
        ("no empty line", text + line), ("two empty lines", text + b"\n\n" + line),
        ("empty line between signatures", text + b"\n" + line + b"\n" + other),
        ("CRLF", data.replace(b"\n", b"\r\n")), ("byte 0x01 first", b"\x01" + data),
        ("byte 0xff first", b"\xff" + data), ("tab", data.replace(b" ", b"\t", 1)),
        ("NUL in the text", data.replace(b"\n", b"\x00\n", 1)),
        ("junk behind a good signature", data + b"junk\n"), ("empty line behind", data + b"\n"),
        ("only others", text + b"\n" + other),
        ("our line twice", text + b"\n" + line * 2),
        ("our line good and then bad", text + b"\n" + line + T.note_line(key, bytes(64))),
        ("our line bad", text + b"\n" + T.note_line(key, bytes(64))),
        ("our line bad, another good", text + b"\n" + T.note_line(key, bytes(64)) + other),
        ("63 bytes of signature", text + b"\n" + T.note_line(key, T.sign(seed, text)[:63])),
        ("65 bytes of signature", text + b"\n" + T.note_line(key, T.sign(seed, text) + b"\0")),
        ("no byte of signature", text + b"\n" + line + T.note_line(key, b"")),
        ("hyphen for the dash", data.replace(T.DASH.encode(), b"-")),
        ("two dashes", data.replace(T.DASH.encode(), T.DASH.encode() * 2)),
        ("two spaces", data.replace(T.DASH.encode() + b" ", T.DASH.encode() + b"  ")),
        ("space at the end of the line", data[:-1] + b" \n"),
        ("space in the name", text + b"\n" + line + other.replace(b"other.", b"other ")),
        ("U+00A0 in the name", text + b"\n" + line + other.replace(b"other.", "other\u00a0".encode())),
        ("plus in the name", text + b"\n" + line + other.replace(b"other.", b"other+")),
        ("base64 without padding", data.replace(blob.encode(), blob.rstrip("=").encode())),
        ("base64 not canonical", data.replace(blob.encode(), loose(blob).encode())),
        ("base64 of another line not canonical",
         text + b"\n" + line + other.replace(other.split(b" ")[2].strip(),
                                             loose(other.split(b" ")[2].strip().decode()).encode())),
        ("key ID of another key", data.replace(blob.encode(), T.b64(
            bytes(4) + T.sign(seed, text)).encode())),
        ("signed with the empty line", text + b"\n" + T.note_line(key, T.sign(seed, text + b"\n"))),
        ("text changed behind the signature", data.replace(b"\n", b" \n", 1))]
    for name, bytes_of_it in cases:
        vectors.bad(name, bytes_of_it)


def note():
    def decode(data):
        return T.note_decode(data)
    vectors = Vectors("note", decode, None, "Signed notes with the vkey that verifies them; bad: "
                      "do not decode, whatever the key.")
    for name, (vkey, text, blob) in outside.NOTES.items():
        vectors.good(name, outside.note(vkey, text, blob), {"text": text}, vkey=vkey)
    text = outside.MATH.encode()
    keys = [(outside.VKEYS[f"golang/mod {name}"], blob) for name, blob in (
        ("PeterNeumann", outside.NEUMANN_BLOB), ("EnochRoot", outside.ENOCH_BLOB))]
    both = text + b"\n" + b"".join(outside.note(vkey, "", blob)[1:] for vkey, blob in keys)
    for vkey, _ in keys:
        T.note_verify(T.note_decode(both), T.vkey_parse(vkey))
        vectors.good(f"two signatures, by {vkey.split('+')[0]}", both, {"text": text.decode()}, vkey=vkey)
    empty_lines = b"first\n\nthird, behind an empty line\n"
    key = T.note_key("a.example/b", S.ALDER.key["point"])
    vectors.good("text with an empty line", T.note_sign(empty_lines, key, S.ALDER.seed),
                 {"text": empty_lines.decode()}, vkey=T.vkey_text(key))
    peter = outside.note(keys[0][0], outside.MATH, keys[0][1])
    for name, data in [
            ("no signature block", text), ("no final LF", peter[:-1]), ("0x01 first", b"\x01" + peter),
            ("0xff first", b"\xff" + peter), ("space in the key name", peter.replace(b"PeterN", b"Peter N")),
            ("junk behind", peter + b"junk\n")]:
        vectors.bad(f"golang/mod: {name}", data)
    vectors.bad("golang/mod: 101 lines", text + b"\n" + peter.split(b"\n\n")[1] * 101, "too-large")
    return vectors.json


def checkpoint():
    key, seed = LEDGER.note_key, LEDGER.key.seed
    vkey = T.vkey_text(key)
    vectors = Vectors("checkpoint", lambda data: T.checkpoint_open(data, key), None,
                      "Signed checkpoints, opened with vkey: the file's own unless a vector has "
                      "another. Bad: one of form, signature or origin is wrong.")
    vectors.json["vkey"] = vkey
    for size in [0] + LEDGER.commits:
        vectors.good(f"sample ledger, size {size}", LEDGER.checkpoint(size))
    text = T.checkpoint_text(key["name"], 9, T.tree_root(LEDGER.leaves))
    note_cases(vectors, text, key, seed)
    note_text, line = LEDGER.checkpoint(9).split(b"\n\n")
    other = T.note_line(T.note_key("w", S.STRANGER.key["point"]), T.sign(S.STRANGER.seed, b"x"))
    vectors.good("100 lines", note_text + b"\n\n" + other * 99 + line)
    vectors.bad("101 lines", note_text + b"\n\n" + other * 100 + line)
    other_key = lambda k: setattr(vectors, "decode", lambda data: T.checkpoint_open(data, k))
    words_seed = T.unb64(outside.WORDS_SKEY.split("+", 4)[4])[1:]
    words_key = T.vkey_parse(outside.VKEYS["tessera testdata"])
    leaves = [T.leaf_hash(word.encode()) for word in outside.WORDS.split()]
    other_key(words_key)
    for size in range(16):
        text = T.checkpoint_text(words_key["name"], size, T.tree_root(leaves[:size]))
        vectors.good(f"tessera testdata, size {size}", T.note_sign(text, words_key, words_seed),
                     vkey=T.vkey_text(words_key))
    numbered_key = T.vkey_parse(outside.VKEYS["numbered log"])
    other_key(numbered_key)
    for size in outside.NUMBERED_SIGNATURES:
        text = T.checkpoint_text(numbered_key["name"], size, T.unb64(outside.NUMBERED_ROOTS[size]))
        vectors.good(f"numbered entries, size {size}",
                     T.note_sign(text, numbered_key, outside.NUMBERED_SEED), vkey=T.vkey_text(numbered_key))
    sigsum_key = T.note_key(outside.sigsum_origin(), bytes.fromhex(outside.SIGSUM_PUBLIC))
    other_key(sigsum_key)
    text = T.checkpoint_text(sigsum_key["name"], 10, T.unb64(outside.SIGSUM_ROOT))
    vectors.good("sigsum-go", T.note_sign(text, sigsum_key, outside.SIGSUM_SEED), vkey=T.vkey_text(sigsum_key))
    go_vkey, go_text, go_blob = outside.NOTES["Go checksum database"]
    other_key(T.vkey_parse(go_vkey))
    vectors.bad("Go checksum database: origin is not the key's name", outside.note(go_vkey, go_text, go_blob),
                vkey=go_vkey)
    other_key(key)
    root = T.b64(T.tree_root(LEDGER.leaves))
    name = key["name"]
    for title, text in [
            ("another origin", f"tally.example/other\n9\n{root}\n"), ("no origin", f"\n9\n{root}\n"),
            ("origin in upper case", f"Tally.example/sample\n9\n{root}\n"),
            ("space behind the origin", f"{name} \n9\n{root}\n"), ("two lines", f"{name}\n9\n"),
            ("extension line", f"{name}\n9\n{root}\nextension\n"), ("empty extension", f"{name}\n9\n{root}\n\n"),
            ("size with a zero", f"{name}\n09\n{root}\n"), ("size signed", f"{name}\n+9\n{root}\n"),
            ("size negative", f"{name}\n-9\n{root}\n"), ("size empty", f"{name}\n\n{root}\n"),
            ("size in words", f"{name}\nnine\n{root}\n"), ("size 2^63", f"{name}\n{2 ** 63}\n{root}\n"),
            ("size 2^64", f"{name}\n{2 ** 64}\n{root}\n"), ("size with a space", f"{name}\n 9\n{root}\n"),
            ("size 0 with another root", f"{name}\n0\n{root}\n"),
            ("root not canonical", f"{name}\n9\n{loose(root)}\n"), ("root without padding", f"{name}\n9\n{root[:-1]}\n"),
            ("root of 31 bytes", f"{name}\n9\n{T.b64(bytes(31))}\n"), ("root empty", f"{name}\n9\n\n"),
            ("root in hexadecimal", f"{name}\n9\n{T.tree_root(LEDGER.leaves).hex()}\n"),
            ("space behind the root", f"{name}\n9\n{root} \n"), ("empty text line first", f"\n{name}\n9\n{root}\n")]:
        vectors.bad(title, T.note_sign(text.encode(), key, seed))
    vectors.bad("signed by another key", T.note_sign(T.checkpoint_text(name, 9, T.tree_root(LEDGER.leaves)),
                T.note_key(name, S.STRANGER.key["point"]), S.STRANGER.seed))
    vectors.bad("signed under the rejection's name", T.note_sign(
        T.checkpoint_text(name, 9, T.tree_root(LEDGER.leaves)), T.rejection_key(key), seed))
    text = T.checkpoint_text(numbered_key["name"], 257, T.unb64(outside.NUMBERED_ROOTS[257]))
    sigsum_text = T.checkpoint_text("example.org/log", 10, T.unb64(outside.SIGSUM_ROOT))
    vectors.json["cosignatures"] = [
        {"name": name, "text": text.decode(), "vkey": vector["vkey"], "time": vector["time"],
         "blob": vector["blob"]} for name, text, vector in (
             ("sigsum-go", sigsum_text, outside.SIGSUM_COSIGNED),
             ("numbered entries, size 257", text, outside.COSIGNED_257))]
    return vectors.json


def receipt():
    vectors = Vectors("receipt", T.receipt_decode, lambda r: T.proof_encode(
        r["index"], r["proof"], r["checkpoint"], r["extra"]),
        "Form only. unsound: decode, and do not hold by themselves under vkey.")
    vectors.json["vkey"] = T.vkey_text(LEDGER.note_key)

    def fields(data):
        decoded = T.receipt_decode(data)
        return {key: decoded[key] for key in ("index", "record", "seal", "proof")} | {
            "checkpoint": decoded["checkpoint"].decode()}

    for index in range(len(LEDGER.records)):
        data = LEDGER.receipt(index)
        T.receipt_check(data, LEDGER.note_key)
        vectors.good(f"sample record {index}", data, fields(data))
    data = LEDGER.receipt(2)
    decoded = T.receipt_decode(data)
    extra = T.b64(decoded["extra"])
    proof = [T.b64(h) for h in decoded["proof"]]
    vectors.edits(data, [
        ("version 2", "tlog-proof@v1", "tlog-proof@v2"), ("first line missing", "c2sp.org/tlog-proof@v1\n", ""),
        ("no extra", f"extra {extra}\n", ""), ("extra empty", extra, ""), ("extra not canonical", extra, loose(extra)),
        ("extra twice", f"extra {extra}\n", f"extra {extra}\nextra {extra}\n"),
        ("seal alone", extra, T.b64(bytes(64))), ("space behind extra", extra, extra + " "),
        ("no index", "index 2\n", ""), ("index with a zero", "index 2\n", "index 02\n"),
        ("index signed", "index 2\n", "index +2\n"), ("index negative", "index 2\n", "index -2\n"),
        ("index 2^63", "index 2\n", f"index {2 ** 63}\n"), ("index behind the hashes", f"index 2\n{proof[0]}", f"{proof[0]}\nindex 2"),
        ("hash not canonical", proof[0], loose(proof[0])), ("hash of 31 bytes", proof[0], T.b64(bytes(31))),
        ("hash empty of its LF", proof[0] + "\n", proof[0]), ("space behind a hash", proof[0], proof[0] + " "),
        ("64 hashes", proof[0] + "\n", (proof[0] + "\n") * (65 - len(proof)), "too-large")])
    vectors.bad("CRLF", data.replace(b"\n", b"\r\n"))
    vectors.bad("empty", b"")
    vectors.bad("no checkpoint", data.partition(b"\n\n")[0] + b"\n\n")
    vectors.bad("ends in the hashes", data.partition(b"\n\n")[0] + b"\n")
    vectors.bad("byte first", b"x" + data)
    vectors.bad("empty line first", b"\n" + data)
    c2sp = T.proof_encode(200, [T.unb64(h) for h in outside.NUMBERED_PROOF_200_302], T.note_sign(
        T.checkpoint_text(outside.NUMBERED_NAME, 302, T.unb64(outside.NUMBERED_ROOTS[302])),
        T.vkey_parse(outside.VKEYS["numbered log"]), outside.NUMBERED_SEED))
    vectors.bad("C2SP tlog-proof without extra", c2sp)
    unproven = T.proof_decode(c2sp)
    T.need(T.verify_inclusion(T.leaf_hash(b"entry 200\n"), 200, 302, unproven["proof"],
                              T.unb64(outside.NUMBERED_ROOTS[302])), "C2SP tlog-proof")
    vectors.json["proofs"] = [
        {"name": "C2SP tlog-proof without extra", "text": c2sp.decode(), "vkey": outside.VKEYS["numbered log"],
         "leaf": T.leaf_hash(b"entry 200\n").hex(), "size": 302}]
    vectors.json["unsound"] = unsound_receipts()
    return vectors.json


def unsound_receipts():
    size, key = 3, LEDGER.note_key
    good = T.receipt_decode(LEDGER.receipt(1))

    def other(record=None, seal=None, index=1, proof=None, checkpoint=None):
        record = good["record"] if record is None else record
        return T.proof_encode(index, good["proof"] if proof is None else proof,
                              checkpoint or good["checkpoint"],
                              record + (good["seal"] if seal is None else seal))

    changed = good["record"][:16] + bytes([good["record"][16] ^ 1]) + good["record"][17:]
    reseal = lambda record: T.seal_make(LEDGER.key.seed, T.leaf_hash(record))
    stranger = T.note_key(key["name"], S.STRANGER.key["point"])
    far = T.note_sign(T.checkpoint_text(key["name"], size, T.tree_root(LEDGER.leaves[:size])),
                      stranger, S.STRANGER.seed)
    cases = [
        ("seal of another record", other(seal=LEDGER.seals[2]), "seal-invalid"),
        ("another record", other(record=LEDGER.records[2], seal=LEDGER.seals[2]), "index-mismatch"),
        ("another record and index", other(record=LEDGER.records[2], seal=LEDGER.seals[2], index=2),
         "proof-invalid"),
        ("received time changed, sealed anew", other(record=changed, seal=reseal(changed)),
         "proof-invalid"),
        ("hash changed", other(proof=[T.EMPTY_ROOT] + good["proof"][1:]), "proof-invalid"),
        ("hash missing", other(proof=good["proof"][:-1]), "proof-invalid"),
        ("hash more", other(proof=good["proof"] + [T.EMPTY_ROOT]), "proof-invalid"),
        ("checkpoint of another size", other(checkpoint=LEDGER.checkpoint(4)), "proof-invalid"),
        ("checkpoint not larger than the index", other(checkpoint=LEDGER.checkpoint(1)), "proof-invalid"),
        ("checkpoint by another key", other(checkpoint=far), "malformed"),
        ("charter under a later checkpoint", LEDGER.proof(0, size), "batch-mismatch"),
        ("amendment under a later checkpoint", LEDGER.proof(5, 7), "batch-mismatch")]
    for name, data, why in cases:
        try:
            T.receipt_check(data, key)
        except T.Bad as error:
            T.need(error.reason == why, f"{name}: {error}")
        else:
            raise T.Bad("accepted", name)
    lines = {"seal-invalid": "seals", "proof-invalid": "tree", "malformed": "checkpoint"}
    return [{"name": name, "text": data.decode(), "line": lines.get(why, "receipts"),
             "why": "checkpoint-invalid" if why == "malformed" else why}
            for name, data, why in cases]


def rejection():
    key, seed = LEDGER.note_key, LEDGER.key.seed
    mine = T.rejection_key(key)
    vectors = Vectors("rejection", lambda data: T.rejection_open(data, key), None,
                      "Opened with the rejection key that goes with vkey, the ledger's.")
    vectors.json["vkey"], vectors.json["rejection_vkey"] = T.vkey_text(key), T.vkey_text(mine)
    fields = {"envelope": T.sha256(b"envelope"), "submission": T.sha256(b"submission"),
              "code": "sequence-gap", "size": 9, "roster": 5, "time_s": S.SIGNED_S}
    for code in T.REASONS:
        vectors.good(f"code {code}", T.note_sign(T.rejection_text({**fields, "code": code}), mine, seed))
    vectors.good("no envelope could be cut out", T.note_sign(
        T.rejection_text({**fields, "envelope": T.sha256(b""), "code": "malformed"}), mine, seed))
    text = T.rejection_text(fields)
    note_cases(vectors, text, mine, seed)
    hashes = {name: T.b64(fields[name]) for name in ("envelope", "submission")}
    lines = text.decode().splitlines(keepends=True)
    edits = [(f"without line {i + 1}", line, "") for i, line in enumerate(lines)]
    edits += [("version 2", "rejection/v1", "rejection/v2"), ("code none", "sequence-gap", "none"),
              ("code unknown", "sequence-gap", "sequence-hole"), ("code in upper case", "sequence-gap", "SEQUENCE-GAP"),
              ("code empty", "sequence-gap", ""), ("size with a zero", "size 9", "size 09"),
              ("size negative", "size 9", "size -9"), ("roster with a zero", "roster 5", "roster 05"),
              ("roster 2^63", "roster 5", f"roster {2 ** 63}"), ("hour 24", "T09:00", "T24:00"),
              ("29 February 2025", "2026-01-05", "2025-02-29"), ("fraction", "09:00:00Z", "09:00:00.5Z"),
              ("offset", "09:00:00Z", "09:00:00+01:00"), ("line more", lines[-1], lines[-1] + "note x\n"),
              ("two lines swapped", lines[4] + lines[5], lines[5] + lines[4])]
    edits += [(f"{name} not canonical", value, loose(value)) for name, value in hashes.items()]
    for name, old, new in edits:
        T.need(text.count(old.encode()) == 1, name)
        vectors.bad(name, T.note_sign(text.replace(old.encode(), new.encode()), mine, seed))
    vectors.bad("under the ledger key's own name", T.note_sign(text, key, seed))
    vectors.bad("by another key", T.note_sign(text, T.note_key(mine["name"], S.STRANGER.key["point"]), S.STRANGER.seed))
    vectors.bad("of another ledger", T.note_sign(text, T.note_key("tally.example/other/rejection", key["point"]), seed))
    return vectors.json


def bundle():
    vectors = Vectors("bundle", T.bundle_decode, T.bundle_encode, "Form only. Parts: index, position, "
                      "part and the hashes of its inclusion in the entry's parts root.")
    names = ("index", "position", "part", "proof")

    def good(name, given):
        data = T.bundle_encode(given)
        decoded = T.bundle_decode(data)
        vectors.good(name, data, {
            "constitution": [T.receipt_decode(p)["index"] for p in decoded["constitution"]],
            "last": T.receipt_decode(decoded["last"])["index"],
            "entries": [T.receipt_decode(p)["index"] for p in decoded["entries"]],
            "parts": [dict(zip(names, part)) for part in decoded["parts"]]})

    full = LEDGER.bundle([1, 6], [(1, 0), (1, 2), (1, 4), (6, 0)])
    good("two entries, four parts", full)
    good("one entry without parts", LEDGER.bundle([8], []))
    good("entry that is the charter", LEDGER.bundle([0], []))
    one = LEDGER.bundle([1], [(1, 2)])
    data = T.bundle_encode(one)
    vectors.frame_of_text(data)
    bad = lambda name, why="malformed", **change: vectors.bad(
        name, T.bundle_encode({**one, **change}), why)
    bad("no constitution", constitution=[])
    bad("constitution twice", constitution=one["constitution"][:1] * 2)
    bad("constitution descending", constitution=one["constitution"][::-1])
    bad("no entry", entries=[], parts=[])
    bad("entry twice", entries=one["entries"] * 2)
    bad("entries descending", entries=full["entries"][::-1])
    bad("another checkpoint", entries=[LEDGER.proof(1, 8)])
    bad("last under another checkpoint", last=LEDGER.proof(7, 8))
    bad("checkpoint with a line more", last=one["last"] + T.note_line(
        T.note_key("w", S.STRANGER.key["point"]), T.sign(S.STRANGER.seed, b"x")))
    index, position, part, proof = one["parts"][0]
    bad("part of another entry", parts=[(2, position, part, proof)])
    bad("part twice", parts=one["parts"] * 2)
    bad("parts descending", parts=full["parts"][:2][::-1])
    bad("position 256", parts=[(index, 256, part, proof)])
    bad("64 hashes", "too-large", parts=[(index, position, part, [T.EMPTY_ROOT] * 64)])
    last = f"last {T.b64(one['last'])}\n"
    entry = f"entry {T.b64(one['entries'][0])}\n"
    hashes = [T.b64(h) for h in proof]
    part_text = T.b64(part)
    vectors.edits(data, [
        ("version 2", "tally-bundle/v1", "tally-bundle/v2"), ("no last", last, ""), ("last twice", last, last * 2),
        ("last behind the entry", last + entry, entry + last), ("entry before last again", last, entry + last),
        ("unknown line", "part 1", "note x\npart 1"), ("part index with a zero", "part 1 2", "part 01 2"),
        ("part position with a zero", "part 1 2", "part 1 02"), ("part without a position", "part 1 2", "part 1"),
        ("two spaces", "part 1 2", "part 1  2"), ("space at the end", hashes[-1] + "\n", hashes[-1] + " \n"),
        ("hash not canonical", hashes[0], loose(hashes[0])), ("hash of 31 bytes", hashes[0], T.b64(bytes(31))),
        ("proof not canonical", entry, "entry " + part_text + "\n"), ("upper case", "entry ", "Entry ")])
    padded = next((T.b64(p) for p in one["constitution"] + one["entries"] if T.b64(p).endswith("=")), None)
    if padded is not None:
        vectors.bad("base64 of a proof not canonical", data.replace(padded.encode(), loose(padded).encode()))
    vectors.bad("part before the entries", data.replace(
        (entry + "part 1").encode(), ("part 1 2 " + part_text + "\n" + entry + "part 1").encode()))
    return vectors.json


def entry_file():
    vectors = Vectors("entry_file", T.entry_decode, T.entry_encode,
                      "Paths in hexadecimal. submission: what the file sends, when it is signed.")

    def good(name, entry):
        data = T.entry_encode(entry)
        decoded = T.entry_decode(data)
        fields = {**decoded, "parts": [{"position": p, "part": d} for p, d in decoded["parts"]],
                  "sealed": [{"position": p, "ciphertext": d} for p, d in decoded["sealed"]],
                  "files": [dict(zip(("hash", "size", "path"), line)) for line in decoded["files"]],
                  "submission": T.entry_submission(decoded)}
        vectors.good(name, data, fields)
        return data

    for i, entry in enumerate(LEDGER.entries):
        good(f"sample record {i}, {entry.fields['type']}", entry.entry_file())
    base = LEDGER.entries[1].entry_file()
    good("not signed yet", {**base, "signatures": []})
    good("no opening kept", {**base, "parts": [p for p in base["parts"] if p[0] != 0]})
    charter = LEDGER.entries[0].entry_file()
    good("charter that one founder has signed", {**charter, "signatures": charter["signatures"][1:2]})
    hard = bytes(range(1, 256))
    good("path of all bytes", {**base, "files": [(*base["files"][0][:2], hard), base["files"][1]]})
    data = T.entry_encode(base)
    vectors.frame_of_text(data)
    bad = lambda name, why="malformed", **change: vectors.bad(name, T.entry_encode({**base, **change}), why)
    bad("65 signatures", "too-large", signatures=base["signatures"] * 65)
    bad("signature of 513 bytes", "too-large", signatures=[bytes(513)])
    bad("commitment missing", commitments=base["commitments"][:-1])
    bad("commitment more", commitments=base["commitments"] + [bytes(32)])
    bad("commitments of a charter", **{**charter, "commitments": [bytes(32)]})
    bad("no commitments", commitments=[])
    bad("parts descending", parts=base["parts"][::-1])
    bad("part twice", parts=base["parts"][:1] * 2)
    bad("part at a sealed position", parts=[(3, base["parts"][0][1])])
    bad("part behind the last position", parts=[(8, base["parts"][0][1])])
    bad("sealed at a clear position", sealed=[(2, base["sealed"][0][1])])
    bad("sealed twice", sealed=base["sealed"] * 2)
    bad("file missing", files=base["files"][:1])
    bad("file more", files=base["files"] + base["files"][:1])
    bad("files in another order", files=base["files"][::-1])
    bad("another file size", files=[(base["files"][0][0], 45, b"x"), base["files"][1]])
    bad("another file hash", files=[(bytes(32), base["files"][0][1], b"x"), base["files"][1]])
    bad("envelope malformed", envelope=base["envelope"][:-1])
    signature = f"signature {T.b64(base['signatures'][0])}\n"
    commitments = f"commitments {T.b64(b''.join(base['commitments']))}\n"
    envelope_line = f"envelope {T.b64(base['envelope'])}\n"
    first_part = f"part {base['parts'][0][0]} {T.b64(base['parts'][0][1])}\n"
    path = " page.txt\n"
    vectors.edits(data, [
        ("version 2", "tally-entry/v1", "tally-entry/v2"), ("no envelope", envelope_line, ""),
        ("no commitments line", commitments, ""), ("signature behind the commitments", signature + commitments, commitments + signature),
        ("part before the commitments", commitments + first_part, first_part + commitments),
        ("signature empty of its keyword", "signature ", ""), ("position with a zero", "sealed 3 ", "sealed 03 "),
        ("position negative", "sealed 3 ", "sealed -3 "), ("no position", "sealed 3 ", "sealed "),
        ("size with a zero", " 44 page", " 044 page"), ("path empty", path, " \n"), ("path missing", path, "\n"),
        ("path with a space", path, " my page.txt\n"), ("path with a plain byte escaped", path, " %70age.txt\n"),
        ("path with a lower-case escape", path, " page%c3.txt\n"), ("path with NUL", path, " page%00.txt\n"),
        ("path with half an escape", path, " page%2\n"), ("path with a bare percent", path, " page%.txt\n"),
        ("path not ASCII", path, " p\u00e4ge.txt\n"), ("unknown line", "file " + T.b64(base["files"][0][0]), "note x\nfile " + T.b64(base["files"][0][0]))])
    vectors.bad("commitments - with parts", data.replace(commitments.encode(), b"commitments -\n"))
    vectors.bad("commitments empty without parts", T.entry_encode(charter).replace(b"commitments -", b"commitments "))
    return vectors.json


def make():
    yield "envelope.json", envelope()
    yield "note.json", note()
    yield "checkpoint.json", checkpoint()
    yield "receipt.json", receipt()
    yield "rejection.json", rejection()
    yield "bundle.json", bundle()
    yield "entry_file.json", entry_file()
