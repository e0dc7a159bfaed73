# SPDX-License-Identifier: ISC
"""Limits that show while a commit lasts, while users crowd, or when a client has gone."""
import os
import shutil
import subprocess

import conftest
import pytest
import tallyref as T
import wire


def probe(daemon):
    with daemon.reader() as reader:
        return reader.state()


def hold_commit(made):
    """strace, attached: the next sync of the store lasts until strace ends."""
    if shutil.which("strace") is None:
        pytest.skip("no strace to hold a commit")
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(made.process.pid), "-e",
         "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=300s:when=1",
         "-P", str(made.data / "store" / "data.mdb")])
    conftest.wait_for(lambda: "TracerPid:\t0" not in conftest.pathlib.Path(
        f"/proc/{made.process.pid}/status").read_text(), "strace")
    return tracer


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
    tracer = hold_commit(made)
    with made.client() as client:
        client.send(wire.SUBMIT, T.submission_encode(entry.submission()))
        client.sock.settimeout(60)
        client.sock.sendall(frame * count)
        conftest.wait_for(lambda: int(probe(made)["queue"]) >= min(most, count) // 2, "a queue")
        # Each answer is a turn of the loop, in which the others' bytes are read as well.
        queued = [int(probe(made)["queue"]) for _ in range(40)]
        assert max(queued) <= most
        tracer.terminate()
        tracer.wait()
        receipts = {client.receive()[2] for _ in range(count + 1)}
    assert len(receipts) == 1
    team.take(receipts.pop())
    made.stop()


def connect_as(uid, path, count):
    """Connections of another user, held by a process of that user's; its end is theirs."""
    script = ("import os, socket, sys\n"
              "os.setuid(int(sys.argv[1]))\n"
              "held = []\n"
              "for _ in range(int(sys.argv[3])):\n"
              "    held.append(socket.socket(socket.AF_UNIX))\n"
              "    held[-1].connect(sys.argv[2])\n"
              "print('held', flush=True)\n"
              "sys.stdin.read()\n")
    child = subprocess.Popen(["/usr/bin/python3", "-c", script, str(uid), str(path), str(count)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"held\n"
    return child


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is only to be had by root")
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


def test_memory_of_a_long_frame_comes_back(made):
    """A connection that ends in the middle of a long frame leaves nothing reserved."""
    made.start()
    with made.client() as client:
        client.sock.sendall(wire.struct.pack(">IBI", 5 + 8000000, wire.SUBMIT, 2) + bytes(200000))
        conftest.wait_for(lambda: probe(made)["frame-bytes"] != "0", "a reserved frame")
    conftest.wait_for(lambda: probe(made)["frame-bytes"] == "0", "its release")
    made.stop()
