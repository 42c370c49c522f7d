# GoogleTest and libcrypto for the unit tests where they are cross-built: the one from its sources (Debian's
# package googletest). The other is for Windows the OpenSSL 3.0 that test/windows-hosts made, for musl that of
# test/musl-toolchain, and for macOS, where they are linked and never run, a list of what this machine's exports (test/macos-sdk).
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
elseif(APPLE AND EXISTS ${OSTRUST_GOOGLETEST_SOURCE}/CMakeLists.txt AND EXISTS ${OSTRUST_MACOS_SDK}/tests)
  # One processor is enough. The tests use more of Apple's libraries than the stubs of the module name.
  set(CMAKE_OSX_ARCHITECTURES arm64)
  string(REPLACE -L${OSTRUST_MACOS_STUBS} -L${OSTRUST_MACOS_SDK}/tests CMAKE_EXE_LINKER_FLAGS "${CMAKE_EXE_LINKER_FLAGS}")
  set(INSTALL_GTEST OFF)
  add_subdirectory(${OSTRUST_GOOGLETEST_SOURCE} googletest EXCLUDE_FROM_ALL)
  foreach(library gtest gtest_main)
    if(NOT TARGET GTest::${library})
      add_library(GTest::${library} ALIAS ${library})
    endif()
  endforeach()

  add_library(OpenSSL::Crypto INTERFACE IMPORTED)
  target_include_directories(OpenSSL::Crypto INTERFACE ${OSTRUST_OPENSSL_INCLUDE_DIR})
  target_link_libraries(OpenSSL::Crypto INTERFACE ${OSTRUST_MACOS_SDK}/tests/libcrypto.tbd)
elseif(OSTRUST_MUSL AND EXISTS ${OSTRUST_GOOGLETEST_SOURCE}/CMakeLists.txt)
  set(INSTALL_GTEST OFF)
  add_subdirectory(${OSTRUST_GOOGLETEST_SOURCE} googletest EXCLUDE_FROM_ALL)
  foreach(library gtest gtest_main gmock gmock_main)
    if(NOT TARGET GTest::${library})
      add_library(GTest::${library} ALIAS ${library})
    endif()
  endforeach()
  foreach(library Crypto SSL)
    string(TOLOWER ${library} name)
    add_library(OpenSSL::${library} SHARED IMPORTED)
    set_target_properties(OpenSSL::${library} PROPERTIES
      IMPORTED_LOCATION ${OSTRUST_MUSL}/openssl/lib${name}.so.3
      INTERFACE_INCLUDE_DIRECTORIES ${OSTRUST_MUSL}/openssl/include)
  endforeach()
  set(OPENSSL_CRYPTO_LIBRARY ${OSTRUST_MUSL}/openssl/libcrypto.so.3)
  # Its programs run here, beside those of this machine's C library.
  set(OSTRUST_OPENSSL_PROGRAM ${OSTRUST_MUSL}/openssl/openssl CACHE FILEPATH "")
endif()
