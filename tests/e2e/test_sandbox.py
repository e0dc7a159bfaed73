# SPDX-License-Identifier: ISC
"""The sandbox of a running daemon: on for every thread, shown, refused to be left out silently."""
import ctypes
import errno
import os
import pathlib
import re
import struct

import conftest
import pytest
import tallyref as T
import wire

SCMP_ACT_ALLOW = 0x7FFF0000
SCMP_ACT_ERRNO = 0x00050000
SCMP_CMP_EQ = 4
PR_SET_SECCOMP = 22
EIO = -14  # of tally/status.h
ON = re.compile(r"landlock-[2-9]\d* calls-\d+$")


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64),
                ("b", ctypes.c_uint64)]


def lacking(*calls):
    """For a process to be started: a kernel that fails (name, error, first argument)."""
    def deny():
        lib = ctypes.CDLL("libseccomp.so.2")
        lib.seccomp_init.restype = ctypes.c_void_p
        lib.seccomp_rule_add_array.argtypes = [
            ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
        lib.seccomp_load.argtypes = [ctypes.c_void_p]
        context = lib.seccomp_init(SCMP_ACT_ALLOW)
        for name, error, first in calls:
            compare = Compare(0, SCMP_CMP_EQ, first or 0, 0)
            number = lib.seccomp_syscall_resolve_name(name.encode())
            assert lib.seccomp_rule_add_array(
                context, SCMP_ACT_ERRNO | error, number, 0 if first is None else 1,
                ctypes.byref(compare)) == 0
        assert lib.seccomp_load(context) == 0
    return deny


MISSING = {
    "no Landlock": ([("landlock_create_ruleset", errno.EOPNOTSUPP, None)],
                    "Landlock ABI 2 is needed, and 0 is there"),
    "Landlock refuses": ([("landlock_restrict_self", errno.E2BIG, None)],
                         "Landlock refuses its rules"),
    "no seccomp": ([("seccomp", errno.ENOSYS, None), ("prctl", errno.EINVAL, PR_SET_SECCOMP)],
                   "the filter of system calls is refused"),
    "no mlock": ([("mlock", errno.EPERM, None)],
                 "the memory of the keys cannot be locked: raise LimitMEMLOCK="),
}


def threads_of(daemon):
    """What the kernel says of each thread."""
    tasks = pathlib.Path(f"/proc/{daemon.process.pid}/task")
    for task in tasks.iterdir():
        lines = (task / "status").read_text(encoding="ascii").splitlines()
        yield dict(line.split(":\t", 1) for line in lines)


def test_every_thread_is_in_it(made, team):
    made.start()
    with made.client() as client:
        # Every kind of thread has worked.
        team.accept(client, team.alder)
        assert client.get("checkpoint") != b""
        assert ON.match(client.state()["sandbox"])
    made.wait_notified("STATUS=")
    threads = list(threads_of(made))
    assert len(threads) > 4
    for thread in threads:
        assert (thread["Seccomp"], thread["NoNewPrivs"]) == ("2", "1")
        if "SANITIZED" not in os.environ:  # there mlock does nothing and says that it has
            assert int(thread["VmLck"].split()[0]) > 0
    limits = pathlib.Path(f"/proc/{made.process.pid}/limits").read_text(encoding="ascii")
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    assert "sandbox: landlock-" in made.log()
    made.stop()


def test_it_can_be_left_out(made):
    made.start(sandbox="no")
    with made.client() as client:
        assert client.state()["sandbox"] == "off"
    assert {thread["Seccomp"] for thread in threads_of(made)} == {"0"}
    assert "<4>the sandbox is off" in made.log()
    made.stop()


def test_status_names_it(made):
    made.start()
    assert ", sandbox landlock-" in made.wait_notified("STATUS=")
    made.stop()


@pytest.mark.parametrize("what", MISSING)
def test_no_start_without_a_part_of_it(made, what):
    if what == "no mlock" and "SANITIZED" in os.environ:
        pytest.skip("mlock does nothing here and says that it has")
    calls, message = MISSING[what]
    code, said = made.refuses_to_start(preexec=lacking(*calls))
    assert code == 8
    assert message in said and '"sandbox no"' in said
    assert not made.submit.exists()
    made.start(preexec=lacking(*calls), sandbox="no")
    with made.client() as client:
        assert client.state()["sandbox"] == "off"
    made.stop()


@pytest.mark.parametrize("sandbox", ["yes", "no"])
def test_foreign_file_cannot_be_read(made, sandbox):
    """The exhibits' directory becomes a link to another: only Landlock stands before its files."""
    data = b"another's"
    name = T.sha256(data).hex()
    outside = made.directory / "outside"
    outside.mkdir()
    (outside / name).write_bytes(data)
    made.start(sandbox=sandbox)
    os.rename(made.data / "exhibits", made.directory / "exhibits")
    os.symlink(outside, made.data / "exhibits")
    with made.reader() as reader:
        assert reader.get("tally/objects/" + name) == (data if sandbox == "no" else EIO)
    os.unlink(made.data / "exhibits")
    os.rename(made.directory / "exhibits", made.data / "exhibits")
    made.stop()


@pytest.mark.parametrize("sandbox", ["yes", "no"])
def test_own_files_cannot_be_read_by_name(made, sandbox):
    """What lies in the data directory itself, perhaps the key, is open already or never."""
    data = b"beside the store"
    name = T.sha256(data).hex()
    (made.data / name).write_bytes(data)
    made.start(sandbox=sandbox)
    os.rename(made.data / "exhibits", made.directory / "exhibits")
    os.symlink(".", made.data / "exhibits")
    with made.reader() as reader:
        assert reader.get("tally/objects/" + name) == (data if sandbox == "no" else EIO)
    os.unlink(made.data / "exhibits")
    os.rename(made.directory / "exhibits", made.data / "exhibits")
    made.stop()


@pytest.mark.parametrize("sandbox", ["yes", "no"])
def test_no_file_is_made_beside_the_sockets(made, sandbox):
    """Of their directory the daemon needs to remove them, and nothing else."""
    beside = made.directory / "beside"
    for name in ("", "incoming", "deposits"):
        (beside / name).mkdir()
    made.start(sandbox=sandbox, submit_socket=beside / "submit.sock",
               read_socket=beside / "read.sock")
    made.submit = beside / "submit.sock"
    os.rename(made.data / "exhibits", made.directory / "exhibits")
    os.symlink(beside, made.data / "exhibits")
    with made.client() as client:
        client.send(wire.PUT, bytes(32) + struct.pack(">Q", 9))
        assert client.receive()[0] == (wire.READY if sandbox == "no" else wire.ERROR)
        assert len(list((beside / "incoming").iterdir())) == (1 if sandbox == "no" else 0)
    os.unlink(made.data / "exhibits")
    os.rename(made.directory / "exhibits", made.data / "exhibits")
    made.stop()
