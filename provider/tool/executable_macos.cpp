#include <array>
#include <deque>
#include <set>
#include <span>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/host/file.hpp"
#include "provider/tool/executable.hpp"
#include "provider/tool/mach_o_image.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

#ifdef __aarch64__
constexpr std::uint32_t kOwnProcessor = kMachOArm64;
#else
constexpr std::uint32_t kOwnProcessor = kMachOX86_64;
#endif

/// What a program exports that has OpenSSL inside and shows it.
constexpr std::string_view kOpenSsl = "OPENSSL_init_crypto";

/// A file, mapped for reading; empty when it cannot be.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return;
    struct stat status {};
    if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
      const auto size = static_cast<std::size_t>(status.st_size);
      void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
      if (mapped != MAP_FAILED) bytes_ = {static_cast<const std::byte*>(mapped), size};
    }
    ::close(fd);
  }
  ~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> Bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

/// "libcrypto.3.dylib".
bool IsLibcrypto(const std::string& name) {
  const std::string file = FileNameOf(name);
  return file.starts_with("libcrypto.") && file.ends_with(".dylib");
}

/// Apple's own, which need not be files (dyld's shared cache has them) and link no OpenSSL.
bool IsApples(const std::string& name) {
  return name.starts_with("/usr/lib/") || name.starts_with("/System/");
}

/// Of what `loader` has in its load commands.
std::string Expanded(const std::string& path, const std::string& loader,
                     const std::string& program) {
  return ExpandedPath(path, DirectoryOf(loader), DirectoryOf(program));
}

/// The file that a library of this install name is found in; empty when there is none. `run_paths`
/// are expanded.
std::string Find(const std::string& name, const std::string& loader, const std::string& program,
                 const std::vector<std::string>& run_paths) {
  constexpr std::string_view kRunPath = "@rpath/";
  if (!name.starts_with(kRunPath)) {
    const std::string file = Expanded(name, loader, program);
    return host::IsAbsolute(file) && KindOf(file) == FileKind::kRegular ? file : std::string();
  }
  for (const std::string& directory : run_paths) {
    const std::string file = directory + "/" + name.substr(kRunPath.size());
    if (host::IsAbsolute(file) && KindOf(file) == FileKind::kRegular) return file;
  }
  return {};
}

}  // namespace

bool IsForThisMachine(const std::string& file) {
  return MachOImage::Read(MappedFile(file).Bytes(), kOwnProcessor).has_value();
}

bool ExportsOpenSsl(const std::string& file) {
  const MappedFile mapped(file);
  const auto image = MachOImage::Read(mapped.Bytes(), kOwnProcessor);
  return image && image->Exports(kOpenSsl) == MachOImage::Exported::kYes;
}

std::string HiddenOpenSslVersion(const std::string&) {
  return {};  // a file that has the words may link OpenSSL, mention it, or load it later
}

/// What dyld would find, read from the files' load commands. DYLD_LIBRARY_PATH and its like are not
/// looked at.
Library LinkedLibcrypto(const std::string& file, const std::string& program) {
  // Links are followed: @loader_path is where the file is, not where a link to it is.
  const std::string main = host::RealPath(Absolute(program));
  const std::string first = host::RealPath(Absolute(file));
  struct Next {
    std::string file;
    std::vector<std::string> run_paths;  // of those that load it
  };
  std::vector<std::string> of_program;
  if (const MappedFile mapped(main);
      const auto image = MachOImage::Read(mapped.Bytes(), kOwnProcessor)) {
    for (const std::string& path : image->RunPaths()) {
      of_program.push_back(Expanded(path, main, main));
    }
  }
  std::string error;  // where no libcrypto is linked
  std::deque<Next> files = {{first, of_program}};
  std::set<std::string> seen;
  while (!files.empty()) {
    Next next = files.front();
    files.pop_front();
    if (!seen.insert(next.file).second) continue;
    const MappedFile mapped(next.file);
    const auto image = MachOImage::Read(mapped.Bytes(), kOwnProcessor);
    if (!image) {
      if (next.file != first) continue;
      return {{},
              IsMachO(mapped.Bytes()) ? "it is for another kind of processor than this ostrust"
                                      : "it is no program of macOS"};
    }
    if (next.file == first && image->Exports(kOpenSsl) == MachOImage::Exported::kMalformed) {
      error = "its export trie is malformed";
    }
    std::vector<std::string> run_paths;
    for (const std::string& path : image->RunPaths()) {
      run_paths.push_back(Expanded(path, next.file, main));
    }
    run_paths.insert(run_paths.end(), next.run_paths.begin(), next.run_paths.end());
    for (const std::string& name : image->Libraries()) {
      if (IsApples(name)) continue;
      const std::string found = Find(name, next.file, main, run_paths);
      if (IsLibcrypto(name)) {
        if (found.empty()) {
          return {{}, FileNameOf(next.file) + " links " + name + ", which is not there"};
        }
        return {found, {}};
      }
      if (!found.empty()) files.push_back({host::RealPath(found), run_paths});
    }
  }
  return {{}, error};
}

std::string AnyLibcrypto() {
  const std::string openssl = FindExecutable("openssl");
  if (!openssl.empty()) {
    // /usr/bin/openssl is LibreSSL, and links Apple's own.
    const Library library = LinkedLibcrypto(openssl, openssl);
    if (!library.path.empty()) return library.path;
  }
  // Homebrew's places on arm64 and x86_64, and MacPorts'.
  for (const char* const path : {"/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
                                 "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
                                 "/opt/local/libexec/openssl3/lib/libcrypto.3.dylib"}) {
    if (IsForThisMachine(path)) return path;
  }
  return "libcrypto.3.dylib";  // whoever loads it says that there is none
}

}  // namespace ostrust::tool
