# SPDX-License-Identifier: ISC
"""Bits flip in a ledger, stopped and live: each is found, or it changed nothing."""
import os
import pathlib
import shutil
import tempfile

import pytest
import rot

TALLYD, TALLY = os.environ["TALLYD"], os.environ["TALLY"]
WORKERS = len(os.sched_getaffinity(0))
FLIPS = 100
SEED = 1


@pytest.fixture(scope="module")
def campaign():
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    directory = pathlib.Path(tempfile.mkdtemp(prefix="tally-", dir=place))
    yield rot.Rot(directory, TALLYD, TALLY)
    shutil.rmtree(directory)


def test_each_flip_is_found_or_does_not_matter(campaign):
    outcomes, problems = campaign.run(FLIPS, SEED, WORKERS)
    print(dict(outcomes))
    assert not problems, "\n\n".join(problems)
    assert outcomes["no matter"] < FLIPS * 0.9 and outcomes["damaged"] > 0


@pytest.mark.parametrize("live", [False, True])
def test_a_newest_transaction_that_none_was(campaign, live, monkeypatch):
    """The number of the transaction of an old meta page is raised above the newest one's."""
    data = (campaign.origin / "data" / "store" / "data.mdb").read_bytes()
    numbers = [int.from_bytes(data[page + 144:page + 152], "little") for page in (0, 4096)]
    old = 4096 * numbers.index(min(numbers))
    monkeypatch.setattr(campaign, "place", lambda draw: ("store/data.mdb", old + 151, 2))
    monkeypatch.setattr(campaign, "use", lambda daemon: None)  # a commit would write over it
    outcome, problem = campaign.try_one(0, SEED, live)
    assert problem is None, problem
    assert outcome != "no matter"


@pytest.mark.parametrize("offset", [10, 17, 21, 25, 42])
def test_a_meta_page_that_no_start_would_take(campaign, offset, monkeypatch):
    """A daemon that has the file open does not look there again: its scrubber does."""
    monkeypatch.setattr(campaign, "place", lambda draw: ("store/data.mdb", offset, 7))
    monkeypatch.setattr(campaign, "use", lambda daemon: None)  # a commit may write over it
    assert campaign.try_one(0, SEED, True) == ("damaged", None)


def test_a_flip_that_nobody_noticed_would_be_told(campaign, monkeypatch):
    """The judgement itself can fail: a record is changed while the scrub is not asked."""
    names = sorted((campaign.origin / "data" / "exhibits").glob("[0-9a-f]*"))
    monkeypatch.setattr(campaign, "place", lambda draw: (f"exhibits/{names[0].name}", 7, 0))
    blind = {"scrub": "clean", "signing": "on", "scrub-count": "9"}
    monkeypatch.setattr(campaign, "await_scrub", lambda daemon: blind)
    outcome, problem = campaign.try_one(1, SEED, True)
    assert outcome == "no matter" and "the scrub found nothing, but" in problem
