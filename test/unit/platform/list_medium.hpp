// Where the index of a list is kept, for tests.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

#include "platform/bytes.hpp"
#include "platform/revocation_list.hpp"

namespace ostrust::platform {

/// Reads bytes that the test can exchange, count the reads of, or take away.
struct Medium {
  Bytes bytes;
  bool gone = false;
  std::size_t read = 0;

  RevocationList::Open Open() {
    class Source : public ListSource {
     public:
      explicit Source(Medium& medium) : medium_(medium) {}
      std::uint64_t Size() const override { return medium_.bytes.size(); }
      bool Read(std::uint64_t offset, std::span<std::byte> out) override {
        if (offset > Size() || out.size() > Size() - offset) return false;
        medium_.read += out.size();
        std::copy_n(medium_.bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(),
                    out.begin());
        return true;
      }

     private:
      Medium& medium_;
    };
    return [this]() -> std::unique_ptr<ListSource> {
      return gone ? nullptr : std::make_unique<Source>(*this);
    };
  }
};

}  // namespace ostrust::platform
