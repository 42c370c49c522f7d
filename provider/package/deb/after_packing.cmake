# Run by cpack when its packages are made: each is made again by dpkg-deb. CPack (3.25) puts the umask into the modes of what
# a package is made of, and of debug information, whose md5sums also name the folder of the build.
get_filename_component(here ${CMAKE_CURRENT_LIST_FILE} DIRECTORY)
foreach(file IN LISTS CPACK_PACKAGE_FILES)
  execute_process(COMMAND sh ${here}/repack ${file} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
