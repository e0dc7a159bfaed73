# SPDX-License-Identifier: ISC
"""Each call of a real tallyd fails in turn, a share of them here: what was said still holds."""
import collections
import errno
import os
import pathlib
import random
import shutil
import tempfile

import faults
import kills
import pytest
import run
from run import T, sample, wire

TALLYD, TALLY, SHIM = (os.environ[name] for name in ("TALLYD", "TALLY", "CRASH_SHIM"))
WORKERS = len(os.sched_getaffinity(0))
EACH_CALL = {"init": 5, "serve": 5, "recover": 5, "again": 2}
ALLOCATIONS = {"init": 40, "serve": 40, "recover": 40, "again": 10}


@pytest.fixture(scope="module")
def sweep():
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    directory = pathlib.Path(tempfile.mkdtemp(prefix="tally-", dir=place))
    yield faults.Sweep(directory, TALLYD, TALLY, SHIM)
    shutil.rmtree(directory)


def share(sweep):
    """Cases of each call in each phase, the same at each run; of the syncs all."""
    by_call = collections.defaultdict(list)
    for case in sweep.cases():
        by_call[case[:2]].append(case)
    draw = random.Random(1)
    for (phase, call), cases in by_call.items():
        count = {"alloc": ALLOCATIONS[phase], "fsync": 99, "fdatasync": 99, "swrite": 99}
        yield from draw.sample(cases, min(len(cases), count.get(call, EACH_CALL[phase])))


def test_faults_break_no_promise(sweep):
    cases = list(share(sweep))
    assert {call for _, call, *_ in cases} == set(faults.CALLS) - {"link"}
    bad = sweep.run(cases, WORKERS)
    print(f"{len(cases)} faults of {sum(1 for _ in sweep.cases())}")
    assert not bad, "\n".join(f"{faults.describe(case)}: {problems}"
                              for case, problems in bad.items())


def test_start_does_not_wait_for_a_scrubber_that_waits(sweep):
    """What the scrubber says of the store's pages cannot be read."""
    assert sweep.judge(("recover", "recv", 1, errno.EIO, 1)) == []


def test_a_fault_is_noticed(sweep):
    """A daemon that goes on after a failed sync would be reported."""
    case = ("serve", "fsync", 1, errno.EIO, 1)
    counts = [0] * (faults.SYNC_FAILED_NS + 1)
    counts[faults.INJECTED], counts[faults.SENT_AFTER] = 2, 1
    problems = list(sweep.faults_of(case, (0, "", {}, False), counts))
    assert len(problems) == 3


@pytest.mark.parametrize("each", [5, 7, 11, 13, 17, 23, 29])
def test_hungry(sweep, each):
    """One allocation in so many fails: connections end, the daemon does not."""
    path = sweep.copy("serve", f"hungry-{each}")
    daemon = sweep.daemon(path)
    fault = f"alloc:400:{errno.ENOMEM}:{faults.STICKY}:{each}"
    daemon.start(environment=run.environment(SHIM, CRASH_FAULT=fault), sandbox="no")
    paths = ("checkpoint", "receipt/0", "nothing", "tile/0/000.p/1", "tile/entries/000.p/1")
    for number in range(60):
        data = sample.stream(str(number), 100)
        try:
            with daemon.client(timeout=1) as client:
                client.get(paths[number % len(paths)])
                client.put(T.sha256(data), data)
                kind, payload = client.ask(wire.STATUS)
                assert kind == wire.ERROR or payload.endswith(b"\n")
        except (*run.MISSED, TimeoutError, ConnectionRefusedError, wire.Refused):
            assert daemon.process.poll() is None, daemon.log()
    daemon.stop()
    assert "Sanitizer" not in daemon.log()


def test_kills_lose_nothing(sweep):
    campaign = kills.Kills(sweep, seed=1)
    assert campaign.run(40) == []
    assert campaign.kills == 40
    assert len(campaign.held) == 40 * 2 * kills.ENTRIES
