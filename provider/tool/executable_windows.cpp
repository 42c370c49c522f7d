#include <algorithm>
#include <deque>
#include <set>
#include <vector>

#include <windows.h>

#include "provider/host/file.hpp"
#include "provider/host/handle.hpp"
#include "provider/host/wide.hpp"
#include "provider/tool/executable.hpp"
#include "provider/tool/pe_image.hpp"
#include "provider/tool/system.hpp"
#include "provider/tool/text.hpp"

namespace ostrust::tool {
namespace {

using host::Narrow;
using host::WidePath;

/// A file, mapped for reading; empty when that cannot be done.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path)
      : file_(::CreateFileW(WidePath(path).c_str(), GENERIC_READ,
                            FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                            FILE_ATTRIBUTE_NORMAL | host::kNoImpersonation, nullptr)),
        mapping_(file_ && ::GetFileType(file_.Get()) == FILE_TYPE_DISK
                     ? ::CreateFileMappingW(file_.Get(), nullptr, PAGE_READONLY, 0, 0, nullptr)
                     : nullptr) {
    LARGE_INTEGER size{};
    if (!mapping_ || ::GetFileSizeEx(file_.Get(), &size) == 0) return;
    data_ = ::MapViewOfFile(mapping_.Get(), FILE_MAP_READ, 0, 0, 0);
    if (data_ != nullptr) size_ = static_cast<std::size_t>(size.QuadPart);
  }
  ~MappedFile() {
    if (data_ != nullptr) ::UnmapViewOfFile(data_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> Bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  const host::Handle file_;
  const host::Handle mapping_;
  const void* data_ = nullptr;
  std::size_t size_ = 0;
};

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    std::string part = text.substr(begin, end - begin);
    part.erase(std::remove(part.begin(), part.end(), '"'), part.end());
    if (!part.empty()) parts.push_back(part);
    begin = end + 1;
  }
  return parts;
}

std::string WithSeparator(std::string directory) {
  if (!directory.empty() && directory.back() != '\\' && directory.back() != '/') directory += '\\';
  return directory;
}

/// The directories of PATH. What depends on the working directory is left out: a program or library
/// planted there shall not be looked at.
std::vector<std::string> PathDirectories() {
  std::vector<std::string> directories;
  for (const std::string& directory : Split(GetVariable("PATH").value_or(""))) {
    if (host::IsAbsolute(directory)) directories.push_back(WithSeparator(directory));
  }
  return directories;
}

std::string SystemDirectory() {
  std::wstring path(MAX_PATH, L'\0');
  path.resize(::GetSystemDirectoryW(path.data(), MAX_PATH));
  return WithSeparator(Narrow(path));
}

std::string FirstWith(const std::vector<std::string>& directories, const std::string& name) {
  for (const std::string& directory : directories) {
    if (KindOf(directory + name) == FileKind::kRegular) return directory + name;
  }
  return {};
}

/// "libcrypto-3-x64.dll", "libcrypto-3.dll" (CPython's), "libcrypto-3-arm64.dll" and the like.
bool IsLibcrypto(const std::string& name) {
  const std::string lower = Lower(name);
  return lower.starts_with("libcrypto") && lower.ends_with(".dll");
}

bool IsBatchFile(const std::string& file) {
  const std::string lower = Lower(file);
  return lower.ends_with(".cmd") || lower.ends_with(".bat");
}

}  // namespace

std::string FindExecutable(std::string_view name) {
  if (name.empty()) return {};
  std::vector<std::string> extensions =
      Split(GetVariable("PATHEXT").value_or(".COM;.EXE;.BAT;.CMD"));
  // As given first, if it has one of them.
  const std::string lower = Lower(FileNameOf(std::string(name)));
  if (std::any_of(extensions.begin(), extensions.end(), [&](const std::string& extension) {
        return lower.ends_with(Lower(extension));
      })) {
    extensions.insert(extensions.begin(), "");
  }
  const bool is_path = name.find_first_of("/\\:") != std::string_view::npos;
  for (const std::string& directory : is_path ? std::vector<std::string>{""} : PathDirectories()) {
    for (const std::string& extension : extensions) {
      const std::string candidate = directory + std::string(name) + Lower(extension);
      if (KindOf(candidate) == FileKind::kRegular) return Absolute(candidate);
    }
  }
  return {};
}

std::string CommandName(const std::string& path) {
  std::string name = Lower(FileNameOf(path));
  if (name.ends_with(".exe")) name.erase(name.size() - 4);
  return name;
}

bool IsSetUserId(const std::string&) {
  return false;
}

std::optional<std::string> InterpreterOf(const std::string& file) {
  if (!IsBatchFile(file)) return std::nullopt;
  return "cmd.exe";
}

bool IsForThisMachine(const std::string& file) {
  const MappedFile mapped(file);
  const auto image = PeImage::Read(mapped.Bytes());
  return image && image->Machine() == OwnMachine();
}

bool ExportsOpenSsl(const std::string& file) {
  const MappedFile mapped(file);
  const auto image = PeImage::Read(mapped.Bytes());
  return image && image->Exports("OPENSSL_init_crypto");
}

std::string HiddenOpenSslVersion(const std::string& file) {
  return OpenSslVersionIn(MappedFile(file).Bytes());
}

/// What the loader would find, read from the files' import tables: beside the library, beside the
/// program, in the system's directory, on PATH.
Library LinkedLibcrypto(const std::string& file, const std::string& program) {
  const std::string system = SystemDirectory();
  const std::vector<std::string> on_path = PathDirectories();
  std::deque<std::string> files = {file};
  std::set<std::string> seen;
  while (!files.empty()) {
    const std::string next = files.front();
    files.pop_front();
    if (!seen.insert(Lower(next)).second) continue;
    const MappedFile mapped(next);
    const auto image = PeImage::Read(mapped.Bytes());
    if (!image) {
      if (next == file) return {{}, "it is no program of Windows"};
      continue;
    }
    if (image->Machine() != OwnMachine()) {
      if (next == file) return {{}, "it is for another kind of processor than this ostrust"};
      continue;
    }
    std::vector<std::string> directories = {DirectoryOf(next), DirectoryOf(program), system};
    directories.insert(directories.end(), on_path.begin(), on_path.end());
    for (const std::string& name : image->Imports()) {
      const std::string found = FirstWith(directories, name);
      if (IsLibcrypto(name)) {
        if (found.empty()) {
          return {{}, FileNameOf(next) + " links " + name + ", which is not beside it or on PATH"};
        }
        return {found, {}};
      }
      // Windows' own libraries link no OpenSSL.
      if (!found.empty() && Lower(DirectoryOf(found)) != Lower(system)) files.push_back(found);
    }
  }
  return {};
}

std::string AnyLibcrypto() {
  const std::string openssl = FindExecutable("openssl");
  return openssl.empty() ? std::string() : LinkedLibcrypto(openssl, openssl).path;
}

}  // namespace ostrust::tool
