// The names in a directory that `openssl rehash` or c_rehash made: <hash>.<number> for
// certificates, <hash>.r<number> for CRLs.
//
// X509_LOOKUP_hash_dir finds a certificate by such a name alone (get_cert_by_subject_ex(),
// crypto/x509/by_dir.c: "%s%c%08lx.%s%d"), so the names tell how many certificates of which subject
// there are without a file being opened.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ostrust::platform {

/// The subject's NameHash() in a certificate's file name; nullopt for any other name.
std::optional<std::uint32_t> HashOfCertificateName(std::string_view name);

/// Whether the name is a CRL's.
bool IsHashedCrlName(std::string_view name);

/// The files of one hash.
struct HashedFiles {
  std::uint32_t hash = 0;
  std::vector<std::string> names;
};

/// The certificates' names among `names`, which are sorted, by hash, in the order of the hashes.
std::vector<HashedFiles> GroupByHash(const std::vector<std::string>& names);

}  // namespace ostrust::platform
