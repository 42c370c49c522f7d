// Certificates to put into a store. Nobody verifies them.
#pragma once

#include "platform/bytes.hpp"

namespace ostrust::platform {

/// Three self-signed roots, different in everything.
Bytes FirstRoot();
Bytes SecondRoot();
/// With the extended key usage serverAuth in it.
Bytes RootForServers();

}  // namespace ostrust::platform
