# What cpack makes, for the presets deb, rpm and tgz, and for Windows a zip:
#
#     cmake --preset deb && cmake --build --preset deb && cpack --config build/deb/CPackConfig.cmake
#
# Two builds of one commit give the same bytes (test/package compares them). The time of every file is SOURCE_DATE_EPOCH; if that is not set
# in the environment, the time of the commit.
if(NOT OSTRUST_PACKAGE)
  return()
endif()
if(NOT OSTRUST_PACKAGE MATCHES "^(deb|rpm|tgz|zip)$")
  message(FATAL_ERROR "ostrust: OSTRUST_PACKAGE is deb, rpm, tgz or zip, not ${OSTRUST_PACKAGE}")
endif()
if(NOT TARGET ostrust_tool)
  message(FATAL_ERROR "ostrust: a package has the ostrust program, which needs CLI11 and nlohmann-json "
                      "(test/deps package installs them)")
endif()

set(package ${PROJECT_SOURCE_DIR}/provider/package)
string(TOUPPER ${OSTRUST_PACKAGE} CPACK_GENERATOR)
set(CPACK_SOURCE_GENERATOR "")
set(CPACK_PACKAGE_NAME ostrust)
set(CPACK_PACKAGE_VENDOR "The ostrust maintainers")
set(CPACK_PACKAGE_CONTACT "${OSTRUST_CONTACT}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "OpenSSL provider that trusts what the operating system trusts")
file(READ ${package}/description.txt CPACK_PACKAGE_DESCRIPTION)
set(CPACK_PACKAGE_FILE_NAME "ostrust-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR}")
set(CPACK_PACKAGE_CHECKSUM SHA256)
if(NOT OSTRUST_PACKAGE STREQUAL "deb")  # there the debug information becomes a package of its own
  set(CPACK_STRIP_FILES ON)
endif()
if(OSTRUST_PACKAGE MATCHES "^(deb|rpm)$")  # the others can be put anywhere
  set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
endif()
if(NOT OSTRUST_PACKAGE STREQUAL "zip")
  set(CPACK_PRE_BUILD_SCRIPTS ${package}/before_packing.cmake)
endif()
set(CPACK_THREADS 1)  # an archive must not depend on how many processors compressed it

set(OSTRUST_PACKAGE_TIME "$ENV{SOURCE_DATE_EPOCH}")
configure_file(${package}/at_packing.cmake.in ${PROJECT_BINARY_DIR}/at_packing.cmake @ONLY)
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_BINARY_DIR}/at_packing.cmake)

if(OSTRUST_PACKAGE STREQUAL "deb")
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_RELEASE ${OSTRUST_PACKAGE_RELEASE})
  set(CPACK_DEBIAN_PACKAGE_SECTION utils)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
  # No libssl: the module links none, and serves each OpenSSL that loads it.
  set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates, openssl")
  set(CPACK_DEBIAN_PACKAGE_SUGGESTS "p11-kit-modules")
  set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION TRUE)
  set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${package}/deb/conffiles ${package}/deb/prerm ${package}/deb/postrm)
  set(CPACK_DEBIAN_COMPRESSION_TYPE gzip)  # for a moment: xz, when it is made again
  set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)
  set(CPACK_POST_BUILD_SCRIPTS ${package}/deb/after_packing.cmake)

elseif(OSTRUST_PACKAGE STREQUAL "rpm")
  set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
  set(CPACK_RPM_PACKAGE_RELEASE ${OSTRUST_PACKAGE_RELEASE})
  set(CPACK_RPM_PACKAGE_DESCRIPTION "${CPACK_PACKAGE_DESCRIPTION}")
  set(CPACK_RPM_PACKAGE_LICENSE Apache-2.0)
  set(CPACK_PACKAGE_RELOCATABLE OFF)  # ON is CPack's default, over which CPACK_RPM_PACKAGE_RELOCATABLE has no say
  set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${package}/rpm/preun)
  set(CPACK_RPM_USER_FILELIST "%config(noreplace) ${OSTRUST_CONFIG_DIR}/os.pem")
  set(share ${CMAKE_INSTALL_PREFIX}/share)
  set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
    ${share}/man ${share}/man/man1 ${share}/man/man7
    ${share}/bash-completion ${share}/bash-completion/completions
    ${share}/fish ${share}/fish/vendor_completions.d ${share}/zsh ${share}/zsh/site-functions)
  set(CPACK_RPM_SPEC_MORE_DEFINE "%define _build_id_links none
%define _buildhost ostrust
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
%define source_date_epoch_from_changelog 0")
endif()
include(CPack)

# Not part of test/run: it builds for a quarter of an hour, and needs root.
enable_testing()
add_test(NAME package COMMAND ${PROJECT_SOURCE_DIR}/test/package)
set_tests_properties(package PROPERTIES LABELS package SKIP_RETURN_CODE 77 TIMEOUT 7200)
