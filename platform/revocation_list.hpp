// Certificate revocation lists (RFC 5280 section 5), indexed: one certificate's entries are found
// without the million others being parsed or even being in memory.
//
// What is found is handed to OpenSSL as an *excerpt*: a CertificateList that is the same but for
// the entries, of which only those are left that can concern one serial number. Times, scopes
// (issuingDistributionPoint), deltas and indirect CRLs are OpenSSL's to understand; only the
// signature has to be verified here, over the whole list, because the excerpt's is another's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "platform/bytes.hpp"

namespace ostrust::platform {

/// The largest list that is read or fetched. A million entries take 36 to 60 MiB.
inline constexpr std::size_t kMaxRevocationList = std::size_t{128} << 20;

/// A list up to this size is checked by every process that uses it: see RevocationList::IsSignedBy.
inline constexpr std::size_t kCheckedAgain = std::size_t{4} << 20;

/// A CertificateList as far as it is read here. Views into the bytes that were read.
struct RevocationListFields {
  ByteView to_be_signed;         // the TBSCertList, identifier and length included
  ByteView signature_algorithm;  // the AlgorithmIdentifier, which is the same inside and outside
  ByteView signature;            // the bits of signatureValue; a whole number of bytes
  ByteView issuer;               // the DER of the Name
  std::int64_t this_update = 0;  // seconds since 1970
  std::optional<std::int64_t> next_update;
  ByteView entries;  // the content of revokedCertificates; empty where there are none
  ByteView number;   // the content of cRLNumber's INTEGER; empty where there is none
  bool is_delta = false;
};

/// Nullopt when `der` is not exactly one CertificateList in DER whose entries are all well-formed,
/// or has an entry of more than 64 KiB, or more than 256 KiB beside its entries. Time linear in its
/// size; allocates nothing.
std::optional<RevocationListFields> ReadRevocationList(ByteView der);

/// An *index*: `der`, which ReadRevocationList() reads, with what is needed to find an entry in it.
/// It is what the cache keeps. Nullopt when `der` is no list, or is longer than kMaxRevocationList.
/// The same list always has the same index.
std::optional<Bytes> IndexRevocationList(ByteView der);

/// Where an index is read from: a file, or memory. One thread at a time.
class ListSource {
 public:
  virtual ~ListSource() = default;
  virtual std::uint64_t Size() const = 0;
  /// Fills `out`; false when that much is not there.
  virtual bool Read(std::uint64_t offset, std::span<std::byte> out) = 0;

 protected:
  ListSource() = default;
  ListSource(const ListSource&) = default;
  ListSource& operator=(const ListSource&) = default;
};

/// One list. Immutable, but for what it remembers of IsSignedBy(); thread-safe.
class RevocationList {
 public:
  RevocationList(const RevocationList&) = delete;
  RevocationList& operator=(const RevocationList&) = delete;
  ~RevocationList();

  /// Whether `signature` of `to_be_signed` by `algorithm` (an AlgorithmIdentifier) is that of the
  /// key the caller has in mind.
  using SignatureCheck =
      std::function<bool(ByteView to_be_signed, ByteView algorithm, ByteView signature)>;
  /// Opens where the index is, again for each use: no descriptor is kept, because it is not ours to
  /// keep in somebody else's process. Null when that is no longer what it was.
  using Open = std::function<std::unique_ptr<ListSource>()>;

  /// One whose index is in memory. Null when `der` is no list.
  static std::shared_ptr<const RevocationList> FromDer(ByteView der);
  /// One whose index somebody else has made. Reads its head only; null when that is damaged.
  /// `believed`: the public keys that are known to have signed it, because this was written down
  /// where nobody could have written who could not as well have changed what the system trusts.
  static std::shared_ptr<const RevocationList> FromIndex(Open open, std::vector<Bytes> believed);

  // See RevocationListFields.
  ByteView Issuer() const;
  std::int64_t ThisUpdate() const;
  std::optional<std::int64_t> NextUpdate() const;
  ByteView Number() const;
  bool IsDelta() const;

  /// The excerpt for a serial number (the content of the INTEGER): its entries, for indirect CRLs
  /// the entries that say whose they are, and one with a critical extension that is not understood,
  /// if there is any: OpenSSL refuses the whole list then, as RFC 5280 section 5.3 wants. Nullopt
  /// when the index is damaged or is no longer there, or the entries take more than 1 MiB, as those
  /// of no list do that a CA means to be used. Means nothing before IsSignedBy() said yes.
  std::optional<Bytes> ExcerptFor(ByteView serial_number) const;

  /// Whether the key that `public_key` stands for (the DER of a SubjectPublicKeyInfo: the same bits
  /// under another algorithm or other parameters are another key) has signed the list, and the
  /// index is that of the list: then, and only then, may an excerpt be believed. What was found
  /// once is remembered for each key. The first time the whole list is read, `check` is called, and
  /// the index is made again and compared. Not so where `public_key` is one of the believed and the
  /// list is of more than kCheckedAgain bytes, unless `strict`. False, and not remembered, when the
  /// list is no longer there. Of what is remembered a "no" is forgotten after a minute: `check` may
  /// have had no memory, which OpenSSL does not tell from a bad signature. `verifier` names whom
  /// `check` asks: what one cannot verify, or may not (FIPS), another can, and what was found for
  /// one is remembered for that one only. `now` is for tests.
  bool IsSignedBy(
      ByteView public_key, const SignatureCheck& check, bool strict, std::string_view verifier = {},
      std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now()) const;

  /// The public keys for which IsSignedBy() has found that they have signed it.
  std::vector<Bytes> SignedBy() const;

  /// What IndexRevocationList() made, all of it. Null when it is no longer there.
  std::shared_ptr<const Bytes> Index() const;

  /// How much memory it takes, in bytes: little where the index is elsewhere.
  std::size_t MemorySize() const;

 private:
  struct State;

  explicit RevocationList(std::unique_ptr<State> state);
  static std::shared_ptr<const RevocationList> FromState(std::unique_ptr<State> state);

  const std::unique_ptr<State> state_;
};

}  // namespace ostrust::platform
