# SPDX-License-Identifier: ISC
"""The unit files: clean by systemd's own checker, and an exposure of at most 0.5."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

SYSTEMD = pathlib.Path(os.environ["TALLY_SOURCE_DIR"]) / "systemd"
UNITS = ("tallyd.service", "tally-submit.socket", "tally-read.socket")

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None,
                                reason="no systemd-analyze")


@pytest.fixture
def units(tmp_path):
    """The units as installed, but for the program's place: theirs is /usr/bin or /usr/local/bin,
    whatever prefix the installation was given."""
    for name in UNITS:
        text = (SYSTEMD / name).read_text()
        text, count = re.subn(r"^ExecStart=tallyd ", f"ExecStart={os.environ['TALLYD']} ",
                              text, flags=re.MULTILINE)
        assert count == name.endswith(".service")
        (tmp_path / name).write_text(text)
    return tmp_path


def analyze(*arguments):
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True,
                          check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_verify_is_clean(units):
    code, said = analyze("verify", "--man=no", *(units / name for name in UNITS))
    complaints = [line for line in said.splitlines() if any(name in line for name in UNITS)]
    assert (code, complaints) == (0, []), said


def test_exposure_is_low(units):
    code, said = analyze("security", "--offline=true", "--threshold=5",
                         units / "tallyd.service")
    assert code == 0, said


def test_threshold_can_fail(units):
    """The check above must be one that a careless unit does not pass."""
    path = units / "tallyd.service"
    lines = [line for line in path.read_text().splitlines()
             if not line.startswith(("PrivateNetwork=", "CapabilityBoundingSet="))]
    path.write_text("\n".join(lines) + "\n")
    code, _ = analyze("security", "--offline=true", "--threshold=5", path)
    assert code != 0


def test_users_of_the_units_exist_in_sysusers():
    users = (SYSTEMD / "tally.sysusers").read_text()
    for name in ("tally", "tally-submit", "tally-read"):
        assert any(line.split()[1:2] == [name] for line in users.splitlines()
                   if line[:1] in "ug"), name
