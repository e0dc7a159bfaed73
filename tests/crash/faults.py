#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Lets each call of a short scripted run fail in turn, and looks at what was acknowledged.

Four phases, each one process: init; serve (a start, entries, an exhibit, reads, a stop); recover
(a start on what a kill before the head guard's write left, under a clock that was set back and is
confirmed: an incident, entries, a stop); again (a start and a stop on what a kill of a recovery
left). A case is a phase, a call and its number, what goes wrong, and how often. After it, without
faults: init can be repeated, or the ledger is served again, and every receipt and exhibit that a
client was given is still there.
"""
import concurrent.futures
import errno
import itertools
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import threading
import time
import traceback

import run
from clock import Clock
from run import conftest, sample, T, wire

CALLS = re.findall(r"\bX\((\w+)\)", (run.HERE / "shim.h").read_text())
COUNTED = len(CALLS)
INJECTED, SENT_AFTER, SYNC_FAILED_NS = range(COUNTED, COUNTED + 3)
BYTES_CALLS = {"read", "pread", "write", "pwrite", "swrite", "writev", "send", "recv"}
SLOW_CALLS = BYTES_CALLS | {"open", "close", "fsync", "fdatasync", "ftruncate", "statfs", "statvfs",
                            "fcntl", "accept"}
DISK_CALLS = {"write", "pwrite", "swrite", "writev", "ftruncate", "fsync", "fdatasync", "rename",
              "unlink", "mkdir", "send"}
STICKY = 1 << 40
A_WHILE = 40  # EINTR for ever is no machine's
PHASES = ("init", "serve", "recover", "again")
INIT_ENDS, SERVE_ENDS = {0, 1, 5}, {0, 1, 2, 3, 4, 5, 6, 7}
SANITIZER_EXIT = 99
PATIENCE_S = 2  # of a client whose answer may never come
# AddressSanitizer's own end, when a thread has no memory for it; and libuv's, which knows no other
# answer when there is none for its loop or its threads.
EXCUSED = re.compile(r"pthread_getattr_np|in (?:__GI_)?abort [^\n]*\n *#\d+ \w+ [^\n]*libuv\.so")
# The daemon ended by itself while a report was being written: what it was about is not known.
CUT_OFF = re.compile(r"DEADLYSIGNAL\n=*\n?\Z")
ATTEMPTS_MORE = 4
DATA = b"an exhibit, " * 7000


def kinds(call):
    """(what, how often) of a call's faults."""
    yield from ((errno.EIO, 1), (errno.EIO, STICKY), (errno.ENOSPC, 1), (errno.ENOSPC, STICKY))
    if call in SLOW_CALLS:
        yield from ((errno.EINTR, 1), (errno.EINTR, A_WHILE))
    if call in BYTES_CALLS:
        yield from (("short", 1), ("short", STICKY))
    if call in DISK_CALLS:
        yield "kill", 1


class End:
    """When a daemon's process ends, looked out for from its start."""

    def __init__(self, process):
        self.handle = os.pidfd_open(process.pid)
        self.thread = threading.Thread(target=self.look_out)
        self.thread.start()

    def look_out(self):
        select.select([self.handle], [], [])
        self.at_ns = time.monotonic_ns()
        os.close(self.handle)

    def after_ns(self, begin_ns):
        self.thread.join()
        return self.at_ns - begin_ns


class Sweep:
    def __init__(self, directory, tallyd, tally, shim):
        conftest.TALLYD = str(tallyd)
        self.directory, self.tally, self.shim = directory, tally, shim
        self.team = conftest.Team()
        self.entries = []
        self.templates = {phase: directory / phase for phase in PHASES}
        self.counts = {}
        self.numbers = itertools.count()
        self.ends_ns = []  # from a failed sync to the end of the process
        self.prepare()

    # ---- What each case begins with ----

    def daemon(self, path):
        daemon = conftest.Daemon.__new__(conftest.Daemon)
        daemon.place(path, self.team)
        return daemon

    def prepare(self):
        self.templates["init"].mkdir()
        first = conftest.Daemon(self.templates["init"], self.team)
        shutil.copytree(first.directory, self.templates["serve"])
        done = self.init(self.daemon(self.templates["serve"]), {})
        assert done.returncode == 0, done.stderr
        self.team.take((self.templates["serve"] / "charter.receipt").read_bytes())
        self.compose()
        run.write_key(self.templates["serve"] / "host-key", sample.HOST)
        self.leave("serve", "recover", "swrite:2:kill:1")
        self.leave("recover", "again", "statvfs:1:kill:1")  # the head guard has been written
        heads = [(self.templates[phase] / "data/head").read_bytes() for phase in PHASES[1:]]
        assert heads[0] == heads[1] != heads[2]
        for phase in PHASES:
            _, counts = self.run_phase(phase, None, self.copy(phase, f"count-{phase}"))
            self.counts[phase] = dict(zip(CALLS, counts))

    def leave(self, phase, left, fault):
        """The template of a phase is what a kill in another one leaves."""
        self.copy(phase, left)
        daemon = self.daemon(self.templates[left])
        self.serve(daemon, {"CRASH_FAULT": fault}, self.entries)
        assert self.finish(daemon) == -signal.SIGKILL
        (self.templates[left] / "log").unlink()

    def compose(self):
        """Signed once, for the one charter record that all cases begin with."""
        alder, birch = self.team.alder, self.team.birch
        for author in (alder, birch, alder):
            self.entries.append(author.advance(author.compose()))
        digest = T.sha256(DATA)
        part = T.exhibit_encode(digest, len(DATA), "text/plain", digest)
        self.entries.append(alder.advance(alder.compose(
            "finding", contents=[(b"/exhibits/page", part, "c")],
            files=[("clear", DATA, b"page")])))
        self.entries.append(birch.advance(birch.compose()))

    def copy(self, phase, name):
        """A directory of its own; sockets cannot be copied."""
        path = self.directory / name
        shutil.copytree(self.templates[phase], path,
                        ignore=shutil.ignore_patterns("*.sock", "notify"))
        return path

    # ---- The phases ----

    def init(self, daemon, given):
        return daemon.init("--receipt", daemon.directory / "charter.receipt",
                           environment=run.environment(self.shim, **given))

    @staticmethod
    def came_up(daemon):
        """Whether it serves: it says so, or it can be reached, or it has ended."""
        daemon.notify.settimeout(0.01)
        try:
            if "READY=1" in daemon.notify.recv(4096).decode():
                return True
        except TimeoutError:
            pass
        if daemon.process.poll() is not None:
            return True
        try:
            daemon.client(timeout=PATIENCE_S).close()
        except (*run.MISSED, OSError, wire.Refused):
            return False
        return True

    @staticmethod
    def confirm(daemon):
        """Whatever the clock says is right. Where it is the log that fails, nothing tells more."""
        daemon.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + PATIENCE_S
        while ("has confirmed the clock" not in daemon.log() and daemon.process.poll() is None
               and time.monotonic() < end):
            time.sleep(0.01)

    def serve(self, daemon, given, entries, clock=None):
        """Gives what was acknowledged: {number of the entry: receipt}, and whether the exhibit."""
        held, stored = {}, False
        daemon.start(wait=False, environment=run.environment(self.shim, clock, **given),
                     sandbox="no", host_key=daemon.directory / "host-key")
        daemon.end_of_process = End(daemon.process)
        conftest.wait_for(lambda: self.came_up(daemon), "start or end")
        if clock:
            self.confirm(daemon)
        try:
            for number, entry in enumerate(entries):
                with daemon.client(timeout=PATIENCE_S) as client:
                    if entry.files:
                        stored = client.put(T.sha256(DATA), DATA) == wire.STORED
                    kind, payload = client.submit(run.submission(entry))
                    if kind == wire.RECEIPT:
                        held[number] = payload
                        client.get("receipt/1")
                    client.ask(wire.STATUS)
        except (*run.MISSED, TimeoutError, ConnectionRefusedError, FileNotFoundError, wire.Refused):
            pass
        return held, stored

    @staticmethod
    def finish(daemon):
        """Its exit code, by itself or when asked."""
        try:
            if daemon.process.poll() is None:
                daemon.process.send_signal(signal.SIGTERM)
            return daemon.wait_exit()
        finally:
            daemon.end()

    def run_phase(self, phase, fault, path):
        """(what the phase did, the counts of calls)."""
        given = {"CRASH_COUNTS": path / "counts"}
        if fault:
            given["CRASH_FAULT"] = fault
        daemon = self.daemon(path)
        if phase == "init":
            done = self.init(daemon, given)
            did = (done.returncode, done.stderr.decode(), {}, False)
        else:
            try:
                clock = None
                if phase == "recover":
                    clock = Clock(path / "clock")
                    clock.set(-run.HOUR)
                entries = () if phase == "again" else self.entries
                held, stored = self.serve(daemon, given, entries, clock)
                did = (self.finish(daemon), daemon.log(), held, stored)
            finally:
                daemon.end()
        counts = (path / "counts").read_bytes()
        counts = struct.unpack(f"={len(counts) // 8}Q", counts)
        if phase != "init" and counts[SYNC_FAILED_NS]:
            self.ends_ns.append(daemon.end_of_process.after_ns(counts[SYNC_FAILED_NS]))
        return did, counts

    # ---- Cases ----

    def cases(self, allocations=True):
        for phase in PHASES:
            for call, count in self.counts[phase].items():
                if call == "alloc":
                    continue
                for number in range(1, count + 1):
                    for what, often in kinds(call):
                        yield phase, call, number, what, often
            for number in range(1, self.counts[phase]["alloc"] + 1 if allocations else 1):
                for often in (1, STICKY):
                    yield phase, "alloc", number, errno.ENOMEM, often

    def judge(self, case):
        """What is wrong with the case: nothing, mostly."""
        problems = self.attempt(case)
        for _ in range(ATTEMPTS_MORE):
            if any(CUT_OFF.search(problem) for problem in problems):
                problems = self.attempt(case)
        return problems

    def attempt(self, case):
        phase, call, number, what, often = case
        path = self.copy(phase, f"case-{next(self.numbers)}")
        try:
            fault = f"{call}:{number}:{what}:{often}"
            did, counts = self.run_phase(phase, fault, path)
            problems = list(self.faults_of(case, did, counts))
            problems += self.afterwards(phase, path, did)
        except Exception as problem:  # pylint: disable=broad-except
            problems = ["".join(traceback.format_exception(problem))]
        shutil.rmtree(path)
        return problems

    @staticmethod
    def faults_of(case, did, counts):
        phase, call, _, what, _ = case
        code, log, _, _ = did
        injected, sent_after = counts[INJECTED], counts[SENT_AFTER]
        if call == "alloc" and EXCUSED.search(log):
            return
        if what == "kill" and injected:
            if code != -signal.SIGKILL:
                yield f"killed, exit code {code}"
            return
        ends = INIT_ENDS if phase == "init" else SERVE_ENDS
        if code not in ends or "Sanitizer" in log or "runtime error" in log:
            yield f"exit code {code}: {log}"
        synced = call in ("fsync", "fdatasync") or (call == "swrite" and what != errno.EINTR)
        if synced and injected and phase != "init":
            if code != 7:
                yield f"a sync failed, exit code {code}"
            if injected > 1:
                yield f"a sync failed, and {injected - 1} more were tried"
            if sent_after:
                yield f"a sync failed, and {sent_after} answers were sent"

    def afterwards(self, phase, path, did):
        """Without faults, all that was said holds."""
        code, _, held, stored = did
        daemon = self.daemon(path)
        if phase == "init":
            if not daemon.data.exists():
                (path / "charter.receipt").unlink(missing_ok=True)
                assert code != 0
                done = daemon.init()
                assert done.returncode == 0, done.stderr
            daemon.start()
            daemon.stop()
            return
        daemon.start()
        try:
            with daemon.client() as client:
                digest = T.sha256(DATA)
                if stored:
                    kind, _ = client.ask(wire.PUT, digest + struct.pack(">Q", len(DATA)))
                    assert kind == wire.STORED, "the exhibit was told to be stored"
                assert client.put(digest, DATA) == wire.STORED
                for number, entry in enumerate(self.entries):
                    kind, payload = client.submit(run.submission(entry))
                    assert kind == wire.RECEIPT, payload
                    if held.setdefault(number, payload) != payload:
                        yield f"entry {number} has another receipt now"
                assert client.get(f"tally/objects/{digest.hex()}") == DATA
            daemon.stop()
        finally:
            daemon.end()
        for number, payload in held.items():
            (path / f"{number}.receipt").write_bytes(payload)
        yield from self.verify(daemon.data, [path / f"{number}.receipt" for number in held])

    def verify(self, data, receipts):
        options = [part for path in receipts for part in ("--receipt", path)]
        done = subprocess.run(
            [self.tally, "verify", data, "--ledger", T.b64(self.team.id), "--quiet", "--jobs", "1",
             "--state", data.parent / "state", *options], capture_output=True, check=False)
        if done.returncode != 0:
            yield f"tally verify: {done.stdout.decode()}{done.stderr.decode()}"

    def run(self, cases, workers, progress=lambda done: None):
        """{case: problems} of those that have any."""
        bad = {}
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            for done, (case, problems) in enumerate(zip(cases, pool.map(self.judge, cases)), 1):
                progress(done)
                if problems:
                    bad[case] = problems
        return bad


def describe(case):
    phase, call, number, what, often = case
    what = errno.errorcode.get(what, what)
    return f"{phase}: {call} {number} {what} {'once' if often == 1 else 'from then on'}"
