# SPDX-License-Identifier: ISC
# Everything that Tally links, each with the oldest version that it is tried with.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(tally_find name)
    pkg_check_modules("${name}" REQUIRED IMPORTED_TARGET ${ARGN})
endfunction()

tally_find(SODIUM libsodium>=1.0.18)
tally_find(NETTLE nettle>=3.8)
tally_find(LMDB lmdb>=0.9.24)
tally_find(UV libuv>=1.44.2)
tally_find(SECCOMP libseccomp>=2.5.4)
tally_find(JANSSON jansson>=2.14)
tally_find(LIBARCHIVE libarchive>=3.6.2)

# libunistring has no pkg-config file.
find_library(UNISTRING_LIBRARY unistring REQUIRED)
find_path(UNISTRING_INCLUDE_DIR unistr.h REQUIRED)
file(STRINGS "${UNISTRING_INCLUDE_DIR}/unistring/version.h" unistring_version
    REGEX "define _LIBUNISTRING_VERSION ")
string(REGEX MATCH "0x[0-9A-Fa-f]+" unistring_version "${unistring_version}")
if(unistring_version LESS 0x010000)
    message(FATAL_ERROR "libunistring 1.0 or newer is needed")
endif()
add_library(unistring INTERFACE)
target_include_directories(unistring INTERFACE "${UNISTRING_INCLUDE_DIR}")
target_link_libraries(unistring INTERFACE "${UNISTRING_LIBRARY}")

if(BUILD_TESTING OR (NOT DEFINED BUILD_TESTING AND PROJECT_IS_TOP_LEVEL))
    tally_find(CMOCKA cmocka>=1.1.5)
endif()
