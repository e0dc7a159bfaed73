# SPDX-License-Identifier: ISC
"""Small ledgers made from fixed seeds: the same bytes at every run."""
import functools

import tallyref as T

SIGNED_S = 1767603600  # 2026-01-05T09:00:00Z
RECEIVED_US = 1767603605_000000


def seed_of(name):
    return T.sha256(b"tally test vector, never a real key: " + name.encode())


def stream(name, size):
    """size bytes that look random and are not."""
    out = b""
    counter = 0
    while len(out) < size:
        out += T.sha256(f"{name} {counter}".encode())
        counter += 1
    return out[:size]


class Key:
    def __init__(self, name, application=None):
        self.name = name
        self.seed = seed_of(name)
        self.key = T.key_of_seed(self.seed)
        if application is not None:
            self.key = {**self.key, "type": T.SK_ED25519, "application": application}
        self.blob = T.key_blob(self.key)
        self.fingerprint = T.sha256(self.blob)
        self.text = T.key_text(self.key)

    def sign(self, envelope, **options):
        return T.sshsig_make(self.seed, envelope, key=self.key, **options)


def signatures(author, others, envelope):
    others = sorted(others, key=lambda key: key.blob)
    return [key.sign(envelope) for key in (author, *others)]


def make_parts(author, ledger, name, contents, decoys):
    """contents: (name, value, letter); decoys: positions. Gives commitments, letters and parts."""
    commitments, letters, parts = [], "", []
    contents = sorted(contents)
    for position in range(len(contents) + len(decoys)):
        if position in decoys:
            commitments.append(stream(f"decoy {name} {position}", 32))
            letters += "w"
            continue
        part_name, value, letter = contents.pop(0)
        part = T.part_encode(stream(f"salt {name} {position}", 32), author.fingerprint, ledger,
                             part_name, value)
        commitments.append(T.leaf_hash(part))
        letters += letter
        parts.append((position, part))
    return commitments, letters, parts


class Entry:
    """Everything that an author holds: envelope, signatures, parts, ciphertexts, files."""

    def __init__(self, author, member, kind, ledger, **given):
        name = given.get("name", kind)
        self.author = author
        self.commitments, letters, self.opened = make_parts(
            author, ledger, name, given.get("contents", []), given.get("decoys", []))
        self.letters = letters
        self.ciphertexts = [(position, stream(f"ciphertext {name} {position}", 60 + len(part)))
                            for position, part in self.opened if letters[position] == "s"]
        self.fields = {
            "type": kind, "ledger": ledger, "member": member, "key": author.fingerprint,
            "sequence": 0, "previous": None, "seen": None, "signed_s": SIGNED_S,
            "parts_root": T.tree_root(self.commitments), "letters": letters,
            "sealed": [(position, T.sha256(data), len(data))
                       for position, data in self.ciphertexts],
            "files": [], "refs": [], "ops": []}
        self.files = given.get("files", [])  # (kind, bytes, path)
        self.fields["files"] = sorted(((k, T.sha256(data), len(data))
                                       for k, data, _ in self.files),
                                      key=lambda f: f"{f[0]} {T.b64(f[1])} {f[2]}")
        self.fields.update(given.get("fields", {}))
        self.fields["refs"] = sorted(self.fields["refs"],
                                     key=lambda r: f"{r[0]} {r[1]} {T.b64(r[2])}")
        self.envelope = T.envelope_encode(self.fields)
        self.signatures = signatures(author, given.get("others", []), self.envelope)

    def clear(self):
        return [(position, part) for position, part in self.opened
                if self.letters[position] == "c"]

    def submission(self):
        return {"envelope": self.envelope, "signatures": self.signatures,
                "commitments": self.commitments, "clear": self.clear(),
                "sealed": self.ciphertexts}

    def entry_file(self):
        paths = {T.sha256(data): path for _, data, path in self.files}
        return {"envelope": self.envelope, "signatures": self.signatures,
                "commitments": self.commitments,
                "parts": [(position, part) for position, part in self.opened
                          if self.letters[position] in "cw"],
                "sealed": self.ciphertexts,
                "files": [(digest, size, paths[digest])
                          for _, digest, size in self.fields["files"]]}


class Ledger:
    def __init__(self, origin, ledger_key):
        self.origin = origin
        self.key = ledger_key
        self.note_key = T.note_key(origin, ledger_key.key["point"])
        self.id = None
        self.roster = 0
        self.entries, self.records, self.seals, self.leaves = [], [], [], []
        self.chains = {}  # key name -> (sequence, envelope hash)
        self.commits = []

    def copy(self):
        other = Ledger(self.origin, self.key)
        other.id, other.roster, other.chains = self.id, self.roster, dict(self.chains)
        for name in ("entries", "records", "seals", "leaves", "commits"):
            setattr(other, name, list(getattr(self, name)))
        return other

    def ref(self, relation, index):
        return (relation, index, self.leaves[index])

    def compose(self, author, member, kind, **given):
        """An entry as its author makes it now; given overrides."""
        fields = dict(given.pop("fields", {}))
        if kind not in T.CONSTITUTION:
            sequence, previous = self.chains.get(author.name, (0, None))
            fields = {"sequence": sequence + 1, "previous": previous, **fields}
        if self.leaves:
            newest = len(self.leaves) - 1
            fields = {"seen": (newest, self.leaves[newest]), **fields}
        fields = {"signed_s": SIGNED_S + 60 * len(self.records), **fields}
        name = f"{self.origin} {len(self.records)}"
        return Entry(author, member, kind, self.id, fields=fields, **{"name": name, **given})

    def record(self, entry, **given):
        """The record that the host would append next; given overrides."""
        index = len(self.records)
        return T.record_encode({
            "index": index, "received_us": RECEIVED_US + index * 60_000_000,
            "link": self.leaves[-1] if index else bytes(32), "roster": self.roster,
            "envelope": entry.envelope, "signatures": entry.signatures, **given})

    def append(self, entry, **given):
        record = self.record(entry, **given)
        leaf = T.leaf_hash(record)
        index = len(self.records)
        if index == 0:
            self.id = T.sha256(entry.envelope)
        if entry.fields["type"] in T.CONSTITUTION:
            self.roster = index
        else:
            self.chains[entry.author.name] = (entry.fields["sequence"], T.sha256(entry.envelope))
        self.entries.append(entry)
        self.records.append(record)
        self.leaves.append(leaf)
        self.seals.append(T.seal_make(self.key.seed, leaf))

    def commit(self):
        self.commits.append(len(self.records))

    def checkpoint(self, size):
        text = T.checkpoint_text(self.origin, size, T.tree_root(self.leaves[:size]))
        return T.note_sign(text, self.note_key, self.key.seed)

    def proof(self, index, size):
        return T.proof_encode(index, T.inclusion_proof(self.leaves[:size], index),
                              self.checkpoint(size), self.records[index] + self.seals[index])

    def receipt(self, index):
        return self.proof(index, min(size for size in self.commits if size > index))

    def bundle(self, indexes, parts):
        """parts: (index, position) of parts to disclose."""
        size = len(self.records)
        constitution = [i for i, entry in enumerate(self.entries)
                        if entry.fields["type"] in T.CONSTITUTION]
        return {
            "constitution": [self.proof(i, size) for i in constitution],
            "last": self.proof(size - 1, size),
            "entries": [self.proof(i, size) for i in indexes],
            "parts": [(i, position, dict(self.entries[i].opened)[position],
                       T.inclusion_proof(self.entries[i].commitments, position))
                      for i, position in parts]}

    def objects(self):
        return [data for entry in self.entries for data in
                [d for _, d in entry.ciphertexts] + [d for _, d, _ in entry.files]]

    def archive(self):
        return T.archive_files(self.records, self.seals, [e.commitments for e in self.entries],
                               [e.clear() for e in self.entries],
                               self.checkpoint(len(self.records)), self.objects())


LEDGER_KEY = Key("ledger")
HOST = Key("host")
ALDER = Key("alder")
BIRCH = Key("birch")
BIRCH_TOKEN = Key("birch token", b"ssh:")
CEDAR = Key("cedar")
CEDAR_SECOND = Key("cedar second")
STRANGER = Key("stranger")
NEWCOMER = Key("newcomer")
EXAMPLE_LEDGER_KEY = Key("example ledger")

CHARTER_OPS = [
    "origin tally.example/sample",
    "ledger-key " + T.vkey_text(T.note_key("tally.example/sample", LEDGER_KEY.key["point"])),
    f"host-key {HOST.text}", "rules 1", "sample yes", "threshold amend 2",
    "member alder Team Alder", "member birch Team Birch", "member cedar Team Cedar",
    f"key alder author,govern {ALDER.text}", f"key birch author,govern {BIRCH.text}",
    f"key birch author {BIRCH_TOKEN.text}", f"key cedar govern {CEDAR.text}",
    "policy quorum none"]

SCAN = b"A scanned page, played by one line of text.\n"
RESTRICTED = stream("restricted exhibit in clear", 500)
RESTRICTED_SEALED = stream("restricted exhibit as ciphertext", 700)

FINDING_PARTS = [
    (b"/assessment", b'{"reliability":"F"}', "w"),
    (b"/exhibits/page.txt", T.exhibit_encode(T.sha256(SCAN), len(SCAN), "text/plain",
                                             T.sha256(SCAN)), "c"),
    (b"/exhibits/restricted", T.exhibit_encode(T.sha256(RESTRICTED), len(RESTRICTED),
                                               "application/octet-stream",
                                               T.sha256(RESTRICTED_SEALED)), "s"),
    (b"/external_references/0", b'{"source_name":"A newspaper","origin":"port-log-2025"}', "c"),
    (b"/statement", '"Sample: a ship left port at 05:00 \u2013 twice."'.encode(), "c"),
    (b"/title", b'"Sample finding"', "c")]


def sample_ledger():
    """A sample ledger of one's own, to append to."""
    return made_once().copy()


@functools.cache
def made_once():
    """Nine records: every author signature type, deposits of every kind, one amendment, a clock
    step."""
    ledger = Ledger("tally.example/sample", LEDGER_KEY)
    ledger.append(ledger.compose(ALDER, "alder", "charter", fields={"ops": CHARTER_OPS},
                                 others=[HOST, BIRCH, BIRCH_TOKEN, CEDAR]))
    ledger.commit()
    ledger.append(ledger.compose(
        ALDER, "alder", "finding", contents=FINDING_PARTS, decoys=[1, 6],
        files=[("clear", SCAN, b"page.txt"), ("sealed", RESTRICTED_SEALED, b"a dir/r\xc3\xa9s%.age")]))
    ledger.append(ledger.compose(
        BIRCH_TOKEN, "birch", "corroboration", fields={"refs": [ledger.ref("corroborates", 1)]},
        contents=[(b"/body", b'"Sample: seen by us too."', "c"),
                  (b"/external_references/0", b'{"origin":"our-own-imagery"}', "c")]))
    ledger.commit()
    ledger.append(ledger.compose(
        BIRCH, "birch", "note", others=[ALDER, HOST], contents=[(b"/body", b'"Sample note."', "c")],
        fields={"refs": [ledger.ref("about", 1), ledger.ref("see", 2)]}))
    ledger.commit()
    ledger.append(ledger.compose(
        ALDER, "alder", "correction", contents=[(b"/statement", b'"Sample: once."', "c")],
        decoys=[0, 2, 3, 4, 5, 6, 7], fields={"refs": [ledger.ref("corrects", 1)]}))
    ledger.commit()
    ledger.append(ledger.compose(
        BIRCH, "birch", "amendment", others=[ALDER, CEDAR_SECOND],
        fields={"refs": [ledger.ref("amends", 0)],
                "ops": [f"enrol cedar author {CEDAR_SECOND.text}"]}))
    ledger.commit()
    ledger.append(ledger.compose(CEDAR_SECOND, "cedar", "finding",
                                 contents=[(b"/title", b'"Second sample finding"', "c")]))
    ledger.commit()
    step = 90_000_000
    ledger.append(ledger.compose(HOST, "host", "incident", contents=[
        (b"/clock/step_us", str(-step).encode(), "c")]),
        received_us=RECEIVED_US + 6 * 60_000_000 - step)
    ledger.append(ledger.compose(BIRCH, "birch", "dissent",
                                 fields={"refs": [ledger.ref("dissents-from", 6)]}))
    ledger.commit()
    return ledger


def example_ledger():
    """The worked example of docs/formats.md: a charter and a finding with two parts."""
    ledger = Ledger("example.org/tally", EXAMPLE_LEDGER_KEY)
    ledger.append(ledger.compose(ALDER, "alder", "charter", others=[HOST], fields={"ops": [
        "origin example.org/tally",
        "ledger-key " + T.vkey_text(ledger.note_key), f"host-key {HOST.text}", "rules 1",
        "sample yes", "threshold amend 1", "member alder Team Alder",
        f"key alder author,govern {ALDER.text}"]}))
    ledger.commit()
    ledger.append(ledger.compose(ALDER, "alder", "finding", contents=[
        (b"/statement", b'"The gate was open."', "w"), (b"/title", b'"Gate"', "c")]))
    ledger.commit()
    return ledger
