# SPDX-License-Identifier: ISC
"""A backup that no Tally has made, from docs/formats.md alone."""
import os
import time

import conftest
import sample
import tallyref as T


def lines_of(note):
    return note[note.rindex(b"\n\n") + 2:]


def write(directory, ledger):
    """As an archive, and the lines of each checkpoint in the row of its last record."""
    entries = ledger.entries
    files = T.archive_files(ledger.records, ledger.seals, [e.commitments for e in entries],
                            [e.clear() for e in entries],
                            ledger.checkpoint(len(ledger.records)))
    rows = [lines_of(ledger.checkpoint(i + 1)) if i + 1 in ledger.commits else b""
            for i in range(len(ledger.records))]
    assert len(rows) < 256
    files[f"tally/checkpoints/000.p/{len(rows)}"] = b"".join(T.u16(len(r)) + r for r in rows)
    for name, data in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    os.chmod(directory, 0o700)


def ledger_of(team, count, **given):
    """The charter and so many notes by alder; a checkpoint behind each but every third record."""
    ledger = sample.Ledger(conftest.ORIGIN, team.ledger_key)
    ledger.append(team.charter)
    ledger.commit()
    for i in range(1, count + 1):
        entry = ledger.compose(sample.ALDER, "alder", "note", contents=[(b"/body", b'"x"', "c")],
                               fields={"refs": [ledger.ref("about", 0)]})
        ledger.append(entry, **(given if i == count else {}))
        if i % 3 != 1 or i == count:
            ledger.commit()
    return ledger


def tomorrow(directory, team):
    """A backup whose newest record is of tomorrow; its leaves and receipts."""
    ledger = ledger_of(team, 1, received_us=int(time.time() * 1000000) + 86400 * 1000000)
    write(directory, ledger)
    team.previous = T.sha256(ledger.entries[1].envelope)
    return dict(enumerate(ledger.leaves)), {i: ledger.receipt(i) for i in range(2)}


def previous_of(team):
    return team.previous
