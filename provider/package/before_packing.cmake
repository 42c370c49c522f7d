# Run by cpack when what it packs is laid out. Folders that all can read, whatever the umask of the build is: it is not
# overruled by CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS (CMake 3.25).
file(CHMOD_RECURSE ${CPACK_TEMPORARY_DIRECTORY} DIRECTORY_PERMISSIONS
     OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
