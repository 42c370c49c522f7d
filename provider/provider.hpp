// What OpenSSL holds for one loaded provider: its provctx.
#pragma once

#include <memory>
#include <string>

#include "provider/hooks/binding.hpp"
#include "provider/provider_context.hpp"

namespace ostrust {

/// Made by OSSL_provider_init(), destroyed by the provider's teardown function.
struct ProviderHandle {
  std::shared_ptr<ProviderContext> context;
  hooks::Binding* binding;     // null when the libcrypto that loaded us cannot be told
  std::string why_no_binding;  // a sentence; empty with a binding
};

}  // namespace ostrust
