# SPDX-License-Identifier: ISC
"""Clients that are slow, silent, greedy, broken or hostile."""
import os
import socket
import struct
import subprocess
import threading
import time

import conftest
import pytest
import tallyref as T
import wire
from conftest import TALLY


def submission(entry):
    return T.submission_encode(entry.submission())


def read_to_end(sock):
    data = b""
    try:
        while True:
            more = sock.recv(65536)
            if not more:
                return data
            data += more
    except ConnectionResetError:
        return data


def test_silent_peer_is_closed(made):
    made.start(handshake_timeout="200ms")
    sock = conftest.raw_connect(made.submit)
    assert read_to_end(sock) == b""
    assert "no HELLO in time" in made.log()
    made.stop()


def test_slow_frame_is_closed(made):
    made.start(frame_timeout="300ms")
    for sent in (b"\0", wire.frame(wire.SUBMIT, 1, bytes(5000))[:-1]):
        with made.client() as client:
            client.sock.sendall(sent)
            assert client.is_closed()
    assert "a frame took too long" in made.log()
    made.stop()


def test_byte_by_byte_is_served(daemon, team):
    entry = team.alder.compose()
    stream = conftest.hello_frame() + wire.frame(wire.SUBMIT, 2, submission(entry))
    sock = conftest.raw_connect(daemon.submit)
    for i in range(len(stream)):
        sock.sendall(stream[i:i + 1])
    client = wire.Client.__new__(wire.Client)
    client.sock, client.buffer = sock, b""
    assert client.receive()[0] == wire.WELCOME
    kind, request, payload = client.receive()
    assert (kind, request) == (wire.RECEIPT, 2)
    team.take(payload)
    sock.close()


def test_idle_peer_is_closed(made):
    made.start(idle_timeout="300ms")
    with made.client() as client:
        assert client.is_closed()
    made.stop()


def test_half_closed_peer_gets_its_answers(daemon, team):
    entries = [team.alder.advance(team.alder.compose()) for _ in range(20)]
    with daemon.client() as client:
        for entry in entries:
            client.send(wire.SUBMIT, submission(entry))
        client.send(wire.GET, b"checkpoint")
        client.sock.shutdown(socket.SHUT_WR)
        kinds = []
        try:
            while True:
                kinds.append(client.receive()[0])
        except wire.Closed:
            pass
    assert kinds.count(wire.RECEIPT) == 20
    assert kinds.count(wire.END) == 1


def test_half_closed_amid_an_upload_gets_its_answers(daemon, team):
    """The upload cannot end any more; what else was asked is answered all the same."""
    entries = [team.alder.advance(team.alder.compose()) for _ in range(20)]
    with daemon.client() as client:
        assert client.ask(wire.PUT, T.sha256(b"y") + struct.pack(">Q", 1))[0] == wire.READY
        for entry in entries:
            client.send(wire.SUBMIT, submission(entry))
        client.sock.shutdown(socket.SHUT_WR)
        for entry in entries:
            assert client.receive()[0] == wire.RECEIPT
        assert client.is_closed()
    conftest.wait_for(lambda: probe(daemon)["uploads"] == "0", "the upload's end")


def test_peer_that_leaves_before_its_answer(daemon, team):
    entry = team.alder.compose()
    for _ in range(20):
        client = daemon.client()
        client.send(wire.SUBMIT, submission(entry))
        client.send(wire.GET, b"tile/entries/000.p/1")
        client.close()
    with daemon.client() as client:
        team.accept(client, team.alder, entry)
        conftest.wait_for(lambda: client.state()["connections"] == "1", "the others' end")


@pytest.mark.parametrize("sent", [
    struct.pack(">IBI", 5, 0x7f, 1),                       # unknown message
    struct.pack(">IBI", 4, wire.STATUS, 1),                # shorter than a header
    struct.pack(">IBI", 5 + 8388609, wire.SUBMIT, 1),      # too long, refused from its header
    struct.pack(">IBI", 0xffffffff, wire.GET, 1),
    struct.pack(">IBI", 6, wire.STATUS, 1) + b"x",
    wire.frame(wire.WELCOME, 1, b""),                      # the daemon's own message
    wire.frame(wire.HELLO, 1, struct.pack(">HH", 1, 0)),   # twice
    wire.frame(wire.PUT, 1, bytes(39)),
    wire.frame(wire.PUT, 1, bytes(40)) + wire.frame(wire.PUT, 2, bytes(40)),
], ids=range(9))
def test_broken_protocol_is_told_and_closed(daemon, sent):
    with daemon.client() as client:
        client.sock.sendall(sent)
        errors = []
        try:
            while True:
                kind, _, payload = client.receive()
                if kind == wire.ERROR:
                    errors.append(wire.status_of(payload))
        except (wire.Closed, ConnectionResetError):
            pass
        assert errors == [wire.EPROTOCOL]


def test_long_frame_is_refused_from_its_header(daemon):
    """One that may not come now, or not on this socket, takes no memory first."""
    header = struct.pack(">IBI", 5 + 8388608, wire.SUBMIT, 7)
    with daemon.reader() as client:
        client.sock.sendall(header)
        kind, answered, payload = client.receive()
        assert (kind, answered, wire.status_of(payload)) == (wire.ERROR, 7, wire.EACCES)
        assert client.is_closed()
    with daemon.client(greet=False) as client:
        client.sock.sendall(header)
        kind, answered, payload = client.receive()
        assert (kind, answered, wire.status_of(payload)) == (wire.ERROR, 7, wire.EPROTOCOL)
        assert client.is_closed()


def test_requests_before_hello(daemon):
    for kind in (wire.SUBMIT, wire.GET, wire.STATUS, wire.PUT, wire.PUT_DATA, wire.PUT_END):
        with daemon.client(greet=False) as client:
            client.send(kind)
            answer, _, payload = client.receive()
            assert (answer, wire.status_of(payload)) == (wire.ERROR, wire.EPROTOCOL)
            assert client.is_closed()


def test_other_protocol_version(daemon):
    with pytest.raises(wire.Refused) as refused:
        daemon.client(version=2)
    assert refused.value.status == -25


def test_data_of_no_upload_is_ignored(daemon):
    with daemon.client() as client:
        client.send(wire.PUT_DATA, b"x" * 1000)
        client.send(wire.PUT_END)
        assert client.state()["uploads"] == "0"


def test_peer_that_never_reads(made, team):
    """Its requests stop being read, its answers are bounded, others are served, it is closed."""
    made.start(write_timeout="500ms")
    with made.client() as client:
        for _ in range(3):
            team.accept(client, team.alder, contents=[(b"/body", b"x" * 200000, "c")])
    before = made.rss_kib()
    deaf = conftest.raw_connect(made.read)
    deaf.sendall(conftest.hello_frame())
    deaf.settimeout(0.2)
    get = wire.frame(wire.GET, 7, b"tally/parts/001")
    sent = 0
    try:
        while sent < 4000000:
            sent += deaf.send(get * 1000)
    except (socket.timeout, BrokenPipeError, ConnectionResetError):
        pass
    assert sent < 4000000, "the daemon reads on although nothing is taken"
    with made.client() as client:
        team.accept(client, team.alder)
        conftest.wait_for(lambda: client.state()["connections-timed-out"] == "1", "its end")
    if "SANITIZED" not in os.environ:
        assert made.rss_kib() - before < 32768
    assert "answers were not read" in made.log()
    deaf.close()
    made.stop()


def test_readers_share_their_memory(made, team):
    """Answers that do not fit the common memory wait for each other, and all come."""
    made.start(read_memory="1M", io_threads=1)
    with made.client() as client:
        for _ in range(3):
            team.accept(client, team.alder, contents=[
                (b"/body" + bytes([i]), b"x" * 250000, "c") for i in range(97, 101)])
    sizes = []

    def read_all():
        with made.reader() as reader:
            for index in (1, 2, 3, 1):
                reader.send(wire.GET, f"tally/parts/00{index}".encode())
            got = {}
            ended = 0
            while ended < 4:
                kind, request, payload = reader.receive()
                assert kind in (wire.DATA, wire.END)
                got[request] = got.get(request, 0) + len(payload)
                ended += kind == wire.END
            sizes.extend(got.values())

    threads = [threading.Thread(target=read_all) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sizes) == 24 and len(set(sizes)) == 1 and sizes[0] > 1000000
    conftest.wait_for(lambda: probe(made)["read-bytes"] == "0", "the memory's release")
    made.stop()


def test_stop_does_not_wait_for_a_deaf_peer(made, team):
    made.start(stop_timeout="200ms")
    with made.client() as client:
        team.accept(client, team.alder, contents=[(b"/body", b"x" * 250000, "c")])
    deaf = made.reader()
    for _ in range(8):
        deaf.send(wire.GET, b"tally/parts/001")
    conftest.wait_for(lambda: int(probe(made)["read-bytes"]) > 0, "answers that wait")
    made.stop()
    deaf.close()


def test_slow_reader_gets_everything(daemon, team):
    data = os.urandom(3 << 20)
    digest = T.sha256(data)
    exhibit = T.exhibit_encode(digest, len(data), "text/plain", digest)
    with daemon.client() as client:
        assert client.put(digest, data) == wire.STORED
        team.accept(client, team.alder, kind="finding", files=[("clear", data, b"page")],
                    contents=[(b"/exhibits/page", exhibit, "c")])
    sock = conftest.raw_connect(daemon.read)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.sendall(conftest.hello_frame()
                 + wire.frame(wire.GET, 2, b"tally/objects/" + digest.hex().encode()))
    client = wire.Client.__new__(wire.Client)
    client.sock, client.buffer = sock, b""
    assert client.receive()[0] == wire.WELCOME
    out = b""
    while True:
        kind, _, payload = client.receive()
        if kind == wire.END:
            break
        out += payload
    assert out == data
    sock.close()


def test_flood_of_submissions_is_held_back(made, team):
    """More than the queue takes: the client waits, nothing is lost, nothing is rejected."""
    made.start(queue_count=8, requests_per_connection=4, batch_count=3)
    entries = [team.alder.advance(team.alder.compose()) for _ in range(60)]
    with made.client() as client, made.client() as other:
        for entry in entries:
            client.send(wire.SUBMIT, submission(entry))
        team.accept(other, team.birch)
        for _ in entries:
            kind, _, payload = client.receive()
            assert kind == wire.RECEIPT, payload
    made.stop()


def test_long_frames_share_their_memory(made, team):
    """Frames of 8 MiB wait for each other; short ones do not wait for them."""
    made.start(frame_memory="8392704", frame_timeout="30s")
    first = made.client()
    second = made.client()
    header = struct.pack(">IBI", 5 + 8388608, wire.SUBMIT, 2)
    first.sock.sendall(header + bytes(1000))
    conftest.wait_for(lambda: probe(made)["frame-bytes"] != "0", "the first frame's memory")
    second.sock.settimeout(0.5)
    sent = 0
    try:
        second.sock.sendall(header)
        while True:
            sent += second.sock.send(bytes(65536))
    except socket.timeout:
        pass
    assert sent < 4 << 20, "the second frame does not wait"
    with made.client() as client:
        team.accept(client, team.alder)
    first.close()
    second.sock.settimeout(20)
    second.sock.sendall(bytes(8388608 - sent))
    kind, _, payload = second.receive()
    assert kind == wire.REJECTION
    second.close()
    made.stop()


def probe(daemon):
    with daemon.reader() as reader:
        return reader.state()


def test_connection_limits(made):
    made.start(connections=6, connections_per_user=4)
    clients = [made.client() for _ in range(4)]
    with pytest.raises(wire.Refused) as refused:
        made.client()
    assert refused.value.status == wire.EBUSY
    clients.pop().close()
    conftest.wait_for(lambda: conftest.can_connect(made), "a place")
    for client in clients:
        client.close()
    made.stop()


def test_many_connections_come_and_go(made):
    made.start(connections=64, connections_per_user=64, handshake_timeout="2s")
    socks = []
    for _ in range(300):
        sock = conftest.raw_connect(made.read)
        socks.append(sock)
    for sock in socks:
        sock.close()
    conftest.wait_for(lambda: conftest.can_connect(made), "service")
    made.stop()


def test_few_descriptors(made):
    """Too few even for a few peers: clients are dropped, nothing spins, service comes back."""
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (28, 28))

    made.start(preexec=limit, environment={"WATCHDOG_USEC": "800000"})
    clock = os.sysconf("SC_CLK_TCK")

    def cpu():
        with open(f"/proc/{made.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / clock

    # The second time shows that what clients are dropped with comes back.
    for _ in range(2):
        socks = [conftest.raw_connect(made.read) for _ in range(80)]
        made.wait_notified("WATCHDOG=1")
        before, began = cpu(), time.monotonic()
        made.wait_notified("WATCHDOG=1")
        made.wait_notified("WATCHDOG=1")
        assert cpu() - before < 0.5 * (time.monotonic() - began)
        for sock in socks:
            sock.close()
        conftest.wait_for(lambda: conftest.can_connect(made), "service")
    made.stop()


def test_peers_leave_descriptors_to_the_ledger(made, team):
    """However many come, an entry with an exhibit is taken, synced and served."""
    import resource
    made.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (88, 88)), workers=2)
    data = b"while peers crowd"
    digest = T.sha256(data)
    exhibit = T.exhibit_encode(digest, len(data), "text/plain", digest)
    with made.client() as client:
        socks = [conftest.raw_connect(made.read) for _ in range(100)]
        assert client.put(digest, data) == wire.STORED
        team.accept(client, team.alder, kind="finding", files=[("clear", data, b"page")],
                    contents=[(b"/exhibits/page", exhibit, "c")])
        assert client.get("tally/objects/" + digest.hex()) == data
        for sock in socks:
            sock.close()
    assert "are taken (LimitNOFILE" in made.log()
    made.stop()


def test_no_space_is_said_early(made, team):
    made.start(disk_reserve="1T")
    with made.client() as client:
        assert team.reject(client, team.alder.compose()) == "no-space"
        assert client.put(T.sha256(b"x"), b"x") == -17
        assert client.submit(submission(team.charter)) == (wire.RECEIPT, team.receipts[0])
        assert client.state()["signing"] == "no-space"
    made.restart()
    with made.client() as client:
        team.accept(client, team.alder)
    made.stop()


def test_full_map_is_said_early(made, team):
    """However fast batches come, the map is never full: what one takes is kept free."""
    made.start(map_size="256M")
    parts = [(b"/body", b'"text"', "c"),
             *((b"/data/%02d" % i, bytes(262000), "c") for i in range(15))]
    entries = [team.alder.advance(team.alder.compose(contents=parts)) for _ in range(70)]
    with made.client() as client:
        def send():
            for entry in entries:
                client.send(wire.SUBMIT, submission(entry))
        sender = threading.Thread(target=send)
        sender.start()
        answers = {}
        for _ in entries:
            kind, request, payload = client.receive()
            answers[request] = (kind, payload)
        sender.join()
        taken = 0
        for kind, payload in (answers[request] for request in sorted(answers)):
            if kind == wire.REJECTION:
                assert T.rejection_open(payload, team.note_key)["code"] == "no-space"
            else:
                assert kind == wire.RECEIPT
                assert team.take(payload)[0] == taken + 1
                taken += 1
    assert 0 < taken < len(entries)
    made.restart(map_size="1G")
    with made.client() as client:
        kind, payload = client.submit(submission(entries[taken]))
        assert kind == wire.RECEIPT
    made.stop()


def test_foreign_bytes_never_reach_the_log(daemon, team):
    """The fixture looks at every byte of the log; here is what could get there."""
    evil = b"\x1b[31m\n<0>forged line\r\xe2\x80\xae\0"
    with daemon.client() as client:
        client.submit(evil)
        client.get("\x1b[31m" + "x" * 20)
    for payload in (evil, struct.pack(">HH", 1, len(evil)) + evil):
        with daemon.client(greet=False) as client:
            client.send(wire.HELLO, payload)
            client.receive()
    entry = team.alder.compose(contents=[(b"/body", evil, "c")])
    with daemon.client() as client:
        team.accept(client, team.alder, entry)
    assert "forged" not in daemon.log()
    daemon.stop()
    assert "forged" not in daemon.log()


def test_foreign_bytes_never_reach_the_terminal(daemon, team):
    """Names and values that no client of ours would compose, and a ledger that verifies."""
    acts = "\x1b[2J\x07\u202e\u009b".encode()
    with daemon.client() as client:
        index, _ = team.accept(client, team.alder, kind="finding", contents=[
            (b"/title", b'"' + acts + b'"', "c"), (b"/z" + acts, acts, "c")])
    environment = {**os.environ, "TALLY_STATE": str(daemon.directory / "state"),
                   "TALLY_LEDGER": T.b64(team.id), "TALLY_SOURCE": str(daemon.read)}
    bundle = daemon.directory / "bundle"
    for words in (("verify",), ("show", index), ("log",), ("search", "title"),
                  ("bundle", index, "--output", bundle), ("verify", bundle)):
        done = subprocess.run([TALLY, *map(str, words)], env=environment, capture_output=True,
                              timeout=60, check=False)
        assert done.returncode in (0, 4), (words, done.stderr)
        assert not set("\x1b\x07\u202e\u009b") & set((done.stdout + done.stderr).decode()), words
        assert words[0] != "show" or b"/z" in done.stdout
