#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""systemctl for the tests of docs/operations.md: the one unit tallyd.service, really started.

ROOT is the directory that stands for /. A drop-in's ExecStart counts, as with the real one.
"""
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys

ROOT = pathlib.Path(os.environ["ROOT"])
PID = ROOT / "run/tallyd.pid"
LOG = ROOT / "log"


def command():
    line = f"tallyd serve --config {ROOT}/etc/tally/tallyd.conf"
    for path in sorted((ROOT / "run/systemd/system/tallyd.service.d").glob("*.conf")):
        starts = [text.split("=", 1)[1] for text in path.read_text().splitlines()
                  if text.startswith("ExecStart=")]
        line = starts[-1] if starts else line
    return [os.environ["TALLYD"], *line.split()[1:]]


def start():
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = ROOT / "run/notify"
    path.unlink(missing_ok=True)
    notify.bind(str(path))
    notify.settimeout(0.1)
    with open(LOG, "ab") as log:
        child = subprocess.Popen(command(), stderr=log, stdout=log, stdin=subprocess.DEVNULL,
                                 env={**os.environ, "NOTIFY_SOCKET": str(path)},
                                 start_new_session=True)
    while True:
        try:
            if b"READY=1" in notify.recv(4096):
                PID.write_text(str(child.pid))
                return 0
        except socket.timeout:
            pass
        if child.poll() is not None:
            return 1


def stop():
    if PID.exists():
        pid = int(PID.read_text())
        PID.unlink()
        handle = os.pidfd_open(pid)
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        select.select([handle], [], [])  # readable once it has ended
    return 0


def reload():
    before = LOG.read_bytes().count(b"clock")
    os.kill(int(PID.read_text()), signal.SIGHUP)
    while LOG.read_bytes().count(b"clock") == before:
        pass
    return 0


def main(words):
    verb = words[0]
    if verb == "daemon-reload":
        return 0
    assert words[-1] == "tallyd.service", words
    if verb in ("stop", "disable"):
        return stop()
    if verb in ("start", "enable"):
        return start()
    if verb == "restart":
        return stop() or start()
    assert verb == "reload", words
    return reload()


sys.exit(main(sys.argv[1:]))
