# SPDX-License-Identifier: ISC
"""The formats of docs/formats.md, once more, in Python's standard library alone.

Written from the text, apart from the C code: where the two differ, one of them or the text is
wrong. Slow, not constant in time, and so for tests only: never sign anything real with it.

Decoders are canonical: they raise Bad(reason) for everything that the encoders would not write.
Left out on purpose: the rules that need a ledger's state (section 19.3).
"""
import base64
import datetime
import hashlib
import re
import struct

SIZE_MAX = (1 << 63) - 1
ENVELOPE_MAX = 24576
RECORD_MAX = 40960
SIGNATURES_MAX = 64
BLOB_MAX = 512
PARTS_MAX = 256
PART_NAME_MAX = 4096
PART_VALUE_MAX = 262144
DEPOSIT_MAX = 4194304
REFS_MAX = 256
SUBMISSION_MAX = 8388608
ENTRY_FILE_MAX = 16777216
NOTE_MAX = 65536
NOTE_SIGNATURES_MAX = 100
REJECTION_MAX = 4096
RECEIPT_MAX = 131072
PROOF_MAX = 63
BUNDLE_MAX = 67108864
ORIGIN_MAX = 128
APPLICATION_MAX = 32

CONSTITUTION = ("charter", "amendment", "continuation")
NAMESPACE = "entry@tally"
SEAL_CONTEXT = b"tally-seal/v1\n"
DASH = "\u2014"

REASONS = """malformed too-large signature-missing signature-order signature-invalid
presence-missing commitments-mismatch part-missing part-invalid sealed-missing sealed-invalid
file-missing file-invalid exhibit-invalid wrong-ledger unknown-type unknown-key key-not-in-force
wrong-member role-missing sequence-gap sequence-reused previous-mismatch seen-unknown
seen-decreased relation-not-allowed reference-missing reference-surplus reference-unknown
reference-target part-required time-decreased charter-only-first operation-invalid stale-amendment
quorum-missing consent-missing key-reused key-unusable threshold-invalid record-missing
index-mismatch link-mismatch roster-mismatch seal-missing seal-invalid leaf-mismatch tile-mismatch
commitments-missing root-mismatch checkpoint-invalid checkpoint-rollback checkpoint-fork
receipt-invalid receipt-mismatch proof-invalid batch-mismatch bundle-invalid prefix-mismatch
overloaded no-space stopped key-quota""".split()


class Bad(Exception):
    """What was wrong: a reason's name and a few words."""

    def __init__(self, reason, what=""):
        super().__init__(f"{reason}: {what}")
        self.reason = reason
        self.what = what


def malformed(what):
    return Bad("malformed", what)


def need(condition, what, reason="malformed"):
    if not condition:
        raise Bad(reason, what)


def sha256(data):
    return hashlib.sha256(data).digest()


# Conventions (section 2)


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    need(re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", text) is not None and len(text) % 4 == 0, "base64")
    data = base64.b64decode(text)
    need(b64(data) == text, "base64 is not canonical")
    return data


def unb64_hash(text):
    need(len(text) == 44, "not the base64 of 32 bytes")
    data = unb64(text)
    need(len(data) == 32, "not the base64 of 32 bytes")
    return data


def fingerprint(digest):
    return "SHA256:" + b64(digest)[:43]


def unfingerprint(text):
    need(text.startswith("SHA256:") and len(text) == 50, "not a fingerprint")
    return unb64_hash(text[7:] + "=")


def decimal(text):
    need(re.fullmatch(r"0|[1-9][0-9]{0,18}", text) is not None, "not a decimal")
    value = int(text)
    need(value <= SIZE_MAX, "decimal too large")
    return value


def unhex(text, size):
    need(re.fullmatch(r"[0-9a-f]*", text) is not None and len(text) == 2 * size, "hexadecimal")
    return bytes.fromhex(text)


EPOCH = datetime.datetime(1970, 1, 1)


def time_text(seconds):
    return (EPOCH + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def untime(text):
    match = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z", text, re.ASCII)
    need(match is not None, "not a time")
    try:
        when = datetime.datetime(*map(int, match.groups()))
    except ValueError as error:
        raise malformed("no such time") from error
    need(when.year >= 1970, "before 1970")
    return int((when - EPOCH).total_seconds())


def identifier(text):
    need(re.fullmatch(r"[a-z][a-z0-9-]{0,31}", text) is not None, "not an identifier")
    return text


def printable(text):
    need(re.fullmatch(r"[\x20-\x7e]+", text) is not None, "not printable")
    return text


def origin(text):
    need(len(text) <= ORIGIN_MAX, "origin too long")
    need(re.fullmatch(r"[a-z0-9][a-z0-9.-]*(/[a-z0-9._-]+)*", text) is not None, "not an origin")
    need(not text.startswith(("tally-", "cosignature/", "subtree/", "sshsig")), "reserved origin")
    return text


def lines_of(data, maximum, reason="too-large", encoding="ascii"):
    """The lines of a whole text; each has lost its LF."""
    need(len(data) <= maximum, "too long", reason)
    need(data.endswith(b"\n"), "no final LF")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise malformed("encoding") from error
    return text[:-1].split("\n")


class Lines:
    def __init__(self, lines):
        self.lines = lines
        self.at = 0

    def starts(self, keyword):
        return self.at < len(self.lines) and self.lines[self.at].startswith(keyword)

    def take(self, keyword):
        need(self.starts(keyword), f"expected a line {keyword!r}")
        line = self.lines[self.at]
        self.at += 1
        return line[len(keyword):]

    def done(self):
        need(self.at == len(self.lines), "an unknown line, or one out of order")


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        need(self.at + count <= len(self.data), "ends too early")
        chunk = self.data[self.at:self.at + count]
        self.at += count
        return chunk

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))[0]

    def vector(self, form, maximum):
        size = self.number(form)
        need(size <= maximum, "too long", "too-large")
        return self.take(size)

    def string(self):
        return self.vector("I", 1 << 32)

    def done(self):
        need(self.at == len(self.data), "bytes follow the end")


def u16(value):
    return struct.pack(">H", value)


def u32(value):
    return struct.pack(">I", value)


def u64(value):
    return struct.pack(">Q", value)


def string(data):
    return u32(len(data)) + data


# Tree (section 4)


def leaf_hash(data):
    return sha256(b"\x00" + data)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


EMPTY_ROOT = sha256(b"")


def split_at(count):
    return 1 << ((count - 1).bit_length() - 1)


def tree_root(leaves):
    if not leaves:
        return EMPTY_ROOT
    row = list(leaves)
    while len(row) > 1:
        pairs = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = pairs + ([row[-1]] if len(row) % 2 else [])
    return row[0]


def inclusion_proof(leaves, index):
    if len(leaves) == 1:
        return []
    k = split_at(len(leaves))
    if index < k:
        return inclusion_proof(leaves[:k], index) + [tree_root(leaves[k:])]
    return inclusion_proof(leaves[k:], index - k) + [tree_root(leaves[:k])]


def consistency_proof(leaves, old, whole=True):
    if old == len(leaves):
        return [] if whole else [tree_root(leaves)]
    k = split_at(len(leaves))
    if old <= k:
        return consistency_proof(leaves[:k], old, whole) + [tree_root(leaves[k:])]
    return consistency_proof(leaves[k:], old - k, False) + [tree_root(leaves[:k])]


def verify_inclusion(leaf, index, size, proof, root):
    if index >= size or any(len(h) != 32 for h in [leaf, *proof]):
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while fn & 1 == 0 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            r = node_hash(r, p)
        fn >>= 1
        sn >>= 1
    return sn == 0 and r == root


def verify_consistency(old, old_root, new, new_root, proof):
    if old > new or old == 0 or any(len(h) != 32 for h in proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    if not proof:
        return False
    path = ([old_root] if old & (old - 1) == 0 else []) + list(proof)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while fn & 1 == 0 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            sr = node_hash(sr, c)
        fn >>= 1
        sn >>= 1
    return sn == 0 and fr == old_root and sr == new_root


# Ed25519 (section 6.1)

P = (1 << 255) - 19
L = (1 << 252) + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def point_add(a, b):
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    m, n = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = n - m, d - c, d + c, n + m
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_mul(scalar, point):
    result = NEUTRAL
    while scalar:
        if scalar & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        scalar >>= 1
    return result


def point_neg(point):
    x, y, z, t = point
    return (-x % P, y, z, -t % P)


def point_equal(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point_encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def point_of_y(y, sign):
    """The point, or None. An x of 0 with a sign is let pass: its order is 1 or 2 all the same."""
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, P - 2, P) % P
    root = pow(x, (P + 3) // 8, P)
    if root * root % P != x:
        root = root * SQRT_M1 % P
    if root * root % P != x:
        return None
    if root & 1 != sign and root != 0:
        root = P - root
    return (root, y % P, 1, root * y % P)


def point_decode(data):
    """The point of a canonical encoding, or None."""
    value = int.from_bytes(data, "little")
    y, sign = value & ((1 << 255) - 1), value >> 255
    return None if y >= P else point_of_y(y, sign)


BASE = point_of_y(4 * pow(5, P - 2, P) % P, 0)


def is_small_order(data):
    """True for every encoding, canonical or not, of a point of order 1, 2, 4 or 8."""
    y = (int.from_bytes(data, "little") & ((1 << 255) - 1)) % P
    point = point_of_y(y, 0)
    return point is not None and point_equal(point_mul(8, point), NEUTRAL)


def key_is_valid(public):
    """On the curve, canonical, of the prime-order subgroup."""
    point = point_decode(public)
    if point is None or is_small_order(public):
        return False
    return point_equal(point_mul(L, point), NEUTRAL)


def sha512_number(*chunks):
    return int.from_bytes(hashlib.sha512(b"".join(chunks)).digest(), "little")


def secret_expand(seed):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | 1 << 254
    return scalar, digest[32:]


def public_of(seed):
    return point_encode(point_mul(secret_expand(seed)[0], BASE))


def sign(seed, message):
    scalar, prefix = secret_expand(seed)
    public = point_encode(point_mul(scalar, BASE))
    r = sha512_number(prefix, message) % L
    big_r = point_encode(point_mul(r, BASE))
    h = sha512_number(big_r, public, message) % L
    return big_r + ((r + h * scalar) % L).to_bytes(32, "little")


def verify(public, message, signature):
    if len(signature) != 64 or len(public) != 32:
        return False
    s = int.from_bytes(signature[32:], "little")
    point = point_decode(public)
    if s >= L or point is None or is_small_order(public) or is_small_order(signature[:32]):
        return False
    h = sha512_number(signature[:32], public, message) % L
    difference = point_add(point_mul(s, BASE), point_mul(h, point_neg(point)))
    return point_encode(difference) == signature[:32]


# Keys (section 5)

ED25519 = "ssh-ed25519"
SK_ED25519 = "sk-ssh-ed25519@openssh.com"


def key_blob(key):
    blob = string(key["type"].encode()) + string(key["point"])
    return blob + (string(key["application"]) if key["type"] == SK_ED25519 else b"")


def key_of_blob(blob):
    reader = Reader(blob)
    name = reader.string()
    need(name in (ED25519.encode(), SK_ED25519.encode()), "key type")
    key = {"type": name.decode(), "point": reader.string(), "application": b""}
    need(len(key["point"]) == 32, "point is not 32 bytes")
    if key["type"] == SK_ED25519:
        key["application"] = reader.string()
        need(len(key["application"]) <= APPLICATION_MAX, "application too long")
        need(0 not in key["application"], "NUL in the application")
    reader.done()
    return key


def key_text(key):
    return key["type"] + " " + b64(key_blob(key))


def key_of_text(text):
    name, separator, rest = text.partition(" ")
    need(separator == " ", "no key")
    key = key_of_blob(unb64(rest))
    need(key["type"] == name, "outer and inner type differ")
    return key


def key_of_seed(seed):
    return {"type": ED25519, "point": public_of(seed), "application": b""}


def private_file_seed(text):
    """The seed of an unencrypted openssh-key-v1 file; encrypted ones are refused."""
    begin, end = "-----BEGIN OPENSSH PRIVATE KEY-----\n", "-----END OPENSSH PRIVATE KEY-----\n"
    need(text.startswith(begin) and text.endswith("\n" + end), "armor")
    reader = Reader(unb64(text[len(begin):-len(end)].replace("\n", "")))
    need(reader.take(15) == b"openssh-key-v1\0", "magic")
    cipher, kdf, options = reader.string(), reader.string(), reader.string()
    need(cipher == b"none" and kdf == b"none" and options == b"", "encrypted")
    need(reader.number("I") == 1, "one key")
    outer = key_of_blob(reader.string())
    inner = Reader(reader.string())
    reader.done()
    need(outer["type"] == ED25519, "key type")
    need(inner.number("I") == inner.number("I"), "check words")
    need(inner.string() == ED25519.encode() and inner.string() == outer["point"], "public key")
    secret = inner.string()
    need(len(secret) == 64 and secret[32:] == outer["point"], "secret key")
    need(public_of(secret[:32]) == outer["point"], "seed")
    inner.string()
    pad = inner.data[inner.at:]
    need(len(inner.data) % 8 == 0 and len(pad) < 8 and pad == bytes(range(1, len(pad) + 1)),
         "padding")
    return secret[:32]


NOTE_ED25519 = 1
NOTE_COSIGNATURE = 4


def note_name(name):
    need(re.fullmatch(r"[\x21-\x2a\x2c-\x7e]{1,159}", name) is not None, "key name")
    return name


def note_key(name, point, kind=NOTE_ED25519):
    typed = bytes([kind]) + point
    return {"name": name, "type": kind, "point": point,
            "id": sha256(name.encode() + b"\n" + typed)[:4]}


def vkey_text(key):
    return f"{key['name']}+{key['id'].hex()}+{b64(bytes([key['type']]) + key['point'])}"


def vkey_parse(text):
    fields = text.split("+", 2)
    need(len(fields) == 3, "fields")
    name, key_id, typed = note_name(fields[0]), unhex(fields[1], 4), unb64(fields[2])
    need(len(typed) == 33, "length")
    need(typed[0] in (NOTE_ED25519, NOTE_COSIGNATURE), "type")
    key = note_key(name, typed[1:], typed[0])
    need(key["id"] == key_id, "key ID")
    return key


# Author signatures (section 6.2)


def sshsig_signed(message, namespace=NAMESPACE):
    return (b"SSHSIG" + string(namespace.encode()) + string(b"") + string(b"sha512")
            + string(hashlib.sha512(message).digest()))


def sshsig_message(sig, message, namespace=NAMESPACE):
    """The bytes that the key itself has signed."""
    signed = sshsig_signed(message, namespace)
    if sig["key"]["type"] == ED25519:
        return signed
    return (sha256(sig["key"]["application"]) + bytes([sig["flags"]]) + u32(sig["counter"])
            + sha256(signed))


def sshsig_encode(sig, namespace=NAMESPACE):
    inner = string(sig["key"]["type"].encode()) + string(sig["signature"])
    if sig["key"]["type"] == SK_ED25519:
        inner += bytes([sig["flags"]]) + u32(sig["counter"])
    return (b"SSHSIG" + u32(1) + string(key_blob(sig["key"])) + string(namespace.encode())
            + string(b"") + string(b"sha512") + string(inner))


def sshsig_decode(blob, namespace=NAMESPACE):
    need(len(blob) <= BLOB_MAX, "blob too long", "too-large")
    reader = Reader(blob)
    need(reader.take(6) == b"SSHSIG" and reader.number("I") == 1, "magic or version")
    sig = {"key": key_of_blob(reader.string()), "flags": 0, "counter": 0}
    need(reader.string() == namespace.encode(), "namespace")
    need(reader.string() == b"", "reserved")
    need(reader.string() == b"sha512", "hash")
    inner = Reader(reader.string())
    reader.done()
    need(inner.string() == sig["key"]["type"].encode(), "inner type")
    sig["signature"] = inner.string()
    need(len(sig["signature"]) == 64, "signature length")
    if sig["key"]["type"] == SK_ED25519:
        sig["flags"], sig["counter"] = inner.number("B"), inner.number("I")
    inner.done()
    return sig


def sshsig_verify(sig, message, namespace=NAMESPACE):
    need(verify(sig["key"]["point"], sshsig_message(sig, message, namespace), sig["signature"]),
         "does not verify", "signature-invalid")
    need(sig["key"]["type"] == ED25519 or sig["flags"] & 1, "no presence", "presence-missing")


def sshsig_make(seed, message, key=None, flags=1, counter=1, namespace=NAMESPACE):
    """A blob; a hardware key is given as key and played by its seed."""
    sig = {"key": key or key_of_seed(seed), "flags": 0, "counter": 0}
    if sig["key"]["type"] == SK_ED25519:
        sig["flags"], sig["counter"] = flags, counter
    sig["signature"] = sign(seed, sshsig_message(sig, message, namespace))
    return sshsig_encode(sig, namespace)


def sshsig_armor(blob):
    text = b64(blob)
    rows = [text[i:i + 70] for i in range(0, len(text), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *rows, "-----END SSH SIGNATURE-----", ""])


def signatures_check(blobs, envelope):
    """Steps 7 and 8 of section 19.1; envelope is the decoded one."""
    need(blobs, "no signature", "signature-missing")
    sigs = []
    for i, blob in enumerate(blobs):
        sigs.append(sshsig_decode(blob))
        this = key_blob(sigs[i]["key"])
        if i == 0:
            need(sha256(this) == envelope["key"], "not the author's", "signature-missing")
        else:
            need(this != key_blob(sigs[0]["key"]), "the author's again", "signature-order")
            need(i == 1 or key_blob(sigs[i - 1]["key"]) < this, "order", "signature-order")
    for sig in sigs:
        sshsig_verify(sig, envelope["text"])
    return sigs


# Signed notes (section 6.3)

SPACES = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]")


def note_line(key, signature):
    return f"{DASH} {key['name']} {b64(key['id'] + signature)}\n".encode()


def note_sign(text, key, seed):
    return text + b"\n" + note_line(key, sign(seed, text))


def note_decode(data):
    need(len(data) <= NOTE_MAX, "note too long", "too-large")
    need(all(byte >= 0x20 or byte == 0x0A for byte in data), "control byte")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise malformed("UTF-8") from error
    at = data.rfind(b"\n\n")
    need(at >= 0, "no signatures")
    text, rest = data[:at + 1], data[at + 2:]
    need(rest.endswith(b"\n"), "no final LF")
    signatures = []
    for line in rest[:-1].decode("utf-8").split("\n"):
        fields = line.split(" ")
        need(len(fields) == 3 and fields[0] == DASH, "signature line")
        need(fields[1] and SPACES.search(fields[1]) is None, "key name")
        blob = unb64(fields[2])
        need(len(blob) >= 5, "short signature")
        signatures.append({"name": fields[1], "id": blob[:4], "signature": blob[4:]})
    need(len(signatures) <= NOTE_SIGNATURES_MAX, "too many signature lines",
         "too-large")
    return {"text": text, "signatures": signatures}


def note_verify(note, key):
    mine = [s for s in note["signatures"] if s["name"] == key["name"] and s["id"] == key["id"]]
    need(len(mine) == 1, "not signed by the key, or twice")
    need(key["type"] == NOTE_ED25519 and verify(key["point"], note["text"], mine[0]["signature"]),
         "does not verify")


def cosignature_message(seconds, text):
    return b"cosignature/v1\ntime %d\n" % seconds + text


# Envelope (section 7)


def dash_or(value, encode=b64):
    return "-" if value is None else encode(value)


def envelope_encode(fields):
    """fields: as envelope_decode gives them. Checks nothing."""
    seen = fields["seen"]
    out = [f"tally/v1 {fields['type']}", f"ledger {dash_or(fields['ledger'])}",
           f"member {fields['member']}", f"key {fingerprint(fields['key'])}",
           f"sequence {fields['sequence']}", f"previous {dash_or(fields['previous'])}",
           "seen -" if seen is None else f"seen {seen[0]} {b64(seen[1])}",
           f"signed {time_text(fields['signed_s'])}",
           f"parts {len(fields['letters'])} {b64(fields['parts_root'])} {fields['letters'] or '-'}"]
    out += [f"sealed {n} {b64(h)} {size}" for n, h, size in fields["sealed"]]
    out += [f"file {kind} {b64(h)} {size}" for kind, h, size in fields["files"]]
    out += [f"ref {relation} {index} {b64(leaf)}" for relation, index, leaf in fields["refs"]]
    out += [f"op {operation}" for operation in fields["ops"]]
    return ("\n".join(out) + "\n").encode()


def envelope_take_parts(lines, out, is_constitution):
    fields = lines.take("parts ").split(" ")
    need(len(fields) == 3, "parts line")
    count, out["parts_root"] = decimal(fields[0]), unb64_hash(fields[1])
    need(count <= PARTS_MAX, "too many parts", "too-large")
    need((fields[2] == "-") == (count == 0), "letters -")
    out["letters"] = "" if count == 0 else fields[2]
    need(len(out["letters"]) == count and set(out["letters"]) <= set("csw"), "letters")
    need(count > 0 or out["parts_root"] == EMPTY_ROOT, "root without parts")
    need(count == 0 or not is_constitution, "parts in a constitution entry")
    out["sealed"] = []
    for position in (i for i, letter in enumerate(out["letters"]) if letter == "s"):
        fields = lines.take("sealed ").split(" ")
        need(len(fields) == 3 and decimal(fields[0]) == position, "sealed line")
        out["sealed"].append((position, unb64_hash(fields[1]), decimal(fields[2])))


def envelope_take_lists(lines, out, is_constitution):
    out["files"], out["refs"], out["ops"] = [], [], []
    before = ""
    while lines.starts("file "):
        text = lines.take("file ")
        fields = text.split(" ")
        need(len(fields) == 3 and fields[0] in ("clear", "sealed"), "file line")
        need(text > before, "order of file lines")
        before = text
        out["files"].append((fields[0], unb64_hash(fields[1]), decimal(fields[2])))
    need(not out["files"] or not is_constitution, "file in a constitution entry")
    before = ""
    while lines.starts("ref "):
        text = lines.take("ref ")
        fields = text.split(" ")
        need(len(fields) == 3, "ref line")
        ref = (identifier(fields[0]), decimal(fields[1]), unb64_hash(fields[2]))
        need(text > before, "order of ref lines")
        need(out["seen"] is not None and ref[1] <= out["seen"][0], "ref beyond seen")
        need(len(out["refs"]) < REFS_MAX, "too many refs", "too-large")
        before = text
        out["refs"].append(ref)
    while lines.starts("op "):
        out["ops"].append(printable(lines.take("op ")))
    need(bool(out["ops"]) == is_constitution, "operations")


def envelope_decode(text):
    lines = Lines(lines_of(text, ENVELOPE_MAX))
    out = {"text": text, "type": identifier(lines.take("tally/v1 "))}
    is_charter, is_constitution = out["type"] == "charter", out["type"] in CONSTITUTION
    value = lines.take("ledger ")
    need((value == "-") == is_charter, "ledger -")
    out["ledger"] = None if is_charter else unb64_hash(value)
    out["member"] = identifier(lines.take("member "))
    out["key"] = unfingerprint(lines.take("key "))
    out["sequence"] = decimal(lines.take("sequence "))
    need((out["sequence"] == 0) == is_constitution, "sequence 0")
    value = lines.take("previous ")
    need((value == "-") == (out["sequence"] < 2), "previous -")
    out["previous"] = None if value == "-" else unb64_hash(value)
    value = lines.take("seen ")
    need((value == "-") == is_charter, "seen -")
    out["seen"] = None
    if not is_charter:
        fields = value.split(" ")
        need(len(fields) == 2, "seen line")
        out["seen"] = (decimal(fields[0]), unb64_hash(fields[1]))
    out["signed_s"] = untime(lines.take("signed "))
    envelope_take_parts(lines, out, is_constitution)
    envelope_take_lists(lines, out, is_constitution)
    lines.done()
    assert envelope_encode(out) == text
    return out


# Parts (section 8)


def part_encode(salt, author, ledger, name, value):
    return salt + author + ledger + u16(len(name)) + name + value


def part_decode(data):
    reader = Reader(data)
    part = {"salt": reader.take(32), "author": reader.take(32), "ledger": reader.take(32),
            "name": reader.vector("H", PART_NAME_MAX)}
    part["value"] = data[reader.at:]
    need(len(part["value"]) <= PART_VALUE_MAX, "value too long", "too-large")
    try:
        name = part["name"].decode("utf-8")
    except UnicodeDecodeError as error:
        raise malformed("UTF-8") from error
    need(re.fullmatch(r"/([^~]|~[01])*", name, re.DOTALL) is not None, "not a JSON Pointer")
    return part


def is_exhibit_name(name):
    return re.fullmatch(rb"/exhibits/[^/]+", name, re.DOTALL) is not None


def exhibit_encode(digest, size, media_type, stored):
    return (f"sha256 {digest.hex()}\nsize {size}\nmedia-type {media_type}\n"
            f"stored {dash_or(stored)}\n").encode()


def exhibit_decode(value):
    lines = Lines(lines_of(value, 1 << 20))
    out = {"sha256": unhex(lines.take("sha256 "), 32), "size": decimal(lines.take("size ")),
           "media_type": printable(lines.take("media-type "))}
    need(len(out["media_type"]) <= 127, "media type too long")
    stored = lines.take("stored ")
    out["stored"] = None if stored == "-" else unb64_hash(stored)
    lines.done()
    return out


def clock_step_decode(value):
    need(value[:1] == b"-" and value.isascii(), "not negative")
    step = decimal(value[1:].decode())
    need(step > 0, "zero")
    return step


# Record and seal (section 9)


def signatures_encode(blobs):
    return bytes([len(blobs)]) + b"".join(u16(len(blob)) + blob for blob in blobs)


def signatures_decode(reader, minimum):
    count = reader.number("B")
    need(count >= minimum, "no signature")
    need(count <= SIGNATURES_MAX, "too many signatures", "too-large")
    return [reader.vector("H", BLOB_MAX) for _ in range(count)]


def record_encode(record):
    return (b"\x01" + u64(record["index"]) + u64(record["received_us"]) + record["link"]
            + u64(record["roster"]) + u16(len(record["envelope"])) + record["envelope"]
            + signatures_encode(record["signatures"]))


def record_decode(data):
    need(len(data) <= RECORD_MAX, "record too long", "too-large")
    reader = Reader(data)
    need(reader.number("B") == 1, "version")
    record = {"index": reader.number("Q"), "received_us": reader.number("Q"),
              "link": reader.take(32), "roster": reader.number("Q"),
              "envelope": reader.vector("H", ENVELOPE_MAX),
              "signatures": signatures_decode(reader, 1)}
    reader.done()
    need(record["index"] < SIZE_MAX and record["received_us"] <= SIZE_MAX
         and record["roster"] <= SIZE_MAX, "number too large")
    return record


def seal_make(seed, leaf):
    return sign(seed, SEAL_CONTEXT + leaf)


def seal_verify(point, leaf, seal):
    return verify(point, SEAL_CONTEXT + leaf, seal)


# Checkpoint (section 10)


def checkpoint_text(name, size, root):
    return f"{name}\n{size}\n{b64(root)}\n".encode()


def checkpoint_decode(text):
    lines = lines_of(text, NOTE_MAX, encoding="utf-8")
    need(len(lines) == 3 and lines[0] != "", "three lines")
    out = {"origin": lines[0], "size": decimal(lines[1]), "root": unb64_hash(lines[2])}
    need(out["size"] > 0 or out["root"] == EMPTY_ROOT, "root of the empty tree")
    return out


def note_open(data, maximum):
    """A note of which no more is said than that it is none."""
    try:
        need(len(data) <= maximum, "note too long")
        return note_decode(data)
    except Bad as error:
        raise malformed(error.what) from error


def checkpoint_open(data, key):
    note = note_open(data, NOTE_MAX)
    checkpoint = checkpoint_decode(note["text"])
    need(checkpoint["origin"] == key["name"], "origin")
    note_verify(note, key)
    return checkpoint


# Receipt (section 11)


def proof_encode(index, proof, checkpoint, extra=None):
    head = b"c2sp.org/tlog-proof@v1\n"
    if extra is not None:
        head += f"extra {b64(extra)}\n".encode()
    return (head + f"index {index}\n".encode() + b"".join(b64(h).encode() + b"\n" for h in proof)
            + b"\n" + checkpoint)


def proof_decode(data):
    need(len(data) <= RECEIPT_MAX, "too long", "too-large")
    head, separator, checkpoint = data.partition(b"\n\n")
    need(separator != b"" and checkpoint != b"", "no checkpoint")
    lines = Lines(lines_of(head + b"\n", RECEIPT_MAX))
    need(lines.take("") == "c2sp.org/tlog-proof@v1", "first line")
    extra = unb64(lines.take("extra ")) if lines.starts("extra ") else None
    index = decimal(lines.take("index "))
    proof = [unb64_hash(line) for line in lines.lines[lines.at:]]
    need(len(proof) <= PROOF_MAX, "too many hashes", "too-large")
    return {"extra": extra, "index": index, "proof": proof, "checkpoint": checkpoint}


def receipt_decode(data):
    out = proof_decode(data)
    need(out["extra"] is not None and len(out["extra"]) > 64, "extra")
    need(len(out["extra"]) <= RECORD_MAX + 64, "extra too long", "too-large")
    out["record"], out["seal"] = out["extra"][:-64], out["extra"][-64:]
    return out


def receipt_check(data, key):
    """What the receipt shows by itself under the ledger key; the roster is not judged."""
    out = receipt_decode(data)
    record = record_decode(out["record"])
    envelope = envelope_decode(record["envelope"])
    checkpoint = checkpoint_open(out["checkpoint"], key)
    need(record["index"] == out["index"], "index", "index-mismatch")
    leaf = leaf_hash(out["record"])
    need(verify_inclusion(leaf, out["index"], checkpoint["size"], out["proof"],
                          checkpoint["root"]), "proof", "proof-invalid")
    need(record["roster"] < record["index"] or record["roster"] == record["index"] == 0,
         "roster", "roster-mismatch")
    need(envelope["type"] not in CONSTITUTION or checkpoint["size"] == out["index"] + 1,
         "batch", "batch-mismatch")
    need(seal_verify(key["point"], leaf, out["seal"]), "seal", "seal-invalid")
    signatures_check(record["signatures"], envelope)
    return out, record, envelope, checkpoint


# Rejection (section 12)


def rejection_key(ledger_key):
    return note_key(ledger_key["name"] + "/rejection", ledger_key["point"])


def rejection_text(fields):
    return (f"tally-rejection/v1\nenvelope {b64(fields['envelope'])}\n"
            f"submission {b64(fields['submission'])}\ncode {fields['code']}\n"
            f"size {fields['size']}\nroster {fields['roster']}\n"
            f"time {time_text(fields['time_s'])}\n").encode()


def rejection_decode(text):
    lines = Lines(lines_of(text, REJECTION_MAX))
    need(lines.take("") == "tally-rejection/v1", "first line")
    out = {"envelope": unb64_hash(lines.take("envelope ")),
           "submission": unb64_hash(lines.take("submission ")), "code": lines.take("code ")}
    need(out["code"] in REASONS, "unknown code")
    out["size"], out["roster"] = decimal(lines.take("size ")), decimal(lines.take("roster "))
    out["time_s"] = untime(lines.take("time "))
    lines.done()
    return out


def rejection_open(data, ledger_key):
    note = note_open(data, REJECTION_MAX)
    out = rejection_decode(note["text"])
    note_verify(note, rejection_key(ledger_key))
    return out


# Bundle (section 13)


def bundle_encode(bundle):
    out = ["tally-bundle/v1"]
    out += [f"constitution {b64(proof)}" for proof in bundle["constitution"]]
    out += [f"last {b64(bundle['last'])}"]
    out += [f"entry {b64(proof)}" for proof in bundle["entries"]]
    out += [" ".join([f"part {index} {position} {b64(part)}", *map(b64, proof)])
            for index, position, part, proof in bundle["parts"]]
    return ("\n".join(out) + "\n").encode()


def bundle_decode(data):
    lines = Lines(lines_of(data, BUNDLE_MAX))
    need(lines.take("") == "tally-bundle/v1", "first line")
    checkpoints = set()

    def take_proof(keyword):
        proof = unb64(lines.take(keyword))
        decoded = receipt_decode(proof)
        checkpoints.add(decoded["checkpoint"])
        return proof, decoded["index"]

    def take_proofs(keyword):
        proofs = [take_proof(keyword)]
        while lines.starts(keyword):
            proofs.append(take_proof(keyword))
        indexes = [index for _, index in proofs]
        need(all(a < b for a, b in zip(indexes, indexes[1:])), "order of proofs")
        return [proof for proof, _ in proofs], indexes

    bundle = {"constitution": take_proofs("constitution ")[0], "last": take_proof("last ")[0]}
    bundle["entries"], indexes = take_proofs("entry ")
    need(len(checkpoints) == 1, "different checkpoints")
    bundle["parts"] = []
    before = (-1, -1)
    while lines.starts("part "):
        fields = lines.take("part ").split(" ")
        need(len(fields) >= 3, "part line")
        place = (decimal(fields[0]), decimal(fields[1]))
        need(place > before and place[0] in indexes and place[1] < PARTS_MAX, "order of parts")
        need(len(fields) - 3 <= PROOF_MAX, "too many hashes", "too-large")
        before = place
        bundle["parts"].append((*place, unb64(fields[2]), [unb64_hash(h) for h in fields[3:]]))
    lines.done()
    assert bundle_encode(bundle) == data
    return bundle


# Entry file (section 14)


def path_encode(path):
    return "".join(chr(c) if 0x21 <= c <= 0x7E and c != 0x25 else f"%{c:02X}" for c in path)


def path_decode(text):
    path = re.sub(rb"%([0-9A-F]{2})", lambda m: bytes.fromhex(m[1].decode()), text.encode())
    need(path != b"" and 0 not in path and path_encode(path) == text, "path")
    return path


def entry_encode(entry):
    out = ["tally-entry/v1", f"envelope {b64(entry['envelope'])}"]
    out += [f"signature {b64(blob)}" for blob in entry["signatures"]]
    out += [f"commitments {b64(b''.join(entry['commitments'])) or '-'}"]
    out += [f"part {position} {b64(part)}" for position, part in entry["parts"]]
    out += [f"sealed {position} {b64(data)}" for position, data in entry["sealed"]]
    out += [f"file {b64(h)} {size} {path_encode(path)}" for h, size, path in entry["files"]]
    return ("\n".join(out) + "\n").encode()


def chunks(data, size):
    need(len(data) % size == 0, "length")
    return [data[i:i + size] for i in range(0, len(data), size)]


def entry_decode(data):
    lines = Lines(lines_of(data, ENTRY_FILE_MAX))
    need(lines.take("") == "tally-entry/v1", "first line")
    entry = {"envelope": unb64(lines.take("envelope ")), "signatures": []}
    envelope = envelope_decode(entry["envelope"])
    while lines.starts("signature "):
        blob = unb64(lines.take("signature "))
        need(len(entry["signatures"]) < SIGNATURES_MAX, "too many signatures", "too-large")
        need(len(blob) <= BLOB_MAX, "signature too long", "too-large")
        entry["signatures"].append(blob)
    value = lines.take("commitments ")
    count = len(envelope["letters"])
    need((value == "-") == (count == 0), "commitments -")
    entry["commitments"] = [] if count == 0 else chunks(unb64(value), 32)
    need(len(entry["commitments"]) == count, "number of commitments")
    for keyword, name, letters in (("part ", "parts", "cw"), ("sealed ", "sealed", "s")):
        entry[name] = []
        before = -1
        while lines.starts(keyword):
            fields = lines.take(keyword).split(" ")
            need(len(fields) == 2, "fields")
            position = decimal(fields[0])
            need(before < position < count and envelope["letters"][position] in letters,
                 "position")
            before = position
            entry[name].append((position, unb64(fields[1])))
    entry["files"] = []
    for _, digest, size in envelope["files"]:
        fields = lines.take("file ").split(" ")
        need(len(fields) == 3, "file line")
        need(unb64_hash(fields[0]) == digest and decimal(fields[1]) == size, "file line differs")
        entry["files"].append((digest, size, path_decode(fields[2])))
    lines.done()
    assert entry_encode(entry) == data
    return entry


def entry_submission(entry):
    letters = envelope_decode(entry["envelope"])["letters"]
    return submission_encode({**entry, "clear": [(position, part) for position, part
                                                 in entry["parts"] if letters[position] == "c"]})


# Submission (section 15, and the checks of 19.1)


def deposits_encode(items):
    return u16(len(items)) + b"".join(u16(position) + string(data) for position, data in items)


def submission_encode(submission):
    return (u16(len(submission["envelope"])) + submission["envelope"]
            + signatures_encode(submission["signatures"])
            + u16(len(submission["commitments"])) + b"".join(submission["commitments"])
            + deposits_encode(submission["clear"]) + deposits_encode(submission["sealed"]))


def submission_decode(data):
    need(len(data) <= SUBMISSION_MAX, "too long", "too-large")
    reader = Reader(data)
    out = {"envelope": reader.vector("H", ENVELOPE_MAX),
           "signatures": signatures_decode(reader, 0)}
    count = reader.number("H")
    need(count <= PARTS_MAX, "too many commitments", "too-large")
    out["commitments"] = chunks(reader.take(32 * count), 32)
    for name, maximum in (("clear", 98 + PART_NAME_MAX + PART_VALUE_MAX), ("sealed", DEPOSIT_MAX)):
        items = reader.number("H")
        need(items <= PARTS_MAX, "too many deposits", "too-large")
        out[name] = []
        before = -1
        for _ in range(items):
            position, item = reader.number("H"), reader.vector("I", maximum)
            need(before < position < count, "position")
            before = position
            out[name].append((position, item))
    reader.done()
    size = 60 + len(out["envelope"]) + sum(2 + len(blob) for blob in out["signatures"])
    need(size <= RECORD_MAX, "the record would be too long", "too-large")
    return out


def part_check(part, envelope, commitment, name_before):
    """Step 5 for one part; gives its name."""
    need(leaf_hash(part) == commitment, "commitment", "part-invalid")
    try:
        decoded = part_decode(part)
    except Bad as error:
        raise Bad("part-invalid", error.what) from error
    need(decoded["author"] == envelope["key"] and decoded["ledger"] == envelope["ledger"],
         "author or ledger", "part-invalid")
    need(decoded["name"] > name_before, "order of names", "part-invalid")
    if is_exhibit_name(decoded["name"]):
        try:
            exhibit = exhibit_decode(decoded["value"])
        except Bad as error:
            raise Bad("exhibit-invalid", error.what) from error
        need(exhibit["stored"] is None or any(
            digest == exhibit["stored"]
            and (kind == "sealed" or (digest == exhibit["sha256"] and size == exhibit["size"]))
            for kind, digest, size in envelope["files"]), "file line", "exhibit-invalid")
    if envelope["type"] == "incident" and decoded["name"] == b"/clock/step_us":
        try:
            clock_step_decode(decoded["value"])
        except Bad as error:
            raise Bad("part-invalid", error.what) from error
    return decoded["name"]


def submission_check(data):
    """Steps 1 to 8 of section 19.1."""
    submission = submission_decode(data)
    envelope = envelope_decode(submission["envelope"])
    clear = dict(submission["clear"])
    clear_size = sum(map(len, clear.values()))
    sealed_size = sum(len(data) for _, data in submission["sealed"])
    need(all(size <= DEPOSIT_MAX for _, _, size in envelope["sealed"])
         and clear_size + sealed_size <= DEPOSIT_MAX
         and clear_size + sum(size for _, _, size in envelope["sealed"]) <= DEPOSIT_MAX,
         "deposits too large", "too-large")
    need(len(submission["commitments"]) == len(envelope["letters"])
         and tree_root(submission["commitments"]) == envelope["parts_root"],
         "commitments", "commitments-mismatch")
    name = b""
    for position, letter in enumerate(envelope["letters"]):
        if letter == "c":
            need(position in clear, "part missing", "part-missing")
            name = part_check(clear[position], envelope, submission["commitments"][position], name)
        else:
            need(position not in clear, "part not clear", "part-invalid")
    left = submission["sealed"]
    for position, digest, size in envelope["sealed"]:
        need(left and left[0][0] <= position, "ciphertext missing", "sealed-missing")
        need(left[0][0] == position, "ciphertext without a line", "sealed-invalid")
        need(len(left[0][1]) == size and sha256(left[0][1]) == digest, "ciphertext differs",
             "sealed-invalid")
        left = left[1:]
    need(not left, "ciphertext without a line", "sealed-invalid")
    signatures_check(submission["signatures"], envelope)
    return submission, envelope


# Archive (section 16)

TILE_DIRECTORIES = {"entries": "tile/entries/", "seals": "tally/seals/",
                    "commitments": "tally/commitments/"}


def number_path(n):
    groups = []
    while True:
        groups.append(f"{n % 1000:03d}")
        n //= 1000
        if n == 0:
            break
    return "/".join(["x" + group for group in groups[:0:-1]] + groups[:1])


def tile_path(kind, level, n, width):
    head = f"tile/{level}/" if kind == "hashes" else TILE_DIRECTORIES[kind]
    return head + number_path(n) + (f".p/{width}" if width < 256 else "")


def tile_path_parse(path):
    match = re.fullmatch(r"(tile/([0-7])/|tile/entries/|tally/seals/|tally/commitments/)"
                         r"((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", path)
    need(match is not None, "not a tile path")
    directory, level, number, width = match.groups()
    kind = "hashes" if level else {v: k for k, v in TILE_DIRECTORIES.items()}[directory]
    tile = (kind, int(level or 0), int(number.replace("x", "").replace("/", "")),
            int(width or 256))
    need(tile[2] <= SIZE_MAX and 0 < tile[3] and (width is None or tile[3] < 256), "number")
    need(tile_path(*tile) == path, "spelling")
    return tile


def archive_files(records, seals, commitments, parts, checkpoint, objects=()):
    """Every file of an archive by its name, for lists with one item for each record; parts is a
    list of (position, bytes) lists, objects are bytes."""
    files = {"checkpoint": checkpoint}
    row, level = [leaf_hash(record) for record in records], 0
    while row:
        for n in range(0, len(row), 256):
            tile = row[n:n + 256]
            files[tile_path("hashes", level, n // 256, len(tile))] = b"".join(tile)
        row = [tree_root(row[n:n + 256]) for n in range(0, len(row) - 255, 256)]
        level += 1
    for kind, items in (("entries", [u16(len(r)) + r for r in records]), ("seals", seals),
                        ("commitments", [u16(len(c)) + b"".join(c) for c in commitments])):
        for n in range(0, len(items), 256):
            bundle = items[n:n + 256]
            files[tile_path(kind, 0, n // 256, len(bundle))] = b"".join(bundle)
    for index, clear in enumerate(parts):
        if clear:
            files["tally/parts/" + number_path(index)] = deposits_encode(clear)[2:]
    for data in objects:
        files["tally/objects/" + sha256(data).hex()] = data
    return files
