# SPDX-License-Identifier: ISC
# How every target is compiled: link tally_flags PRIVATE, set nothing globally.
include(CheckCCompilerFlag)
include(CheckPIESupported)

option(TALLY_WERROR "Treat warnings as errors" OFF)
option(TALLY_FUZZ "Build the fuzz targets with libFuzzer (clang)" OFF)
set(TALLY_SANITIZE "" CACHE STRING "Sanitizers, a list: address;undefined or thread")

# Somebody who only says "cmake -B build" gets what the release preset gives; None is left alone.
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
check_pie_supported(LANGUAGES C)

add_library(tally_flags INTERFACE)
target_compile_definitions(tally_flags INTERFACE _GNU_SOURCE)
target_include_directories(tally_flags INTERFACE
    "${PROJECT_SOURCE_DIR}"
    "${PROJECT_SOURCE_DIR}/include"
    "${PROJECT_BINARY_DIR}/include"
)
target_compile_options(tally_flags INTERFACE
    -Wall
    -Wextra
    -Wpedantic
    -Wshadow
    -Wconversion
    -Wsign-conversion
    -Wcast-qual
    -Wcast-align
    -Wwrite-strings
    -Wstrict-prototypes
    -Wmissing-prototypes
    -Wvla
    -Wswitch-enum
    -Wundef
    -Wformat=2
    -Wimplicit-fallthrough
    $<$<C_COMPILER_ID:GNU>:-Wduplicated-cond>
    $<$<C_COMPILER_ID:GNU>:-Wlogical-op>
    -fstack-protector-strong
    -fno-strict-aliasing
    -fno-common
    "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/="
)
if(TALLY_WERROR)
    target_compile_options(tally_flags INTERFACE -Werror)
endif()

foreach(flag IN ITEMS -fstack-clash-protection -fcf-protection=full)
    string(MAKE_C_IDENTIFIER "TALLY_HAS${flag}" variable)
    check_c_compiler_flag("-Werror ${flag}" "${variable}")
    if("${${variable}}")
        target_compile_options(tally_flags INTERFACE "${flag}")
    endif()
endforeach()

target_link_options(tally_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)

if(TALLY_SANITIZE)
    list(JOIN TALLY_SANITIZE "," sanitizers)
    target_compile_options(tally_flags INTERFACE
        "-fsanitize=${sanitizers}" -fno-sanitize-recover=all -fno-omit-frame-pointer
    )
    target_link_options(tally_flags INTERFACE "-fsanitize=${sanitizers}")
    target_compile_definitions(tally_flags INTERFACE TALLY_SANITIZED)
else()
    # Instrumented code has larger frames and trips gcc's null-dereference analysis; fortified
    # libc calls hide from AddressSanitizer; sanitizer run-times are undefined symbols to clang.
    target_compile_options(tally_flags INTERFACE
        -Wnull-dereference
        -Wframe-larger-than=16384
        $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-U_FORTIFY_SOURCE>
        $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-D_FORTIFY_SOURCE=2>
    )
    target_link_options(tally_flags INTERFACE
        $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,SHARED_LIBRARY>:-Wl,--no-undefined>
    )
endif()
