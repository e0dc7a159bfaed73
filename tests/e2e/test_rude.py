# SPDX-License-Identifier: ISC
"""Crowds of rude clients: the honest one's entries all get receipts, each limit bites as
documented, and memory stays within what tallyd.conf(5) adds up."""
import contextlib
import os
import resource
import select
import signal
import socket

import conftest
import pytest
import sample
import tallyref as T
import wire

NOBODY = 65534
MIB = 1 << 20
LARGE = [(b"/body", b"x" * 250000, "c"), (b"/more", b"y" * 250000, "c")]


def memory(connections, queue_size, queue_count, frame_memory, read_memory, users=2, uploads=16):
    """MEMORY of tallyd.conf(5), line for line, in bytes."""
    return {
        "own": 32 * MIB,
        "connections": int(connections * 1.3 * MIB),
        "frames": frame_memory,
        "queue": queue_size + int(2.3 * 1024) * queue_count,
        "batch": 2 * 32 * MIB,
        "pages": 24576 * 4096,
        "reads": read_memory + 16 * MIB * users,
        "uploads": int(uploads * 0.63 * MIB),
    }


# What clients can hold is smaller than by default, so that a test can reach it.
LIMITS = {"connections": 256, "queue_size": 16 * MIB, "queue_count": 1024,
          "frame_memory": 9 * MIB, "read_memory": 4 * MIB}


@pytest.fixture(params=["another user", "the same user"])
def rude(request, made):
    """Who the rude are: a context in which they connect."""
    if request.param == "the same user":
        return contextlib.nullcontext
    if os.getuid() != 0:
        pytest.skip("only root can connect as another user")
    made.directory.chmod(0o711)

    @contextlib.contextmanager
    def as_nobody():
        os.seteuid(NOBODY)  # what SO_PEERCRED shows
        try:
            yield
        finally:
            os.seteuid(0)
    return as_nobody


@pytest.fixture(autouse=True)
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def start(made, preexec=None, **config):
    made.start(preexec=preexec, submit_mode="0666", read_mode="0666", **{**LIMITS, **config})


def crowd(rude, path, count, sent=b""):
    """So many connections; whoever is turned away stays in the list."""
    socks = []
    with rude():
        for _ in range(count):
            # Blocking: one that is not gets EAGAIN where many wait to be accepted.
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.connect(str(path))
            with contextlib.suppress(BrokenPipeError):
                sock.sendall(conftest.hello_frame() + sent)
            sock.setblocking(False)
            socks.append(sock)
    return socks


def push(sock, data):
    """As much as the daemon reads of it without waiting."""
    with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
        while data:
            data = data[sock.send(data):]


def honest(made, team, client, count=10):
    """Entries of an honest client, each answered before the next."""
    for _ in range(count):
        team.accept(client, team.alder)
    assert client.get("checkpoint").startswith(b"tally.example")


def leave(socks):
    for sock in socks:
        sock.close()


def assert_within(made, before_kib, lines):
    """What was held beyond the start is within these lines, and all of it within the sum."""
    if "SANITIZED" in os.environ:
        return
    budget = memory(**LIMITS)
    peak = made.rss_kib() * 1024
    assert peak < sum(budget.values())
    allowed = sum(budget[line] for line in lines) + 8 * MIB  # the allocator's own
    assert peak - before_kib * 1024 < allowed, (peak, before_kib * 1024)


def test_a_thousand_idle(made, team, rude):
    """64 of one user are taken, the others told so; the silent are closed in the end."""
    start(made, idle_timeout="4s")
    before = made.rss_kib()
    with made.client() as client:
        idle = crowd(rude, made.submit, 1000)
        honest(made, team, client)
        same = rude is contextlib.nullcontext
        taken = 63 if same else 64
        conftest.wait_for(lambda: int(client.state()["connections-turned-away"]) == 1000 - taken,
                          "those who are too many")
        if not same:
            with made.client() as late:
                honest(made, team, late)
        conftest.wait_for(lambda: int(client.state()["connections-timed-out"]) == taken,
                          "the end of the silent")
        honest(made, team, client)
    leave(idle)
    assert_within(made, before, ["connections"])
    made.stop()


def test_a_hundred_that_drip(made, team, rude):
    """A byte now and then of a frame that never ends."""
    start(made, connections_per_user=128, frame_timeout="1s")
    before = made.rss_kib()
    with made.client() as client:
        drip = crowd(rude, made.submit, 100, wire.frame(wire.SUBMIT, 7, bytes(5000))[:9])

        def all_closed():
            for sock in drip:
                push(sock, b"\0")
            team.accept(client, team.alder)
            return int(client.state()["connections-timed-out"]) == 100

        honest(made, team, client)
        conftest.wait_for(all_closed, "the end of the slow")
        honest(made, team, client)
    leave(drip)
    assert made.log().count("a frame took too long") <= 100
    assert_within(made, before, ["connections"])
    made.stop()


def test_a_hundred_that_never_read(made, team, rude):
    """They ask for half a megabyte each, on and on; what is held for them is bounded."""
    start(made, connections_per_user=128, write_timeout="500ms")
    with made.client() as client:
        team.accept(client, team.birch, contents=LARGE)
        before = made.rss_kib()
        get = wire.frame(wire.GET, 7, b"tally/parts/001") * 1000
        deaf = crowd(rude, made.read, 100)
        for sock in deaf:
            push(sock, get)
        honest(made, team, client)
        for sock in deaf:
            push(sock, get)
        # Those whose answers wait for memory that others hold are not to blame, and stay.
        conftest.wait_for(lambda: int(client.state()["connections-timed-out"]) >= 4,
                          "the end of the deaf")
        honest(made, team, client)
        assert int(client.state()["read-bytes"]) <= LIMITS["read_memory"]
    leave(deaf)
    assert_within(made, before, ["reads"])
    made.stop()


def answers_of(socks, count):
    """All answers to what the connections have asked: message types and payloads."""
    buffers = {sock: b"" for sock in socks}
    answers = []
    while len(answers) < count:
        ready, _, _ = select.select(socks, [], [], conftest.DEADLINE_S)
        assert ready, f"{len(answers)} of {count} answers"
        for sock in ready:
            buffers[sock] += sock.recv(1 << 20)
            while len(buffers[sock]) >= 4:
                size = 4 + int.from_bytes(buffers[sock][:4], "big")
                if len(buffers[sock]) < size:
                    break
                if buffers[sock][4] != wire.WELCOME:
                    answers.append((buffers[sock][4], buffers[sock][9:size]))
                buffers[sock] = buffers[sock][size:]
    return answers


def test_flood_of_invalid_entries(made, team, rude):
    """Few signed rejections, errors for the rest, and the key that it names pays nothing."""
    start(made, rejections_per_minute=2, entries_per_key=30)
    forged = sample.Entry(sample.BIRCH, "birch", "note", team.id, contents=[(b"/body", b"1", "c")],
                          fields={"sequence": 1, "refs": [("about", 0, team.leaves[0])],
                                  "seen": (0, team.leaves[0])}).submission()
    sent = bytearray(T.submission_encode(forged))
    blob = sent.index(b"sha512")
    sent[blob + 60] ^= 1
    before = made.rss_kib()
    with made.client() as client:
        flood = crowd(rude, made.submit, 40, wire.frame(wire.SUBMIT, 7, bytes(sent)) * 25)
        honest(made, team, client)
        answers = answers_of(flood, 1000)
        signed = [T.rejection_open(payload, team.note_key)["code"]
                  for kind, payload in answers if kind == wire.REJECTION]
        assert set(signed) == {"signature-invalid"} and 2 <= len(signed) < 50
        assert {wire.status_of(payload) for kind, payload in answers
                if kind == wire.ERROR} == {wire.EBUSY}
        assert client.state()["rejections"] == "1000"
        for _ in range(30):
            team.accept(client, team.birch)
    leave(flood)
    assert_within(made, before, ["connections", "queue"])
    made.stop()


def test_flood_of_one_key(made, team, rude):
    """Valid entries without end: taken up to the key's share, in order, and others go on."""
    start(made, entries_per_key=60, queue_count=16)
    entries = [team.birch.advance(team.birch.compose()) for _ in range(150)]
    before = made.rss_kib()
    with made.client() as client:
        flood = crowd(rude, made.submit, 1)
        stream = b"".join(wire.frame(wire.SUBMIT, i, T.submission_encode(entry.submission()))
                          for i, entry in enumerate(entries))
        flood[0].setblocking(True)
        flood[0].sendall(stream[:len(stream) // 2])
        honest(made, team, client)
        flood[0].sendall(stream[len(stream) // 2:])
        honest(made, team, client)
        answers = answers_of(flood, 150)
        receipts = [payload for kind, payload in answers if kind == wire.RECEIPT]
        indices = [T.receipt_decode(receipt)["index"] for receipt in receipts]
        assert len(receipts) == 60 and indices == sorted(indices)
        assert {T.rejection_open(payload, team.note_key)["code"] for kind, payload in answers
                if kind == wire.REJECTION} == {"key-quota"}
        assert client.state()["rejections-key-quota"] == "90"
        # What was accepted is answered for ever, and costs nothing.
        kind, again = client.submit(T.submission_encode(entries[3].submission()))
        assert (kind, again) == (wire.RECEIPT, receipts[3])
    leave(flood)
    assert_within(made, before, ["connections", "queue", "batch"])
    made.stop()


def test_share_of_a_key(made, team):
    """By entries and by bytes; an amendment is not counted; a restart gives a whole share."""
    start(made, entries_per_key=2)
    with made.client() as client:
        team.accept(client, team.alder)
        team.accept(client, team.alder)
        third = team.alder.compose()
        assert team.reject(client, third) == "key-quota"
        amendment = sample.Entry(
            sample.ALDER, "alder", "amendment", team.id,
            fields={"seen": (0, team.leaves[0]), "refs": [("amends", 0, team.leaves[0])],
                    "ops": ["admit cedar Team Cedar"]})
        kind, payload = client.submit(T.submission_encode(amendment.submission()))
        assert kind == wire.RECEIPT
        team.take(payload)
        team.accept(client, team.birch)
        assert team.reject(client, third) == "key-quota"
    made.restart(bytes_per_key="300K")
    with made.client() as client:
        team.accept(client, team.alder, third)
        team.accept(client, team.alder, contents=LARGE[:1])
        assert team.reject(client, team.alder.compose(contents=LARGE[:1])) == "key-quota"
        team.accept(client, team.birch, contents=LARGE)
        assert team.reject(client, team.birch.compose()) == "key-quota"
    made.restart(entries_per_key=0, bytes_per_key=0)
    with made.client() as client:
        team.accept(client, team.birch, contents=LARGE)
        team.accept(client, team.birch, contents=LARGE)
    made.stop()


def test_storm_of_connections(made, team, rude):
    start(made)
    before = made.rss_kib()
    with made.client() as client:
        for _ in range(5):
            leave(crowd(rude, made.submit, 100))
            honest(made, team, client, 3)
        conftest.wait_for(lambda: client.state()["connections"] == "1", "the others' end")
        assert client.state()["connections-accepted"] == "501"
    assert_within(made, before, ["connections"])
    made.stop()


def test_crowd_does_not_hold_the_loop(made, team, rude):
    """Whoever was there before has its turn after a few of those who came together: 64 in a turn of
    the loop, and a slow machine may need some turns."""
    start(made)
    with made.client() as client:
        made.process.send_signal(signal.SIGSTOP)
        many = crowd(rude, made.submit, 300)
        client.sock.sendall(wire.frame(wire.STATUS, 7))
        made.process.send_signal(signal.SIGCONT)
        kind, _, payload = client.receive()
        assert kind == wire.STATE
        assert int(wire.state_of(payload)["connections-accepted"]) <= 1 + 3 * 64
        honest(made, team, client)
        conftest.wait_for(lambda: client.state()["connections-accepted"] == "301", "the crowd")
        leave(many)
    made.stop()


def test_those_turned_away_take_no_place(made, team, rude):
    """All wait when the daemon comes back: one user's surplus does not stand in another's way."""
    if rude is contextlib.nullcontext:
        pytest.skip("one user has one limit")
    start(made, connections=8, connections_per_user=2)
    made.process.send_signal(signal.SIGSTOP)
    many = crowd(rude, made.submit, 20)
    late = wire.Client(made.submit, greet=False)
    late.sock.sendall(conftest.hello_frame())
    made.process.send_signal(signal.SIGCONT)
    assert late.receive()[0] == wire.WELCOME
    assert int(late.state()["connections-turned-away"]) == 18
    honest(made, team, late, 1)
    late.close()
    leave(many)
    made.stop()


def test_descriptors_for_few(made, team, rude):
    """Where descriptors are few, a user has the same part of what is left of the connections."""
    start(made, preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128)), workers=2)
    before = made.rss_kib()
    with made.client() as client:
        idle = crowd(rude, made.submit, 300)
        honest(made, team, client)
        conftest.wait_for(lambda: client.state()["connections-accepted"] == "301", "the crowd")
        if rude is not contextlib.nullcontext:
            with made.client() as late:
                honest(made, team, late)
        assert int(client.state()["connections-turned-away"]) > 270
        leave(idle)
    assert "are taken (LimitNOFILE" in made.log()
    assert_within(made, before, ["connections"])
    made.stop()


def test_unread_socket_of_submissions(made, team, rude):
    """Receipts that nobody takes hold up nobody but their own client."""
    start(made, write_timeout="1s")
    entry = team.birch.compose()
    frame = wire.frame(wire.SUBMIT, 7, T.submission_encode(entry.submission()))
    with made.client() as client:
        team.accept(client, team.birch, entry)
        before = made.rss_kib()
        deaf = crowd(rude, made.submit, 50)

        def all_closed():
            for sock in deaf:
                push(sock, frame * 200)
            team.accept(client, team.alder)
            return int(client.state()["connections-timed-out"]) == 50

        conftest.wait_for(all_closed, "the end of the deaf")
    leave(deaf)
    assert_within(made, before, ["connections", "queue"])
    made.stop()
