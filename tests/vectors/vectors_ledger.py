# SPDX-License-Identifier: ISC
"""A whole small ledger, ways to damage it, and records that may or may not come next."""
import sample as S
import tallyref as T
from vectors import plain

MINUTE_US = 60_000_000


def ledger():
    made = S.sample_ledger()
    size = len(made.records)
    keys = [S.LEDGER_KEY, S.HOST, S.ALDER, S.BIRCH, S.BIRCH_TOKEN, S.CEDAR, S.CEDAR_SECOND]
    archive = made.archive()
    return {
        "format": "ledger",
        "about": "A sample ledger with everything that its host would keep or give. archive: every "
                 "file by its name. tampered: the archive with these edits is BAD in that line, "
                 "and that is the first bad record; null: no record is named.",
        "origin": made.origin, "ledger_id": made.id.hex(), "vkey": T.vkey_text(made.note_key),
        "keys": [{"name": key.name, "seed": key.seed.hex(), "text": key.text,
                  "fingerprint": T.fingerprint(key.fingerprint)} for key in keys],
        "records": [{
            "index": i, "type": entry.fields["type"], "record": made.records[i].hex(),
            "leaf": made.leaves[i].hex(), "seal": made.seals[i].hex(),
            "envelope_hash": T.sha256(entry.envelope).hex(), "commitments": plain(entry.commitments),
            "clear": [{"position": p, "part": d.hex()} for p, d in entry.clear()],
            "sealed": [{"position": p, "ciphertext": d.hex()} for p, d in entry.ciphertexts]}
            for i, entry in enumerate(made.entries)],
        "roots": [T.tree_root(made.leaves[:n]).hex() for n in range(size + 1)],
        "commits": made.commits,
        "checkpoints": [made.checkpoint(n).decode() for n in made.commits],
        "receipts": [made.receipt(i).decode() for i in range(size)],
        "bundle": T.bundle_encode(made.bundle([1], [(1, 2), (1, 4)])).decode(),
        "archive": {name: data.hex() for name, data in archive.items()},
        "tampered": tampered(made, archive)}


def tampered(made, archive):
    size = len(made.records)
    entries, seals, commitments = (f"tile/entries/000.p/{size}", f"tally/seals/000.p/{size}",
                                   f"tally/commitments/000.p/{size}")
    leaves = f"tile/0/000.p/{size}"
    start = [sum(2 + len(r) for r in made.records[:i]) for i in range(size + 1)]
    row = [sum(2 + 32 * len(e.commitments) for e in made.entries[:i]) for i in range(size)]
    flip = lambda path, at: {"path": path, "offset": at, "xor": "01"}
    cut = lambda path, length: {"path": path, "truncate": length}
    remove = lambda path: {"path": path, "remove": True}
    objects = {T.sha256(S.SCAN): "clear", T.sha256(S.RESTRICTED_SEALED): "sealed"}
    path_of = {kind: "tally/objects/" + digest.hex() for digest, kind in objects.items()}
    ciphertext = "tally/objects/" + T.sha256(made.entries[1].ciphertexts[0][1]).hex()
    signature = archive["checkpoint"].rindex(b" ") + 20
    cases = [
        ("received time of a record", [flip(entries, start[4] + 2 + 16)], "tree", 4, "leaf-mismatch"),
        ("signature in a record", [flip(entries, start[4] - 1)], "tree", 3, "leaf-mismatch"),
        ("leaf in the tile", [flip(leaves, 32 * 5)], "tree", 5, "leaf-mismatch"),
        ("leaves cut", [cut(leaves, 32 * 7 + 31)], "tree", 7, "leaf-mismatch"),
        ("leaves removed", [remove(leaves)], "tree", 0, "leaf-mismatch"),
        ("seal", [flip(seals, 64 * 2 + 63)], "seals", 2, "seal-invalid"),
        ("seals cut", [cut(seals, 64 * 8)], "seals", 8, "seal-missing"),
        ("seals removed", [remove(seals)], "seals", 0, "seal-missing"),
        ("entries cut", [cut(entries, start[6] + 100)], "chain", 6, "record-missing"),
        ("entries removed", [remove(entries)], "chain", 0, "record-missing"),
        ("commitment", [flip(commitments, row[3] + 2)], "deposits", 3, "commitments-mismatch"),
        ("commitments cut", [cut(commitments, row[7])], "deposits", 7, "commitments-missing"),
        ("commitments removed", [remove(commitments)], "deposits", 0, "commitments-missing"),
        ("value of a part", [flip("tally/parts/006", len(archive["tally/parts/006"]) - 1)],
         "deposits", 6, "part-invalid"),
        ("parts removed", [remove("tally/parts/002")], "deposits", 2, "part-missing"),
        ("parts empty", [cut("tally/parts/002", 0)], "deposits", 2, "part-invalid"),
        ("an empty file of parts where no part is clear", [{"path": "tally/parts/000", "content": ""}],
         "deposits", 0, "part-invalid"),
        ("parts of another form, and a commitment", [cut("tally/parts/003", 9), flip(commitments, row[3] + 2)],
         "deposits", 3, "commitments-mismatch"),
        ("another clock step than the committed one", [flip("tally/parts/007", len(archive["tally/parts/007"]) - 1)],
         "deposits", 7, "part-invalid"),
        ("ciphertext", [flip(ciphertext, 0)], "deposits", 1, "sealed-invalid"),
        ("exhibit file", [flip(path_of["clear"], 3)], "exhibits", 1, "file-invalid"),
        ("exhibit file longer", [{"path": path_of["clear"], "append": "00"}], "exhibits", 1, "file-invalid"),
        ("exhibit file removed", [remove(path_of["clear"])], "exhibits", 1, "file-missing"),
        ("sealed exhibit file", [flip(path_of["sealed"], 3)], "exhibits", 1, "file-invalid"),
        ("signature of the checkpoint", [flip("checkpoint", signature)], "checkpoint", None, "checkpoint-invalid"),
        ("checkpoint that is no note", [cut("checkpoint", 30)], "checkpoint", None, "checkpoint-invalid"),
        ("bytes behind the entries", [{"path": entries, "append": "00"}], "tree", None, "tile-mismatch"),
        ("bytes behind the seals", [{"path": seals, "append": "00" * 64}], "tree", None, "tile-mismatch"),
        ("bytes behind the leaves", [{"path": leaves, "append": "00" * 32}], "tree", None, "tile-mismatch"),
        ("two faults: the smaller index is first", [flip(seals, 64 * 2), flip(leaves, 32 * 1)],
         "tree", 1, "leaf-mismatch")]
    allowed = [("sealed exhibit file removed", [remove(path_of["sealed"])]),
               ("ciphertext removed", [remove(ciphertext)]),
               ("a file that no reader knows", [{"path": "README", "append": "00"}])]
    wrong_root = T.note_sign(T.checkpoint_text(made.origin, size, T.sha256(b"another root")),
                             made.note_key, made.key.seed)
    far = T.note_sign(T.checkpoint_text(made.origin, size + 1, T.tree_root(made.leaves)),
                      made.note_key, made.key.seed)
    cases += [("checkpoint signed over another root", [{"path": "checkpoint", "content": wrong_root.hex()}],
               "tree", None, "root-mismatch"),
              ("checkpoint of a size that the files are not for",
               [{"path": "checkpoint", "content": far.hex()}], "chain", 0, "record-missing")]
    return ([{"name": name, "edits": edits, "line": line, "first_bad": first, "why": why}
             for name, edits, line, first, why in cases]
            + [{"name": name, "edits": edits, "line": None, "first_bad": None, "why": None}
               for name, edits in allowed])


class Case:
    """Records that come after the sample ledger's; only the last of them is in question."""

    def __init__(self):
        self.ledger = S.sample_ledger()
        self.first = len(self.ledger.records)

    def add(self, author, member, kind, host=None, **given):
        entry = self.ledger.compose(author, member, kind, **given)
        host = host or {}
        if "received_us" not in host:
            host["received_us"] = S.RECEIVED_US + len(self.ledger.records) * MINUTE_US
        self.ledger.append(entry, **host)
        return self

    def amend(self, ops, author=S.ALDER, member="alder", others=(S.BIRCH,), amends=None, **given):
        amends = self.ledger.roster if amends is None else amends
        given.setdefault("fields", {})
        given["fields"] = {"ops": ops, "refs": [self.ledger.ref("amends", amends)], **given["fields"]}
        return self.add(author, member, "amendment", others=list(others), **given)

    def json(self, name, why=None):
        made = self.ledger
        return {"name": name, "records": [
            {"record": made.records[i].hex(), "commitments": plain(made.entries[i].commitments),
             "clear": [{"position": p, "part": d.hex()} for p, d in made.entries[i].clear()]}
            for i in range(self.first, len(made.records))], "why": why}


def ref(relation, index):
    return {"fields": {"refs": [S.sample_ledger().ref(relation, index)]}}


def refs(*pairs):
    base = S.sample_ledger()
    return {"fields": {"refs": [base.ref(relation, index) for relation, index in pairs]}}


def judge():
    good, bad = [], []
    accept = lambda name, case: good.append(case.json(name))
    reject = lambda why, name, case: bad.append(case.json(name, why))
    ordinary(accept, reject)
    amendments_accepted(accept)
    amendments_rejected(reject)
    ended_keys(accept, reject)
    charters = charter_cases()
    return {"format": "judge",
            "about": "Behind the records of ledger.json come those of a vector, the last one judged by "
                     "section 19.3: why is the reason, null in good ones. Signatures all verify. charters: "
                     "the same for record 0, with nothing before.",
            "good": good, "bad": bad, "charters": charters}


def alder(kind="finding", **given):
    return Case().add(S.ALDER, "alder", kind, **given)


def birch(kind="finding", **given):
    return Case().add(S.BIRCH, "birch", kind, **given)


def ordinary(accept, reject):
    base = S.sample_ledger()
    size = len(base.records)
    accept("finding", alder())
    accept("countersigned by other members and the host key", alder(others=[S.HOST, S.BIRCH_TOKEN, S.CEDAR]))
    accept("seen the same as before", alder(fields={"seen": base.entries[4].fields["seen"]}))
    accept("cites and see", alder(**refs(("cites", 0), ("cites", 7), ("see", 2))))
    for kind, relation, index in [("exhibit", "exhibits", 1), ("custody", "custody-of", 6), ("note", "about", 0),
                                  ("dispute", "disputes", 5), ("correction", "corrects", 1),
                                  ("supersede", "supersedes", 4), ("retraction", "retracts", 1),
                                  ("corroboration", "corroborates", 6), ("dissent", "dissents-from", 7)]:
        accept(f"{kind} by alder", alder(kind, **ref(relation, index)))
    accept("corroboration of two findings", birch("corroboration", **refs(("corroborates", 1), ("corroborates", 6))))
    accept("the charter's author corrects the charter", alder("correction", **ref("corrects", 0)))
    accept("incident without a step", Case().add(S.HOST, "host", "incident"))
    step = lambda step_us, back_us, part=b"/clock/step_us": Case().add(
        S.HOST, "host", "incident", contents=[(part, str(-step_us).encode(), "c")],
        host={"received_us": S.RECEIVED_US + 8 * MINUTE_US - back_us})
    accept("incident, clock back by as much as it says", step(100, 100))
    accept("incident, clock back by less", step(100, 99))
    accept("received time as before", alder(host={"received_us": S.RECEIVED_US + 8 * MINUTE_US}))
    reject("time-decreased", "incident, clock back by more than it says", step(100, 101))
    reject("time-decreased", "incident, the step under another name", step(100, 100, b"/clock/step"))
    reject("time-decreased", "incident without a part", Case().add(
        S.HOST, "host", "incident", host={"received_us": S.RECEIVED_US}))
    reject("time-decreased", "incident, the step withheld", Case().add(
        S.HOST, "host", "incident", contents=[(b"/clock/step_us", b"-1", "w")],
        host={"received_us": S.RECEIVED_US + 8 * MINUTE_US - 1}))
    reject("time-decreased", "finding", alder(host={"received_us": S.RECEIVED_US + 8 * MINUTE_US - 1}))
    for index in (size - 1, size + 1, 0):
        reject("index-mismatch", f"index {index}", alder(host={"index": index}))
    reject("link-mismatch", "link of the record before", alder(host={"link": base.leaves[-2]}))
    reject("link-mismatch", "link of zeros", alder(host={"link": bytes(32)}))
    for roster in (0, 4, size):
        reject("roster-mismatch", f"roster {roster}", alder(host={"roster": roster}))
    reject("charter-only-first", "a second charter", Case().add(
        S.ALDER, "alder", "charter", fields={"ops": S.CHARTER_OPS, "ledger": None, "seen": None},
        others=[S.HOST, S.BIRCH, S.BIRCH_TOKEN, S.CEDAR]))
    reject("unknown-type", "type of no table", alder("reply"))
    reject("unknown-type", "continuation", Case().add(
        S.ALDER, "alder", "continuation", fields={"ops": ["x"]}))
    reject("wrong-ledger", "another ledger", alder(fields={"ledger": T.sha256(b"other")}))
    reject("unknown-key", "author", Case().add(S.STRANGER, "alder", "finding"))
    reject("unknown-key", "countersigner", alder(others=[S.STRANGER]))
    reject("wrong-member", "alder for birch", Case().add(S.ALDER, "birch", "finding"))
    reject("wrong-member", "a member that is not there", Case().add(S.ALDER, "dogwood", "finding"))
    reject("role-missing", "a govern key writes a finding", Case().add(S.CEDAR, "cedar", "finding"))
    reject("role-missing", "the host key writes a finding", Case().add(S.HOST, "host", "finding"))
    reject("role-missing", "a member writes an incident", alder("incident"))
    reject("role-missing", "an author key amends", Case().amend(
        ["threshold amend 1"], S.BIRCH_TOKEN, "birch", [S.ALDER, S.BIRCH]))
    reject("role-missing", "the host key amends", Case().amend(
        ["threshold amend 1"], S.HOST, "host", [S.ALDER, S.BIRCH]))
    previous = base.chains["alder"][1]
    reject("sequence-gap", "one left out", alder(fields={"sequence": 4}))
    reject("sequence-gap", "first entry of a key", Case().add(S.CEDAR_SECOND, "cedar", "finding",
           fields={"sequence": 3}))
    reject("sequence-reused", "number of the newest", alder(fields={"sequence": 2}))
    reject("sequence-reused", "number 1", alder(fields={"sequence": 1, "previous": None}))
    reject("previous-mismatch", "hash of the entry before", alder(
        fields={"previous": T.sha256(base.entries[1].envelope)}))
    reject("previous-mismatch", "hash of the record", alder(fields={"previous": base.leaves[4]}))
    reject("previous-mismatch", "newest of another key", birch(fields={"previous": previous}))
    reject("seen-unknown", "another leaf hash", alder(fields={"seen": (8, base.leaves[7])}))
    reject("seen-unknown", "the index that is not there yet", alder(fields={"seen": (9, base.leaves[8])}))
    reject("seen-unknown", "an envelope hash", alder(fields={"seen": (8, T.sha256(base.entries[8].envelope))}))
    reject("seen-unknown", "an amendment", Case().amend(["rules 2"], fields={"seen": (8, bytes(32))}))
    reject("seen-decreased", "older than in the key's newest", alder(
        fields={"seen": (2, base.leaves[2])}))
    accept("an amendment may have seen less", Case().amend(
        ["rules 2"], fields={"seen": (5, base.leaves[5])}))
    reject("relation-not-allowed", "finding that corroborates", alder(**ref("corroborates", 6)))
    reject("relation-not-allowed", "made up", alder(**ref("likes", 6)))
    reject("relation-not-allowed", "note that corrects too", alder("note", **refs(("about", 1), ("corrects", 1))))
    for kind in ("exhibit", "custody", "note", "corroboration", "dissent", "dispute", "correction", "supersede",
                 "retraction"):
        reject("reference-missing", kind, alder(kind))
    reject("reference-missing", "correction that only cites", alder("correction", **ref("cites", 1)))
    reject("reference-missing", "amendment", Case().add(
        S.ALDER, "alder", "amendment", others=[S.BIRCH], fields={"ops": ["rules 2"]}))
    for kind, relation in (("correction", "corrects"), ("supersede", "supersedes"), ("retraction", "retracts")):
        reject("reference-surplus", kind, alder(kind, **refs((relation, 1), (relation, 4))))
    reject("reference-surplus", "amendment", Case().amend(
        ["rules 2"], fields={"refs": [base.ref("amends", 0), base.ref("amends", 5)]}))
    reject("reference-unknown", "another leaf hash", alder("note", fields={
        "refs": [("about", 1, base.leaves[2])]}))
    reject("reference-unknown", "in cites", alder(fields={"refs": [("cites", 1, base.leaves[2])]}))
    for name, case in [
            ("corroboration of an own finding", alder("corroboration", **ref("corroborates", 1))),
            ("corroboration of a note", alder("corroboration", **ref("corroborates", 3))),
            ("corroboration of two, one a correction", birch("corroboration", **refs(
                ("corroborates", 1), ("corroborates", 4)))),
            ("custody of a note", alder("custody", **ref("custody-of", 3))),
            ("dissent from an own entry", alder("dissent", **ref("dissents-from", 4))),
            ("dissent from an entry of the member's other key", birch("dissent", **ref("dissents-from", 2))),
            ("correction of another member's entry", alder("correction", **ref("corrects", 6))),
            ("supersede of another member's entry", alder("supersede", **ref("supersedes", 2))),
            ("retraction of another member's entry", alder("retraction", **ref("retracts", 7))),
            ("amendment that amends a finding", Case().amend(["rules 2"], amends=1))]:
        reject("reference-target", name, case)
    reject("wrong-member", "several faults: member before sequence", Case().add(
        S.ALDER, "birch", "finding", fields={"sequence": 9}))
    reject("sequence-gap", "several faults: sequence before previous, seen and refs", alder(
        "note", fields={"sequence": 9, "previous": bytes(32), "seen": (8, bytes(32))}))
    reject("seen-unknown", "several faults: seen before refs", alder("note", fields={"seen": (8, bytes(32))}))
    reject("relation-not-allowed", "several faults: relation before missing reference", alder(
        "note", **ref("corrects", 1)))
    reject("reference-missing", "several faults: references before time", alder(
        "note", host={"received_us": 1}))
    reject("unknown-key", "several faults: countersigner before sequence", alder(
        others=[S.STRANGER], fields={"sequence": 9}))


FINGER = {key.name: T.fingerprint(key.fingerprint) for key in (
    S.ALDER, S.BIRCH, S.BIRCH_TOKEN, S.CEDAR, S.CEDAR_SECOND, S.HOST, S.STRANGER, S.NEWCOMER)}
NEW_LEDGER_KEY = T.note_key("tally.example/sample", S.EXAMPLE_LEDGER_KEY.key["point"])


def amendments_accepted(accept):
    amend = lambda ops, *others, **given: Case().amend(ops, others=[S.BIRCH, *others], **given)
    accept("admit and enrol", amend(["admit dogwood Team Dogwood", f"enrol dogwood author,govern {S.NEWCOMER.text}"],
                                    S.NEWCOMER))
    accept("withdraw", amend(["withdraw cedar"]))
    accept("withdraw: the withdrawn member's key still counts", Case().amend(["withdraw cedar"], others=[S.CEDAR]))
    accept("revoke", amend([f"revoke {FINGER['cedar second']} 6 key-lost"]))
    accept("revoke from the beginning", amend([f"revoke {FINGER['cedar second']} 0 stolen"]))
    accept("revoke the host key", amend([f"revoke {FINGER['host']} 8 host-moved"]))
    accept("grant", amend([f"grant {FINGER['cedar second']} author,govern"]))
    accept("threshold 1", amend(["threshold amend 1"]))
    accept("rules 2", amend(["rules 2"]))
    accept("rules far ahead", amend([f"rules {T.SIZE_MAX}"]))
    accept("ledger key", amend([f"ledger-key {T.vkey_text(NEW_LEDGER_KEY)}"]))
    accept("name with spaces at its ends", amend(["admit dogwood  x "]))
    accept("name of 80 bytes", amend(["admit dogwood " + "n" * 80]))
    accept("rotate with a quorum", amend([f"rotate {FINGER['cedar second']} {S.NEWCOMER.text}"], S.NEWCOMER))
    accept("rotate the host key with a quorum", amend([f"rotate {FINGER['host']} {S.NEWCOMER.text}"], S.NEWCOMER))
    accept("rotate, vouched for by another key of the member", Case().amend(
        [f"rotate {FINGER['birch token']} {S.NEWCOMER.text}"], S.BIRCH, "birch", [S.NEWCOMER]))
    accept("rotate, vouched for, authored by another member", Case().amend(
        [f"rotate {FINGER['birch token']} {S.NEWCOMER.text}"], S.ALDER, "alder", [S.BIRCH, S.NEWCOMER]))
    accept("an operation builds on the one before", amend(
        ["admit dogwood D", f"enrol dogwood author {S.NEWCOMER.text}",
         f"grant {FINGER['newcomer']} govern"], S.NEWCOMER))
    accept("also cites", Case().amend(["rules 2"], fields={"refs": [
        S.sample_ledger().ref("amends", 5), S.sample_ledger().ref("cites", 8)]}))


def unusable_keys():
    import vectors_keys
    points = vectors_keys.small_order_points()
    honest = T.point_decode(S.ALDER.key["point"])
    return [("small order", T.point_encode(points[1])),
            ("moved by order 2", T.point_encode(T.point_add(honest, points[4]))),
            ("moved by order 8", T.point_encode(T.point_add(honest, points[1]))),
            ("not canonical", (T.P + 1).to_bytes(32, "little")), ("not on the curve", (2).to_bytes(32, "little"))]


def amendments_rejected(reject):
    amend = lambda ops, *others, **given: Case().amend(ops, others=[S.BIRCH, *others], **given)
    reject("stale-amendment", "amends the charter, not the newest amendment", amend(["rules 2"], amends=0))
    new = S.NEWCOMER.text
    other_origin = T.vkey_text(T.note_key("tally.example/other", NEW_LEDGER_KEY["point"]))
    cosigner = T.vkey_text(T.note_key("tally.example/sample", NEW_LEDGER_KEY["point"], T.NOTE_COSIGNATURE))
    finger = FINGER["cedar second"]
    for operation in [
            "nothing", "Rules 2", "rules", "rules 1", "rules 0", "rules 02", "rules 2 ", "rules  2", "rules two",
            "admit alder A", "admit host H", "admit ledger L", "admit public P", "admit Dogwood D", "admit dogwood",
            "admit dogwood ", "admit dogwood " + "n" * 81, "member dogwood D", "key cedar author " + new,
            "withdraw host", "withdraw dogwood", "withdraw", "withdraw cedar x",
            f"enrol dogwood author {new}", f"enrol host author {new}", f"enrol cedar host {new}",
            f"enrol cedar govern,author {new}", f"enrol cedar author,author {new}", f"enrol cedar  author {new}",
            f"enrol cedar author {new} comment", f"enrol cedar author {new[:-1]}", "enrol cedar author",
            f"enrol cedar author {new.replace('ssh-ed25519 ', 'ssh-rsa ')}", f"enrol cedar , {new}",
            f"rotate {FINGER['stranger']} {new}", f"rotate {finger}", f"rotate {finger[7:]} {new}",
            f"rotate {finger}= {new}", f"grant {finger} host", f"grant {finger} -", f"grant {finger}",
            f"grant {FINGER['host']} author", f"grant {FINGER['stranger']} author", f"grant {finger} govern,author",
            f"revoke {finger} 9 lost", f"revoke {finger} 10 lost", f"revoke {finger} 06 lost", f"revoke {finger} 6",
            f"revoke {finger} 6 Lost", f"revoke {finger} 6 key lost", f"revoke {finger} lost",
            f"revoke {FINGER['stranger']} 6 lost", "threshold amend", "threshold amend 02", "threshold publish 1",
            "threshold Amend 1", "threshold amend -1", f"ledger-key {other_origin}", f"ledger-key {cosigner}",
            "ledger-key x", "sample no", "origin tally.example/sample", f"host-key {new}", "policy quorum none"]:
        reject("operation-invalid", operation, amend([operation]))
    for name, ops in [
            ("withdraw twice", ["withdraw cedar", "withdraw cedar"]),
            ("admit again after withdraw", ["withdraw cedar", "admit cedar C"]),
            ("admit twice", ["admit dogwood D", "admit dogwood E"]),
            ("enrol for a withdrawn member", ["withdraw cedar", f"enrol cedar author {new}"]),
            ("grant to a key of a withdrawn member", ["withdraw cedar", f"grant {finger} author"]),
            ("rotate a key of a withdrawn member", ["withdraw cedar", f"rotate {finger} {new}"]),
            ("revoke twice", [f"revoke {finger} 6 lost", f"revoke {finger} 5 lost"]),
            ("rotate a revoked key", [f"revoke {finger} 6 lost", f"rotate {finger} {new}"]),
            ("enrol before admit", [f"enrol dogwood author {new}", "admit dogwood D"]),
            ("rules twice the same", ["rules 2", "rules 2"])]:
        reject("operation-invalid", name, amend(ops))
    for name, ops in [
            ("a key that is enrolled", [f"enrol cedar author {S.ALDER.text}"]),
            ("a key twice in one amendment", [f"enrol cedar author {new}", f"enrol alder author {new}"]),
            ("rotate to itself", [f"rotate {finger} {S.CEDAR_SECOND.text}"]),
            ("the ledger key's point", [f"enrol cedar author {T.key_text(S.LEDGER_KEY.key)}"]),
            ("the ledger key as ledger key", ["ledger-key " + T.vkey_text(S.sample_ledger().note_key)]),
            ("a member's point as ledger key", ["ledger-key " + T.vkey_text(
                T.note_key("tally.example/sample", S.ALDER.key["point"]))])]:
        reject("key-reused", name, amend(ops, S.NEWCOMER))
    renew = "ledger-key " + T.vkey_text(NEW_LEDGER_KEY)
    for name, op in [
            ("a former ledger key's point", f"enrol cedar author {T.key_text(S.LEDGER_KEY.key)}"),
            ("a former ledger key as ledger key", "ledger-key " + T.vkey_text(
                S.sample_ledger().note_key))]:
        reject("key-reused", f"{name}, in one amendment", amend([renew, op], S.LEDGER_KEY))
        reject("key-reused", f"{name}, two amendments", amend([renew]).amend(
            [op], others=[S.BIRCH, S.LEDGER_KEY]))
    for name, point in unusable_keys():
        key = {"type": T.ED25519, "point": point, "application": b""}
        reject("key-unusable", f"enrol, {name}", amend([f"enrol cedar author {T.key_text(key)}"]))
        reject("key-unusable", f"ledger key, {name}", amend(
            ["ledger-key " + T.vkey_text(T.note_key("tally.example/sample", point))]))
    reject("unknown-key", "an amendment's countersigner", amend(["rules 2"], S.STRANGER))
    reject("consent-missing", "enrolled key did not sign", amend([f"enrol cedar author {new}"]))
    reject("consent-missing", "rotated-in key did not sign", amend([f"rotate {finger} {new}"]))
    reject("consent-missing", "vouched rotation, the new key did not sign", Case().amend(
        [f"rotate {FINGER['birch token']} {new}"], S.BIRCH, "birch", []))
    for name, case in [
            ("author alone", Case().amend(["rules 2"], others=[])),
            ("two keys of one member", Case().amend(["rules 2"], S.BIRCH, "birch", [S.BIRCH_TOKEN])),
            ("author and the host key", Case().amend(["rules 2"], others=[S.HOST])),
            ("author and a key without govern", Case().amend(["rules 2"], others=[S.BIRCH_TOKEN])),
            ("author and a key that the entry enrols with govern", Case().amend(
                [f"enrol cedar govern {new}"], others=[S.NEWCOMER])),
            ("author and a key that the entry grants govern", Case().amend(
                [f"grant {finger} govern"], others=[S.CEDAR_SECOND])),
            ("author and a key that the entry revokes", Case().amend(
                [f"revoke {FINGER['birch']} 8 stolen"], others=[S.BIRCH])),
            ("author and a key that the entry rotates", Case().amend(
                [f"rotate {FINGER['birch']} {new}"], others=[S.BIRCH, S.NEWCOMER])),
            ("rotation of a member's only such key by itself", Case().amend(
                [f"rotate {FINGER['alder']} {new}"], others=[S.NEWCOMER])),
            ("rotation vouched for by a key with fewer roles", Case().amend(
                [f"rotate {FINGER['birch']} {new}"], others=[S.BIRCH_TOKEN, S.NEWCOMER])),
            ("rotation vouched for by another member", Case().amend(
                [f"rotate {finger} {new}"], others=[S.NEWCOMER])),
            ("rotation and another operation", Case().amend(
                [f"rotate {FINGER['birch token']} {new}", "threshold amend 2"], S.BIRCH, "birch", [S.NEWCOMER])),
            ("rotation of the host key without a quorum", Case().amend(
                [f"rotate {FINGER['host']} {new}"], others=[S.HOST, S.NEWCOMER]))]:
        reject("quorum-missing", name, case)
    for name, ops in [("0", ["threshold amend 0"]), ("3 of 3", ["threshold amend 3"]),
                      ("4 of 3", ["threshold amend 4"]), ("2^32 + 1", [f"threshold amend {2 ** 32 + 1}"]),
                      ("2 of 1", ["withdraw birch", "withdraw cedar"]),
                      ("govern taken from two", [f"grant {FINGER['birch']} author", f"grant {FINGER['cedar']} author"])]:
        reject("threshold-invalid", name, amend(ops))
    reject("quorum-missing", "the new threshold is not the one that counts", Case().amend(
        ["threshold amend 1"], others=[]))
    reject("operation-invalid", "several faults: operations before signers", amend(["nothing"], S.STRANGER))
    reject("consent-missing", "several faults: consent before quorum", Case().amend(
        [f"enrol cedar author {new}"], others=[]))


def ended_keys(accept, reject):
    """Cases of two records: an amendment that ends a key, and what comes after it."""
    revoke = lambda: Case().amend([f"revoke {FINGER['cedar second']} 6 lost"])
    withdraw = lambda: Case().amend(["withdraw cedar"])
    rotate = lambda: Case().amend([f"rotate {FINGER['birch token']} {S.NEWCOMER.text}"],
                                  S.BIRCH, "birch", [S.NEWCOMER])
    reject("key-not-in-force", "author revoked", revoke().add(S.CEDAR_SECOND, "cedar", "finding"))
    reject("key-not-in-force", "countersigner revoked", revoke().add(
        S.ALDER, "alder", "finding", others=[S.CEDAR_SECOND]))
    reject("key-not-in-force", "author withdrawn", withdraw().add(S.CEDAR_SECOND, "cedar", "finding"))
    reject("key-not-in-force", "author rotated", rotate().add(S.BIRCH_TOKEN, "birch", "finding"))
    reject("key-not-in-force", "a revoked key signs an amendment", revoke().amend(
        ["rules 2"], others=[S.BIRCH, S.CEDAR_SECOND]))
    reject("key-reused", "a rotated key enrolled again", rotate().amend(
        [f"enrol birch author {S.BIRCH_TOKEN.text}"], others=[S.BIRCH, S.BIRCH_TOKEN]))
    reject("operation-invalid", "a withdrawn member admitted again", withdraw().amend(["admit cedar C"]))
    reject("operation-invalid", "revoke a revoked key", revoke().amend(
        [f"revoke {FINGER['cedar second']} 5 lost"]))
    reject("stale-amendment", "made for the roster before", revoke().amend(["rules 2"], amends=5))
    reject("roster-mismatch", "the roster before", revoke().add(S.ALDER, "alder", "finding", host={"roster": 5}))
    accept("revoke a rotated key", rotate().amend([f"revoke {FINGER['birch token']} 3 lost"]))
    accept("entry by the rotated-in key", rotate().add(S.NEWCOMER, "birch", "finding"))
    accept("entry behind a revocation", revoke().add(S.ALDER, "alder", "finding"))
    accept("dissent from an entry of a withdrawn member", withdraw().add(
        S.ALDER, "alder", "dissent", **ref("dissents-from", 6)))
    reject("role-missing", "role taken away", Case().amend(
        [f"grant {FINGER['cedar second']} govern"]).add(S.CEDAR_SECOND, "cedar", "finding"))
    accept("role given", Case().amend([f"grant {FINGER['cedar']} author,govern"]).add(S.CEDAR, "cedar", "finding"))


def charter_cases():
    good, bad = [], []
    ops = S.CHARTER_OPS
    founders = [S.HOST, S.BIRCH, S.BIRCH_TOKEN, S.CEDAR]

    def make(changed=ops, author=S.ALDER, member="alder", others=founders, host=None, **given):
        made = S.Ledger("tally.example/sample", S.LEDGER_KEY)
        entry = made.compose(author, member, given.pop("kind", "charter"),
                             fields={"ops": changed, **given.pop("fields", {})}, others=others)
        return made.record(entry, **(host or {}))

    def add(target, name, record, why=None):
        target.append({"name": name, "records": [{"record": record.hex(), "commitments": [], "clear": []}],
                       "why": why})

    def reject(why, name, *args, **given):
        add(bad, name, make(*args, **given), why)

    def change(old, new):
        at = next(i for i, operation in enumerate(ops) if operation.startswith(old))
        return ops[:at] + ([new] if isinstance(new, str) else new) + ops[at + 1:]

    add(good, "sample", make())
    add(good, "without a policy", make(ops[:-1]))
    add(good, "two policy lines", make(ops + ["policy log x"]))
    add(good, "threshold 1", make(change("threshold", "threshold amend 1")))
    add(good, "authored by cedar, whose key only governs", make(
        author=S.CEDAR, member="cedar", others=[S.HOST, S.ALDER, S.BIRCH, S.BIRCH_TOKEN]))
    add(good, "no sample", make(change("sample", "sample no")))
    add(good, "a member without a key", make(change("member cedar", ["member cedar C", "member dogwood D"])))
    add(good, "roster field and link of record 0", make(host={"roster": 0, "link": bytes(32)}))
    reject("index-mismatch", "index 1", host={"index": 1})
    reject("link-mismatch", "link not zero", host={"link": T.sha256(b"x")})
    reject("roster-mismatch", "roster 1", host={"roster": 1})
    made = S.sample_ledger()
    finding = T.record_decode(made.records[1])
    add(bad, "a finding as record 0", T.record_encode({**finding, "index": 0, "link": bytes(32), "roster": 0}),
        "charter-only-first")
    amendment = T.record_decode(made.records[5])
    add(bad, "an amendment as record 0", T.record_encode({**amendment, "index": 0, "link": bytes(32), "roster": 0}),
        "charter-only-first")
    for name in ("origin", "ledger-key", "host-key", "rules", "sample", "threshold"):
        at = next(i for i, operation in enumerate(ops) if operation.startswith(name + " "))
        reject("operation-invalid", f"no {name}", ops[:at] + ops[at + 1:])
        reject("operation-invalid", f"{name} twice", ops[:at + 1] + ops[at:])
    for i in range(len(ops) - 1):
        if ops[i].split()[0] != ops[i + 1].split()[0]:
            reject("operation-invalid", f"{ops[i + 1].split()[0]} before {ops[i].split()[0]}",
                   ops[:i] + [ops[i + 1], ops[i]] + ops[i + 2:])
    reject("operation-invalid", "no member", [o for o in ops if not o.startswith("member")])
    reject("operation-invalid", "no key", [o for o in ops if not o.startswith("key")])
    for old, new in [("origin", "origin Tally.example"), ("origin", "origin tally-x"), ("origin", "origin"),
                     ("origin", "origin tally.example/other"), ("ledger-key", "ledger-key x"),
                     ("host-key", "host-key x"), ("rules", "rules 2"), ("rules", "rules 0"), ("rules", "rules 01"),
                     ("sample", "sample maybe"), ("sample", "sample Yes"), ("threshold", "threshold amend 02"),
                     ("threshold", "threshold publish 2"), ("member cedar", "member host C"),
                     ("member cedar", "member alder C"), ("member cedar", "member cedar"),
                     ("member cedar", "member Cedar C"), ("member cedar", "member cedar " + "n" * 81),
                     ("key cedar", f"key dogwood govern {S.CEDAR.text}"), ("key cedar", f"key host govern {S.CEDAR.text}"),
                     ("key cedar", f"key cedar host {S.CEDAR.text}"), ("key cedar", f"key cedar {S.CEDAR.text}"),
                     ("policy", "policy"), ("policy", "policy "), ("policy", "admit dogwood D")]:
        reject("operation-invalid", new[:60], change(old, new))
    reject("key-reused", "a key twice", change("key cedar", f"key cedar govern {S.BIRCH.text}"))
    reject("key-reused", "the host key for a member", change("key cedar", f"key cedar govern {S.HOST.text}"))
    reject("key-reused", "the ledger key's point for a member", change(
        "key cedar", f"key cedar govern {T.key_text(S.LEDGER_KEY.key)}"))
    reject("key-reused", "the ledger key's point as host key", change(
        "host-key", f"host-key {T.key_text(S.LEDGER_KEY.key)}"))
    for name, point in unusable_keys():
        key = {"type": T.ED25519, "point": point, "application": b""}
        reject("key-unusable", f"member, {name}", change("key cedar", f"key cedar govern {T.key_text(key)}"))
        reject("key-unusable", f"ledger key, {name}", change(
            "ledger-key", "ledger-key " + T.vkey_text(T.note_key("tally.example/sample", point))))
    reject("unknown-key", "author not enrolled", author=S.STRANGER, others=[S.ALDER, *founders])
    reject("wrong-member", "alder for birch", member="birch")
    reject("role-missing", "authored by the host key", author=S.HOST, member="host",
           others=[S.ALDER, S.BIRCH, S.BIRCH_TOKEN, S.CEDAR])
    reject("unknown-key", "signed by a stranger too", others=[*founders, S.STRANGER])
    for missing in founders:
        reject("consent-missing", f"{missing.name} did not sign", others=[key for key in founders if key is not missing])
    for number in (0, 3, 4):
        reject("threshold-invalid", f"{number} of 3", change("threshold", f"threshold amend {number}"))
    return {"good": good, "bad": bad}


def make():
    yield "ledger.json", ledger()
    yield "judge.json", judge()
