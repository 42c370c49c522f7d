// A certificate as `ostrust explain` shows it, read by a libcrypto.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "provider/tool/explain_libraries.hpp"
#include "provider/tool/explanation.hpp"

namespace ostrust::tool {

using X509Ptr = std::unique_ptr<X509, decltype(Verifier::X509_free)>;

/// What is in the DER of a certificate. What cannot be read stays empty. Leaves no error in the
/// error queue.
ChainCertificate Describe(const Verifier& crypto, const std::string& der);

/// Null when it is no certificate.
X509Ptr Parse(const Verifier& crypto, const std::string& der);
std::string DerOf(const Verifier& crypto, const X509* x509);

/// The certificates of a file: PEM, or one in DER. Nullopt, with a sentence in `why`, when there is
/// none, or one of them cannot be read.
std::optional<std::vector<X509Ptr>> ParseFile(const Verifier& crypto, const std::string& content,
                                              std::string& why);

}  // namespace ostrust::tool
