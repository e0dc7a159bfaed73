# SPDX-License-Identifier: ISC
"""libtally as somebody else meets it: installed, found, compiled against, moved elsewhere.

An export that is missing shows only here: everything inside the tree links the static objects.
"""

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(os.environ["TALLY_SOURCE_DIR"])
BUILD = Path(os.environ["TALLY_BUILD_DIR"])
CC = os.environ["TALLY_CC"]
CXX = shutil.which("c++")
SANITIZE = os.environ["TALLY_SANITIZE"]
SANITIZE_FLAGS = [f"-fsanitize={SANITIZE}"] if SANITIZE else []
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]

OUTSIDER = r"""
#include <stdio.h>
#include <string.h>
#include <tally/tally.h>

int main(void)
{
    (void)printf("%s %s %s\n", tally_version(), tally_reason_name(TALLY_REASON_SEQUENCE_GAP),
                 tally_status_text(TALLY_EBAD));
    return strcmp(tally_version(), TALLY_VERSION);
}
"""


JUDGE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tally/tally.h>

static size_t slurp(const char *path, unsigned char *dst, size_t room)
{
    FILE *file = fopen(path, "rb");
    size_t len = file == NULL ? 0 : fread(dst, 1, room, file);
    if (file != NULL) {
        (void)fclose(file);
    }
    return len;
}

/* judge ARCHIVE ID VKEY RECEIPT BUNDLE */
int main(int argc, char **argv)
{
    static unsigned char receipt[131072];
    static unsigned char bundle[1048576];
    struct tally_hash id;
    struct tally_report *reports[4] = {NULL, NULL, NULL, NULL};
    struct tally_ledger_options options;
    struct tally_bytes receipt_bytes;
    struct tally_bytes bundle_bytes;
    size_t i;
    size_t k;
    if (argc != 6 || tally_init() != TALLY_OK || tally_hash_parse(argv[2], &id) != TALLY_OK) {
        return 2;
    }
    memset(&options, 0, sizeof options);
    options.ledger = &id;
    options.threads = 1;
    receipt_bytes.ptr = receipt;
    receipt_bytes.len = slurp(argv[4], receipt, sizeof receipt);
    bundle_bytes.ptr = bundle;
    bundle_bytes.len = slurp(argv[5], bundle, sizeof bundle);
    if (tally_verify_ledger(argv[1], &options, &reports[0]) != TALLY_OK ||
        tally_verify_ledger(argv[1], NULL, &reports[1]) != TALLY_OK ||
        tally_verify_receipt(receipt_bytes, argv[3], &id, &reports[2]) != TALLY_OK ||
        tally_verify_bundle(bundle_bytes, &id, &reports[3]) != TALLY_OK) {
        return 3;
    }
    for (i = 0; i < 4; i++) {
        unsigned bad = 0;
        for (k = 0; k < tally_report_line_count(); k++) {
            struct tally_report_line line;
            if (tally_report_line(reports[i], k, &line) != TALLY_OK) {
                return 3;
            }
            bad += line.verdict == TALLY_VERDICT_BAD ? 1u : 0u;
        }
        (void)printf("%d %u\n", tally_report_exit_code(reports[i]), bad);
        tally_report_free(reports[i]);
    }
    return 0;
}
"""


def run(*command, **options):
    result = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, **options
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


def version():
    text = (SOURCE / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"VERSION (\d+\.\d+\.\d+)", text).group(1)


def expected_output():
    return f"{version()} sequence-gap verification failed\n"


@pytest.fixture(scope="module", name="stage")
def fixture_stage(tmp_path_factory):
    """The install tree, moved away from where it was installed to."""
    first = tmp_path_factory.mktemp("package") / "first"
    run("cmake", "--install", BUILD, "--prefix", first)
    return first.rename(first.parent / "moved")


def library(stage):
    (found,) = stage.glob("lib*/**/libtally.so")
    return found


def pkg_config(stage, *options):
    directory = library(stage).parent / "pkgconfig"
    environment = {**os.environ, "PKG_CONFIG_PATH": str(directory)}
    return run("pkg-config", *options, "tally", env=environment).split()


def map_symbols():
    text = (SOURCE / "lib" / "tally.map").read_text(encoding="utf-8")
    names = text.split("global:")[1].split("local:")[0]
    return set(re.findall(r"\b(\w+);", names))


def exported_symbols(path):
    lines = run("nm", "-D", "--defined-only", path).splitlines()
    names = {line.split()[-1].split("@")[0] for line in lines if line.split()[-2] != "A"}
    # What sanitizers add to every object.
    return {name for name in names if not name.startswith(("__asan", "__ubsan", "__odr_asan"))}


def test_exports_are_those_of_the_map(stage):
    assert exported_symbols(library(stage)) == map_symbols()


def test_exports_are_those_of_the_headers(stage):
    declared = set()
    for header in (stage / "include" / "tally").glob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.DOTALL)
        text = re.sub(r"^#define .*$", "", text, flags=re.MULTILINE)
        for declaration in re.findall(r"TALLY_EXPORT\b([^;{]*);", text):
            declared.add(re.search(r"(\w+)\s*\(", declaration).group(1))
    assert declared == map_symbols()
    assert all(name.startswith("tally_") for name in declared)


def test_links_neither_store_nor_loop(stage):
    needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", library(stage)))
    assert any(name.startswith("libsodium.so") for name in needed)
    assert not [name for name in needed if re.match(r"lib(lmdb|uv|jansson|unistring)\.so", name)]


def test_soname(stage):
    assert "SONAME" in run("readelf", "-d", library(stage))
    assert re.search(r"SONAME.*\[libtally\.so\.0\]", run("readelf", "-d", library(stage)))


@pytest.mark.parametrize("language", ["c99", "c++17"])
def test_each_header_stands_alone(stage, tmp_path, language):
    compiler = CC if language == "c99" else CXX
    if compiler is None:
        pytest.skip("no C++ compiler")
    headers = sorted((stage / "include" / "tally").glob("*.h"))
    assert len(headers) >= 5
    for header in headers:
        unit = tmp_path / ("unit.c" if language == "c99" else "unit.cc")
        # Twice: the guard holds.
        unit.write_text(
            f"#include <tally/{header.name}>\n" * 2 + "extern int unit;\n", encoding="utf-8"
        )
        run(compiler, f"-std={language}", *WARNINGS, *pkg_config(stage, "--cflags"),
            "-fsyntax-only", unit)


def test_outsider_in_c(stage, tmp_path):
    unit = tmp_path / "outsider.c"
    unit.write_text(OUTSIDER, encoding="utf-8")
    program = tmp_path / "outsider"
    run(CC, "-std=c99", *WARNINGS, *SANITIZE_FLAGS, unit, "-o", program,
        *pkg_config(stage, "--cflags", "--libs"), f"-Wl,-rpath,{library(stage).parent}")
    assert run(program) == expected_output()
    assert pkg_config(stage, "--modversion") == [version()]


@pytest.fixture(scope="module", name="sample")
def fixture_sample(tmp_path_factory):
    """The sample ledger of the vectors, as files."""
    root = tmp_path_factory.mktemp("sample")
    ledger = json.loads((SOURCE / "tests/vectors/ledger.json").read_text(encoding="utf-8"))
    for name, data in ledger["archive"].items():
        path = root / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes.fromhex(data))
    (root / "receipt").write_text(ledger["receipts"][1], encoding="utf-8")
    (root / "bundle").write_text(ledger["bundle"], encoding="utf-8")
    ledger_id = base64.b64encode(bytes.fromhex(ledger["ledger_id"])).decode()
    return root, ledger_id, ledger["vkey"]


def test_outsider_judges_a_ledger(stage, tmp_path, sample):
    root, ledger_id, vkey = sample
    unit = tmp_path / "judge.c"
    unit.write_text(JUDGE, encoding="utf-8")
    program = tmp_path / "judge"
    run(CC, "-std=c99", *WARNINGS, *SANITIZE_FLAGS, unit, "-o", program,
        *pkg_config(stage, "--cflags", "--libs"), f"-Wl,-rpath,{library(stage).parent}")
    words = [program, root / "archive", ledger_id, vkey, root / "receipt", root / "bundle"]
    # Verified; no id: incomplete; a bare receipt: incomplete; a bundle: verified.
    assert run(*words) == "0 0\n4 0\n4 0\n0 0\n"
    other = base64.b64encode(bytes(32)).decode()
    words[2] = other
    codes = [line.split()[0] for line in run(*words).splitlines()]
    assert codes == ["1", "4", "1", "1"]


@pytest.mark.skipif(CXX is None or bool(SANITIZE), reason="no C++ compiler, or sanitizers")
def test_outsider_in_cxx(stage, tmp_path):
    unit = tmp_path / "outsider.cc"
    unit.write_text(OUTSIDER, encoding="utf-8")
    program = tmp_path / "outsider"
    run(CXX, "-std=c++17", *WARNINGS, unit, "-o", program,
        *pkg_config(stage, "--cflags", "--libs"), f"-Wl,-rpath,{library(stage).parent}")
    assert run(program) == expected_output()


def test_outsider_with_find_package(stage, tmp_path):
    (tmp_path / "outsider.c").write_text(OUTSIDER, encoding="utf-8")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\n"
        "project(outsider LANGUAGES C)\n"
        f"find_package(tally {version()} REQUIRED)\n"
        "add_executable(outsider outsider.c)\n"
        "target_link_libraries(outsider PRIVATE tally::tally)\n",
        encoding="utf-8",
    )
    build = tmp_path / "build"
    run("cmake", "-S", tmp_path, "-B", build, f"-DCMAKE_PREFIX_PATH={stage}",
        f"-DCMAKE_C_COMPILER={CC}", f"-DCMAKE_C_FLAGS={' '.join(SANITIZE_FLAGS)}")
    run("cmake", "--build", build)
    assert run(build / "outsider") == expected_output()


def test_find_package_refuses_another_minor_version(stage, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\n"
        "project(outsider LANGUAGES NONE)\n"
        "find_package(tally 0.99)\n"
        'file(WRITE found "${tally_FOUND}")\n',
        encoding="utf-8",
    )
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={stage}")
    assert (tmp_path / "found").read_text(encoding="utf-8") in ("0", "FALSE")


def test_installs_below_its_prefix_only(stage):
    # DESTDIR leads everything astray that is installed to an absolute path.
    root = stage.parent / "root"
    environment = {**os.environ, "DESTDIR": str(root)}
    run("cmake", "--install", BUILD, "--prefix", "/opt/tally", env=environment)
    prefix = root / "opt" / "tally"
    files = [path for path in root.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if prefix not in path.parents] == []


def test_nothing_internal_is_installed(stage):
    names = {path.name for path in stage.rglob("*") if path.is_file()}
    assert not [name for name in names if name.endswith((".a", ".map", ".h.in", ".o"))]
    headers = {path.relative_to(stage).as_posix() for path in stage.rglob("*.h")}
    assert all(header.startswith("include/tally/") for header in headers)
