# Windows: certificate stores, and a verifier of its own. CONTRIBUTING.md says what a file like this one sets.
set(windows_platform_sources
  windows/certificate_stores.cpp
  windows/chain_status.cpp
  windows/chain_verifier.cpp
  windows/crypt32_chains.cpp
  windows/registry_changes.cpp
  windows/store_trust_source.cpp
  windows/system_bundle.cpp
  windows/trust_source.cpp
)
set(windows_host_sources file_windows.cpp image_pe.cpp process_windows.cpp wide.cpp)
set(windows_verifies ON)
