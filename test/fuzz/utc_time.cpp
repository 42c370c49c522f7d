// Dates: what is read is what timegm() makes of it, and written again it is the same.
#include "platform/utc_time.hpp"

#include <cstring>
#include <ctime>

#include "fuzz_target.hpp"
#include "platform/der.hpp"

using namespace ostrust::platform;
using ostrust::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Two bytes for each part, so that most of them mean something; four for the rest.
  ostrust::fuzz::Pieces pieces(data, size);
  const bool wide = pieces.Byte() % 2 != 0;
  const auto number = [&] {
    std::uint32_t value = 0;
    for (int i = 0; i < (wide ? 4 : 2); ++i) value = value << 8 | pieces.Byte();
    return wide ? static_cast<int>(value) : static_cast<std::int16_t>(value);
  };
  std::tm parts{};
  for (int* const part : {&parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour,
                          &parts.tm_min, &parts.tm_sec}) {
    *part = number();
  }
  if (const auto seconds = SecondsOf(parts)) {
    Require(parts.tm_mon >= 0 && parts.tm_mon < 12 && parts.tm_mday >= 1 && parts.tm_mday <= 31);
    std::tm copy = parts;
    Require(timegm(&copy) == *seconds && copy.tm_mday == parts.tm_mday &&
            copy.tm_mon == parts.tm_mon && copy.tm_year == parts.tm_year);
    const auto again = PartsOf(*seconds);
    Require(again && again->tm_year == parts.tm_year && again->tm_mon == parts.tm_mon &&
            again->tm_mday == parts.tm_mday && again->tm_hour == parts.tm_hour &&
            again->tm_min == parts.tm_min && again->tm_sec == parts.tm_sec);
  }
  // As DER has them.
  DerReader reader(pieces.Rest());
  const bool is_time = NextIsTime(reader);
  const auto time = ReadTime(reader);
  if (time) Require(is_time && PartsOf(*time).has_value());
  return 0;
}
