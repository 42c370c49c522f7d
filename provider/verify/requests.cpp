#include "provider/verify/requests.hpp"

#include "platform/tcp_connection.hpp"

namespace ostrust::verify {
namespace {

using Clock = fetch::HttpClient::Deadline::clock;

// What an answer is worth depends on the library context that judges it, and another process knows
// none of this one's.
constexpr auto kJudgement = platform::IntermediateCache::Concerns::kThisProcess;

constexpr std::size_t kMaxAttempts = 4096;  // characters about what was asked in vain

}  // namespace

std::optional<platform::Bytes> Requests::Get(const Request& request) {
  platform::IntermediateCache& cache = provider_.intermediates();
  if (cache.FailedLately(Server(request)) || cache.FailedLately(Question(request), kJudgement)) {
    Note(request.url, "failed lately and is not asked again yet");
    return std::nullopt;
  }
  const auto now = Clock::now();
  const auto deadline = Deadline();
  if (budget_.requests <= 0 || TimeIsUp()) {
    Note(request.url, "not asked, because others took too long");
    return std::nullopt;
  }
  --budget_.requests;
  // One that does not answer leaves time for the next.
  const auto until = request.others_follow ? now + (deadline - now) / 2 : deadline;
  std::string why;
  const fetch::HttpClient client(symbols_, provider_.config().network_allow_private);
  auto answer =
      client.Get(request.fetch.empty() ? request.url : request.fetch, until, request.max_size, why);
  if (answer && request.is_wanted(*answer)) {
    cache.NoteSuccess(Server(request));
    return answer;
  }
  // The peer chose what was asked before. That this one was not answered in the time which that
  // left, or was not asked at all, must not keep others from asking it.
  const bool had_time = 3 * (until - now) >= provider_.config().network.timeout;
  if ((had_time || Clock::now() < until) && !platform::TcpConnection::ResolverIsStuck()) {
    cache.NoteFailure(Server(request));
  }
  Note(request.url, answer ? request.otherwise : why);
  return std::nullopt;
}

void Requests::Used(const Request& request, const std::string& why_not) {
  platform::IntermediateCache& cache = provider_.intermediates();
  if (why_not.empty()) {
    cache.NoteSuccess(Question(request), kJudgement);
  } else {
    cache.NoteFailure(Question(request), kJudgement);
    Note(request.url, why_not);
  }
}

std::string Requests::Server(const Request& request) const {
  return request.url + ' ' + request.kind +
         (provider_.config().network_allow_private ? "" : " outside");
}

std::string Requests::Question(const Request& request) const {
  return request.about + ' ' + asker_;
}

bool Requests::TimeIsUp() const {
  return budget_.deadline && Clock::now() >= *budget_.deadline;
}

fetch::HttpClient::Deadline Requests::Deadline() {
  if (!budget_.deadline) budget_.deadline = Clock::now() + provider_.config().network.timeout;
  return *budget_.deadline;
}

void Requests::Note(const std::string& url, const std::string& why) {
  if (attempts_.size() < kMaxAttempts)
    attempts_ += (attempts_.empty() ? "" : "; ") + url + ": " + why;
}

}  // namespace ostrust::verify
