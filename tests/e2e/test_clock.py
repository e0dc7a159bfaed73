# SPDX-License-Identifier: ISC
"""A host whose clock is set, back and forward: what waits, what is recorded, what verifies."""
import datetime
import json
import pathlib
import shutil
import signal
import subprocess
import sys

import conftest
import pytest
import sample
import tallyref as T
import wire
from clock import US, Clock
from test_backup import tally

VERIFY_PY = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "tally-verify.py"
HOUR, DAY = 3600, 86400


@pytest.fixture
def host_key(made):
    path = made.directory / "host-key"
    path.write_text(conftest.private_key_file(sample.HOST))
    path.chmod(0o400)
    return path


@pytest.fixture
def clock(made):
    """made.start starts it with this clock."""
    clock = Clock(made.directory / "clock")
    start = made.start
    made.start = lambda **config: start(environment=clock.environment(), **config)
    return clock


@pytest.fixture
def served(made, host_key, clock):
    """A daemon that has the host key, and two records of alder."""
    made.start(host_key=host_key)
    with made.client() as client:
        team = made.team
        team.accept(client, team.alder)
        team.accept(client, team.alder)
    return made


def confirm(daemon, client):
    """Entries are rejected, the operator reloads, appends go on."""
    assert client.state()["signing"] == "clock-stepped"
    conftest.wait_for(lambda: "SIGHUP confirms it" in daemon.log(), "a word to the operator")
    daemon.process.send_signal(signal.SIGHUP)
    conftest.wait_for(lambda: client.state()["signing"] == "on", "the confirmation")


def set_and_confirm(daemon, client, clock, seconds):
    """The clock is set and confirmed; gives the entry that was rejected meanwhile."""
    clock.set(seconds)
    entry = daemon.team.alder.compose()
    assert daemon.team.reject(client, entry) == "stopped"
    confirm(daemon, client)
    return entry


def records(daemon, client):
    """Every record there is, each by its receipt, checked completely."""
    size = int(client.state()["size"])
    return [daemon.team.take(client.get(f"receipt/{index}"))[1] for index in range(size)]


def descents(found):
    """By how much received times decrease, and where."""
    times = [record["received_us"] for record in found]
    return {i: times[i - 1] - times[i] for i in range(1, len(times)) if times[i] < times[i - 1]}


def run(daemon, *words):
    """tally, in the name of somebody who has seen nothing but this ledger."""
    done = tally(*words, env={"TALLY_STATE": str(daemon.directory / "state"),
                              "TALLY_LEDGER": T.b64(daemon.team.id)})
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done


def shown(daemon, index):
    """The incident as tally show has it: {part name: value}."""
    done = run(daemon, "show", index, daemon.read, "--json")
    entry = json.loads(done.stdout)
    assert (entry["type"], entry["member"]) == ("incident", "host"), entry
    return {part["name"]: json.loads(part["value"]) for part in entry["clear"]}


def seconds_of(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=datetime.timezone.utc).timestamp()


def verifies(daemon):
    """By both verifiers, over what the daemon shows and publishes; and it survives a backup."""
    ledger = T.b64(daemon.team.id)
    archive, copy = daemon.directory / "archive", daemon.directory / "backup"
    assert "VERIFIED" in run(daemon, "verify", daemon.read, "--ledger", ledger).stdout
    run(daemon, "publish", archive, "--source", daemon.read)
    done = subprocess.run([sys.executable, "-B", VERIFY_PY, archive, "--ledger", ledger],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    run(daemon, "backup", copy, "--source", daemon.read)
    run(daemon, "restore", "--drill", copy)


def test_set_back_while_it_runs(served, team, clock):
    with served.client() as client:
        entry = set_and_confirm(served, client, clock, -HOUR)
        index, _ = team.accept(client, team.alder, entry)
        assert index == 4, "the incident comes first"
        team.accept(client, team.birch)
        found = records(served, client)
        (where, decrease), = descents(found).items()
        parts = shown(served, 3)
        assert where == 3 and 0 < decrease <= -parts["/clock/step_us"]
        assert abs(-parts["/clock/step_us"] - HOUR * US) < 60 * US
        assert abs(seconds_of(parts["/clock/before"]) - seconds_of(parts["/clock/after"])
                   - HOUR) < 60
        assert found[3]["received_us"] // US == seconds_of(parts["/clock/after"])
        assert parts["/title"].startswith("The clock of the host was set back by 3")
        assert "the operator had confirmed it" in parts["/summary"]
        assert client.state()["clock-behind-s"] == "0"
        assert "record 3 is the incident" in served.log()
        log = run(served, "log", served.read).stdout
        assert "The clock of the host was set back by" in log
    verifies(served)
    served.restart()
    with served.client() as client:
        team.accept(client, team.alder)
        assert set(descents(records(served, client))) == {3}
    served.stop()


def test_set_forward_while_it_runs(served, team, clock):
    with served.client() as client:
        entry = set_and_confirm(served, client, clock, DAY)
        assert team.accept(client, team.alder, entry)[0] == 4
        found = records(served, client)
        parts = shown(served, 3)
        assert descents(found) == {} and "/clock/step_us" not in parts
        assert found[3]["received_us"] - found[2]["received_us"] >= DAY * US
        assert abs(seconds_of(parts["/clock/after"]) - seconds_of(parts["/clock/before"])
                   - DAY) < 60
        assert parts["/title"].startswith("The clock of the host was set forward by 8")
    verifies(served)
    served.stop()


def test_back_and_forward_and_back(served, team, clock):
    """Each its own incident, each after the one before in the host key's own chain."""
    with served.client() as client:
        for number, seconds in enumerate((-HOUR, DAY, -2 * HOUR, HOUR, -DAY)):
            entry = set_and_confirm(served, client, clock, seconds)
            index, _ = team.accept(client, team.alder, entry)
            assert index == 4 + 2 * number
        found = records(served, client)
        assert set(descents(found)) == {3, 7, 11}
    verifies(served)
    served.stop()


def test_without_a_host_key(made, team, clock):
    made.start()
    with made.client() as client:
        team.accept(client, team.alder)
        assert client.state()["clock-behind-s"] == "0"
        entry = set_and_confirm(made, client, clock, -HOUR)
        team.accept(client, team.alder, entry)
        found = records(made, client)
        assert len(found) == 3 and found[2]["received_us"] == found[1]["received_us"]
        assert HOUR - 60 <= int(client.state()["clock-behind-s"]) <= HOUR
    assert "Name it as host-key" in made.log()
    assert "behind the newest record" in made.log()
    made.stop()


@pytest.mark.parametrize("days", [-1, 32])
@pytest.mark.parametrize("keyed", [False, True])
def test_start_with_a_clock_far_from_the_newest_record(made, team, host_key, clock, days, keyed):
    deposit = made.data / "exhibits" / "deposits" / ("0" * 64)
    deposit.write_bytes(b"")
    clock.set(days * DAY)
    made.start(**({"host_key": host_key} if keyed else {}))
    with made.client() as client:
        entry = team.alder.compose()
        assert team.reject(client, entry) == "stopped"
        confirm(made, client)
        team.accept(client, team.alder, entry)
        assert deposit.exists(), "what is old cannot be told by such a clock"
        found = records(made, client)
        assert len(found) == (3 if keyed else 2)
        moved = found[-1]["received_us"] - found[0]["received_us"]
        if days > 0:
            assert moved >= days * DAY * US
        else:
            assert abs(moved - days * DAY * US) < 60 * US if keyed else moved == 0
        if keyed:
            parts = shown(made, 1)
            assert ("/clock/step_us" in parts) == (days < 0)
            assert seconds_of(parts["/clock/before"]) == found[0]["received_us"] // US
            assert parts["/title"].endswith("behind the newest record" if days < 0
                                            else "after the newest record")
            verifies(made)
    made.stop()


def test_set_right_again_tells_nothing(served, team, clock):
    with served.client() as client:
        clock.set(-HOUR)
        entry = team.alder.compose()
        assert team.reject(client, entry) == "stopped"
        clock.set(0)
        assert team.reject(client, entry) == "stopped"
        confirm(served, client)
        assert team.accept(client, team.alder, entry)[0] == 3
    served.stop()


def test_set_once_more_after_the_confirmation(served, team, clock):
    """What was confirmed is another time; the second reload counts, and one incident tells all."""
    with served.client() as client:
        entry = set_and_confirm(served, client, clock, -HOUR)
        clock.set(-2 * HOUR)
        assert team.reject(client, entry) == "stopped"
        confirm(served, client)
        served.process.send_signal(signal.SIGHUP)
        assert team.accept(client, team.alder, entry)[0] == 4
        assert abs(-shown(served, 3)["/clock/step_us"] - 2 * HOUR * US) < 60 * US
    served.stop()


def test_repeats_and_rejections_come_behind_it(served, team, clock):
    """The batch has no other new entry; its repeats and rejections are answered as ever."""
    receipt = team.receipts[2]
    with served.client() as client:
        entry = set_and_confirm(served, client, clock, -HOUR)
        team.alder.sequence, team.alder.previous = 0, None
        assert team.reject(client, team.alder.compose(kind="incident")) != "stopped"
        found = records(served, client)
        assert len(found) == 4 and set(descents(found)) == {3}
        assert client.get("receipt/2") == receipt
        kind, payload = client.submit(T.submission_encode(entry.submission()))
        assert kind == wire.RECEIPT and team.take(payload)[0] == 4
        assert client.submit(T.submission_encode(entry.submission())) == (kind, payload)
    served.stop()


def test_incident_fills_a_batch_of_one(made, team, host_key, clock):
    made.start(host_key=host_key, batch_count=1)
    with made.client() as client:
        team.accept(client, team.alder)
        entry = set_and_confirm(made, client, clock, -HOUR)
        assert team.accept(client, team.alder, entry)[0] == 3
        assert set(descents(records(made, client))) == {2}
    made.stop()


def test_the_host_key_s_other_entries_are_followed(served, team, clock):
    """Whoever else has signed with it: the incident follows that in the key's chain."""
    host = conftest.Author(team, sample.HOST, "host")
    with served.client() as client:
        team.accept(client, host, kind="incident")
        entry = set_and_confirm(served, client, clock, -HOUR)
        assert team.accept(client, team.alder, entry)[0] == 5
        assert set(descents(records(served, client))) == {4}
    verifies(served)
    served.stop()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_end_between_confirmation_and_record(served, team, clock, host_key, end):
    """Nothing of it is durable: the next start finds the step again, by the newest record."""
    with served.client() as client:
        entry = set_and_confirm(served, client, clock, -HOUR)
    getattr(served, end)()
    served.start(host_key=host_key)
    with served.client() as client:
        assert client.state()["size"] == "3"
        assert team.reject(client, entry) == "stopped"
        confirm(served, client)
        assert team.accept(client, team.alder, entry)[0] == 4
        assert "behind the newest record" in shown(served, 3)["/title"]
    served.stop()


def test_kill_after_the_incident(served, team, clock, host_key):
    """It is durable with the entries of its batch: the next start has nothing to ask."""
    with served.client() as client:
        entry = set_and_confirm(served, client, clock, -HOUR)
        team.accept(client, team.alder, entry)
    served.kill()
    served.start(host_key=host_key)
    with served.client() as client:
        assert client.state()["signing"] == "on"
        assert team.accept(client, team.alder)[0] == 5
        assert set(descents(records(served, client))) == {3}
    served.stop()


def another_key(made, key, mode=0o400):
    path = made.directory / "another-key"
    path.write_text(conftest.private_key_file(key))
    path.chmod(mode)
    return path


def test_what_is_no_host_key_is_refused(made):
    for key in (sample.ALDER, sample.NEWCOMER):
        code, said = made.refuses_to_start(host_key=another_key(made, key))
        assert (code, "is not the host key of this ledger" in said) == (5, True), said
        (made.directory / "another-key").unlink()
    code, said = made.refuses_to_start(host_key=another_key(made, sample.HOST, 0o440))
    assert (code, "chmod 0400" in said) == (5, True), said
    code, said = made.refuses_to_start(host_key=made.directory / "absent")
    assert (code, "host key" in said) == (5, True), said
    made.start(host_key=another_key(made, sample.HOST))
    made.stop()


def test_credential(made, team, host_key, clock, monkeypatch):
    """Found where a service manager puts it; "-" is none; a wrong one is refused."""
    place = made.directory / "credentials"
    place.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(place))
    (place / "host-key").write_bytes(b"-")
    made.start()
    made.stop()
    shutil.copy(another_key(made, sample.ALDER), place / "host-key-of-alder")
    (place / "host-key").unlink()
    (place / "host-key-of-alder").rename(place / "host-key")
    assert made.refuses_to_start()[0] == 5
    (place / "host-key").unlink()
    shutil.copy(host_key, place / "host-key")
    made.start()
    with made.client() as client:
        entry = set_and_confirm(made, client, clock, DAY)
        assert team.accept(client, team.alder, entry)[0] == 2
    made.stop()


def test_replaced_while_it_runs(served, team, clock, host_key):
    new = sample.NEWCOMER
    entry = sample.Entry(
        sample.ALDER, "alder", "amendment", team.id, others=[new],
        fields={"seen": (0, team.leaves[0]), "refs": [("amends", 0, team.leaves[0])],
                "ops": [f"rotate {T.fingerprint(sample.HOST.fingerprint)} {new.text}"]})
    with served.client() as client:
        kind, payload = client.submit(T.submission_encode(entry.submission()))
        assert kind == wire.RECEIPT, payload
        team.take(payload)
        assert "record 3 has ended the host key" in served.log()
        entry = set_and_confirm(served, client, clock, -HOUR)
        assert team.accept(client, team.alder, entry)[0] == 4, "no incident"
        assert descents(records(served, client)) == {}
    served.stop()
    code, said = served.refuses_to_start(host_key=host_key)
    assert (code, "an amendment has ended it" in said) == (5, True), said
    served.start(host_key=another_key(served, new))
    with served.client() as client:
        entry = team.alder.compose()
        assert team.reject(client, entry) == "stopped"
        confirm(served, client)
        assert team.accept(client, team.alder, entry)[0] == 6
        assert set(descents(records(served, client))) == {5}
    verifies(served)
    served.stop()
