# SPDX-License-Identifier: ISC
"""How many mutants of the core the tests kill.

All of a sample are compiled in at once: a function has one copy of its body for each of its
mutants, and an environment variable chooses. So one build serves them all. What survives the
plain build is tried once more under the sanitizers, by the tests of its own directory.
"""
import os
import random
import re
import subprocess
import time

import operators
import workshop

DIRECTORIES = ("keys", "lib/codec", "lib/tree", "lib/roster", "lib/verify")
OWN = {"keys": "keys_|fuzz_sshsig", "lib/codec": "codec_|fuzz_", "lib/tree": "tree_|tile",
       "lib/roster": "roster|finding_status",
       "lib/verify": "judge|receipt_check|bundle_check|report|verify_edges"}
ALL = ("^(keys_|codec_|tree_|tile$|roster|finding_status$|judge|receipt_check$|bundle_check$|"
       "report$|verify_edges$|fuzz_|archive_(verify|verify_bad|ledger_vectors)$|daemon_job$)")
SELECTOR = """
#include <stdlib.h>
int tl_mutant;
__attribute__((constructor)) static void tl_mutant_choose(void)
{
    const char *text = getenv("MUTANT");
    tl_mutant = text == NULL ? 0 : atoi(text);
}
"""
SELECTED_IN = "lib/base/mem.c"
SECONDS_MIN = 10  # of a test, however short it is: on a busy machine


def sources(names):
    for directory in DIRECTORIES:
        for path in sorted((workshop.ROOT / directory).glob("*.c")):
            name = str(path.relative_to(workshop.ROOT))
            if not names or any(re.match(pattern, name) for pattern in names):
                yield name, path.read_text(encoding="utf-8")


def sample(names, count, seed):
    """Mutants of the files, count of them or all, the same for the same tree and seed."""
    found = [mutant for name, text in sources(names)
             for mutant in operators.mutants_of(name, text)]
    chosen = found if count == 0 or count >= len(found) else random.Random(seed).sample(
        found, count)
    return dict(enumerate(sorted(chosen, key=lambda m: (m.path, m.at, m.new)), 1)), len(found)


class Runner:
    """A build with mutants in it, and its tests."""

    def __init__(self, place, preset, mutants):
        self.shop = workshop.Workshop(place, preset)
        self.mutants = dict(mutants)
        self.unbuilt = {}
        self.compile()
        self.tests = self.shop.commands(ALL)
        self.seconds = {}
        for name, (command, environment, directory) in self.tests.items():
            begin = time.monotonic()
            if not self.passes(command, environment, directory, 0, 600):
                raise workshop.Broken(f"{name} fails without a mutant")
            self.seconds[name] = time.monotonic() - begin

    def compile(self):
        """Until all compiles: mutants that do not are left out."""
        for _ in range(20):
            self.lines = {}
            files = {}
            for path, text in sources([]):
                here = {n: m for n, m in self.mutants.items() if m.path == path}
                if here:
                    files[path], self.lines[path] = operators.schema(text, here)
            mem = (workshop.ROOT / SELECTED_IN).read_text(encoding="utf-8")
            self.shop.write({**files, SELECTED_IN: mem + SELECTOR})
            said = self.shop.try_build()
            if said is None:
                return
            bad = {self.lines.get(path, {}).get(int(line))
                   for path, line in re.findall(r"^(?:\.\./)*(\S+?):(\d+):\d+: error", said,
                                                re.MULTILINE)} - {None}
            if not bad:
                raise workshop.Broken(f"does not build:\n{said[-3000:]}")
            for number in bad:
                self.unbuilt[number] = self.mutants.pop(number)
        raise workshop.Broken("does not come to an end")

    def passes(self, command, environment, directory, number, seconds):
        try:
            done = subprocess.run(command, env={**environment, "MUTANT": str(number)},
                                  cwd=directory, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def killer(self, number, near):
        """The first test that fails; its own directory's come first, near: no others."""
        own = OWN[os.path.dirname(self.mutants[number].path)]
        order = sorted(self.tests, key=lambda name: (not re.match(own, name),
                                                     self.seconds[name]))
        for name in order:
            if near and not re.match(own, name):
                break
            limit = SECONDS_MIN + 5 * self.seconds[name]
            if not self.passes(*self.tests[name], number, limit):
                return name
        return None


def equivalents(path):
    """{key: why} of survivors that change nothing that could be seen."""
    known, why = {}, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            why = line[2:]
        elif line:
            known[line] = why
    return known
