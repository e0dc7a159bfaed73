# SPDX-License-Identifier: ISC
# The toolchain of the presets that need clang, under whichever name it is there.
find_program(TALLY_CLANG NAMES clang-19 clang REQUIRED)
set(CMAKE_C_COMPILER "${TALLY_CLANG}")
