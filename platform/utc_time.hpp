// Dates of the Gregorian calendar in UTC and seconds since 1970: timegm() and gmtime_r() are not
// everywhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>

namespace ostrust::platform {

/// Seconds since 1970; nullopt when there is no such date or time. Leap seconds do not exist.
/// `parts`: as of std::tm, in UTC; the day of the week and of the year are not looked at.
constexpr std::optional<std::int64_t> SecondsOf(const std::tm& parts) {
  using std::chrono::day;
  using std::chrono::month;
  using std::chrono::year;
  // month and day hold no more than a byte of what they are made of.
  if (parts.tm_mon < 0 || parts.tm_mon > 11 || parts.tm_mday < 0 || parts.tm_mday > 31 ||
      parts.tm_hour < 0 || parts.tm_hour > 23 || parts.tm_min < 0 || parts.tm_min > 59 ||
      parts.tm_sec < 0 || parts.tm_sec > 59 || parts.tm_year < -1900 ||
      parts.tm_year > 9999 - 1900) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date(year(parts.tm_year + 1900),
                                         month(static_cast<unsigned>(parts.tm_mon) + 1),
                                         day(static_cast<unsigned>(parts.tm_mday)));
  if (!date.ok()) return std::nullopt;
  constexpr std::int64_t kSecondsPerDay = 86400;
  return std::chrono::sys_days(date).time_since_epoch().count() * kSecondsPerDay +
         parts.tm_hour * std::int64_t{3600} + parts.tm_min * std::int64_t{60} + parts.tm_sec;
}

/// The other way round; the day of the week and of the year are not set. Nullopt before the year 0
/// and after 9999.
constexpr std::optional<std::tm> PartsOf(std::int64_t seconds) {
  if (seconds < -62'167'219'200 || seconds > 253'402'300'799) return std::nullopt;
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(midnight);
  const auto of_day = static_cast<int>((time - midnight).count());
  std::tm parts{};
  parts.tm_year = static_cast<int>(date.year()) - 1900;
  parts.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  parts.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
  parts.tm_hour = of_day / 3600;
  parts.tm_min = of_day / 60 % 60;
  parts.tm_sec = of_day % 60;
  return parts;
}

}  // namespace ostrust::platform
