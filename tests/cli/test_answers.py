# SPDX-License-Identifier: ISC
"""Answers of a daemon that lies: `tally submit` takes none of them for what it is not."""
import socket
import struct
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

import wire  # noqa: E402


def read_frame(sock):
    """The message and the request number of the next frame."""
    stream = sock.makefile("rb", buffering=0)
    head = stream.read(9)
    size, kind, request = struct.unpack(">IBI", head)
    left = size - 5
    while left > 0:
        left -= len(stream.read(left))
    return kind, request


class Liar:
    """Greets as the real daemon does, and answers the submission with what it was given."""

    def __init__(self, ledger, kind, payload):
        self.path = ledger.sockets / "liar"
        self.kind, self.payload = kind, payload
        real = wire.Client(ledger.sockets / "submit", greet=False)
        real.sock.sendall(wire.frame(wire.HELLO, 1, struct.pack(">HH", 1, 0)))
        self.welcome = real.receive()[2]
        real.close()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        peer, _ = self.listener.accept()
        with peer:
            _, request = read_frame(peer)
            peer.sendall(wire.frame(wire.WELCOME, request, self.welcome))
            kind, request = read_frame(peer)
            assert kind in (wire.SUBMIT, wire.STATUS)
            peer.sendall(wire.frame(self.kind, request, self.payload))
            peer.recv(1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join()
        self.listener.close()
        self.path.unlink()


def composed(ledger, who="alder"):
    """An entry of that team, signed and not submitted."""
    path = ledger.finding()
    assert ledger.tally("compose", path, "--key", ledger.key(who), who=who).code == 0
    entry = path.with_suffix(".tally")
    assert ledger.tally("sign", entry, "--key", ledger.key(who), who=who).code == 0
    return entry


def told(ledger, entry, kind, payload, who="alder"):
    """What `tally submit` makes of that answer."""
    with Liar(ledger, kind, payload) as liar:
        return ledger.tally("submit", entry, "--socket", liar.path, who=who)


def receipt_of(ledger, entry, who="alder"):
    assert ledger.tally("submit", entry, who=who).code == 0
    return entry.with_suffix(".receipt").read_bytes()


def test_the_liar_can_tell_the_truth(ledger):
    """What makes the answers below lies is their content alone."""
    entry = composed(ledger)
    receipt = receipt_of(ledger, entry)
    entry.with_suffix(".receipt").unlink()
    assert told(ledger, entry, wire.RECEIPT, receipt).code == 0
    assert entry.with_suffix(".receipt").read_bytes() == receipt


def test_a_receipt_of_another_entry(ledger):
    other = receipt_of(ledger, composed(ledger))
    entry = composed(ledger)
    done = told(ledger, entry, wire.RECEIPT, other)
    assert done.code == 1 and "the receipt is for another entry" in done.err
    assert not entry.with_suffix(".receipt").exists()
    assert entry.with_suffix(".receipt-suspect").read_bytes() == other
    receipt_of(ledger, entry)


def test_a_receipt_that_does_not_verify(ledger):
    entry = composed(ledger)
    receipt = receipt_of(ledger, entry)
    entry.with_suffix(".receipt").unlink()
    line = receipt.rstrip(b"\n").rsplit(b" ", 1)[-1]
    changed = line[:-4] + (b"AAA=" if line[-4:] != b"AAA=" else b"BBB=")
    bad = receipt.replace(line, changed)
    assert bad != receipt
    done = told(ledger, entry, wire.RECEIPT, bad)
    assert done.code == 1 and "does not verify" in done.err
    assert not entry.with_suffix(".receipt").exists()
    done = told(ledger, entry, wire.RECEIPT, b"rubbish")
    assert done.code == 1 and "malformed" in done.err
    assert not entry.with_suffix(".receipt").exists()


@pytest.fixture
def rejected(ledger):
    """An entry whose sequence another one has taken, and its signed rejection."""
    first, second = composed(ledger, "cedar"), composed(ledger, "cedar")
    receipt_of(ledger, first, "cedar")
    done = ledger.tally("submit", second, who="cedar")
    assert done.code == 5, done.err
    return second, second.with_suffix(".rejection").read_bytes()


def test_a_rejection_is_of_this_entry_and_signed(ledger, rejected):
    entry, rejection = rejected
    assert told(ledger, entry, wire.REJECTION, rejection, "cedar").code == 5
    line = rejection.rstrip(b"\n").rsplit(b" ", 1)[-1]
    unsigned = rejection.replace(line, line[:-4] + (b"AAA=" if line[-4:] != b"AAA=" else b"BBB="))
    done = told(ledger, entry, wire.REJECTION, unsigned, "cedar")
    assert done.code == 3 and "not a rejection that this ledger signed" in done.err
    other = composed(ledger, "birch")
    done = told(ledger, other, wire.REJECTION, rejection, "birch")
    assert done.code == 3 and "nothing is decided" in done.err
    receipt_of(ledger, other, "birch")


def test_a_state_does_not_act_on_the_terminal(ledger):
    state = b"version \x1b[2J\nsigning \xe2\x80\xaeon\n\x1b]0;x\x07 y\n"
    for words in ((), ("--json",), ("--prometheus",)):
        with Liar(ledger, wire.STATE, state) as liar:
            done = ledger.tally("status", liar.path, *words)
        assert done.code == 1 and "does not say that it signs" in done.out + done.err or words
        assert not set("\x1b\x07\u202e") & set(done.out + done.err)
