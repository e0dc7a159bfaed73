# SPDX-License-Identifier: ISC
"""Two verifiers that share no code, `tally verify` and scripts/tally-verify.py, over the same
archives, good and bad: exit codes, verdicts, first bad records and reasons are the same
(docs/formats.md, sections 21 and 22), and nothing that was tampered with is verified.

The second verifier runs inside this process, where it need not verify one signature hundreds of
times; a few archives also go through it as a program.

By hand, as many random mutations as you like, with a build in build/release or TALLY_BUILD_DIR:

    python3 tests/differential/test_verifiers_agree.py --seed 1 --count 5000
"""
import argparse
import contextlib
import functools
import importlib.util
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

SOURCE = Path(os.environ.get("TALLY_SOURCE_DIR", Path(__file__).resolve().parents[2]))
BUILD = Path(os.environ.get("TALLY_BUILD_DIR", SOURCE / "build" / "release"))
TALLY = os.environ.get("TALLY", str(BUILD / "client" / "tally"))
SECOND = SOURCE / "scripts" / "tally-verify.py"
VECTORS = SOURCE / "tests" / "vectors"
FLIPS = 60

sys.dont_write_bytecode = True
sys.path.insert(0, str(VECTORS))
import sample as S  # noqa: E402
import tallyref as T  # noqa: E402


def load_script(name):
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"),
                                                  SOURCE / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


second = load_script("tally-verify")
tamper = load_script("tamper")
# Pure functions of their arguments, asked the same again and again here.
second.ed25519_verify = functools.lru_cache(maxsize=None)(second.ed25519_verify)
T.sign = functools.lru_cache(maxsize=None)(T.sign)
T.public_of = functools.lru_cache(maxsize=None)(T.public_of)


# What each verifier says of a source


def start_tally(state, *words):
    """A fresh --state each time: nothing is remembered from the archive before."""
    shutil.rmtree(state, ignore_errors=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TALLY_")}
    return subprocess.Popen([TALLY, "verify", "--json", "--jobs", "1", "--state", state, *words],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=environment)


def end_tally(process):
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, out.decode(), err.decode(errors="replace")


def run_second(*words):
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, [str(SECOND), "--json", *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = second.main()
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = before
    return code, out.getvalue(), err.getvalue()


def run_second_program(*words):
    done = subprocess.run(["/usr/bin/python3", "-B", SECOND, "--json", *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=60)
    return done.returncode, done.stdout, done.stderr


def lines_of(code, out, err):
    """What is compared, by name: {"exit": code, "first": ..., line: ...}"""
    said = {"exit": code}
    if code not in (0, 1, 4):
        return said
    report = json.loads(out)
    assert report["exit_code"] == code, err
    said["first"] = (report["first_bad"], report["reason"])
    for name, line in report["checks"].items():
        said[name] = line["verdict"]
        if line["verdict"] == "BAD":
            said[name] = ("BAD", line["first_bad"], line["reason"])
    for name in ("ledger", "size", "root", "sample"):
        said[name] = report[name]
    if code != 1:
        said["in_doubt"] = report["in_doubt"]
    return said


class Court:
    """Both verifiers, and the table of what they did not agree upon."""

    def __init__(self, state):
        self.state, self.count, self.rows = str(state), 0, []

    def ask(self, name, source, *words, zero="never", ledger=None, run=run_second):
        """zero: exit code 0 comes "never", "always" or "maybe". Gives what tally says."""
        words = [str(word) for word in (source, *words)]
        words += [] if ledger is None else ["--ledger", ledger]
        process = start_tally(self.state, *words)
        try:
            theirs = lines_of(*run(*words))
        finally:
            said = end_tally(process)
        ours = lines_of(*said)
        self.count += 1
        keys = ours | theirs if len(ours) > 1 and len(theirs) > 1 else ["exit"]
        self.rows += [(name, key, ours.get(key), theirs.get(key)) for key in keys
                      if ours.get(key) != theirs.get(key)]
        wanted = {"never": {False}, "always": {True}, "maybe": {False, True}}[zero]
        if not {ours["exit"] == 0, theirs["exit"] == 0} <= wanted:
            self.rows.append((name, f"exit code 0 comes {zero}", ours["exit"], theirs["exit"]))
        return ours

    def close(self, least):
        assert self.count >= least
        if not self.rows:
            return
        rows = [("archive", "line", "tally", "tally-verify.py")]
        rows += [tuple(str(cell) for cell in row) for row in self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        table = "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths))
                          + "  " + row[3] for row in rows)
        names = {row[0] for row in self.rows}
        pytest.fail(f"{len(names)} of {self.count} archives: the verifiers differ\n{table}",
                    pytrace=False)


@pytest.fixture(name="court")
def fixture_court(tmp_path):
    return Court(tmp_path / "state")


# Archives


def write(root, files):
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


@contextlib.contextmanager
def changed(root, name, data):
    """One file of an archive with other bytes, or not there (None), for a moment."""
    path = root / name
    before = path.read_bytes() if path.exists() else None
    path.unlink(missing_ok=True)
    if data is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    yield root
    path.unlink(missing_ok=True)
    if before is not None:
        path.write_bytes(before)


def edited(files, edits):
    """The `tampered` edits of ledger.json."""
    files = dict(files)
    for edit in edits:
        data = bytearray(files.get(edit["path"], b""))
        if "xor" in edit:
            data[edit["offset"]] ^= int(edit["xor"], 16)
        elif "truncate" in edit:
            del data[edit["truncate"]:]
        elif "append" in edit:
            data += bytes.fromhex(edit["append"])
        elif "content" in edit:
            data = bytes.fromhex(edit["content"])
        else:
            assert edit["remove"]
            del files[edit["path"]]
            continue
        files[edit["path"]] = bytes(data)
    return files


def load(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


def id_of(made):
    return T.b64(made.id)


def private_file(key):
    """An unencrypted openssh-key-v1 file."""
    public = T.string(T.ED25519.encode()) + T.string(key.key["point"])
    inner = bytes(8) + public + T.string(key.seed + key.key["point"]) + T.string(b"")
    inner += bytes(range(1, 8 - len(inner) % 8 + 1)) if len(inner) % 8 else b""
    data = b"openssh-key-v1\0" + T.string(b"none") * 2 + T.string(b"") + T.u32(1)
    text = T.b64(data + T.string(public) + T.string(inner))
    return (f"-----BEGIN OPENSSH PRIVATE KEY-----\n{text}\n"
            "-----END OPENSSH PRIVATE KEY-----\n")


AUTHORS = ((S.ALDER, "alder"), (S.BIRCH, "birch"), (S.NEWCOMER, "birch"))
LATER_LEDGER_KEY = S.Key("later ledger")


def amend(made, ops, others):
    made.append(made.compose(S.ALDER, "alder", "amendment", others=others, fields={
        "ops": ops, "refs": [made.ref("amends", made.roster)]}))
    made.commit()


def ordinary(made):
    """The next of many entries, with parts, refs, files and second signatures here and there."""
    n = len(made.records)
    author, member = AUTHORS[n % 3]
    kinds = (("finding", None), ("note", "about"), ("exhibit", "exhibits"), ("dispute", "disputes"),
             ("finding", None), ("custody", "custody-of"))
    kind, relation = kinds[n % 6]
    refs = [made.ref("cites", n - 2)]
    if relation is not None:
        target = n - 1 if relation != "custody-of" else 1
        refs.append(made.ref(relation, target))
    given = {"contents": [(b"/statement", f'"Sample {n}."'.encode(), "c"),
                          (b"/title", f'"Title {n}"'.encode(), "swc"[n % 3])]}
    if n % 4 == 1:
        data = S.stream(f"file {n}", 100 + n)
        kind_of_file = "clear" if n % 8 == 1 else "sealed"
        given["files"] = [(kind_of_file, data, b"f")]
        given["contents"].append((b"/exhibits/f", T.exhibit_encode(
            T.sha256(data), len(data), "text/plain", T.sha256(data)), "c"))
    others = [S.HOST, S.CEDAR] if n % 5 == 2 else []
    made.append(made.compose(author, member, kind, others=others, fields={"refs": refs}, **given))
    if n % 3 == 0:
        made.commit()


@functools.cache
def grown_once():
    """Forty records: keys rotated and revoked (signatures in doubt), two ledger keys."""
    made = S.sample_ledger()
    amend(made, [f"rotate {T.fingerprint(S.BIRCH_TOKEN.fingerprint)} {S.NEWCOMER.text}"],
          [S.BIRCH, S.NEWCOMER])
    while len(made.records) < 16:
        ordinary(made)
    amend(made, [f"revoke {T.fingerprint(S.CEDAR_SECOND.fingerprint)} 5 stolen",
                 "threshold amend 1"], [S.BIRCH])
    while len(made.records) < 22:
        ordinary(made)
    before = made.copy()
    point = LATER_LEDGER_KEY.key["point"]
    amend(made, ["ledger-key " + T.vkey_text(T.note_key(made.origin, point))], [S.BIRCH])
    made.key, made.note_key = LATER_LEDGER_KEY, T.note_key(made.origin, point)
    while len(made.records) < 40:
        ordinary(made)
    made.commit()
    return made, before


def grown():
    return grown_once()[0].copy()


@pytest.fixture(name="archive")
def fixture_archive(tmp_path):
    return write(tmp_path / "archive", grown().archive())


def names_of(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


# The tests


def test_vectors(court, tmp_path):
    vector = load("ledger")
    files = {name: bytes.fromhex(data) for name, data in vector["archive"].items()}
    ledger = T.b64(bytes.fromhex(vector["ledger_id"]))
    good = write(tmp_path / "good", files)
    held = []
    for number, text in enumerate(vector["receipts"]):
        (tmp_path / f"{number}.receipt").write_text(text)
        held += ["--receipt", tmp_path / f"{number}.receipt"]
    court.ask("good", good, ledger=ledger, zero="always")
    court.ask("good, the program", good, ledger=ledger, zero="always", run=run_second_program)
    court.ask("good, all receipts", good, *held, ledger=ledger, zero="always")
    assert court.ask("no ledger id", good)["exit"] == 4
    assert court.ask("another ledger id", good, ledger="A" * 43 + "=")["exit"] == 1
    for wrong in ("x", ledger[:-1], ledger + "=", "A" * 43 + "B"):
        assert court.ask(f"ledger id {wrong}", good, ledger=wrong)["exit"] == 2
    for number, case in enumerate(vector["tampered"]):
        root = write(tmp_path / str(number), edited(files, case["edits"]))
        run = run_second if number % 10 else run_second_program
        found = court.ask(case["name"], root, ledger=ledger, run=run,
                          zero="always" if case["line"] is None else "never")
        if case["line"] is not None:
            assert found[case["line"]] == ("BAD", case["first_bad"], case["why"]), case["name"]
    court.close(40)


def test_flipped(court, archive):
    """One bit of one byte, in every file and again at random places."""
    chance = random.Random(20240807)
    court.ask("untouched", archive, ledger=id_of(grown()), zero="always")
    names = names_of(archive)
    for number in range(FLIPS):
        name = names[number] if number < len(names) else chance.choice(names[:5] * 3 + names)
        data = bytearray((archive / name).read_bytes())
        place, bit = chance.randrange(len(data)), chance.randrange(8)
        data[place] ^= 1 << bit
        with changed(archive, name, bytes(data)):
            court.ask(f"{name} byte {place} bit {bit}", archive, ledger=id_of(grown()))
    court.close(FLIPS)


def test_flipped_twice(court, archive):
    """Which of two faults is named: those of one record, and of any."""
    chance = random.Random(20240808)
    ledger, names = id_of(grown()), names_of(archive)
    rows, starts = "tally/commitments/000.p/40", [0]
    for entry in grown().entries:
        starts.append(starts[-1] + 2 + 32 * len(entry.commitments))
    for index in range(1, 40):
        part = f"tally/parts/{index:03}"
        if part not in names:
            continue
        data, row = bytearray((archive / part).read_bytes()), bytearray(
            (archive / rows).read_bytes())
        data[chance.choice([0, 1, 2, 5, len(data) - 1])] ^= 1 << chance.randrange(8)
        row[chance.randrange(starts[index] + 2, starts[index + 1])] ^= 1
        with changed(archive, part, bytes(data)), changed(archive, rows, bytes(row)):
            court.ask(f"{part} {list(data[:6])} and its commitment", archive, ledger=ledger)
    for _ in range(40):
        one, other = chance.sample(names[:5] * 3 + names, 2)
        with contextlib.ExitStack() as stack:
            for name in {one, other}:
                data = bytearray((archive / name).read_bytes())
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
                stack.enter_context(changed(archive, name, bytes(data)))
            court.ask(f"{one} and {other}", archive, ledger=ledger)
    court.close(60)


def test_parts(court, archive):
    """Files of clear parts that are wrong as a whole."""
    made = grown()
    ledger = id_of(made)
    for index, entry in enumerate(made.entries):
        clear = entry.clear()
        if index % 6 and index != 7 and clear:
            continue
        part = clear[0][1] if clear else b"x" * 120
        held = T.deposits_encode(clear)[2:]
        for name, data in (
                ("empty", b""), ("a part where none is", held + T.u16(200) + T.string(part)),
                ("far behind", held + T.u16(40000) + T.string(part)),
                ("the last twice", held + T.u16(clear[-1][0] if clear else 0) + T.string(part)),
                ("an empty part", held + T.u16(201) + T.string(b"")),
                ("a huge length", held + T.u16(201) + T.u32(2**32 - 1)),
                ("a long part", held + T.u16(201) + T.string(bytes(300000))),
                ("too long", held + T.u16(201) + T.string(bytes(T.DEPOSIT_MAX + 2000)))):
            if name.endswith("long") and index % 2:
                continue
            with changed(archive, f"tally/parts/{index:03}", data):
                court.ask(f"parts of {index}: {name}", archive, ledger=ledger)
    with changed(archive, "tally/parts/040", T.u16(0) + T.string(b"x")):
        court.ask("parts of a record to come", archive, ledger=ledger, zero="always")
    court.close(70)


def test_unknown_rules(court, tmp_path):
    """Behind an amendment that raises the rules hardly anything is judged."""
    made = S.sample_ledger()
    amend(made, ["rules 2"], [S.BIRCH])
    for author, member in AUTHORS[:2] * 2:
        made.append(made.compose(author, member, "finding", contents=[
            (b"/title", b'"Later"', "c")]))
    made.commit()
    ledger, files, since = id_of(made), made.archive(), tmp_path / "since"
    root = write(tmp_path / "archive", files)
    assert court.ask("unknown rules", root, ledger=ledger)["exit"] == 4
    for size in (1, 6, 9, 10, 11, 14):
        since.write_bytes(made.checkpoint(size))
        court.ask(f"unknown rules, since {size}", root, "--since", since, ledger=ledger)
    for index, size in ((1, 3), (8, 9), (9, 10), (10, 14), (13, 14), (8, 14)):
        since.write_bytes(made.proof(index, size))
        court.ask(f"unknown rules, {index} in {size}", root, "--receipt", since, ledger=ledger)
    for name, apply in host_edits():
        if resealed(root, tmp_path / "to", 11, apply, S.LEDGER_KEY.seed):
            court.ask(f"unknown rules, {name}", tmp_path / "to", ledger=ledger)
    chance = random.Random(3)
    for name in [*files, *sorted(files)[:5] * 2]:
        data = bytearray(files[name])
        place = chance.randrange(len(data) * 3 // 4, len(data))
        data[place] ^= 4
        with changed(root, name, bytes(data)):
            court.ask(f"unknown rules, {name} byte {place}", root, ledger=ledger)
        with changed(root, name, None):
            court.ask(f"unknown rules, {name} removed", root, ledger=ledger)
    court.close(60)


def may_be_absent(name):
    """Objects of sealed lines are nobody's duty to hand on."""
    if not name.startswith("tally/objects/"):
        return False
    files = {T.sha256(data) for entry in grown().entries for kind, data, _ in entry.files
             if kind == "clear"}
    return bytes.fromhex(name.rpartition("/")[2]) not in files


def test_files(court, archive):
    """Removed, emptied, cut, longer, in another's place."""
    ledger, names = id_of(grown()), names_of(archive)
    for number, name in enumerate(names):
        if name.startswith("tally/parts/") and number % 5 and not name.endswith("/007"):
            continue
        data = (archive / name).read_bytes()
        other = (archive / names[number - 1]).read_bytes()
        for how, content in (("removed", None), ("empty", b""), ("one short", data[:-1]),
                             ("half", data[:len(data) // 2]), ("one more", data + b"\0"),
                             ("twice", data + data), ("another's", other)):
            if how in ("half", "twice", "one more") and number % 3:
                continue
            with changed(archive, name, content):
                good = how == "removed" and may_be_absent(name)
                court.ask(f"{name} {how}", archive, ledger=ledger,
                          zero="always" if good else "never")
    court.close(100)


def test_what_is_no_file(court, archive, tmp_path):
    ledger = id_of(grown())
    for name in ("checkpoint", "tile/entries/000.p/40", "tally/seals/000.p/40", "tile/0/000.p/40",
                 "tally/commitments/000.p/40", "tally/parts/001",
                 "tally/objects/" + T.sha256(S.SCAN).hex()):
        keep = tmp_path / "keep"
        (archive / name).rename(keep)
        (archive / name).mkdir()
        court.ask(f"{name} is a directory", archive, ledger=ledger)
        (archive / name).rmdir()
        os.mkfifo(archive / name)
        court.ask(f"{name} is a FIFO", archive, ledger=ledger)
        (archive / name).unlink()
        (archive / name).symlink_to(tmp_path / "nowhere")
        court.ask(f"{name} is a link to nowhere", archive, ledger=ledger)
        (archive / name).unlink()
        (archive / name).symlink_to(keep)
        court.ask(f"{name} is a link to itself elsewhere", archive, ledger=ledger, zero="always")
        (archive / name).unlink()
        keep.rename(archive / name)
    for directory in ("tile", "tally/parts", "tally"):
        shutil.move(archive / directory, tmp_path / "moved")
        (archive / directory).write_bytes(b"x")
        court.ask(f"{directory} is a file", archive, ledger=ledger)
        (archive / directory).unlink()
        shutil.move(tmp_path / "moved", archive / directory)
    (tmp_path / "nothing in it").mkdir()
    court.ask("an empty directory", tmp_path / "nothing in it", ledger=ledger)
    court.ask("nothing", tmp_path / "nothing", ledger=ledger)
    court.close(30)


def test_resealed_by_script(court, archive, tmp_path):
    """What the host can do alone: the tree, seals and checkpoint are good again."""
    made = grown()
    key = tmp_path / "ledger"
    key.write_text(private_file(LATER_LEDGER_KEY))
    since = tmp_path / "since"
    since.write_bytes(made.checkpoint(39))
    for how, number in (("flip", 25), ("remove", 30), ("swap", 33), ("cut", 3), ("rewrite", 24),
                        ("rewrite", 5), ("rewrite", 22), ("rewrite", 0), ("remove", 0)):
        root = tmp_path / f"{how}-{number}"
        subprocess.run(["/usr/bin/python3", "-B", SOURCE / "scripts" / "tamper.py", archive, root,
                        how, str(number), "--key", key], check=True)
        if how != "cut":  # a shorter ledger is a ledger
            court.ask(f"{how} {number}", root, ledger=id_of(made))
        court.ask(f"{how} {number}, since", root, "--since", since, ledger=id_of(made))
    court.close(16)


def host_edits():
    """Changes of one record that its envelope does not rule out, by name."""
    def edit(**given):
        def apply(record):
            for name, change in given.items():
                record[name] = change(record[name])
        return apply

    def bend(at):
        return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
    yield "received later", edit(received_us=lambda t: t + 1)
    yield "received long before", edit(received_us=lambda t: t - 3_600_000_000)
    yield "received at 0", edit(received_us=lambda _: 0)
    yield "received at the end of time", edit(received_us=lambda _: T.SIZE_MAX)
    yield "another roster", edit(roster=lambda r: r + 1)
    yield "the first roster", edit(roster=lambda _: 0)
    yield "another index", edit(index=lambda i: i + 1)
    yield "another link", edit(link=bend(7))
    yield "signature bent", edit(signatures=lambda s: [bend(len(s[0]) - 3)(s[0]), *s[1:]])
    yield "signature's form bent", edit(signatures=lambda s: [bend(2)(s[0]), *s[1:]])
    yield "last signature's form bent", edit(signatures=lambda s: [*s[:-1], bend(9)(s[-1])])
    yield "first signature taken away", edit(signatures=lambda s: s[1:] or [b"x"])
    yield "signature twice", edit(signatures=lambda s: [*s, s[-1]])
    yield "signatures backwards", edit(signatures=lambda s: [s[0], *s[:0:-1]])
    yield "all signatures backwards", edit(signatures=lambda s: s[::-1])
    yield "a stranger signs too", lambda record: record["signatures"].append(
        S.STRANGER.sign(record["envelope"]))
    yield "a rotated key signs too", lambda record: record["signatures"].append(
        S.BIRCH_TOKEN.sign(record["envelope"]))
    for word in ("type", "ledger", "member", "key", "sequence", "previous", "seen", "signed",
                 "parts"):
        yield f"{word} line bent", edit(envelope=lambda text, word=word: bend(
            text.index(b"\n" + word.encode()) + len(word) + 3 if word != "type" else 11)(text))
        yield f"{word} line taken out", edit(envelope=lambda text, word=word: b"\n".join(
            line for n, line in enumerate(text.split(b"\n"))
            if not (n == 0 if word == "type" else line.startswith(word.encode() + b" "))))
    yield "no envelope", edit(envelope=lambda _: b"")
    yield "a long envelope", edit(envelope=lambda text: text + b"x" * (24577 - len(text)))


def resealed(source, target, index, apply, seed):
    """The record with that change; index, link and seal of all that come after are made anew.
    None for what changes nothing."""
    opened = tamper.Archive(source)
    record = T.record_decode(opened.records[index])
    apply(record)
    if T.record_encode(record) == opened.records[index]:
        return None
    opened.records[index] = T.record_encode(record)
    opened.seals[index] = T.seal_make(seed, T.leaf_hash(opened.records[index]))
    opened.relink(index + 1, seed)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    opened.write(target, seed)
    return target


def test_resealed(court, archive, tmp_path):
    made = grown()
    since = tmp_path / "since"
    since.write_bytes(made.checkpoint(39))
    for number, (name, apply) in enumerate(host_edits()):
        for index in (37,) if number % 4 else (39, 37, 32):
            root = resealed(archive, tmp_path / "to", index, apply, LATER_LEDGER_KEY.seed)
            if root is None:
                continue
            # Of the newest record only a receipt or a later checkpoint shows some of these.
            words, zero = (["--since", since], "never") if index < 39 else ([], "maybe")
            court.ask(f"record {index}: {name}", root, *words, ledger=id_of(made), zero=zero)
    root = resealed(archive, tmp_path / "to", 37, dict(host_edits())["received at 0"],
                    LATER_LEDGER_KEY.seed)
    (root / "tally/parts/037").unlink()
    court.ask("received at 0, its parts lost", root, ledger=id_of(made))
    court.close(40)


def test_resealed_from_the_first(court, tmp_path):
    """Charter, amendment, clock step of the sample ledger."""
    made = S.sample_ledger()
    source = write(tmp_path / "from", made.archive())
    for number, (name, apply) in enumerate(host_edits()):
        for index in (0, 5, 7) if number % 3 == 0 else ((0, 5, 7)[number % 2],):
            root = resealed(source, tmp_path / "to", index, apply, S.LEDGER_KEY.seed)
            if root is not None:
                court.ask(f"record {index}: {name}", root, ledger=id_of(made))
    court.close(55)


def behind_bad_records():
    """Ledgers that go on behind a record that their judge does not take."""
    def put(made, data):
        made.append(made.compose(S.ALDER, "alder", "finding"))
        made.records[-1], made.leaves[-1] = data, T.leaf_hash(data)
        made.seals[-1] = T.seal_make(made.key.seed, made.leaves[-1])

    for name, data in (("no record", b"junk"), ("an empty record", b"")):
        made = S.sample_ledger()
        put(made, data)
        for kind, relation in (("note", "about"), ("correction", "corrects"), ("finding", "see")):
            made.append(made.compose(S.BIRCH, "birch", kind,
                                     fields={"refs": [made.ref(relation, len(made.records) - 1)]}))
        yield f"refs to {name}", made
    made = S.sample_ledger()
    made.append(made.compose(S.ALDER, "alder", "invention"))
    made.append(made.compose(S.BIRCH, "birch", "dissent", fields={
        "refs": [made.ref("dissents-from", len(made.records) - 1)]}))
    yield "dissent from a type that is none", made
    charter = {"ledger": None, "seen": None, "ops": S.sample_ledger().entries[0].fields["ops"]}
    for kind, fields in (("continuation", {"ops": ["x"]}), ("charter", charter)):
        for moves in (False, True):
            made = S.sample_ledger()
            roster = made.roster
            made.append(made.compose(S.ALDER, "alder", kind, others=[S.BIRCH, S.CEDAR, S.HOST],
                                     fields=fields))
            made.roster = made.roster if moves else roster
            made.append(made.compose(S.BIRCH, "birch", "finding"))
            yield f"behind a {kind}, roster {made.roster}", made
    for fault in ({"link": b"x" * 32}, {"index": 1}, {"roster": 3}):
        made = S.Ledger("tally.example/sample", S.LEDGER_KEY)
        made.append(S.sample_ledger().entries[0], **fault)
        amend(made, ["threshold amend 1"], [S.BIRCH])
        made.append(made.compose(S.ALDER, "alder", "correction",
                                 fields={"refs": [made.ref("corrects", 0)]}))
        made.append(made.compose(S.BIRCH, "birch", "dissent",
                                 fields={"refs": [made.ref("dissents-from", 0)]}))
        yield f"behind a charter with another {', '.join(fault)}", made
    for again in (1, 2):
        made = S.sample_ledger()
        made.append(made.compose(S.STRANGER, "birch", "finding"))
        amend(made, [f"enrol birch author {S.STRANGER.text}"], [S.BIRCH, S.STRANGER])
        if again == 1:
            made.chains = {name: chain for name, chain in made.chains.items()
                           if name != S.STRANGER.name}
        made.append(made.compose(S.STRANGER, "birch", "finding"))
        yield f"enrolled later, sequence {again}", made


def test_behind_bad_records(court, tmp_path):
    for number, (name, made) in enumerate(behind_bad_records()):
        root = write(tmp_path / str(number), made.archive())
        court.ask(name, root, ledger=id_of(made))
    court.close(12)


def test_sealed_files_alone(court, tmp_path):
    """Nothing is OK over files of which none was seen."""
    made = S.example_ledger()
    made.append(made.compose(S.ALDER, "alder", "finding", files=[("sealed", b"secret", b"f")]))
    files = {name: data for name, data in made.archive().items() if "objects" not in name}
    root = write(tmp_path / "archive", files)
    found = court.ask("no objects", root, ledger=id_of(made), zero="always")
    assert found["exhibits"] == "NOT CHECKED"
    court.close(1)


def test_long_files(court, archive):
    """More than 16 MiB of what is no object: what can be read counts, the rest is behind it."""
    ledger = id_of(grown())
    for name in ("tile/entries/000.p/40", "tile/0/000.p/40", "tally/parts/003", "checkpoint"):
        data = (archive / name).read_bytes()
        with changed(archive, name, data + bytes(16777217 - len(data))):
            court.ask(f"{name} is long", archive, ledger=ledger)
        with changed(archive, name, data + bytes(16777216 - len(data))):
            court.ask(f"{name} is as long as it can be", archive, ledger=ledger)
    court.close(8)


def test_long_objects(court, archive):
    """Of many gigabytes, which nobody reads: the size alone is wrong."""
    made = grown()
    sealed = next(digest for e in made.entries for _, digest, _ in e.fields["sealed"])
    for name, line, fault in (
            (T.sha256(S.SCAN), "exhibits", "file-invalid"),
            (sealed, "deposits", "sealed-invalid")):
        path = archive / "tally/objects" / name.hex()
        data = path.read_bytes()
        os.truncate(path, 2**36)
        found = court.ask(f"{line}, a long object", archive, ledger=id_of(made))
        assert found[line][2] == fault
        path.write_bytes(data)
    court.close(2)


def of_vector(made, item):
    """Appends a record of judge.json as its host would."""
    data = bytes.fromhex(item["record"])
    record = T.record_decode(data)
    fields = T.envelope_decode(record["envelope"])
    entry = SimpleNamespace(fields=fields, envelope=record["envelope"], ciphertexts=[], files=[],
                            commitments=[bytes.fromhex(text) for text in item["commitments"]])
    entry.clear = lambda: [(part["position"], bytes.fromhex(part["part"]))
                           for part in item["clear"]]
    leaf = T.leaf_hash(data)
    if not made.records:
        made.id = T.sha256(record["envelope"])
    if fields["type"] in T.CONSTITUTION:
        made.roster = len(made.records)
    else:
        author = next((key.name for key in KEYS if key.fingerprint == fields["key"]), None)
        made.chains[author] = (fields["sequence"], T.sha256(record["envelope"]))
    made.entries.append(entry)
    made.records.append(data)
    made.leaves.append(leaf)
    made.seals.append(T.seal_make(made.key.seed, leaf))


KEYS = (S.HOST, S.ALDER, S.BIRCH, S.BIRCH_TOKEN, S.CEDAR, S.CEDAR_SECOND, S.NEWCOMER)


def expect_reason(court, name, found, index, why):
    """The judge's reason is that of the record, in whichever line."""
    reasons = {line[2] for line in found.values() if isinstance(line, tuple) and len(line) == 3
               and line[1] == index}
    if (why is not None and why not in reasons) or (why is None and reasons):
        court.rows.append((name, "judge.json", reasons, why))


@pytest.mark.parametrize("kind", ["good", "bad"])
def test_judged(court, tmp_path, kind):
    """Every third record of judge.json, which each verifier replays by itself, behind the sample
    ledger, with two more behind it."""
    for number, vector in enumerate(load("judge")[kind][::3]):
        made = S.sample_ledger()
        for item in vector["records"]:
            of_vector(made, item)
        newest = len(made.records) - 1
        if number % 3:
            made.append(made.compose(S.BIRCH, "birch", "note",
                                     fields={"refs": [made.ref("about", newest)]}))
            made.append(made.compose(S.ALDER, "alder", "finding"))
        root = write(tmp_path / "judged", made.archive())
        found = court.ask(f"{number} {vector['name'][:60]}", root, ledger=id_of(made),
                          zero="maybe" if kind == "good" else "never")
        expect_reason(court, vector["name"], found, newest, vector["why"])
        shutil.rmtree(root)
    court.close(10)


def test_judged_charters(court, tmp_path):
    for number, vector in enumerate(load("judge")["charters"]["bad"][::3]):
        made = S.Ledger("tally.example/sample", S.LEDGER_KEY)
        of_vector(made, vector["records"][0])
        if number % 3 and made.entries[0].fields["type"] == "charter":
            made.append(made.compose(S.BIRCH, "birch", "finding"))
            made.append(made.compose(S.ALDER, "alder", "note",
                                     fields={"refs": [made.ref("about", 1)]}))
        root = write(tmp_path / "judged", made.archive())
        found = court.ask(f"{number} {vector['name'][:60]}", root, ledger=id_of(made))
        expect_reason(court, vector["name"], found, 0, vector["why"])
        shutil.rmtree(root)
    court.close(20)


def forked():
    """The same ledger up to record 29, another one behind."""
    whole, fork = grown(), grown()
    for rows in (fork.entries, fork.records, fork.seals, fork.leaves):
        del rows[30:]
    fork.chains = {}
    for entry in fork.entries:
        if entry.fields["type"] not in T.CONSTITUTION:
            fork.chains[entry.author.name] = (entry.fields["sequence"], T.sha256(entry.envelope))
    while len(fork.records) < 42:
        author, member = AUTHORS[len(fork.records) % 2]
        fork.append(fork.compose(author, member, "finding"))
    assert whole.leaves[29] == fork.leaves[29] and whole.leaves[30] != fork.leaves[30]
    return fork


def test_receipts(court, archive, tmp_path):
    made, fork, early = grown(), forked(), grown_once()[1]
    stranger, older = S.example_ledger(), grown()
    older.key, older.note_key = early.key, early.note_key
    path = tmp_path / "receipt"
    good = {f"{index} in {size}": made.proof(index, size)
            for index, size in ((23, 24), (23, 40), (30, 33), (39, 40), (22, 23))}
    good |= {f"{index} in {size}, early": early.proof(index, size)
             for index, size in ((0, 1), (1, 3), (8, 9), (12, 14), (17, 22))}
    bad = {f"{index} in {size} of a fork": fork.proof(index, size)
           for index, size in ((25, 35), (29, 30), (30, 31), (35, 40), (39, 40), (40, 41), (29, 42))
           if size > 30}
    bad |= {"past an amendment": made.proof(20, 24), "past the head": fork.proof(2, 41),
            "old, by the newer key": made.proof(1, 3), "new, by the older key": older.proof(30, 33),
            "of a stranger": stranger.proof(1, 2), "of a strange charter": stranger.proof(0, 1),
            "nothing": b"", "no receipt": b"x\n", "without an end": made.proof(30, 33)[:-1]}
    chance = random.Random(7)
    one = made.proof(30, 33)
    for _ in range(25):
        place = chance.randrange(len(one))
        bad[f"byte {place}"] = one[:place] + bytes([one[place] ^ 1]) + one[place + 1:]
    for name, data in (good | bad).items():
        path.write_bytes(data)
        court.ask(f"receipt {name}", archive, "--receipt", path, ledger=id_of(made),
                  zero="always" if name in good else "never")
    for name, data in list(bad.items())[:15]:
        path.write_bytes(data)
        court.ask(f"receipt {name}, no id", archive, "--receipt", path)
    nothing = T.note_sign(T.checkpoint_text(made.origin, 0, T.tree_root([])), early.note_key,
                          early.key.seed)
    path.write_bytes(T.proof_encode(0, [], nothing, made.records[0] + made.seals[0]))
    found = court.ask("receipt in 0", archive, "--receipt", path, ledger=id_of(made))
    assert found["receipts"] == ("BAD", 0, "proof-invalid")
    root = write(tmp_path / "early", early.archive())
    for index, size in ((23, 24), (30, 33), (22, 23)):
        path.write_bytes(made.proof(index, size))
        found = court.ask(f"receipt {index} in {size}, of a later key", root, "--receipt", path,
                          ledger=id_of(made))
        assert found["receipts"] == ("BAD", None, "checkpoint-rollback")
    path.write_bytes(one + bytes(131073 - len(one)))
    assert court.ask("receipt that is too long", archive, "--receipt", path)["exit"] == 2
    court.close(50)


def test_receipt_vectors(court, tmp_path):
    made, vectors = S.sample_ledger(), load("receipt")
    root = write(tmp_path / "archive", made.archive())
    path = tmp_path / "receipt"
    for kind in ("good", "unsound", "bad"):
        for vector in vectors[kind]:
            data = bytes.fromhex(vector["bytes_hex"]) if "bytes_hex" in vector else (
                vector["text"].encode())
            path.write_bytes(data)
            court.ask(f"receipt, {vector['name']}", root, "--receipt", path, ledger=id_of(made),
                      zero="always" if kind == "good" else "never")
    court.close(45)


def test_since(court, archive, tmp_path):
    made, fork, early = grown(), forked(), grown_once()[1]
    path = tmp_path / "since"
    other = T.note_sign(T.checkpoint_text(made.origin, 30, T.tree_root(made.leaves[:30])),
                        T.note_key(made.origin, S.STRANGER.key["point"]), S.STRANGER.seed)
    renamed = T.note_sign(T.checkpoint_text("tally.example/other", 30,
                                            T.tree_root(made.leaves[:30])),
                          made.note_key, made.key.seed)
    nothing = T.note_sign(T.checkpoint_text(made.origin, 0, T.tree_root([])), made.note_key,
                          made.key.seed)
    good = {"1": early.checkpoint(1), "22": early.checkpoint(22), "23": made.checkpoint(23),
            "30": made.checkpoint(30), "40": made.checkpoint(40), "fork's 30": fork.checkpoint(30),
            "with a cosignature": made.checkpoint(35) + other.splitlines(keepends=True)[-1]}
    bad = {"31 of a fork": fork.checkpoint(31), "40 of a fork": fork.checkpoint(40),
           "42 of a fork": fork.checkpoint(42), "22 by the newer key": made.checkpoint(22),
           "by a stranger": other, "of another origin": renamed, "of size 0": nothing,
           "by nobody": made.checkpoint(30).rpartition(b"\xe2\x80\x94")[0],
           "twice signed": made.checkpoint(30) + made.checkpoint(30).splitlines(keepends=True)[-1],
           "no checkpoint": b"x\n", "of a stranger": S.example_ledger().checkpoint(2),
           "by a stranger, ahead": T.note_sign(
               T.checkpoint_text(made.origin, 50, bytes(32)),
               T.note_key(made.origin, S.STRANGER.key["point"]), S.STRANGER.seed)}
    for name, data in (good | bad).items():
        path.write_bytes(data)
        court.ask(f"since {name}", archive, "--since", path, ledger=id_of(made),
                  zero="always" if name in good else "never")
    # A tampered archive, and the checkpoint that its owner had.
    for name in ("tile/entries/000.p/40", "tile/0/000.p/40", "checkpoint"):
        data = bytearray((archive / name).read_bytes())
        data[len(data) // 2] ^= 1
        with changed(archive, name, bytes(data)):
            path.write_bytes(made.checkpoint(30))
            court.ask(f"since 30, {name} bent", archive, "--since", path, ledger=id_of(made))
    court.ask("since is not there", archive, "--since", tmp_path / "none", ledger=id_of(made))
    path.write_bytes(b"")
    assert court.ask("since is empty", archive, "--since", path, ledger=id_of(made))["exit"] == 2
    path.write_bytes(made.checkpoint(30) + bytes(65536))
    assert court.ask("since is too long", archive, "--since", path)["exit"] == 2
    court.close(20)


def pack(path, members, mode="w", form=tarfile.PAX_FORMAT):
    """members: (name, bytes), or (name, TarInfo type, link name)"""
    with tarfile.open(path, mode, format=form) as tar:
        for name, content, *link in members:
            info = tarfile.TarInfo(name)
            if link:
                info.type, info.linkname = content, link[0]
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


def test_tars(court, tmp_path):
    made = grown()
    ledger, files = id_of(made), made.archive()
    path = tmp_path / "archive.tar"
    for prefix, mode, form in (("", "w", tarfile.PAX_FORMAT), ("./", "w:gz", tarfile.GNU_FORMAT),
                               ("a b/", "w:xz", tarfile.USTAR_FORMAT),
                               ("some/", "w:bz2", tarfile.GNU_FORMAT)):
        pack(path, [(prefix + name, data) for name, data in files.items()], mode, form)
        court.ask(f"tar below '{prefix}'", path, ledger=ledger, zero="always")
    court.ask("tar, the program", path, ledger=ledger, zero="always", run=run_second_program)
    whole = list(files.items())
    entries = "tile/entries/000.p/40"
    bent = bytearray(files[entries])
    bent[5000] ^= 1
    tars = {
        "entries bent": [*(files | {entries: bytes(bent)}).items()],
        "no seals": [item for item in whole if not item[0].startswith("tally/seals")],
        "no checkpoint": whole[1:],
        "a name twice": [*whole, whole[0]],
        "a tile twice": [*whole, (entries, files[entries])],
        "two places": [*whole[:5], *(("a/" + name, data) for name, data in whole[5:])],
        "two archives": [*whole, *(("a/" + name, data) for name, data in whole)],
        "two levels down": [("a/b/" + name, data) for name, data in whole],
        "absolute": [("/" + name, data) for name, data in whole],
        "above": [("../" + name, data) for name, data in whole],
        "a link": [*((n, d) for n, d in whole if n != entries),
                   (entries, tarfile.SYMTYPE, "/etc/passwd")],
        "a hard link": [*((n, d) for n, d in whole if n != entries),
                        (entries, tarfile.LNKTYPE, "checkpoint")],
        "a directory": [*((n, d) for n, d in whole if n != entries),
                        (entries, tarfile.DIRTYPE, "")],
        "nothing": [],
        "checkpoint alone": whole[:1],
    }
    for name, members in tars.items():
        court.ask(f"tar, {name}", pack(path, members), ledger=ledger)
    more = [("README", b"x"), ("tile/9/000", b"x"), ("tally/parts/1", b"x"),
            ("tile/0/000.p/0", b"x"), ("tile/0/000.p/040", b"x"), ("tile/0/x000/000", b"x"),
            ("a/b/c", b"x"), ("tile", tarfile.DIRTYPE, ""), ("tile/", tarfile.DIRTYPE, ""),
            ("what", tarfile.SYMTYPE, "/etc/passwd"), ("a/README", b"x")]
    court.ask("tar with more in it", pack(path, [*more, *whole]), ledger=ledger, zero="always")
    court.ask("tar with an older tile in it", pack(path, [("tile/0/000.p/39", b"x"), *whole]),
              ledger=ledger, zero="always")
    data = pack(path, whole).read_bytes()
    gzip = pack(tmp_path / "gz", whole, "w:gz").read_bytes()
    padding = len(data.rstrip(b"\0")) + 1  # behind the last member's last byte
    end = padding + -padding % 512
    for name, content in (("cut", data[:len(data) // 2]), ("cut in a header", data[:700]),
                          ("cut in padding", data[:padding]),
                          ("cut in the last block", data[:end + 100]),
                          ("empty", b""), ("zeros", bytes(10240)), ("text", b"hello\n" * 500),
                          ("gzip cut", gzip[:len(gzip) // 2]),
                          ("gzip bent", gzip[:3000] + b"\0\0\0\0" + gzip[3004:]),
                          ("header bent", b"\xff" + data[1:])):
        path.write_bytes(content)
        court.ask(f"tar, {name}", path, ledger=ledger)
    court.close(28)


@functools.cache
def wide():
    """Two tiles and one of level 1."""
    made = S.sample_ledger()
    while len(made.records) < 262:
        author, member = AUTHORS[len(made.records) % 2]
        made.append(made.compose(author, member, "finding"))
    return made


def test_wide(court, tmp_path):
    made = wide()
    ledger, files = id_of(made), made.archive()
    root = write(tmp_path / "wide", files)
    court.ask("wide", root, ledger=ledger, zero="always")
    level1, full, rest = "tile/1/000.p/1", "tile/0/000", "tile/0/001.p/6"
    for name in (level1, full, rest, "tile/entries/000", "tile/entries/001.p/6", "tally/seals/000",
                 "tally/seals/001.p/6", "tally/commitments/001.p/6"):
        data = files[name]
        for how, content in (("removed", None), ("cut", data[:-1]), ("longer", data + bytes(32)),
                             ("bent", data[:9] + bytes([data[9] ^ 4]) + data[10:])):
            with changed(root, name, content):
                court.ask(f"wide, {name} {how}", root, ledger=ledger)
    second_tile = [name for name in files if name.endswith("/001.p/6")]
    for gone in (second_tile, second_tile[:2], second_tile[1:], second_tile[::3],
                 [n for n in files if n.endswith("/000") and n != "tally/parts/000"]):
        with contextlib.ExitStack() as stack:
            for name in gone:
                stack.enter_context(changed(root, name, None))
            court.ask(f"wide, without {' '.join(gone)}", root, ledger=ledger)
    both = {name.removesuffix(".p/6"): data for name, data in files.items() if name.endswith("/6")}
    for name in (n for n in files if n.endswith(".p/6")):
        (root / name).unlink()
    for name, data in both.items():
        shutil.rmtree(root / (name + ".p"))
        (root / name).write_bytes(data)
    court.ask("wide, full tiles with six items", root, ledger=ledger, zero="always")
    for name, data in both.items():
        (root / name).write_bytes(data + data[:64])
    court.ask("wide, full tiles with more items", root, ledger=ledger, zero="always")
    for size in (261, 256, 255, 263, 300, 512, 513, 65536, 2**40, 2**63 - 1):
        text = T.checkpoint_text(made.origin, size, T.tree_root(made.leaves[:size]))
        with changed(root, "checkpoint", T.note_sign(text, made.note_key, made.key.seed)):
            court.ask(f"wide, checkpoint of {size}", root, ledger=ledger, zero="maybe")
    court.close(40)


# By hand


def mutated(chance, data):
    """One small change of a file; None: it is not there."""
    data = bytearray(data)
    place = chance.randrange(len(data)) if data else 0
    match chance.randrange(8):
        case 0:
            return None
        case 1:
            return bytes(data[:place])
        case 2:
            return bytes(data) + chance.randbytes(chance.choice((1, 2, 32, 64)))
        case 3:
            return bytes(data[:place] + data[place + chance.choice((1, 32, 64)):])
        case 4:
            data[place:place] = chance.randbytes(chance.choice((1, 2, 32)))
        case _ if data:
            data[place] ^= 1 << chance.randrange(8)
    return bytes(data)


def mutate(chance, made, seed, root):
    """An archive with one to three changes below root, some of them resealed. -> their names"""
    edits, names = list(host_edits()), []
    write(root, made.archive())
    if chance.random() < 0.6:
        index = chance.randrange(len(made.records))
        name, apply = chance.choice(edits)
        if resealed(root, root.with_name("resealed"), index, apply, seed):
            shutil.rmtree(root)
            root.with_name("resealed").rename(root)
            names.append(f"record {index}: {name}")
    for _ in range(chance.randrange(0 if names else 1, 3)):
        files = names_of(root)
        name = chance.choice(files[:5] * 3 + files)
        data = mutated(chance, (root / name).read_bytes())
        (root / name).unlink()
        if data is not None:
            (root / name).write_bytes(data)
        names.append(name)
    return names


def campaign(seed, count):
    """Random archives, receipts, checkpoints and tars, by both verifiers."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        court = Court(place / "state")
        ledgers = ((S.sample_ledger(), S.LEDGER_KEY.seed), (grown(), LATER_LEDGER_KEY.seed))
        for number in range(seed, seed + count):
            chance = random.Random(number)
            made, key = chance.choice(ledgers)
            names, words = mutate(chance, made, key, place / "archive"), []
            size = chance.choice([n for n in made.commits if n > 0])
            for option, data in (("--receipt", made.receipt(size - 1)),
                                 ("--since", made.checkpoint(size))):
                if chance.random() < 0.3:
                    data = mutated(chance, data) or data
                    (place / option).write_bytes(data)
                    words += [option, place / option]
            source = place / "archive"
            if chance.random() < 0.2:
                source = pack(place / "tar", [(name, (place / "archive" / name).read_bytes())
                                              for name in names_of(place / "archive")])
                if chance.random() < 0.5:
                    source.write_bytes(mutated(chance, source.read_bytes()) or b"")
            name = f"{number}: {', '.join(names)} {' '.join(map(str, words[::2]))}"
            court.ask(name, source, *words, ledger=id_of(made), zero="maybe")
            shutil.rmtree(place / "archive")
        court.close(count)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Random archives, by both verifiers.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    campaign(options.seed, options.count)
    print(f"{options.count} archives: the verifiers agree")
