# SPDX-License-Identifier: ISC
"""The installed units under a real systemd: booted in a container, looked at from outside.

The container has the host's /usr with our installation laid over it, and a root directory of its
own. Its one service, inside.py, follows docs/operations.md to the letter, plays member and
operator, and leaves what it saw in a file, which is judged here.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = pathlib.Path(os.environ["TALLY_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["TALLY_BOOTED"])
DEADLINE_S = 60

PROBE = """\
[Unit]
After=systemd-tmpfiles-setup.service

[Service]
Type=oneshot
WorkingDirectory=/srv
ExecStart=/usr/bin/python3 -B /srv/inside.py
ExecStopPost=systemctl --no-block poweroff
"""

# Two members of which one may only read, and a stranger.
PEOPLE = """\
u alder 1234 - /srv
u birch 1235 - /srv
u cedar 1236 - /srv
m alder tally-submit
m alder tally-read
m birch tally-read
"""

# What the container manager forbids by itself, and the daemon of this unit needs.
ALLOWED_CALLS = "@memlock landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp"


def reason_to_skip():
    if os.geteuid() != 0:
        return "only root can boot a container"
    for program in ("systemd-nspawn", "setpriv"):
        if shutil.which(program) is None:
            return f"no {program}"
    if not pathlib.Path("/usr/lib/systemd/systemd").exists() or not os.path.islink("/bin"):
        return "no systemd below /usr"
    if not (BUILD / "cmake_install.cmake").exists():
        return f"nothing is built in {BUILD}"
    return None


def documented(heading):
    """The blocks of commands of one section of the operator's guide."""
    text = (SOURCE / "docs" / "operations.md").read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def furnish(root):
    for name in ("etc/systemd/system", "etc/sysusers.d", "usr", "srv"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    shutil.copy("/usr/lib/os-release", root / "etc")
    # Without an id it would be a first boot, which switches on every unit of the host.
    (root / "etc/machine-id").write_text("5c1d0fd6a1c64b3fa0b6d5b1f7d0a001\n")
    (root / "etc/systemd/system/probe.service").write_text(PROBE)
    (root / "etc/sysusers.d/people.conf").write_text(PEOPLE)
    shutil.copy(HERE / "inside.py", root / "srv")
    install = documented("Install")[0].splitlines()
    keys, _, ledger = documented("Make the keys and the ledger")
    (root / "srv/documented.json").write_text(json.dumps(
        {"install": install[-1], "keys": keys, "ledger": ledger}))


def boot(root, stage):
    command = [
        "systemd-nspawn", "--boot", f"--directory={root}", f"--machine=tally-test-{os.getpid()}",
        f"--overlay-ro=/usr:{stage}/usr:/usr", "--register=no", "--keep-unit",
        "--private-network", "--console=pipe", f"--system-call-filter={ALLOWED_CALLS}",
        "systemd.unit=probe.service"]
    with open(root / "console", "wb") as console:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console,
                                   stderr=subprocess.STDOUT)
        try:
            process.wait(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module", name="seen")
def fixture_seen():
    reason = reason_to_skip()
    if reason is not None:
        pytest.skip(reason)
    place = pathlib.Path(tempfile.mkdtemp(prefix="tally-boot-"))
    root, stage = place / "root", place / "stage"
    subprocess.run(["cmake", "--install", BUILD, "--prefix", "/usr"], check=True,
                   capture_output=True, env={**os.environ, "DESTDIR": str(stage)})
    root.mkdir()
    furnish(root)
    boot(root, stage)
    console = (root / "console").read_text(errors="replace")
    began = (root / "srv/began").exists()
    results = root / "srv/results.json"
    seen = json.loads(results.read_text()) if results.exists() else None
    shutil.rmtree(place)
    if not began:
        pytest.skip("no container can be booted here: " + console.strip().replace("\n", "; "))
    assert seen is not None, console
    return seen


def test_the_guide_makes_a_ledger_and_starts_it(seen):
    # The host's other packages may have files there that need users which are not here.
    assert "tally" not in seen["install"]["err"], seen["install"]
    assert seen["keys"]["code"] == 0, seen["keys"]
    assert seen["ledger"]["code"] == 0, (seen["ledger"], seen["journal"])
    assert seen["started"]["ActiveState"] == "active", seen["journal"]


def test_status_text_names_records_and_sandbox(seen):
    assert re.match(r"1 records, \d+ connections, \d+ waiting, sandbox landlock-\d+ calls-\d+$",
                    seen["started"]["StatusText"]), seen["journal"]


def test_process_is_confined_twice(seen):
    process = seen["process"]
    # Filters of the unit, of the container, and of the daemon itself.
    assert process["Seccomp"] == "2" and int(process["Seccomp_filters"]) > 1
    assert process["NoNewPrivs"] == "1"
    assert process["CapBnd"] == process["CapEff"] == "0000000000000000"
    assert int(process["VmLck"].split()[0]) > 0


def test_exposure(seen):
    level = re.search(r"Overall exposure level for tallyd.service: ([0-9.]+)", seen["exposure"])
    assert float(level.group(1)) <= 0.5


def test_key_is_a_credential(seen):
    """The daemon's user cannot read the key's file, and the daemon has signed with it."""
    assert seen["key by the daemon's user"]["code"] != 0
    assert seen["verified"]["code"] == 0, seen["verified"]


def test_host_key_is_a_credential_that_may_be_left_out(seen):
    assert "the host key is at hand" in seen["journal"]
    assert seen["no host key"]["ActiveState"] == "active", seen["journal"]
    times = [seen["journal"].count(text) for text in ("the host key is at hand", "serving ")]
    assert times[0] == times[1] - 1


def test_members_submit_and_auditors_read(seen):
    assert seen["submitted"]["code"] == 0, seen["submitted"]
    assert seen["auditor reads"]["code"] == 0, seen["auditor reads"]
    assert seen["auditor submits"]["code"] != 0
    assert seen["stranger reads"]["code"] != 0


def test_peer_is_who_connected(seen):
    """Not root, not nobody: a private user namespace of the unit would make everybody 65534."""
    peers = set(re.findall(r"connection \d+: (\w+), uid (\d+) gid (\d+) pid \d+", seen["journal"]))
    assert ("submit", "1234", "1234") in peers and ("read", "1235", "1235") in peers
    assert {uid for _, uid, _ in peers} <= {"0", "1234", "1235"}


def test_watchdog_restarts_a_daemon_that_hangs(seen):
    assert seen["after watchdog"]["NRestarts"] == "1", seen["journal"]
    assert seen["after watchdog"]["ActiveState"] == "active"
    assert "Watchdog timeout" in seen["journal"]


def test_kill_is_survived(seen):
    assert seen["after kill"]["NRestarts"] == "2", seen["journal"]
    assert seen["receipt after kill"]["code"] == 0, seen["receipt after kill"]
    assert seen["submitted after kill"]["code"] == 0, seen["submitted after kill"]


def test_reload_confirms_the_clock(seen):
    assert seen["reload"]["code"] == 0
    assert "SIGHUP: the clock needs no confirmation" in seen["journal"]


def test_stop_is_orderly_and_a_client_starts_it(seen):
    assert seen["stopped"]["ActiveState"] == "inactive"
    assert seen["stopped"]["Result"] == "success"
    assert seen["socket wakes"]["code"] == 0, seen["socket wakes"]
    assert seen["woken"]["ActiveState"] == "active"


def test_without_landlock_it_stays_down(seen):
    """Exit 8, said once: trying again would not help."""
    assert seen["no landlock"]["ActiveState"] == "failed"
    assert seen["no landlock"]["ExecMainStatus"] == "8"
    assert seen["no landlock"]["NRestarts"] == "0"
    assert "Landlock ABI 2 is needed" in seen["journal"]
