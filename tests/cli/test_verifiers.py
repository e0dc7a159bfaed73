# SPDX-License-Identifier: ISC
"""Both verifiers, which share no code, over the same archives: same exit code, same first bad
record, same reason; and nothing that was tampered with is verified."""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(os.environ.get("TALLY_SOURCE_DIR", Path(__file__).resolve().parents[2]))
BUILD = Path(os.environ.get("TALLY_BUILD_DIR", SOURCE / "build" / "release"))
TALLY = BUILD / "client" / "tally"
SECOND = SOURCE / "scripts" / "tally-verify.py"
SAMPLE = json.loads((SOURCE / "tests" / "vectors" / "ledger.json").read_text())
LEDGER = base64.b64encode(bytes.fromhex(SAMPLE["ledger_id"])).decode()


def apply(files, edit):
    """One edit of the vectors (tests/vectors/README.md)."""
    name = edit["path"]
    if edit.get("remove"):
        del files[name]
        return
    data = bytearray(files.get(name, b""))
    if "content" in edit:
        data = bytearray.fromhex(edit["content"])
    if "offset" in edit:
        data[edit["offset"]] ^= int(edit["xor"], 16)
    if "truncate" in edit:
        del data[edit["truncate"]:]
    if "append" in edit:
        data += bytes.fromhex(edit["append"])
    files[name] = bytes(data)


def judge(words, archive, extra=()):
    done = subprocess.run([*map(str, words), "--json", "--ledger", LEDGER, *map(str, extra),
                           str(archive)], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1, 4), done.stderr
    answer = json.loads(done.stdout)
    return done.returncode, answer["first_bad"], answer["reason"]


def both(archive, tmp_path, extra=()):
    first = judge([TALLY, "verify", "--state", tmp_path / "state"], archive, extra)
    second = judge(["/usr/bin/python3", "-B", SECOND], archive, extra)
    assert first == second
    return first


def write(root, files):
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def good_files():
    return {name: bytes.fromhex(data) for name, data in SAMPLE["archive"].items()}


def test_good(tmp_path):
    archive = write(tmp_path / "archive", good_files())
    held = []
    for number, receipt in enumerate(SAMPLE["receipts"]):
        (tmp_path / f"{number}.receipt").write_text(receipt)
        held += ["--receipt", tmp_path / f"{number}.receipt"]
    assert both(archive, tmp_path, held) == (0, None, None)


@pytest.mark.parametrize("number", range(len(SAMPLE["tampered"])))
def test_tampered(tmp_path, number):
    case = SAMPLE["tampered"][number]
    files = good_files()
    for edit in case["edits"]:
        apply(files, edit)
    code, first_bad, _ = both(write(tmp_path / "archive", files), tmp_path)
    # A few edits are allowed: what may be absent, and files that no reader knows.
    assert code == (1 if case.get("why") else 0) and first_bad == case.get("first_bad")
