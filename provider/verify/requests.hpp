// What one verification may fetch: one deadline, so many requests, and no URL that failed lately.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "platform/bytes.hpp"
#include "provider/fetch/http_client.hpp"
#include "provider/host/symbols.hpp"
#include "provider/provider_context.hpp"

namespace ostrust::verify {

/// What is left of it, for everything one verification fetches: intermediates, CRLs, OCSP.
struct FetchBudget {
  int requests = 12;
  std::optional<fetch::HttpClient::Deadline> deadline;  // set by the first request
};

/// On the verification's thread. All that is passed outlives it.
class Requests {
 public:
  /// `asker`: all that decides what an answer is worth to this verification, above all the
  /// activation (ProviderContext::Id()) and the property query. That it was of no use to one says
  /// nothing to another.
  Requests(const host::Symbols& symbols, const ProviderContext& provider, std::string asker,
           FetchBudget& budget)
      : symbols_(symbols), provider_(provider), asker_(std::move(asker)), budget_(budget) {}

  /// What is wanted of one URL.
  struct Request {
    const std::string& url;
    /// "CRL", for one. For the negative cache: that an URL has none says nothing to who wants
    /// something else of it. In a certificate that nobody signed, anybody can name any URL.
    const char* kind;
    /// For the negative cache, too: this URL asked about this very certificate. What one URL
    /// answers can be useless for a forged certificate and right for a genuine one.
    const std::string& about;
    /// What to fetch if that is not `url`, which stands for the server.
    std::string fetch = {};
    std::size_t max_size = fetch::kMaxAnswer;
    /// Leaves half of the time that is left to another one.
    bool others_follow = false;
    /// Whether an answer is of the kind that is wanted at all, and what to say if not.
    std::function<bool(platform::ByteView)> is_wanted;
    const char* otherwise = "";
  };
  /// The answer; nullopt when there is none, or the URL is not asked now. Why is in Attempts().
  std::optional<platform::Bytes> Get(const Request& request);

  /// What the answer was good for. `why_not` is a clause; empty when it was what was needed.
  void Used(const Request& request, const std::string& why_not);

  /// The deadline has passed.
  bool TimeIsUp() const;
  /// When the time is up, for who waits for another. Begins to count with the first call.
  fetch::HttpClient::Deadline Deadline();

  void Note(const std::string& url, const std::string& why);
  /// Which URLs were asked in vain, and why, for a person; empty when none was.
  const std::string& Attempts() const { return attempts_; }

 private:
  /// What the negative cache is told: who may go inside has other failures than who may not.
  std::string Server(const Request& request) const;
  std::string Question(const Request& request) const;

  const host::Symbols& symbols_;
  const ProviderContext& provider_;
  const std::string asker_;
  FetchBudget& budget_;
  std::string attempts_;
};

}  // namespace ostrust::verify
