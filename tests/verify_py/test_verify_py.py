# SPDX-License-Identifier: ISC
"""scripts/tally-verify.py over the sample ledger, the judge and the form vectors."""
import base64
import hashlib
import importlib.util
import io
import json
import os
import pathlib
import struct
import subprocess
import sys
import tarfile
import types

import pytest

ROOT = pathlib.Path(os.environ.get("TALLY_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
PROGRAM = ROOT / "scripts" / "tally-verify.py"
VECTORS = ROOT / "tests" / "vectors"
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("tally_verify", PROGRAM)
tv = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tv)


def load(name):
    return json.loads((VECTORS / f"{name}.json").read_text("utf-8"))


SAMPLE = load("ledger")
LEDGER = base64.b64encode(bytes.fromhex(SAMPLE["ledger_id"])).decode()
FILES = {name: bytes.fromhex(content) for name, content in SAMPLE["archive"].items()}
SIZE = len(SAMPLE["records"])
ENTRIES = f"tile/entries/000.p/{SIZE}"


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def run(*arguments):
    done = subprocess.run([sys.executable, PROGRAM, "--json", *map(str, arguments)],
                          capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def verify(files, *arguments, since=None):
    """In this process, without a directory: as a tar would be read."""
    class Memory:
        def get(self, name):
            return files.get(name)

        def object(self, name, size):
            data = files.get("tally/objects/" + name.hex())
            return data and (len(data) == size and hashlib.sha256(data).digest() == name)
    report = tv.Report()
    asked = base64.b64decode(LEDGER)
    tv.Ledger(Memory(), report, asked).verify(list(arguments), since)
    return report.result()


def bad_lines(result):
    return {name: (line["first_bad"], line["reason"]) for name, line in result["checks"].items()
            if line["verdict"] == "BAD"}


def entries(records):
    return b"".join(struct.pack(">H", len(record)) + record for record in records)


RECORDS = [bytes.fromhex(record["record"]) for record in SAMPLE["records"]]


def test_good_directory_and_tars(tmp_path):
    root = write(tmp_path / "archive", FILES)
    code, result = run(root, "--ledger", LEDGER)
    assert (code, result["verdict"], result["size"], result["ledger"]) == (
        0, "verified", SIZE, LEDGER)
    assert bad_lines(result) == {} and result["first_bad"] is None and result["sample"] is True
    for prefix, mode in (("", "w"), ("./", "w:gz"), ("some where/", "w:xz"), ("a/", "w:bz2")):
        path = tmp_path / "archive.tar"
        with tarfile.open(path, mode) as tar:
            for name, content in FILES.items():
                member = tarfile.TarInfo(prefix + name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        assert run(path, "--ledger", LEDGER) == (code, result)


def test_ledger_id(tmp_path):
    root = write(tmp_path / "archive", FILES)
    code, result = run(root)
    assert code == 4 and result["checks"]["ledger"]["verdict"] == "NOT CHECKED"
    code, result = run(root, "--ledger", "A" * 43 + "=")
    assert code == 1 and bad_lines(result) == {"ledger": (None, "prefix-mismatch")}
    for wrong in ("x", "A" * 44, LEDGER[:-1], ""):
        assert run(root, "--ledger", wrong)[0] in ((2,) if wrong else (4,))


def test_cannot_be_read(tmp_path):
    (tmp_path / "junk").write_bytes(b"\x1b[31mjunk\n" * 100)
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name in ("junk", "empty", "nothing", "fifo", "new\nline\x1b"):
        code, text = run(tmp_path / name)
        assert code == 3 and text.isascii() and text.count("\n") == 1 and "\x1b" not in text
    assert run("--none")[0] == 2 and run()[0] == 2
    twice = tmp_path / "twice.tar"
    with tarfile.open(twice, "w") as tar:
        for name, content in list(FILES.items()) + [("checkpoint", FILES["checkpoint"])]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    assert run(twice, "--ledger", LEDGER)[0] == 3
    whole = tmp_path / "whole.tar"
    with tarfile.open(whole, "w") as tar:
        for name, content in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        end = tar.offset
    data = whole.read_bytes()
    for ending, expected in ((bytes(512), 0), (bytes(511), 3), (bytes(511) + b"?", 3)):
        (tmp_path / "cut.tar").write_bytes(data[:end] + ending)
        assert run(tmp_path / "cut.tar", "--ledger", LEDGER)[0] == expected
    root = write(tmp_path / "archive", FILES)
    (root / ENTRIES).unlink()
    (root / ENTRIES).symlink_to("/dev/zero")
    code, result = run(root, "--ledger", LEDGER)
    assert code == 1 and result["reason"] == "record-missing"


@pytest.mark.parametrize("vector", SAMPLE["tampered"], ids=lambda vector: vector["name"])
def test_tampered_vectors(vector):
    files = dict(FILES)
    for edit in vector["edits"]:
        path = edit["path"]
        data = bytearray(files.get(path, b""))
        if "xor" in edit:
            for place, octet in enumerate(bytes.fromhex(edit["xor"])):
                data[int(edit["offset"]) + place] ^= octet
        elif "truncate" in edit:
            del data[int(edit["truncate"]):]
        elif "append" in edit:
            data += bytes.fromhex(edit["append"])
        elif "content" in edit:
            data = bytes.fromhex(edit["content"])
        else:
            assert edit["remove"]
            data = None
        files[path] = None if data is None else bytes(data)
    result = verify({name: data for name, data in files.items() if data is not None})
    if vector["line"] is None:
        assert result["exit_code"] == 0
    else:
        assert result["exit_code"] == 1 and result["first_bad"] == vector["first_bad"]
        line = result["checks"][vector["line"]]
        assert (line["verdict"], line["reason"]) == ("BAD", vector["why"])


def test_a_bit_of_every_file():
    for name, content in FILES.items():
        for place in {0, len(content) // 2, len(content) - 1}:
            data = bytearray(content)
            data[place] ^= 1
            result = verify(FILES | {name: bytes(data)})
            assert result["exit_code"] == 1, (name, place)


def test_every_file_cut_short():
    for name, content in FILES.items():
        for place in {0, len(content) // 3, len(content) - 1}:
            assert verify(FILES | {name: content[:place]})["exit_code"] == 1, (name, place)


def test_a_claim_of_a_huge_size_ends():
    head = FILES["checkpoint"].replace(b"\n%d\n" % SIZE, b"\n%d\n" % (2**62 + 5), 1)
    renamed = {name.removesuffix(f".p/{SIZE}"): data for name, data in FILES.items()}
    for files in (FILES, renamed):
        result = verify(files | {"checkpoint": head})
        assert result["exit_code"] == 1 and result["checks"]["chain"]["reason"] == "record-missing"


def test_records_dropped_swapped_cut():
    dropped = verify(FILES | {ENTRIES: entries(RECORDS[:3] + RECORDS[4:])})
    assert bad_lines(dropped)["chain"] == (3, "index-mismatch") and dropped["first_bad"] == 3
    swapped = verify(FILES | {ENTRIES: entries(RECORDS[:3] + [RECORDS[4], RECORDS[3]]
                                               + RECORDS[5:])})
    assert bad_lines(swapped)["chain"] == (3, "index-mismatch")
    assert bad_lines(swapped)["tree"] == (3, "leaf-mismatch")
    cut = verify(FILES | {ENTRIES: entries(RECORDS[:-2])})
    assert bad_lines(cut) == {"chain": (SIZE - 2, "record-missing")}
    assert cut["checks"]["roster"]["verdict"] == "NOT CHECKED"


def test_receipts_and_since(tmp_path):
    root = write(tmp_path / "archive", FILES)
    held = []
    for number, text in enumerate(SAMPLE["receipts"]):
        (tmp_path / f"{number}.receipt").write_text(text, "utf-8")
        held += ["--receipt", tmp_path / f"{number}.receipt"]
    (tmp_path / "since").write_text(SAMPLE["checkpoints"][1], "utf-8")
    code, result = run(root, "--ledger", LEDGER, *held, "--since", tmp_path / "since")
    assert code == 0
    assert result["checks"]["receipts"]["held"] == len(SAMPLE["receipts"])
    assert result["checks"]["since"]["verdict"] == "OK"
    for number, text in enumerate(SAMPLE["receipts"]):
        damaged = bytearray(text.encode())
        damaged[len(damaged) // 2] ^= 1
        assert verify(FILES, bytes(damaged))["exit_code"] == 1, number


def test_objects_have_digest_and_size(tmp_path):
    data = b"an exhibit"
    name = tv.sha256(data)
    place = f"tally/objects/{name.hex()}"
    for content, size, expected in ((data, 10, True), (data, 11, False), (data, 9, False),
                                    (b"an exhibiT", 10, False), (None, 10, None)):
        root = write(tmp_path / f"{content}{size}", {place: content} if content else {})
        assert tv.Directory(root).object(name, size) is expected


def test_part_of_an_exhibit_is_of_a_file():
    """What the part says of the file is what the author has signed for."""
    stored, key, ledger = bytes(range(32)), b"k" * 32, b"l" * 32
    value = (f"sha256 {stored.hex()}\nsize 5\nmedia-type text/plain\n"
             f"stored {base64.b64encode(stored).decode()}\n").encode()
    name = b"/exhibits/page"
    part = bytes(32) + key + ledger + struct.pack(">H", len(name)) + name + value
    row = [tv.leaf_hash(part)]
    data = struct.pack(">HI", 0, len(part)) + part
    for file, holds in (((b"clear", stored, 5), True), ((b"clear", stored, 6), False),
                        ((b"sealed", stored, 6), True), ((b"clear", bytes(32), 5), False)):
        entry = types.SimpleNamespace(type=b"finding", sealed=[], parts=1, key=key, ledger=ledger,
                                      parts_root=tv.tree_root(row), letters="c", files=[file])
        try:
            assert tv.check_deposits(entry, row, data) == 0 and holds
        except tv.Bad as bad:
            assert bad.reason == "exhibit-invalid" and not holds


def held(monkeypatch, receipts, since=None):
    """The reasons of what is held, where all that is looked at is the ledger itself."""
    monkeypatch.setattr(tv, "check_receipt", lambda *_: None)
    own = tv.check_checkpoint
    monkeypatch.setattr(tv, "check_checkpoint", lambda head, key: own(head, key) if
                        head.size == SIZE else None)
    checks = verify(FILES, *receipts, since=since)["checks"]
    return checks["receipts"]["reason"], checks["since"]["reason"]


def test_held_of_another_history(monkeypatch):
    """Signed by the ledger's key, and of a tree or a batch that this ledger has not."""
    def other(note):
        origin, size, _, rest = note.split("\n", 3)
        return "\n".join([origin, size, base64.b64encode(bytes(32)).decode(), rest])

    since = SAMPLE["checkpoints"][1]
    receipt, head = SAMPLE["receipts"][0].rsplit("\n\n", 2)[0], SAMPLE["checkpoints"][0]
    same = f"{receipt}\n\n{head}".encode()
    assert held(monkeypatch, [same], since.encode()) == (None, None)
    forked = f"{receipt}\n\n{other(head)}".encode()
    assert held(monkeypatch, [forked], other(since).encode()) == (
        "checkpoint-fork", "checkpoint-fork")
    beyond = f"{receipt}\n\n{FILES['checkpoint'].decode()}".encode()
    assert held(monkeypatch, [beyond]) == ("batch-mismatch", None)


def test_upper_tiles():
    """More leaves than one tile has: the tile above them is compared too."""
    leaves = [tv.sha256(bytes([i // 256, i % 256])) for i in range(300)]
    right = tv.tree_root(leaves[:256])
    for tile, verdict in ((right, "OK"), (bytes(32), "BAD"), (None, "BAD")):
        report = tv.Report()
        source = types.SimpleNamespace(get={"tile/1/000.p/1": tile}.get)
        ledger = tv.Ledger(source, report, None)
        ledger.state.leaves = leaves
        ledger.higher_tiles()
        assert report.result()["checks"]["tree"]["verdict"] == verdict


@pytest.mark.parametrize("name,decode", [
    ("envelope", tv.decode_envelope), ("record", tv.decode_record), ("part", tv.decode_part),
    ("vkey", tv.decode_vkey), ("openssh_key", tv.decode_key_text)])
def test_forms(name, decode):
    for kind, vectors in load(name).items():
        for vector in vectors if kind.startswith(("good", "bad")) else ():
            if "runs" in vector:
                data = b"".join(bytes.fromhex(octets) * count for octets, count in vector["runs"])
            elif "bytes_hex" in vector:
                data = bytes.fromhex(vector["bytes_hex"])
            else:
                data = vector["text"].encode("utf-8", "surrogateescape")
            reason = None
            try:
                decode(data)
            except tv.Bad as bad:
                reason = bad.reason
            assert reason == vector.get("why"), (kind, vector["name"])


def test_ed25519():
    vectors = load("ed25519")
    for name in ("good", "bad"):
        for vector in vectors[name]:
            public, signature, message = (bytes.fromhex(vector["fields"][field])
                                          for field in ("public", "signature", "message"))
            good = tv.ed25519_verify(public, signature, message)
            assert good == (name == "good"), vector["name"]
        for vector in vectors["keys"][name]:
            usable = tv.key_usable(bytes.fromhex(vector["public"]))
            assert usable == (name == "good"), vector["name"]
    point = tv.point_decode(tv.ORDER_8_Y.to_bytes(32, "little"))
    for _ in range(3):
        point = tv.point_add(point, point)
    assert point[0] % tv.P == 0 and (point[1] - point[2]) % tv.P == 0


def test_judge():
    vectors = load("judge")
    cases = [(SAMPLE["records"], vector) for name in ("good", "bad") for vector in vectors[name]]
    cases += [([], vector) for name in ("good", "bad") for vector in vectors["charters"][name]]
    for before, vector in cases:
        state, reason = tv.State(), None
        for item in before + vector["records"]:
            assert reason is None
            r = tv.decode_record(bytes.fromhex(item["record"]))
            e = tv.decode_envelope(r.envelope)
            parts = b"".join(struct.pack(">HI", part["position"], len(part["part"]) // 2)
                             + bytes.fromhex(part["part"]) for part in item["clear"])
            row = [bytes.fromhex(commitment) for commitment in item["commitments"]]
            incident = e.type == b"incident"
            try:
                step = tv.check_deposits(e, row, parts or None) if incident else 0
                state.judge(r, e, step)
            except tv.Bad as bad:
                reason = bad.reason
            state.move(r.leaf, r, e)
        assert reason == vector["why"], vector["name"]
