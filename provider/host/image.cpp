// What is the same for images of every system.

#include "provider/host/image.hpp"

namespace ostrust::host {

const Image::Segment* Image::Find(const void* address, std::size_t size) const {
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  for (const Segment& segment : segments_) {
    if (begin >= segment.begin && begin < segment.end && segment.end - begin >= size) {
      return &segment;
    }
  }
  return nullptr;
}

bool Image::ContainsCode(const void* address) const {
  const Segment* const segment = Find(address, 1);
  return segment != nullptr && segment->executable;
}

bool Image::ContainsData(const void* address, std::size_t size) const {
  return Find(address, size) != nullptr;
}

}  // namespace ostrust::host
