#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""tally-verify - a second, independent verifier of Tally archives, receipts and bundles.

Written from docs/formats.md alone, with nothing but the Python standard library (3.11), and to be
read beside it: "s. 7" in a comment is section 7 there. It shares no code with Tally.
"""
import argparse
import base64
import binascii
import functools
import hashlib
import json
import lzma
import multiprocessing
import os
import re
import stat
import sys
import tarfile
import zlib
from types import SimpleNamespace

MAX = 2**63 - 1
LIMIT_TOGETHER = 4194304                                                # s. 3
KNOWN_RULES = 1


class Bad(Exception):
    """Something does not hold; the reason is a name from s. 23."""
    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Unreadable(Exception):
    """The source cannot be read: exit code 3 (s. 22)."""


def demand(condition, reason="malformed"):
    if not condition:
        raise Bad(reason)


def sha256(data):
    return hashlib.sha256(data).digest()


# ---------------------------------------------------------------------------------------------
# Ed25519, the strict rule (s. 6.1). Points are extended coordinates (X, Y, Z, T), x = X/Z,
# y = Y/Z, xy = T/Z; multiples in tables are (y+x, y-x, 2dxy, 2z). What is added to a sum is
# looked up by the digits of the two numbers in non-adjacent form, both in one pass (Straus).

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
ORDER_8_Y = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7
SMALL_ORDER_Y = {0, 1, P - 1, P, P + 1, ORDER_8_Y, P - ORDER_8_Y}       # canonical or not
LOW_255 = 2**255 - 1
WINDOW_A, WINDOW_B = 5, 8


def point_decode(octets):
    """s. 6.1 rule 2: the point whose canonical encoding this is, or None."""
    number = int.from_bytes(octets, "little")
    y, sign = number & LOW_255, number >> 255
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def point_double(point):
    x, y, z, _ = point
    a, b = x * x % P, y * y % P
    h, g = a + b, a - b
    e = h - (x + y) * (x + y) % P
    f = 2 * z * z % P + g
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_add(point, entry):
    x, y, z, t = point
    plus, minus, t2d, z2 = entry
    a, b, c, d = (y - x) * minus % P, (y + x) * plus % P, t * t2d % P, z * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def table_entry(point):
    x, y, z, t = point
    return ((y + x) % P, (y - x) % P, 2 * D * t % P, 2 * z % P)


def odd_multiples(point, window):
    """Table entries of 1, 3, 5 … times the point, and of their negatives, by the multiple."""
    table = {}
    twice = table_entry(point_double(point))
    for multiple in range(1, 2**(window - 1), 2):
        plus, minus, t2d, z2 = table[multiple] = table_entry(point)
        table[-multiple] = (minus, plus, P - t2d, z2)
        point = point_add(point, twice)
    return table


def digits(number, window):
    """The window non-adjacent form: [(bit, odd digit)…] with number = sum of digit * 2**bit."""
    found, bit, size = [], 0, 2**window
    while number:
        zeros = (number & -number).bit_length() - 1
        number >>= zeros
        bit += zeros
        digit = number % size
        if digit > size // 2:
            digit -= size
        found.append((bit, digit))
        number -= digit
    return found


BASE = point_decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
BASE_TABLE = odd_multiples(BASE, WINDOW_B)


def sum_of_multiples(s, h, table):
    """s * B + h * (the point whose odd multiples are in table)."""
    steps = [[] for _ in range(258)]
    for bit, digit in digits(s, WINDOW_B):
        steps[bit].append(BASE_TABLE[digit])
    for bit, digit in digits(h, WINDOW_A):
        steps[bit].append(table[digit])
    total = (0, 1, 1, 0)
    for entries in reversed(steps):
        total = point_double(total)
        for entry in entries:
            total = point_add(total, entry)
    return total


@functools.lru_cache(maxsize=4096)
def key_table(public):
    """Odd multiples of -A for a public key A that meets rules 2 and 3, else None."""
    if len(public) != 32 or int.from_bytes(public, "little") & LOW_255 in SMALL_ORDER_Y:
        return None
    point = point_decode(public)
    if point is None:
        return None
    x, y, z, t = point
    return odd_multiples((P - x, y, z, P - t), WINDOW_A)


def ed25519_verify(public, signature, message):
    """s. 6.1, rules 1 to 4."""
    if len(signature) != 64:
        return False
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    table = key_table(public)
    if s >= L or table is None or int.from_bytes(r, "little") & LOW_255 in SMALL_ORDER_Y:
        return False
    h = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % L
    x, y, z, _ = sum_of_multiples(s, h, table)
    inverse = pow(z, -1, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == r


@functools.lru_cache(maxsize=4096)
def key_usable(public):
    """s. 6.1, last paragraph: is the key of the prime-order subgroup?"""
    table = key_table(public)
    if table is None:
        return False
    x, y, z, _ = sum_of_multiples(0, L, table)
    return x == 0 and y == z


def verify_job(job):
    return ed25519_verify(*job)


class Signatures:
    """Signatures to be verified, each once, over all processors; then the questions about them."""
    def __init__(self):
        self.results, self.questions = {}, []

    def when_known(self, jobs, then):
        self.results.update(dict.fromkeys(jobs))
        self.questions.append((jobs, then))

    def run(self):
        jobs = [job for job, result in self.results.items() if result is None]
        processors = os.cpu_count() or 1
        if len(jobs) < 200 or processors == 1:
            answers = map(verify_job, jobs)
            self.results.update(zip(jobs, answers))
        else:
            with multiprocessing.Pool(processors) as pool:
                self.results.update(zip(jobs, pool.imap(verify_job, jobs, chunksize=64)))
        for asked, then in self.questions:
            then([self.results[job] for job in asked])


# ---------------------------------------------------------------------------------------------
# Conventions (s. 2) and the tree (s. 4)

DECIMAL = rb"(?:0|[1-9][0-9]{0,18})"
IDENTIFIER = rb"[a-z][a-z0-9-]{0,31}"
HASH = rb"[A-Za-z0-9+/]{43}="
PRINTABLE = re.compile(rb"[\x20-\x7e]+")
ORIGIN = re.compile(rb"[a-z0-9][a-z0-9.-]*(?:/[a-z0-9._-]+)*")
TIME = re.compile(rb"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z")


def from_base64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Bad("malformed") from None
    demand(base64.b64encode(data) == text)
    return data


def to_base64(data):
    return base64.b64encode(data).decode()


def from_hash(text):
    data = from_base64(text)
    demand(len(data) == 32)
    return data


def from_fingerprint(text):
    demand(text[:7] == b"SHA256:" and len(text) == 50)
    return from_hash(text[7:] + b"=")


def from_decimal(text):
    demand(re.fullmatch(DECIMAL, text))
    demand(int(text) <= MAX)
    return int(text)


def is_identifier(text):
    return re.fullmatch(IDENTIFIER, text) is not None


def check_time(text):
    match = TIME.fullmatch(text)
    demand(match)
    year, month, day, hour, minute, second = (int(field) for field in match.groups())
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    demand(1970 <= year and 1 <= month <= 12 and hour <= 23 and minute <= 59 and second <= 59)
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
    demand(1 <= day <= days)


def is_origin(text):
    reserved = (b"tally-", b"cosignature/", b"subtree/", b"sshsig")
    return len(text) <= 128 and bool(ORIGIN.fullmatch(text)) and not text.startswith(reserved)


def leaf_hash(data):
    return sha256(b"\x00" + data)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


def tree_root(hashes):
    """s. 4, level by level: a node without a sibling goes up as it is."""
    if not hashes:
        return sha256(b"")
    while len(hashes) > 1:
        odd = hashes[-1:] if len(hashes) % 2 else []
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)] + odd
    return hashes[0]


def included(leaf, index, size, proof, root):
    """s. 4, inclusion."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


class Octets:
    """Reads a binary format from the first byte on (s. 2, s. 3)."""
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        demand(self.at + count <= len(self.data))
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, octets):
        return int.from_bytes(self.take(octets), "big")

    def string(self):
        return self.take(self.number(4))

    def end(self):
        demand(self.at == len(self.data))


# ---------------------------------------------------------------------------------------------
# Keys and author signatures (s. 5, s. 6.2)

PLAIN, HARDWARE = b"ssh-ed25519", b"sk-ssh-ed25519@openssh.com"


@functools.lru_cache(maxsize=4096)
def decode_key(blob):
    """s. 5.1: a key blob. -> kind, point, application, blob, fingerprint (32 bytes)"""
    reader = Octets(blob)
    kind, point, application = reader.string(), reader.string(), None
    demand(kind in (PLAIN, HARDWARE) and len(point) == 32)
    if kind == HARDWARE:
        application = reader.string()
        demand(len(application) <= 32 and b"\x00" not in application)
    reader.end()
    return SimpleNamespace(kind=kind, point=point, application=application, blob=blob,
                           fingerprint=sha256(blob))


def decode_key_text(text):
    """s. 5.1: TYPE BASE64."""
    kind, space, encoded = text.partition(b" ")
    demand(space)
    key = decode_key(from_base64(encoded))
    demand(key.kind == kind)
    return key


def decode_vkey(text):
    """s. 5.2. -> name, kind, point, id"""
    fields = text.split(b"+", 2)
    demand(len(fields) == 3 and re.fullmatch(rb"[\x21-\x7e]{1,159}", fields[0]))
    data = from_base64(fields[2])
    demand(len(data) == 33 and data[0] in (1, 4))
    key_id = sha256(fields[0] + b"\n" + data)[:4]
    demand(fields[1] == key_id.hex().encode())
    return SimpleNamespace(name=fields[0], kind=data[0], point=data[1:], id=key_id)


def decode_sshsig(blob):
    """s. 6.2: the form of one signature. -> key, signature, flags, counter (4 bytes)"""
    reader = Octets(blob)
    demand(len(blob) <= 512 and reader.take(6) == b"SSHSIG" and reader.number(4) == 1)
    key = decode_key(reader.string())
    demand(reader.string() == b"entry@tally" and reader.string() == b"")
    demand(reader.string() == b"sha512")
    inner = Octets(reader.string())
    reader.end()
    demand(inner.string() == key.kind)
    signature, flags, counter = inner.string(), None, None
    demand(len(signature) == 64)
    if key.kind == HARDWARE:
        flags, counter = inner.number(1), inner.take(4)
    inner.end()
    return SimpleNamespace(key=key, signature=signature, flags=flags, counter=counter)


def signature_job(signed, envelope):
    """s. 6.2: what the Ed25519 rule is asked about a signature: (key, signature, message)."""
    def string(data):
        return len(data).to_bytes(4, "big") + data
    message = b"SSHSIG" + string(b"entry@tally") + string(b"") + string(b"sha512")
    message += string(hashlib.sha512(envelope).digest())
    if signed.key.kind == HARDWARE:
        message = (sha256(signed.key.application) + bytes([signed.flags]) + signed.counter
                   + sha256(message))
    return (signed.key.point, signed.signature, message)


def signature_fault(signatures, answers):
    """s. 19.1 step 8: the reason why the signatures do not hold, or None."""
    for signed, good in zip(signatures, answers):
        if not good:
            return "signature-invalid"
        if signed.flags is not None and not signed.flags & 1:
            return "presence-missing"
    return None


def decode_signatures(blobs, author):
    """s. 19.1 step 7: forms and places of all signatures."""
    signatures, newest = [], None
    for place, blob in enumerate(blobs):
        signed = decode_sshsig(blob)
        if place == 0:
            demand(signed.key.fingerprint == author, "signature-missing")
        else:
            demand(newest is None or newest < signed.key.blob, "signature-order")
            demand(signed.key.fingerprint != author, "signature-order")
            newest = signed.key.blob
        signatures.append(signed)
    demand(signatures, "signature-missing")
    return signatures


# ---------------------------------------------------------------------------------------------
# Signed notes and checkpoints (s. 6.3, s. 10)

WHITE = set(range(9, 14)) | {0x20, 0x85, 0xa0, 0x1680} | set(range(0x2000, 0x200b)) | {
    0x2028, 0x2029, 0x202f, 0x205f, 0x3000}


def decode_note(data):
    """s. 6.3. -> text with its final LF, [(name, key ID, signature)]"""
    demand(len(data) <= 65536)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad("malformed") from None
    demand(not any(octet < 0x20 and octet != 0x0a for octet in data))
    end = data.rfind(b"\n\n")
    demand(end >= 0 and data.endswith(b"\n"))
    lines = data[end + 2:-1].split(b"\n")
    demand(1 <= len(lines) <= 100 and len(data) > end + 2)
    signatures = []
    for line in lines:
        mark, space, rest = line.partition(b" ")
        name, second, encoded = rest.partition(b" ")
        demand(mark == b"\xe2\x80\x94" and space and second and name and b"+" not in name)
        demand(not any(ord(char) in WHITE for char in name.decode("utf-8")))
        octets = from_base64(encoded)
        demand(len(octets) >= 5)
        signatures.append((name, octets[:4], octets[4:]))
    return data[:end + 1], signatures


def note_signed_by(note, name, point):
    """s. 6.3, last paragraph, for a ledger key (type 0x01) of this name."""
    text, signatures = note
    key_id = sha256(name + b"\n\x01" + point)[:4]
    ours = [octets for who, which, octets in signatures if who == name and which == key_id]
    return len(ours) == 1 and ed25519_verify(point, ours[0], text)


def decode_checkpoint(data):
    """s. 10: the form. -> origin, size, root, note"""
    note = decode_note(data)
    lines = note[0].split(b"\n")
    demand(len(lines) == 4 and is_origin(lines[0]))
    size, root = from_decimal(lines[1]), from_hash(lines[2])
    demand(size > 0 or root == tree_root([]))
    return SimpleNamespace(origin=lines[0], size=size, root=root, note=note, data=data)


def checkpoint_signed(checkpoint, roster):
    """s. 10: signed by the ledger key of this roster, under its name, which is the origin."""
    name, point = roster.ledger_key
    return checkpoint.origin == name and note_signed_by(checkpoint.note, name, point)


# ---------------------------------------------------------------------------------------------
# Envelopes, records, parts (s. 7, s. 8, s. 9)

CONSTITUTION = (b"charter", b"amendment", b"continuation")


def decode_envelope(data):
    """s. 7. The lines in order; the first fault that is met decides (s. 3)."""
    demand(len(data) <= 24576, "too-large")
    whole = data.split(b"\n")
    lines = whole[:-1] if whole[-1] == b"" else whole
    place = 0

    def line(keyword, pattern):
        nonlocal place
        demand(place < len(lines))
        match = re.fullmatch(keyword + b" " + pattern, lines[place])
        demand(match)
        place += 1
        return match.groups()

    def block(keyword):
        return place < len(lines) and lines[place].startswith(keyword + b" ")

    e = SimpleNamespace(hash=sha256(data), sealed=[], files=[], refs=[], ops=[])
    [e.type] = line(b"tally/v1", b"(" + IDENTIFIER + b")")
    charter, constitution = e.type == b"charter", e.type in CONSTITUTION
    [text] = line(b"ledger", b"(-|" + HASH + b")")
    demand((text == b"-") == charter)
    e.ledger = None if charter else from_hash(text)
    [e.member] = line(b"member", b"(" + IDENTIFIER + b")")
    [text] = line(b"key", b"(.+)")
    e.key = from_fingerprint(text)
    [text] = line(b"sequence", b"(" + DECIMAL + b")")
    e.sequence = from_decimal(text)
    demand((e.sequence == 0) == constitution)
    [text] = line(b"previous", b"(-|" + HASH + b")")
    demand((text == b"-") == (e.sequence <= 1))
    e.previous = None if text == b"-" else from_hash(text)
    [text, number, hashed] = line(b"seen", b"(-|(" + DECIMAL + b") (" + HASH + b"))")
    demand((text == b"-") == charter)
    e.seen = None if charter else (from_decimal(number), from_hash(hashed))
    [e.signed] = line(b"signed", b"(.+)")
    check_time(e.signed)
    [number, rest] = line(b"parts", b"(" + DECIMAL + b") (.*)")
    e.parts = from_decimal(number)
    demand(e.parts <= 256, "too-large")
    fields = re.fullmatch(b"(" + HASH + b") (-|[csw]+)", rest)
    demand(fields)
    e.parts_root, e.letters = from_hash(fields[1]), fields[2].decode().replace("-", "")
    demand(len(e.letters) == e.parts and (e.parts > 0 or e.parts_root == tree_root([])))
    demand(e.parts == 0 or not constitution)
    for position in (i for i, letter in enumerate(e.letters) if letter == "s"):
        [number, hashed, size] = line(
            b"sealed", b"(" + DECIMAL + b") (" + HASH + b") (" + DECIMAL + b")")
        demand(from_decimal(number) == position)
        e.sealed.append((position, from_hash(hashed), from_decimal(size)))
    first = place
    while block(b"file"):
        [kind, hashed, size] = line(b"file", b"(clear|sealed) (" + HASH + b") (" + DECIMAL + b")")
        demand(not constitution and (place - 1 == first or lines[place - 2] < lines[place - 1]))
        e.files.append((kind, from_hash(hashed), from_decimal(size)))
    first = place
    while block(b"ref"):
        demand(len(e.refs) < 256, "too-large")
        [relation, number, hashed] = line(
            b"ref", b"(" + IDENTIFIER + b") (" + DECIMAL + b") (" + HASH + b")")
        index = from_decimal(number)
        demand(not charter and index <= e.seen[0])
        demand(place - 1 == first or lines[place - 2] < lines[place - 1])
        e.refs.append((relation, index, from_hash(hashed)))
    while block(b"op"):
        e.ops.append(lines[place][3:])
        demand(constitution and PRINTABLE.fullmatch(e.ops[-1]))
        place += 1
    demand(bool(e.ops) == constitution)
    demand(place == len(lines) and whole[-1] == b"")
    return e


def decode_record(data):
    """s. 9: the frame only."""
    demand(len(data) <= 40960, "too-large")
    reader = Octets(data)
    demand(reader.number(1) == 1)
    r = SimpleNamespace(leaf=leaf_hash(data), index=reader.number(8))
    demand(r.index < MAX)
    r.received = reader.number(8)
    demand(r.received <= MAX)
    r.link, r.roster = reader.take(32), reader.number(8)
    demand(r.roster <= MAX)
    length = reader.number(2)
    demand(length <= 24576, "too-large")
    r.envelope = reader.take(length)
    count = reader.number(1)
    demand(count <= 64, "too-large")
    demand(count > 0)
    r.blobs = []
    for _ in range(count):
        length = reader.number(2)
        demand(length <= 512, "too-large")
        r.blobs.append(reader.take(length))
    reader.end()
    return r


def seal_job(point, leaf, seal):
    """s. 9: the seal."""
    return (point, seal, b"tally-seal/v1\n" + leaf)


def decode_part(data):
    """s. 8. -> author (hash of the key blob), ledger, name, value"""
    reader = Octets(data)
    reader.take(32)
    author, ledger, length = reader.take(32), reader.take(32), reader.number(2)
    demand(length <= 4096, "too-large")
    name = reader.take(length)
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad("malformed") from None
    demand(re.fullmatch(rb"(?:/(?:[^~/]|~[01])*)+", name, re.DOTALL))
    value = data[reader.at:]
    demand(len(value) <= 262144, "too-large")
    return SimpleNamespace(author=author, ledger=ledger, name=name, value=value)


def check_exhibit(value, files):
    """s. 8: the four lines of an exhibit, and the file line that it names."""
    match = re.fullmatch(rb"sha256 ([0-9a-f]{64})\nsize (" + DECIMAL + rb")\nmedia-type "
                         rb"([\x20-\x7e]{1,127})\nstored (-|" + HASH + rb")\n", value)
    demand(match)
    digest, size = bytes.fromhex(match[1].decode()), from_decimal(match[2])
    if match[4] != b"-":
        stored = from_hash(match[4])
        demand(any(hashed == stored and (kind == b"sealed" or (hashed, length) == (digest, size))
                   for kind, hashed, length in files))


CLOCK_STEP = b"/clock/step_us"


def clock_step(value):
    """s. 8: by how many microseconds an incident says that the clock was set back."""
    demand(value[:1] == b"-")
    step = from_decimal(value[1:])
    demand(step > 0)
    return step


def check_part(data, commitment, e, newest):
    """s. 19.1 step 5, one part. -> its name"""
    try:
        demand(commitment is None or leaf_hash(data) == commitment)
        part = decode_part(data)
        demand(part.author == e.key and part.ledger == e.ledger)
        demand(newest is None or newest < part.name)
    except Bad:
        raise Bad("part-invalid") from None
    if re.fullmatch(rb"/exhibits/[^/]+", part.name, re.DOTALL):
        try:
            check_exhibit(part.value, e.files)
        except Bad:
            raise Bad("exhibit-invalid") from None
    if part.name == CLOCK_STEP and e.type == b"incident":
        try:
            clock_step(part.value)
        except Bad:
            raise Bad("part-invalid") from None
    return part.name


# ---------------------------------------------------------------------------------------------
# The roster (s. 18). A roster is never changed: an amendment works on a copy.

ROLES = {b"author": {b"author"}, b"govern": {b"govern"}, b"author,govern": {b"author", b"govern"}}


class Roster:
    def __init__(self):
        self.position, self.rules, self.threshold, self.ledger_key = 0, KNOWN_RULES, 0, None
        self.members, self.keys, self.origin, self.sample = {}, {}, None, False
        # members: id -> "is it not withdrawn"; keys: fingerprint -> SimpleNamespace(blob, point,
        # member, roles, ended = index or None, revoked = LAST-VALID or None)

    def copy(self):
        new = Roster()
        new.__dict__.update(self.__dict__, members=dict(self.members))
        new.keys = {fingerprint: SimpleNamespace(**vars(key))
                    for fingerprint, key in self.keys.items()}
        return new

    def enrol(self, text, member, roles):
        """s. 18.2, last paragraphs: a new key."""
        key = decode_key_text(text)
        demand(key_usable(key.point), "key-unusable")
        demand(key.fingerprint not in self.keys and key.point != self.ledger_key[1], "key-reused")
        self.keys[key.fingerprint] = SimpleNamespace(
            blob=key.blob, point=key.point, member=member, roles=roles, ended=None, revoked=None)
        return key.fingerprint

    def set_ledger_key(self, text):
        vkey = decode_vkey(text)
        demand(vkey.kind == 1 and vkey.name == self.origin)
        demand(key_usable(vkey.point), "key-unusable")
        used = [key.point for key in self.keys.values()] + [(self.ledger_key or (0, 0))[1]]
        demand(vkey.point not in used, "key-reused")
        self.ledger_key = (vkey.name, vkey.point)

    def admit(self, text):
        member, space, name = text.partition(b" ")
        demand(space and is_identifier(member) and member not in (b"host", b"ledger", b"public"))
        demand(1 <= len(name) <= 80 and member not in self.members)
        self.members[member] = True

    def new_key(self, text):
        """MEMBER ROLES TYPE BASE64"""
        member, roles, key = (text.split(b" ", 2) + [b"", b""])[:3]
        demand(self.members.get(member) and roles in ROLES)
        return self.enrol(key, member, ROLES[roles])

    def set_threshold(self, text):
        demand(text.startswith(b"amend "))
        self.threshold = from_decimal(text[6:])

    def check_thresholds(self):
        """s. 18.3"""
        governing = len({key.member for key in self.keys.values()
                         if not key.ended and b"govern" in key.roles})
        demand(1 <= self.threshold <= governing, "threshold-invalid")
        demand(governing < 3 or self.threshold < governing, "threshold-invalid")


def operation(function, *arguments):
    """An operation of another form or that does not apply (s. 18.2)."""
    try:
        return function(*arguments)
    except Bad as bad:
        raise Bad("operation-invalid" if bad.reason == "malformed" else bad.reason) from None


def charter_roster(e, signers):
    """s. 18.1 and s. 19.3 step 13."""
    new, enrolled, stage = Roster(), [], 0
    order = (b"origin", b"ledger-key", b"host-key", b"rules", b"sample", b"threshold",
             b"member", b"key", b"policy")                              # from 6 on repeatable

    def apply(name, text):
        if name == b"origin":
            demand(is_origin(text))
            new.origin = text
        elif name == b"ledger-key":
            new.set_ledger_key(text)
        elif name == b"host-key":
            enrolled.append(new.enrol(text, b"host", set()))
        elif name == b"rules":
            demand(text == b"1")
        elif name == b"sample":
            demand(text in (b"yes", b"no"))
            new.sample = text == b"yes"
        elif name == b"threshold":
            new.set_threshold(text)
        elif name == b"member":
            new.admit(text)
        elif name == b"key":
            enrolled.append(new.new_key(text))
        else:
            demand(text)

    for op in e.ops:
        name, _, text = op.partition(b" ")
        demand(name in order, "operation-invalid")
        place = order.index(name)
        again = place == stage - 1 and place >= 6
        demand(place == stage or again, "operation-invalid")
        operation(apply, name, text)
        stage = place + 1
    demand(stage >= 8, "operation-invalid")
    key = new.keys.get(e.key)
    demand(key, "unknown-key")
    demand(key.member == e.member, "wrong-member")
    demand(key.member != b"host", "role-missing")
    demand(all(signer in new.keys for signer in signers), "unknown-key")
    demand(all(fingerprint in signers for fingerprint in enrolled), "consent-missing")
    new.check_thresholds()
    return new


def amendment_roster(old, e, signers, index):
    """s. 18.2, s. 18.3 and s. 19.3 step 14."""
    amends = {number for relation, number, _ in e.refs if relation == b"amends"}
    demand(amends == {old.position}, "stale-amendment")
    new, enrolled, rotated, revoked = old.copy(), [], [], []
    new.position = index

    def apply(name, text):
        fields = text.split(b" ")
        if name == b"admit":
            new.admit(text)
        elif name == b"withdraw":
            demand(new.members.get(text))
            new.members[text] = False
            for key in new.keys.values():
                if key.member == text:
                    key.ended = key.ended or index
        elif name == b"enrol":
            enrolled.append(new.new_key(text))
        elif name == b"ledger-key":
            new.set_ledger_key(text)
        elif name == b"threshold":
            new.set_threshold(text)
        elif name == b"rules":
            demand(from_decimal(text) > new.rules)
            new.rules = int(text)
        elif name in (b"rotate", b"grant", b"revoke"):
            fingerprint = from_fingerprint(fields[0])
            key = new.keys.get(fingerprint)
            demand(key)
            if name == b"rotate":
                demand(not key.ended)
                enrolled.append(new.enrol(text[51:], key.member, key.roles))
                key.ended = index
                rotated.append(fingerprint)
            elif name == b"grant":
                demand(not key.ended and key.member != b"host" and text[51:] in ROLES)
                key.roles = ROLES[text[51:]]
            else:
                demand(len(fields) == 3 and is_identifier(fields[2]) and key.revoked is None)
                demand(from_decimal(fields[1]) < index)
                key.revoked, key.ended = int(fields[1]), key.ended or index
                revoked.append(fingerprint)
        else:
            raise Bad("operation-invalid")

    for op in e.ops:
        name, _, text = op.partition(b" ")
        operation(apply, name, text)
    for signer in signers:
        demand(signer in new.keys, "unknown-key")
        demand(signer not in old.keys or not old.keys[signer].ended, "key-not-in-force")
    demand(all(fingerprint in signers for fingerprint in enrolled), "consent-missing")
    before = {signer: old.keys[signer] for signer in signers if signer in old.keys}
    quorum = {key.member for signer, key in before.items()
              if b"govern" in key.roles and signer not in rotated and signer not in revoked}

    def vouched(fingerprint):
        gone = new.keys[fingerprint]
        return any(key.member == gone.member and not new.keys[signer].ended
                   and key.roles >= gone.roles for signer, key in before.items())
    only_rotations = all(op.startswith(b"rotate ") for op in e.ops)
    demand(len(quorum) >= old.threshold or (only_rotations and all(map(vouched, rotated))),
           "quorum-missing")
    new.check_thresholds()
    return new


# ---------------------------------------------------------------------------------------------
# Entry types and the judge (s. 17, s. 19.3)

TYPES = {                       # role, required relation, at most, types of the targets, member
    b"charter": (None, None, 0, None, None),
    b"amendment": (b"govern", b"amends", 1, (b"charter", b"amendment"), None),
    b"finding": (b"author", None, 0, None, None),
    b"exhibit": (b"author", b"exhibits", 256, None, None),
    b"custody": (b"author", b"custody-of", 256, (b"finding", b"exhibit"), None),
    b"note": (b"author", b"about", 256, None, None),
    b"corroboration": (b"author", b"corroborates", 256, (b"finding",), "other"),
    b"dissent": (b"author", b"dissents-from", 256, None, "other"),
    b"dispute": (b"author", b"disputes", 256, None, None),
    b"correction": (b"author", b"corrects", 1, None, "own"),
    b"supersede": (b"author", b"supersedes", 1, None, "own"),
    b"retraction": (b"author", b"retracts", 1, None, "own"),
    b"incident": (b"host", None, 0, None, None),
}


def judge_entry(e, index, blobs, roster, ledger):
    """s. 19.3 steps 4 to 7. -> fingerprints of the signers"""
    charter = e.type == b"charter"
    demand(charter == (index == 0), "charter-only-first")
    demand(e.type in TYPES, "unknown-type")
    if not charter:
        demand(ledger in (None, e.ledger), "wrong-ledger")              # None: s. 21.3, end
        key = roster.keys.get(e.key)
        demand(key, "unknown-key")
        demand(not key.ended, "key-not-in-force")
        demand(key.member == e.member, "wrong-member")
        role = TYPES[e.type][0]
        demand(key.member == b"host" if role == b"host" else role in key.roles, "role-missing")
    signers = []
    for blob in blobs:
        signers.append(decode_sshsig(blob).key.fingerprint)
        demand(signers[0] == e.key, "signature-missing")
        if e.type not in CONSTITUTION:
            demand(signers[-1] in roster.keys, "unknown-key")
            demand(not roster.keys[signers[-1]].ended, "key-not-in-force")
    return signers


def judge_relations(e):
    """s. 19.3 step 10."""
    _, own, most, _, _ = TYPES[e.type]
    count = 0
    for relation, _, _ in e.refs:
        demand(relation in (own, b"cites", b"see"), "relation-not-allowed")
        count += relation == own
    demand(count > 0 or own is None, "reference-missing")
    demand(count <= most, "reference-surplus")


def make_roster(e, index, signers, roster):
    """s. 19.3 steps 13 and 14."""
    if e.type == b"charter":
        new = charter_roster(e, signers)
        new.position = index
        return new
    return amendment_roster(roster, e, signers, index)


class State:
    """s. 19.3: what is known before a record; s. 21.3: how it goes on behind a bad one."""
    def __init__(self):
        self.size, self.newest, self.received, self.ledger = 0, bytes(32), 0, None
        self.roster, self.rosters, self.chains = Roster(), [], {}
        self.leaves, self.types, self.members = [], [], []

    def judge(self, r, e, step):
        """s. 19.3; step is what the clear clock step part says. Raises Bad."""
        demand(r.index == self.size, "index-mismatch")
        demand(r.link == self.newest, "link-mismatch")
        demand(r.roster == self.roster.position, "roster-mismatch")
        signers = judge_entry(e, self.size, r.blobs, self.roster, self.ledger)
        charter, constitution = e.type == b"charter", e.type in CONSTITUTION
        if not constitution:
            sequence, previous, seen = self.chains.get(e.key, (0, None, -1))
            demand(e.sequence <= sequence + 1, "sequence-gap")
            demand(e.sequence == sequence + 1, "sequence-reused")
            demand(e.previous == previous, "previous-mismatch")
        if not charter:
            demand(self.names(*e.seen), "seen-unknown")
            demand(constitution or e.seen[0] >= seen, "seen-decreased")
        judge_relations(e)
        _, own, _, types, whose = TYPES[e.type]
        for relation, index, leaf in e.refs:
            demand(self.names(index, leaf), "reference-unknown")
            if relation == own:
                demand(types is None or self.types[index] in types, "reference-target")
                demand(whose is None or (self.members[index] is not None
                       and (self.members[index] == e.member) == (whose == "own")),
                       "reference-target")
        demand(r.received >= self.received - step, "time-decreased")
        if constitution:
            make_roster(e, self.size, signers, self.roster)

    def names(self, index, leaf):
        return index < self.size and self.leaves[index] == leaf

    def move(self, leaf, r, e):
        """s. 19.3, end, and s. 21.3: link, size, received time, roster, chain."""
        if self.size == 0:
            self.ledger = e.hash if e else None
        if r:
            self.received = r.received
        if e and e.type in CONSTITUTION:
            try:
                signers = [decode_sshsig(blob).key.fingerprint for blob in r.blobs]
                demand(e.type in TYPES)
                self.roster = make_roster(e, self.size, signers, self.roster)
            except (Bad, TypeError):
                self.roster = self.roster.copy()
                self.roster.position = self.size
        elif e:
            self.chains[e.key] = (e.sequence, e.hash, e.seen[0])
        self.leaves.append(leaf)
        self.types.append(e.type if e else None)
        self.members.append(e.member if e else None)
        self.newest, self.size = leaf, self.size + 1
        self.rosters.append(self.roster)


# ---------------------------------------------------------------------------------------------
# The report (s. 21.1, s. 22)

LINES = ("ledger", "checkpoint", "chain", "tree", "seals", "signatures", "roster", "authors",
         "deposits", "exhibits", "receipts", "since", "witnesses", "anchors")
LINE_OF = dict.fromkeys(("index-mismatch", "link-mismatch"), "chain") | dict.fromkeys(
    ("sequence-gap", "sequence-reused", "previous-mismatch", "seen-unknown", "seen-decreased"),
    "authors")                                                          # all others: roster


class Report:
    """Every line begins as NOT CHECKED; only an item that was checked and holds makes it OK."""
    def __init__(self):
        self.lines = {name: SimpleNamespace(held=0, bad=0, unchecked=0, partial=False, first=None,
                                            reason=None) for name in LINES}
        self.required = ["ledger", "checkpoint", "tree", "seals", "signatures", "roster"]
        self.about = {"size": None, "root": None, "ledger": None, "in_doubt": 0, "sample": False}

    def tell(self, name, reason=None, index=None):
        line = self.lines[name]
        if reason is None:
            line.held += 1
            return
        line.bad += 1
        if line.reason is None or (index is not None and (line.first is None
                                                          or index < line.first)):
            line.first, line.reason = index, reason

    def check(self, name, index, function, *arguments):
        """Make a check, tell its result. -> what it returned, None when it does not hold"""
        try:
            result = function(*arguments)
        except Bad as bad:
            self.tell(name, bad.reason, index)
            return None
        self.tell(name)
        return result

    def skip(self, *names, allowed=False):
        """What could not be checked keeps the line from being OK, unless its absence is allowed."""
        for name in names:
            self.lines[name].unchecked += 1
            self.lines[name].partial |= not allowed

    def verdict(self, name):
        line = self.lines[name]
        return "BAD" if line.bad else "OK" if line.held and not line.partial else "NOT CHECKED"

    def result(self):
        verdicts = {name: self.verdict(name) for name in LINES}
        bad = [self.lines[name] for name in LINES if verdicts[name] == "BAD"]
        named = sorted((line for line in bad if line.first is not None), key=lambda x: x.first)
        first = (named or [None])[0]
        whole = all(verdicts[name] == "OK" for name in self.required)
        code = 1 if bad else 0 if whole else 4
        return {"verdict": {0: "verified", 1: "failed", 4: "incomplete"}[code], "exit_code": code,
                "first_bad": first.first if first else None,
                "reason": first.reason if first else None, **self.about,
                "checks": {name: {"verdict": verdicts[name], "first_bad": line.first,
                                  "reason": line.reason, "held": line.held, "bad": line.bad,
                                  "unchecked": line.unchecked}
                           for name, line in self.lines.items()}}


# ---------------------------------------------------------------------------------------------
# Archives (s. 16)

TILES = r"(?:x\d{3}/)*\d{3}(?:\.p/\d{1,3})?"
MEMBER = re.compile(r"(\./|[^/]+/)?(checkpoint|tile/(?:[0-7]|entries)/" + TILES + r"|tally/(?:seals"
                    r"|commitments)/" + TILES + r"|tally/parts/(?:x\d{3}/)*\d{3}"
                    r"|tally/objects/[0-9a-f]{64})", re.ASCII)
SIZES = {"checkpoint": 65536, "tile/entries": 256 * 40962, "tally/seals": 256 * 64,
         "tally/commitments": 256 * (2 + 256 * 32), "tally/parts": LIMIT_TOGETHER + 256 * 6}


def most(name):
    """No good file of this name is longer; one octet more is read, to see that there is more."""
    kind = "/".join(name.split("/")[:2])
    return SIZES.get(kind, 256 * 32) + 1


def digest(stream):
    """-> SHA-256 and size of a file, however long, in pieces"""
    hasher, size = hashlib.sha256(), 0
    while piece := stream.read(1 << 20):
        hasher.update(piece)
        size += len(piece)
    return hasher.digest(), size


def open_regular(path):
    try:
        stream = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise Unreadable(f"{ascii(path)} is not a regular file")
        return stream
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise Unreadable(f"{ascii(path)}: {getattr(error, 'strerror', error)}") from None


class Directory:
    def __init__(self, path):
        self.path, self.digests = path, {}

    def get(self, name):
        stream = open_regular(os.path.join(self.path, name))
        if stream is None:
            return None
        with stream:
            return stream.read(most(name))

    def object(self, name):
        if name not in self.digests:
            stream = open_regular(os.path.join(self.path, "tally/objects", name.hex()))
            self.digests[name] = digest(stream) if stream else None
        return self.digests[name]


class Tar:
    """Read once from front to back: objects become their digests, the rest stays in memory."""
    def __init__(self, stream):
        files, total = {}, 0
        try:
            with tarfile.open(fileobj=stream, mode="r|*") as tar:
                for member in tar:
                    match = MEMBER.fullmatch(member.name)
                    if not match or member.isdir():
                        continue
                    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
                        raise Unreadable(f"{ascii(member.name)} is not a regular file")
                    if match.groups("") in files:
                        raise Unreadable(f"{ascii(member.name)} occurs twice in the tar")
                    content, name = tar.extractfile(member), match[2]
                    is_object = name.startswith("tally/objects/")
                    held = digest(content) if is_object else content.read(most(name))
                    files[match.groups("")] = held
                    total += 0 if is_object else len(held)
                    if total > 1 << 32:
                        raise Unreadable("the tar is too large for memory: unpack it first")
        except (tarfile.TarError, EOFError, OSError, ValueError, ArithmeticError, LookupError,
                binascii.Error, zlib.error, lzma.LZMAError) as error:
            raise Unreadable(f"no tar that can be read: {ascii(str(error))}") from None
        heads = [prefix for prefix, name in files if name == "checkpoint"]
        if len(heads) != 1:
            raise Unreadable("the tar must hold one checkpoint, at the top or one level below")
        self.files = {name: held for (prefix, name), held in files.items() if prefix == heads[0]}

    def get(self, name):
        return self.files.get(name)

    def object(self, name):
        return self.files.get("tally/objects/" + name.hex())


def number_path(number):
    """s. 16: 1234067 is x001/x234/067"""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03}")
    return "/".join(reversed(groups))


def read_tile(source, kind, number, width):
    """-> the items of a tile as far as they are there, "nothing is behind them", "there is one" """
    name = f"{kind}/{number_path(number)}"
    data = source.get(f"{name}.p/{width}") if width < 256 else None
    exact = width == 256 or data is not None
    data = source.get(name) if data is None else data
    reader, items = Octets(data or b""), []
    try:
        while len(items) < width:
            if kind == "tile/entries":
                items.append(reader.take(reader.number(2)))
            elif kind == "tally/commitments":
                row = reader.take(32 * reader.number(2))
                items.append([row[i:i + 32] for i in range(0, len(row), 32)])
            else:
                items.append(reader.take(64 if kind == "tally/seals" else 32))
    except Bad:
        return items, True, data is not None
    return items, reader.at == len(reader.data) or not exact, True


# ---------------------------------------------------------------------------------------------
# A ledger (s. 21.2, s. 21.3, s. 21.4)

def decode_parts(data):
    """s. 16, tally/parts/N. -> {position: part}"""
    demand(len(data) < most("tally/parts"), "too-large")
    reader, parts, newest = Octets(data), {}, -1
    try:
        while reader.at < len(data):
            position, part = reader.number(2), reader.string()
            demand(position > newest)
            newest, parts[position] = position, part
    except Bad:
        raise Bad("part-invalid") from None
    return parts


def judge_deposits(e, row, data, objects):
    """s. 19.1 steps 3 to 6, over what an archive has."""
    parts = decode_parts(data or b"")
    clear, sizes = sum(map(len, parts.values())), [size for _, _, size in e.sealed]
    demand(all(size <= LIMIT_TOGETHER for size in sizes), "too-large")
    there = sum(held[1] for held in objects if held)
    demand(clear + max(sum(sizes), there) <= LIMIT_TOGETHER, "too-large")
    demand(len(row) == e.parts and tree_root(row) == e.parts_root, "commitments-mismatch")
    newest = None
    for position, letter in enumerate(e.letters):
        demand(letter != "c" or position in parts, "part-missing")
        demand(letter == "c" or position not in parts, "part-invalid")
        if letter == "c":
            newest = check_part(parts[position], row[position], e, newest)
    demand(all(position < e.parts for position in parts), "part-invalid")
    for (_, hashed, size), held in zip(e.sealed, objects):
        demand(held in (None, (hashed, size)), "sealed-invalid")


def told_clock_step(e, row, data):
    """s. 8, s. 19.3 step 12: what the clear clock step part of an incident says: 0 when there is
    none, None when that cannot be told because clear parts are lost or not the committed ones."""
    if e.type != b"incident":
        return 0
    step = 0
    try:
        parts = decode_parts(data or b"")
        for position in (i for i, letter in enumerate(e.letters) if letter == "c"):
            octets = parts.get(position)
            demand(octets is not None)
            demand(row is None or row[position:position + 1] == [leaf_hash(octets)])
            part = decode_part(octets)
            step = clock_step(part.value) if part.name == CLOCK_STEP else step
    except Bad:
        return None
    return step


class Ledger:
    def __init__(self, source, report, asked):
        self.source, self.report, self.asked = source, report, asked
        self.state, self.signatures, self.signers, self.tiles = State(), Signatures(), [], []

    def verify(self, receipts, since):
        """s. 21.2"""
        data, report, state = self.source.get("checkpoint"), self.report, self.state
        if data is None:
            raise Unreadable("there is no checkpoint")
        try:
            head = decode_checkpoint(data)
            demand(head.size > 0)
        except Bad:
            report.tell("checkpoint", "checkpoint-invalid")
            return
        report.about |= {"size": head.size, "root": to_base64(head.root)}
        for first in range(0, head.size, 256):                          # step 2
            if not self.tile(first, min(256, head.size - first)):
                break
        self.signatures.run()
        self.higher_tiles(head.size)                                    # step 3
        root = self.root(head.size)
        report.tell("tree", None if root == head.root else "root-mismatch")
        roster = self.signing_roster(head.size)                         # step 4
        if roster is None:
            report.skip("checkpoint")
        else:
            good = checkpoint_signed(head, roster)
            report.tell("checkpoint", None if good else "checkpoint-invalid")
        if state.ledger:
            report.about |= {"ledger": to_base64(state.ledger), "sample": state.roster.sample}
        if self.asked is None or state.ledger is None:                  # step 5
            report.skip("ledger")
        else:
            report.tell("ledger", None if state.ledger == self.asked else "prefix-mismatch")
        if since is not None:                                           # step 6
            report.check("since", None, self.held_checkpoint, since, head.size)
        for data in receipts:                                           # step 7
            self.held_receipt(data, head.size)
        for index, signer in self.signers:                              # s. 18.2, end
            key = state.roster.keys.get(signer)
            if key and key.revoked is not None and key.revoked < index <= key.ended:
                report.about["in_doubt"] += 1

    def tile(self, first, width):
        """One tile of entries, seals, commitments and level 0 hashes."""
        kinds = ("tile/entries", "tally/seals", "tally/commitments", "tile/0")
        found = [read_tile(self.source, kind, first // 256, width) for kind in kinds]
        if not any(there for _, _, there in found) and first > 0:
            self.report.tell("chain", "record-missing", first)          # and all behind it: a claim
            self.report.tell("seals", "seal-missing", first)            # of a huge size ends here
            self.report.tell("deposits", "commitments-missing", first)
            self.report.tell("tree", "leaf-mismatch", first)
            return False
        for _, clean, _ in found:
            if not clean:
                self.report.tell("tree", "tile-mismatch")
        self.tiles.append(b"".join(found[3][0]))
        for place in range(width):
            self.record(*[items[place] if place < len(items) else None for items, _, _ in found])
        return True

    def record(self, data, seal, row, hashed):
        """s. 21.2 step 2, one record."""
        state, report, i, r, e = self.state, self.report, self.state.size, None, None
        leaf = hashed if data is None else leaf_hash(data)
        if data is None:
            report.tell("chain", "record-missing", i)
        if hashed is None or hashed != leaf:
            report.tell("tree", "leaf-mismatch", i)
        elif data is None:
            report.skip("tree")
        else:
            report.tell("tree")
        known, before = state.roster.rules <= KNOWN_RULES, state.roster
        try:
            if data is not None:
                r = decode_record(data)
                e = decode_envelope(r.envelope)
        except Bad as bad:
            report.tell("chain", bad.reason, i)
        if not known:                                                   # s. 21.4
            if r:
                demands = ((r.index == i, "index-mismatch"), (r.link == state.newest,
                                                              "link-mismatch"))
                report.tell("chain", next((why for good, why in demands if not good), None), i)
            report.skip("roster", "authors", "signatures", "seals", "deposits", "exhibits")
            state.move(leaf, r, None)
            return
        if row is None:
            report.tell("deposits", "commitments-missing", i)
        if e:
            data = self.source.get(f"tally/parts/{number_path(i)}")
            self.deposits(i, e, row, data)
            self.judge(i, r, e, told_clock_step(e, row, data))
            self.author_signatures(i, r, e)
            self.exhibits(i, e)
        else:
            report.skip("roster", "authors", "signatures", "deposits", "exhibits")
        state.move(leaf, r, e)
        key = (before if i else state.roster).ledger_key
        if seal is None:
            report.tell("seals", "seal-missing", i)
        elif key is None or leaf is None:
            report.skip("seals")
        else:
            self.signatures.when_known([seal_job(key[1], leaf, seal)], lambda good: report.tell(
                "seals", None if good[0] else "seal-invalid", i))

    def judge(self, i, r, e, step):
        """s. 19.3; what does not hold goes to the line of its reason."""
        unknown = step is None and r.received < self.state.received
        try:
            self.state.judge(r, e, MAX if unknown else step or 0)
            self.report.tell("chain")
            self.report.tell("authors")
            self.report.skip("roster") if unknown else self.report.tell("roster")
        except Bad as bad:
            name = LINE_OF.get(bad.reason, "roster")
            self.report.tell(name, bad.reason, i)
            if name != "chain":
                self.report.tell("chain")
            self.report.skip(*[other for other in ("roster", "authors") if other != name])

    def author_signatures(self, i, r, e):
        """s. 19.1 steps 7 and 8."""
        try:
            signatures = decode_signatures(r.blobs, e.key)
        except Bad as bad:
            self.report.tell("signatures", bad.reason, i)
            return
        self.signers += [(i, signed.key.fingerprint) for signed in signatures]
        self.signatures.when_known(
            [signature_job(signed, r.envelope) for signed in signatures],
            lambda answers: self.report.tell("signatures", signature_fault(signatures, answers), i))

    def deposits(self, i, e, row, data):
        objects = [self.source.object(hashed) for _, hashed, _ in e.sealed]
        if row is None:
            return
        for held in objects:
            if held is None:
                self.report.skip("deposits", allowed=True)
        self.report.check("deposits", i, judge_deposits, e, row, data, objects)

    def exhibits(self, i, e):
        """s. 21.2 step 2: the file lines of a record; it may well have none."""
        fault = None
        for kind, hashed, size in e.files:
            held = self.source.object(hashed)
            if held is None and kind == b"sealed":
                self.report.skip("exhibits", allowed=True)
            elif held != (hashed, size):
                fault = fault or ("file-invalid" if held else "file-missing")
        self.report.tell("exhibits", fault, i)

    def higher_tiles(self, size):
        """s. 16 and s. 21.2 step 3: every level over the one below it, as that one stands there."""
        for level in range(1, 8):
            count, below, self.tiles = size >> 8 * level, self.tiles, []
            for first in range(0, count, 256):
                width = min(256, count - first)
                items, clean, _ = read_tile(self.source, f"tile/{level}", first // 256, width)
                self.tiles.append(b"".join(items))
                want = [tree_root([tile[i:i + 32] for i in range(0, len(tile), 32)])
                        for tile in below[first:first + width]]
                self.report.tell("tree", None if clean and items == want else "tile-mismatch")
                if len(want) < width:                                   # nothing below: a claim
                    break                                               # of a huge size ends here

    @functools.lru_cache(maxsize=64)
    def root(self, size):
        """The root over the first leaf hashes; None where one of them is not there."""
        leaves = self.state.leaves[:size]
        return None if len(leaves) < size or None in leaves else tree_root(leaves)

    def roster_before(self, index):
        """The roster in force at an index, the newest one behind the end; at 0 the charter's."""
        rosters = self.state.rosters
        return rosters[max(0, min(index, len(rosters)) - 1)]

    def signing_roster(self, size):
        """s. 10, s. 21.4: whose ledger key signs a checkpoint of this size; None if not known."""
        roster = self.roster_before(size)
        return roster if roster.ledger_key and roster.rules <= KNOWN_RULES else None

    def held_checkpoint(self, data, size):
        """s. 21.2 step 6"""
        try:
            held = decode_checkpoint(data)
        except Bad:
            raise Bad("checkpoint-invalid") from None
        demand(held.size <= size, "checkpoint-rollback")
        roster = self.signing_roster(held.size)
        if roster is None:
            self.report.skip("since")
        else:
            demand(checkpoint_signed(held, roster), "checkpoint-invalid")
        demand(self.root(held.size) == held.root, "checkpoint-fork")

    def held_receipt(self, data, size):
        """s. 21.2 step 7"""
        try:
            proof = decode_proof(data)
        except Bad:
            self.report.tell("receipts", "receipt-invalid")
            return
        i, n, index = proof.index, proof.checkpoint.size, proof.index
        sealing, signing = self.roster_before(i), self.signing_roster(n)
        try:
            check_receipt(proof)
            demand(included(proof.record.leaf, i, n, proof.hashes, proof.checkpoint.root),
                   "proof-invalid")
            if signing is None or sealing.ledger_key is None or sealing.rules > KNOWN_RULES:
                self.report.skip("receipts")
            else:
                check_seal(proof, sealing)
                demand(checkpoint_signed(proof.checkpoint, signing), "checkpoint-invalid")
            check_signatures(proof)
            demand(proof_ledger(proof) == self.state.ledger, "wrong-ledger")
            index = None
            demand(n <= size, "checkpoint-rollback")
            index = i
            demand(self.state.names(i, proof.record.leaf), "receipt-mismatch")
            index = None
            demand(self.root(n) == proof.checkpoint.root, "checkpoint-fork")
            index = i
            demand(not any(kind in CONSTITUTION for kind in self.state.types[i:n - 1]),
                   "batch-mismatch")
        except Bad as bad:
            self.report.tell("receipts", bad.reason, index)
            return
        self.report.tell("receipts")


# ---------------------------------------------------------------------------------------------
# Receipts and bundles (s. 11, s. 13, s. 21.5, s. 21.6)

def decode_proof(data):
    """s. 11, with the forms of all that is in it."""
    demand(len(data) <= 131072)
    head, _, checkpoint = data.partition(b"\n\n")
    lines = head.split(b"\n")
    demand(len(lines) >= 3 and lines[0] == b"c2sp.org/tlog-proof@v1")
    demand(lines[1].startswith(b"extra ") and lines[2].startswith(b"index "))
    extra, hashes = from_base64(lines[1][6:]), [from_hash(line) for line in lines[3:]]
    demand(64 < len(extra) <= 40960 + 64 and len(hashes) <= 63)
    record = decode_record(extra[:-64])
    return SimpleNamespace(record=record, envelope=decode_envelope(record.envelope),
                           seal=extra[-64:], index=from_decimal(lines[2][6:]), hashes=hashes,
                           checkpoint=decode_checkpoint(checkpoint))


def check_receipt(proof):
    """s. 21.6, line `receipts`, behind the form."""
    r, size = proof.record, proof.checkpoint.size
    demand(r.index == proof.index, "index-mismatch")
    demand(proof.index < size, "proof-invalid")
    demand(r.roster < r.index or r.roster == r.index == 0, "roster-mismatch")
    batch_end = proof.envelope.type not in (b"charter", b"amendment") or size == r.index + 1
    demand(batch_end, "batch-mismatch")


def check_included(proof):
    demand(included(proof.record.leaf, proof.index, proof.checkpoint.size, proof.hashes,
                    proof.checkpoint.root), "proof-invalid")


def check_seal(proof, roster):
    job = seal_job(roster.ledger_key[1], proof.record.leaf, proof.seal)
    demand(verify_job(job), "seal-invalid")


def check_signatures(proof):
    """s. 19.1 steps 7 and 8."""
    signatures = decode_signatures(proof.record.blobs, proof.envelope.key)
    jobs = [signature_job(signed, proof.record.envelope) for signed in signatures]
    fault = signature_fault(signatures, map(verify_job, jobs))
    demand(fault is None, fault)


def proof_ledger(proof):
    return proof.envelope.ledger or proof.envelope.hash


def judge_alone(proof, roster, ledger):
    """s. 21.5, s. 21.6: steps 4 to 7 and 10, and 13 and 14. -> the roster behind the record"""
    e = proof.envelope
    signers = judge_entry(e, proof.index, proof.record.blobs, roster, ledger)
    judge_relations(e)
    return make_roster(e, proof.index, signers, roster) if e.type in CONSTITUTION else roster


def verify_receipt(data, report, asked):
    """s. 21.6, a receipt and nothing else."""
    report.required.append("receipts")
    try:
        proof = decode_proof(data)
    except Bad:
        report.tell("receipts", "receipt-invalid")
        return
    i, head = proof.index, proof.checkpoint
    report.about |= {"size": head.size, "root": to_base64(head.root),
                     "ledger": to_base64(proof_ledger(proof))}
    report.check("receipts", i, check_receipt, proof)
    report.check("tree", i, check_included, proof)
    report.check("signatures", i, check_signatures, proof)
    if asked is None:
        report.skip("ledger")
    else:
        report.tell("ledger", None if proof_ledger(proof) == asked else "wrong-ledger", i)
    roster = None
    if proof.envelope.type == b"charter":
        roster = report.check("roster", i, judge_alone, proof, Roster(), None)
    if roster is None:
        report.skip("roster", "seals", "checkpoint")
        return
    report.check("seals", i, check_seal, proof, roster)
    good = checkpoint_signed(head, roster)
    report.tell("checkpoint", None if good else "checkpoint-invalid")


def decode_bundle(data):
    """s. 13. -> constitution, last, entries, parts [(index, position, part, hashes)]"""
    demand(len(data) <= 67108864 and data.endswith(b"\n"))
    lines = data[:-1].split(b"\n")
    demand(lines[0] == b"tally-bundle/v1")
    kinds = [line.split(b" ", 1)[0] for line in lines[1:]]
    groups = {kind: [line[len(kind) + 1:] for line in lines[1:] if line.startswith(kind + b" ")]
              for kind in (b"constitution", b"last", b"entry", b"part")}
    demand(kinds == [kind for kind, group in groups.items() for _ in group])
    constitution, last, entries = (
        [decode_proof(from_base64(text)) for text in groups[kind]]
        for kind in (b"constitution", b"last", b"entry"))
    demand(constitution and len(last) == 1 and entries)
    demand(len({proof.checkpoint.data for proof in constitution + last + entries}) == 1)
    for group in (constitution, entries):
        demand(all(a.index < b.index for a, b in zip(group, group[1:])))
    demand(last[0].index == last[0].checkpoint.size - 1)
    amending = {proof.index for proof in constitution}
    for proof in constitution + last + entries:
        demand((proof.envelope.type in (b"charter", b"amendment")) == (proof.index in amending))
    indexes, parts = {proof.index for proof in entries}, []
    for text in groups[b"part"]:
        fields = text.split(b" ")
        demand(len(fields) >= 3)
        index, position = from_decimal(fields[0]), from_decimal(fields[1])
        demand(index in indexes and position <= 255)
        demand(not parts or parts[-1][:2] < (index, position))
        demand(len(fields) <= 3 + 63)
        part, hashes = from_base64(fields[2]), [from_hash(text) for text in fields[3:]]
        parts.append((index, position, part, hashes))
    return constitution, last[0], entries, parts


def verify_bundle(data, report, asked):
    """s. 21.5"""
    report.required.append("receipts")
    try:
        constitution, last, entries, parts = decode_bundle(data)
    except Bad:
        report.tell("receipts", "bundle-invalid")
        return
    head, ledger = last.checkpoint, constitution[0].envelope.hash
    report.about |= {"size": head.size, "root": to_base64(head.root), "ledger": to_base64(ledger)}

    def check_proof(proof):
        check_included(proof)
        demand(proof.record.index == proof.index, "index-mismatch")
    proofs = {(proof.index, proof.record.leaf): proof for proof in constitution + [last] + entries}
    for proof in proofs.values():
        report.check("receipts", proof.index, check_proof, proof)
    report.skip("tree") if report.lines["receipts"].bad else report.tell("tree")
    if asked is None:
        report.skip("ledger")
    else:
        report.tell("ledger", None if ledger == asked else "prefix-mismatch")

    roster, rosters = Roster(), []

    def judge(proof, roster, place):
        demand(proof.record.roster == place, "roster-mismatch")
        return judge_alone(proof, roster, ledger)
    for proof in constitution:
        before, place = roster, roster.position if rosters or proof.index == 0 else None
        made = report.check("roster", proof.index, judge, proof, before, place)
        roster = made or before.copy()
        roster.position = proof.index
        rosters.append((proof.index, before, roster))
    for proof in proofs.values():
        i = proof.index
        before = next((new for at, _, new in reversed(rosters) if at < i), rosters[0][2])
        if i not in {at for at, _, _ in rosters}:
            if proof is last and proof not in entries:
                report.tell("roster", None if proof.record.roster == before.position
                            else "roster-mismatch", i)
            else:
                report.check("roster", i, judge, proof, before, before.position)
        report.check("signatures", i, check_signatures, proof)
        if before.ledger_key is None or before.rules > KNOWN_RULES:
            report.skip("seals")
        else:
            report.check("seals", i, check_seal, proof, before)
    if roster.ledger_key is None or roster.rules > KNOWN_RULES:
        report.skip("checkpoint")
    else:
        good = checkpoint_signed(head, roster)
        report.tell("checkpoint", None if good else "checkpoint-invalid")
    envelopes, newest = {proof.index: proof.envelope for proof in entries}, (None, None)

    def check(index, position, part, hashes, name):
        e = envelopes[index]
        demand(included(leaf_hash(part), position, e.parts, hashes, e.parts_root), "proof-invalid")
        return check_part(part, None, e, name)
    for index, position, part, hashes in parts:
        name = newest[1] if newest[0] == index else None
        newest = (index, report.check("deposits", index, check, index, position, part, hashes, name)
                  or name)


# ---------------------------------------------------------------------------------------------
# The command (s. 22)

def read_whole(path, limit):
    stream = open_regular(path)
    if stream is None:
        raise Unreadable(f"{ascii(path)} is not there")
    with stream:
        return stream.read(limit + 1)


def verify(arguments, report):
    asked = from_hash(arguments.ledger.encode()) if arguments.ledger else None
    receipts = [read_whole(path, 131072) for path in arguments.receipt]
    since = read_whole(arguments.since, 65536) if arguments.since else None
    if os.path.isdir(arguments.source):
        source = Directory(arguments.source)
    else:
        stream = open_regular(arguments.source)
        if stream is None:
            raise Unreadable(f"{ascii(arguments.source)} is not there")
        with stream:
            start = stream.read(32)
            stream.seek(0)
            for magic, limit, judge in ((b"c2sp.org/tlog-proof", 131072, verify_receipt),
                                        (b"tally-bundle/", 67108864, verify_bundle)):
                if start.startswith(magic):
                    if receipts or since is not None:
                        raise ValueError("--receipt and --since need an archive")
                    judge(stream.read(limit + 1), report, asked)
                    return
            source = Tar(stream)
    report.required += (["receipts"] if receipts else []) + (["since"] if since is not None else [])
    Ledger(source, report, asked).verify(receipts, since)


def show(result):
    for name, line in result["checks"].items():
        where = "" if line["first_bad"] is None else f" record {line['first_bad']}"
        counts = f"{line['held']} hold, {line['bad']} do not, {line['unchecked']} not checked"
        print(f"{name:11} {line['verdict']:11} {line['reason'] or ''}{where} ({counts})")
    print(f"size {result['size']}, root {result['root']}, ledger {result['ledger']}")
    if result["sample"]:
        print("This ledger says that it is a sample: made to be shown, not to be believed.")
    print(f"in doubt: {result['in_doubt']} signatures of keys revoked later")
    print(f"verdict: {result['verdict']}"
          + (f", reason {result['reason']}" if result["reason"] else ""))
    print("No verification shows that an entry is true, that a time is right, that nothing was "
          "kept out\nor that everybody is shown this same ledger (docs/formats.md, section 21.7).")


def main():
    class Parser(argparse.ArgumentParser):
        def error(self, message):
            self.exit(2, f"tally-verify: {ascii(message)[1:-1]}\n")
    parser = Parser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("source", help="an archive directory, a tar of one, a receipt or a bundle")
    parser.add_argument("--ledger", help="the ledger id that you trust")
    parser.add_argument("--receipt", action="append", default=[], help="a receipt that you hold")
    parser.add_argument("--since", help="a signed checkpoint that you trust")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments, report = parser.parse_args(), Report()
    try:
        verify(arguments, report)
    except Bad:
        parser.error("--ledger: not a ledger id")
    except ValueError as error:
        parser.error(str(error))
    except Unreadable as error:
        parser.exit(3, f"tally-verify: {error}\n")
    except (OSError, MemoryError, RecursionError) as error:
        parser.exit(3, f"tally-verify: cannot be read: {type(error).__name__}\n")
    result = report.result()
    print(json.dumps(result, indent=2)) if arguments.json else show(result)
    return result["exit_code"]


if __name__ == "__main__":
    sys.exit(main())
