# macOS: a list of certificates, and a verifier of its own. CONTRIBUTING.md says what a file like this one sets.
set(macos_platform_sources
  macos/chain_verifier.cpp
  macos/fork_detection.cpp
  macos/system_bundle.cpp
  macos/trust_notifications.cpp
  macos/trust_settings_source.cpp
  macos/trust_source.cpp
  macos/trust_status.cpp
  macos/usage_constraints.cpp
)
set(macos_host_sources
  file_posix.cpp image_posix.cpp process_posix.cpp image_mach_o.cpp process_macos.cpp)
set(macos_verifies ON)
