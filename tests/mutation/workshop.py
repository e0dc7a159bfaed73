# SPDX-License-Identifier: ISC
"""A copy of the tree to break, its builds, and the tests that are run over it."""
import json
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MINUTES_MAX = 15  # of one test run
CRASH_COUNT = "3000"  # crash states against one bug; the gate has many times more

# Ends at the first failure, and runs only what a bug asks for.
PYTHON = """#!/bin/sh
# SPDX-License-Identifier: ISC
exec /usr/bin/python3 "$@" -x ${MUTATE_ONLY:+-k "$MUTATE_ONLY"}
"""


class Broken(Exception):
    """Something failed that must not: not the tests."""


def tracked():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT,
                            stdout=subprocess.PIPE, check=True)
    return [name for name in os.fsdecode(listed.stdout).split("\0") if name]


def environment_of_builds(tree):
    return {**os.environ, "CCACHE_BASEDIR": str(tree), "CCACHE_NOHASHDIR": "1"}


class Workshop:
    def __init__(self, place, preset):
        self.tree, self.preset = place / "tree", preset
        self.build = self.tree / "build" / preset
        self.python = place / "python"
        self.known = {}  # programs of tests
        self.copy()
        self.configure()
        self.run("building", ["cmake", "--build", self.build, "-j", "2"])

    def copy(self):
        """Files that are the same keep their time, so that builds go on where they were."""
        names = set(tracked())
        for name in names:
            source, target = ROOT / name, self.tree / name
            if not source.is_file():
                continue
            data = source.read_bytes()
            if target.exists() and target.read_bytes() == data:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            target.chmod(source.stat().st_mode & 0o777)
        for path in self.tree.rglob("*"):
            name = path.relative_to(self.tree)
            if path.is_file() and name.parts[0] != "build" and str(name) not in names:
                path.unlink()

    def configure(self):
        self.python.write_text(PYTHON, encoding="utf-8")
        self.python.chmod(0o755)
        launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
        self.run("configuring", ["cmake", "--preset", self.preset, f"-DTALLY_PYTHON={self.python}",
                                 "-DTALLY_WERROR=OFF", *launcher])

    def run(self, what, command):
        done = subprocess.run(command, cwd=self.tree, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, check=False,
                              env=environment_of_builds(self.tree))
        if done.returncode != 0:
            raise Broken(f"{what} fails:\n{done.stdout[-2000:]}")
        return done.stdout

    def programs(self, tests):
        """What the tests run, as targets of the build. ctest knows them while they are there."""
        if tests not in self.known:
            self.known[tests] = self.ask_programs(tests)
        return self.known[tests]

    def ask_programs(self, tests):
        shown = self.run("ctest", ["ctest", "--test-dir", self.build, "--show-only=json-v1",
                                   "-R", tests])
        found = json.loads(shown[shown.index("{"):])["tests"]
        if not found:
            raise Broken(f"no test is called {tests}")
        paths = set()
        for test in found:
            paths.update(test["command"])
            for item in test["properties"]:
                if item["name"] == "ENVIRONMENT":
                    paths.update(value.split("=", 1)[-1] for value in item["value"])
        prefix = f"{self.build}/"
        return sorted(path.removeprefix(prefix) for path in paths
                      if path.startswith(prefix) and self.is_built(path))

    def is_built(self, path):
        rules = (self.build / "build.ninja").read_text(encoding="utf-8")
        return f"build {path.removeprefix(f'{self.build}/')}:" in rules

    def commands(self, tests):
        """{name: (command, environment, directory)} of the tests, to run them without ctest."""
        shown = self.run("ctest", ["ctest", "--test-dir", self.build, "--show-only=json-v1",
                                   "-R", tests])
        found = {}
        for test in json.loads(shown[shown.index("{"):])["tests"]:
            environment = dict(os.environ)
            properties = {item["name"]: item["value"] for item in test["properties"]}
            for change in properties.get("ENVIRONMENT_MODIFICATION", []):
                name, how = change.split("=", 1)
                environment.pop(name, None)
                if how.startswith("set:"):
                    environment[name] = how[4:]
            environment.update(item.split("=", 1) for item in properties.get("ENVIRONMENT", []))
            found[test["name"]] = (test["command"], environment,
                                   properties.get("WORKING_DIRECTORY", str(self.build)))
        return found

    def try_build(self):
        """What the compilers say when it does not build, else None."""
        done = subprocess.run(["cmake", "--build", self.build, "-j", "2", "--", "-k", "0"],
                              cwd=self.tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False, env=environment_of_builds(self.tree))
        return None if done.returncode == 0 else done.stdout

    def make(self, tests):
        self.run("building", ["cmake", "--build", self.build, "-j", "2", "--target",
                              *self.programs(tests)])

    def passes(self, tests, only=""):
        """Builds and runs the tests; the last lines of what they say when they fail, else None."""
        self.make(tests)
        try:
            done = subprocess.run(
                ["ctest", "--test-dir", self.build, "-R", tests, "--stop-on-failure",
                 "--no-tests=error", "--output-on-failure"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                errors="replace", env={**os.environ, "MUTATE_ONLY": only, "LC_ALL": "C.UTF-8",
                                       "CRASH_COUNT": CRASH_COUNT},
                timeout=60 * MINUTES_MAX)
        except subprocess.TimeoutExpired:
            return "no end"
        return None if done.returncode == 0 else done.stdout

    def write(self, files):
        for name, text in files.items():
            (self.tree / name).write_text(text, encoding="utf-8")
