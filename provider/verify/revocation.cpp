#include "provider/verify/revocation.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

#include "platform/made_once.hpp"
#include "platform/revocation_filter.hpp"
#include "provider/host/dropped_errors.hpp"
#include "provider/host/x509_der.hpp"
#include "provider/verify/verification.hpp"

namespace ostrust::verify {
namespace {

using platform::Bytes;
using platform::ByteView;
using platform::Revocation;
using Clock = fetch::HttpClient::Deadline::clock;
using Status = RevocationStatus;

constinit platform::MadeOnce<RevocationMemo> process_memo;

void Append(std::string& text, const std::string& more) {
  if (!more.empty()) text += (text.empty() ? "" : "; ") + more;
}

/// What the store calls a list that was fetched from `url`: two CAs may name the same.
std::string ListName(const host::Symbols& symbols, const CertificateAndIssuer& certificate,
                     const std::string& url) {
  const ByteView issuer = host::DerOf(symbols, symbols.X509_get_issuer_name(certificate.x509));
  return url + " " + std::string(platform::AsText(issuer));
}

/// Of two cRLNumbers, the contents of INTEGERs that are not negative.
bool IsLess(ByteView a, ByteView b) {
  return a.size() != b.size() ? a.size() < b.size() : platform::AsText(a) < platform::AsText(b);
}

/// RFC 6960 appendix A.1.
std::string GetUrl(const host::Symbols& symbols, const std::string& responder, ByteView request) {
  std::string url = responder;
  if (url.back() != '/') url += '/';
  for (const char c : fetch::Base64(symbols, platform::AsText(request))) {
    switch (c) {
      case '+':
        url += "%2B";
        break;
      case '/':
        url += "%2F";
        break;
      case '=':
        url += "%3D";
        break;
      default:
        url += c;
    }
  }
  return url;
}

}  // namespace

const fetch::RevocationPointers& RevocationCheck::Certificate::Pointers() const {
  if (!pointers_) pointers_ = fetch::RevocationPointersOf(symbols_, x509);
  return *pointers_;
}

const Bytes& RevocationCheck::Certificate::Request() const {
  if (!request_) request_ = OcspRequest(symbols_, algorithms_, *this);
  return *request_;
}

RevocationCheck::RevocationCheck(const Setting& setting, X509_STORE_CTX* ctx,
                                 const platform::TrustStore& snapshot, StapledResponse stapled,
                                 FetchBudget& budget)
    : setting_(setting),
      symbols_(setting.symbols),
      store_(setting.provider.revocation()),
      ctx_(ctx),
      chain_(reinterpret_cast<const OPENSSL_STACK*>(symbols_.X509_STORE_CTX_get0_chain(ctx))),
      time_(TimeOf(symbols_, symbols_.X509_STORE_CTX_get0_param(ctx))),
      snapshot_(snapshot.Id()),
      algorithms_{setting.libctx, setting.propq},
      verifier_(std::to_string(setting.provider.Id()) + ' ' + setting.propq),
      distrusts_([&symbols = symbols_, &snapshot](const X509* x509) {
        return snapshot.TrustOf(host::DerOf(symbols, x509)).IsDistrusted();
      }),
      stapled_(std::move(stapled)),
      requests_(symbols_, setting.provider, Asker(), budget) {}

std::vector<Refusal> RevocationCheck::Refusals() {
  std::vector<Refusal> refusals;
  for (auto depth = static_cast<std::size_t>(symbols_.OPENSSL_sk_num(chain_)) - 1; depth-- > 0;) {
    if (auto refusal = RefusalOf(depth)) refusals.push_back(std::move(*refusal));
  }
  return refusals;
}

std::optional<Refusal> RevocationCheck::RefusalOf(std::size_t depth) {
  const auto at = [this](std::size_t index) {
    return static_cast<X509*>(symbols_.OPENSSL_sk_value(chain_, static_cast<int>(index)));
  };
  const Certificate certificate(symbols_, algorithms_, {at(depth), at(depth + 1)}, depth);
  const RevocationFinding stapled = depth == 0 ? Stapled(certificate) : RevocationFinding();
  RevocationFinding finding = stapled;
  bool renew = false;
  if (finding.status != Status::kRevoked) {
    Known known = KnownOf(certificate);
    if (known.finding.status != Status::kUnknown) {
      // What says "good" yields to whatever says "revoked".
      if (known.finding.status == Status::kRevoked || finding.status == Status::kUnknown) {
        finding = std::move(known.finding);
        renew = known.renew;
      }
    } else {
      Append(finding.why, known.finding.why);
    }
  }
  const bool unknown = finding.status == Status::kUnknown;
  if (setting_.may_fetch && stapled.status != Status::kRevoked &&
      (unknown || renew || LacksDelta(certificate))) {
    finding = Fetch(certificate, finding);
  }

  const Log& log = setting_.provider.log();
  const auto note = [&](LogLevel level, const std::string& text) {
    if (!log.Enabled(level)) return;
    log.Write(level, "revocation: " + Described(symbols_, certificate.x509, depth) + " is " + text);
  };
  if (finding.status == Status::kRevoked) {
    return Refusal{depth, X509_V_ERR_CERT_REVOKED, "revoked, says " + finding.why};
  }
  if (depth == 0 && stapled_.was_due && stapled.status == Status::kUnknown &&
      fetch::MustStaple(symbols_, certificate.x509)) {
    return Refusal{depth, X509_V_ERR_OCSP_VERIFY_NEEDED,
                   "valid only with a stapled OCSP response (RFC 7633), and the server sent " +
                       (stapled.why.empty() ? "none" : stapled.why)};
  }
  if (finding.status == Status::kGood) {
    note(LogLevel::kDebug, "not revoked, says " + finding.why);
    return std::nullopt;
  }
  if (!setting_.may_fetch && setting_.mode != Revocation::kLocal) {
    Append(finding.why, setting_.why_not);
  }
  if (finding.why.empty()) finding.why = "it names no CRL and no OCSP responder";
  const std::string sentence = "of unknown revocation status: " + finding.why;
  if (setting_.mode == Revocation::kHard) {
    return Refusal{depth, X509_V_ERR_UNABLE_TO_GET_CRL, sentence};
  }
  note(setting_.mode == Revocation::kSoft ? LogLevel::kInfo : LogLevel::kDebug, sentence);
  return std::nullopt;
}

OcspStatus RevocationCheck::ReadResponse(ByteView response, const Certificate& certificate,
                                         const VerificationTime& time) const {
  return ReadOcspResponse(symbols_, algorithms_, response, certificate, time, distrusts_);
}

RevocationFinding RevocationCheck::Stapled(const Certificate& certificate) const {
  if (!stapled_.response) return {};
  const auto read = [&]() -> Known {
    RevocationFinding finding = ReadResponse(*stapled_.response, certificate, time_).finding;
    if (finding.status != Status::kUnknown) {
      finding.why = "the OCSP response that the server stapled";
    }
    return {std::move(finding), false};
  };
  return Remembered(certificate, *stapled_.response, read).finding;
}

RevocationCheck::Known RevocationCheck::KnownOf(const Certificate& certificate) const {
  return Remembered(certificate, {}, [&] { return LookUp(certificate); });
}

template <typename Find>
RevocationCheck::Known RevocationCheck::Remembered(const Certificate& certificate, ByteView stapled,
                                                   const Find& find) const {
  const auto key = MemoKey(certificate, stapled);
  if (!key) return find();
  if (auto entry = process_memo.Get().Find(*key, setting_.provider.config().refresh, time_.now)) {
    return {entry->finding, entry->renew};
  }
  Known known = find();
  process_memo.Get().Put(*key, {known.finding, known.renew});
  return known;
}

std::string RevocationCheck::Asker() const {
  return std::to_string(time_.auth_level) + ' ' + std::to_string(time_.strictness) + ' ' +
         verifier_ + '\0';
}

std::optional<RevocationMemo::Key> RevocationCheck::MemoKey(const Certificate& certificate,
                                                            ByteView stapled) const {
  if (time_.is_given || !time_.matters) return std::nullopt;
  // The activation stands for its configuration, too. The filters are asked about a leaf only.
  std::string text = Asker() + ' ' + NameOf(setting_.mode) + ' ' + std::to_string(snapshot_) +
                     (certificate.depth == 0 ? " leaf" : "") + '\0';
  text += platform::AsText(host::DerOf(symbols_, certificate.x509));
  text += platform::AsText(host::DerOf(symbols_, certificate.issuer));
  text += platform::AsText(stapled);
  RevocationMemo::Key key{};
  // It fails where the default library context has no provider, or memory is short.
  const host::DroppedErrors dropped(symbols_);
  if (symbols_.SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                      key.data()) == nullptr) {
    return std::nullopt;
  }
  return key;
}

RevocationCheck::Known RevocationCheck::LookUp(const Certificate& certificate) const {
  if (certificate.Pointers().none_available) {
    return {{Status::kGood, "the certificate itself (noRevAvail)"}, false};
  }
  Known known;
  bool due = false;
  ListFinding found = Check(certificate, ListsFor(certificate, due));
  if (!found.bad.empty()) {
    // An index that was damaged is made again.
    bool again = false;
    for (const ListPtr& list : found.bad) again |= store_.Discard(list, verifier_);
    if (again) found = Check(certificate, ListsFor(certificate, due));
  }
  if (found.status == Status::kRevoked) {
    found.why = OriginOf(certificate, found.accepted);
    return {std::move(found), false};
  }
  bool good_for_long = false;
  if (found.status == Status::kGood) {
    good_for_long = !due;
    known.finding = std::move(found);
  } else {
    Append(known.finding.why, found.why);
  }

  const auto take = [&](RevocationFinding&& other) {
    if (known.finding.status == Status::kUnknown) known.finding = std::move(other);
  };
  for (const Bytes& response : store_.Responses(platform::AsText(certificate.Request()))) {
    OcspStatus status = ReadResponse(response, certificate, time_);
    if (status.finding.status == Status::kRevoked) return {std::move(status.finding), false};
    if (!status.IsDefinite()) continue;
    if (!IsDue(status.this_update, status.valid_until)) good_for_long = true;
    take(std::move(status.finding));
  }
  if (certificate.depth == 0) {
    RevocationFinding filtered = Filter(certificate);
    if (filtered.status == Status::kRevoked) return {std::move(filtered), false};
    // How old its data is cannot be asked, so that it is no proof where there is a way to one.
    if (filtered.status == Status::kGood && setting_.mode == Revocation::kLocal) {
      take(std::move(filtered));
    } else if (known.finding.status == Status::kUnknown) {
      Append(known.finding.why, filtered.why);
    }
  }
  known.renew = known.finding.status == Status::kGood && !good_for_long;
  return known;
}

RevocationFinding RevocationCheck::Filter(const Certificate& certificate) const {
  std::string why;
  const platform::RevocationFilter* const filter = platform::SystemRevocationFilter(why);
  if (filter == nullptr) return {};  // most machines have none, which is no news
  const Bytes leaf = host::DerOf(symbols_, certificate.x509);
  const Bytes issuer = host::DerOf(symbols_, certificate.issuer);
  switch (filter->Check(std::array<ByteView, 2>{leaf, issuer}, why)) {
    case platform::FilterAnswer::kRevoked:
      return {Status::kRevoked, "CRLite"};
    case platform::FilterAnswer::kNotRevoked:
      return {Status::kGood, "CRLite, of unknown age"};
    case platform::FilterAnswer::kNotCovered:
      break;
  }
  return {Status::kUnknown, "CRLite: " + why};
}

std::vector<ListPtr> RevocationCheck::ListsFor(const Certificate& certificate, bool& due) const {
  std::vector<ListPtr> lists;
  const auto add = [&lists](std::vector<ListPtr>&& more) {
    lists.insert(lists.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
  };
  add(store_.InDirectories(host::DerOf(symbols_, symbols_.X509_get_issuer_name(certificate.x509)),
                           verifier_));
  for (const Bytes& issuer : certificate.Pointers().list_issuers) {
    add(store_.InDirectories(issuer, verifier_));
  }
  // An administrator's lists are his to renew.
  const bool have_own = !lists.empty();
  for (const auto* const urls : {&certificate.Pointers().lists, &certificate.Pointers().deltas}) {
    for (const std::string& url : *urls) {
      auto fetched = store_.Fetched(ListName(symbols_, certificate, url), verifier_);
      due |= !have_own && !fetched.empty() && !HasCurrent(fetched);
      add(std::move(fetched));
    }
  }
  return lists;
}

std::string RevocationCheck::OriginOf(const Certificate& certificate,
                                      const std::vector<ListPtr>& lists) const {
  // A list that is read again is another object.
  const auto is_among = [&lists](const std::vector<ListPtr>& others) {
    return std::any_of(others.begin(), others.end(), [&lists](const ListPtr& other) {
      return std::any_of(lists.begin(), lists.end(), [&other](const ListPtr& list) {
        return list == other ||
               (list->ThisUpdate() == other->ThisUpdate() &&
                platform::AsText(list->Number()) == platform::AsText(other->Number()) &&
                platform::AsText(list->Issuer()) == platform::AsText(other->Issuer()));
      });
    });
  };
  for (const auto* const urls : {&certificate.Pointers().lists, &certificate.Pointers().deltas}) {
    for (const std::string& url : *urls) {
      if (is_among(store_.Fetched(ListName(symbols_, certificate, url), verifier_)))
        return "the CRL of " + url;
    }
  }
  return "a CRL beside the system's certificates";
}

ListFinding RevocationCheck::Check(const Certificate& certificate,
                                   const std::vector<ListPtr>& lists) const {
  const ListQuestion question{
      symbols_,       setting_.openssls, setting_.libctx,
      setting_.propq, verifier_,         ctx_,
      time_,          distrusts_,        setting_.mode == Revocation::kHard};
  ListFinding finding = CheckLists(question, certificate.depth, lists);
  const auto is_delta = [](const ListPtr& list) { return list->IsDelta(); };
  if (finding.status != Status::kUnknown || std::none_of(lists.begin(), lists.end(), is_delta)) {
    return finding;
  }
  // A delta that is of no use must not take back what its base says.
  std::vector<ListPtr> bases = lists;
  std::erase_if(bases, is_delta);
  ListFinding without_deltas = CheckLists(question, certificate.depth, bases);
  return without_deltas.status == Status::kRevoked ? without_deltas : finding;
}

std::vector<ListPtr> RevocationCheck::UsableOf(const Certificate& certificate,
                                               const std::vector<ListPtr>& lists,
                                               std::string* why_not) const {
  const auto holds = [](const std::vector<ListPtr>& some, const ListPtr& list) {
    return std::find(some.begin(), some.end(), list) != some.end();
  };
  const auto is_delta = [](const ListPtr& list) { return list->IsDelta(); };
  // A delta is of use only with what it is the delta to.
  std::vector<ListPtr> bases;
  if (std::any_of(lists.begin(), lists.end(), is_delta)) {
    bool ignored = false;
    bases = ListsFor(certificate, ignored);
    std::erase_if(bases, is_delta);
  }
  std::vector<ListPtr> all = lists;
  all.insert(all.end(), bases.begin(), bases.end());
  const ListFinding found = Check(certificate, all);
  std::vector<ListPtr> usable;
  for (const ListPtr& list : lists) {
    // A delta that says nothing new, because the base is as new, is there all the same.
    const auto includes_it = [&](const ListPtr& base) {
      return holds(found.accepted, base) && !IsLess(base->Number(), list->Number());
    };
    if (holds(found.accepted, list) || (is_delta(list) && holds(found.of_chain, list) &&
                                        std::any_of(bases.begin(), bases.end(), includes_it))) {
      usable.push_back(list);
    }
  }
  if (why_not != nullptr) {
    *why_not = found.why.empty() ? "a CRL of no use for this certificate" : found.why;
  }
  return usable;
}

RevocationFinding RevocationCheck::Fetch(const Certificate& certificate,
                                         const RevocationFinding& known) {
  const fetch::RevocationPointers& pointers = certificate.Pointers();
  const bool wait = known.status == Status::kUnknown;
  // Lists first: whoever sends one does not learn which certificate it was fetched for.
  Known now;
  bool changed = false;
  const auto is_enough = [&] { return now.finding.status != Status::kUnknown && !now.renew; };
  for (std::size_t i = 0; i < pointers.lists.size() && !is_enough(); ++i) {
    const bool others_follow = i + 1 < pointers.lists.size() || !pointers.responders.empty();
    if (!FetchList(certificate, pointers.lists[i], others_follow, wait)) continue;
    now = LookUp(certificate);
    changed = true;
  }
  // Also where the list says "revoked": it may be a hold that was ended since.
  for (const std::string& url : pointers.deltas) {
    if (!FetchList(certificate, url, !pointers.responders.empty(), wait)) continue;
    now = LookUp(certificate);
    changed = true;
  }
  for (std::size_t i = 0; i < pointers.responders.size() && !is_enough(); ++i) {
    const bool others_follow = i + 1 < pointers.responders.size();
    if (!FetchResponse(certificate, pointers.responders[i], others_follow, wait)) continue;
    now = LookUp(certificate);
    changed = true;
  }
  if (changed) {
    if (const auto key = MemoKey(certificate, {})) {
      process_memo.Get().Put(*key, {now.finding, now.renew});
    }
  }
  if (now.finding.status != Status::kUnknown) return now.finding;
  if (known.status != Status::kUnknown) return known;
  RevocationFinding unknown = known;
  Append(unknown.why, requests_.Attempts());
  return unknown;
}

bool RevocationCheck::LacksDelta(const Certificate& certificate) const {
  const auto& deltas = certificate.Pointers().deltas;
  return std::any_of(deltas.begin(), deltas.end(),
                     [&](const std::string& url) { return !HasCurrentOf(certificate, url); });
}

bool RevocationCheck::HasCurrentOf(const Certificate& certificate, const std::string& url) const {
  return HasCurrent(UsableOf(
      certificate, store_.Fetched(ListName(symbols_, certificate, url), verifier_), nullptr));
}

bool RevocationCheck::FetchList(const Certificate& certificate, const std::string& url,
                                bool others_follow, bool wait) {
  const auto is_there = [&] { return HasCurrentOf(certificate, url); };
  const auto turn = TakeTurn(url, is_there, wait);
  if (turn == nullptr) return is_there();

  ListPtr list;
  const std::string about = url + " " + std::string(platform::AsText(certificate.Request()));
  const Requests::Request request = {.url = url,
                                     .kind = "CRL",
                                     .about = about,
                                     .max_size = platform::kMaxRevocationList,
                                     .others_follow = others_follow,
                                     .is_wanted =
                                         [&list](ByteView answer) {
                                           list = platform::RevocationList::FromDer(answer);
                                           return list != nullptr;
                                         },
                                     .otherwise = "not a CRL in DER"};
  if (!requests_.Get(request)) return false;
  std::string why_not;
  if (!list->NextUpdate()) {
    why_not = "a CRL without nextUpdate, which could be any old one";
  } else if (!time_.IsWithin(list->ThisUpdate(), list->NextUpdate())) {
    why_not = time_.now < list->ThisUpdate() ? "a CRL of the future" : "a CRL that has expired";
  } else {
    // A genuine list of the same CA, but of another scope, is kept for nobody.
    std::string why;
    if (UsableOf(certificate, {list}, &why).empty()) why_not = why;
  }
  NoteUse(request, why_not);
  if (!why_not.empty()) return false;
  LogFetched(url, store_.Keep(ListName(symbols_, certificate, url), list));
  return true;
}

bool RevocationCheck::FetchResponse(const Certificate& certificate, const std::string& responder,
                                    bool others_follow, bool wait) {
  const auto name = platform::AsText(certificate.Request());
  const auto newest = [&](const VerificationTime& time) {
    OcspStatus best;
    for (const Bytes& response : store_.Responses(name)) {
      OcspStatus status = ReadResponse(response, certificate, time);
      if (status.IsDefinite() && status.this_update >= best.this_update) best = std::move(status);
    }
    return best;
  };
  const auto is_there = [&] {
    const OcspStatus status = newest(time_);
    return status.IsDefinite() && !IsDue(status.this_update, status.valid_until);
  };
  if (certificate.Request().empty()) return false;
  const std::string about = responder + " " + std::string(name);
  const auto turn = TakeTurn(about, is_there, wait);
  if (turn == nullptr) return is_there();

  const std::string url = GetUrl(symbols_, responder, certificate.Request());
  Bytes response;
  const Requests::Request request = {.url = responder,
                                     .kind = "OCSP",
                                     .about = about,
                                     .fetch = url,
                                     .others_follow = others_follow,
                                     .is_wanted =
                                         [&response](ByteView answer) {
                                           response.assign(answer.begin(), answer.end());
                                           return true;
                                         },
                                     .otherwise = ""};
  if (!requests_.Get(request)) return false;
  OcspStatus status = ReadResponse(response, certificate, time_);
  // Nor after one that has expired by now may an older one be believed.
  VerificationTime any_time = time_;
  any_time.matters = false;
  if (status.IsDefinite() && status.this_update < newest(any_time).this_update) {
    status.finding = {Status::kUnknown, "an OCSP response older than one that was seen"};
  }
  NoteUse(request, status.IsDefinite() ? std::string() : status.finding.why);
  if (!status.IsDefinite()) return false;
  LogFetched(responder, store_.KeepResponse(name, response, status.has_next_update));
  return true;
}

template <typename IsThere>
std::unique_ptr<platform::RevocationStore::Turn> RevocationCheck::TakeTurn(const std::string& what,
                                                                           const IsThere& is_there,
                                                                           bool wait) {
  constexpr auto kPause = std::chrono::milliseconds(50);
  for (;;) {
    // Whoever was faster may have just ended.
    if (auto turn = store_.TakeTurn(what)) return is_there() ? nullptr : std::move(turn);
    if (!wait) return nullptr;
    if (Clock::now() + kPause >= requests_.Deadline()) {
      requests_.Note(what.substr(0, what.find(' ')), "somebody else is fetching it");
      return nullptr;
    }
    std::this_thread::sleep_for(kPause);
  }
}

bool RevocationCheck::HasCurrent(const std::vector<ListPtr>& lists) const {
  return std::any_of(lists.begin(), lists.end(), [this](const ListPtr& list) {
    return list->NextUpdate() && time_.IsWithin(list->ThisUpdate(), list->NextUpdate()) &&
           !IsDue(list->ThisUpdate(), *list->NextUpdate());
  });
}

bool RevocationCheck::IsDue(std::int64_t from, std::int64_t until) const {
  // In the last quarter of its life, so that there is time to fail and try again.
  return !time_.is_given && time_.now > until - (until - from) / 4;
}

void RevocationCheck::NoteUse(const Requests::Request& request, const std::string& why_not) {
  // That it is of no use at another time says nothing to those who ask now.
  if (time_.is_given && !why_not.empty()) {
    requests_.Note(request.url, why_not);
  } else {
    requests_.Used(request, why_not);
  }
}

void RevocationCheck::LogFetched(const std::string& url, const std::string& why_not_kept) const {
  std::string text = "revocation: fetched from " + url;
  if (!why_not_kept.empty()) text += "; it is kept in memory only: " + why_not_kept;
  setting_.provider.log().Write(LogLevel::kInfo, text);
}

std::vector<Refusal> RevocationRefusals(const RevocationCheck::Setting& setting,
                                        X509_STORE_CTX* ctx, const platform::TrustStore& snapshot,
                                        StapledResponse stapled, FetchBudget& budget) {
  return RevocationCheck(setting, ctx, snapshot, std::move(stapled), budget).Refusals();
}

}  // namespace ostrust::verify
