#include "provider/host/method_table.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <string_view>

namespace ostrust::host {
namespace {

using Word = void*;

// The members of struct x509_lookup_method_st, in words.
enum Member : std::size_t {
  kName,
  kNewItem,
  kFree,
  kInit,
  kShutdown,
  kCtrl,
  kGetBySubject,
  kGetByIssuerSerial,
  kGetByFingerprint,
  kGetByAlias,
  kGetBySubjectEx,  // no public setter or getter from here on
  kCtrlEx,
  kMemberCount,
};
constexpr std::size_t kTableSize = kMemberCount * sizeof(Word);

// The names OpenSSL gave its methods: 3.0 to 3.6, and 4.0 for the store.
constexpr std::array<std::string_view, 4> kBuiltInNames = {
    "Load file into cache",
    "Load certs from files in a directory",
    "Load certs from STORE URIs",
    "Load certificates and CRLs from OSSL_STORE URIs",
};

/// Sets `slot` to `desired`, in one, if it is `expected`.
bool Exchange(Word& slot, Word expected, Word desired) {
#ifdef __cpp_lib_atomic_ref
  return std::atomic_ref<Word>(slot).compare_exchange_strong(expected, desired);
#else  // libc++ before 19; its compilers have the builtin
  return __atomic_compare_exchange_n(&slot, &expected, desired, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST);
#endif
}

using Table = std::array<Word, kMemberCount>;

Table ReadTable(const X509_LOOKUP_METHOD* method) {
  Table table;
  std::memcpy(table.data(), method, kTableSize);
  return table;
}

template <typename Function>
Word AsWord(Function function) {
  return reinterpret_cast<Word>(function);
}

/// What the public getters say, at the places where we believe the members are.
Table ReadThroughGetters(const Symbols& symbols, const X509_LOOKUP_METHOD* method) {
  Table table{};
  table[kNewItem] = AsWord(symbols.X509_LOOKUP_meth_get_new_item(method));
  table[kFree] = AsWord(symbols.X509_LOOKUP_meth_get_free(method));
  table[kInit] = AsWord(symbols.X509_LOOKUP_meth_get_init(method));
  table[kShutdown] = AsWord(symbols.X509_LOOKUP_meth_get_shutdown(method));
  table[kCtrl] = AsWord(symbols.X509_LOOKUP_meth_get_ctrl(method));
  table[kGetBySubject] = AsWord(symbols.X509_LOOKUP_meth_get_get_by_subject(method));
  table[kGetByIssuerSerial] = AsWord(symbols.X509_LOOKUP_meth_get_get_by_issuer_serial(method));
  table[kGetByFingerprint] = AsWord(symbols.X509_LOOKUP_meth_get_get_by_fingerprint(method));
  table[kGetByAlias] = AsWord(symbols.X509_LOOKUP_meth_get_get_by_alias(method));
  return table;
}

bool GettersAgree(const Symbols& symbols, const X509_LOOKUP_METHOD* method, const Table& table) {
  const Table said = ReadThroughGetters(symbols, method);
  for (std::size_t i = kNewItem; i <= kGetByAlias; ++i) {
    if (said[i] != table[i]) return false;
  }
  return true;
}

/// Whether `name` is `known`. Looks at no byte behind the first that differs: a name that is not
/// OpenSSL's may be shorter.
bool IsName(const MemoryJudge& memory, const char* name, std::string_view known) {
  for (std::size_t i = 0; i <= known.size(); ++i) {
    const char expected = i < known.size() ? known[i] : '\0';
    if (!memory.IsData(name + i, 1) || name[i] != expected) return false;
  }
  return true;
}

bool HasBuiltInName(const MemoryJudge& memory, const char* name) {
  return name != nullptr &&
         std::any_of(kBuiltInNames.begin(), kBuiltInNames.end(),
                     [&](std::string_view known) { return IsName(memory, name, known); });
}

/// The checks that both hooks share. Fills `table` with what is there.
std::string CheckBuiltIn(const Symbols& symbols, const MemoryJudge& memory,
                         const X509_LOOKUP_METHOD* method, Table& table) {
  if (method == nullptr || reinterpret_cast<std::uintptr_t>(method) % alignof(Word) != 0 ||
      !memory.IsData(method, kTableSize)) {
    return "the lookup method does not lie in the library's data";
  }
  table = ReadTable(method);
  if (!HasBuiltInName(memory, static_cast<const char*>(table[kName]))) {
    return "the lookup method does not bear a name of OpenSSL's";
  }
  if (!GettersAgree(symbols, method, table)) {
    return "the lookup method's members are not where they are expected";
  }
  for (std::size_t i = kNewItem; i < kMemberCount; ++i) {
    if (table[i] != nullptr && !memory.IsCode(table[i])) {
      return "the lookup method points outside the library: another module may have hooked it";
    }
  }
  if (!memory.IsWritableData(method, kTableSize)) {
    return "the lookup method is in memory that cannot be written";
  }
  return {};
}

// Addresses that nothing else has, one for each member; never called.
constinit char marks[kMemberCount] = {};

}  // namespace

std::string CheckMethodLayout(const Symbols& symbols) {
  const unsigned major = symbols.OPENSSL_version_major();
  if (major != 3 && major != 4) {
    return "OpenSSL " + std::to_string(major) + " is not a version whose lookup methods are known";
  }
  static constexpr char kProbeName[] = "ostrust layout probe";
  X509_LOOKUP_METHOD* const probe = symbols.X509_LOOKUP_meth_new(kProbeName);
  if (probe == nullptr) return "no memory for a lookup method";

  Table expected{};
  const auto set = [&]<typename Function>(Member member,
                                          int (*setter)(X509_LOOKUP_METHOD*, Function)) {
    expected[member] = &marks[member];
    return setter(probe, reinterpret_cast<Function>(expected[member])) == 1;
  };
  bool ok = set(kNewItem, symbols.X509_LOOKUP_meth_set_new_item) &&
            set(kFree, symbols.X509_LOOKUP_meth_set_free) &&
            set(kInit, symbols.X509_LOOKUP_meth_set_init) &&
            set(kShutdown, symbols.X509_LOOKUP_meth_set_shutdown) &&
            set(kCtrl, symbols.X509_LOOKUP_meth_set_ctrl) &&
            set(kGetBySubject, symbols.X509_LOOKUP_meth_set_get_by_subject) &&
            set(kGetByIssuerSerial, symbols.X509_LOOKUP_meth_set_get_by_issuer_serial) &&
            set(kGetByFingerprint, symbols.X509_LOOKUP_meth_set_get_by_fingerprint) &&
            set(kGetByAlias, symbols.X509_LOOKUP_meth_set_get_by_alias);
  if (ok) {
    const Table table = ReadTable(probe);
    ok = table[kName] != nullptr &&
         std::strcmp(static_cast<const char*>(table[kName]), kProbeName) == 0 &&
         table[kGetBySubjectEx] == nullptr && table[kCtrlEx] == nullptr &&
         GettersAgree(symbols, probe, table);
    for (std::size_t i = kNewItem; i <= kGetByAlias; ++i) ok = ok && table[i] == expected[i];
  }
  symbols.X509_LOOKUP_meth_free(probe);
  return ok ? std::string()
            : "X509_LOOKUP_METHOD is not laid out as in the versions that are known";
}

std::string HookCtrlEx(const Symbols& symbols, const MemoryJudge& memory,
                       X509_LOOKUP_METHOD* method, CtrlExFn hook, CtrlExFn& original) {
  Table table;
  std::string why = CheckBuiltIn(symbols, memory, method, table);
  if (!why.empty()) return why;
  if (table[kCtrlEx] == nullptr) return "the lookup method has no ctrl_ex";

  original = reinterpret_cast<CtrlExFn>(table[kCtrlEx]);
  Word& slot = reinterpret_cast<Word*>(method)[kCtrlEx];
  if (!Exchange(slot, table[kCtrlEx], AsWord(hook))) {
    return "the lookup method changed while it was looked at";
  }
  return {};
}

std::string HookCtrl(const Symbols& symbols, const MemoryJudge& memory, X509_LOOKUP_METHOD* method,
                     CtrlFn hook, CtrlFn& original) {
  Table table;
  std::string why = CheckBuiltIn(symbols, memory, method, table);
  if (!why.empty()) return why;
  if (table[kCtrlEx] != nullptr) return "the lookup method has a ctrl_ex, so its ctrl is not used";
  if (table[kCtrl] == nullptr) return "the lookup method has no ctrl";

  original = reinterpret_cast<CtrlFn>(table[kCtrl]);
  if (symbols.X509_LOOKUP_meth_set_ctrl(method, hook) != 1) return "OpenSSL refused the new ctrl";
  return {};
}

}  // namespace ostrust::host
