# SPDX-License-Identifier: ISC
"""Limits that show while a commit lasts, while users crowd, or when a client has gone."""
import contextlib
import fcntl
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import termios
import threading

import conftest
import pytest
import sample
import tallyref as T
import wire


def probe(daemon):
    with daemon.reader() as reader:
        return reader.state()


@contextlib.contextmanager
def held_commit(made):
    """strace, attached: a sync of the store that begins in the block lasts until its end."""
    if shutil.which("strace") is None:
        pytest.skip("no strace to hold a commit")
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(made.process.pid), "-e",
         "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=300s:when=1",
         "-P", str(made.data / "store" / "data.mdb")], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        conftest.wait_for(lambda: "TracerPid:\t0" not in conftest.pathlib.Path(
            f"/proc/{made.process.pid}/status").read_text(), "strace")
        yield
    finally:
        tracer.kill()
        tracer.wait()


def begin_commit(made, client, entry):
    """The entry is in a batch of its own, whose commit is under way."""
    client.send(wire.SUBMIT, T.submission_encode(entry.submission()))
    client.state()  # answered by the loop, which has queued the entry before
    conftest.wait_for(lambda: probe(made)["queue"] == "0", "its batch")


@pytest.mark.parametrize("config, most", [
    ({"requests_per_connection": 4}, 4),
    ({"queue_count": 4}, 5),     # one more may be on its way when it is full
    ({}, 1048576 // 4096),       # receipts that are to come are counted with 4 KiB each at least
], ids=["requests-per-connection", "queue-count", "answers"])
def test_what_waits_behind_a_commit_is_bounded(made, team, config, most):
    """The same entry over and over: the rest stays in the socket, and all of it is answered."""
    made.start(**config)
    entry = team.alder.compose()
    frame = wire.frame(wire.SUBMIT, 7, T.submission_encode(entry.submission()))
    count = 60 if config else 400
    with made.client() as client:
        client.sock.settimeout(60)
        with held_commit(made):
            begin_commit(made, client, entry)
            sender = threading.Thread(target=client.sock.sendall, args=(frame * count,))
            sender.start()
            conftest.wait_for(lambda: int(probe(made)["queue"]) >= min(most, count) // 2,
                              "a queue")
            # Each answer is a turn of the loop, in which the others' bytes are read as well.
            queued = [int(probe(made)["queue"]) for _ in range(40)]
        receipts = {client.receive()[2] for _ in range(count + 1)}
        sender.join()
    assert max(queued) <= most
    assert len(receipts) == 1
    team.take(receipts.pop())
    made.stop()


def connect_as(uid, path, count, sent=b""):
    """Connections of another user, held by a process of that user's; its end is theirs."""
    script = ("import os, socket, sys\n"
              "os.setuid(int(sys.argv[1]))\n"
              "held = []\n"
              "for _ in range(int(sys.argv[3])):\n"
              "    held.append(socket.socket(socket.AF_UNIX))\n"
              "    held[-1].connect(sys.argv[2])\n"
              "    held[-1].sendall(bytes.fromhex(sys.argv[4]))\n"
              "print('held', flush=True)\n"
              "sys.stdin.read()\n")
    child = subprocess.Popen(["/usr/bin/python3", "-c", script, str(uid), str(path), str(count),
                              sent.hex()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"held\n"
    return child


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user too")


@needs_root
def test_users_share_the_connections(made):
    made.directory.chmod(0o755)
    made.start(connections=6, connections_per_user=4, submit_mode="0666")
    others = connect_as(12345, made.submit, 4)
    conftest.wait_for(lambda: probe(made)["connections"] == "5", "the other user's")
    clients = [made.client(), made.client()]
    with pytest.raises(wire.Refused) as refused:
        made.client()
    assert refused.value.status == wire.EBUSY
    others.communicate(b"")
    conftest.wait_for(lambda: conftest.can_connect(made), "a place")
    for client in clients:
        client.close()
    made.stop()


@needs_root
def test_users_share_the_uploads(made):
    """One place: a user takes it, and another one is told that there is none."""
    made.directory.chmod(0o755)
    made.start(uploads=1, submit_mode="0666")
    announced = T.sha256(b"y") + struct.pack(">Q", 1)
    other = connect_as(12345, made.submit, 1,
                       conftest.hello_frame() + wire.frame(wire.PUT, 2, announced))
    conftest.wait_for(lambda: probe(made)["uploads"] == "1", "the other user's")
    with made.client() as client:
        assert client.put(T.sha256(b"y"), b"y") == wire.EBUSY
        other.communicate(b"")
        conftest.wait_for(lambda: client.put(T.sha256(b"y"), b"y") == wire.STORED, "a place")
    made.stop()


@needs_root
def test_users_share_the_memory_for_long_frames(made, team):
    """What one user begins and does not end leaves room for another's long entry."""
    made.directory.chmod(0o755)
    made.start(frame_memory=2 * 8388617, frame_timeout="10min", submit_mode="0666")
    header = struct.pack(">IBI", 5 + 8388608, wire.SUBMIT, 2)
    other = connect_as(12345, made.submit, 3, conftest.hello_frame() + header)
    conftest.wait_for(lambda: probe(made)["connections"] == "4", "the other user's")
    assert [probe(made)["frame-bytes"] for _ in range(10)][-1] == "8388617"
    with made.client() as client:
        team.accept(client, team.alder, contents=[(b"/body", b"x" * 250000, "c")])
    other.communicate(b"")
    made.stop()


def test_a_crowd_takes_no_descriptor_of_the_ledger(made):
    """However many come at once, each is taken or told; none is dropped for want of one."""
    made.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (88, 88)), workers=2,
               connections_per_user=256)
    with made.client() as client:
        made.process.send_signal(signal.SIGSTOP)
        socks = [conftest.raw_connect(made.read) for _ in range(150)]
        made.process.send_signal(signal.SIGCONT)
        conftest.wait_for(
            lambda: int(client.state()["connections-turned-away"]) >= len(socks) - 9, "an answer")
        assert client.put(T.sha256(b"y"), b"y") == wire.STORED
        for sock in socks:
            sock.close()
    conftest.wait_for(lambda: conftest.can_connect(made), "service")
    made.stop()


def test_stop_ends_whoever_does_not_read(made, team):
    """Not the time that a write may take ends it, but that of a stop."""
    made.start(stop_timeout="200ms", write_timeout="10min", idle_timeout="10min")
    with made.client() as client:
        team.accept(client, team.alder, contents=[(b"/body", b"x" * 250000, "c")])
    sock = deaf(made, wire.frame(wire.GET, 2, b"tally/parts/001") * 8)
    conftest.wait_for(lambda: int(probe(made)["read-bytes"]) > 0, "answers that wait")
    made.stop()
    sock.close()


def test_an_amendment_ends_its_batch(made, team):
    """Also when what follows it waits already: its receipt's checkpoint is the one behind it."""
    made.start()
    amendment = sample.Entry(
        sample.ALDER, "alder", "amendment", team.id, others=[sample.NEWCOMER],
        fields={"seen": (0, team.leaves[0]), "refs": [("amends", 0, team.leaves[0])],
                "ops": [f"enrol birch author {sample.NEWCOMER.text}"]})
    entries = [team.alder.advance(team.alder.compose()), amendment,
               team.alder.advance(team.alder.compose()), team.birch.compose()]
    with made.client() as client:
        with held_commit(made):
            begin_commit(made, client, entries[0])
            for entry in entries[1:]:
                client.send(wire.SUBMIT, T.submission_encode(entry.submission()))
            conftest.wait_for(lambda: probe(made)["queue"] == "3", "what waits")
        answers = sorted((client.receive() for _ in entries), key=lambda answer: answer[1])
    assert [kind for kind, _, _ in answers] == [wire.RECEIPT] * 4
    taken = [team.take(payload) for _, _, payload in answers]
    assert [(index, checkpoint["size"]) for index, _, _, checkpoint in taken] == [
        (1, 2), (2, 3), (3, 5), (4, 5)]
    made.stop()


def test_memory_of_a_long_frame_comes_back(made):
    """A connection that ends in the middle of a long frame leaves nothing reserved."""
    made.start()
    with made.client() as client:
        client.sock.sendall(struct.pack(">IBI", 5 + 8000000, wire.SUBMIT, 2) + bytes(200000))
        conftest.wait_for(lambda: probe(made)["frame-bytes"] != "0", "a reserved frame")
    conftest.wait_for(lambda: probe(made)["frame-bytes"] == "0", "its release")
    made.stop()


def deaf(made, *frames):
    """A reader that asks and never reads."""
    sock = conftest.raw_connect(made.read)
    sock.sendall(conftest.hello_frame() + b"".join(frames))
    return sock


def test_one_user_holds_half_of_the_memory_for_answers(made, team):
    """Of answers that nobody takes: one at a time where the memory is small."""
    made.start(read_memory="1M")
    parts = [(b"/data/%d" % i, bytes(250000), "c") for i in range(5)]
    with made.client() as client:
        team.accept(client, team.alder, contents=parts)
    socks = [deaf(made, wire.frame(wire.GET, 2, b"tally/parts/001")) for _ in range(6)]
    conftest.wait_for(lambda: 1000000 < int(probe(made)["read-bytes"]) < 3000000, "one answer")
    assert max(int(probe(made)["read-bytes"]) for _ in range(40)) < 3000000
    for sock in socks:
        sock.close()
    conftest.wait_for(lambda: probe(made)["read-bytes"] == "0", "its release")
    made.stop()


def test_answers_to_a_deaf_peer_are_bounded(made):
    """Behind a mebibyte of answers that nobody takes its requests stay in the socket."""
    made.start()
    frames = wire.frame(wire.STATUS, 3) * 1000
    sock = deaf(made)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    for _ in range(12):  # more than the daemon reads at a time
        sock.sendall(frames)

    def left_in_the_socket():
        return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]

    for _ in range(200):
        probe(made)
    assert left_in_the_socket() > 0
    client = wire.Client.__new__(wire.Client)
    client.sock, client.buffer = sock, b""
    assert client.receive()[0] == wire.WELCOME
    assert {client.receive()[0] for _ in range(12000)} == {wire.STATE}
    assert left_in_the_socket() == 0
    sock.close()
    made.stop()


def test_a_turn_answers_few_of_a_flood(made):
    """What the loop itself answers, it answers in portions: others have their turn between."""
    made.start()

    def writes():
        text = conftest.pathlib.Path(f"/proc/{made.process.pid}/io").read_text(encoding="ascii")
        return int(text.split("syscw: ")[1].split()[0])

    with made.reader() as client:
        before = writes()
        client.sock.sendall(wire.frame(wire.STATUS, 3) * 800)
        assert {client.receive()[0] for _ in range(800)} == {wire.STATE}
        assert writes() - before >= 800 // 8
    made.stop()


def test_download_stops_while_nobody_takes_it(made, team):
    """A long exhibit is read from the disk as fast as its reader takes it, and no faster."""
    data = bytes(24 << 20)
    digest = T.sha256(data)
    made.start()
    with made.client() as client:
        assert client.put(digest, data) == wire.STORED
        exhibit = T.exhibit_encode(digest, len(data), "text/plain", digest)
        team.accept(client, team.alder, kind="finding", files=[("clear", data, b"page")],
                    contents=[(b"/exhibits/page", exhibit, "c")])

    def read_bytes():
        text = conftest.pathlib.Path(f"/proc/{made.process.pid}/io").read_text(encoding="ascii")
        return int(text.split("rchar: ")[1].split()[0])

    before = read_bytes()
    sock = deaf(made, wire.frame(wire.GET, 2, b"tally/objects/" + digest.hex().encode()))
    conftest.wait_for(lambda: read_bytes() - before > 65536, "the first piece")
    # Until it rests: a hundred turns of the loop without another piece.
    seen, rested = read_bytes(), 0
    while rested < 100:
        probe(made)
        now = read_bytes()
        rested = rested + 1 if now - seen < 65536 else 0
        seen = seen if rested else now
    assert read_bytes() - before < 2 << 20
    sock.settimeout(conftest.DEADLINE_S)
    taken = 0
    while taken < len(data):
        taken += len(sock.recv(1 << 20))
    sock.close()
    made.stop()
