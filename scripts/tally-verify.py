#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""tally-verify - a second, independent verifier of Tally archives.

Written from docs/formats.md alone, with nothing but the Python standard library (3.11), and to be
read beside it: "# 19.3" behind a line names the section there. It shares no code with Tally.
"""
import argparse, base64, contextlib, copy, datetime, functools, hashlib, json, lzma, os, re, shutil
import stat, sys, tarfile, tempfile, zlib
from types import SimpleNamespace

MAX, KNOWN_RULES = 2**63 - 1, 1

class Bad(Exception):
    """Something does not hold; the reason, its only argument, is a name from section 23."""
    reason = property(lambda self: self.args[0])

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
P, LOW_255 = 2**255 - 19, 2**255 - 1
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
ORDER_8_Y = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7
SMALL_ORDER_Y = {0, 1, P - 1, P, P + 1, ORDER_8_Y, P - ORDER_8_Y}       # canonical or not
NEUTRAL = (0, 1, 1, 0)

def point_decode(octets):                                               # 6.1, rule 2; or None
    number = int.from_bytes(octets, "little")
    y, sign = number & LOW_255, number >> 255
    if y >= P: return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * SQRT_M1 % P
    if (x * x - square) % P or (x == 0 and sign): return None
    x = x if x & 1 == sign else P - x
    return (x, y, 1, x * y % P)

def point_add(one, other):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, other
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * D * t1 % P * t2 % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)

BASE = point_decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))

def up_to_three_times(point):
    twice = point_add(point, point)
    return NEUTRAL, point, twice, point_add(twice, point)

@functools.lru_cache(maxsize=4096)
def key_table(public):                                                  # 6.1, rules 2 and 3
    """For a public key A: i * B - j * A at place 4 * i + j, i and j up to 3. Else None."""
    well = len(public) == 32 and int.from_bytes(public, "little") & LOW_255 not in SMALL_ORDER_Y
    point = point_decode(public) if well else None
    if point is None: return None
    x, y, z, t = point
    minus = up_to_three_times((P - x, y, z, P - t))
    return [point_add(one, other) for one in up_to_three_times(BASE) for other in minus]

def sum_of_multiples(s, h, table):
    """s * B - h * A, two bits of both numbers at a time."""
    total = NEUTRAL
    for bit in range(252, -2, -2):
        for _ in range(2): total = point_add(total, total)
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
def key_usable(public):                     # 6.1, last paragraph: of the prime-order subgroup?
    table = key_table(public)
    x, y, z, _ = sum_of_multiples(0, L, table) if table else (1, 0, 0, 0)
    return x == 0 and y == z

# ----- Conventions (2): canonical texts and octets -----
ID, DECIMAL = r"[a-z][a-z0-9-]{0,31}", r"(?:0|[1-9][0-9]{0,18})"
HASH = r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="                          # B64
FINGERPRINT = "SHA256:" + HASH[:-1]
ORIGIN = (r"(?!tally-|cosignature/|subtree/|sshsig)(?![^\n]{129})"
          r"[a-z0-9][a-z0-9.-]*(?:/[a-z0-9._-]+)*")

def from_base64(text):
    data = under("malformed", base64.b64decode, text, None, True)
    demand(base64.b64encode(data) == text)
    return data

def from_hash(text):
    return None if text == b"-" else from_base64(text)

def from_fingerprint(text):
    return from_base64(text[7:] + b"=")

def from_decimal(text):
    demand(int(text) <= MAX)
    return int(text)

def find(pattern, text):
    """What the groups of the pattern find, which is that of the whole text."""
    match = re.fullmatch(pattern.encode(), text)
    demand(match)
    return match.groups()

class Octets:
    """Reads a format, binary or text, from the first octet on."""
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

    def text(self, pattern):
        """What the groups of the pattern find from here on."""
        match = re.compile(pattern.encode()).match(self.data, self.at)
        demand(match)
        self.at = match.end()
        return match.groups()

    def lines(self, keyword, pattern, most=MAX):
        """All lines that follow with this keyword, which are sorted."""
        count, before = 0, b""
        while self.data.startswith(keyword, self.at):
            demand(count < most, "too-large")
            start, found = self.at, self.text(pattern)
            demand(before < self.data[start:self.at])
            count, before = count + 1, self.data[start:self.at]
            yield found

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
NAMESPACE = b"\0\0\0\x0bentry@tally" b"\0\0\0\0" b"\0\0\0\x06sha512"   # with what follows it

@functools.lru_cache(maxsize=4096)
def decode_key(blob):                                                   # 5.1
    reader = Octets(blob)
    kind, point = reader.string(), reader.string()
    application = reader.string() if kind == HARDWARE else b""
    demand(kind in (b"ssh-ed25519", HARDWARE) and len(point) == 32)
    demand(len(application) <= 32 and b"\0" not in application)
    reader.end()
    return SimpleNamespace(kind=kind, point=point, application=application, blob=blob,
                           fingerprint=sha256(blob))

def decode_key_text(text):                                              # 5.1
    kind, encoded = find(r"(\S+) (.*)", text)
    key = decode_key(from_base64(encoded))
    demand(key.kind == kind)
    return key

def decode_vkey(text):                                                  # 5.2
    name, key_id, encoded = find(r"([!-*,-~]{1,159})\+([0-9a-f]{8})\+(.*)", text)
    data = from_base64(encoded)
    own_id = sha256(name + b"\n" + data)[:4]
    demand(len(data) == 33 and data[0] in (1, 4) and key_id == own_id.hex().encode())
    return SimpleNamespace(name=name, kind=data[0], point=data[1:], id=own_id)

def decode_sshsig(blob):                                                # 6.2
    """The form of one signature; suffix is what a hardware key adds: flags and counter."""
    reader = Octets(blob)
    demand(len(blob) <= 512 and reader.take(6) == b"SSHSIG" and reader.number(4) == 1)
    key = decode_key(reader.string())
    demand(reader.take(len(NAMESPACE)) == NAMESPACE)
    inner = Octets(reader.string())
    reader.end()
    demand(inner.string() == key.kind)
    signature = inner.string()
    demand(len(signature) == 64)
    suffix = inner.take(5 if key.kind == HARDWARE else 0)
    inner.end()
    return SimpleNamespace(key=key, signature=signature, suffix=suffix)

def check_signature(signed, envelope):                                  # 6.2, 19.1 step 8
    message = b"SSHSIG" + NAMESPACE + b"\0\0\0\x40" + hashlib.sha512(envelope).digest()
    if signed.suffix:
        message = sha256(signed.key.application) + signed.suffix + sha256(message)
    demand(ed25519_verify(signed.key.point, signed.signature, message), "signature-invalid")
    demand(not signed.suffix or signed.suffix[0] & 1, "presence-missing")

def check_signatures(r, e):                                             # 19.1 steps 7 and 8
    """Forms and places of all, then each signature. -> whose they are"""
    signatures, newest = [], b""
    for blob in r.blobs:
        signed = decode_sshsig(blob)
        by_author = signed.key.fingerprint == e.key
        if signatures:
            demand(newest < signed.key.blob and not by_author, "signature-order")
            newest = signed.key.blob
        demand(signatures or by_author, "signature-missing")
        signatures.append(signed)
    for signed in signatures:
        check_signature(signed, r.envelope)
    return [signed.key.fingerprint for signed in signatures]

# ----- Signed notes and checkpoints (6.3, 10) -----
def decode_checkpoint(data):                                            # 6.3, 10
    demand(len(data) <= 65536)
    reader, signatures = Octets(data), []
    origin, size, root = reader.text(rf"({ORIGIN})\n({DECIMAL})\n({HASH})\n")
    head = SimpleNamespace(origin=origin, size=from_decimal(size), root=from_hash(root),
                           text=data[:reader.at], signatures=signatures)
    demand(head.size > 0 or head.root == tree_root([]))
    reader.text("\n")
    while reader.at < len(data) or not signatures:
        name, octets = reader.text("\u2014 ([^\\x00-\\x20+]+) ([^\\n]+)\n")
        octets = from_base64(octets)
        demand(len(octets) >= 5 and len(signatures) < 100)
        demand(not any(map(str.isspace, under("malformed", name.decode))))
        signatures.append((name, octets[:4], octets[4:]))
    return head

def check_checkpoint(checkpoint, ledger_key):                           # 10; 6.3, last paragraph
    found = [octets for name, key_id, octets in checkpoint.signatures
             if (name, key_id) == (ledger_key.name, ledger_key.id)]
    demand(checkpoint.origin == ledger_key.name and len(found) == 1, "checkpoint-invalid")
    demand(ed25519_verify(ledger_key.point, found[0], checkpoint.text), "checkpoint-invalid")

# ----- Envelopes, records, parts (7, 8, 9) -----
CONSTITUTION = (b"charter", b"amendment", b"continuation")

def decode_envelope(data):                                              # 7
    """Line by line; the first fault that is met decides (3)."""
    demand(len(data) <= 24576, "too-large")
    reader = Octets(data)
    e = SimpleNamespace(hash=sha256(data), sealed=[], files=[], refs=[], ops=[])
    e.type, ledger, e.member, key, sequence, previous, seen, leaf, *time = reader.text(
        rf"tally/v1 ({ID})\nledger ({HASH}|-)\nmember ({ID})\nkey ({FINGERPRINT})\n"
        rf"sequence ({DECIMAL})\nprevious ({HASH}|-)\nseen (?:({DECIMAL}) ({HASH})|-)\n"
        r"signed (\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z\n")
    e.ledger, e.key, e.previous = from_hash(ledger), from_fingerprint(key), from_hash(previous)
    e.sequence, e.seen = from_decimal(sequence), seen and (from_decimal(seen), from_hash(leaf))
    demand(under("malformed", datetime.datetime, *map(int, time)).year >= 1970)
    charter, constitution = e.type == b"charter", e.type in CONSTITUTION
    demand((e.ledger is None) == (e.seen is None) == charter)
    demand((e.sequence == 0) == constitution and (e.previous is None) == (e.sequence <= 1))
    e.parts = from_decimal(*reader.text(rf"parts ({DECIMAL}) "))
    demand(e.parts <= 256, "too-large")
    root, letters = reader.text(rf"({HASH}) ([csw]+|-)\n")
    e.parts_root, e.letters = from_hash(root), letters.decode().replace("-", "")
    demand(len(e.letters) == e.parts)
    demand(not constitution if e.parts > 0 else e.parts_root == tree_root([]))
    for position in (i for i, letter in enumerate(e.letters) if letter == "s"):
        hashed, size = reader.text(rf"sealed {position} ({HASH}) ({DECIMAL})\n")
        e.sealed.append((from_hash(hashed), from_decimal(size)))
    for kind, hashed, size in reader.lines(
            b"file ", rf"file (clear|sealed) ({HASH}) ({DECIMAL})\n"):
        e.files.append((kind, from_hash(hashed), from_decimal(size)))
        demand(not constitution)
    for relation, index, leaf in reader.lines(
            b"ref ", rf"ref ({ID}) ({DECIMAL}) ({HASH})\n", most=256):
        e.refs.append((relation, from_decimal(index), from_hash(leaf)))
        demand(not charter and e.refs[-1][1] <= e.seen[0])
    while constitution and reader.at < len(data):
        e.ops += reader.text(r"op ([ -~]+)\n")
    demand(bool(e.ops) == constitution)
    reader.end()
    return e

def decode_record(data):                                                # 9
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

def check_seal(ledger_key, leaf, seal):                                 # 9
    demand(ed25519_verify(ledger_key.point, seal, b"tally-seal/v1\n" + leaf), "seal-invalid")

def decode_part(data):                                                  # 8
    reader = Octets(data)
    _, author, ledger, name = *(reader.take(32) for _ in range(3)), reader.string(2, 4096)
    under("malformed", name.decode)
    find(r"(?:/(?:[^~/]|~[01])*)+", name)
    value = data[reader.at:]
    demand(len(value) <= 262144, "too-large")
    return SimpleNamespace(author=author, ledger=ledger, name=name, value=value)

def check_exhibit(value, files):                                        # 8
    shown, size, stored = find(rf"sha256 ([0-9a-f]{{64}})\nsize ({DECIMAL})\n"
                               rf"media-type [ -~]{{1,127}}\nstored ({HASH}|-)\n", value)
    shown, stored = (bytes.fromhex(shown.decode()), from_decimal(size)), from_hash(stored)
    demand(stored is None or any(
        hashed == stored and (kind == b"sealed" or (hashed, size) == shown)
        for kind, hashed, size in files))

def decode_clock_step(value):                                           # 8
    return from_decimal(*find("-([1-9][0-9]{0,18})", value))

# ----- The roster (18). A roster is never changed: a constitution entry makes a new one. -----
ROLES = "author|govern|author,govern"
CHARTER = b"origin ledger-key host-key rules sample threshold member key policy".split()     # 18.1
MANY = CHARTER[6:]                                                      # any number of these
AMENDMENT = b"admit withdraw enrol rotate grant revoke threshold rules ledger-key".split()   # 18.2

class Roster:
    """members: id -> is it not withdrawn; keys: fingerprint -> a decoded key with its member,
    roles, ended (index or None), revoked (LAST-VALID or None); ledger_points: past ones too."""
    def __init__(self, rules=KNOWN_RULES):
        self.position, self.rules, self.threshold, self.origin = 0, rules, 0, None
        self.members, self.keys, self.sample = {}, {}, False
        self.ledger_key, self.ledger_points = None, []

    def add_key(self, text, member, roles):                             # 18.2, last paragraphs
        key = decode_key_text(text)
        demand(key_usable(key.point), "key-unusable")
        demand(key.fingerprint not in self.keys, "key-reused")
        demand(key.point not in self.ledger_points, "key-reused")
        self.keys[key.fingerprint] = SimpleNamespace(
            **vars(key), member=member, roles=roles, ended=None, revoked=None)

    def key_not_ended(self, text):
        key = self.keys.get(from_fingerprint(text))
        demand(key and not key.ended)
        return key

    def apply(self, name, text):
        """One operation; a charter's and an amendment's of the same form are the same here."""
        demand(text)                                                    # a policy is not judged
        match name:
            case b"origin":
                self.origin, = find(f"({ORIGIN})", text)
            case b"ledger-key":
                vkey, enrolled = decode_vkey(text), [key.point for key in self.keys.values()]
                demand(vkey.kind == 1 and vkey.name == self.origin)
                demand(key_usable(vkey.point), "key-unusable")
                demand(vkey.point not in enrolled + self.ledger_points, "key-reused")
                self.ledger_key, self.ledger_points = vkey, [*self.ledger_points, vkey.point]
            case b"host-key":
                self.add_key(text, b"host", set())
            case b"rules":                                              # a charter's come from 0
                before, self.rules = self.rules, from_decimal(*find(f"({DECIMAL})", text))
                demand(self.rules > before and (before > 0 or self.rules == 1))
            case b"sample":
                find("yes|no", text)
                self.sample = text == b"yes"
            case b"threshold":
                self.threshold = from_decimal(*find(rf"amend ({DECIMAL})", text))
            case b"member" | b"admit":
                member, _ = find(rf"({ID}) ([ -~]{{1,80}})", text)
                demand(member not in (b"host", b"ledger", b"public", *self.members))
                demand(len(self.members) < 65534)
                self.members[member] = True
            case b"key" | b"enrol":
                member, roles, key = find(rf"({ID}) ({ROLES}) (.*)", text)
                demand(self.members.get(member))
                self.add_key(key, member, set(roles.split(b",")))
            case b"withdraw":
                demand(self.members.get(text))
                self.members[text] = False
                for key in self.keys.values():
                    if key.member == text:
                        key.ended = key.ended or self.position
            case b"rotate":
                name, new = find(rf"({FINGERPRINT}) (.*)", text)
                key = self.key_not_ended(name)
                self.add_key(new, key.member, key.roles)
                key.ended = self.position
            case b"grant":
                name, roles = find(rf"({FINGERPRINT}) ({ROLES})", text)
                key = self.key_not_ended(name)
                demand(key.member != b"host")
                key.roles = set(roles.split(b","))
            case b"revoke":
                name, last, _ = find(rf"({FINGERPRINT}) ({DECIMAL}) ({ID})", text)
                key, last = self.keys.get(from_fingerprint(name)), from_decimal(last)
                demand(key and key.revoked is None and last < self.position)
                key.revoked, key.ended = last, key.ended or self.position

    def perform(self, op, allowed):                                     # 18.2
        """An operation of another form, or that does not apply, is invalid. -> its name"""
        name, _, text = op.partition(b" ")
        demand(name in allowed, "operation-invalid")
        try:
            self.apply(name, text)
        except Bad as bad:
            raise Bad("operation-invalid" if bad.reason == "malformed" else bad.reason) from None
        return name

    def check_thresholds(self):                                         # 18.3
        governing = len({key.member for key in self.keys.values()
                         if not key.ended and b"govern" in key.roles})
        demand(1 <= self.threshold <= governing - (governing >= 3), "threshold-invalid")

def charter_roster(e, signers):                                         # 18.1, 19.3 step 13
    new, stage = Roster(rules=0), 0
    for op in e.ops:
        again = [name for name in CHARTER[:stage][-1:] if name in MANY]
        stage = CHARTER.index(new.perform(op, [*again, *CHARTER[stage:stage + 1]])) + 1
    demand(stage > CHARTER.index(b"key"), "operation-invalid")
    demand(e.key in new.keys, "unknown-key")
    demand(new.keys[e.key].member == e.member, "wrong-member")
    demand(e.member != b"host", "role-missing")
    demand(set(signers) <= new.keys.keys(), "unknown-key")
    demand(new.keys.keys() <= set(signers), "consent-missing")
    new.check_thresholds()
    return new

def amendment_roster(old, e, signers, index):                           # 18.2, 18.3, 19.3 step 14
    amends = {number for relation, number, _ in e.refs if relation == b"amends"}
    demand(amends == {old.position}, "stale-amendment")
    new = copy.deepcopy(old)
    new.position = index
    for op in e.ops:
        new.perform(op, AMENDMENT)
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
        self.roster, self.chains, self.leaves, self.entries = Roster(), {}, [], []
        self.rosters = [self.roster]                                    # in force at each index

    def judge_place(self, r):                                           # 19.3
        demand(r.index == self.size, "index-mismatch")                  # step 1
        demand(r.link == self.newest, "link-mismatch")                  # step 2

    def judge(self, r, e, step):
        charter, constitution, roster = e.type == b"charter", e.type in CONSTITUTION, self.roster
        self.judge_place(r)
        demand(r.roster == roster.position, "roster-mismatch")          # step 3
        demand(charter == (self.size == 0), "charter-only-first")       # step 4
        demand(e.type in TYPES, "unknown-type")
        role, own, most, types, whose = TYPES[e.type]
        if not charter:
            demand(e.ledger == self.ledger or not roster.keys, "wrong-ledger")      # step 5; 21.3
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
                kind, member = self.entries[index]
                demand(kind in (types or TYPES), "reference-target")
                demand(whose is None or (member == e.member) == (whose == "own"),
                       "reference-target")
        demand(r.received >= self.received - step, "time-decreased")    # step 12: clock step
        if constitution:
            self.make_roster(r, e)

    def names(self, index, leaf):
        return index < self.size and self.leaves[index] == leaf

    def make_roster(self, r, e):                                        # steps 13 and 14
        signers = [decode_sshsig(blob).key.fingerprint for blob in r.blobs]
        if e.type == b"charter":
            demand(self.size == 0)
            return charter_roster(e, signers)
        demand(self.roster.keys)
        return amendment_roster(self.roster, e, signers, self.size)

    def move(self, leaf, r, e):                                         # 19.3, end; 21.3
        if self.size == 0: self.ledger = e.hash if e else None
        if r: self.received = r.received
        if e and e.type in (b"charter", b"amendment"):
            try:
                self.roster = self.make_roster(r, e)
            except Bad:
                self.roster = copy.deepcopy(self.roster)
                self.roster.position = self.size
        elif e and e.type not in CONSTITUTION and e.key in self.roster.keys:
            self.chains[e.key] = (e.sequence, e.hash, e.seen[0])
        self.leaves.append(leaf)
        self.entries.append((e.type, e.member) if e and e.type in TYPES else (None, None))
        self.rosters.append(self.roster)
        self.newest, self.size = leaf, self.size + 1

# ----- The report (21.1, 22) -----
OF_RECORDS = ("chain", "tree", "seals", "signatures", "roster", "authors", "deposits", "exhibits")
LINES = ("ledger", "checkpoint", *OF_RECORDS, "receipts", "since", "witnesses", "anchors")
OF_AUTHORS = "sequence-gap sequence-reused previous-mismatch seen-unknown seen-decreased".split()

class Report:
    """Every line begins as NOT CHECKED; only a check that was made of all it covers makes it OK."""
    def __init__(self):
        self.lines = {name: {"verdict": "NOT CHECKED", "first_bad": None, "reason": None,
                             "held": 0, "bad": 0, "unchecked": 0} for name in LINES}
        self.required = ["ledger", "checkpoint", "tree", "seals", "signatures", "roster"]
        self.about = {"size": None, "root": None, "ledger": None, "in_doubt": 0, "sample": False}
        self.made, self.partial, self.lacking = set(), set(), []        # lines; records, of parts

    def tell(self, name, reason=None, index=None):
        line = self.lines[name]
        line["held" if reason is None else "bad"] += 1
        self.made.add(name)
        nearer = index is not None and (line["first_bad"] is None or index < line["first_bad"])
        if reason is not None and (line["reason"] is None or nearer):
            line["first_bad"], line["reason"] = index, reason

    @contextlib.contextmanager
    def item(self, name, index=None):
        """An item of a line holds when nothing that is demanded of it is Bad, and all was known."""
        item = SimpleNamespace(index=index, known=True)
        try:
            yield item
        except Bad as bad:
            no_record = bad.reason in ("checkpoint-rollback", "checkpoint-fork")
            if bad.reason == "part-missing": self.lacking.append(item.index)
            else: self.tell(name, bad.reason, None if no_record else item.index)
        else:
            self.tell(name) if item.known else self.skip(name)

    def skip(self, *names):
        """What could not be checked keeps the line from being OK."""
        for name in names:
            self.lines[name]["unchecked"] += 1
        self.partial.update(names)

    def result(self):
        for name, line in self.lines.items():
            if line["bad"] or name in self.made - self.partial:
                line["verdict"] = "BAD" if line["bad"] else "OK"
        named = [line for line in self.lines.values() if line["first_bad"] is not None]
        first = min(named, key=lambda line: line["first_bad"], default=self.lines["witnesses"])
        whole = all(self.lines[name]["verdict"] == "OK" for name in self.required)
        code = 1 if any(line["bad"] for line in self.lines.values()) else 0 if whole else 4
        return {"verdict": {0: "verified", 1: "failed", 4: "incomplete"}[code], "exit_code": code,
                "first_bad": first["first_bad"], "reason": first["reason"], **self.about,
                "checks": self.lines}

# ----- Archives (16) -----
READ_MOST, TOGETHER = 16777216, 4194304
TILES = r"(?:x\d{3}/)*\d{3}(?:\.p/[1-9]\d{0,2})?"
MEMBER = re.compile(r"(\./|(?!\.\./)[^/]+/|)(checkpoint|tile/(?:[0-7]|entries)/" + TILES
                    + r"|tally/(?:seals|commitments)/" + TILES + r"|tally/parts/(?:x\d{3}/)*\d{3}"
                    r"|tally/objects/[0-9a-f]{64})", re.ASCII)

def read_file(path, function):
    """What the function makes of the stream of a regular file; None where there is none."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode): return None
        with open(path, "rb") as stream:
            return function(stream)
    except (FileNotFoundError, NotADirectoryError):
        return None

def read_given(path, most):
    data = read_file(path, lambda stream: stream.read(most + 1))
    if data is None: raise OSError(f"{path}: there is no such file")
    demand(len(data) <= most, "too-large")
    return data

class Directory:
    def __init__(self, path):
        self.path = path

    def get(self, name):
        """One octet more than is allowed is read, to see that there is more."""
        return read_file(os.path.join(self.path, name), lambda stream: stream.read(READ_MOST + 1))

    @functools.cache
    def object(self, name, size):
        """Does a file have its SHA-256 and this size, beyond which it is not read?"""
        def holds(stream):
            own = os.fstat(stream.fileno()).st_size
            return own == size and hashlib.file_digest(stream, "sha256").digest() == name
        return read_file(os.path.join(self.path, "tally/objects", name.hex()), holds)

def unpack(directory, stream):
    """Writes the archive that stands in a tar, and nothing else of it, below the directory."""
    places = set()
    with tarfile.open(fileobj=stream) as tar:
        for member in tar:
            match = MEMBER.fullmatch(member.name)
            if match and member.type in (tarfile.REGTYPE, tarfile.AREGTYPE):
                name = os.path.join(directory, match[2])
                os.makedirs(os.path.dirname(name), exist_ok=True)
                with open(name, "xb") as file:                          # no name occurs twice
                    shutil.copyfileobj(tar.extractfile(member), file)
                places.add(match[1])
        tar.fileobj.seek(tar.offset - 1)   # a block of zeros, or nothing
        rest = tar.fileobj.read(1 + tarfile.BLOCKSIZE)
        if len(rest) not in (1, 1 + tarfile.BLOCKSIZE) or rest[1:].strip(b"\0"):
            raise OSError("the tar is damaged or cut short")
    if len(places) != 1:
        raise OSError("the tar must hold one archive, at the top or one level below")
    return Directory(directory)

def number_path(number):                                                # 1234067: x001/x234/067
    *high, last = (f"{int(group):03}" for group in f"{number:,}".split(","))
    return "/".join([*(f"x{group}" for group in high), last])

BUNDLES = {                     # line and reason where an item is not there; how one is read
    "tile/entries": ("chain", "record-missing", lambda reader: reader.string(2)),
    "tile/0": ("tree", "leaf-mismatch", lambda reader: reader.take(32)),
    "tally/seals": ("seals", "seal-missing", lambda reader: reader.take(64)),
    "tally/commitments": ("deposits", "commitments-missing", lambda reader: [
        reader.take(32) for _ in range(reader.number(2, 256))])}

# ----- Deposits (19.1 steps 3 to 5, over what an archive has) and receipts (11, 21.6) -----
def decode_parts(data):                                                 # 16
    reader, parts, newest = Octets(data), {}, -1
    while reader.at < len(data) or not parts:
        position, part = reader.number(2, 255), reader.string(4, 98 + 4096 + 262144)
        demand(position > newest)
        newest, parts[position] = position, part
    return parts

def check_deposits(e, row, data):                                       # 21.2 step 2
    """-> by how many microseconds an incident says that the clock was set back"""
    demand(row is not None, "commitments-missing")
    try:
        parts = {} if data is None else decode_parts(data)
    except Bad:
        parts = None                                                    # of another form
    together = sum(size for _, size in e.sealed) + sum(map(len, (parts or {}).values()))
    too_long = data is not None and len(data) > TOGETHER + 256 * 6
    demand(together <= TOGETHER and not too_long, "too-large")
    demand(len(row) == e.parts and tree_root(row) == e.parts_root, "commitments-mismatch")
    demand(parts is not None, "part-invalid")
    step, newest = 0, b""
    for position, letter in enumerate(e.letters):
        demand(letter != "c" or position in parts, "part-missing")
        demand(letter == "c" or position not in parts, "part-invalid")
        if letter == "c":
            part = under("part-invalid", decode_part, parts[position])
            about = part.author, part.ledger, leaf_hash(parts[position])
            signed_for = about == (e.key, e.ledger, row[position])
            demand(signed_for and newest < part.name, "part-invalid")
            newest = part.name
            if re.fullmatch(rb"/exhibits/[^/]+", newest, re.DOTALL):
                under("exhibit-invalid", check_exhibit, part.value, e.files)
            if (e.type, newest) == (b"incident", b"/clock/step_us"):
                step = under("part-invalid", decode_clock_step, part.value)
    demand(all(position < e.parts for position in parts), "part-invalid")
    return step

def decode_proof(data):                                                 # 11, its form alone
    reader = Octets(data)
    extra, index, hashes = reader.text(
        rf"c2sp\.org/tlog-proof@v1\nextra ([^\n]+)\nindex ({DECIMAL})\n((?:{HASH}\n)*)\n")
    extra, hashes = from_base64(extra), [from_hash(text) for text in hashes.split()]
    demand(64 < len(extra) <= 40960 + 64 and len(hashes) <= 63 and data[reader.at:])
    return SimpleNamespace(data=extra[:-64], leaf=leaf_hash(extra[:-64]), seal=extra[-64:],
                           index=from_decimal(index), hashes=hashes, checkpoint=data[reader.at:])

def check_receipt(proof, head, ledger, sealing, signing):               # 21.6
    """What a receipt shows by itself, under the ledger keys, if known, of seal and checkpoint."""
    r = under("receipt-invalid", decode_record, proof.data)
    e, i = under("receipt-invalid", decode_envelope, r.envelope), proof.index
    demand(r.index == i, "index-mismatch")
    demand(i < head.size, "proof-invalid")
    demand(r.roster < i or r.roster == i == 0, "roster-mismatch")
    demand(e.type not in CONSTITUTION or head.size == i + 1, "batch-mismatch")
    demand(ledger in (None, e.ledger or e.hash), "wrong-ledger")
    if signing: check_checkpoint(head, signing)
    demand(root_of_proof(proof.leaf, i, head.size, proof.hashes) == head.root, "proof-invalid")
    if sealing: check_seal(sealing, proof.leaf, proof.seal)
    check_signatures(r, e)

# ----- A ledger (21.2, 21.3, 21.4) -----
class Ledger:
    def __init__(self, source, report, asked):
        self.source, self.report, self.asked, self.state = source, report, asked, State()
        self.signers = []

    def verify(self, receipts, since):                                  # 21.2
        data, report, state = self.source.get("checkpoint"), self.report, self.state
        if data is None:
            raise OSError("there is no checkpoint")
        try:
            head = decode_checkpoint(data)
            demand(head.size > 0)
        except Bad:
            return report.tell("checkpoint", "checkpoint-invalid")
        self.size = head.size
        report.about |= {"size": head.size, "root": base64.b64encode(head.root).decode()}
        if all(self.tile(first) for first in range(0, self.size, 256)): # step 2
            report.made.update(OF_RECORDS)
            self.higher_tiles()                                         # step 3
            report.tell("tree", None if self.root(self.size) == head.root else "root-mismatch")
        for index in report.lacking:                                    # 21.4, end
            if state.roster.rules > KNOWN_RULES: report.skip("deposits")
            else: report.tell("deposits", "part-missing", index)
        exhibits = report.lines["exhibits"]
        if exhibits["unchecked"] and not exhibits["held"]: report.partial.add("exhibits")
        with report.item("checkpoint") as item:                         # step 4
            key = self.ledger_key(self.size)
            item.known = key is not None
            if key: check_checkpoint(head, key)
        if state.ledger:
            report.about["ledger"] = base64.b64encode(state.ledger).decode()
            report.about["sample"] = state.roster.sample
        if self.asked is None or state.ledger is None: report.skip("ledger")
        else: report.tell("ledger", None if state.ledger == self.asked else "prefix-mismatch")
        if since is not None: self.held_checkpoint(since)               # step 6
        for data in receipts:                                           # step 7
            self.held_receipt(data)
        for index, signer in self.signers:                              # 18.2, end
            key = state.roster.keys.get(signer)
            if key and key.revoked is not None and key.revoked < index <= key.ended:
                report.about["in_doubt"] += 1

    def items(self, kind, first, width):
        """The items of a tile, each None when it is missing; None when there is no tile."""
        name, tile = f"{kind}/{number_path(first // 256)}", BUNDLES.get(kind, BUNDLES["tile/0"])
        data = self.source.get(f"{name}.p/{width}") if width < 256 else None
        exact = width == 256 or data is not None
        data = self.source.get(name) if data is None else data
        reader, items = Octets((data or b"")[:READ_MOST]), []
        with contextlib.suppress(Bad):
            while len(items) < width:
                items.append(tile[2](reader))
        behind = exact and len(items) == width and reader.at < len(reader.data)
        if behind or len(data or b"") > READ_MOST:
            self.report.tell("tree", "tile-mismatch")
        return None if data is None else items + [None] * (width - len(items))

    def tile(self, first):
        """One tile of entries, level 0 hashes, seals and commitments. -> does the walk go on"""
        width = min(256, self.size - first)
        tiles = [self.items(kind, first, width) for kind in BUNDLES]
        if tiles[0] is tiles[1] is None:
            for items, (name, reason, _) in zip(tiles, BUNDLES.values()):
                if items is None: self.report.tell(name, reason, first)
            self.report.partial.update(OF_RECORDS)
            return False
        for items in zip(*(items or [None] * width for items in tiles)):
            self.record(*items)
        return True

    def record(self, data, hashed, seal, row):                          # 21.2 step 2
        state, report, r, e = self.state, self.report, None, None
        i, before = state.size, state.roster
        leaf = (hashed or bytes(32)) if data is None else leaf_hash(data)
        if hashed and data is None: report.skip("tree")
        else: report.tell("tree", None if hashed == leaf else "leaf-mismatch", i)
        try:
            demand(data is not None, "record-missing")
            r = decode_record(data)
            e = decode_envelope(r.envelope)
        except Bad as bad:
            if data is None or before.rules <= KNOWN_RULES: report.tell("chain", bad.reason, i)
            elif r is None: report.skip("chain")
        if before.rules > KNOWN_RULES:                                  # 21.4
            if r:
                with report.item("chain", i):
                    state.judge_place(r)
            report.skip("roster", "authors", "signatures", "seals", "deposits", "exhibits")
            return state.move(leaf, r, None)
        if e: self.entry(i, r, e, row)
        else: report.skip("roster", "authors", "signatures", "deposits", "exhibits")
        if row is e is None: report.tell("deposits", "commitments-missing", i)
        state.move(leaf, r, e)
        key = (before if i else state.roster).ledger_key
        with report.item("seals", i) as item:
            demand(seal is not None, "seal-missing")
            item.known = key is not None and not data is hashed is None
            if item.known: check_seal(key, leaf, seal)

    def entry(self, i, r, e, row):
        report, step = self.report, None if e.type == b"incident" and "c" in e.letters else 0
        with report.item("deposits", i):                                # 19.1 steps 3 to 5
            parts = self.source.get(f"tally/parts/{number_path(i)}")
            step = check_deposits(e, row, parts)
        for hashed, size in e.sealed:                                   # step 6
            self.object(i, "deposits", "sealed", hashed, size)
        for kind, hashed, size in e.files:
            self.object(i, "exhibits", "file", hashed, size, kind == b"clear")
        self.judge(i, r, e, step)
        with report.item("signatures", i):                              # 19.1 steps 7 and 8
            self.signers += [(i, signer) for signer in check_signatures(r, e)]

    def object(self, i, name, kind, hashed, size, required=False):
        """A ciphertext or exhibit file."""
        holds = self.source.object(hashed, size)
        if holds is None and not required:
            self.report.lines[name]["unchecked"] += 1
        else:
            fault = f"{kind}-missing" if holds is None else f"{kind}-invalid"
            self.report.tell(name, None if holds else fault, i)

    def judge(self, i, r, e, step):                                     # 19.3
        """What does not hold goes to the line of its reason. step is None where it is not known."""
        unknown, fault, name = step is None and r.received < self.state.received, None, None
        try:
            self.state.judge(r, e, MAX if unknown else step or 0)
        except Bad as bad:
            fault, chain = bad.reason, bad.reason in ("index-mismatch", "link-mismatch")
            name = "chain" if chain else "authors" if fault in OF_AUTHORS else "roster"
        for line in ("chain", "roster", "authors"):
            judged = not fault and not (unknown and line == "roster")
            if line == name or line == "chain" or judged:
                self.report.tell(line, fault if line == name else None, i)
            else: self.report.skip(line)

    def higher_tiles(self):                                             # 16, 21.2 step 3
        hashes = self.state.leaves
        for level in range(1, 8):
            full = range(0, len(hashes) - 255, 256)
            hashes = [tree_root(hashes[first:first + 256]) for first in full]
            for first in range(0, len(hashes), 256):
                want = hashes[first:first + 256]
                held = self.items(f"tile/{level}", first, len(want))
                self.report.tell("tree", None if held == want else "tile-mismatch")

    @functools.lru_cache(maxsize=64)
    def root(self, size):
        return tree_root(self.state.leaves[:size])

    def ledger_key(self, size):                                         # 10, 21.2, 21.4
        """For a checkpoint of this size and the seal of the record there. None if not known."""
        place, rosters = max(1, min(size, self.size)), self.state.rosters   # beyond: the newest
        known = place < len(rosters) and rosters[place].rules <= KNOWN_RULES
        return rosters[place].ledger_key if known else None

    def held_checkpoint(self, data):                                    # 21.2 step 6
        with self.report.item("since") as item:
            held = under("checkpoint-invalid", decode_checkpoint, data)
            demand(held.size > 0, "checkpoint-invalid")
            demand(held.size <= self.size, "checkpoint-rollback")
            key = self.ledger_key(held.size)
            item.known = key is not None
            if key: check_checkpoint(held, key)
            seen = held.size <= self.state.size
            demand(not seen or self.root(held.size) == held.root, "checkpoint-fork")

    def held_receipt(self, data):                                       # 21.2 step 7
        with self.report.item("receipts") as item:
            proof = under("receipt-invalid", decode_proof, data)
            i = item.index = proof.index
            head = under("receipt-invalid", decode_checkpoint, proof.checkpoint)
            ahead = head.size > self.size                               # by keys that may be others
            keys = (None, None) if ahead else (self.ledger_key(i), self.ledger_key(head.size))
            item.known = None not in keys
            if item.known or ahead: check_receipt(proof, head, self.asked, *keys)
            demand(not ahead, "checkpoint-rollback")
            if head.size <= self.state.size:
                demand(self.state.names(i, proof.leaf), "receipt-mismatch")
                demand(self.root(head.size) == head.root, "checkpoint-fork")
                newest = self.state.rosters[head.size - 1].position
                demand(head.size <= i + 1 or newest < i, "batch-mismatch")

# ----- The command (22) -----
def verify(arguments):
    asked = from_hash(*find(f"({HASH})", arguments.ledger.encode())) if arguments.ledger else None
    receipts = [read_given(path, 131072) for path in arguments.receipt]
    since, report = arguments.since and read_given(arguments.since, 65536), Report()
    demand(since != b"")
    report.required += ["receipts"] * bool(receipts) + ["since"] * bool(since)
    with tempfile.TemporaryDirectory(prefix="tally-verify-") as directory:
        source = Directory(arguments.source)
        if not os.path.isdir(arguments.source):
            source = read_file(arguments.source, functools.partial(unpack, directory))
        if source is None: raise OSError(f"{arguments.source}: there is no such directory or tar")
        Ledger(source, report, asked).verify(receipts, since)
    return report.result()

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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("source", help="an archive directory, or a tar of one")
    parser.add_argument("--ledger", help="the ledger id that you trust")
    parser.add_argument("--receipt", action="append", default=[], help="a receipt that you hold")
    parser.add_argument("--since", help="a signed checkpoint that you trust")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    try:
        result = verify(arguments)
    except Bad:
        parser.error("--ledger is not a ledger id, or a file held is empty or too long")
    except (OSError, EOFError, MemoryError, RecursionError, UnicodeError, tarfile.TarError,
            zlib.error, lzma.LZMAError) as error:
        parser.exit(3, f"tally-verify: {ascii(str(error) or type(error).__name__)[1:-1]}\n")
    print(json.dumps(result, indent=2)) if arguments.json else show(result)
    return result["exit_code"]

if __name__ == "__main__":
    sys.exit(main())
