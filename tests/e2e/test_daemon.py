# SPDX-License-Identifier: ISC
"""tallyd and those who write to it: init, receipts, rejections, restarts, damage."""
import os
import shutil
import signal
import socket
import struct
import subprocess
import time

import conftest
import pytest
import sample
import tallyref as T
import wire


def submission(entry):
    return T.submission_encode(entry.submission())


# ---- init ----


def test_init_makes_a_whole_ledger(bare, team):
    done = bare.init("--receipt", bare.directory / "r")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == f"ledger {T.b64(team.id)}\norigin {conftest.ORIGIN}\n"
    index, record, _, checkpoint = team.take((bare.directory / "r").read_bytes())
    assert (index, record["roster"], record["link"], checkpoint["size"]) == (0, 0, bytes(32), 1)
    assert sorted(p.name for p in bare.directory.iterdir()) == [
        "charter.tally", "data", "ledger-key", "r"]
    assert bare.data.stat().st_mode & 0o777 == 0o700


def test_init_never_touches_a_ledger(made):
    before = sorted(str(p) for p in made.directory.rglob("*"))
    done = made.init()
    assert done.returncode == 1
    assert b"exists already" in done.stderr
    assert sorted(str(p) for p in made.directory.rglob("*")) == before


def test_init_takes_an_empty_directory(bare):
    bare.data.mkdir()
    assert bare.init().returncode == 0


def test_init_with_the_head_elsewhere(bare, team):
    head = bare.directory / "elsewhere"
    assert bare.init("--head", head).returncode == 0
    assert head.exists() and not (bare.data / "head").exists()
    bare.start(head=head)
    with bare.client() as client:
        team.leaves[0] = T.leaf_hash(T.receipt_decode(client.get("receipt/0"))["record"])
        team.accept(client, team.alder)
    bare.stop()


def wrong_key(bare):
    path = bare.directory / "other-key"
    path.write_text(conftest.private_key_file(sample.STRANGER))
    path.chmod(0o400)
    return {"key": path}


def open_key(bare):
    bare.key.chmod(0o444)
    return {}


def broken_signature(bare):
    entry = bare.team.charter.entry_file()
    blob = bytearray(entry["signatures"][1])
    blob[-1] ^= 1
    entry["signatures"] = [entry["signatures"][0], bytes(blob), *entry["signatures"][2:]]
    (bare.directory / "charter.tally").write_bytes(T.entry_encode(entry))
    return {}


def missing_consent(bare):
    entry = bare.team.charter.entry_file()
    entry["signatures"] = entry["signatures"][:-1]
    (bare.directory / "charter.tally").write_bytes(T.entry_encode(entry))
    return {}


def no_charter(bare):
    entry = bare.team.alder
    bare.team.leaves = {0: bytes(32)}
    (bare.directory / "charter.tally").write_bytes(
        T.entry_encode(entry.compose("finding").entry_file()))
    return {}


def not_an_entry(bare):
    (bare.directory / "charter.tally").write_bytes(b"\xff\x1b[31mnothing\n")
    return {}


@pytest.mark.parametrize("spoil", [
    (wrong_key, 5), (open_key, 5), (broken_signature, 1), (missing_consent, 1), (no_charter, 1),
    (not_an_entry, 1)], ids=lambda spoil: spoil[0].__name__)
def test_init_refuses_and_leaves_nothing(bare, spoil):
    options = spoil[0](bare)
    before = sorted(p.name for p in bare.directory.iterdir())
    done = bare.init(**options)
    assert done.returncode == spoil[1], done.stderr
    assert done.stdout == b""
    assert all(0x20 <= c < 0x7f or c == 0x0a for c in done.stderr)
    assert sorted(p.name for p in bare.directory.iterdir()) == before


def test_init_usage(bare):
    assert subprocess.run([conftest.TALLYD, "init"], capture_output=True,
                          check=False).returncode == 2
    assert subprocess.run([conftest.TALLYD, "init", "--nonsense", "x"], capture_output=True,
                          check=False).returncode == 2


# ---- submissions ----


def test_receipt_holds_and_repeats(daemon, team):
    with daemon.client() as client:
        assert client.ledger == team.id
        entry = team.alder.compose("finding")
        index, receipt = team.accept(client, team.alder, entry)
        assert index == 1
        for _ in range(2):
            assert client.submit(submission(entry)) == (wire.RECEIPT, receipt)
        assert client.get("receipt/1") == receipt
        team.accept(client, team.birch)
        assert client.submit(submission(entry)) == (wire.RECEIPT, receipt)
    with daemon.client() as other:
        assert other.submit(submission(entry)) == (wire.RECEIPT, receipt)


def test_charter_comes_back(daemon, team):
    with daemon.client() as client:
        kind, receipt = client.submit(submission(team.charter))
        assert (kind, receipt) == (wire.RECEIPT, team.receipts[0])


def test_receipts_survive_restarts(daemon, team):
    entries = []
    with daemon.client() as client:
        for author in (team.alder, team.birch, team.alder):
            entry = author.compose()
            entries.append((submission(entry), team.accept(client, author, entry)[1]))
    for _ in range(2):
        daemon.restart()
        with daemon.client() as client:
            for sent, receipt in entries:
                assert client.submit(sent) == (wire.RECEIPT, receipt)
    with daemon.client() as client:
        index, _ = team.accept(client, team.birch)
        assert index == 4
        for sent, receipt in entries:
            assert client.submit(sent) == (wire.RECEIPT, receipt)


def test_rejections_are_signed_and_named(daemon, team):
    alder = team.alder
    with daemon.client() as client:
        team.accept(client, alder)
        gap = alder.compose(fields={"sequence": alder.sequence + 2})
        assert team.reject(client, gap) == "sequence-gap"
        rejection = T.rejection_open(client.submit(submission(gap))[1], team.note_key)
        assert (rejection["size"], rejection["roster"]) == (2, 0)
        other = alder.compose(fields={"sequence": 1, "previous": None, "signed_s": 1767603999})
        assert team.reject(client, other) == "sequence-reused"
        previous = alder.compose(fields={"previous": bytes(32)})
        assert team.reject(client, previous) == "previous-mismatch"
        seen = alder.compose(fields={"seen": (1, bytes(32))})
        assert team.reject(client, seen) == "seen-unknown"
        foreign = alder.compose(fields={"ledger": bytes(32)}, contents=[])
        assert team.reject(client, foreign) == "wrong-ledger"
        stranger = conftest.Author(team, sample.STRANGER, "alder")
        assert team.reject(client, stranger.compose()) == "unknown-key"
        forged = alder.compose()
        forged.signatures = [sample.STRANGER.sign(forged.envelope)]
        assert team.reject(client, forged) == "signature-missing"
        broken = alder.compose()
        broken.signatures = [broken.signatures[0][:-1] + bytes([broken.signatures[0][-1] ^ 1])]
        assert team.reject(client, broken) == "signature-invalid"
        borrowed = conftest.Author(team, sample.ALDER, "birch")
        assert team.reject(client, borrowed.compose(fields={
            "sequence": 2, "previous": alder.previous})) == "wrong-member"
        index, _ = team.accept(client, alder)
        assert index == 2, "a rejection consumes no number"


def test_malformed_submissions(daemon, team):
    good = submission(team.alder.compose())
    with daemon.client() as client:
        for sent, code in ((b"", "malformed"), (b"\0", "malformed"), (good[:-1], "malformed"),
                           (good + b"\0", "malformed"), (b"\xff" * 500, "too-large")):
            kind, payload = client.submit(sent)
            assert kind == wire.REJECTION
            rejection = T.rejection_open(payload, team.note_key)
            assert rejection["code"] == code
            assert rejection["submission"] == T.sha256(sent)
        assert client.submit(good)[0] == wire.RECEIPT


def test_too_many_rejections_are_not_signed(made, team):
    made.start(rejections_per_minute=2)
    with made.client() as client:
        kinds = [client.submit(b"junk") for _ in range(5)]
        assert [kind for kind, _ in kinds] == [wire.REJECTION] * 2 + [wire.ERROR] * 3
        assert wire.status_of(kinds[-1][1]) == wire.EBUSY
        team.accept(client, team.alder)
    made.stop()


def test_pipelining_keeps_order(daemon, team):
    entries = []
    for i in range(100):
        author = team.alder if i % 3 else team.birch
        entries.append(author.advance(author.compose()))
    with daemon.client() as client:
        stream = b"".join(wire.frame(wire.SUBMIT, 1000 + i, submission(entry))
                          for i, entry in enumerate(entries))
        client.sock.sendall(stream)
        answers = {}
        while len(answers) < len(entries):
            kind, request, payload = client.receive()
            assert kind == wire.RECEIPT, payload
            answers[request] = payload
    indexes = []
    for i, entry in enumerate(entries):
        index, record, _, _ = team.take(answers[1000 + i])
        assert record["envelope"] == entry.envelope
        indexes.append(index)
    assert indexes == list(range(1, 101))


def test_the_same_entry_twice_in_one_batch(daemon, team):
    entries = [team.alder.advance(team.alder.compose()) for _ in range(5)]
    with daemon.client() as client:
        for entry in entries + entries:
            client.send(wire.SUBMIT, submission(entry))
        answers = [client.receive() for _ in range(10)]
    by_request = {request: payload for kind, request, payload in answers
                  if kind == wire.RECEIPT}
    assert len(by_request) == 10
    for i in range(5):
        assert by_request[2 + i] == by_request[7 + i]


def test_amendment_ends_its_batch(daemon, team):
    newcomer = sample.NEWCOMER
    amendment = sample.Entry(
        sample.ALDER, "alder", "amendment", team.id, others=[newcomer],
        fields={"seen": (0, team.leaves[0]), "refs": [("amends", 0, team.leaves[0])],
                "ops": [f"enrol birch author {newcomer.text}"]})
    before = team.alder.advance(team.alder.compose())
    after = team.alder.advance(team.alder.compose())
    author = conftest.Author(team, newcomer, "birch")
    with daemon.client() as client:
        for entry in (before, amendment, after, author.compose()):
            client.send(wire.SUBMIT, submission(entry))
        answers = sorted((client.receive() for _ in range(4)), key=lambda answer: answer[1])
        assert [kind for kind, _, _ in answers] == [wire.RECEIPT] * 4
        taken = [team.take(payload) for _, _, payload in answers]
        assert [index for index, _, _, _ in taken] == [1, 2, 3, 4]
        assert [record["roster"] for _, record, _, _ in taken] == [0, 0, 2, 2]
        assert taken[1][3]["size"] == 3
        assert client.submit(submission(amendment)) == (wire.RECEIPT, answers[1][2])
        stale = sample.Entry(
            sample.ALDER, "alder", "amendment", team.id,
            fields={"seen": (0, team.leaves[0]), "refs": [("amends", 0, team.leaves[0])],
                    "ops": ["admit cedar Team Cedar"]})
        assert team.reject(client, stale) == "stale-amendment"
    daemon.restart()
    with daemon.client() as client:
        assert client.submit(submission(amendment)) == (wire.RECEIPT, answers[1][2])
        author.sequence, author.previous = 1, T.sha256(taken[3][1]["envelope"])
        team.accept(client, author)


def replace_key(team, new):
    return sample.Entry(
        sample.ALDER, "alder", "amendment", team.id,
        fields={"seen": (0, team.leaves[0]), "refs": [("amends", 0, team.leaves[0])],
                "ops": ["ledger-key " + T.vkey_text(new)]})


def test_ledger_key_is_replaced(daemon, team):
    new_secret = sample.Key("e2e next ledger key")
    new = T.note_key(conftest.ORIGIN, new_secret.key["point"])
    path = daemon.directory / "next-key"
    path.write_text(conftest.private_key_file(new_secret))
    path.chmod(0o400)
    amendment = replace_key(team, new)
    with daemon.client() as client:
        team.accept(client, team.alder)
        kind, payload = client.submit(submission(amendment))
        assert kind == wire.ERROR, "a key that the daemon does not hold is not accepted"
    daemon.restart(next_ledger_key=path)
    with daemon.client() as client:
        kind, receipt = client.submit(submission(amendment))
        assert kind == wire.RECEIPT, receipt
        out = T.receipt_decode(receipt)
        assert len(T.note_decode(out["checkpoint"])["signatures"]) == 2
        for key in (team.note_key, new):
            T.checkpoint_open(out["checkpoint"], key)
        leaf = T.leaf_hash(out["record"])
        assert T.seal_verify(team.note_key["point"], leaf, out["seal"])
        team.leaves[out["index"]] = leaf
        old, team.note_key = team.note_key, new
        index, _ = team.accept(client, team.alder)
        assert index == 3
    daemon.stop()
    daemon.key = path
    daemon.start()
    with daemon.client(hello=team_checkpoint(team, 1)) as client:
        assert client.submit(submission(amendment)) == (wire.RECEIPT, receipt)
        team.accept(client, team.birch)
        team.note_key = old
        team.take(client.get("receipt/1"))
    text = T.checkpoint_text(conftest.ORIGIN, 2, bytes(32))
    with pytest.raises(wire.Refused):
        daemon.client(hello=T.note_sign(text, old, team.ledger_key.seed))
    daemon.stop()
    daemon.key = daemon.directory / "ledger-key"
    code, said = daemon.refuses_to_start()
    assert code == 5 and "is not the key of this ledger" in said


def test_a_replaced_key_stops_nothing(daemon, team):
    """A key signs for the sizes of its own time alone: one that was stolen later is no evidence."""
    new_secret = sample.Key("e2e next ledger key")
    old, new = team.note_key, T.note_key(conftest.ORIGIN, new_secret.key["point"])
    path = daemon.directory / "next-key"
    path.write_text(conftest.private_key_file(new_secret))
    path.chmod(0o400)
    daemon.restart(next_ledger_key=path)
    with daemon.client() as client:
        team.accept(client, team.alder)
        assert client.submit(submission(replace_key(team, new)))[0] == wire.RECEIPT

    def hello(key, secret, size):
        text = T.checkpoint_text(conftest.ORIGIN, size, bytes(32))
        return T.note_sign(text, key, secret.seed)

    def stops_nothing():
        """Neither the old key for its successor's sizes nor the new one for its predecessor's."""
        for note in (hello(old, team.ledger_key, 99), hello(old, team.ledger_key, 3),
                     hello(new, new_secret, 2)):
            with daemon.client(hello=note) as client:
                assert client.state()["signing"] == "on"
        assert not (daemon.data / "contradiction").exists()

    stops_nothing()
    daemon.stop()
    daemon.key = path
    daemon.start()
    stops_nothing()
    for note in (hello(new, new_secret, 99), hello(old, team.ledger_key, 2)):
        with pytest.raises(wire.Refused) as refused:
            daemon.client(hello=note)
        assert refused.value.status == wire.ESTOPPED
        with daemon.reader() as reader:
            assert reader.state()["signing"] == "stopped"
        daemon.stop()
        (daemon.data / "contradiction").unlink()
        daemon.start()


@pytest.mark.parametrize("both", [True, False])
def test_crash_between_replacement_and_its_checkpoint(made, team, both):
    new_secret = sample.Key("e2e next ledger key")
    new = T.note_key(conftest.ORIGIN, new_secret.key["point"])
    path = made.directory / "next-key"
    path.write_text(conftest.private_key_file(new_secret))
    path.chmod(0o400)
    amendment = replace_key(team, new)
    made.start(next_ledger_key=path)
    tracer = failing(made, made.data / "store" / "data.mdb", "fdatasync:error=EIO:when=2+")
    client = made.client()
    client.send(wire.SUBMIT, submission(amendment))
    assert client.is_closed()
    assert made.wait_exit() == 7
    tracer.wait(timeout=20)
    assert "keeping the checkpoint failed" in made.log()
    keys = {"next_ledger_key": path} if both else {"ledger_key": path}
    made.start(**keys)
    with made.client() as client:
        kind, receipt = client.submit(submission(amendment))
        assert kind == wire.RECEIPT, receipt
    checkpoint = T.receipt_decode(receipt)["checkpoint"]
    T.checkpoint_open(checkpoint, new)
    assert len(T.note_decode(checkpoint)["signatures"]) == (2 if both else 1)
    if both:
        T.checkpoint_open(checkpoint, team.note_key)
    assert ("the old key is not at hand" in made.log()) is not both
    made.restart(ledger_key=path)
    with made.client() as client:
        assert client.submit(submission(amendment)) == (wire.RECEIPT, receipt)
    made.stop()


# ---- exhibits ----


def with_file(author, data, **given):
    digest = T.sha256(data)
    return author.compose("finding", contents=[
        (b"/exhibits/page", T.exhibit_encode(digest, len(data), "text/plain", digest), "c")],
        files=[("clear", data, b"page")], **given)


def test_exhibit_before_its_entry(daemon, team):
    data = b"a page" * 50000
    entry = with_file(team.alder, data)
    with daemon.client() as client:
        assert team.reject(client, entry) == "file-missing"
        assert client.put(T.sha256(data), data) == wire.STORED
        assert client.put(T.sha256(data), data) == wire.STORED
        team.accept(client, team.alder, entry)
        hexadecimal = T.sha256(data).hex()
        assert client.get(f"tally/objects/{hexadecimal}") == data
        assert client.get("tally/objects/" + "0" * 64) == wire.ENOTFOUND
    assert list((daemon.data / "exhibits" / "incoming").iterdir()) == []


def files_of(made, name):
    return sorted(p.name for p in (made.data / name).iterdir() if p.is_file())


def test_deposit_becomes_an_exhibit_with_its_record(daemon, team):
    """Until a record names it, a file is nobody's to read; then it is never removed."""
    data = b"named later"
    name = T.sha256(data).hex()
    with daemon.client() as client:
        assert client.put(T.sha256(data), data) == wire.STORED
        assert client.get(f"tally/objects/{name}") == wire.ENOTFOUND
        rejected = with_file(team.alder, data, fields={"sequence": 9, "previous": bytes(32)})
        assert team.reject(client, rejected) == "sequence-gap"
        assert files_of(daemon, "exhibits/deposits") == [name]
        team.accept(client, team.alder, with_file(team.alder, data))
        assert client.get(f"tally/objects/{name}") == data
        assert files_of(daemon, "exhibits/deposits") == []
        team.accept(client, team.birch, with_file(team.birch, data))
        assert client.put(T.sha256(data), data) == wire.STORED
    assert files_of(daemon, "exhibits") == [name]
    assert files_of(daemon, "exhibits/deposits") == []


def test_old_deposits_are_removed_at_a_start(daemon, team):
    day_s = 86400
    now_s = time.time()
    named, fresh, old, again = b"named", b"fresh", b"old", b"deposited again"
    with daemon.client() as client:
        for data in (named, fresh, old, again):
            assert client.put(T.sha256(data), data) == wire.STORED
        team.accept(client, team.alder, with_file(team.alder, named))
        for data, days in ((named, 99), (fresh, 6.9), (old, 7.1), (again, 7.1)):
            for path in (daemon.data / "exhibits").rglob(T.sha256(data).hex()):
                os.utime(path, (now_s - days * day_s, now_s - days * day_s))
        assert client.put(T.sha256(again), again) == wire.STORED
    (daemon.data / "exhibits" / "incoming" / "99").write_bytes(b"half of")
    daemon.restart()
    assert files_of(daemon, "exhibits/incoming") == []
    assert "1 exhibit files that no entry named" in daemon.log()
    kept = sorted(T.sha256(data).hex() for data in (fresh, again))
    assert files_of(daemon, "exhibits/deposits") == kept
    assert files_of(daemon, "exhibits") == [T.sha256(named).hex()]
    with daemon.client() as client:
        assert team.reject(client, with_file(team.alder, old)) == "file-missing"
        assert client.put(T.sha256(old), old) == wire.STORED
        for data in (old, fresh, again):
            team.accept(client, team.alder, with_file(team.alder, data))


def test_empty_exhibit(daemon, team):
    with daemon.client() as client:
        assert client.put(T.sha256(b""), b"") == wire.STORED
        team.accept(client, team.alder, with_file(team.alder, b""))


def test_exhibit_that_differs(daemon):
    with daemon.client() as client:
        assert client.put(T.sha256(b"one"), b"two") == wire.EFORMAT
        assert client.put(T.sha256(b"one"), b"one") == wire.STORED
    assert files_of(daemon, "exhibits/deposits") == [T.sha256(b"one").hex()]
    assert files_of(daemon, "exhibits") == []


def test_exhibit_limits(made):
    made.start(exhibit_max=1000, uploads=1)
    with made.client() as client, made.client() as other:
        assert client.put(T.sha256(b"x" * 1001), b"x" * 1001) == wire.ETOOBIG
        request = client.send(wire.PUT, T.sha256(b"x" * 1000) + struct.pack(">Q", 1000))
        assert client.receive()[:2] == (wire.READY, request)
        assert other.put(T.sha256(b"y"), b"y") == wire.EBUSY
        client.send(wire.PUT_DATA, b"x" * 1001, request)
        kind, answered, payload = client.receive()
        assert (kind, answered) == (wire.ERROR, request)
        assert wire.status_of(payload) == wire.EPROTOCOL
        assert client.is_closed()
        conftest.wait_for(lambda: other.put(T.sha256(b"y"), b"y") == wire.STORED, "a place")
    conftest.wait_for(lambda: not list((made.data / "exhibits" / "incoming").iterdir()),
                      "an empty incoming directory")
    made.stop()


def test_exhibits_leave_room_for_entries(made, team):
    """Whoever fills the disk with files that no entry names does not stop appends."""
    info = os.statvfs(made.data)
    free = info.f_bavail * info.f_frsize
    made.start(disk_reserve=free * 3 // 4)
    with made.client() as client:
        assert client.put(T.sha256(b"y"), b"y") == -17
        team.accept(client, team.alder)
    made.restart(disk_reserve=free // 4)
    with made.client() as client:
        assert client.put(T.sha256(b"y"), b"y") == wire.STORED
    made.stop()


def test_announced_bytes_count_as_taken(made):
    """Uploads under way share the disk: what one has announced is no room for another."""
    info = os.statvfs(made.data)
    free = info.f_bavail * info.f_frsize
    made.start(disk_reserve=free // 4, exhibit_max="64T")
    announced = T.sha256(b"") + struct.pack(">Q", free * 3 // 8)
    with made.client() as other:
        with made.client() as client:
            assert client.ask(wire.PUT, announced)[0] == wire.READY
            kind, payload = other.ask(wire.PUT, announced)
            assert (kind, wire.status_of(payload)) == (wire.ERROR, -17)
            assert other.put(T.sha256(b"y"), b"y") == wire.STORED
        conftest.wait_for(lambda: other.ask(wire.PUT, announced)[0] == wire.READY, "room again")
    made.stop()


def test_one_user_takes_half_of_the_uploads(made):
    made.start(uploads=4)
    clients = [made.client() for _ in range(3)]
    announced = T.sha256(b"") + struct.pack(">Q", 9)
    answers = [client.ask(wire.PUT, announced) for client in clients]
    assert [kind for kind, _ in answers] == [wire.READY, wire.READY, wire.ERROR]
    assert wire.status_of(answers[2][1]) == wire.EBUSY
    clients[0].close()
    conftest.wait_for(lambda: clients[2].put(T.sha256(b"y"), b"y") == wire.STORED, "a place")
    for client in clients[1:]:
        client.close()
    made.stop()


@pytest.mark.parametrize("sent", [0, 5, 9])
def test_upload_without_progress_is_closed(made, sent):
    made.start(upload_timeout="400ms")
    with made.client() as client:
        request = client.send(wire.PUT, T.sha256(b"z" * 9) + struct.pack(">Q", 9))
        assert client.receive()[0] == wire.READY
        if sent:
            client.send(wire.PUT_DATA, b"z" * sent, request)

        def is_closed():
            try:
                client.state()
            except (wire.Closed, OSError):
                return True
        conftest.wait_for(is_closed, "an end of pings", 5)
    assert "an upload took too long" in made.log()
    made.stop()


def test_upload_that_drips_is_closed(made):
    """A byte now and then would keep its place for ever."""
    made.start(upload_timeout="400ms")
    with made.client() as client:
        size = 1 << 20
        request = client.send(wire.PUT, bytes(32) + struct.pack(">Q", size))
        assert client.receive()[0] == wire.READY

        def is_closed():
            try:
                client.send(wire.PUT_DATA, b"z", request)
                client.state()
            except (wire.Closed, OSError):
                return True
        conftest.wait_for(is_closed, "an end of drops", 5)
    assert "an upload took too long" in made.log()
    made.stop()


def test_slow_upload_that_moves_is_stored(made):
    made.start(upload_timeout="400ms")
    data = bytes(range(256)) * 256 * 6
    with made.client() as client:
        request = client.send(wire.PUT, T.sha256(data) + struct.pack(">Q", len(data)))
        assert client.receive()[0] == wire.READY
        for i in range(0, len(data), wire.CHUNK):
            time.sleep(0.2)
            client.send(wire.PUT_DATA, data[i:i + wire.CHUNK], request)
        client.send(wire.PUT_END, b"", request)
        assert client.receive()[0] == wire.STORED
    made.stop()


def failing(made, path, inject):
    """strace, attached, with a fault for calls on one path. Instead of a call that fails another
    is made, which is to be one that the sandbox lets through."""
    if shutil.which("strace") is None:
        pytest.skip("no strace to make a call fail")
    call = inject.split(":")[0]
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-p", str(made.process.pid), "-e", f"trace={call}",
         "-e", f"inject={inject}:syscall=getpid", "-P", str(path)], stderr=subprocess.PIPE)
    conftest.wait_for(lambda: "TracerPid:\t0" not in conftest.pathlib.Path(
        f"/proc/{made.process.pid}/status").read_text(), "strace")
    return tracer


def test_exhibit_is_durable_before_its_record(made, team):
    """No record before the directory that its file was moved to is synced."""
    data = b"moved for its record"
    made.start()
    with made.client() as client:
        assert client.put(T.sha256(data), data) == wire.STORED
    entry = with_file(team.alder, data)
    tracer = failing(made, made.data / "exhibits", "fsync:error=EIO")
    client = made.client()
    client.send(wire.SUBMIT, submission(entry))
    assert client.is_closed()
    assert made.wait_exit() == 7
    tracer.wait(timeout=20)
    assert "syncing the exhibits failed" in made.log()
    made.start()
    with made.client() as client:
        assert client.state()["size"] == "1"
        team.accept(client, team.alder, entry)
    made.stop()


def test_failed_directory_sync_ends_the_daemon(made):
    """It is not tried again: the next sync might succeed over what was lost. The file stays."""
    data = b"wanted by two"
    made.start()
    tracer = failing(made, made.data / "exhibits" / "deposits", "fsync:error=EIO")
    with made.client() as client:
        with pytest.raises((wire.Closed, ConnectionResetError)):
            client.put(T.sha256(data), data)
    assert made.wait_exit() == 7
    tracer.wait(timeout=20)
    assert "syncing an exhibit failed" in made.log()
    assert (made.data / "exhibits" / "deposits" / T.sha256(data).hex()).read_bytes() == data
    made.start()
    with made.client() as client:
        assert client.put(T.sha256(data), data) == wire.STORED
    made.stop()


def test_upload_broken_off(daemon):
    with daemon.client() as client:
        request = client.send(wire.PUT, T.sha256(b"z" * 9) + struct.pack(">Q", 9))
        assert client.receive()[0] == wire.READY
        client.send(wire.PUT_DATA, b"z" * 5, request)
    conftest.wait_for(lambda: not list((daemon.data / "exhibits" / "incoming").iterdir()),
                      "an empty incoming directory")


def test_large_exhibit_in_constant_memory(daemon, team):
    piece = bytes(range(256)) * 256
    count = 1024  # 64 MiB
    data = piece * count
    before = daemon.rss_kib()
    with daemon.client() as client:
        assert client.put(T.sha256(data), data) == wire.STORED
        team.accept(client, team.alder, with_file(team.alder, data))
    with daemon.reader() as reader:
        assert T.sha256(reader.get("tally/objects/" + T.sha256(data).hex())) == T.sha256(data)
    if "SANITIZED" not in os.environ:
        assert daemon.rss_kib() - before < 16384


# ---- reading ----


def test_archive_over_the_socket(daemon, team):
    with daemon.client() as client:
        for _ in range(3):
            team.accept(client, team.alder, decoys=[0])
    with daemon.reader() as reader:
        checkpoint = T.checkpoint_open(reader.get("checkpoint"), team.note_key)
        assert checkpoint["size"] == 4
        assert T.checkpoint_open(reader.checkpoint, team.note_key)["size"] == 4
        records = [T.receipt_decode(reader.get(f"receipt/{i}"))["record"] for i in range(4)]
        for width in (1, 4):
            leaves = reader.get(T.tile_path("hashes", 0, 0, width))
            assert leaves == b"".join(map(T.leaf_hash, records[:width]))
        assert T.tree_root([T.leaf_hash(r) for r in records]) == checkpoint["root"]
        entries = reader.get(T.tile_path("entries", 0, 0, 4))
        assert entries == b"".join(T.u16(len(r)) + r for r in records)
        assert len(reader.get(T.tile_path("seals", 0, 0, 4))) == 4 * 64
        assert len(reader.get("tally/parts/001")) > 0
        assert reader.get("tally/parts/000") == wire.ENOTFOUND
        for path in ("tile/0/000.p/5", "receipt/4", "receipt/04", "receipt/x", "", "../head",
                     "checkpoint/", "tally/parts/009", "tally/objects/zz"):
            assert reader.get(path) == wire.ENOTFOUND, path


def test_read_socket_cannot_write(daemon, team):
    for kind, payload in ((wire.SUBMIT, submission(team.alder.compose())),
                          (wire.PUT, bytes(40)), (wire.PUT_DATA, b"x"), (wire.PUT_END, b"")):
        with daemon.reader() as reader:
            reader.send(kind, payload)
            answer, _, error = reader.receive()
            assert (answer, wire.status_of(error)) == (wire.ERROR, wire.EACCES)
            assert reader.is_closed()
    with daemon.reader() as reader:
        assert reader.state()["size"] == "1"


def test_state(daemon, team):
    with daemon.client() as client:
        team.accept(client, team.alder)
        state = client.state()
    assert state["ledger"] == T.b64(team.id)
    assert state["origin"] == conftest.ORIGIN
    assert (state["size"], state["records"], state["batches"]) == ("2", "1", "1")
    assert (state["signing"], state["queue"], state["connections"]) == ("on", "0", "1")
    for key in ("version", "uptime-s", "checkpoint-signed", "rejections", "disk-free-bytes",
                "map-used-bytes", "map-size-bytes", "clock-behind-s"):
        assert key in state


# ---- the head, and what clients know of it ----


def copy_store(made):
    kept = made.directory / "kept"
    shutil.copytree(made.data, kept)
    return kept


def team_checkpoint(team, index):
    return T.receipt_decode(team.receipts[index])["checkpoint"]


def restore_store(made, kept, head):
    shutil.rmtree(made.data / "store")
    shutil.copytree(kept / "store", made.data / "store")
    if head:
        shutil.copy(kept / "head", made.data / "head")


def test_old_store_is_refused(made, team):
    kept = copy_store(made)
    made.start()
    with made.client() as client:
        team.accept(client, team.alder)
    made.stop()
    restore_store(made, kept, head=False)
    code, said = made.refuses_to_start()
    assert code == 3
    assert "newer than the store" in said and "RECOVERY" in said


def test_missing_head_is_refused(made, team):
    (made.data / "head").unlink()
    code, said = made.refuses_to_start()
    assert code == 3 and "--make-head" in said
    made.start(make_head=True)
    with made.client() as client:
        team.accept(client, team.alder)
    made.restart()


def test_head_of_another_ledger_is_refused(made, team):
    head = made.data / "head"
    data = bytearray(head.read_bytes())
    data[40] ^= 1
    head.write_bytes(data)
    code, _ = made.refuses_to_start()
    assert code == 3


def test_client_that_knows_more_stops_signing(made, team):
    kept = copy_store(made)
    made.start()
    with made.client() as client:
        team.accept(client, team.alder)
        newest = client.get("checkpoint")
    made.stop()
    restore_store(made, kept, head=True)
    made.start()
    author = conftest.Author(team, sample.BIRCH, "birch")
    team.leaves = {0: team.leaves[0]}
    entry = author.compose()
    with pytest.raises(wire.Refused) as refused:
        made.client(hello=newest)
    assert refused.value.status == wire.ESTOPPED
    with made.client() as client:
        kind, payload = client.submit(submission(entry))
        assert (kind, wire.status_of(payload)) == (wire.ERROR, wire.ESTOPPED)
        kind, payload = client.submit(b"junk")
        assert (kind, wire.status_of(payload)) == (wire.ERROR, wire.ESTOPPED)
        assert client.put(T.sha256(b"x"), b"x") == wire.ESTOPPED
        assert client.submit(submission(team.charter)) == (wire.RECEIPT, team.receipts[0])
        assert client.state()["signing"] == "stopped"
    with made.reader(hello=client.checkpoint) as reader:
        assert T.checkpoint_open(reader.get("checkpoint"), team.note_key)["size"] == 1
    assert "signing has stopped" in made.log() and "RECOVERY" in made.log()
    made.stop()


def test_a_stop_outlives_the_process(made, team):
    old = copy_store(made)
    made.start()
    with made.client() as client:
        team.accept(client, team.alder)
        newest = client.get("checkpoint")
    made.stop()
    new = made.directory / "newer"
    shutil.copytree(made.data, new)
    restore_store(made, old, head=True)
    made.start()
    with pytest.raises(wire.Refused):
        made.client(hello=newest)
    made.kill()
    evidence = made.data / "contradiction"
    assert evidence.read_bytes() == newest
    made.start(confirm_head="yes")
    with made.client(hello=team_checkpoint(team, 0)) as client:
        assert client.state()["signing"] == "stopped"
        kind, payload = client.submit(submission(team.birch.compose()))
        assert (kind, wire.status_of(payload)) == (wire.ERROR, wire.ESTOPPED)
        assert client.get("receipt/0") == team.receipts[0]
    assert "signing stays stopped" in made.log()
    made.stop()
    assert evidence.read_bytes() == newest
    restore_store(made, new, head=True)
    made.start()
    assert not evidence.exists()
    assert "signing goes on" in made.log()
    with made.client(hello=newest) as client:
        team.accept(client, team.alder)
    made.stop()


def test_what_a_stop_caught_stays_stopped(made, team):
    """Signing stops while a batch commits: its entries are neither accepted nor unknown."""
    made.start()
    entry = team.alder.compose()
    text = T.checkpoint_text(conftest.ORIGIN, 1, bytes(32))
    tracer = failing(made, made.data / "store" / "data.mdb", "fdatasync:delay_enter=2000000")
    with made.client() as client:
        client.send(wire.SUBMIT, submission(entry))
        time.sleep(0.5)
        with pytest.raises(wire.Refused):
            made.client(hello=T.note_sign(text, team.note_key, team.ledger_key.seed))
        kind, _, payload = client.receive()
        assert (kind, wire.status_of(payload)) == (wire.ERROR, wire.ESTOPPED)
        kind, payload = client.submit(submission(entry))
        assert (kind, wire.status_of(payload)) == (wire.ERROR, wire.ESTOPPED)
    tracer.terminate()
    tracer.wait(timeout=20)
    made.stop()


def test_nothing_is_signed_at_a_stopped_start(made, team):
    """A batch that was durable but not acknowledged stays so while signing is stopped."""
    old_head = (made.data / "head").read_bytes()
    made.start()
    with made.client() as client:
        team.accept(client, team.alder)
    made.stop()
    (made.data / "head").write_bytes(old_head)
    (made.data / "contradiction").write_bytes(b"no checkpoint at all")
    made.start()
    with made.client() as client:
        assert T.checkpoint_open(client.checkpoint, team.note_key)["size"] == 1
        assert client.get("receipt/1") == wire.ENOTFOUND
        assert client.get("receipt/0") == team.receipts[0]
    made.stop()
    assert (made.data / "head").read_bytes() == old_head


def test_forked_checkpoint_stops_signing(daemon, team):
    with daemon.client() as client:
        team.accept(client, team.alder)
    text = T.checkpoint_text(conftest.ORIGIN, 2, bytes(32))
    with pytest.raises(wire.Refused) as refused:
        daemon.reader(hello=T.note_sign(text, team.note_key, team.ledger_key.seed))
    assert refused.value.status == wire.ESTOPPED


def test_checkpoints_that_say_nothing(daemon, team):
    text = T.checkpoint_text(conftest.ORIGIN, 99, bytes(32))
    other = T.note_key("other.example/x", sample.STRANGER.key["point"])
    own = T.note_key(conftest.ORIGIN, sample.STRANGER.key["point"])
    for hello in (b"junk", text, T.note_sign(text, own, sample.STRANGER.seed),
                  T.note_sign(T.checkpoint_text("other.example/x", 99, bytes(32)), other,
                              sample.STRANGER.seed)):
        with daemon.client(hello=hello) as client:
            assert client.state()["signing"] == "on"
    with daemon.client() as client:
        for _ in range(3):
            checkpoint = client.get("checkpoint")
            team.accept(client, team.alder)
            with daemon.client(hello=checkpoint) as second:
                assert second.state()["signing"] == "on"


def test_confirm_head(made, team):
    made.start(confirm_head="yes")
    entry = team.alder.compose()
    with made.client() as client:
        kind, payload = client.submit(submission(entry))
        assert (kind, wire.status_of(payload)) == (wire.ERROR, wire.EBUSY)
        checkpoint = client.get("checkpoint")
    with made.client(hello=checkpoint) as client:
        team.accept(client, team.alder, entry)
    made.stop()


# ---- the process ----


def test_two_daemons_on_one_directory(daemon):
    code, said = daemon.refuses_to_start()
    assert code == 4 and "another process" in said
    with daemon.client() as client:
        assert client.state()["size"] == "1"


def test_wrong_key_at_start(made):
    path = wrong_key(made)["key"]
    code, said = made.refuses_to_start(ledger_key=path)
    assert code == 5 and "is not the key of this ledger" in said


def test_credentials_directory(made):
    made.key.chmod(0o600)
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(made.directory)}
    command = [str(part) for part in made.command()]
    at = command.index("--ledger-key")
    del command[at:at + 2]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    conftest.wait_for(lambda: conftest.can_connect(made), "service")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_usage_errors(made):
    for arguments in (["--nonsense", "1"], ["--data"], ["word"], ["--queue-count", "many"]):
        done = subprocess.run([conftest.TALLYD, *arguments], capture_output=True, check=False)
        assert done.returncode == 2, done.stderr
    path = made.directory / "conf"
    path.write_text(f"data {made.data}\n# a comment\n\nworkers 1\nnonsense 1\n")
    done = subprocess.run([conftest.TALLYD, "--config", path], capture_output=True, check=False)
    assert done.returncode == 2
    assert f"{path}:5: unknown key".encode() in done.stderr


def test_configuration_file(made, team):
    path = made.directory / "conf"
    path.write_text(f"data {made.data}\nledger-key {made.key}\nsubmit-socket {made.submit}\n"
                    f"submit-mode 0600\nmap-size 1G\ndisk-reserve 1M\n")
    process = subprocess.Popen([conftest.TALLYD, "--config", path], stderr=subprocess.PIPE)
    conftest.wait_for(lambda: conftest.can_connect(made), "service")
    assert made.submit.stat().st_mode & 0o777 == 0o600
    with made.client() as client:
        team.accept(client, team.alder)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert not made.submit.exists()


def test_sockets_from_the_service_manager(made, team):
    import socket
    path = made.directory / "passed.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()
    command = [str(part) for part in made.command()]
    for option in ("--submit-socket", "--read-socket"):
        at = command.index(option)
        del command[at:at + 2]
    # exec keeps the process id, which LISTEN_PID must name.
    shell = ["/bin/sh", "-c", 'export LISTEN_PID=$$; exec "$@"', "sh", *command]
    environment = {**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "read"}
    number = listener.fileno()

    def place():
        os.dup2(number, 3, inheritable=True)

    process = subprocess.Popen(shell, env=environment, stderr=subprocess.PIPE, preexec_fn=place,
                               pass_fds=(3, number))
    with wire.Client(path) as client:
        client.send(wire.SUBMIT, b"")
        assert wire.status_of(client.receive()[2]) == wire.EACCES
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert path.exists(), "the path is the service manager's"
    environment["LISTEN_FDNAMES"] = "other"
    done = subprocess.run(shell, env=environment, capture_output=True, preexec_fn=place,
                          pass_fds=(3, number), check=False)
    assert done.returncode == 2


def test_notify_and_watchdog(made, team):
    made.start(environment={"WATCHDOG_USEC": "400000"})
    for _ in range(3):
        made.wait_notified("WATCHDOG=1")
    made.process.send_signal(signal.SIGTERM)
    made.wait_notified("STOPPING=1")
    assert made.wait_exit() == 0


def test_socket_of_another_is_left_alone(made):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(made.submit))
        other.listen()
        code, said = made.refuses_to_start()
        assert code == 1 and "something is there already" in said
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(made.submit))
    made.start()
    made.stop()


def test_stale_socket_is_replaced(made, team):
    made.start()
    made.kill()
    assert made.submit.exists()
    made.start()
    with made.client() as client:
        team.accept(client, team.alder)


def test_process_is_hardened(daemon):
    status = (conftest.pathlib.Path("/proc") / str(daemon.process.pid) / "status").read_text()
    assert "NoNewPrivs:\t1" in status
    limits = (conftest.pathlib.Path("/proc") / str(daemon.process.pid) / "limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]


# ---- stopping, dying ----


def test_sigterm_answers_what_was_taken(daemon, team):
    entries = [team.alder.advance(team.alder.compose()) for _ in range(60)]
    client = daemon.client()
    for entry in entries:
        client.send(wire.SUBMIT, submission(entry))
    first = client.receive()
    assert first[0] == wire.RECEIPT
    daemon.stop()
    answered = [first]
    try:
        while True:
            answered.append(client.receive())
    except (wire.Closed, ConnectionResetError):
        pass
    assert all(kind == wire.RECEIPT for kind, _, _ in answered)
    daemon.start()
    with daemon.client() as again:
        for _, request, payload in answered:
            index, _, _, _ = team.take(payload)
            assert again.get(f"receipt/{index}") == payload
        for entry in entries:
            assert again.submit(submission(entry))[0] == wire.RECEIPT


def test_kill_loses_nothing_acknowledged(daemon, team):
    """What was acknowledged before SIGKILL stands, byte for byte, and the rest can be resent."""
    held = {}
    for _ in range(8):
        entries = [team.birch.advance(team.birch.compose()) for _ in range(30)]
        client = daemon.client()
        for entry in entries:
            client.send(wire.SUBMIT, submission(entry))
        for _ in range(5):
            kind, request, payload = client.receive()
            assert kind == wire.RECEIPT
            held[T.receipt_decode(payload)["index"]] = payload
        daemon.kill()
        try:
            while True:
                kind, request, payload = client.receive()
                held[T.receipt_decode(payload)["index"]] = payload
        except (wire.Closed, ConnectionResetError):
            pass
        client.close()
        daemon.start()
        with daemon.client() as again:
            for entry in entries:
                kind, payload = again.submit(submission(entry))
                assert kind == wire.RECEIPT, payload
                index = T.receipt_decode(payload)["index"]
                assert held.setdefault(index, payload) == payload
    with daemon.reader() as reader:
        for index, payload in held.items():
            assert reader.get(f"receipt/{index}") == payload
    assert sorted(held) == list(range(1, 241))


def test_head_one_batch_behind(made, team):
    """A crash between commit and head write: the records are durable, the guard is older."""
    old_head = (made.data / "head").read_bytes()
    made.start()
    entry = team.alder.compose()
    with made.client() as client:
        _, receipt = team.accept(client, team.alder, entry)
    made.stop()
    (made.data / "head").write_bytes(old_head)
    made.start()
    with made.client() as client:
        assert client.submit(submission(entry)) == (wire.RECEIPT, receipt)
        team.accept(client, team.alder)
    assert "durable but not acknowledged" in made.log()
    made.stop()


def test_damaged_newest_record_is_refused(made, team):
    made.start()
    with made.client() as client:
        _, receipt = team.accept(client, team.alder)
    made.stop()
    seal = T.receipt_decode(receipt)["seal"]
    path = made.data / "store" / "data.mdb"
    data = bytearray(path.read_bytes())
    places = [i for i in range(len(data) - 64) if data[i:i + 8] == seal[:8]]
    assert places
    for place in places:
        data[place] ^= 1
    path.write_bytes(data)
    code, said = made.refuses_to_start()
    assert code == 6 and "seal-invalid" in said


def test_a_damaged_store_is_never_a_crash(made, team):
    """Pages that lead LMDB astray: verify says that the directory could not be read, or is bad."""
    if os.environ.get("SANITIZED") == "valgrind":
        pytest.skip("valgrind has no addresses for a map of 1 TiB")
    made.start()
    with made.client() as client:
        for author in (team.alder, team.birch) * 15:
            team.accept(client, author)
    made.stop()
    path = made.data / "store" / "data.mdb"
    whole = path.read_bytes()
    outcomes = set()
    page_len, = struct.unpack_from("=I", whole, 40)
    for start in range(2 * page_len, len(whole.rstrip(b"\0")), page_len):
        data = bytearray(whole)
        data[start + 16:start + 18] = b"\xfc\xff"
        path.write_bytes(data)
        done = subprocess.run(
            [conftest.TALLY, "verify", made.data, "--ledger", T.b64(team.id)], check=False,
            env={**os.environ, "TALLY_STATE": str(made.directory / "state")},
            capture_output=True, timeout=60)
        assert done.returncode in (0, 1, 3), done.stderr
        died = b"what reads it ended" in done.stderr
        outcomes.add((done.returncode, died))
        if done.returncode == 3:
            assert str(made.data).encode() in done.stderr and b"backup" in done.stderr
            assert b"OK" not in done.stdout
    assert {(0, False), (1, False), (3, False), (3, True)} == outcomes


def test_failed_head_write_acknowledges_nothing(made, team):
    """The head guard on a disk that fails: the process ends at once, without a receipt."""
    made.start()
    entry = team.alder.compose()
    fds = conftest.pathlib.Path(f"/proc/{made.process.pid}/fd")
    head = next(int(p.name) for p in fds.iterdir()
                if os.readlink(p) == str(made.data / "head"))
    assert head >= 0
    tracer = failing(made, made.data / "head", "pwrite64:error=EIO")
    client = made.client()
    client.send(wire.SUBMIT, submission(entry))
    assert client.is_closed()
    assert made.wait_exit() == 7
    tracer.wait(timeout=20)
    assert "Nothing of the batch was acknowledged" in made.log()
    made.start()
    with made.client() as client:
        team.accept(client, team.alder, entry)
    made.stop()
