# SPDX-License-Identifier: ISC
"""Backups of a real tallyd that is written to meanwhile, and what is restored from them."""
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import conftest  # noqa: E402
import foreign  # noqa: E402
import sample  # noqa: E402
import tallyref as T  # noqa: E402
import wire  # noqa: E402

TALLY = os.environ.get("TALLY")


def tally(*words, env=(), **options):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TALLY_")}
    return subprocess.run([TALLY, *map(str, words)], capture_output=True, text=True, timeout=300,
                          check=False, env={**environment, **dict(env)}, **options)


def backup(daemon, name="backup", **options):
    return tally("backup", daemon.directory / name, "--source", daemon.read, **options)


def restore(daemon, name="backup", data="restored"):
    return tally("restore", daemon.directory / name, daemon.directory / data)


def mark(daemon, name="backup"):
    path = daemon.directory / name / "verified"
    return path.read_text() if path.exists() else None


def receipts_of(client, size):
    return [client.get(f"receipt/{index}") for index in range(size)]


def fill(daemon, team, count=3):
    """Some entries; one with a sealed part, a file in clear and one that is sealed."""
    data, sealed = b"a page" * 1000, b"ciphertext of a page" * 1000
    digest = T.sha256(data)
    with daemon.client() as client:
        for file in (data, sealed):
            assert client.put(T.sha256(file), file) == wire.STORED
        entry = team.alder.compose(kind="finding", contents=[
            (b"/a", b"secret", "s"),
            (b"/exhibits/page", T.exhibit_encode(digest, len(data), "text/plain", digest), "c")],
            files=[("clear", data, b"page"), ("sealed", sealed, b"other")])
        team.accept(client, team.alder, entry)
        team.objects = {T.sha256(item).hex(): item
                        for item in (data, sealed, entry.ciphertexts[0][1])}
    more(daemon, team, count - 1)


def more(daemon, team, count):
    """Entries that are accepted; the receipts are not looked at."""
    with daemon.client() as client:
        for _ in range(count):
            entry = team.birch.compose()
            assert client.submit(T.submission_encode(entry.submission()))[0] == wire.RECEIPT
            team.birch.advance(entry)


def serve(daemon, name, **config):
    """The daemon goes on with another data directory."""
    daemon.data = daemon.directory / name
    return daemon.start(**config)


class Writers:
    """Members who go on writing until the block ends; their receipts are all checked."""

    def __init__(self, daemon, team):
        self.daemon, self.team, self.count = daemon, team, 0
        self.failure = None
        self.ended = threading.Event()
        self.began = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            with self.daemon.client() as client:
                while not self.ended.is_set():
                    self.team.accept(client, self.team.birch)
                    self.count += 1
                    self.began.set()
        except BaseException as failure:  # noqa: B902
            self.failure = failure
            self.began.set()

    def __enter__(self):
        self.thread.start()
        self.began.wait()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        assert self.failure is None


def test_backup_while_members_write(daemon, team):
    fill(daemon, team, 20)
    with daemon.client() as client:
        for author in (team.alder, team.birch, team.alder):
            team.accept(client, author)
    before = dict(team.receipts)
    with Writers(daemon, team):
        done = backup(daemon)
        again = backup(daemon)
    assert done.returncode == again.returncode == 0, done.stderr + again.stderr
    size = int(mark(daemon).splitlines()[2].split()[1])
    assert size > max(before) and f"verified: {size} records" in again.stdout
    restored = restore(daemon)
    assert restored.returncode == 0 and f"{size} receipts the same" in restored.stdout
    with daemon.client() as client:
        given = receipts_of(client, size)
    daemon.stop()
    assert [given[index] for index in before] == list(before.values())
    serve(daemon, "restored")
    with daemon.client() as client:
        assert receipts_of(client, size) == given
        assert client.get(f"receipt/{size}") == wire.ENOTFOUND


def test_restored_ledger_goes_on(daemon, team):
    """Its tables are whole: chains of authors, deposits, what was sent before."""
    fill(daemon, team)
    entry = team.alder.compose()
    with daemon.client() as client:
        _, receipt = team.accept(client, team.alder, entry)
    assert backup(daemon).returncode == 0
    assert restore(daemon).returncode == 0
    daemon.stop()
    serve(daemon, "restored")
    with daemon.client() as client:
        assert client.submit(T.submission_encode(entry.submission())) == (wire.RECEIPT, receipt)
        for name, data in team.objects.items():
            assert client.get(f"tally/objects/{name}") == data
        fields = {"sequence": team.alder.sequence, "previous": bytes(32)}
        assert team.reject(client, team.alder.compose(fields=fields)) == "sequence-reused"
        team.accept(client, team.alder)
        team.accept(client, team.birch)
    assert backup(daemon).returncode == 0
    daemon.stop()


def change_old_line(path):
    """One character of the signature by the replaced key, in the row that has two."""
    rows = bytearray(path.read_bytes())
    place = re.search(rb"\xe2\x80\x94 \S+ (\S+)\n\xe2\x80\x94 ", rows).start(1) + 40
    rows[place] = ord("A") if rows[place] != ord("A") else ord("B")
    path.write_bytes(rows)


def test_replaced_ledger_key(daemon, team):
    """The checkpoint over the replacement carries two lines, whether it is the head or not."""
    secret = sample.Key("e2e next ledger key")
    new = T.note_key(conftest.ORIGIN, secret.key["point"])
    path = daemon.directory / "next-key"
    path.write_text(conftest.private_key_file(secret))
    path.chmod(0o400)
    amendment = sample.Entry(
        sample.ALDER, "alder", "amendment", team.id,
        fields={"seen": (0, team.leaves[0]), "refs": [("amends", 0, team.leaves[0])],
                "ops": ["ledger-key " + T.vkey_text(new)]})
    daemon.restart(next_ledger_key=path)
    with daemon.client() as client:
        team.accept(client, team.alder)
        kind, receipt = client.submit(T.submission_encode(amendment.submission()))
        assert kind == wire.RECEIPT
        team.leaves[2] = T.leaf_hash(T.receipt_decode(receipt)["record"])
        assert backup(daemon).returncode == 0
        team.note_key = new
        team.accept(client, team.birch)
        given = receipts_of(client, 4)
        assert given[2] == receipt
    assert backup(daemon, "later").returncode == 0
    daemon.stop()
    daemon.key = path
    for name, size in (("backup", 3), ("later", 4)):
        assert restore(daemon, name, f"of-{name}").returncode == 0
        serve(daemon, f"of-{name}")
        with daemon.client() as client:
            assert receipts_of(client, size) == given[:size]
        daemon.stop()
    change_old_line(daemon.directory / "later" / "tally" / "checkpoints" / "000.p" / "4")
    done = restore(daemon, "later", "changed")
    assert done.returncode == 1 and "first bad record 2 (checkpoint-invalid)" in done.stderr


def files_of(directory):
    return sorted(path for path in directory.rglob("*") if path.is_file())


def test_backup_is_private_and_incremental(daemon, team):
    fill(daemon, team, 260)
    assert backup(daemon, preexec_fn=lambda: os.umask(0)).returncode == 0
    directory = daemon.directory / "backup"
    for path in (directory, *directory.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    before = {path: path.stat().st_ino for path in files_of(directory)}
    with daemon.client() as client:
        team.accept(client, team.alder)
    done = backup(daemon)
    assert done.returncode == 0
    replaced = {directory / "checkpoint", directory / "verified"}
    assert all(path.stat().st_ino == inode for path, inode in before.items()
               if path not in replaced)
    added = set(files_of(directory)) - set(before)
    assert len(added) == 6  # five bundles and tiles, one file of parts
    assert f"{len(added) + 1} files written" in done.stdout
    directory.chmod(0o750)
    refused = backup(daemon)
    assert refused.returncode == 2 and "mode 0700" in refused.stderr


def test_everything_is_synced_before_it_is_named(daemon, team):
    fill(daemon, team)
    trace = daemon.directory / "trace"
    done = subprocess.run(
        ["strace", "-f", "-o", trace, "-e", "trace=syncfs,fsync,rename", TALLY, "backup",
         daemon.directory / "backup", "--source", daemon.read], capture_output=True, timeout=300,
        check=False, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    assert done.returncode == 0, done.stderr
    calls = [line.split(None, 1)[1] for line in trace.read_text().splitlines()
             if "(" in line]
    named = [i for i, call in enumerate(calls) if call.startswith("rename(")]
    ends = {name: i for i in named for name in ("checkpoint", "verified")
            if f'backup/{name}")' in calls[i]}
    flushed = [i for i, call in enumerate(calls) if call.startswith("syncfs(")]
    others = [i for i in named if i not in ends.values()]
    assert len(flushed) == 1 and max(others) < flushed[0] < ends["checkpoint"] < ends["verified"]
    for end in ends.values():
        assert calls[end - 1].startswith("fsync(") and calls[end + 1].startswith("fsync(")


def test_failed_sync_names_nothing(daemon, team):
    fill(daemon, team)
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=syncfs:error=EIO", TALLY,
         "backup", daemon.directory / "backup", "--source", daemon.read], capture_output=True,
        timeout=300, check=False, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    assert done.returncode == 3 and b"never been verified" in done.stderr
    assert not (daemon.directory / "backup" / "checkpoint").exists()
    assert mark(daemon) is None


class Proxy:
    """The read socket, which falls silent after so many bytes."""

    def __init__(self, daemon, budget):
        self.path = daemon.directory / "proxy.sock"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.daemon, self.budget = daemon, budget
        self.silent = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        near, _ = self.listener.accept()
        far = conftest.raw_connect(self.daemon.read)
        threading.Thread(target=self.pump, args=(near, far, None), daemon=True).start()
        self.pump(far, near, self.budget)

    def pump(self, source, sink, budget):
        try:
            while budget is None or budget > 0:
                data = source.recv(65536 if budget is None else min(65536, budget))
                if not data:
                    break
                sink.sendall(data)
                budget = None if budget is None else budget - len(data)
        except OSError:
            return
        if budget is not None:
            self.silent.set()


@pytest.mark.parametrize("budget", [2000, 60000, 250000])
def test_killed_backup_is_completed_by_the_next(daemon, team, budget):
    fill(daemon, team, 150)
    first = backup(daemon)
    assert first.returncode == 0
    state = {path: path.read_bytes() for path in files_of(daemon.directory / "backup")}
    more(daemon, team, 150)
    proxy = Proxy(daemon, budget)
    child = subprocess.Popen([TALLY, "backup", daemon.directory / "backup", "--source",
                              proxy.path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert proxy.silent.wait(60)
    child.send_signal(signal.SIGKILL)
    out, _ = child.communicate(timeout=60)
    assert out == b""
    for path, content in state.items():
        assert path.read_bytes() == content, "what it was, it still is"
    assert restore(daemon, data="older").returncode == 0
    assert backup(daemon).returncode == 0
    done = restore(daemon)
    assert done.returncode == 0 and "301 records" in done.stdout


def flip(path, offset=-1):
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def rows_of(path):
    data, rows = path.read_bytes(), []
    while data:
        size = int.from_bytes(data[:2], "big")
        rows.append(data[2:2 + size])
        data = data[2 + size:]
    return rows


def put_rows(path, rows):
    path.write_bytes(b"".join(T.u16(len(row)) + row for row in rows))


def lose_row(directory):
    path = directory / "tally/checkpoints/000.p/6"
    put_rows(path, [b"", *rows_of(path)[1:]])


def swap_rows(directory):
    path = directory / "tally/checkpoints/000.p/6"
    rows = rows_of(path)
    put_rows(path, [*rows[:2], rows[3], rows[2], *rows[4:]])


def repeat_line(directory):
    path = directory / "tally/checkpoints/000.p/6"
    rows = rows_of(path)
    put_rows(path, [*rows[:2], rows[2] * 2, *rows[3:]])


def foreign_line(directory):
    path = directory / "tally/checkpoints/000.p/6"
    rows = rows_of(path)
    line = rows[3].replace(b"tally.example/e2e", b"other.example/e2e")
    put_rows(path, [*rows[:3], rows[3] + line, *rows[4:]])


def cut_rows(directory):
    path = directory / "tally/checkpoints/000.p/6"
    put_rows(path, rows_of(path)[:4])


def surplus_row(directory):
    path = directory / "tally/checkpoints/000.p/6"
    put_rows(path, [*rows_of(path), b""])


def no_rows(directory):
    (directory / "tally/checkpoints/000.p/6").unlink()


def change_record(directory):
    flip(directory / "tile/entries/000.p/6", -3)


def change_seal(directory):
    flip(directory / "tally/seals/000.p/6", 2 * 64)


def change_parts(directory):
    flip(directory / "tally/parts/002")


def change_commitments(directory):
    flip(directory / "tally/commitments/000.p/6")


def object_that_starts(directory, start):
    return next(path for path in (directory / "tally/objects").iterdir()
                if path.read_bytes().startswith(start))


def change_file(directory):
    flip(object_that_starts(directory, b"a page"))


def lose_sealed_file(directory):
    object_that_starts(directory, b"ciphertext").unlink()


def lose_ciphertext(directory):
    others = (object_that_starts(directory, b"a page"), object_that_starts(directory, b"cipher"))
    for path in (directory / "tally/objects").iterdir():
        if path not in others:
            path.unlink()


def change_head(directory):
    flip(directory / "checkpoint", -5)


@pytest.mark.parametrize("spoil, code, said", [
    (lose_row, 1, "first bad record 0 (checkpoint-invalid)"),
    (swap_rows, 1, "first bad record 2 (checkpoint-invalid)"),
    (repeat_line, 1, "first bad record 2 (checkpoint-invalid)"),
    (foreign_line, 1, "first bad record 3 (checkpoint-invalid)"),
    (cut_rows, 1, "first bad record 4 (checkpoint-invalid)"),
    (surplus_row, 1, "first bad record 0 (checkpoint-invalid)"),
    (no_rows, 1, "first bad record 0 (checkpoint-invalid)"),
    (change_record, 1, "first bad record 5 (leaf-mismatch)"),
    (change_seal, 1, "first bad record 2 (seal-invalid)"),
    (change_parts, 1, "first bad record 2 (part-invalid)"),
    (change_commitments, 1, "first bad record 5 (commitments-mismatch)"),
    (change_file, 1, "first bad record 1 (file-invalid)"),
    (lose_ciphertext, 4, "is not complete"),
    (lose_sealed_file, 4, "is not complete"),
    (change_head, 1, "does not verify"),
], ids=lambda value: getattr(value, "__name__", ""))
def test_tampered_backup_is_refused(daemon, team, spoil, code, said):
    fill(daemon, team, 5)
    assert backup(daemon).returncode == 0
    assert restore(daemon, data="whole").returncode == 0
    before = {path.name for path in daemon.directory.iterdir()}
    dated = mark(daemon)
    spoil(daemon.directory / "backup")
    done = restore(daemon)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    drilled = tally("restore", "--drill", daemon.directory / "backup")
    assert (drilled.returncode, said in drilled.stderr) == (code, True), drilled.stderr
    assert "nothing was restored" in done.stderr and "drilled" not in drilled.stdout
    assert {path.name for path in daemon.directory.iterdir()} == before
    assert mark(daemon) == dated


def test_damaged_backup_is_not_extended(daemon, team):
    """What stands there from before is verified again each time."""
    fill(daemon, team, 257)
    assert backup(daemon).returncode == 0
    dated = mark(daemon)
    checkpoint = (daemon.directory / "backup" / "checkpoint").read_bytes()
    flip(daemon.directory / "backup" / "tally/seals/000", 77 * 64)
    with daemon.client() as client:
        team.accept(client, team.alder)
    done = backup(daemon)
    assert done.returncode == 1 and "first bad record 77 (seal-invalid)" in done.stderr
    assert f"last verified {dated.split()[2]}, at 258 records" in done.stderr
    assert "verified:" not in done.stdout
    assert mark(daemon) == dated
    assert (daemon.directory / "backup" / "checkpoint").read_bytes() == checkpoint


def test_one_backup_at_a_time(daemon, team):
    fill(daemon, team)
    assert backup(daemon).returncode == 0
    fd = os.open(daemon.directory / "backup", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    done = backup(daemon)
    os.close(fd)
    assert done.returncode == 3 and "another backup is being written" in done.stderr
    assert backup(daemon).returncode == 0


def test_an_archive_is_no_backup(daemon, team):
    fill(daemon, team)
    archive = daemon.directory / "archive"
    assert tally("publish", archive, "--source", daemon.read).returncode == 0
    done = restore(daemon, "archive")
    assert done.returncode == 1 and "first bad record 0 (checkpoint-invalid)" in done.stderr
    done = tally("backup", daemon.directory / "backup", "--source", archive)
    assert done.returncode == 3 and "no kept checkpoints" in done.stderr
    assert mark(daemon) is None
    assert tally("restore", daemon.read, daemon.directory / "restored").returncode == 2


def test_a_backup_is_an_archive(daemon, team):
    fill(daemon, team)
    assert backup(daemon).returncode == 0
    done = tally("verify", daemon.directory / "backup", "--ledger", T.b64(team.id),
                 env={"TALLY_STATE": str(daemon.directory / "state")})
    assert done.returncode == 0, done.stdout
    copied = tally("backup", daemon.directory / "copy", "--source", daemon.directory / "backup")
    assert copied.returncode == 0
    for path in files_of(daemon.directory / "backup"):
        other = daemon.directory / "copy" / path.relative_to(daemon.directory / "backup")
        if path.name != "verified":
            assert other.read_bytes() == path.read_bytes()


def test_backup_of_a_stopped_ledger(daemon, team):
    fill(daemon, team)
    assert backup(daemon).returncode == 0
    daemon.stop()
    assert tally("backup", daemon.directory / "cold", "--source", daemon.data).returncode == 0
    for path in files_of(daemon.directory / "backup"):
        other = daemon.directory / "cold" / path.relative_to(daemon.directory / "backup")
        if path.name != "verified":
            assert other.read_bytes() == path.read_bytes(), path


def test_another_ledger_is_refused(daemon, team):
    fill(daemon, team)
    other = T.b64(bytes(32))
    done = tally("backup", daemon.directory / "backup", "--source", daemon.read, "--ledger", other)
    assert done.returncode == 1 and mark(daemon) is None
    assert backup(daemon).returncode == 0
    path = daemon.directory / "backup" / "verified"
    path.write_text(path.read_text().replace(T.b64(team.id), other))
    assert backup(daemon).returncode == 1, "the ledger of the earlier backup is the one expected"


def test_drill_leaves_nothing(daemon, team):
    fill(daemon, team, 300)
    assert backup(daemon).returncode == 0
    work = daemon.directory / "work"
    work.mkdir()
    done = tally("restore", "--drill", daemon.directory / "backup", env={"TMPDIR": str(work)})
    assert done.returncode == 0, done.stderr
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ drilled: .*: 301 records, root .*, "
                    r"256 receipts the same\n$", done.stdout)
    assert list(work.iterdir()) == []


def test_restore_takes_no_other_place(daemon, team):
    fill(daemon, team)
    assert backup(daemon).returncode == 0
    assert restore(daemon, data="data").returncode == 2
    (daemon.directory / "file").write_text("x")
    assert restore(daemon, data="file").returncode == 2
    (daemon.directory / "empty").mkdir()
    assert restore(daemon, data="empty").returncode == 0
    assert restore(daemon, data="empty").returncode == 2
    assert tally("restore", daemon.directory / "backup").returncode == 2
    restored = daemon.directory / "empty"
    for path in (restored, *restored.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert not list(daemon.directory.glob("*.restore-*"))


# ---- an old backup ----


def grown_behind(made, team, **config):
    """A backup, then a record that it does not have; gives the newest checkpoint."""
    made.start(**config)
    fill(made, team)
    assert backup(made).returncode == 0
    with made.client() as client:
        team.accept(client, team.alder)
        newest = client.get("checkpoint")
    made.stop()
    assert restore(made).returncode == 0
    return newest


def test_old_backup_where_the_head_file_is_kept(made, team):
    head = made.directory / "head-elsewhere"
    shutil.move(made.data / "head", head)
    grown_behind(made, team, head=head)
    made.data = made.directory / "restored"
    code, said = made.refuses_to_start(head=head)
    assert code == 3
    assert "the store holds 4 records, its head guard says 5" in said
    assert "put the newest one back" in said and "RECOVERY" in said


def test_old_backup_without_the_head_file(made, team):
    newest = grown_behind(made, team)
    serve(made, "restored")
    with pytest.raises(wire.Refused) as refused:
        made.client(hello=newest)
    assert refused.value.status == wire.ESTOPPED
    with made.client() as client:
        submission = T.submission_encode(team.birch.compose().submission())
        kind, payload = client.submit(submission)
        assert (kind, wire.status_of(payload)) == (wire.ERROR, wire.ESTOPPED)
    assert "restore the newest store" in made.log()
    made.stop()


def test_a_newer_backup_notices_an_older_ledger(made, team):
    """The nightly backup says HELLO with what it holds."""
    grown_behind(made, team)
    made.start()
    assert backup(made).returncode == 0
    dated = mark(made)
    made.stop()
    serve(made, "restored")
    done = backup(made)
    assert done.returncode == 1 and "fewer records than the backup" in done.stderr
    assert "last verified" in done.stderr and mark(made) == dated
    with made.client() as client:
        assert client.state()["signing"] == "stopped"
    made.stop()


# ---- a stopped ledger ----


def fsck(daemon, *words):
    return tally("fsck", daemon.data, *words)


def content_of(directory):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files_of(directory)}


@pytest.fixture(name="stopped")
def fixture_stopped(made, team):
    made.start()
    fill(made, team, 5)
    made.stop()
    return made


def test_fsck_of_a_good_ledger(stopped, team):
    (stopped.data / "exhibits" / ("0" * 64)).write_bytes(b"left behind")
    before = content_of(stopped.data)
    done = fsck(stopped, "--ledger", T.b64(team.id))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(fsck(stopped, "--json").stdout)
    assert (found["records"], found["records_behind"]) == (6, 0)
    assert (found["unnamed_files"], found["unnamed_bytes"]) == (1, 11)
    assert content_of(stopped.data) == before
    stopped.start()
    done = fsck(stopped)
    assert done.returncode == 3 and "in use by a running tallyd" in done.stderr


def test_fsck_compares_the_head(stopped, team):
    older = (stopped.data / "head").read_bytes()
    old = copy_of(stopped)
    stopped.start()
    with stopped.client() as client:
        team.accept(client, team.alder)
    stopped.stop()
    head = stopped.directory / "head-elsewhere"
    shutil.move(stopped.data / "head", head)
    done = fsck(stopped)
    assert done.returncode == 3 and "the head guard is missing" in done.stderr
    assert fsck(stopped, "--head", head).returncode == 0
    (stopped.data / "head").write_bytes(older)
    done = fsck(stopped)
    assert done.returncode == 4 and "1 records behind the newest checkpoint" in done.stderr
    shutil.rmtree(stopped.data)
    shutil.move(old, stopped.data)
    done = fsck(stopped, "--head", head)
    assert done.returncode == 1
    assert "the store holds 6 records, its head guard says 7" in done.stderr
    assert "Put the newest one back" in done.stderr
    (stopped.data / "head").write_bytes(bytes(8192))
    done = fsck(stopped)
    assert done.returncode == 1 and "the head guard is damaged" in done.stderr


def copy_of(daemon):
    kept = daemon.directory / "kept"
    shutil.copytree(daemon.data, kept)
    return kept


def test_fsck_sees_what_has_stopped_signing(stopped, team):
    old = copy_of(stopped)
    stopped.start()
    with stopped.client() as client:
        team.accept(client, team.alder)
        newest = client.get("checkpoint")
    stopped.stop()
    (old / "contradiction").write_bytes(newest)
    stopped.data = old
    done = fsck(stopped)
    assert done.returncode == 1 and "checkpoint-rollback" in done.stdout
    (old / "contradiction").unlink()
    assert fsck(stopped).returncode == 0


def test_fsck_names_what_is_damaged(stopped, team):
    with stopped.start().client() as client:
        record = T.receipt_decode(client.get("receipt/3"))["record"]
    stopped.stop()
    path = stopped.data / "store" / "data.mdb"
    data = path.read_bytes()
    changed = record[:-3] + bytes([record[-3] ^ 1]) + record[-2:]
    path.write_bytes(data.replace(record, changed))
    done = fsck(stopped)
    assert done.returncode == 1 and "record 3" in done.stdout
    path.write_bytes(b"rubbish" * 10000)
    done = fsck(stopped)
    assert done.returncode == 1 and "damaged" in done.stderr
    path.write_bytes(data[:8192] + bytes(len(data) - 8192))
    assert fsck(stopped).returncode == 1
    path.write_bytes(data)
    assert fsck(stopped).returncode == 0


def test_a_backup_that_others_have_made(made, team):
    """Written from docs/formats.md alone, it restores to the receipts that it stands for."""
    ledger = foreign.ledger_of(team, 8)
    foreign.write(made.directory / "backup", ledger)
    done = restore(made)
    assert done.returncode == 0, done.stdout + done.stderr
    serve(made, "restored")
    with made.client() as client:
        assert receipts_of(client, 9) == [ledger.receipt(index) for index in range(9)]
    with made.reader() as reader:
        rows = reader.get("tally/checkpoints/000.p/9")
    assert rows == (made.directory / "backup/tally/checkpoints/000.p/9").read_bytes()
    made.stop()
