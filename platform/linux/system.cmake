# Linux: a list of certificates in files, which ostrust completes and judges itself. CONTRIBUTING.md says what a
# file like this one sets.

# What every Unix without a verifier of its own takes as it is.
set(posix_platform_sources
  policy_trust_store.cpp
  revocation_list.cpp
  revocation_list_reader.cpp
  linux/cache_directory.cpp
  linux/chain_verifier.cpp
  linux/file_io.cpp
  linux/file_lock.cpp
  linux/file_stamp.cpp
  linux/file_trust_source.cpp
  linux/hashed_directory.cpp
  linux/intermediate_cache.cpp
  linux/intermediate_files.cpp
  linux/layered_trust_store.cpp
  linux/name_resolution.cpp
  linux/network_address.cpp
  linux/p11_kit_configuration.cpp
  linux/p11_kit_module.cpp
  linux/p11_kit_trust_source.cpp
  linux/policy_cache.cpp
  linux/revocation_files.cpp
  linux/revocation_store.cpp
  linux/system_bundle.cpp
  linux/system_trust_source.cpp
  linux/tcp_connection.cpp
  linux/upki.cpp
)
set(posix_host_sources file_posix.cpp image_posix.cpp process_posix.cpp)

set(linux_platform_sources ${posix_platform_sources} linux/locations.cpp linux/trust_source.cpp)
set(linux_host_sources ${posix_host_sources} image_elf.cpp process_elf.cpp)
set(linux_verifies OFF)
