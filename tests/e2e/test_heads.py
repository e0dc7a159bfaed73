# SPDX-License-Identifier: ISC
"""Starts beside a head guard that somebody made: whole as a file, and still not to be trusted."""
import hashlib
import resource
import signal
import struct

import conftest
import pytest
import sample
import tallyref as T
import wire
from test_daemon import failing

SLOT_LEN, SLOT_GAP = 512, 4096


def guard(note):
    """A head guard of this note alone, as lib/store/head_guard.c lays it out."""
    slot = b"tally-hd" + struct.pack(">IQH", 1, 0, len(note)) + note
    slot = slot.ljust(SLOT_LEN - 32, b"\0")
    return (slot + hashlib.sha256(slot).digest()).ljust(2 * SLOT_GAP, b"\0")


@pytest.fixture(name="grown")
def fixture_grown(made, team):
    """Three records, stopped; and a note of them with one thing changed."""
    made.start()
    with made.client() as client:
        for _ in range(2):
            team.accept(client, team.alder)
        checkpoint = T.checkpoint_open(client.get("checkpoint"), team.note_key)
    made.stop()

    def note(size=3, root=checkpoint["root"], key=team.ledger_key):
        text = T.checkpoint_text(conftest.ORIGIN, size, root)
        return T.note_sign(text, T.note_key(conftest.ORIGIN, key.key["point"]), key.seed)
    return made, note


def test_a_guard_that_says_what_the_store_says(grown):
    made, note = grown
    (made.data / "head").write_bytes(guard(note()))
    made.start()
    made.stop()


def test_a_guard_that_is_one_behind(grown, team):
    """Right, but older: the last batch stands."""
    made, note = grown
    root = T.tree_root([team.leaves[0], team.leaves[1]])
    (made.data / "head").write_bytes(guard(note(size=2, root=root)))
    made.start()
    with made.reader() as reader:
        assert reader.get("checkpoint") == note()
    made.kill()
    assert "durable but not acknowledged" in made.log()
    assert note() in (made.data / "head").read_bytes()


def test_a_guard_that_cannot_catch_up(grown, team):
    """No head is shown that the guard does not hold."""
    made, note = grown
    root = T.tree_root([team.leaves[0], team.leaves[1]])
    behind = guard(note(size=2, root=root))
    (made.data / "head").write_bytes(behind)

    def full_behind_the_first_slot():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (SLOT_GAP, SLOT_GAP))

    code, error = made.refuses_to_start(preexec=full_behind_the_first_slot)
    assert code == 7 and "head guard" in error
    assert (made.data / "head").read_bytes() == behind
    made.start()
    made.stop()


def test_the_first_contradiction_is_kept(made, team):
    """A later one may be of records that the store has by then: only the first explains all."""
    def forked(root):
        text = T.checkpoint_text(conftest.ORIGIN, 1, root)
        return T.note_sign(text, team.note_key, team.ledger_key.seed)

    made.start()
    first, later = forked(bytes(32)), forked(bytes(31) + b"1")
    for note in (first, later):
        with pytest.raises(wire.Refused):
            made.client(hello=note)
    made.kill()
    assert (made.data / "contradiction").read_bytes() == first


def test_a_stop_that_is_not_durable_is_told(made, team):
    """Were it taken for durable, nobody would keep the operator from a restart."""
    made.start()
    tracer = failing(made, made.data, "fsync:error=EIO")
    text = T.checkpoint_text(conftest.ORIGIN, 1, bytes(32))
    with pytest.raises(wire.Refused):
        made.client(hello=T.note_sign(text, team.note_key, team.ledger_key.seed))
    tracer.terminate()
    tracer.wait(timeout=20)
    assert "/contradiction cannot be written: " in made.log()
    with made.client() as client:
        assert client.state()["signing"] == "stopped"
    made.stop()


@pytest.mark.parametrize("changes, said", [
    ({"root": bytes(32)}, "has another root than the store"),
    ({"size": 2}, "has another root than the store"),
    ({"size": 4}, "is newer than the store"),
    ({"key": sample.STRANGER}, "is not signed by this ledger's key"),
], ids=["fork", "older-fork", "newer", "stranger"])
def test_a_guard_that_contradicts_the_store(grown, changes, said):
    made, note = grown
    forged = guard(note(**changes))
    (made.data / "head").write_bytes(forged)
    code, error = made.refuses_to_start()
    assert code == 3 and said in error
    assert (made.data / "head").read_bytes() == forged


def test_what_does_not_confirm_the_head(made, team):
    """confirm-head waits for a checkpoint that this ledger has signed, and over some record."""
    def signed(size, root, key):
        text = T.checkpoint_text(conftest.ORIGIN, size, root)
        return T.note_sign(text, T.note_key(conftest.ORIGIN, key.key["point"]), key.seed)

    made.start(confirm_head="yes")
    root = team.leaves[0]
    for hello in (b"", b"junk", signed(0, T.tree_root([]), team.ledger_key),
                  signed(1, root, sample.STRANGER)):
        with made.client(hello=hello) as client:
            assert client.state()["signing"] == "waits-for-head"
    with made.client(hello=signed(1, root, team.ledger_key)) as client:
        assert client.state()["signing"] == "on"
        team.accept(client, team.alder)
    made.stop()


def test_nothing_is_appended_after_a_stop(made, team):
    """What comes behind a stop is not even stored: a later start has nothing to sign for."""
    made.start()
    entry = T.submission_encode(team.alder.compose().submission())
    text = T.checkpoint_text(conftest.ORIGIN, 1, bytes(32))
    with pytest.raises(wire.Refused):
        made.client(hello=T.note_sign(text, team.note_key, team.ledger_key.seed))
    with made.client() as client:
        kind, payload = client.submit(entry)
        assert (kind, wire.status_of(payload)) == (wire.ERROR, wire.ESTOPPED)
    made.stop()
    (made.data / "contradiction").unlink()
    made.start()
    with made.client() as client:
        assert client.state()["size"] == "1"
        kind, payload = client.submit(entry)
        assert kind == wire.RECEIPT
    made.stop()


def test_no_head_is_made_after_a_stop(made):
    """--make-head would let a store that is known to have lost records sign again."""
    (made.data / "contradiction").write_bytes(b"no checkpoint at all")
    (made.data / "head").unlink()
    code, error = made.refuses_to_start(make_head=True)
    assert code == 3 and "None is made while signing is stopped" in error
    assert not (made.data / "head").exists()
    (made.data / "contradiction").unlink()
    made.start(make_head=True)
    made.stop()
