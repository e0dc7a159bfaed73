# SPDX-License-Identifier: ISC
"""Vectors of tree, tile paths, Ed25519, keys and author signatures."""
import pathlib

import outside
import sample as S
import tallyref as T
from vectors import Vectors, plain

OPENSSH = pathlib.Path(__file__).resolve().parent / "outside" / "openssh"


def tree():
    eight = [bytes.fromhex(text) for text in outside.EIGHT_ENTRIES]
    leaves = [T.leaf_hash(entry) for entry in eight]
    roots = [T.tree_root(leaves[:n]) for n in range(9)]
    good = [{"name": "eight entries, roots of 0 to 8 (transparency-dev/merkle)", "kind": "roots",
             "entries_hex": plain(eight), "fields": {"roots": plain(roots)}}]
    words = outside.WORDS.split()
    word_leaves = [T.leaf_hash(word.encode()) for word in words]
    good.append({"name": "fifteen words, roots of 0 to 15 (tessera testdata/log)",
                 "kind": "roots", "entries_hex": [word.encode().hex() for word in words],
                 "fields": {"roots": plain([T.tree_root(word_leaves[:n]) for n in range(16)])}})
    for size, root in outside.NUMBERED_ROOTS.items():
        good.append({"name": f"{size} numbered entries", "kind": "numbered", "format": "entry %d\n",
                     "count": size, "fields": {"root": T.unb64(root).hex(),
                     "tiles_sha256": {path: digest for (count, path), digest
                                      in outside.NUMBERED_TILES.items() if count == size}}})
    bad = []
    for n in (1, 2, 3, 5, 7, 8):
        for m in range(n):
            proof = T.inclusion_proof(leaves[:n], m)
            case = {"kind": "inclusion", "index": m, "size": n, "leaf": leaves[m].hex(),
                    "root": roots[n].hex(), "proof": plain(proof)}
            good.append({"name": f"inclusion of {m} in {n}", **case, "fields": {}})
        bad += [{"name": f"inclusion, size {n}: {name}", **case, **change, "why": "proof-invalid"}
                for name, change in proof_faults(case, proof)]
    for m in range(1, 9):
        for n in range(m, 9):
            proof = T.consistency_proof(leaves[:n], m)
            case = {"kind": "consistency", "old_size": m, "new_size": n, "old_root": roots[m].hex(),
                    "new_root": roots[n].hex(), "proof": plain(proof)}
            good.append({"name": f"consistency from {m} to {n}", **case, "fields": {}})
            bad.append({"name": f"consistency from {m} to {n}, one hash more", **case,
                        "proof": plain(proof + [leaves[0]]), "why": "proof-invalid"})
    bad.append({"name": "consistency from 0", "kind": "consistency", "old_size": 0, "new_size": 8,
                "old_root": roots[0].hex(), "new_root": roots[8].hex(), "proof": [],
                "why": "proof-invalid"})
    for case in good + bad:
        if case["kind"] in ("inclusion", "consistency"):
            T.need(proof_holds(case) == ("fields" in case), case["name"])
    return {"format": "tree", "about": "Hashes in hexadecimal. kind says what a vector is.",
            "hashes": [{"name": "empty tree", "hash": T.EMPTY_ROOT.hex()},
                       {"name": "leaf L123456", "hash": T.leaf_hash(b"L123456").hex()},
                       {"name": "empty leaf", "hash": T.leaf_hash(b"").hex()},
                       {"name": "node N123 N456, short on purpose",
                        "hash": T.node_hash(b"N123", b"N456").hex()}],
            "good": good, "bad": bad}


def proof_faults(case, proof):
    yield "index is the size", {"index": case["size"]}
    yield "one hash more", {"proof": plain(proof + [T.EMPTY_ROOT])}
    yield "another root", {"root": T.EMPTY_ROOT.hex()}
    if proof:
        yield "last hash missing", {"proof": plain(proof[:-1])}
        yield "first hash changed", {"proof": plain([T.EMPTY_ROOT] + proof[1:])}
        yield "index 0", {"index": 0}


def proof_holds(case):
    h = bytes.fromhex
    proof = [h(p) for p in case["proof"]]
    if case["kind"] == "inclusion":
        return T.verify_inclusion(h(case["leaf"]), case["index"], case["size"], proof,
                                  h(case["root"]))
    return T.verify_consistency(case["old_size"], h(case["old_root"]), case["new_size"],
                                h(case["new_root"]), proof)


def tile_path():
    names = ("kind", "level", "n", "width")
    vectors = Vectors("tile_path", lambda data: T.tile_path_parse(data.decode()),
                      lambda tile: T.tile_path(*tile).encode(), "Section 16. Width 256 is full.")
    for path in outside.TILE_PATHS + [
            "tile/0/000", "tile/0/000.p/1", "tile/0/000.p/255", "tile/7/000.p/9", "tile/1/005",
            "tile/0/999", "tile/0/x001/000", "tile/0/x001/x234/067", "tile/entries/000",
            "tile/entries/x001/234.p/17", "tally/seals/000.p/9", "tally/commitments/x012/345",
            "tile/0/x009/x223/x372/x036/x854/x775/807"]:
        vectors.good(path, path.encode(), dict(zip(names, T.tile_path_parse(path))))
    for path in ["", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000",
                 "tile/0/1000", "tile/0/x000/000", "tile/0/x000/001", "tile/0/001/000",
                 "tile/0/x001", "tile/0/x001/x000", "tile/0/x1/000", "tile/0/000.p/0",
                 "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p",
                 "tile/0/000.p/-1", "tile/0/000.p/+1", "tile/00/000", "tile/8/000", "tile/63/000",
                 "tile/15/x123/x456/789.p/41", "tile/-1/000", "/tile/0/000", "tile/0/000/",
                 "tile//000", "tile/0//000", "tile/0/../000", "./tile/0/000", "TILE/0/000",
                 "tile/entries/0/000", "tile/data/000", "tally/seals/0/000", "tally/parts/000.p/1",
                 "tile/0/x001/00a", "tile/0/000 ", "tile/0/000\n", "tile/0/000.P/1",
                 "tile/0/x009/x223/x372/x036/x854/x775/808", "tile/0/x999/x999/x999/x999/x999/x999/999"]:
        vectors.bad(path or "empty", path.encode())
    vectors.json["numbers"] = [{"n": n, "path": T.number_path(n)} for n in (
        0, 5, 67, 999, 1000, 1001, 123456, 1234067, 123456789, 10 ** 18, T.SIZE_MAX)]
    vectors.json["widths"] = [
        {"size": size, "level": level, "full": (size >> 8 * level) // 256,
         "partial": (size >> 8 * level) % 256}
        for size in (1, 255, 256, 257, 65535, 65536, 70000, T.SIZE_MAX) for level in range(8)]
    return vectors.json


def ed25519():
    good, bad = [], []
    for name, seed, message in [
            ("RFC 8032 test 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
             b""),
            ("RFC 8032 test 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
             b"\x72"),
            ("RFC 8032 test 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
             b"\xaf\x82"),
            ("a message of 1000 bytes", S.seed_of("long").hex(), S.stream("long", 1000))]:
        seed = bytes.fromhex(seed)
        good.append({"name": name, "fields": {
            "seed": seed.hex(), "public": T.public_of(seed).hex(), "message": message.hex(),
            "signature": T.sign(seed, message).hex()}})
    seed, message = S.seed_of("alder"), b"evidence"
    public, signature = T.public_of(seed), T.sign(seed, message)
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    encode = lambda number: number.to_bytes(32, "little")
    torsion = small_order_points()
    faults = [
        ("another message", public, b"Evidence", signature),
        ("another key", T.public_of(S.seed_of("birch")), message, signature),
        ("S + L", public, message, r + encode(s + T.L)),
        ("S + 8 L", public, message, r + encode(s + 8 * T.L)),
        ("S = L", public, message, r + encode(T.L)),
        ("bit of R", public, message, bytes([r[0] ^ 1]) + signature[1:]),
        ("sign of R", public, message, r[:31] + bytes([r[31] ^ 0x80]) + signature[32:]),
        ("R not on the curve", public, message, encode(2) + signature[32:]),
        ("63 bytes and a zero", public, message, signature[:63] + b"\x00"),
        ("all zero", public, message, bytes(64)),
        ("R of order 2, moved by -T: disagreement vector of the order 2",
         bytes.fromhex(outside.MOVED_PUBLIC), message, bytes.fromhex(outside.MOVED[0])),
        ("the same, order 4", bytes.fromhex(outside.MOVED_PUBLIC), message,
         bytes.fromhex(outside.MOVED[1]))]
    for i, point in enumerate(torsion):
        encoded = T.point_encode(point)
        faults.append((f"key of small order {i}", encoded, message, small_order_signature()))
        faults.append((f"R of small order {i}", public, message, small_r(seed, encoded, message)))
        moved = T.point_encode(T.point_add(T.point_decode(r), point))
        if i:
            faults.append((f"R moved by small order {i}", public, message,
                           respond(seed, moved, r_scalar(seed, message), message)))
    for name, key, text, sig in faults:
        T.need(not T.verify(key, text, sig), name)
        bad.append({"name": name, "fields": {"public": key.hex(), "message": text.hex(),
                                             "signature": sig.hex()}, "why": "signature-invalid"})
    for case in good:
        f = {key: bytes.fromhex(value) for key, value in case["fields"].items()}
        T.need(T.verify(f["public"], f["message"], f["signature"]), case["name"])
    keys = {"good": [], "bad": []}
    for name in ("alder", "birch", "cedar", "host", "ledger"):
        keys["good"].append({"name": name, "public": T.public_of(S.seed_of(name)).hex()})
    honest = T.point_decode(public)
    shapes = [(f"small order {i}", T.point_encode(point)) for i, point in enumerate(torsion)]
    shapes += [(f"prime order moved by small order {i}", T.point_encode(T.point_add(honest, point)))
               for i, point in enumerate(torsion) if i]
    shapes += [("y is p", encode(T.P)), ("y is p + 1", encode(T.P + 1)),
               ("y is p + 18, all others set", encode(2 ** 255 - 1)), ("y is 2^256 - 1", b"\xff" * 32),
               ("y is 1 with a sign", encode(1 | 1 << 255)), ("not on the curve", encode(2)),
               ("base point moved by order 2", T.point_encode(T.point_add(T.BASE, torsion[4])))]
    for name, key in shapes:
        T.need(not T.key_is_valid(key), name)
        keys["bad"].append({"name": name, "public": key.hex(), "why": "key-unusable"})
    T.need(all(T.key_is_valid(bytes.fromhex(k["public"])) for k in keys["good"]), "keys")
    return {"format": "ed25519", "about": "Section 6.1. keys: may this be enrolled?",
            "good": good, "bad": bad, "keys": keys}


def small_order_points():
    """The eight points of order 1, 2, 4, 8: multiples of one of order 8; number 4 has order 2."""
    for y in range(2, 100):
        point = T.point_of_y(y, 0)
        if point is not None:
            point = T.point_mul(T.L, point)
            if not T.point_equal(T.point_mul(4, point), T.NEUTRAL):
                return [T.point_mul(i, point) for i in range(8)]
    raise T.Bad("points", "no point of order 8")


def small_order_signature():
    """R = B, S = 1: would hold for a key A with h A = 0."""
    return T.point_encode(T.BASE) + (1).to_bytes(32, "little")


def r_scalar(seed, message):
    return T.sha512_number(T.secret_expand(seed)[1], message) % T.L


def respond(seed, encoded_r, r, message):
    """S for a given R, as an honest holder of the seed would compute it."""
    scalar = T.secret_expand(seed)[0]
    h = T.sha512_number(encoded_r, T.public_of(seed), message) % T.L
    return encoded_r + ((r + h * scalar) % T.L).to_bytes(32, "little")


def small_r(seed, encoded_r, message):
    return respond(seed, encoded_r, 0, message)


def openssh_key():
    vectors = Vectors("openssh_key", lambda data: T.key_of_text(data.decode()),
                      lambda key: T.key_text(key).encode(),
                      "TYPE BASE64, as op lines have it; private: whole private key files.")

    def good(name, text):
        key = T.key_of_text(text)
        blob = T.key_blob(key)
        vectors.good(name, text.encode(), {**key, "blob": blob, "fingerprint":
                                           T.fingerprint(T.sha256(blob))})

    for key in (S.ALDER, S.BIRCH_TOKEN, S.HOST):
        good(key.name, key.text)
    good("OpenSSH ed25519_1", " ".join((OPENSSH / "ed25519_1.pub").read_text().split()[:2]))
    good("OpenSSH ed25519_sk1", " ".join((OPENSSH / "ed25519_sk1.pub").read_text().split()[:2]))
    point = S.ALDER.key["point"]
    sk = {"type": T.SK_ED25519, "point": point}
    good("application empty", T.key_text({**sk, "application": b""}))
    good("application of 32 bytes", T.key_text({**sk, "application": b"ssh:" + b"a" * 28}))
    plain_blob = T.key_blob(S.ALDER.key)
    line = lambda kind, blob: f"{kind} {T.b64(blob)}"
    for name, text in [
            ("application of 33 bytes", T.key_text({**sk, "application": b"ssh:" + b"a" * 29})),
            ("NUL in the application", T.key_text({**sk, "application": b"ssh:\x00a"})),
            ("no base64", "ssh-ed25519"), ("empty base64", "ssh-ed25519 "),
            ("two spaces", S.ALDER.text.replace(" ", "  ")), ("tab", S.ALDER.text.replace(" ", "\t")),
            ("a comment", S.ALDER.text + " alder@example"), ("a space behind", S.ALDER.text + " "),
            ("LF behind", S.ALDER.text + "\n"), ("a space before", " " + S.ALDER.text),
            ("options", "no-pty " + S.ALDER.text),
            ("padding missing", S.BIRCH_TOKEN.text.rstrip("=")),
            ("outer type differs", line(T.SK_ED25519, plain_blob)),
            ("outer type in upper case", line("SSH-ED25519", plain_blob)),
            ("point of 31 bytes", line(T.ED25519, T.string(b"ssh-ed25519") + T.string(point[1:]))),
            ("point of 33 bytes", line(T.ED25519, T.string(b"ssh-ed25519") + T.string(point + b"\0"))),
            ("byte behind the blob", line(T.ED25519, plain_blob + b"\0")),
            ("blob one byte short", line(T.ED25519, plain_blob[:-1])),
            ("application in a plain key", line(T.ED25519, plain_blob + T.string(b"ssh:"))),
            ("no application in a hardware key", line(T.SK_ED25519, T.string(T.SK_ED25519.encode())
                                                      + T.string(point))),
            ("certificate", " ".join((OPENSSH / "ed25519_1-cert.pub").read_text().split()[:2])),
            ("RSA", line("ssh-rsa", T.string(b"ssh-rsa") + T.string(b"\x01\x00\x01")
                         + T.string(b"\x00" + S.stream("rsa", 256)))),
            ("unknown type", line("ssh-mldsa44-ed25519@openssh.com",
                                  T.string(b"ssh-mldsa44-ed25519@openssh.com") + T.string(point)))]:
        vectors.bad(name, text.encode())
    token = S.BIRCH_TOKEN.text
    if token.endswith("="):
        last = token.rstrip("=")[-1]
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        other = alphabet[alphabet.index(last) | 1]
        vectors.bad("base64 not canonical",
                    (token.rstrip("=")[:-1] + other + "=" * (len(token) - len(token.rstrip("=")))).encode())
    private = (OPENSSH / "ed25519_1").read_text()
    seed = T.private_file_seed(private)
    encrypted = (OPENSSH / "ed25519_1_pw").read_text()
    outside.must_refuse(lambda: T.private_file_seed(encrypted))
    vectors.json["private"] = {
        "good": [{"name": "OpenSSH ed25519_1", "text": private, "fields": {
            "seed": seed.hex(), "public": T.public_of(seed).hex(),
            "fingerprint": T.fingerprint(T.sha256(T.key_blob(T.key_of_seed(seed))))}}],
        "bad": [{"name": "OpenSSH ed25519_1_pw", "text": encrypted, "why": "encrypted"}]}
    return vectors.json


def vkey():
    vectors = Vectors("vkey", lambda data: T.vkey_parse(data.decode("latin-1")),
                      lambda key: T.vkey_text(key).encode(), "Section 5.2.")
    for name, text in outside.VKEYS.items():
        vectors.good(name, text.encode())
    vectors.good("sample ledger", T.vkey_text(
        T.note_key("tally.example/sample", S.LEDGER_KEY.key["point"])).encode())
    neumann = outside.VKEYS["golang/mod PeterNeumann"]
    for name, text in outside.BAD_VKEYS.items():
        vectors.bad(name, text.encode(), "malformed")
    for size in range(len(neumann)):
        vectors.bad(f"first {size} bytes", neumann[:size].encode())
    for size in range(1, len(neumann)):
        vectors.bad(f"without the first {size} bytes", neumann[size:].encode())
    for at in range(len(neumann)):
        changed = bytearray(neumann.encode())
        changed[at] += 1
        vectors.bad(f"byte {at} incremented", bytes(changed))
    name, key_id, typed = neumann.split("+", 2)
    for title, text in [
            ("key ID in upper case", f"{name}+{key_id.upper()}+{typed}"),
            ("key ID of 7 digits", f"{name}+{key_id[1:]}+{typed}"),
            ("LF behind", neumann + "\n"), ("a space behind", neumann + " "),
            ("space in the name", f"Peter Neumann+{key_id}+{typed}"), ("no name", f"+{key_id}+{typed}"),
            ("fourth field", neumann + "+AA==")]:
        vectors.bad(title, text.encode())
    long_name = "a" * 159
    vectors.good("name of 159 bytes", T.vkey_text(T.note_key(long_name, S.LEDGER_KEY.key["point"])).encode())
    vectors.bad("name of 160 bytes", T.vkey_text(T.note_key(long_name + "a", S.LEDGER_KEY.key["point"])).encode())
    origins = {"good": ["a", "0", "example.org", "example.org/tally", "a/b/c_d", "tally.example/sample",
                        "a-b.c/d..e", "tallyho", "tally/x", "a" * 128, "a/.", "a/_", "a/-", "a..b", "a."],
               "bad": ["", "/a", "a/", "a//b", "A", "a_b", "-a", ".a", "_a", "a b", "a+b", "a/B", "a\n",
                       "tally-", "tally-seal/v1", "cosignature/v1", "subtree/v1", "sshsig", "sshsig.org",
                       "a" * 129, "\u00e9", "a:b", "https://a"]}
    for text in origins["good"]:
        T.origin(text)
    for text in origins["bad"]:
        outside.must_refuse(lambda text=text: T.origin(text))
    vectors.json["origins"] = origins
    return vectors.json


def sshsig():
    message = b"the envelope, whatever it says\n"
    vectors = Vectors("sshsig", None, None, "Raw blobs. Good ones decode and verify over message "
                      "in namespace; bad ones with why malformed do not decode, the others decode.")

    def add(name, blob, text=message, namespace=T.NAMESPACE):
        sig = T.sshsig_decode(blob, namespace)
        T.sshsig_verify(sig, text, namespace)
        T.need(T.sshsig_encode(sig, namespace) == blob, name)
        vectors.json["good"].append({"name": name, "bytes_hex": blob.hex(), "message_hex": text.hex(),
                                     "namespace": namespace, "fields": plain({
                                         "type": sig["key"]["type"], "point": sig["key"]["point"],
                                         "application": sig["key"]["application"],
                                         "fingerprint": T.sha256(T.key_blob(sig["key"])),
                                         "signature": sig["signature"], "flags": sig["flags"],
                                         "counter": sig["counter"],
                                         "signed": T.sshsig_signed(text, namespace),
                                         "armored": T.sshsig_armor(blob)})})

    def bad(name, blob, why="malformed", text=message, namespace=T.NAMESPACE):
        def judge(data):
            T.sshsig_verify(T.sshsig_decode(data, namespace), text, namespace)
        vectors.decode = judge
        vectors.refused(name, blob, why)
        vectors.json["bad"].append({"name": name, "bytes_hex": blob.hex(), "message_hex": text.hex(),
                                    "namespace": namespace, "why": why})

    blob = S.ALDER.sign(message)
    token = S.BIRCH_TOKEN.sign(message)
    add("plain key", blob)
    add("hardware key", token)
    add("hardware key, presence and PIN, counter 2^32 - 1",
        S.BIRCH_TOKEN.sign(message, flags=5, counter=2 ** 32 - 1))
    add("empty message", S.ALDER.sign(b""), b"")
    for name in ("sshsig_ed25519", "sshsig_ed25519_sk"):
        add(f"OpenSSH {name}", outside.unarmor((OPENSSH / f"{name}.sig").read_text()),
            (OPENSSH / "signed-data").read_bytes(), "unittest")
        bad(f"OpenSSH {name}, another namespace", outside.unarmor((OPENSSH / f"{name}.sig").read_text()),
            text=(OPENSSH / "signed-data").read_bytes())
    bad("another message", blob, "signature-invalid", b"another")
    bad("hardware key, another message", token, "signature-invalid", b"another")
    bad("no presence", S.BIRCH_TOKEN.sign(message, flags=0), "presence-missing")
    bad("PIN without presence", S.BIRCH_TOKEN.sign(message, flags=4), "presence-missing")
    bad("presence claimed afterwards", S.BIRCH_TOKEN.sign(message, flags=0)[:-5] + b"\x01\0\0\0\x01",
        "signature-invalid")
    bad("counter changed", token[:-1] + b"\x02", "signature-invalid")
    bad("no presence and invalid", token[:-5] + b"\x00" + token[-4:], "signature-invalid")
    bad("bit of the signature", blob[:-1] + bytes([blob[-1] ^ 1]), "signature-invalid")
    bad("namespace file", S.ALDER.sign(message, namespace="file"))
    bad("empty namespace", S.ALDER.sign(message, namespace=""))
    bad("empty", b"")
    bad("byte behind", blob + b"\0")
    bad("last byte missing", blob[:-1])
    bad("hardware key, last byte missing", token[:-1])
    bad("magic", b"sshsig" + blob[6:])
    bad("version 0", blob[:6] + T.u32(0) + blob[10:])
    bad("version 2", blob[:6] + T.u32(2) + blob[10:])
    ns, sha = T.string(T.NAMESPACE.encode()), T.string(b"sha512")
    inner = blob[-(4 + 83):]
    head = blob[:10] + T.string(S.ALDER.blob)
    bad("reserved not empty", head + ns + T.string(b"x") + sha + inner)
    bad("hash sha256", head + ns + T.string(b"") + T.string(b"sha256") + inner)
    bad("hash in upper case", head + ns + T.string(b"") + T.string(b"SHA512") + inner)
    start = head + ns + T.string(b"") + sha
    sig = inner[-64:]
    kind = T.string(T.ED25519.encode())
    bad("inner type differs", start + T.string(T.string(T.SK_ED25519.encode()) + T.string(sig)))
    bad("signature of 63 bytes", start + T.string(kind + T.string(sig[:63])))
    bad("signature of 65 bytes", start + T.string(kind + T.string(sig + b"\0")))
    bad("byte behind the inner signature", start + T.string(kind + T.string(sig) + b"\0"))
    bad("flags and counter for a plain key", start + T.string(kind + T.string(sig) + b"\1\0\0\0\1"))
    bad("length beyond the end", start + T.u32(0xFFFFFFFF) + inner[4:])
    bad("key type RSA", blob[:10] + T.string(T.string(b"ssh-rsa") + T.string(S.ALDER.key["point"]))
        + ns + T.string(b"") + sha + inner)
    vectors.json["agent"] = outside.agent_vectors()
    return vectors.json


def make():
    yield "tree.json", tree()
    yield "tile_path.json", tile_path()
    yield "ed25519.json", ed25519()
    yield "openssh_key.json", openssh_key()
    yield "vkey.json", vkey()
    yield "sshsig.json", sshsig()
