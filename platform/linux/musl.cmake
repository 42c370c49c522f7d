# Building for musl on a machine with another C library, with zig's clang, which brings musl and libc++.
# test/musl-toolchain fetches and makes what OSTRUST_MUSL has: wrappers of the compiler in bin/, an OpenSSL, and an
# empty library. On a system that is musl's own (Alpine) this file is not used: its compiler knows all of it.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)

list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES OSTRUST_MUSL)
set(cache_home "$ENV{XDG_CACHE_HOME}")
if(cache_home STREQUAL "")
  set(cache_home "$ENV{HOME}/.cache")
endif()
set(OSTRUST_MUSL ${cache_home}/ostrust-test/musl CACHE PATH "Made by test/musl-toolchain")

set(CMAKE_C_COMPILER ${OSTRUST_MUSL}/bin/cc)
set(CMAKE_CXX_COMPILER ${OSTRUST_MUSL}/bin/c++)
set(CMAKE_AR ${OSTRUST_MUSL}/bin/ar CACHE FILEPATH "")
set(CMAKE_RANLIB ${OSTRUST_MUSL}/bin/ranlib CACHE FILEPATH "")
# A program that names no shared library is linked statically, and could load none.
set(CMAKE_EXE_LINKER_FLAGS_INIT "${OSTRUST_MUSL}/lib/libempty.so -Wl,-rpath,${OSTRUST_MUSL}/lib")

set(CMAKE_FIND_ROOT_PATH ${OSTRUST_MUSL}/openssl)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(OSTRUST_OPENSSL_INCLUDE_DIR ${OSTRUST_MUSL}/openssl/include CACHE PATH "")
# Headers that serve every C library.
find_path(OSTRUST_P11_KIT_INCLUDE_DIR p11-kit/pkcs11x.h
          PATHS /usr/include/p11-kit-1 NO_CMAKE_FIND_ROOT_PATH)
