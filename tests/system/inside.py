#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Runs in the container: follows the operator's guide and notes what it sees (test_boot.py)."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

WORK = pathlib.Path("/srv")
DROP_IN = pathlib.Path("/etc/systemd/system/tallyd.service.d/test.conf")
PROPERTIES = "ActiveState,Result,MainPID,NRestarts,StatusText,ExecMainStatus"
DEADLINE_S = 20

seen = {}


def run(*command, user=None):
    if user is not None:
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *command]
    # Into files: a command that hangs may have left others behind that would hold a pipe open.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        done = subprocess.run(command, stdout=out, stderr=err, check=False, cwd=WORK,
                              timeout=DEADLINE_S, env={**os.environ, "HOME": "/srv"})
        out.seek(0)
        err.seek(0)
        return {"code": done.returncode, "out": out.read(), "err": err.read()}


def note(name, *command, **options):
    seen[name] = run(*command, **options)
    return seen[name]


def tally(user, *words):
    return ("tally", words[0], "--state", f"/srv/state-{user}", *words[1:])


def unit():
    lines = run("systemctl", "show", "tallyd.service", "-p", PROPERTIES)["out"].splitlines()
    return dict(line.split("=", 1) for line in lines)


def wait_for(condition):
    """The unit's properties as soon as they are so, or at the end as they are."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        found = unit()
        if condition(found):
            return found
        time.sleep(0.02)
    return unit()


def make_people(*names):
    for name in names:
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"/srv/key-{name}")
        run("chown", name, f"/srv/key-{name}", f"/srv/key-{name}.pub")
        pathlib.Path(f"/srv/state-{name}").mkdir()
        run("chown", f"{name}:{name}", f"/srv/state-{name}")


def make_charter():
    plan = {"origin": "test.example/boot", "sample": True, "threshold": {"amend": 1},
            "ledger_key": "/etc/tally/ledger-key.pub", "host_key": "/etc/tally/host-key.pub",
            "members": [{"id": name, "name": f"Team {name}",
                         "keys": [{"file": f"key-{name}.pub", "roles": ["author", "govern"]}]}
                        for name in ("alder", "birch")]}
    (WORK / "plan.json").write_text(json.dumps(plan))
    run("tally", "charter", "new", "plan.json", "charter.tally")
    for key in ("key-alder", "key-birch", "/etc/tally/host-key"):
        run("tally", "charter", "sign", "charter.tally", "--key", key)
    return json.loads(run("tally", "charter", "show", "--json", "charter.tally")["out"])["ledger"]


def finding(name):
    path = WORK / "state-alder" / name
    path.write_text(json.dumps({
        "type": "finding", "title": name, "lang": "en", "topic": "transport",
        "statement_kind": "observation", "statement": "A ship was seen.",
        "event_time": "2024-10-16",
        "external_references": [{"source_name": "A", "origin": name}]}))
    return path


def submit(name):
    return tally("alder", "submit", "--json", str(finding(name)), "--key", "/srv/key-alder")


def process_status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines)


def set_drop_in(*lines):
    DROP_IN.parent.mkdir(exist_ok=True)
    DROP_IN.write_text("\n".join(["[Service]", *lines, ""]))
    run("systemctl", "daemon-reload")


def restarted(times):
    return lambda found: (found["NRestarts"], found["ActiveState"]) == (str(times), "active")


def look():
    guide = json.loads((WORK / "documented.json").read_text())
    note("install", "sh", "-ec", guide["install"])
    make_people("alder", "birch", "cedar")
    note("keys", "sh", "-ec", guide["keys"])
    ledger = make_charter()
    note("ledger", "sh", "-ec", guide["ledger"])
    seen["started"] = wait_for(lambda found: "records" in found["StatusText"])
    pid = seen["started"]["MainPID"]
    if seen["started"]["ActiveState"] != "active":
        return
    seen["process"] = process_status(pid)
    seen["exposure"] = run("systemd-analyze", "security", "tallyd.service")["out"]
    note("key by the daemon's user", "cat", "/etc/tally/ledger-key", user="tally")

    note("verified", *tally("alder", "verify", "--ledger", ledger), user="alder")
    note("submitted", *submit("one.json"), user="alder")
    note("auditor reads", *tally("birch", "verify", "--ledger", ledger), user="birch")
    note("auditor submits", "tally", "status", "/run/tally/submit.sock", user="birch")
    note("stranger reads", *tally("cedar", "verify", "--ledger", ledger), user="cedar")

    # Half a minute would be long to look on; and where control groups do not tell when they are
    # empty (those of version 1 in a container), an end is only seen when this time is over.
    set_drop_in("WatchdogSec=2", "TimeoutStopSec=3")
    run("systemctl", "restart", "tallyd.service")
    os.kill(int(unit()["MainPID"]), signal.SIGSTOP)
    seen["after watchdog"] = wait_for(restarted(1))
    set_drop_in("TimeoutStopSec=3")
    os.kill(int(seen["after watchdog"]["MainPID"]), signal.SIGKILL)
    seen["after kill"] = wait_for(restarted(2))
    note("receipt after kill", *tally("alder", "verify", "--ledger", ledger, "--receipt",
                                      "/srv/state-alder/one.receipt"), user="alder")
    note("submitted after kill", *submit("two.json"), user="alder")

    note("reload", "systemctl", "reload", "tallyd.service")
    run("systemctl", "stop", "tallyd.service")
    seen["stopped"] = unit()
    note("socket wakes", "tally", "status", user="birch")
    seen["woken"] = unit()

    run("systemctl", "stop", "tallyd.service")
    run("systemctl", "reset-failed", "tallyd.service")  # five starts are what it is allowed
    pathlib.Path("/etc/tally/host-key").rename("/etc/tally/elsewhere")
    run("systemctl", "start", "tallyd.service")
    seen["no host key"] = unit()
    run("systemctl", "stop", "tallyd.service")
    set_drop_in("SystemCallFilter=~landlock_create_ruleset", "TimeoutStopSec=3")
    run("systemctl", "start", "tallyd.service")
    seen["no landlock"] = wait_for(lambda found: found["ActiveState"] == "failed")


(WORK / "began").touch()
try:
    look()
finally:
    seen["journal"] = run("journalctl", "--no-pager", "-o", "cat", "-u", "tallyd.service")["out"]
    (WORK / "results.json").write_text(json.dumps(seen, indent=1))
