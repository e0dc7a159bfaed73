# SPDX-License-Identifier: ISC
"""tally status over a real daemon: text, JSON, Prometheus' format, and the exit code for cron."""
import json
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import wire  # noqa: E402
from test_backup import backup, copy_of, fill, tally  # noqa: E402


def status(daemon, *words):
    return tally("status", daemon.read, *words)


def metrics_of(text):
    """Reads the exposition format: each sample behind its HELP and its TYPE, none twice."""
    found = {}
    lines = text.splitlines()
    assert text.endswith("\n") and len(lines) % 3 == 0
    for i in range(0, len(lines), 3):
        name = lines[i + 2].split(" ")[0]
        assert re.fullmatch(r"tally_[a-z_]+", name) and name not in found
        assert re.fullmatch(rf"# HELP {name} .+", lines[i])
        kind = re.fullmatch(rf"# TYPE {name} (gauge|counter)", lines[i + 1]).group(1)
        assert (kind == "counter") == name.endswith("_total")
        found[name] = int(re.fullmatch(rf"{name} (\d+)", lines[i + 2]).group(1))
    return found


def test_healthy(daemon, team):
    fill(daemon, team)
    done = status(daemon)
    assert done.returncode == 0 and done.stdout.startswith("healthy\n")
    found = json.loads(status(daemon, "--json").stdout)
    assert (found["healthy"], found["findings"], found["size"]) == (True, [], "4")
    assert (found["clock"], found["signing"]) == ("ok", "on")
    assert 0 <= found["checkpoint-age-s"] < 600
    done = status(daemon, "--prometheus")
    found = metrics_of(done.stdout)
    assert done.returncode == 0
    assert (found["tally_up"], found["tally_healthy"], found["tally_signing"]) == (1, 1, 1)
    assert (found["tally_records"], found["tally_records_appended_total"]) == (4, 3)
    for name in ("queue_entries", "rejections_total", "disk_free_bytes", "map_used_bytes",
                 "map_size_bytes", "connections", "checkpoint_age_seconds"):
        assert f"tally_{name}" in found
    assert status(daemon, "--prometheus", "--json").returncode == 2


def test_unreachable(daemon):
    daemon.stop()
    done = status(daemon)
    assert done.returncode == 3 and done.stdout == ""
    done = status(daemon, "--prometheus")
    assert done.returncode == 3 and metrics_of(done.stdout) == {"tally_up": 0}


def test_no_space_needs_attention(made):
    made.start(disk_reserve="60T")
    done = status(made)
    assert done.returncode == 1 and done.stdout.startswith("needs attention\n")
    assert "appends stop below" in done.stdout
    found = metrics_of(status(made, "--prometheus").stdout)
    assert found["tally_healthy"] == 0
    made.stop()


def test_stopped_signing_needs_attention(made, team):
    old = copy_of(made)
    made.start()
    with made.client() as client:
        team.accept(client, team.alder)
        newest = client.get("checkpoint")
    made.stop()
    made.data = old
    made.start()
    with pytest.raises(wire.Refused):
        made.client(hello=newest)
    done = status(made)
    assert done.returncode == 1 and "signing has stopped" in done.stdout
    found = metrics_of(status(made, "--prometheus").stdout)
    assert (found["tally_up"], found["tally_signing"]) == (1, 0)
    made.stop()


def test_age_of_the_backup(daemon, team):
    directory = daemon.directory / "backup"
    done = status(daemon, "--backup", directory)
    assert done.returncode == 1 and "no verified backup" in done.stdout
    fill(daemon, team)
    assert backup(daemon).returncode == 0
    done = status(daemon, "--backup", directory, "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["backup-size"] == 4
    found = metrics_of(status(daemon, "--backup", directory, "--prometheus").stdout)
    assert found["tally_backup_records"] == 4 and found["tally_backup_age_seconds"] < 600
    path = directory / "verified"
    text = path.read_text()
    path.write_text(re.sub(r"verified .*", "verified 2026-01-05T09:00:00Z", text))
    done = status(daemon, "--backup", directory)
    assert done.returncode == 1 and "the backup was last verified" in done.stdout
    assert status(daemon, "--backup", directory, "--backup-hours", "87600").returncode == 0
    path.write_text(text.replace("size 4", "size 5"))
    done = status(daemon, "--backup", directory)
    assert done.returncode == 1 and "it may itself be an old copy" in done.stdout
    path.write_text("rubbish")
    assert status(daemon, "--backup", directory).returncode == 1
