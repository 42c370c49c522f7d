// Bundle files that are not the system's, but are to be served from the system's store instead: the
// copies of Mozilla's list that Python packages carry (key `replace-bundles`).
//
// Only a file that is a public bundle is replaced. One that somebody narrowed to a private CA is a
// pin, and stays one.
#pragma once

#include <string>

#include "provider/host/symbols.hpp"
#include "provider/provider_context.hpp"

namespace ostrust::hooks {

/// Whether the file `path`, which a program is about to load, is to be served from the system's
/// store: it matches a pattern of the configuration, and it is a public bundle. Looks into a file
/// once for each path, time of modification and size. Logs what it decides, and what a replaced
/// file holds that the system does not trust. Thread-safe; keeps errno; may throw std::bad_alloc.
bool IsReplacedBundle(const host::Symbols& symbols, const ProviderContext& context,
                      const std::string& path);

/// Whether a bundle of `certificates` certificates, `anchors` of which the system trusts, is a
/// public one: 50 or more, and at least nine in ten of them the system's.
constexpr bool IsPublicBundle(std::size_t certificates, std::size_t anchors) {
  return certificates >= 50 && anchors * 10 >= certificates * 9;
}

}  // namespace ostrust::hooks
