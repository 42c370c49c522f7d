#include "provider/hooks/package_record.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "provider/host/file.hpp"

namespace ostrust::hooks {
namespace {

constexpr std::size_t kMaxRecordSize = std::size_t{4} * 1024 * 1024;
constexpr std::string_view kSha256Prefix = "sha256=";
// .../site-packages/pip/_vendor/certifi/cacert.pem is the deepest one.
constexpr int kMaxPackageDepth = 4;

std::string UrlSafeBase64(const std::array<unsigned char, 32>& digest) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  for (std::size_t i = 0; i < digest.size(); i += 3) {
    const unsigned left = static_cast<unsigned>(digest.size() - i);
    const unsigned bits = static_cast<unsigned>(digest[i]) << 16 |
                          (left > 1 ? static_cast<unsigned>(digest[i + 1]) << 8 : 0U) |
                          (left > 2 ? static_cast<unsigned>(digest[i + 2]) : 0U);
    for (unsigned k = 0; k < (left > 2 ? 4U : left + 1); ++k) {
      text += kAlphabet[bits >> (18 - 6 * k) & 0x3f];
    }
  }
  return text;
}

bool Differs(const host::Symbols& symbols, const RecordedFile& recorded, std::string_view content) {
  if (recorded.size != content.size()) return true;
  if (recorded.sha256.empty() || symbols.SHA256 == nullptr) return false;
  std::array<unsigned char, 32> digest{};
  if (symbols.SHA256(reinterpret_cast<const unsigned char*>(content.data()), content.size(),
                     digest.data()) == nullptr) {
    return false;
  }
  return UrlSafeBase64(digest) != recorded.sha256;
}

}  // namespace

std::optional<RecordedFile> FindInRecord(std::string_view record, std::string_view name) {
  while (!record.empty()) {
    const std::size_t end = std::min(record.find('\n'), record.size());
    std::string_view line = record.substr(0, end);
    record.remove_prefix(std::min(end + 1, record.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.substr(0, name.size()) != name || line.substr(name.size(), 1) != ",") continue;

    line.remove_prefix(name.size() + 1);
    const std::size_t comma = line.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    RecordedFile file;
    const std::string_view hash = line.substr(0, comma);
    if (hash.substr(0, kSha256Prefix.size()) == kSha256Prefix) {
      file.sha256 = hash.substr(kSha256Prefix.size());
    }
    const std::string_view size = line.substr(comma + 1);
    const auto [stop, error] = std::from_chars(size.data(), size.data() + size.size(), file.size);
    if (error != std::errc() || stop != size.data() + size.size()) return std::nullopt;
    return file;
  }
  return std::nullopt;
}

bool DiffersFromPackage(const host::Symbols& symbols, const std::string& path,
                        std::string_view content) {
  // RECORD lies in the package's .dist-info, beside the package; names in it are relative to there.
  std::size_t slash = path.rfind('/');
  for (int depth = 0; depth < kMaxPackageDepth && slash != std::string::npos && slash != 0;
       ++depth) {
    slash = path.rfind('/', slash - 1);
    if (slash == std::string::npos) break;
    const std::string directory = path.substr(0, slash);
    const std::string_view name = std::string_view(path).substr(slash + 1);
    const std::string package(name.substr(0, name.find('/')));
    for (const std::string& file :
         host::FilesMatching(directory + "/" + package + "-", ".dist-info/RECORD")) {
      const auto record = host::ReadRegularFile(file, kMaxRecordSize);
      const auto recorded = record ? FindInRecord(*record, name) : std::nullopt;
      if (recorded) return Differs(symbols, *recorded, content);
    }
  }
  return false;
}

}  // namespace ostrust::hooks
