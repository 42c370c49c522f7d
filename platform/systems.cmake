# Which operating system this is for: OSTRUST_SYSTEM, the name of a folder of platform/ with a system.cmake, and
# OSTRUST_SYSTEM_VERIFIES, whether it has a verifier of its own. All of those files are read, because tests build
# other systems' sources, too.
file(GLOB systems RELATIVE ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_CURRENT_LIST_DIR}/*/system.cmake)
list(TRANSFORM systems REPLACE "/.*" "")
foreach(system IN LISTS systems)
  include(${CMAKE_CURRENT_LIST_DIR}/${system}/system.cmake)
endforeach()

string(TOLOWER "${CMAKE_SYSTEM_NAME}" system)
if(system STREQUAL "darwin")
  set(system macos)
endif()
set(OSTRUST_SYSTEM ${system} CACHE STRING "The folder of platform/ that is for this operating system")
if(NOT OSTRUST_SYSTEM IN_LIST systems)
  list(JOIN systems ", " systems)
  message(FATAL_ERROR
    "ostrust does not know where ${CMAKE_SYSTEM_NAME} keeps what it trusts: there is no platform/${OSTRUST_SYSTEM}/system.cmake. "
    "It knows ${systems}. CONTRIBUTING.md, \"How to add an operating system\", says what it takes. "
    "To try it as Linux, with Linux's files and without what this system distrusts: -DOSTRUST_SYSTEM=linux")
endif()
if(NOT OSTRUST_SYSTEM STREQUAL system)
  message(STATUS "ostrust: ${CMAKE_SYSTEM_NAME} is taken for ${OSTRUST_SYSTEM}: nobody has tried what comes of that")
endif()
set(OSTRUST_SYSTEM_VERIFIES ${${OSTRUST_SYSTEM}_verifies})
