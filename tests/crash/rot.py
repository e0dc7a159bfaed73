# SPDX-License-Identifier: ISC
"""Bits that flip in a stored ledger: before a start, and below a daemon that serves it.

A flip is found (the daemon ends with an exit code of tallyd(8) and says why, or its scrub says that
records or an exhibit are damaged), or it changed nothing that anybody can see: then every receipt
that was given holds against what is stored.
"""
import collections
import concurrent.futures
import os
import random
import shutil
import subprocess

import run
from run import T, sample, wire

ENTRIES = 60
FOUND = {3, 6, 7}  # exit codes: rolled back, damaged, what was to be stored could not be
GONE = (*run.MISSED, ConnectionRefusedError, FileNotFoundError, wire.Refused)
PAGE = 4096
HEAD_LEN = 96  # of a page: what it says of itself, and where its first nodes are


class Rot:
    """One ledger, of which each flip gets a copy."""

    def __init__(self, directory, tallyd, tally):
        run.conftest.TALLYD, self.tally = str(tallyd), str(tally)
        self.directory = directory
        self.team = run.conftest.Team()
        self.origin = directory / "origin"
        self.origin.mkdir()
        daemon = run.conftest.Daemon(self.origin, self.team)
        receipt = self.origin / "charter.receipt"
        assert daemon.init("--receipt", receipt).returncode == 0
        self.team.take(receipt.read_bytes())
        self.fill(daemon)
        self.store = (daemon.data / "store" / "data.mdb").stat().st_size
        self.used = self.written_pages(daemon.data / "store" / "data.mdb")
        self.exhibits = sorted(path.name for path in (daemon.data / "exhibits").iterdir()
                               if path.is_file())
        self.receipts = directory / "receipts"
        self.receipts.mkdir()
        for index, data in self.team.receipts.items():
            (self.receipts / f"{index}.receipt").write_bytes(data)

    def fill(self, daemon):
        daemon.start()
        with daemon.client() as client:
            for number in range(ENTRIES):
                author = (self.team.alder, self.team.birch)[number % 2]
                files = []
                if number % 10 == 5:
                    exhibit = sample.stream(f"exhibit {number}", 3000)
                    assert client.put(T.sha256(exhibit), exhibit) == wire.STORED
                    files = [("clear", exhibit, b"exhibit")]
                self.team.accept(client, author, files=files)
        daemon.stop()

    @staticmethod
    def written_pages(path):
        data = path.read_bytes()
        return [at for at in range(0, len(data), PAGE) if any(data[at:at + PAGE])]

    def place(self, draw):
        """A file below the data directory, and the place of a bit in it."""
        kind = draw.random()
        if kind < 0.1:
            return f"exhibits/{draw.choice(self.exhibits)}", draw.randrange(3000), draw.randrange(8)
        if kind < 0.2:
            size = (self.origin / "data" / "head").stat().st_size
            return "head", draw.randrange(size), draw.randrange(8)
        within = draw.randrange(HEAD_LEN if kind < 0.6 else PAGE)
        return "store/data.mdb", draw.choice(self.used) + within, draw.randrange(8)

    def flip(self, data, place):
        name, offset, bit = place
        with open(data / name, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ (1 << bit)]))

    def copy(self, name):
        path = self.directory / name
        shutil.copytree(self.origin, path, symlinks=True,
                        ignore=shutil.ignore_patterns("*.sock", "notify", "log"))
        daemon = run.conftest.Daemon.__new__(run.conftest.Daemon)
        daemon.place(path, self.team)
        return daemon

    @staticmethod
    def is_over(daemon):
        return daemon.process.poll() is not None

    def await_scrub(self, daemon):
        """A whole pass that began after the flip; None when the daemon is gone."""
        first = self.ask(daemon, lambda state: True)

        def is_done(state):
            passes = int(state["scrub-count"]) - int(first["scrub-count"])
            return passes >= 2 or state["scrub"] in ("damaged", "exhibits", "ended")

        return first and self.ask(daemon, is_done)

    def run(self, count, seed, workers, show=lambda done: None):
        """Outcomes by how often they came, and what is wrong; every other flip is a live one."""
        outcomes, problems = collections.Counter(), []
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            results = pool.map(lambda n: self.try_one(n, seed, n % 2 == 1), range(count))
            for done, (outcome, problem) in enumerate(results):
                outcomes[outcome] += 1
                problems += [problem] if problem else []
                show(done + 1)
        return outcomes, problems

    def ask(self, daemon, condition):
        """Waits for a state of which the condition is true; None when the daemon is gone."""
        def look():
            if self.is_over(daemon):
                return None, True
            try:
                with daemon.reader() as client:
                    state = client.state()
                    return (state, True) if condition(state) else None
            except GONE:
                return None

        return run.conftest.wait_for(look, "a state that was awaited", 60)[0]

    def use(self, daemon):
        """What clients do meanwhile: read all there is, and submit one entry."""
        author = run.conftest.Author(self.team, sample.ALDER, "alder")
        author.sequence, author.previous = self.team.alder.sequence, self.team.alder.previous
        try:
            with daemon.reader() as client:
                for index in self.team.receipts:
                    client.get(f"receipt/{index}")
            with daemon.client() as client:
                client.submit(run.submission(author.compose()))
        except GONE:
            pass

    def verifies(self, daemon):
        """Whether all that was promised stands in the stopped ledger, and its tables too."""
        held = [part for path in sorted(self.receipts.iterdir())
                for part in ("--receipt", str(path))]
        said = []
        for verb, options in (("verify", held), ("fsck", [])):
            done = subprocess.run(
                [self.tally, verb, str(daemon.data), "--ledger", T.b64(self.team.id), *options],
                capture_output=True, check=False, timeout=60,
                env={**os.environ, "TALLY_STATE": str(daemon.directory / "state")})
            if done.returncode != 0:
                said.append(done.stdout.decode() + done.stderr.decode())
        return "\n".join(said)

    def try_one(self, number, seed, live):
        """Gives what became of it, and None or what is wrong."""
        draw = random.Random(f"{seed} {number} {live}")
        place = self.place(draw)
        daemon = self.copy(f"flip-{number}-{live}")
        options = {"scrub_every": "10ms", "handshake_timeout": "40ms", "sandbox": "yes"}
        try:
            if not live:
                self.flip(daemon.data, place)
            daemon.start(wait=False, **options)
            state = self.ask(daemon, lambda state: True)
            if state and live:
                self.flip(daemon.data, place)
            if state:
                self.use(daemon)
                state = self.await_scrub(daemon)
            outcome, problem = self.judge(daemon, place, state)
        finally:
            daemon.end()
        if not problem:
            shutil.rmtree(daemon.directory)
        return outcome, problem and f"{place}, live {live}: {problem}\n{daemon.log()}"

    def judge(self, daemon, place, state):
        log = daemon.log()
        if "Sanitizer" in log or "runtime error" in log:
            return "broken", "a sanitizer has something to report"
        if state is None:
            code = daemon.process.wait()
            if code in FOUND and "<2>" in log:
                return f"exit {code}", None
            return "broken", f"ended with {code}"
        if state["scrub"] == "damaged":
            if state["signing"] != "damaged" and state["signing"] != "stopped":
                return "broken", "damaged, but it signs"
            return "damaged", None
        if state["scrub"] == "exhibits":
            is_one = place[0].startswith("exhibits/")
            return "exhibits", None if is_one else "no exhibit was touched"
        if state["scrub"] != "clean":
            return "broken", f"the scrub says {state['scrub']}"
        daemon.stop()
        bad = self.verifies(daemon)
        return "no matter", f"the scrub found nothing, but:\n{bad}" if bad else None
