#include "provider/verify/system_completion.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "provider/verify/revocation_status.hpp"

namespace ostrust::verify {
namespace {

using platform::Bytes;
using platform::ByteView;

class SystemCompletion final : public PathCompletion {
 public:
  SystemCompletion(const CompletionSetting& setting, const platform::ChainVerifier& verifier,
                   const platform::TrustStore& snapshot, Role role)
      : PathCompletion(setting), verifier_(verifier), snapshot_(snapshot), role_(std::move(role)) {}

 private:
  const std::string& Attempts() const override { return attempts_; }
  bool Search() override;
  bool SelfSignedMayBeTrusted() const override { return true; }
  bool TakeIntermediates(const std::vector<Bytes>& sent, const std::vector<Bytes>& chain);
  bool TakeRoot(const Bytes& root);

  const platform::ChainVerifier& verifier_;
  const platform::TrustStore& snapshot_;
  const Role role_;
  std::string attempts_;
};

bool SystemCompletion::Search() {
  std::vector<Bytes> sent = {host::DerOf(symbols_, path_.front())};
  const int count = untrusted_ == nullptr ? 0 : symbols_.OPENSSL_sk_num(untrusted_);
  for (int i = 0; i < count; ++i) {
    Bytes der = host::DerOf(symbols_, static_cast<X509*>(symbols_.OPENSSL_sk_value(untrusted_, i)));
    if (std::find(sent.begin(), sent.end(), der) == sent.end()) sent.push_back(std::move(der));
  }
  const std::vector<ByteView> views(sent.begin(), sent.end());
  platform::ChainQuestion question;
  question.chain = views;
  question.purpose = platform::Purpose::kServerAuth;
  question.name = WantedName(symbols_, ctx_);
  question.time = TimeOf(symbols_, param_).now;
  question.network = role_.network;
  question.stapled_response = role_.stapled_response;
  question.store_id = snapshot_.Id();

  const platform::ChainVerdict verdict = verifier_.Verify(question);
  if (verdict.error != platform::ChainError::kNone) {
    attempts_ = "the operating system accepts no chain either: " + verdict.detail;
    return false;
  }
  if (verdict.chain.size() < 2 || verdict.chain.size() > max_path_ + 1 ||
      verdict.chain.front() != sent.front()) {
    attempts_ = "the operating system names no chain that could be used";
    return false;
  }
  return TakeIntermediates(sent, verdict.chain) && TakeRoot(verdict.chain.back());
}

bool SystemCompletion::TakeIntermediates(const std::vector<Bytes>& sent,
                                         const std::vector<Bytes>& chain) {
  for (std::size_t i = 1; i + 1 < chain.size(); ++i) {
    if (std::find(sent.begin(), sent.end(), chain[i]) != sent.end()) continue;
    if (role_.network.intermediates == platform::Intermediates::kOff) {
      attempts_ = "the operating system has it, but intermediates = off";
      return false;
    }
    host::X509Ptr x509 = host::ParseX509(symbols_, setting_.libctx, setting_.propq, chain[i]);
    if (x509 == nullptr || IsSelfSigned(x509.get())) {
      attempts_ = "the operating system's chain holds what is no intermediate";
      return false;
    }
    found_.push_back(std::move(x509));
  }
  return true;
}

bool SystemCompletion::TakeRoot(const Bytes& root) {
  const platform::CertificateTrust trust = snapshot_.TrustOf(root);
  if (trust.IsDistrusted()) {
    attempts_ = "the operating system's chain ends in what it distrusts";
    return false;
  }
  if (trust.IsAnchor()) return true;
  const host::X509Ptr x509 = host::ParseX509(symbols_, setting_.libctx, setting_.propq, root);
  if (x509 == nullptr || !IsSelfSigned(x509.get())) {
    attempts_ = "the operating system's chain ends in what is no root";
    return false;
  }
  system_anchor_ = root;
  return true;
}

}  // namespace

std::unique_ptr<PathCompletion> MakeSystemCompletion(const CompletionSetting& setting,
                                                     const platform::ChainVerifier& verifier,
                                                     const platform::TrustStore& snapshot,
                                                     Role role) {
  return std::make_unique<SystemCompletion>(setting, verifier, snapshot, std::move(role));
}

}  // namespace ostrust::verify
