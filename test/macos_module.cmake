# What the module and the program for macOS are made of; nothing is run. Label: macos.
find_package(Python3 3.8 QUIET COMPONENTS Interpreter)
if(NOT Python3_Interpreter_FOUND)
  message(STATUS "ostrust: no test of the macOS module: Python 3.8 is missing")
  return()
endif()
set(environment "OSTRUST_MODULE=$<TARGET_FILE:ostrust>" PYTHONDONTWRITEBYTECODE=1)
if(TARGET ostrust_tool)
  list(APPEND environment "OSTRUST_TOOL=$<TARGET_FILE:ostrust_tool>")
endif()
if(CMAKE_CROSSCOMPILING)
  list(APPEND environment
    "OSTRUST_MACOS_STUBS=${OSTRUST_MACOS_STUBS}"
    # Without the minimum version in the target: the tests set it.
    "OSTRUST_MACOS_CLANG=clang-14 --target=arm64-apple-macos ${CMAKE_C_FLAGS_INIT} -isysroot ${CMAKE_OSX_SYSROOT} ${CMAKE_MODULE_LINKER_FLAGS_INIT}")
endif()
add_test(NAME macos.module
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/integration/test_macos_module.py -v)
set_tests_properties(macos.module PROPERTIES LABELS macos ENVIRONMENT "${environment}" TIMEOUT 300)
