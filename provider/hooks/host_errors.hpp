// Errors that a person sees.
//
// CPython, Ruby and others show only the reason text of an OpenSSL error, not its data. So what was
// tried goes into the reason text itself.
#pragma once

#include <string>

#include "provider/core.hpp"
#include "provider/host/symbols.hpp"

namespace ostrust::hooks {

/// Raises an error whose reason text is the text of `reason` followed by `detail`. Where that
/// cannot be (the host lacks the functions, or there were too many different texts already),
/// `detail` is the error's data.
void RaiseVisibly(const host::Symbols& symbols, const Core& core, Reason reason,
                  const std::string& detail);

/// For the catch block of a function that OpenSSL calls and whose failure it reports as it finds
/// the error queue: raises what the exception that is being handled was, with the sentence of a
/// platform::LackOfMeans as the error's data, and sets errno.
void RaiseException(const host::Symbols& symbols) noexcept;

}  // namespace ostrust::hooks
