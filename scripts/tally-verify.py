#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""tally-verify - a second, independent verifier of Tally archives.

Written from docs/formats.md alone, with nothing but the Python standard library (3.11), and to be
read beside it: "# 19.3" behind a line names the section there. It shares no code with Tally.
"""
import argparse, base64, contextlib, copy, datetime, functools, hashlib, itertools, json, lzma
import multiprocessing, os, re, stat, sys, tarfile, zlib
from types import SimpleNamespace

MAX, LIMIT_TOGETHER, KNOWN_RULES = 2**63 - 1, 4194304, 1

class Bad(Exception):
    """Something does not hold; the reason, its only argument, is a name from section 23."""
    reason = property(lambda self: self.args[0])

class Unreadable(Exception):
    """The source cannot be read: exit code 3 (22)."""

def demand(condition, reason="malformed"):
    if not condition:
        raise Bad(reason)

def under(reason, function, *arguments):
    """What the function returns; what it does not take is Bad for this reason."""
    try:
        return function(*arguments)
    except (Bad, ValueError):
        raise Bad(reason) from None

def sha256(data):
    return hashlib.sha256(data).digest()

# ----- Ed25519, the strict rule (6.1). A point is (X, Y, Z, T): x = X/Z, y = Y/Z, xy = T/Z. -----
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
ORDER_8_Y = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7
SMALL_ORDER_Y = {0, 1, P - 1, P, P + 1, ORDER_8_Y, P - ORDER_8_Y}       # canonical or not
LOW_255 = 2**255 - 1
NEUTRAL = (0, 1, 1, 0)

def point_decode(octets):                                               # 6.1, rule 2
    """The point whose canonical encoding this is, or None."""
    number = int.from_bytes(octets, "little")
    y, sign = number & LOW_255, number >> 255
    if y >= P: return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * SQRT_M1 % P
    if (x * x - square) % P or (x == 0 and sign): return None
    x = x if x & 1 == sign else P - x
    return (x, y, 1, x * y % P)

def point_double(point):
    x, y, z, _ = point
    a, b, c = x * x % P, y * y % P, 2 * z * z % P
    e, g, h = a + b - (x + y) * (x + y) % P, a - b, a + b
    f = c + g
    return (e * f % P, g * h % P, f * g % P, e * h % P)

def point_add(one, other):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, other
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * D * t1 % P * t2 % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)

BASE = point_decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))

@functools.lru_cache(maxsize=4096)
def key_table(public):                                                  # 6.1, rules 2 and 3
    """For a public key A: i * B - j * A at place 4 * i + j, i and j up to 3. Else None."""
    if len(public) != 32 or int.from_bytes(public, "little") & LOW_255 in SMALL_ORDER_Y:
        return None
    point = point_decode(public)
    if point is None: return None
    x, y, z, t = point
    table, minus = [NEUTRAL], (P - x, y, z, P - t)
    for place in range(1, 16):
        table.append(point_add(table[place - 1], minus) if place % 4
                     else point_add(table[place - 4], BASE))
    return table

def sum_of_multiples(s, h, table):
    """s * B - h * A, two bits of both numbers at a time."""
    total = NEUTRAL
    for bit in range(252, -2, -2):
        total = point_double(point_double(total))
        total = point_add(total, table[4 * (s >> bit & 3) + (h >> bit & 3)])
    return total

def ed25519_verify(public, signature, message):                         # 6.1, rules 1 to 4
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    table = key_table(public)
    if (len(signature) != 64 or s >= L or table is None
            or int.from_bytes(r, "little") & LOW_255 in SMALL_ORDER_Y):
        return False
    h = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % L
    x, y, z, _ = sum_of_multiples(s, h, table)
    inverse = pow(z, -1, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == r

@functools.lru_cache(maxsize=4096)
def key_usable(public):                                                 # 6.1, last paragraph
    """Is the key of the prime-order subgroup?"""
    table = key_table(public)
    x, y, z, _ = sum_of_multiples(0, L, table) if table else (1, 0, 0, 0)
    return x == 0 and y == z

def verify_all(asked):
    """asked: [(…, signatures)…], which are verified once each, over all processors.
    -> (…, the reason why these signatures do not hold, or None), one by one"""
    jobs = list({signed.job: None for *_, signatures in asked for signed in signatures})
    with multiprocessing.Pool() if len(jobs) >= 200 else contextlib.nullcontext() as pool:
        starmap = functools.partial(pool.starmap, chunksize=64) if pool else itertools.starmap
        known = dict(zip(jobs, starmap(ed25519_verify, jobs)))
    for *about, signatures in asked:
        faults = [signed.fault if not known[signed.job] else None if signed.present
                  else "presence-missing" for signed in signatures]
        yield *about, next(filter(None, faults), None)

def signature_to_ask(public, signature, message, fault, present=True):
    return SimpleNamespace(job=(public, signature, message), fault=fault, present=present)

# ----- Conventions (2): canonical texts, lines and octets -----
DECIMAL, HASH = rb"(?:0|[1-9][0-9]{0,18})", rb"[A-Za-z0-9+/]{43}="
ORIGIN = re.compile(rb"[a-z0-9][a-z0-9.-]*(?:/[a-z0-9._-]+)*")
TIME = re.compile(rb"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z")

def from_base64(text):
    data = under("malformed", base64.b64decode, text, None, True)
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
    demand(re.fullmatch(DECIMAL, text) and int(text) <= MAX)
    return int(text)

def from_identifier(text):
    demand(re.fullmatch(rb"[a-z][a-z0-9-]{0,31}", text))
    return text

def from_time(text):
    match = TIME.fullmatch(text)
    demand(match)
    demand(under("malformed", datetime.datetime, *map(int, match.groups())).year >= 1970)
    return text

def from_origin(text):
    reserved = (b"tally-", b"cosignature/", b"subtree/", b"sshsig")
    demand(len(text) <= 128 and ORIGIN.fullmatch(text) and not text.startswith(reserved))
    return text

def or_dash(kind):
    return lambda text: None if text == b"-" else kind(text)

def fields(text, *kinds):
    """The fields of a line, each as its kind reads it; further spaces belong to the last one."""
    words = text.split(b" ", len(kinds) - 1)
    demand(len(words) == len(kinds))
    return [kind(word) for kind, word in zip(kinds, words)]

class Lines:
    """Reads lines of the form "keyword field field…" from the first one on."""
    def __init__(self, lines):
        self.lines, self.at = lines, 0

    def more(self, keyword):
        return self.at < len(self.lines) and self.lines[self.at].startswith(keyword + b" ")

    def next(self, keyword, *kinds):
        demand(self.more(keyword))
        self.at += 1
        return fields(self.lines[self.at - 1][len(keyword) + 1:], *kinds)

    def sorted(self, keyword, *kinds, most=MAX):
        """All lines that follow with this keyword."""
        first = self.at
        while self.more(keyword):
            demand(self.at - first < most, "too-large")
            demand(self.at == first or self.lines[self.at - 1] < self.lines[self.at])
            yield self.next(keyword, *kinds)

class Octets:
    """Reads a binary format from the first octet on."""
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        demand(self.at + count <= len(self.data))
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, octets, most=MAX, reason="malformed"):
        number = int.from_bytes(self.take(octets), "big")
        demand(number <= most, reason)
        return number

    def string(self, octets=4, most=MAX):
        return self.take(self.number(octets, most, "too-large"))

    def end(self):
        demand(self.at == len(self.data))

# ----- The tree (4) -----
def leaf_hash(data):
    return sha256(b"\x00" + data)

def node_hash(left, right):
    return sha256(b"\x01" + left + right)

def tree_root(hashes):
    """Level by level: a node without a sibling goes up as it is."""
    while len(hashes) > 1:
        odd = hashes[-1:] if len(hashes) % 2 else []
        hashes = [*map(node_hash, hashes[0:-1:2], hashes[1::2]), *odd]
    return hashes[0] if hashes else sha256(b"")

def root_of_proof(leaf, index, size, proof):
    demand(index < size and (size > 1) == bool(proof), "proof-invalid")
    if size == 1:
        return leaf
    half = 1 << (size - 1).bit_length() - 1                             # of the left subtree
    if index < half:
        return node_hash(root_of_proof(leaf, index, half, proof[:-1]), proof[-1])
    return node_hash(proof[-1], root_of_proof(leaf, index - half, size - half, proof[:-1]))

# ----- Keys and author signatures (5, 6.2) -----
HARDWARE = b"sk-ssh-ed25519@openssh.com"

@functools.lru_cache(maxsize=4096)
def decode_key(blob):                                                   # 5.1
    reader = Octets(blob)
    kind, point, application = reader.string(), reader.string(), None
    demand(kind in (b"ssh-ed25519", HARDWARE) and len(point) == 32)
    if kind == HARDWARE:
        application = reader.string()
        demand(len(application) <= 32 and b"\x00" not in application)
    reader.end()
    return SimpleNamespace(kind=kind, point=point, application=application, blob=blob,
                           fingerprint=sha256(blob))

def decode_key_text(text):                                              # 5.1
    kind, blob = fields(text, bytes, from_base64)
    demand(decode_key(blob).kind == kind)
    return decode_key(blob)

def decode_vkey(text):                                                  # 5.2
    name, key_id, encoded, *_ = text.split(b"+", 2) + [b"", b""]
    demand(re.fullmatch(rb"[\x21-\x7e]{1,159}", name))
    data = from_base64(encoded)
    demand(len(data) == 33 and data[0] in (1, 4))
    own_id = sha256(name + b"\n" + data)[:4]
    demand(key_id == own_id.hex().encode())
    return SimpleNamespace(name=name, kind=data[0], point=data[1:], id=own_id)

def decode_sshsig(blob):                                                # 6.2
    """The form of one signature; suffix is what a hardware key adds: flags and counter."""
    reader = Octets(blob)
    demand(len(blob) <= 512 and reader.take(6) == b"SSHSIG" and reader.number(4) == 1)
    key = decode_key(reader.string())
    demand([reader.string() for _ in range(3)] == [b"entry@tally", b"", b"sha512"])
    inner = Octets(reader.string())
    reader.end()
    demand(inner.string() == key.kind)
    signature = inner.string()
    demand(len(signature) == 64)
    suffix = inner.take(5 if key.kind == HARDWARE else 0)
    inner.end()
    return SimpleNamespace(key=key, signature=signature, suffix=suffix)

def author_signature(signed, envelope):                                 # 6.2, 19.1 step 8
    message = b"SSHSIG"
    for field in (b"entry@tally", b"", b"sha512", hashlib.sha512(envelope).digest()):
        message += len(field).to_bytes(4, "big") + field
    if signed.suffix:
        message = sha256(signed.key.application) + signed.suffix + sha256(message)
    present = not signed.suffix or bool(signed.suffix[0] & 1)
    return signature_to_ask(signed.key.point, signed.signature, message, "signature-invalid",
                            present)

def decode_signatures(r, e):                                            # 19.1 step 7
    """Forms and places of all signatures."""
    signatures, newest = [], b""
    for blob in r.blobs:
        signed = decode_sshsig(blob)
        if not signatures:
            demand(signed.key.fingerprint == e.key, "signature-missing")
        else:
            demand(newest < signed.key.blob and signed.key.fingerprint != e.key, "signature-order")
            newest = signed.key.blob
        signatures.append(signed)
    return signatures

# ----- Signed notes and checkpoints (6.3, 10) -----
def decode_note(data):                                                  # 6.3
    """-> text with its final LF, [(name, key ID, signature)]"""
    demand(len(data) <= 65536 and data.endswith(b"\n"))
    under("malformed", data.decode)
    demand(not any(octet < 0x20 and octet != 0x0a for octet in data))
    end = data.rfind(b"\n\n")
    lines, signatures = data[end + 2:-1].split(b"\n"), []
    demand(end >= 0 and len(lines) <= 100)
    for line in lines:
        mark, name, octets = fields(line, bytes, bytes, from_base64)
        demand(mark == b"\xe2\x80\x94" and name and b"+" not in name and len(octets) >= 5)
        demand(not any(map(str.isspace, name.decode())))
        signatures.append((name, octets[:4], octets[4:]))
    return data[:end + 1], signatures

def decode_checkpoint(data):                                            # 10
    text, signatures = decode_note(data)
    lines = text.split(b"\n")
    demand(len(lines) == 4)
    origin, size, root = from_origin(lines[0]), from_decimal(lines[1]), from_hash(lines[2])
    demand(size > 0 or root == tree_root([]))
    return SimpleNamespace(origin=origin, size=size, root=root, text=text, signatures=signatures)

def check_checkpoint(checkpoint, ledger_key):                           # 10; 6.3, last paragraph
    """Signed by the ledger key, under its name, which is the origin?"""
    found = [octets for name, key_id, octets in checkpoint.signatures
             if (name, key_id) == (ledger_key.name, ledger_key.id)]
    demand(checkpoint.origin == ledger_key.name and len(found) == 1, "checkpoint-invalid")
    demand(ed25519_verify(ledger_key.point, found[0], checkpoint.text), "checkpoint-invalid")

# ----- Envelopes, records, parts (7, 8, 9) -----
CONSTITUTION = (b"charter", b"amendment", b"continuation")

def decode_envelope(data):                                              # 7
    """The lines in order; the first fault that is met decides (3)."""
    demand(len(data) <= 24576, "too-large")
    whole = data.split(b"\n")
    lines = Lines(whole[:-1] if whole[-1] == b"" else whole)
    e = SimpleNamespace(hash=sha256(data), sealed=[], files=[], refs=[], ops=[])
    seen = or_dash(lambda text: fields(text, from_decimal, from_hash))
    [e.type], [e.ledger], [e.member], [e.key], [e.sequence], [e.previous], [e.seen], _ = (
        lines.next(keyword, kind) for keyword, kind in (
            (b"tally/v1", from_identifier), (b"ledger", or_dash(from_hash)),
            (b"member", from_identifier), (b"key", from_fingerprint), (b"sequence", from_decimal),
            (b"previous", or_dash(from_hash)), (b"seen", seen), (b"signed", from_time)))
    charter, constitution = e.type == b"charter", e.type in CONSTITUTION
    demand((e.ledger is None) == (e.seen is None) == charter)
    demand((e.sequence == 0) == constitution and (e.previous is None) == (e.sequence <= 1))
    e.parts, rest = lines.next(b"parts", from_decimal, bytes)
    demand(e.parts <= 256, "too-large")
    e.parts_root, letters = fields(rest, from_hash, bytes)
    demand(re.fullmatch(b"-|[csw]+", letters))
    e.letters = letters.decode().replace("-", "")
    demand(len(e.letters) == e.parts)
    demand(not constitution if e.parts > 0 else e.parts_root == tree_root([]))
    for position in (i for i, letter in enumerate(e.letters) if letter == "s"):
        e.sealed.append(lines.next(b"sealed", from_decimal, from_hash, from_decimal))
        demand(e.sealed[-1][0] == position)
    for kind, hashed, size in lines.sorted(b"file", bytes, from_hash, from_decimal):
        demand(kind in (b"clear", b"sealed") and not constitution)
        e.files.append((kind, hashed, size))
    for ref in lines.sorted(b"ref", from_identifier, from_decimal, from_hash, most=256):
        demand(not charter and ref[1] <= e.seen[0])
        e.refs.append(ref)
    while lines.more(b"op"):
        e.ops += lines.next(b"op", bytes)
        demand(constitution and re.fullmatch(rb"[\x20-\x7e]+", e.ops[-1]))
    demand(bool(e.ops) == constitution and lines.at == len(lines.lines) and whole[-1] == b"")
    return e

def decode_record(data):                                                # 9
    """The frame only."""
    demand(len(data) <= 40960, "too-large")
    reader = Octets(data)
    demand(reader.number(1) == 1)
    r = SimpleNamespace(leaf=leaf_hash(data), index=reader.number(8, MAX - 1))
    r.received, r.link, r.roster = reader.number(8, MAX), reader.take(32), reader.number(8, MAX)
    r.envelope = reader.string(2, 24576)
    count = reader.number(1, 64, "too-large")
    demand(count > 0)
    r.blobs = [reader.string(2, 512) for _ in range(count)]
    reader.end()
    return r

def seal_signature(ledger_key, leaf, seal):                             # 9
    return signature_to_ask(ledger_key.point, seal, b"tally-seal/v1\n" + leaf, "seal-invalid")

def decode_part(data):                                                  # 8
    reader = Octets(data)
    _, author, ledger, name = *(reader.take(32) for _ in range(3)), reader.string(2, 4096)
    under("malformed", name.decode)
    demand(re.fullmatch(rb"(?:/(?:[^~/]|~[01])*)+", name, re.DOTALL))
    value = data[reader.at:]
    demand(len(value) <= 262144, "too-large")
    return SimpleNamespace(author=author, ledger=ledger, name=name, value=value)

def check_exhibit(value, files):                                        # 8
    """The four lines of an exhibit, and the file line that it names."""
    match = re.fullmatch(rb"sha256 ([0-9a-f]{64})\nsize (" + DECIMAL + rb")\nmedia-type "
                         rb"[\x20-\x7e]{1,127}\nstored (-|" + HASH + rb")\n", value)
    demand(match)
    shown = (bytes.fromhex(match[1].decode()), from_decimal(match[2]))
    stored = or_dash(from_hash)(match[3])
    demand(stored is None or any(
        hashed == stored and (kind == b"sealed" or (hashed, size) == shown)
        for kind, hashed, size in files))

def clock_step(e, part):                                                # 8
    """By how many microseconds this part of an entry says that the clock was set back."""
    if e.type != b"incident" or part.name != b"/clock/step_us":
        return 0
    demand(part.value[:1] == b"-" and part.value != b"-0")
    return from_decimal(part.value[1:])

def committed_part(data, commitment, e, newest):                        # 19.1 step 5
    part = decode_part(data)
    demand(leaf_hash(data) == commitment and part.author == e.key and part.ledger == e.ledger)
    demand(newest is None or newest < part.name)
    clock_step(e, part)
    return part

# ----- The roster (18). A roster is never changed: a constitution entry makes a new one. -----
ROLES = {b"author": {b"author"}, b"govern": {b"govern"}, b"author,govern": {b"author", b"govern"}}
CHARTER = (b"origin", b"ledger-key", b"host-key", b"rules", b"sample", b"threshold",
           b"member", b"key", b"policy")                                # 18.1: in this order
MANY = CHARTER[6:]                                                      # any number of them
AMENDMENT = (b"admit", b"withdraw", b"enrol", b"ledger-key", b"threshold", b"rules", b"rotate",
             b"grant", b"revoke")                                       # 18.2

class Roster:
    """members: id -> is it not withdrawn; keys: fingerprint -> a decoded key with its member,
    roles, ended (an index or None) and revoked (LAST-VALID or None)."""
    def __init__(self):
        self.position, self.rules, self.threshold, self.ledger_key = 0, KNOWN_RULES, 0, None
        self.members, self.keys, self.origin, self.sample = {}, {}, None, False

    def add_key(self, text, member, roles):                             # 18.2, last paragraphs
        key = decode_key_text(text)
        demand(key_usable(key.point), "key-unusable")
        demand(self.ledger_key)
        known = key.fingerprint in self.keys or key.point == self.ledger_key.point
        demand(not known, "key-reused")
        self.keys[key.fingerprint] = SimpleNamespace(
            **vars(key), member=member, roles=roles, ended=None, revoked=None)

    def key_in_force(self, text):
        key = self.keys.get(from_fingerprint(text))
        demand(key and not key.ended)
        return key

    def apply(self, name, text):
        """One operation; a charter's and an amendment's of the same form are the same here."""
        match name:
            case b"origin":
                self.origin = from_origin(text)
            case b"ledger-key":
                vkey, used = decode_vkey(text), [*self.keys.values(), self.ledger_key]
                demand(vkey.kind == 1 and vkey.name == self.origin)
                demand(key_usable(vkey.point), "key-unusable")
                demand(all(vkey.point != key.point for key in used if key), "key-reused")
                self.ledger_key = vkey
            case b"host-key":
                self.add_key(text, b"host", set())
            case b"rules":                                              # a charter's come from 0
                before, self.rules = self.rules, from_decimal(text)
                demand(self.rules > before and (before > 0 or self.rules == 1))
            case b"sample":
                demand(text in (b"yes", b"no"))
                self.sample = text == b"yes"
            case b"threshold":
                what, self.threshold = fields(text, bytes, from_decimal)
                demand(what == b"amend")
            case b"member" | b"admit":
                member, name = fields(text, from_identifier, bytes)
                demand(member not in (b"host", b"ledger", b"public", *self.members))
                demand(1 <= len(name) <= 80)
                self.members[member] = True
            case b"key" | b"enrol":
                member, roles, key = fields(text, bytes, bytes, bytes)
                demand(self.members.get(member) and roles in ROLES)
                self.add_key(key, member, ROLES[roles])
            case b"policy":
                demand(text)
            case b"withdraw":
                demand(self.members.get(text))
                self.members[text] = False
                for key in self.keys.values():
                    if key.member == text:
                        key.ended = key.ended or self.position
            case b"rotate":
                key, new = fields(text, self.key_in_force, bytes)
                self.add_key(new, key.member, key.roles)
                key.ended = self.position
            case b"grant":
                key, roles = fields(text, self.key_in_force, bytes)
                demand(key.member != b"host" and roles in ROLES)
                key.roles = ROLES[roles]
            case b"revoke":
                name, last, _ = fields(text, from_fingerprint, from_decimal, from_identifier)
                key = self.keys.get(name)
                demand(key and key.revoked is None and last < self.position)
                key.revoked, key.ended = last, key.ended or self.position
            case _:
                raise Bad("operation-invalid")

    def perform(self, name, text):                                      # 18.2
        """An operation of another form, or that does not apply, is invalid."""
        try:
            self.apply(name, text)
        except Bad as bad:
            raise Bad("operation-invalid" if bad.reason == "malformed" else bad.reason) from None

    def check_thresholds(self):                                         # 18.3
        governing = len({key.member for key in self.keys.values()
                         if not key.ended and b"govern" in key.roles})
        demand(1 <= self.threshold <= governing, "threshold-invalid")
        demand(governing < 3 or self.threshold < governing, "threshold-invalid")

def charter_roster(e, signers, index):                                  # 18.1, 19.3 step 13
    new, stage = Roster(), 0
    new.rules = 0
    for name, _, text in (op.partition(b" ") for op in e.ops):
        again = stage > 0 and name in MANY and name == CHARTER[stage - 1]
        demand(again or name in CHARTER[stage:stage + 1], "operation-invalid")
        new.perform(name, text)
        stage = CHARTER.index(name) + 1
    demand(stage > CHARTER.index(b"key"), "operation-invalid")
    demand(e.key in new.keys, "unknown-key")
    demand(new.keys[e.key].member == e.member, "wrong-member")
    demand(e.member != b"host", "role-missing")
    demand(set(signers) <= new.keys.keys(), "unknown-key")
    demand(new.keys.keys() <= set(signers), "consent-missing")
    new.check_thresholds()
    new.position = index
    return new

def amendment_roster(old, e, signers, index):                           # 18.2, 18.3, 19.3 step 14
    amends = {number for relation, number, _ in e.refs if relation == b"amends"}
    demand(amends == {old.position}, "stale-amendment")
    new = copy.deepcopy(old)
    new.position = index
    for name, _, text in (op.partition(b" ") for op in e.ops):
        demand(name in AMENDMENT, "operation-invalid")
        new.perform(name, text)
    for signer in signers:
        demand(signer in new.keys, "unknown-key")
        demand(signer not in old.keys or not old.keys[signer].ended, "key-not-in-force")
    demand(new.keys.keys() - old.keys.keys() <= set(signers), "consent-missing")
    before = {signer: old.keys[signer] for signer in signers if signer in old.keys}
    gone = [from_fingerprint(op[7:57]) for op in e.ops if op[:7] in (b"rotate ", b"revoke ")]
    quorum = {key.member for signer, key in before.items()
              if b"govern" in key.roles and signer not in gone}

    def vouched(fingerprint):
        rotated = new.keys[fingerprint]
        return any(key.member == rotated.member and not new.keys[signer].ended
                   and key.roles >= rotated.roles for signer, key in before.items())
    only_rotations = all(op.startswith(b"rotate ") for op in e.ops)
    demand(len(quorum) >= old.threshold or (only_rotations and all(map(vouched, gone))),
           "quorum-missing")
    new.check_thresholds()
    return new

# ----- Entry types and the judge (17, 19.3) -----
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
    b"incident": (b"host", None, 0, None, None)}

class State:
    """What is known before a record (19.3), and how it goes on behind a bad one (21.3)."""
    def __init__(self):
        self.size, self.newest, self.received, self.ledger = 0, bytes(32), 0, None
        self.roster, self.rosters, self.chains = Roster(), [], {}
        self.leaves, self.types, self.members = [], [], []

    def judge(self, r, e, step):                                        # 19.3
        """step is what the clear clock step part says. Raises Bad."""
        charter, constitution, roster = e.type == b"charter", e.type in CONSTITUTION, self.roster
        demand(r.index == self.size, "index-mismatch")                  # step 1
        demand(r.link == self.newest, "link-mismatch")                  # step 2
        demand(r.roster == roster.position, "roster-mismatch")          # step 3
        demand(charter == (self.size == 0), "charter-only-first")       # step 4
        demand(e.type in TYPES, "unknown-type")
        role, own, most, types, whose = TYPES[e.type]
        if not charter:
            demand(self.ledger in (None, e.ledger), "wrong-ledger")     # step 5; None: 21.3
            key = roster.keys.get(e.key)                                # step 6
            demand(key, "unknown-key")
            demand(not key.ended, "key-not-in-force")
            demand(key.member == e.member, "wrong-member")
            demand(key.member == b"host" if role == b"host" else role in key.roles, "role-missing")
        for place, blob in enumerate(r.blobs):                          # step 7
            signer = decode_sshsig(blob).key.fingerprint
            demand(place > 0 or signer == e.key, "signature-missing")
            if not constitution:
                demand(signer in roster.keys, "unknown-key")
                demand(not roster.keys[signer].ended, "key-not-in-force")
        sequence, previous, seen = self.chains.get(e.key, (0, None, -1))
        if not constitution:                                            # step 8
            demand(e.sequence <= sequence + 1, "sequence-gap")
            demand(e.sequence == sequence + 1, "sequence-reused")
            demand(e.previous == previous, "previous-mismatch")
        if not charter:                                                 # step 9
            demand(self.names(*e.seen), "seen-unknown")
            demand(constitution or e.seen[0] >= seen, "seen-decreased")
        for relation, _, _ in e.refs:                                   # step 10
            demand(relation in (own, b"cites", b"see"), "relation-not-allowed")
        count = sum(relation == own for relation, _, _ in e.refs)
        demand(count > 0 or own is None, "reference-missing")
        demand(count <= most, "reference-surplus")
        for relation, index, leaf in e.refs:                            # step 11
            demand(self.names(index, leaf), "reference-unknown")
            if relation == own:
                kind, member = self.types[index], self.members[index]
                demand(types is None or kind in types, "reference-target")
                fits = member is not None and (member == e.member) == (whose == "own")
                demand(whose is None or fits, "reference-target")
        demand(r.received >= self.received - step, "time-decreased")    # step 12
        if constitution:
            self.make_roster(r, e)

    def names(self, index, leaf):
        return index < self.size and self.leaves[index] == leaf

    def make_roster(self, r, e):                                        # steps 13 and 14
        signers = [decode_sshsig(blob).key.fingerprint for blob in r.blobs]
        demand(e.type in TYPES)
        if e.type == b"charter":
            return charter_roster(e, signers, self.size)
        return amendment_roster(self.roster, e, signers, self.size)

    def move(self, leaf, r, e):                                         # 19.3, end; 21.3
        """Link, size, received time, roster, chain."""
        if self.size == 0: self.ledger = e.hash if e else None
        if r: self.received = r.received
        if e and e.type in CONSTITUTION:
            try:
                self.roster = self.make_roster(r, e)
            except Bad:
                self.roster = copy.deepcopy(self.roster)
                self.roster.position = self.size
        elif e:
            self.chains[e.key] = (e.sequence, e.hash, e.seen[0])
        self.leaves.append(leaf)
        self.types.append(e.type if e else None)
        self.members.append(e.member if e else None)
        self.rosters.append(self.roster)
        self.newest, self.size = leaf, self.size + 1

# ----- The report (21.1, 22) -----
LINES = ("ledger", "checkpoint", "chain", "tree", "seals", "signatures", "roster", "authors",
         "deposits", "exhibits", "receipts", "since", "witnesses", "anchors")
LINE_OF = dict.fromkeys(("index-mismatch", "link-mismatch"), "chain") | dict.fromkeys(
    ("sequence-gap", "sequence-reused", "previous-mismatch", "seen-unknown", "seen-decreased"),
    "authors")                                                          # all others: roster

class Report:
    """Every line begins as NOT CHECKED; only an item that was checked and holds makes it OK."""
    def __init__(self):
        self.lines = {name: {"verdict": "NOT CHECKED", "first_bad": None, "reason": None,
                             "held": 0, "bad": 0, "unchecked": 0} for name in LINES}
        self.required = ["ledger", "checkpoint", "tree", "seals", "signatures", "roster"]
        self.about = {"size": None, "root": None, "ledger": None, "in_doubt": 0, "sample": False}
        self.partial = set()                                            # lines that are not whole

    def tell(self, name, reason=None, index=None):
        line = self.lines[name]
        line["held" if reason is None else "bad"] += 1
        nearer = index is not None and (line["first_bad"] is None or index < line["first_bad"])
        if reason is not None and (line["reason"] is None or nearer):
            line["first_bad"], line["reason"] = index, reason

    def check(self, name, index, function, *arguments):
        """Make a check, tell its result."""
        try:
            function(*arguments)
            self.tell(name)
        except Bad as bad:
            self.tell(name, bad.reason, index)

    def skip(self, *names, allowed=False):
        """What could not be checked keeps the line from being OK, unless its absence is allowed."""
        for name in names:
            self.lines[name]["unchecked"] += 1
        self.partial.update(() if allowed else names)

    def result(self):
        for name, line in self.lines.items():
            if line["bad"] or (line["held"] and name not in self.partial):
                line["verdict"] = "BAD" if line["bad"] else "OK"
        named = [line for line in self.lines.values() if line["first_bad"] is not None]
        first = min(named, key=lambda line: line["first_bad"], default=self.lines["witnesses"])
        whole = all(self.lines[name]["verdict"] == "OK" for name in self.required)
        code = 1 if any(line["bad"] for line in self.lines.values()) else 0 if whole else 4
        return {"verdict": {0: "verified", 1: "failed", 4: "incomplete"}[code], "exit_code": code,
                "first_bad": first["first_bad"], "reason": first["reason"], **self.about,
                "checks": self.lines}

# ----- Archives (16) -----
TILES = r"(?:x\d{3}/)*\d{3}(?:\.p/\d{1,3})?"
MEMBER = re.compile(r"(\./|[^/]+/)?(checkpoint|tile/(?:[0-7]|entries)/" + TILES + r"|tally/(?:seals"
                    r"|commitments)/" + TILES + r"|tally/parts/(?:x\d{3}/)*\d{3}"
                    r"|tally/objects/[0-9a-f]{64})", re.ASCII)
SIZES = {"checkpoint": 65536, "tile/entries": 256 * 40962, "tally/seals": 256 * 64,
         "tally/commitments": 256 * (2 + 256 * 32), "tally/parts": LIMIT_TOGETHER + 256 * 6}

def read_most(name, stream):
    """No good file of this name is longer; one octet more is read, to see that there is more."""
    return stream.read(SIZES.get("/".join(name.split("/")[:2]), 256 * 32) + 1)

def digest(stream):
    """-> SHA-256 and size of a file, however long, in pieces"""
    hasher, size = hashlib.sha256(), 0
    while piece := stream.read(1 << 20):
        hasher.update(piece)
        size += len(piece)
    return hasher.digest(), size

def read_file(path, function, may_lack=False):
    """What the function makes of the stream of a regular file; None where it may lack and does."""
    try:
        stream = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except (OSError, ValueError) as error:
        if may_lack and isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return None
        raise Unreadable(f"{ascii(path)}: {getattr(error, 'strerror', error)}") from None
    with stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise Unreadable(f"{ascii(path)} is not a regular file")
        return function(stream)

class Directory:
    def __init__(self, path):
        self.path = path

    def get(self, name):
        read = functools.partial(read_most, name)
        return read_file(os.path.join(self.path, name), read, may_lack=True)

    @functools.cache
    def object(self, name):
        path = os.path.join(self.path, "tally/objects", name.hex())
        return read_file(path, digest, may_lack=True)

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
                    content, is_object = tar.extractfile(member), "/objects/" in match[2]
                    held = digest(content) if is_object else read_most(match[2], content)
                    files[match.groups("")] = held
                    total += 0 if is_object else len(held)
                    if total > 1 << 32:
                        raise Unreadable("the tar is too large for memory: unpack it first")
        except (tarfile.TarError, EOFError, OSError, ValueError, ArithmeticError, LookupError,
                zlib.error, lzma.LZMAError) as error:
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
    """1234067 is x001/x234/067"""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03}")
    return "/".join(reversed(groups))

ITEMS = {"tile/entries": lambda reader: reader.string(2),               # tiles hold hashes
         "tally/commitments": lambda reader: [reader.take(32) for _ in range(reader.number(2))],
         "tally/seals": lambda reader: reader.take(64)}

def read_tile(source, kind, number, width):
    """-> the items of a tile as far as they are there, "nothing is behind them", "there is one" """
    name = f"{kind}/{number_path(number)}"
    data = source.get(f"{name}.p/{width}") if width < 256 else None
    exact = width == 256 or data is not None
    data = source.get(name) if data is None else data
    reader, items = Octets(data or b""), []
    read_item = ITEMS.get(kind, lambda reader: reader.take(32))
    try:
        while len(items) < width:
            items.append(read_item(reader))
    except Bad:
        return items, True, data is not None
    return items, reader.at == len(reader.data) or not exact, True

def decode_parts(data):
    """tally/parts/N -> {position: part}"""
    reader, parts, newest = Octets(data), {}, -1
    while reader.at < len(data):
        position, part = reader.number(2), reader.string()
        demand(position > newest)
        newest, parts[position] = position, part
    return parts

# ----- Deposits (19.1 steps 3 to 6, over what an archive has) and receipts (11, 21.6) -----
def check_deposits(e, row, data, objects):
    demand(len(data) <= SIZES["tally/parts"], "too-large")
    parts, newest = under("part-invalid", decode_parts, data), None
    clear, sizes = sum(map(len, parts.values())), [size for _, _, size in e.sealed]
    there = sum(held[1] for held in objects if held)
    together = clear + max(sum(sizes), there)
    demand(max(sizes, default=0) <= LIMIT_TOGETHER and together <= LIMIT_TOGETHER, "too-large")
    demand(len(row) == e.parts and tree_root(row) == e.parts_root, "commitments-mismatch")
    for position, letter in enumerate(e.letters):
        demand(letter != "c" or position in parts, "part-missing")
        demand(letter == "c" or position not in parts, "part-invalid")
        if letter == "c":
            part = under("part-invalid", committed_part, parts[position], row[position], e, newest)
            newest = part.name
            if re.fullmatch(rb"/exhibits/[^/]+", newest, re.DOTALL):
                under("exhibit-invalid", check_exhibit, part.value, e.files)
    demand(all(position < e.parts for position in parts), "part-invalid")
    for (_, hashed, size), held in zip(e.sealed, objects):
        demand(held in (None, (hashed, size)), "sealed-invalid")

def told_clock_step(e, row, data):                                      # 8, 19.3 step 12
    """What the clear clock step part of an incident says: 0 when there is none, None when that
    cannot be told because clear parts are lost or not the committed ones."""
    if e.type != b"incident": return 0
    step = 0
    try:
        demand(len(data) <= SIZES["tally/parts"])
        parts = decode_parts(data)
        for position in (i for i, letter in enumerate(e.letters) if letter == "c"):
            demand(position in parts)
            demand(row is None or row[position:position + 1] == [leaf_hash(parts[position])])
            step = clock_step(e, decode_part(parts[position])) or step
    except Bad:
        return None
    return step

def decode_proof(data):                                                 # 11
    """The forms of all that is in a receipt."""
    demand(len(data) <= 131072)
    head, _, checkpoint = data.partition(b"\n\n")
    first, *rest = head.split(b"\n")
    demand(first == b"c2sp.org/tlog-proof@v1")
    lines = Lines(rest)
    [extra], [index] = lines.next(b"extra", from_base64), lines.next(b"index", from_decimal)
    hashes = [from_hash(line) for line in rest[2:]]
    demand(64 < len(extra) <= 40960 + 64 and len(hashes) <= 63)
    record = decode_record(extra[:-64])
    return SimpleNamespace(record=record, envelope=decode_envelope(record.envelope),
                           seal=extra[-64:], index=index, hashes=hashes,
                           checkpoint=decode_checkpoint(checkpoint))

def check_receipt(proof):                                               # 21.6
    """What a receipt shows by itself, before any signature."""
    r, e, head = proof.record, proof.envelope, proof.checkpoint
    demand(r.index == proof.index, "index-mismatch")
    demand(proof.index < head.size, "proof-invalid")
    demand(r.roster < r.index or r.roster == r.index == 0, "roster-mismatch")
    last = e.type not in (b"charter", b"amendment") or head.size == r.index + 1
    demand(last, "batch-mismatch")
    root = root_of_proof(r.leaf, r.index, head.size, proof.hashes)
    demand(root == head.root, "proof-invalid")

def check_signatures(*signatures):
    for [fault] in verify_all([[signatures]]):
        demand(fault is None, fault)

# ----- A ledger (21.2, 21.3, 21.4) -----
class Ledger:
    def __init__(self, source, report, asked):
        self.source, self.report, self.asked, self.state = source, report, asked, State()
        self.to_verify, self.signers, self.tiles = [], [], []

    def verify(self, receipts, since):                                  # 21.2
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
        for name, index, fault in verify_all(self.to_verify):
            report.tell(name, fault, index)
        self.higher_tiles(head.size)                                    # step 3
        report.tell("tree", None if self.root(head.size) == head.root else "root-mismatch")
        key = self.ledger_key(head.size)                                # step 4
        if key: report.check("checkpoint", None, check_checkpoint, head, key)
        else: report.skip("checkpoint")
        if state.ledger:
            report.about |= {"ledger": to_base64(state.ledger), "sample": state.roster.sample}
        if self.asked is None or state.ledger is None: report.skip("ledger")
        else: report.tell("ledger", None if state.ledger == self.asked else "prefix-mismatch")
        if since is not None:                                           # step 6
            report.check("since", None, self.held_checkpoint, since, head.size)
        for data in receipts:                                           # step 7
            self.held_receipt(data, head.size)
        for index, signer in self.signers:                              # 18.2, end
            key = state.roster.keys.get(signer)
            if key and key.revoked is not None and key.revoked < index <= key.ended:
                report.about["in_doubt"] += 1

    def tile(self, first, width):
        """One tile of entries, seals, commitments and level 0 hashes. -> is any of it there"""
        kinds = ("tile/entries", "tally/seals", "tally/commitments", "tile/0")
        found = [read_tile(self.source, kind, first // 256, width) for kind in kinds]
        if not any(there for _, _, there in found) and first > 0:
            for name, reason in (("chain", "record-missing"), ("seals", "seal-missing"),
                                 ("deposits", "commitments-missing"), ("tree", "leaf-mismatch")):
                self.report.tell(name, reason, first)                   # and all behind it: a claim
            return False                                                # of a huge size ends here
        for _ in range(sum(not clean for _, clean, _ in found)):
            self.report.tell("tree", "tile-mismatch")
        self.tiles.append(found[3][0])
        for place in range(width):
            self.record(*[items[place] if place < len(items) else None for items, _, _ in found])
        return True

    def record(self, data, seal, row, hashed):                          # 21.2 step 2
        state, report, i, r, e = self.state, self.report, self.state.size, None, None
        leaf, before = hashed if data is None else leaf_hash(data), state.roster
        if data is None and hashed is not None: report.skip("tree")
        else: report.tell("tree", None if hashed and hashed == leaf else "leaf-mismatch", i)
        try:
            demand(data is not None, "record-missing")
            r = decode_record(data)
            e = decode_envelope(r.envelope)
        except Bad as bad:
            report.tell("chain", bad.reason, i)
        if before.rules > KNOWN_RULES:                                  # 21.4
            if r:
                fault = "link-mismatch" if r.link != state.newest else None
                report.tell("chain", "index-mismatch" if r.index != i else fault, i)
            report.skip("roster", "authors", "signatures", "seals", "deposits", "exhibits")
            state.move(leaf, r, None)
            return
        if row is None: report.tell("deposits", "commitments-missing", i)
        if e: self.entry(i, r, e, row)
        else: report.skip("roster", "authors", "signatures", "deposits", "exhibits")
        state.move(leaf, r, e)
        key = (before if i else state.roster).ledger_key
        if seal is None: report.tell("seals", "seal-missing", i)
        elif key is None or leaf is None: report.skip("seals")
        else: self.to_verify.append(("seals", i, [seal_signature(key, leaf, seal)]))

    def entry(self, i, r, e, row):
        report, source = self.report, self.source
        parts = source.get(f"tally/parts/{number_path(i)}") or b""
        objects = [source.object(hashed) for _, hashed, _ in e.sealed]
        if row is not None:                                             # 19.1 steps 3 to 6
            for _ in range(objects.count(None)):
                report.skip("deposits", allowed=True)
            report.check("deposits", i, check_deposits, e, row, parts, objects)
        self.judge(i, r, e, told_clock_step(e, row, parts))
        try:                                                            # 19.1 steps 7 and 8
            signatures = decode_signatures(r, e)
            self.signers += [(i, signed.key.fingerprint) for signed in signatures]
            asked = [author_signature(signed, r.envelope) for signed in signatures]
            self.to_verify.append(("signatures", i, asked))
        except Bad as bad:
            report.tell("signatures", bad.reason, i)
        fault = None
        for kind, hashed, size in e.files:
            held = source.object(hashed)
            if held is None and kind == b"sealed":
                report.skip("exhibits", allowed=True)
            elif held != (hashed, size):
                fault = fault or ("file-invalid" if held else "file-missing")
        report.tell("exhibits", fault, i)

    def judge(self, i, r, e, step):                                     # 19.3
        """What does not hold goes to the line of its reason."""
        unknown, name = step is None and r.received < self.state.received, None
        try:
            self.state.judge(r, e, MAX if unknown else step or 0)
        except Bad as bad:
            name = LINE_OF.get(bad.reason, "roster")
            self.report.tell(name, bad.reason, i)
            self.report.skip(*({"roster", "authors"} - {name}))
        else:
            self.report.tell("authors")
            self.report.skip("roster") if unknown else self.report.tell("roster")
        if name != "chain":
            self.report.tell("chain")

    def higher_tiles(self, size):                                       # 16, 21.2 step 3
        """Every level over the one below it, as that one stands there."""
        for level in range(1, 8):
            count, below, self.tiles = size >> 8 * level, self.tiles, []
            for first in range(0, count, 256):
                width = min(256, count - first)
                items, clean, _ = read_tile(self.source, f"tile/{level}", first // 256, width)
                self.tiles.append(items)
                want = [tree_root(tile) for tile in below[first:first + width]]
                self.report.tell("tree", None if clean and items == want else "tile-mismatch")
                if len(want) < width:                                   # nothing below: a claim
                    break                                               # of a huge size ends here

    @functools.lru_cache(maxsize=64)
    def root(self, size):
        """The root over the first leaf hashes; None where one of them is not there."""
        leaves = self.state.leaves[:size]
        return None if len(leaves) < size or None in leaves else tree_root(leaves)

    def ledger_key(self, index):                                        # 10, 21.4
        """Whose key seals at an index and signs a checkpoint of this size: the one in force, the
        newest one behind the end, at 0 the charter's. None if not known."""
        rosters = self.state.rosters
        roster = rosters[max(0, min(index, len(rosters)) - 1)]
        return roster.ledger_key if roster.rules <= KNOWN_RULES else None

    def held_checkpoint(self, data, size):                              # 21.2 step 6
        held = under("checkpoint-invalid", decode_checkpoint, data)
        demand(held.size <= size, "checkpoint-rollback")
        key = self.ledger_key(held.size)
        if key: check_checkpoint(held, key)
        else: self.report.skip("since")
        demand(self.root(held.size) == held.root, "checkpoint-fork")

    def held_receipt(self, data, size):                                 # 21.2 step 7
        try:
            proof = under("receipt-invalid", decode_proof, data)
            r, e, i, head = proof.record, proof.envelope, proof.index, proof.checkpoint
            check_receipt(proof)
            sealing, signing = self.ledger_key(i), self.ledger_key(head.size)
            if signing is None or sealing is None:
                self.report.skip("receipts")
            else:
                check_signatures(seal_signature(sealing, r.leaf, proof.seal))
                check_checkpoint(head, signing)
            signatures = decode_signatures(r, e)
            check_signatures(*(author_signature(signed, r.envelope) for signed in signatures))
            demand((e.ledger or e.hash) == self.state.ledger, "wrong-ledger")
            demand(head.size <= size, "checkpoint-rollback")
            demand(self.state.names(i, r.leaf), "receipt-mismatch")
            demand(self.root(head.size) == head.root, "checkpoint-fork")
            behind = self.state.types[i:head.size - 1]
            demand(not any(kind in CONSTITUTION for kind in behind), "batch-mismatch")
            self.report.tell("receipts")
        except Bad as bad:
            unnamed = bad.reason in ("receipt-invalid", "checkpoint-rollback", "checkpoint-fork")
            self.report.tell("receipts", bad.reason, None if unnamed else i)

# ----- The command (22) -----
def verify(arguments, report):
    asked = from_hash(arguments.ledger.encode()) if arguments.ledger else None
    receipts = [read_file(path, lambda stream: stream.read(131073)) for path in arguments.receipt]
    since, source = arguments.since or None, arguments.source
    if since is not None:
        since = read_file(since, lambda stream: stream.read(65537))
    report.required += (["receipts"] if receipts else []) + (["since"] if since is not None else [])
    source = Directory(source) if os.path.isdir(source) else read_file(source, Tar)
    Ledger(source, report, asked).verify(receipts, since)

def show(result):
    for name, line in result["checks"].items():
        where = "" if line["first_bad"] is None else f" record {line['first_bad']}"
        print(f"{name:11} {line['verdict']:11} {line['held']:7} hold {line['bad']:5} bad "
              f"{line['unchecked']:5} not checked  {line['reason'] or ''}{where}".rstrip())
    print(f"{result['verdict']}: size {result['size']}, root {result['root']}, "
          f"ledger {result['ledger']}, {result['in_doubt']} signatures in doubt"
          + (", a sample: made to be shown, not to be believed" if result["sample"] else ""))
    print("Shown is what the lines that say OK mean (21.1), and nothing of the others.\nNot shown "
          "is that it is true, a time right, nothing kept out, the ledger the same for all (21.7).")

def main():
    class Parser(argparse.ArgumentParser):
        def error(self, message):
            self.exit(2, f"tally-verify: {ascii(message)[1:-1]}\n")
    parser = Parser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("source", help="an archive directory, or a tar of one")
    parser.add_argument("--ledger", help="the ledger id that you trust")
    parser.add_argument("--receipt", action="append", default=[], help="a receipt that you hold")
    parser.add_argument("--since", help="a signed checkpoint that you trust")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments, report = parser.parse_args(), Report()
    try:
        verify(arguments, report)
    except (Bad, ValueError) as error:
        parser.error("--ledger: not a ledger id" if isinstance(error, Bad) else str(error))
    except Unreadable as error:
        parser.exit(3, f"tally-verify: {error}\n")
    except (OSError, MemoryError, RecursionError) as error:
        parser.exit(3, f"tally-verify: cannot be read: {type(error).__name__}\n")
    result = report.result()
    print(json.dumps(result, indent=2)) if arguments.json else show(result)
    return result["exit_code"]

if __name__ == "__main__":
    sys.exit(main())
