# SPDX-License-Identifier: ISC
"""The worked example of docs/formats.md, between its two marks."""
import sample as S
import tallyref as T

BEGIN = "<!-- written by tests/vectors/generate.py: begin -->\n"
END = "<!-- end -->\n"


def block(text):
    return f"```\n{text.rstrip(chr(10))}\n```\n"


def hexadecimal(data):
    text = data.hex()
    return block("\n".join(text[i:i + 96] for i in range(0, len(text), 96)))


def record(ledger, index):
    return (f"Record {index}, {len(ledger.records[index])} bytes:\n\n{hexadecimal(ledger.records[index])}\n"
            f"Its leaf hash and its seal:\n\n"
            + block(ledger.leaves[index].hex() + "\n" + ledger.seals[index][:32].hex() + "\n"
                    + ledger.seals[index][32:].hex()))


def section():
    ledger = S.example_ledger()
    charter, finding = ledger.entries
    keys = [("member alder", S.ALDER), ("host", S.HOST), ("ledger", S.EXAMPLE_LEDGER_KEY)]
    out = ["The private keys have the seeds SHA-256(\"tally test vector, never a real key: NAME\"), NAME being "
           "`alder`, `host`,\n`example ledger`.\n"]
    out.append(block("\n".join(f"{name + ':':<14}seed  {key.seed.hex()}\n{'':<14}point {key.key['point'].hex()}"
                               for name, key in keys)
                     + f"\n{'':<14}vkey  {T.vkey_text(ledger.note_key)}"))
    out.append("**The charter.** The envelope of record 0:\n")
    out.append(block(charter.envelope.decode()))
    out.append(f"Its hash, the ledger id, is `{T.b64(ledger.id)}`. alder's key blob and fingerprint:\n")
    out.append(block(S.ALDER.blob.hex() + "\n" + T.fingerprint(S.ALDER.fingerprint)))
    out.append("alder signs first; the host key, which the charter enrols too, follows. What alder's key signs "
               "(section 6.2) and the\nblob:\n")
    out.append(hexadecimal(T.sshsig_signed(charter.envelope)))
    out.append(hexadecimal(charter.signatures[0]))
    out.append(record(ledger, 0))
    out.append("The checkpoint of size 1, whose root is that leaf hash:\n")
    out.append(block(ledger.checkpoint(1).decode()))
    out.append("**A finding** with two parts, `/statement` withheld and `/title` clear. Both parts, and the root over "
               "their two\ncommitments:\n")
    for _, part in finding.opened:
        out.append(hexadecimal(part))
    out.append(block("\n".join([*(c.hex() for c in finding.commitments), T.tree_root(finding.commitments).hex()])))
    out.append("The envelope of record 1:\n")
    out.append(block(finding.envelope.decode()))
    out.append(record(ledger, 1))
    out.append("Its submission's hash is "
               f"`{T.b64(T.sha256(T.submission_encode(finding.submission())))}`. The checkpoint of size 2:\n")
    out.append(block(ledger.checkpoint(2).decode()))
    out.append("The receipt of record 1 (`extra` is one line):\n")
    receipt = ledger.receipt(1).decode().split("\n")
    extra = receipt[1]
    receipt[1:2] = [extra[i:i + 112] for i in range(0, len(extra), 112)]
    out.append(block("\n".join(receipt)))
    text = "\n".join(out)
    T.receipt_check(ledger.receipt(0), ledger.note_key)
    T.receipt_check(ledger.receipt(1), ledger.note_key)
    T.submission_check(T.submission_encode(finding.submission()))
    return text


def replace(document):
    """The document with the example as it is now."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or END not in rest:
        raise T.Bad("example", "docs/formats.md has lost the marks of its example")
    return before + BEGIN + "\n" + section() + "\n" + END + after
