# GoogleTest and libcrypto for the unit tests where they are cross-built for Windows: the one from its
# sources (Debian's package googletest), the other is the OpenSSL 3.0 that test/windows-hosts made.
set(OSTRUST_WINDOWS_OPENSSL "" CACHE PATH "Folder of an OpenSSL made by test/windows-hosts")
set(OSTRUST_GOOGLETEST_SOURCE "/usr/src/googletest" CACHE PATH "GoogleTest's sources")

set(libcrypto ${OSTRUST_WINDOWS_OPENSSL}/libcrypto-3-x64.dll)
if(WIN32 AND EXISTS ${OSTRUST_GOOGLETEST_SOURCE}/CMakeLists.txt AND EXISTS ${libcrypto})
  set(INSTALL_GTEST OFF)
  add_subdirectory(${OSTRUST_GOOGLETEST_SOURCE} googletest EXCLUDE_FROM_ALL)
  foreach(library gtest gtest_main gmock gmock_main)
    target_link_options(${library} PUBLIC -static)
    if(NOT TARGET GTest::${library})
      add_library(GTest::${library} ALIAS ${library})
    endif()
  endforeach()

  add_library(OpenSSL::Crypto SHARED IMPORTED)
  set_target_properties(OpenSSL::Crypto PROPERTIES
    IMPORTED_LOCATION ${libcrypto}
    IMPORTED_IMPLIB ${libcrypto}  # MinGW's linker takes the library itself
    INTERFACE_INCLUDE_DIRECTORIES ${OSTRUST_WINDOWS_OPENSSL}/include)
endif()
