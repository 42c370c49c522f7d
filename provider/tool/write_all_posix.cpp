#include <cerrno>
#include <cstddef>

#include <unistd.h>

#include "provider/tool/write_all.hpp"

namespace ostrust::tool {

bool WriteAll(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t count = ::write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) errno = EIO;
    if (count <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace ostrust::tool
