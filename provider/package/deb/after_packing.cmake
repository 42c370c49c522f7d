# Run by cpack when its packages are made. That of the debug information is made again: CPack (3.25) gives it modes as the
# umask says, and names the folder of the build in its md5sums.
get_filename_component(here ${CMAKE_CURRENT_LIST_FILE} DIRECTORY)
foreach(file IN LISTS CPACK_PACKAGE_FILES)
  if(file MATCHES "-dbgsym_[^/]*$")
    execute_process(COMMAND sh ${here}/repack ${file} COMMAND_ERROR_IS_FATAL ANY)
  endif()
endforeach()
