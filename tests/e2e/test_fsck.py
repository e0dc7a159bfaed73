# SPDX-License-Identifier: ISC
"""fsck of stores that lead LMDB astray: a check that dies is a verdict, and never a good one."""
import os
import struct
import subprocess

from conftest import TALLY

# A sanitizer would make an exit of the signal that a release build dies of.
PLAIN = "handle_segv=0:handle_sigbus=0:handle_abort=0:detect_leaks=0"


def test_a_check_that_dies_is_damage(made, team):
    made.start()
    with made.client() as client:
        for author in (team.alder, team.birch) * 15:
            team.accept(client, author)
    made.stop()
    path = made.data / "store" / "data.mdb"
    whole = path.read_bytes()
    page_len, = struct.unpack_from("=I", whole, 40)
    died = False
    for start in range(2 * page_len, len(whole.rstrip(b"\0")), page_len):
        data = bytearray(whole)
        data[start + 16:start + 18] = b"\xfc\xff"
        path.write_bytes(data)
        done = subprocess.run([TALLY, "fsck", made.data], capture_output=True, text=True,
                              timeout=60, check=False,
                              env={**os.environ, "ASAN_OPTIONS": PLAIN, "TSAN_OPTIONS": PLAIN})
        assert done.returncode in (0, 1, 3), done.stderr
        died = "the check ended with signal" in done.stderr
        if died:
            assert done.returncode == 1 and "the store's file is damaged" in done.stderr
            break
    assert died
    path.write_bytes(whole)
    assert subprocess.run([TALLY, "fsck", made.data], capture_output=True,
                          check=False).returncode == 0
