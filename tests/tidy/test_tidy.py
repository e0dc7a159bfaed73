# SPDX-License-Identifier: ISC
"""The tree is tidy; and every rule of tidy.py can fail, and passes the nearest good twin."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import tidy  # noqa: E402

ROOT = Path(os.environ.get("TALLY_SOURCE_DIR", Path(__file__).resolve().parents[2]))

SPDX = "/* SPDX-License-Identifier: ISC */\n"


def rules(path, text):
    return [rule for _, rule, _ in tidy.check(tidy.Source(path, text))]


def function(lines):
    """A C function whose braces enclose that many lines, themselves included."""
    return "int f(void)\n{\n" + "    a();\n" * (lines - 2) + "}\n"


BAD = [
    # upwards
    ("lib/base/a.c", '#include "lib/tree/tree.h"\n', "layers"),
    ("lib/tree/a.c", '#include "keys/ed25519.h"\n', "layers"),
    ("keys/a.c", '#include "lib/codec/note.h"\n', "layers"),
    ("lib/codec/a.c", '#include "lib/roster/roster.h"\n', "layers"),
    ("lib/roster/a.c", '#include "lib/verify/judge.h"\n', "layers"),
    ("lib/verify/a.c", '#include "lib/archive/source.h"\n', "layers"),
    ("lib/archive/a.c", '#include "lib/client/connection.h"\n', "layers"),
    ("lib/archive/a.h", '#  include  "lib/store/store.h"\n', "layers"),
    ("lib/wire/a.c", '#include "lib/tree/tree.h"\n', "layers"),
    ("lib/wire/a.c", '#include "keys/ed25519.h"\n', "layers"),
    ("lib/client/a.c", '#include "lib/store/store.h"\n', "layers"),
    ("lib/client/a.c", '#include "lib/api/report.h"\n', "layers"),
    ("lib/api/a.c", '#include "lib/store/store.h"\n', "layers"),
    ("lib/store/a.c", '#include "lib/wire/frame.h"\n', "layers"),
    ("lib/store/a.c", '#include "lib/client/connection.h"\n', "layers"),
    ("lib/store/a.c", '#include "daemon/log.h"\n', "layers"),
    ("daemon/a.c", '#include "client/output.h"\n', "layers"),
    ("client/a.c", '#include "daemon/log.h"\n', "layers"),
    ("client/cmd_show.c", '#include "lib/store/store.h"\n', "layers"),
    ("client/ledger.c", '#include "lib/store/store.h"\n', "layers"),
    ("examples/a.c", '#include "lib/base/bytes.h"\n', "layers"),
    ("include/tally/a.h", '#include "lib/base/bytes.h"\n', "layers"),
    ("include/tally/a.h", "#include <sodium.h>\n", "layers"),
    ("include/tally/a.h.in", "#include <sys/types.h>\n", "layers"),
    # not from the root, from the tests, from nowhere
    ("lib/base/a.c", '#include "bytes.h"\n', "layers"),
    ("lib/base/a.c", '#include "../tree/tree.h"\n', "layers"),
    ("tests/base/a.c", '#include "test.h"\n', "layers"),
    ("daemon/a.c", '#include "tests/support/test.h"\n', "layers"),
    ("elsewhere/a.c", '#include "lib/base/bytes.h"\n', "layers"),
    ("lib/unlisted/a.c", '#include "lib/base/bytes.h"\n', "layers"),
    ("lib/loose.c", '#include "lib/base/bytes.h"\n', "layers"),
    ("daemon/a.c", '#include "lib/unlisted/a.h"\n', "layers"),
    # headers of libraries
    ("lib/store/store.c", "#include <lmdb.h>\n", "owned-headers"),
    ("daemon/store.c", '#include <lmdb.h>\n', "owned-headers"),
    ("lib/client/a.c", "#include <uv.h>\n", "owned-headers"),
    ("client/a.c", "#include <uv.h>\n", "owned-headers"),
    ("lib/codec/a.c", "#include <jansson.h>\n", "owned-headers"),
    ("daemon/a.c", "#include <jansson.h>\n", "owned-headers"),
    ("lib/base/a.c", "#include <unictype.h>\n", "owned-headers"),
    ("lib/client/a.c", "#include <curl/curl.h>\n", "owned-headers"),
    ("lib/archive/source.c", "#include <archive.h>\n", "owned-headers"),
    ("client/cmd_publish.c", "#include <archive_entry.h>\n", "owned-headers"),
    # banned everywhere
    *[("daemon/a.c", f"    {name}(a);\n", "banned") for name in tidy.BANNED],
    ("tests/base/a.c", "    strcpy (a, b);\n", "banned"),
    ("daemon/a.c", "    assert(a);\n", "banned"),
    ("client/a.c", "    if (!atoi(a)) {\n", "banned"),
    # allocation
    *[("lib/base/a.c", f"    a = {name}(a);\n", "allocation") for name in tidy.ALLOCATING],
    ("keys/a.c", "    free(a);\n", "allocation"),
    ("lib/base/mem.h", "    free(a);\n", "allocation"),
    ("lib/base/a.c", "    set_hooks(a, free);\n", "allocation"),
    # form
    ("lib/base/a.c", "x" * 50 + " " + "x" * 50 + "\n", "columns"),
    ("lib/base/a.c", "x" * 60 + " " + "x" * 60 + "\n", "columns"),
    ("tests/a.py", "# SPDX-License-Identifier: ISC\n" + "x " * 50 + "x\n", "columns"),
    ("tests/a.py", "import os\n", "spdx"),
    ("lib/base/a.c", function(71), "function-lines"),
    ("lib/base/a.c", function(70) + "\n" + function(71), "function-lines"),
    # reads
    ("lib/codec/a.c", "    struct a a = {.b = tl_read_u8(r)};\n", "reads"),
    ("lib/codec/a.c", "    struct a a = {\n        .b = {tl_read_u8(r)},\n    };\n", "reads"),
    ("lib/codec/a.c", "    return (struct a){tl_read_hash(&r)};\n", "reads"),
    ("lib/codec/a.c", "    f(tl_read_u8(r), tl_read_u8(r));\n", "reads"),
    ("lib/codec/a.c", "    a = tl_read_u8(r) |\n        tl_read_u8(r);\n", "reads"),
    # texts of any kind of file
    ("lib/base/a.c", "/* TO" "DO later */\n", "marks"),
    ("docs/a.md", "FIX" "ME\n", "marks"),
    ("docs/a.md", "see sha" "red/design.md\n", "workplace"),
    ("docs/a.md", "see /wo" "rk/design.md\n", "workplace"),
]

GOOD = [
    ("lib/base/a.c", '#include "lib/base/bytes.h"\n'),
    ("keys/a.c", '#include "lib/tree/tree.h"\n'),
    ("lib/codec/a.c", '#include "keys/ed25519.h"\n'),
    ("lib/archive/a.c", '#include "lib/verify/judge.h"\n'),
    ("lib/wire/a.c", '#include "lib/codec/record.h"\n'),
    ("lib/client/a.c", '#include "lib/wire/frame.h"\n'),
    ("lib/store/a.c", '#include "lib/archive/source.h"\n'),
    ("lib/api/a.c", '#include "lib/client/connection.h"\n'),
    ("daemon/a.c", '#include "lib/store/store.h"\n'),
    ("daemon/a.c", '#include "keys/ed25519.h"\n'),
    ("client/cmd_restore.c", '#include "lib/store/store.h"\n'),
    ("client/ledger_store.h", '#include "lib/store/store.h"\n'),
    ("client/ledger_store.h", '#include "lib/store/store.h"\n'),
    ("tests/store/a.c", '#include "lib/store/store.h"\n#include <lmdb.h>\n'),
    ("tests/base/a.c", '#include "tests/support/test.h"\n'),
    ("include/tally/a.h", "#include <tally/export.h>\n#include <stdint.h>\n"),
    ("lib/store/mdb.c", "#include <lmdb.h>\n"),
    ("lib/store/mdb.h", "#include <lmdb.h>\n"),
    ("daemon/a.c", "#include <uv.h>\n"),
    ("client/a.c", "#include <jansson.h>\n"),
    ("lib/archive/tar.c", "#include <archive.h>\n#include <archive_entry.h>\n"),
    ("daemon/a.c", "    free(a);\n    tl_atoi(b);\n    job->system(c);\n    job.rand(c);\n"),
    ("daemon/a.c", "    TL_ASSERT(a);\n    static_assert(a, \"strcpy(\");\n"),
    ("daemon/a.c", "/* strcpy(a) */ // gets(a)\n    f(\"\\\"system(a)\", '\"');\n"),
    ("tests/base/a.c", "    assert(a);\n"),
    ("lib/base/mem.c", "    free(a);\n"),
    ("lib/base/a.c", "    tl_free(a);\n    a->free(b);\n    /* free(a) */\n"),
    ("lib/base/a.c", "x" * 50 + " " + "x" * 49 + "\n"),
    ("lib/base/a.c", "\u00e4" * 50 + " " + "\u00e4" * 49 + "\n"),
    ("lib/base/a.c", '    "' + "0" * 61 + '", "' + "0" * 61 + '",\n'),
    ("docs/a.md", "x " * 51 + "\n"),
    ("lib/base/a.c", function(70)),
    ("lib/base/a.c", "static int a[] = {\n" + "    1,\n" * 80 + "};\n" + function(3)),
    ("lib/codec/a.c", "    a.b = tl_read_u8(r);\n    a.c = tl_read_u8(r);\n"),
    ("lib/codec/a.c", "    if (a) {\n        b = tl_read_u8(r);\n    }\n"),
    ("lib/codec/a.c", "    a = b ? tl_read_u8(r) : tl_read_u16(r);\n"),
    ("lib/codec/a.c", "uint8_t tl_read_u8(struct r *r);\nuint8_t tl_read_u9(struct r *r);\n"),
    ("docs/a.md", "to do: nothing; a shared library; work; ../work/a; a/work/b\n"),
]


@pytest.mark.parametrize(("path", "text", "rule"), BAD)
def test_rule_fails(path, text, rule):
    spdx = "" if rule == "spdx" or not path.endswith((".c", ".h", ".in")) else SPDX
    assert rules(path, spdx + text) == [rule]


@pytest.mark.parametrize(("path", "text"), GOOD)
def test_rule_passes(path, text):
    assert rules(path, (SPDX if path.endswith((".c", ".h")) else "") + text) == []


def test_every_rule_is_shown_to_fail():
    assert {rule for _, _, rule in BAD} == set(tidy.RULES)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("lib/base/a.h", "int a;\n"),
        ("include/tally/a.h.in", "int a;\n"),
        ("tests/a.sh", "a\n"),
        ("scripts/a", "#!/bin/sh\na\n"),
        ("scripts/b", "#!/usr/bin/env bash\na\n"),
        ("scripts/c", "#!/usr/bin/python3\na\n"),
        ("lib/CMakeLists.txt", "a()\n"),
        ("cmake/A.cmake", "a()\n"),
        ("lib/base/late.c", "\n\n" + SPDX),
    ],
)
def test_spdx_in_every_kind_of_code(path, text):
    assert rules(path, text) == ["spdx"]


def test_line_numbers():
    text = SPDX + '/* one\n   two */\n#include "lib/tree/tree.h"\n\n    gets(a);\n'
    found = tidy.check(tidy.Source("lib/base/a.c", text))
    assert [(number, rule) for number, rule, _ in found] == [(4, "layers"), (6, "banned")]


def test_main_reports_and_fails(tmp_path, capsys):
    assert tidy.main([str(tmp_path)]) == 1  # a tree without files was not checked
    good = tmp_path / "lib" / "base" / "a.c"
    good.parent.mkdir(parents=True)
    good.write_text(SPDX, encoding="utf-8")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "b.c").write_text("gets(a)\n", encoding="utf-8")
    (tmp_path / ".git").write_text("gitdir: /" + "work/x\n", encoding="utf-8")
    (tmp_path / "picture.bin").write_bytes(b"\xff\xfe\x00")
    assert tidy.main([str(tmp_path)]) == 0
    good.write_text(SPDX + "    gets(a);\n", encoding="utf-8")
    capsys.readouterr()
    assert tidy.main([str(tmp_path)]) == 1
    assert "lib/base/a.c:2: banned: gets is banned" in capsys.readouterr().out


def test_the_tree_is_tidy(capsys):
    code = tidy.main([str(ROOT)])
    out = capsys.readouterr().out
    assert code == 0, "\n" + out
