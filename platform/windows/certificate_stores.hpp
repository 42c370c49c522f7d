// What Windows' certificate stores hold, read and not judged.
//
// The narrow interface to crypt32: what is made of the contents (store_trust_source.hpp) is tested
// with a double of it. No Windows header is included here.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/bytes.hpp"

namespace ostrust::platform {

/// Where system stores are kept ("System Store Locations" in Microsoft's documentation), as far as
/// they count for whoever runs this process.
enum class StoreLocation : std::uint8_t {
  kCurrentUser,
  kCurrentUserGroupPolicy,
  kLocalMachine,
  kLocalMachineGroupPolicy,
  kLocalMachineEnterprise,
};
inline constexpr std::array kStoreLocations = {
    StoreLocation::kCurrentUser, StoreLocation::kCurrentUserGroupPolicy,
    StoreLocation::kLocalMachine, StoreLocation::kLocalMachineGroupPolicy,
    StoreLocation::kLocalMachineEnterprise};

enum class StoreName : std::uint8_t {
  kRoot,
  kDisallowed,
};

/// As Microsoft's documentation spells them, without CERT_SYSTEM_STORE_. Views of literals.
std::string_view NameOf(StoreLocation location);
std::string_view NameOf(StoreName name);

/// Extended key usages, as dotted OIDs. Nullopt is every usage, an empty list none.
using Usages = std::optional<std::vector<std::string>>;

/// A limit by date that Microsoft's root program puts on a root.
struct DateLimit {
  /// In seconds since 1970.
  std::int64_t time = 0;
  /// For what it holds.
  Usages usages;

  /// The `time` of a limit that is there and cannot be read: it always holds.
  static constexpr std::int64_t kAlways = std::numeric_limits<std::int64_t>::min();
};

struct StoredCertificate {
  Bytes der;
  /// What it is good for: CertGetEnhancedKeyUsage(), the extension and the property of that name
  /// taken together.
  Usages usages;
  /// CERT_DISALLOWED_FILETIME_PROP_ID and CERT_DISALLOWED_ENHKEY_USAGE_PROP_ID.
  std::optional<DateLimit> disallowed;
  /// CERT_NOT_BEFORE_FILETIME_PROP_ID and CERT_NOT_BEFORE_ENHKEY_USAGE_PROP_ID.
  std::optional<DateLimit> not_before;
  /// CERT_ROOT_PROGRAM_NAME_CONSTRAINTS_PROP_ID: NameConstraints (RFC 5280 section 4.2.1.10) in DER
  /// that hold beside those in the certificate. Empty where it cannot be read. Microsoft documents
  /// the number only; that Windows enforces it for any root is seen by Namecoin's tests of
  /// certinject ("Undocumented Windows Feature: External Name Constraints").
  std::optional<Bytes> name_constraints = std::nullopt;
};

struct StoreContent {
  enum class State : std::uint8_t { kRead, kAbsent, kUnreadable };

  State state = State::kRead;
  /// In the order of the store; the same certificate may be there several times.
  std::vector<StoredCertificate> certificates;
  /// Why it is unreadable; empty otherwise.
  std::string error;
};

class CertificateStores {
 public:
  virtual ~CertificateStores() = default;

  /// Reads the whole store as it is now. May throw std::bad_alloc.
  virtual StoreContent Read(StoreLocation location, StoreName name) = 0;

 protected:
  CertificateStores() = default;
  CertificateStores(const CertificateStores&) = default;
  CertificateStores& operator=(const CertificateStores&) = default;
};

/// What two such properties say: `filetime`, a FILETIME, and `usages`, an ExtKeyUsageSyntax in DER
/// (RFC 5280 section 4.2.1.12). Without usages, or when they cannot be read, it holds for every
/// one.
DateLimit ReadDateLimit(const Bytes& filetime, const std::optional<Bytes>& usages);

/// The stores of this system. Opens each for one Read() and keeps nothing.
std::unique_ptr<CertificateStores> MakeSystemCertificateStores();

}  // namespace ostrust::platform
