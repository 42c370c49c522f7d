// What tests of sources do with one, and ask of what it loads.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "certificates.hpp"
#include "platform/linux/file_trust_source.hpp"
#include "temporary_directory.hpp"

namespace ostrust::platform {

inline LoadResult LoadAuto(const TemporaryDirectory& root) {
  std::string error;
  auto source = MakeFileTrustSource("auto", {root.Path()}, error);
  EXPECT_NE(source, nullptr) << error;
  return source->Load();
}

inline bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

inline bool Holds(const TrustStore& store, std::string_view common_name) {
  return !store.FindBySubject(NameDer(common_name)).empty();
}

}  // namespace ostrust::platform
