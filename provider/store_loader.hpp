// Layer L0: the OSSL_OP_STORE loader for the scheme `os`, through the core's dispatch table alone,
// so that it works in every program that can load a provider.
//
//   openssl storeutl os://
#pragma once

#include <openssl/core.h>

namespace ostrust {

/// The answer to query_operation(OSSL_OP_STORE). The loader's provctx is a ProviderHandle
/// (provider.hpp).
const OSSL_ALGORITHM* StoreLoaderAlgorithms();

}  // namespace ostrust
