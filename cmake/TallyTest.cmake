# SPDX-License-Identifier: ISC
# Tests: a label, a time limit, exit code 77 for "skipped", and nothing of the caller's environment
# that could change what a test does.
set(TALLY_PYTHON /usr/bin/python3 CACHE FILEPATH "Python with pytest")
option(TALLY_MEMCHECK "Run what is tested below valgrind" OFF)

set(TALLY_LAUNCHER "")
if("thread" IN_LIST TALLY_SANITIZE)
    # Its shadow leaves too few addresses for a map of 1 TiB when they are random.
    set(TALLY_LAUNCHER setarch -R)
elseif(TALLY_MEMCHECK)
    set(TALLY_LAUNCHER
        "${PROJECT_SOURCE_DIR}/tests/support/memcheck" "${PROJECT_BINARY_DIR}/memcheck"
    )
endif()

# tally_launched(target variable): the program as one path, launcher included.
function(tally_launched target variable)
    if(NOT TALLY_LAUNCHER)
        set("${variable}" "$<TARGET_FILE:${target}>" PARENT_SCOPE)
        return()
    endif()
    set(path "${PROJECT_BINARY_DIR}/launched/$<TARGET_FILE_NAME:${target}>")
    list(JOIN TALLY_LAUNCHER "' '" launcher)
    file(GENERATE OUTPUT "${path}"
        CONTENT "#!/bin/sh\nexec '${launcher}' '$<TARGET_FILE:${target}>' \"$@\"\n"
        FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
    )
    set("${variable}" "${path}" PARENT_SCOPE)
endfunction()

if(TARGET tallyd)
    tally_launched(tallyd TALLY_TESTED_DAEMON)
endif()
if(TARGET tally_cli)
    tally_launched(tally_cli TALLY_TESTED_CLIENT)
endif()

function(tally_test_properties name label)
    set(environment
        LD_PRELOAD=unset:
        LD_LIBRARY_PATH=unset:
        SSH_AUTH_SOCK=unset:
        NOTIFY_SOCKET=unset:
        PYTHONPATH=unset:
        PYTHONHOME=unset:
        PYTHONDONTWRITEBYTECODE=set:1
        PYTEST_ADDOPTS=unset:
        CMOCKA_MESSAGE_OUTPUT=unset:
        CMOCKA_TEST_ABORT=unset:
        NO_COLOR=unset:
        TERM=set:dumb
        TZ=set:UTC
        LC_ALL=set:C.UTF-8
        MALLOC_PERTURB_=set:165
        ASAN_OPTIONS=set:detect_stack_use_after_return=1:allocator_may_return_null=1
        UBSAN_OPTIONS=set:print_stacktrace=1
        TSAN_OPTIONS=set:halt_on_error=1:allocator_may_return_null=1
    )
    set_tests_properties("${name}" PROPERTIES
        LABELS "${label}"
        TIMEOUT 120
        SKIP_RETURN_CODE 77
        ENVIRONMENT_MODIFICATION "${environment}"
    )
endfunction()

# tally_add_test(name LABEL label SOURCES ... [LIBS ...] [WRAP ...]): a cmocka program.
# LIBS replaces tally_internal, which is the default. WRAP names functions f whose calls go to the
# test's __wrap_f.
function(tally_add_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "SOURCES;LIBS;WRAP")
    if(NOT arg_LABEL OR NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "tally_add_test(${name} LABEL .. SOURCES .. [LIBS ..] [WRAP ..])")
    endif()
    if(NOT arg_LIBS)
        set(arg_LIBS tally_internal)
    endif()
    add_executable("test_${name}" ${arg_SOURCES})
    target_link_libraries("test_${name}" PRIVATE tally_flags ${arg_LIBS} PkgConfig::CMOCKA)
    foreach(function IN LISTS arg_WRAP)
        target_link_options("test_${name}" PRIVATE "-Wl,--wrap=${function}")
    endforeach()
    add_test(NAME "${name}" COMMAND ${TALLY_LAUNCHER} "$<TARGET_FILE:test_${name}>")
    tally_test_properties("${name}" "${arg_LABEL}")
endfunction()

# tally_add_pytest(name LABEL label FILES ... [ENVIRONMENT VAR=VALUE ...])
# The tests find the programs in TALLYD and TALLY, the trees in TALLY_SOURCE_DIR, TALLY_BUILD_DIR.
function(tally_add_pytest name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "FILES;ENVIRONMENT")
    if(NOT arg_LABEL OR NOT arg_FILES OR arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "tally_add_pytest(${name} LABEL .. FILES .. [ENVIRONMENT ..])")
    endif()
    list(TRANSFORM arg_FILES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
    add_test(NAME "${name}"
        COMMAND "${TALLY_PYTHON}" -B -m pytest -q -rs -p no:cacheprovider ${arg_FILES}
        WORKING_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
    )
    tally_test_properties("${name}" "${arg_LABEL}")
    set(environment
        "TALLY_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
        "TALLY_BUILD_DIR=${PROJECT_BINARY_DIR}"
        ${arg_ENVIRONMENT}
    )
    if(TARGET tallyd)
        list(APPEND environment "TALLYD=${TALLY_TESTED_DAEMON}")
    endif()
    if(TARGET tally_cli)
        list(APPEND environment "TALLY=${TALLY_TESTED_CLIENT}")
    endif()
    set_tests_properties("${name}" PROPERTIES ENVIRONMENT "${environment}")
endfunction()

# tally_add_fuzzer(name [SOURCES ...] [LIBS ...] [WRAP ...]): LLVMFuzzerTestOneInput in fuzz_NAME.c,
# with what it needs beside that and tests/fuzz/fuzz.c; LIBS and WRAP as above.
# With TALLY_FUZZ a libFuzzer program; always a test that replays the committed corpus, corpus/NAME.
function(tally_add_fuzzer name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS;WRAP")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "tally_add_fuzzer(${name} [SOURCES ..] [LIBS ..] [WRAP ..])")
    endif()
    if(NOT arg_LIBS)
        set(arg_LIBS tally_internal)
    endif()
    set(corpus "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name}")
    add_executable("fuzz_${name}" "fuzz_${name}.c" fuzz.c ${arg_SOURCES})
    target_link_libraries("fuzz_${name}" PRIVATE tally_flags ${arg_LIBS})
    foreach(function IN LISTS arg_WRAP)
        target_link_options("fuzz_${name}" PRIVATE "-Wl,--wrap=${function}")
    endforeach()
    if(TALLY_FUZZ)
        add_dependencies(fuzzers "fuzz_${name}")
        target_link_options("fuzz_${name}" PRIVATE -fsanitize=fuzzer)
        add_test(NAME "fuzz_${name}" COMMAND "fuzz_${name}" -runs=0 "${corpus}")
    else()
        target_sources("fuzz_${name}" PRIVATE replay.c)
        add_test(NAME "fuzz_${name}"
            COMMAND ${TALLY_LAUNCHER} "$<TARGET_FILE:fuzz_${name}>" "${corpus}"
        )
    endif()
    tally_test_properties("fuzz_${name}" fuzz)
endfunction()
