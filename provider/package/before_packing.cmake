# Run by cpack when what it packs is laid out. Folders that all can read, whatever the umask of the build is: it is not
# overruled by CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS (CMake 3.25).
file(CHMOD_RECURSE ${CPACK_TEMPORARY_DIRECTORY} DIRECTORY_PERMISSIONS
     OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
# The time of every file, also of one that is older than the commit: rpm makes no file newer.
if(NOT "$ENV{SOURCE_DATE_EPOCH}" STREQUAL "")
  execute_process(COMMAND find ${CPACK_TEMPORARY_DIRECTORY} -exec touch -hd @$ENV{SOURCE_DATE_EPOCH} {} +
                  COMMAND_ERROR_IS_FATAL ANY)
endif()
