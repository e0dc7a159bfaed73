# SPDX-License-Identifier: ISC
# Nothing here writes to /etc or creates users: units and sysusers files are only laid down.
include(CMakePackageConfigHelpers)

set(TALLY_UNITDIR "lib/systemd/system" CACHE STRING "systemd units, below the prefix")
set(TALLY_SYSUSERSDIR "lib/sysusers.d" CACHE STRING "sysusers files, below the prefix")
set(TALLY_TMPFILESDIR "lib/tmpfiles.d" CACHE STRING "tmpfiles files, below the prefix")

install(TARGETS tally EXPORT tallyTargets
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime NAMELINK_COMPONENT devel
)
install(DIRECTORY include/tally "${PROJECT_BINARY_DIR}/include/tally"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    COMPONENT devel
    FILES_MATCHING PATTERN "*.h"
)
install(EXPORT tallyTargets
    NAMESPACE tally::
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/tally"
    COMPONENT devel
)
configure_package_config_file(cmake/tallyConfig.cmake.in tallyConfig.cmake
    INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/tally"
    NO_SET_AND_CHECK_MACRO
)
write_basic_package_version_file(tallyConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
    "${PROJECT_BINARY_DIR}/tallyConfig.cmake"
    "${PROJECT_BINARY_DIR}/tallyConfigVersion.cmake"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/tally"
    COMPONENT devel
)

# Relocatable: the .pc file finds its prefix from where it lies.
cmake_path(SET tally_pcdir "/prefix")
cmake_path(APPEND tally_pcdir "${CMAKE_INSTALL_LIBDIR}" pkgconfig)
cmake_path(RELATIVE_PATH tally_pcdir BASE_DIRECTORY "/prefix" OUTPUT_VARIABLE tally_pcrelative)
string(REGEX REPLACE "[^/]+" ".." tally_pcprefix "${tally_pcrelative}")
configure_file(cmake/tally.pc.in tally.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/tally.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
    COMPONENT devel
)

if(TARGET tallyd)
    install(TARGETS tallyd RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT daemon)
endif()
if(TARGET tally_cli)
    install(TARGETS tally_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT runtime)
endif()

foreach(section RANGE 1 8)
    file(GLOB pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/man/*.${section}")
    if(pages)
        install(FILES ${pages} DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
    endif()
endforeach()

# tally_install_systemd(destination EXTENSION ext INSTALLED ext): systemd/*.ext
function(tally_install_systemd destination)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "EXTENSION;INSTALLED" "")
    file(GLOB files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/systemd/*.${arg_EXTENSION}")
    foreach(file IN LISTS files)
        cmake_path(GET file FILENAME name)
        string(REGEX REPLACE "${arg_EXTENSION}$" "${arg_INSTALLED}" name "${name}")
        install(FILES "${file}" DESTINATION "${destination}" RENAME "${name}" COMPONENT daemon)
    endforeach()
endfunction()

foreach(unit IN ITEMS service socket timer path target)
    tally_install_systemd("${TALLY_UNITDIR}" EXTENSION "${unit}" INSTALLED "${unit}")
endforeach()
tally_install_systemd("${TALLY_SYSUSERSDIR}" EXTENSION sysusers INSTALLED conf)
tally_install_systemd("${TALLY_TMPFILESDIR}" EXTENSION tmpfiles INSTALLED conf)

foreach(completion IN ITEMS
    "tally.bash share/bash-completion/completions tally"
    "_tally share/zsh/site-functions _tally"
    "tally.fish share/fish/vendor_completions.d tally.fish"
)
    string(REPLACE " " ";" completion "${completion}")
    list(GET completion 0 file)
    list(GET completion 1 destination)
    list(GET completion 2 name)
    if(EXISTS "${PROJECT_SOURCE_DIR}/client/completion/${file}")
        install(FILES "client/completion/${file}" DESTINATION "${destination}" RENAME "${name}")
    endif()
endforeach()
