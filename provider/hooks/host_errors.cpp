#include "provider/hooks/host_errors.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <tuple>
#include <utility>

#include "platform/fork_safe_mutex.hpp"
#include "platform/live_trust_store.hpp"
#include "platform/made_once.hpp"

namespace ostrust::hooks {
namespace {

// OpenSSL keeps pointers to the texts until the process ends, so they are kept too, and there must
// not be ever more of them.
constexpr int kMaxTexts = 64;
// Above the fixed reasons of core.hpp.
constexpr int kFirstReason = 100;

/// The codes of the texts that were registered, by libcrypto and error library.
struct Codes {
  platform::ForkSafeMutex mutex{platform::mutex_rank::kErrors};
  std::map<std::tuple<const host::Symbols*, int, std::string>, int> by_text;
};
constinit platform::MadeOnce<Codes> process_codes;

/// A text registered as a reason of one error library.
struct Text {
  std::string text;
  ERR_STRING_DATA table[2] = {};
};

std::string FixedText(Reason reason) {
  for (const OSSL_ITEM* item = ReasonStrings(); item->id != 0; ++item) {
    if (item->id == static_cast<unsigned>(reason)) return static_cast<const char*>(item->ptr);
  }
  return "error";
}

/// The reason code for `text` in error library `lib`; 0 when there is no room.
int Register(const host::Symbols& symbols, int lib, std::string text) {
  Codes& codes = process_codes.Get();
  auto& known = codes.by_text;
  const std::lock_guard lock(codes.mutex);
  const auto found = known.find({&symbols, lib, text});
  if (found != known.end()) return found->second;
  if (known.size() >= kMaxTexts) return 0;
  const int code = kFirstReason + static_cast<int>(known.size());
  auto entry = std::make_unique<Text>();
  entry->text = text;
  entry->table[0] = {static_cast<unsigned long>(code), entry->text.c_str()};
  known.emplace(std::tuple(&symbols, lib, std::move(text)), code);
  symbols.ERR_load_strings(lib, entry.release()->table);
  return code;
}

}  // namespace

void RaiseVisibly(const host::Symbols& symbols, const Core& core, Reason reason,
                  const std::string& detail) {
  if (symbols.ERR_load_strings != nullptr && symbols.ERR_peek_last_error != nullptr) {
    // Which error library OpenSSL gave this provider is told by an error only.
    core.MarkErrors();
    core.RaiseError(reason, {});
    const int lib = ERR_GET_LIB(symbols.ERR_peek_last_error());
    core.DropErrorsToMark();
    const int code = Register(symbols, lib, FixedText(reason) + ": " + detail);
    if (code != 0) {
      core.RaiseError(static_cast<Reason>(code), {});
      return;
    }
  }
  core.RaiseError(reason, detail);
}

void RaiseException(const host::Symbols& symbols) noexcept {
  int reason = ERR_R_INTERNAL_ERROR;
  std::array<char, 512> text{};
  errno = 0;  // whatever failed before. CPython and others look at it first
  try {
    throw;
  } catch (const std::bad_alloc&) {
    reason = ERR_R_MALLOC_FAILURE;
    errno = ENOMEM;
  } catch (const platform::LackOfMeans& lack) {
    static_cast<void>(std::snprintf(text.data(), text.size(), "%s", lack.what()));
  } catch (...) {
  }
  if (symbols.ERR_new == nullptr || symbols.ERR_set_debug == nullptr ||
      symbols.ERR_set_error == nullptr) {
    return;
  }
  const int error = errno;
  symbols.ERR_new();
  symbols.ERR_set_debug("ostrust", 0, "ostrust");
  symbols.ERR_set_error(ERR_LIB_X509, reason, text[0] == '\0' ? nullptr : "%s", text.data());
  errno = error;
}

}  // namespace ostrust::hooks
