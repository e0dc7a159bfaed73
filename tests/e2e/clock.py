# SPDX-License-Identifier: ISC
"""A daemon whose wall clock a test sets, by the shim that is preloaded into it."""
import os
import struct

SHIM = os.environ.get("CLOCK_SHIM")
US = 1000000


class Clock:
    """How far the daemon's clock is ahead of the real one, from the next look at it on."""

    def __init__(self, path):
        self.path = path
        self.set(0)

    def set(self, seconds):
        with open(self.path, "r+b" if self.path.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds * US))

    def environment(self, *preloaded):
        """An instrumented daemon lets the shim come before its own library."""
        options = [*filter(None, os.environ.get("ASAN_OPTIONS", "").split(":")),
                   "verify_asan_link_order=0"]
        return {"LD_PRELOAD": ":".join([*map(str, preloaded), SHIM]),
                "CLOCK_SHIM_FILE": str(self.path), "ASAN_OPTIONS": ":".join(options)}
