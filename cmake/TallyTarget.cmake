# SPDX-License-Identifier: ISC
# Libraries and programs of the project; one without sources yet is left out of the build.

# tally_add_static(name SOURCES ... LIBS ...): an internal static library.
function(tally_add_static name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
    if(NOT arg_SOURCES)
        add_library("${name}" INTERFACE)
        target_link_libraries("${name}" INTERFACE ${arg_LIBS})
        return()
    endif()
    add_library("${name}" STATIC ${arg_SOURCES})
    target_link_libraries("${name}" PRIVATE tally_flags PUBLIC ${arg_LIBS})
endfunction()

# tally_add_program(name OUTPUT file SOURCES ... LIBS ...)
function(tally_add_program name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "OUTPUT" "SOURCES;LIBS")
    if(NOT arg_SOURCES)
        return()
    endif()
    add_executable("${name}" ${arg_SOURCES})
    set_target_properties("${name}" PROPERTIES OUTPUT_NAME "${arg_OUTPUT}")
    target_link_libraries("${name}" PRIVATE tally_flags ${arg_LIBS})
endfunction()
