# Cross-building for macOS with clang, lld and llvm 14, as Debian packages them, and without Apple's
# SDK. test/macos-sdk makes what takes its place as far as headers go: OSTRUST_MACOS_SDK names that
# folder. Apple's libraries are linked by stubs of our own, which name what ostrust may use of them.
# On a Mac this file is not used: Apple's compiler and SDK know all of it.
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR arm64)
set(CMAKE_OSX_ARCHITECTURES "arm64;x86_64" CACHE STRING "")
set(CMAKE_OSX_DEPLOYMENT_TARGET 12.0 CACHE STRING "")

list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES OSTRUST_MACOS_SDK)
set(cache_home "$ENV{XDG_CACHE_HOME}")
if(cache_home STREQUAL "")
  set(cache_home "$ENV{HOME}/.cache")
endif()
set(OSTRUST_MACOS_SDK ${cache_home}/ostrust-test/macos/sdk CACHE PATH "Made by test/macos-sdk")
set(CMAKE_OSX_SYSROOT ${OSTRUST_MACOS_SDK} CACHE PATH "")

set(CMAKE_C_COMPILER clang-14)
set(CMAKE_C_COMPILER_TARGET arm64-apple-macos12.0)
set(CMAKE_CXX_COMPILER clang++-14)
set(CMAKE_CXX_COMPILER_TARGET arm64-apple-macos12.0)
foreach(tool AR RANLIB NM STRIP INSTALL_NAME_TOOL OTOOL LIPO)
  string(TOLOWER ${tool} name)
  string(REPLACE _ - name ${name})
  find_program(CMAKE_${tool} llvm-${name}-14)
endforeach()

# -B: clang looks there for lipo. Processors of Apple's run only what is signed, if only ad hoc.
# Debian's clang takes libstdc++ for every system's C++ library.
set(CMAKE_C_FLAGS_INIT "-B${OSTRUST_MACOS_SDK}/bin")
set(CMAKE_CXX_FLAGS_INIT "-B${OSTRUST_MACOS_SDK}/bin -stdlib=libc++")
set(OSTRUST_MACOS_STUBS ${CMAKE_CURRENT_LIST_DIR}/stubs)
foreach(kind EXE MODULE SHARED)
  set(CMAKE_${kind}_LINKER_FLAGS_INIT
    "-fuse-ld=lld -Wl,-adhoc_codesign -L${OSTRUST_MACOS_STUBS} -F${OSTRUST_MACOS_STUBS}")
endforeach()

# Of objects for two architectures, llvm-ar makes archives without an index.
find_program(OSTRUST_LIBTOOL llvm-libtool-darwin-14)
foreach(language C CXX)
  set(CMAKE_${language}_CREATE_STATIC_LIBRARY "${OSTRUST_LIBTOOL} -static -o <TARGET> <OBJECTS>")
endforeach()

# The stub has what ostrust uses of libSystem, which is not all that FindThreads tries.
set(CMAKE_HAVE_LIBC_PTHREAD TRUE)

set(CMAKE_FIND_ROOT_PATH ${OSTRUST_MACOS_SDK})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(OSTRUST_OPENSSL_INCLUDE_DIR ${OSTRUST_MACOS_SDK}/openssl CACHE PATH "")
