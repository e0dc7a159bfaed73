#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The demo's teams at work: demo-submit.py TALLY EXAMPLES WORK submits every sample entry.

Each entry goes the way of a person at a desk: compose, look, sign, submit; every team with its own
key and its own state. References to sample ids become references to the entries they turned into.
"""
import json
import subprocess
import sys
from pathlib import Path

tally, examples, work = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
entry_of = {}


def run(team, *words):
    done = subprocess.run([tally, words[0], "--state", work / "state" / team, *words[1:]],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"tally {' '.join(map(str, words))}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def submit(path):
    entry = json.loads(path.read_text())
    team, sample = entry["submitted_by"], entry["sample_id"]
    for ref in entry.get("refs", []):
        ref["target"] = entry_of[ref["target"]]
    source = work / "entries" / path.name
    source.write_text(json.dumps(entry, ensure_ascii=False, indent=2) + "\n")
    file = source.with_suffix(".tally")
    words = ["--key", work / "keys" / team]
    for exhibit in entry.get("exhibits", []):
        words += ["--exhibit", examples / "exhibits" / exhibit["name"]]
    if entry.get("refs"):
        run(team, "verify", "--quiet")
    run(team, "compose", "--quiet", source, *words)
    run(team, "preview", file)
    run(team, "sign", "--quiet", file, "--key", work / "keys" / team)
    answer = json.loads(run(team, "submit", "--json", file))
    entry_of[sample] = answer["id"]
    receipt = file.with_suffix(".receipt")
    receipt.rename(work / "receipts" / receipt.name)
    title = entry["title"]
    shown = title if len(title) <= 56 else title[:53] + "..."
    print(f"   {answer['id']:<14} {team:<9} {entry['type']:<14} {shown}", flush=True)


for kind in ("findings", "related"):
    for example in sorted((examples / kind).glob("*.json")):
        submit(example)
