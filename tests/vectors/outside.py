# SPDX-License-Identifier: ISC
"""Vectors that others have published: do the two implementations here agree with the world?"""
import hashlib
import json

import tallyref as T

EIGHT_ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                 "606162636465666768696a6b6c6d6e6f"]
EIGHT_ROOTS = """e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d
fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125
aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77
d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7
4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4
76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef
ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c
5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328""".split()

WORDS = ("one two three four five six seven eit nain ten ileven twelf threeten fourten fivten")
WORDS_SKEY = "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg"
WORDS_ROOTS = {1: "0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=",
               2: "T1X2GdkhUjV3iyufF9b0kVsWFxIU0VI4EpNml2Teci4=",
               7: "IrSXADBqJ7EQoUODSDKROySgNveeL6CFhik2w/+fS7U=",
               8: "bC+VwvrJbalNVjfkdI8kUgs7mJoXrqiXCE7bgnD28pY=",
               15: "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs="}
WORDS_SIGNATURE_15 = ("M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd"
                      "/fmwlM/dlPWF74ewI=")
WORDS_INCLUSION_7_15 = """d90d0fe63491f93764c1d5d6cb1f866c1597d0a65b359916cc28f24cf4a8cecc
c9c46490d925bace5e315454be40f5a4adf6d6f32b03e8e33a264a53c68e718e
cd8d65377e6fad76003e2c5749de7d2ec536f71509b6e5b8a3674d360e58d82a
e632e9a93823b010d2117e928198919db4cc753b9177c6d0e6d4ac00ec5ed0ab""".split()
WORDS_CONSISTENCY_7_15 = """2Q0P5jSR+TdkwdXWyx+GbBWX0KZbNZkWzCjyTPSozsw=
ThcgoV2DYcK+VCxBUDWAlNxmLy2r7dq7dK7+OlgQKWs= ycRkkNklus5eMVRUvkD1pK321vMrA+jjOiZKU8aOcY4=
zY1lN35vrXYAPixXSd59LsU29xUJtuW4o2dNNg5Y2Co= 5jLpqTgjsBDSEX6SgZiRnbTMdTuRd8bQ5tSsAOxe0Ks=""".split()

NUMBERED_SEED = bytes.fromhex("fc01f404e811d3758f5771f4094f046de9b4cdd8d80a9170d91a78624f3e1828")
NUMBERED_NAME = "example.com/ledger"
NUMBERED_ROOTS = {5: "yPFA0nVVp4Kn5u40sWJWSMGpIO/IGbB5vSHKLdpohO4=",
                  256: "Tos73taU3PGTY0bFzH/EcSwTM87b2mAnidbjuDw6wgU=",
                  257: "B6224GT6QpIYNkL61R6MCnrGiFzlUMB3yTQ95itXrcA=",
                  302: "4VC4l3gjEn616F7i7FwroB3TWj7z5bjqGE93bWvTJ8w=",
                  70000: "PyRlJHNNTThWh1rCFkBE4adafIct52rP1LJtrAm1vcA="}
NUMBERED_TILES = {
    (257, "tile/0/000"): "f2728f07da41df6e7162e102f024bc7ca9281c63b468971acb9e9990e5062eaa",
    (257, "tile/entries/000"): "12f75dd8d581872fd76986057e513dc61cc74a1dfb3423eb3f6394246e0152d0",
    (70000, "tile/1/000"): "769433c551f08f713cfd350fc025eedb6cbf832c4cf7fe724d76dffed4c38368"}
NUMBERED_TILE_2 = "a4a77746eb6491c862514c1037a1a6c56a5acb1cf67222f7a95c516518e8ad3b"  # 70000
NUMBERED_SIGNATURES = {
    257: "QPUUZfX+hCkzEgMaOcPZKZs+iymE5qksSz8N+zmongjrAoQOqT4ugiQcopTa2YQ7YVgEJ53m3oxgDmHyMBBVGOLE1wM=",
    302: "QPUUZcvJHaO8MKoKjIL3JhAVIUQanlWsmulAuA4wkphe2AUsbP4IXqaij4FyJ6Hxn+KtUGBnEGk1iuXmWLjO5PX/JAU=",
    70000: "QPUUZR92XLp4hoWyxNUvsDAhCwHVjm9bNLSfLpMZEEd+R4vn33PjDutJogZiqHGCcTd263K4rDPVKMOb4XNSvhcb+QI="}
NUMBERED_PROOF_200_302 = """sYn8cwpLdPpcR0ElwOi/9ncaYcYz5liTqpWoIwkW0TA=
gh8nV42UZOMuSnNiB8ou/zdod0cKmfCHPqquDzQ8/iI= qaEQmZt41U1ZujR9FEKesqd67essin3/lMHB/rXxUaY=
4oPGkUuUFjxTkVTXqG+0Rg5xvJ/uqmGVWC/erOezp0s= 4FiR3Q52ICAC2alGMu4/GzbRamItwzYT82tGXW/SMNk=
PxcREAYqUYPLosyL/fcGqG4JpQOrA56PCrOkPp2p1AQ= FfJAj/XadvMNpmjJG4G9mzeKfa++iWcWV/t31v9mUIs=
+xGgpbadygXeXzzoX/s4npBlMHRiGh79mKVrnqcN8YI= dZhucdUh/j76Z6og4Yphl2nupj/PGo5K6CGKcMWGnnE=""".split()
COSIGNED_257 = {
    "seed": "ce75dbd4e3792d706b3a53e4bfaaaa9e311fcfb455f73fd6f60bd5757a5e38e7",
    "vkey": "witness.example/w1+8d8f0c75+BLvNXT4QCuufFdlTvKuGkIpI64SV4JtyamSwm4wgrVpo",
    "time": 1700000000,
    "blob": "jY8MdQAAAABlU/EAtohoLhymttbIQNvPRdGWdS1jNuU5+f1ticAMXTnvWJunorAQD8alaQONxt1ytTj2VVEJ+onzb2JxYHzZfVU5Cg=="}

TILE_PATHS = ["tile/entries/x123/x456/789"]

VKEYS = {
    "C2SP example.com/foo": "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    "golang/mod PeterNeumann": "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "golang/mod EnochRoot": "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop",
    "sum.golang.org": "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    "tessera testdata": "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx",
    "numbered log": "example.com/ledger+40f51465+AYjQnJzyrT9ovTgPg2CUkrX+zlgXvFdZTocX/gzueyCL",
    "sigsum-go witness (cosignature)": "example.org/witness+cacf2e50+BGbguFjkYqYJ5m/nE3DIFtiEb/ED1UmaIqf+w3/bxCSn"}
BAD_VKEYS = {
    "34 bytes of key, ID adjusted": "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
    "type 0x65": "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"}
NEUMANN_SEED = bytes.fromhex("810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173")
MATH = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NEUMANN_BLOB = ("x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJ"
                "nAM=")
ENOCH_BLOB = ("rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc"
              "+QQ=")
NOTES = {  # name: (vkey, text, blob)
    "C2SP signed-note": (VKEYS["C2SP example.com/foo"], "This is an example message.\n",
                         "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu"
                         "72IneyaQM="),
    "golang/mod PeterNeumann": (VKEYS["golang/mod PeterNeumann"], MATH, NEUMANN_BLOB),
    "golang/mod EnochRoot": (VKEYS["golang/mod EnochRoot"], MATH, ENOCH_BLOB),
    "Go checksum database": (VKEYS["sum.golang.org"], "go.sum database tree\n35225469\nvt5T6GaLCXvyHFl9VUvv"
                             "ItR43XZxfLgftEcTyO3eJCQ=\n", "Az3grpukl5AXaVfYkLiDGORx/DN2nlcS5kZHR5uYOBV2KA2H"
                             "gXpD+gu9HHONebHLAyaKbbTM75QTtPydhKCExixSfwQ=")}
SIGSUM_SEED = b"\x11" + bytes(31)
SIGSUM_PUBLIC = "66e0b858e462a609e66fe71370c816d8846ff103d5499a22a7fec37fdbc424a7"
SIGSUM_ROOT = "HA5HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
SIGSUM_BLOB = ("gJ2ho0n8F8olcerUF1FFdv235A/5as/coWrpLrtE7ovMeP5whgwouYExowG/lTznxu6OUGjjt5yJQ6bXtTcf718M"
               "qAQ=")
SIGSUM_COSIGNED = {"vkey": VKEYS["sigsum-go witness (cosignature)"], "time": 1234,
                   "blob": "ys8uUAAAAAAAAATSftMzceM8zssdZ9jin9SjwIxzx9iADMf63VqirX2hafol9RsqNqbofIz0LVRqHX"
                           "I2kpEBSki5RTXFtxz1vo9+Cg=="}

MOVED_PUBLIC = "2152f8d19b791d24453242e15f2eab6cb7cffa7b6a5ed30097960e069881db12"
MOVED = ["0a3bb9a3bd117ebbb04ac6f7b2f3f184484f8689904d46822d651adc8268fd57f8fbb53d9e6a1f76c4c00d5d689780dd"
         "8aefb8f7dcd717a19e94e8985e657603",
         "98f140cad98a260ff507834d5c9adbe7b18bf0a2240cf17ddfe97e9cb0032c73666ef71013530873b13af3d4e042e789"
         "77ef9e5756e0e20d12c262b1df646809"]

SSHSIG_SEED = bytes.fromhex("e948a440d50296ea462241fb4645687e1f47cd7a4cd82c6e9cddbcec7a80a912")
SSHSIG_SIGNED = ("53534853494700000008756e6974746573740000000000000006736861353132000000402cbbbc660712c6de8c"
                 "b05533ba26601ba1b031d27d77bc5e13b628448c3483d88727fc2c143ef5a385a5c9ecef1561236ea434a82ec5"
                 "c06a639235103fe35deb")
SSHSIG_SIGNATURE = ("8a142c6d4cee34415f964e53c35f87f5a2d2eed650934446f0a5b50ed3a60d862759edc3dd42a21b77dc25a0"
                    "cd838bc15a9d63d602d188130e17e83060d7a00e")
SK_MESSAGE = ("e30610e8a162115960fe1ec223e6529c9f4b6e80200dcb5e5c321c8af1e2b1bf0112345678008d13ba95255d3777"
              "e6f45373caa930a01faf5d4d2d3e2147fa0ca9d252d7a7")
SK_SIGNATURE = ("22fbb7938d6ffe2d0d8cfac083f8a16d1f59fb545149a27fd2645b31383c95f1c5939452a3eb5ed8b3552be5357a"
                "b9a117421724f2b040da84081d33c034b20f")
OPENSSH_1_FINGERPRINT = "SHA256:L3k/oJubblSY0lB9Ulsl7emDMnRPKm/8udf2ccwk560"
OPENSSH_1_PUBLIC = "5386ea463b45fe14b4216f3f02a0a3f073b57724db10b86b65b2037e17b48c19"
OPENSSH_1_SEED = "f72a0a036e3479e15edb74da5f2a5418e66db450ad50687cad90247eeab6440c"
AGENT_SIGN = ("000000430d000000330000000b7373682d656432353531390000002066e0b858e462a609e66fe71370c816d8846ff1"
              "03d5499a22a7fec37fdbc424a70000000361626300000000")


def same(name, got, expected):
    T.need(got == expected, f"outside vector {name}: {got!r}", "outside")


def must_refuse(call):
    try:
        call()
    except (T.Bad, UnicodeError):
        return
    raise T.Bad("accepted", "an outside vector that must be refused")


def unarmor(text):
    return T.unb64("".join(text.split("\n")[1:-2]))


def numbered(count):
    return [b"entry %d\n" % i for i in range(count)]


def note(vkey, text, blob):
    key = T.vkey_parse(vkey)
    return f"{text}\n{T.DASH} {key['name']} {blob}\n".encode()


def cosignature_holds(vkey, blob, text):
    key, data = T.vkey_parse(vkey), T.unb64(blob)
    seconds = int.from_bytes(data[4:12], "big")
    return data[:4] == key["id"] and T.verify(
        key["point"], T.cosignature_message(seconds, text), data[12:])


def agent_sign_frame(blob, data):
    body = b"\x0d" + T.string(blob) + T.string(data) + T.u32(0)
    return T.u32(len(body)) + body


def agent_vectors():
    key = T.key_of_seed(SIGSUM_SEED)
    inner = T.string(b"ssh-ed25519") + T.string(T.sign(SIGSUM_SEED, b"abc"))
    return {"seed": SIGSUM_SEED.hex(), "data_hex": b"abc".hex(),
            "request": agent_sign_frame(T.key_blob(key), b"abc").hex(),
            "response": T.string(b"\x0e" + T.string(inner)).hex(), "failure": "0000000105"}


def check_tree():
    leaves = [T.leaf_hash(bytes.fromhex(entry)) for entry in EIGHT_ENTRIES]
    same("eight roots", [T.tree_root(leaves[:n]).hex() for n in range(9)], EIGHT_ROOTS)
    same("leaf", T.leaf_hash(b"L123456").hex(),
         "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56")
    same("node", T.node_hash(b"N123", b"N456").hex(),
         "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb")
    leaves = [T.leaf_hash(word.encode()) for word in WORDS.split()]
    for size, root in WORDS_ROOTS.items():
        same(f"words {size}", T.b64(T.tree_root(leaves[:size])), root)
    same("words inclusion", [h.hex() for h in T.inclusion_proof(leaves, 7)], WORDS_INCLUSION_7_15)
    same("words consistency", [T.b64(h) for h in T.consistency_proof(leaves, 7)],
         WORDS_CONSISTENCY_7_15)
    entries = numbered(70000)
    leaves = [T.leaf_hash(entry) for entry in entries]
    for size, root in NUMBERED_ROOTS.items():
        same(f"numbered {size}", T.b64(T.tree_root(leaves[:size])), root)
    for (size, path), digest in NUMBERED_TILES.items():
        files = T.archive_files(entries[:size], [], [], [], b"")
        same(path, hashlib.sha256(files[path]).hexdigest(), digest)
        if size == 257:
            same("tile/1", files["tile/1/000.p/1"], T.unb64(NUMBERED_ROOTS[256]))
        else:
            same("tile/2", files["tile/2/000.p/1"].hex(), NUMBERED_TILE_2)
            same("tile names", {"tile/1/001.p/17", "tile/0/272", "tile/0/273.p/112"} <= set(files), True)
    same("proof", [T.b64(h) for h in T.inclusion_proof(leaves[:302], 200)], NUMBERED_PROOF_200_302)
    same("number", T.number_path(1234067), "x001/x234/067")


def check_notes():
    for name, (vkey, text, blob) in NOTES.items():
        data = note(vkey, text, blob)
        T.note_verify(T.note_decode(data), T.vkey_parse(vkey))
        if name.endswith("PeterNeumann"):
            same(name, T.note_sign(text.encode(), T.vkey_parse(vkey), NEUMANN_SEED), data)
    for text in BAD_VKEYS.values():
        must_refuse(lambda text=text: T.vkey_parse(text))
    seed = T.unb64(WORDS_SKEY.split("+", 4)[4])[1:]
    key = T.note_key("example.com/log/testdata", T.public_of(seed))
    same("testdata vkey", T.vkey_text(key), VKEYS["tessera testdata"])
    text = T.checkpoint_text(key["name"], 15, T.unb64(WORDS_ROOTS[15]))
    same("checkpoint.15", T.b64(key["id"] + T.sign(seed, text)), WORDS_SIGNATURE_15)
    key = T.note_key(NUMBERED_NAME, T.public_of(NUMBERED_SEED))
    same("numbered vkey", T.vkey_text(key), VKEYS["numbered log"])
    for size, blob in NUMBERED_SIGNATURES.items():
        text = T.checkpoint_text(NUMBERED_NAME, size, T.unb64(NUMBERED_ROOTS[size]))
        same(f"checkpoint {size}", T.b64(key["id"] + T.sign(NUMBERED_SEED, text)), blob)
    text = T.checkpoint_text(NUMBERED_NAME, 257, T.unb64(NUMBERED_ROOTS[257]))
    same("cosigned 257", cosignature_holds(COSIGNED_257["vkey"], COSIGNED_257["blob"], text), True)
    same("sigsum key", T.public_of(SIGSUM_SEED).hex(), SIGSUM_PUBLIC)
    key = T.note_key(sigsum_origin(), bytes.fromhex(SIGSUM_PUBLIC))
    text = T.checkpoint_text(sigsum_origin(), 10, T.unb64(SIGSUM_ROOT))
    same("sigsum checkpoint", T.b64(key["id"] + T.sign(SIGSUM_SEED, text)), SIGSUM_BLOB)
    text = T.checkpoint_text("example.org/log", 10, T.unb64(SIGSUM_ROOT))
    same("sigsum cosignature",
         cosignature_holds(SIGSUM_COSIGNED["vkey"], SIGSUM_COSIGNED["blob"], text), True)


def sigsum_origin():
    return "sigsum.org/v1/tree/" + T.sha256(bytes.fromhex(SIGSUM_PUBLIC)).hex()


def check_openssh(directory):
    message = (directory / "signed-data").read_bytes()
    same("message", message, b"This is a test, this is only a test")
    same("signed bytes", T.sshsig_signed(message, "unittest").hex(), SSHSIG_SIGNED)
    blob = T.sshsig_make(SSHSIG_SEED, message, namespace="unittest")
    same("signature", T.sshsig_decode(blob, "unittest")["signature"].hex(), SSHSIG_SIGNATURE)
    same("armored", T.sshsig_armor(blob), (directory / "sshsig_ed25519.sig").read_text())
    blob = unarmor((directory / "sshsig_ed25519_sk.sig").read_text())
    sig = T.sshsig_decode(blob, "unittest")
    same("sk message", T.sshsig_message(sig, message, "unittest").hex(), SK_MESSAGE)
    same("sk signature", sig["signature"].hex(), SK_SIGNATURE)
    same("sk flags", (sig["flags"], sig["counter"]), (1, 0x12345678))
    T.sshsig_verify(sig, message, "unittest")
    for name in ("sshsig_rsa", "sshsig_mldsa44_ed25519"):
        other = unarmor((directory / f"{name}.sig").read_text())
        must_refuse(lambda other=other: T.sshsig_decode(other, "unittest"))
    seed = T.private_file_seed((directory / "ed25519_1").read_text())
    same("ed25519_1 seed", seed.hex(), OPENSSH_1_SEED)
    key = T.key_of_seed(seed)
    same("ed25519_1 public", key["point"].hex(), OPENSSH_1_PUBLIC)
    same("ed25519_1 fingerprint", T.fingerprint(T.sha256(T.key_blob(key))), OPENSSH_1_FINGERPRINT)
    same("ed25519_1.pub", (directory / "ed25519_1.pub").read_text().split()[:2],
         T.key_text(key).split())
    must_refuse(lambda: T.private_file_seed((directory / "ed25519_1_pw").read_text()))
    same("agent", agent_vectors()["request"], AGENT_SIGN)


def check_files(directory):
    h = bytes.fromhex
    merkle = json.loads((directory / "merkle.json").read_text())
    for case in merkle["inclusion"]:
        holds = T.verify_inclusion(h(case["leaf"]), int(case["index"]), int(case["size"]),
                                   [h(p) for p in case["proof"]], h(case["root"]))
        same(f"inclusion {case['name']}", holds, case["good"])
    for case in merkle["consistency"]:
        holds = T.verify_consistency(int(case["old_size"]), h(case["old_root"]),
                                     int(case["new_size"]), h(case["new_root"]),
                                     [h(p) for p in case["proof"]])
        same(f"consistency {case['name']}", holds, case["good"])
    cctv = json.loads((directory / "ed25519-cctv.json").read_text())["vectors"]
    accepted = [case["number"] for case in cctv
                if T.verify(h(case["key"]), case["msg"].encode(), h(case["sig"]))]
    same("CCTV", (len(cctv), len(accepted)), (914, 43))
    for signature in MOVED:
        same("moved R", T.verify(h(MOVED_PUBLIC), b"evidence", h(signature)), False)


def check(directory):
    check_tree()
    check_notes()
    check_openssh(directory / "openssh")
    check_files(directory)
