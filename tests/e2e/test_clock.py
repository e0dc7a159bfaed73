# SPDX-License-Identifier: ISC
"""A host whose clock is set, back and forward."""
import conftest
import pytest
import tallyref as T
from clock import Clock


@pytest.fixture
def clock(made):
    """made.start_with_clock starts it with this clock."""
    clock = Clock(made.directory / "clock")
    made.start_with_clock = lambda: made.start(environment=clock.environment())
    return clock


def received_us(team, index):
    return T.record_decode(T.receipt_decode(team.receipts[index])["record"])["received_us"]


def confirm_clock(made, client):
    made.process.send_signal(1)
    conftest.wait_for(lambda: client.state()["signing"] == "on", "the confirmation")


def test_clock_step_stops_appends_until_confirmed(made, team, clock):
    made.start_with_clock()
    with made.client() as client:
        team.accept(client, team.alder)
        assert client.state()["clock-behind-s"] == "0"
        clock.set(-3600)
        entry = team.alder.compose()
        assert team.reject(client, entry) == "stopped"
        assert client.state()["signing"] == "clock-stepped"
        conftest.wait_for(lambda: "SIGHUP confirms it" in made.log(), "a word to the operator")
        confirm_clock(made, client)
        assert "behind the newest record" in made.log()
        team.accept(client, team.alder, entry)
        assert received_us(team, 2) == received_us(team, 1)
        assert 3500 <= int(client.state()["clock-behind-s"]) <= 3600
    made.stop()


@pytest.mark.parametrize("days", [-1, 32])
def test_start_with_a_clock_far_from_the_newest_record(made, team, clock, days):
    deposit = made.data / "exhibits" / "deposits" / ("0" * 64)
    deposit.write_bytes(b"")
    clock.set(days * 86400)
    made.start_with_clock()
    with made.client() as client:
        entry = team.alder.compose()
        assert client.state()["signing"] == "clock-stepped"
        assert team.reject(client, entry) == "stopped"
        conftest.wait_for(lambda: "SIGHUP confirms it" in made.log(), "a word to the operator")
        confirm_clock(made, client)
        team.accept(client, team.alder, entry)
        assert deposit.exists(), "what is old cannot be told by such a clock"
        moved = received_us(team, 1) - received_us(team, 0)
        assert moved == 0 if days < 0 else moved >= days * 86400 * 1000000
    made.stop()
