// What ostrust tells a person, apart from OpenSSL's error queue.
//
// Lines go to standard error or to one file. The file is opened for each line and closed again: a
// descriptor kept open in somebody else's process would sooner or later be closed by a daemon that
// closes them all, and the next line would go into whatever got its number.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ostrust {

enum class LogLevel { kOff, kError, kInfo, kDebug };

struct LogTarget {
  LogLevel level = LogLevel::kOff;
  std::string path;  // empty: standard error
};

inline constexpr const char* kLogTargetSyntax =
    "off, or error, info or debug, each optionally followed by :/absolute/path";

/// Parses `off`, `error`, `info`, `debug`, the last three optionally with `:PATH`. Nullopt when it
/// is none of these or the path is relative.
std::optional<LogTarget> ParseLogTarget(std::string_view text);

/// Thread-safe; keeps nothing but its target. Never throws and never fails: a line that cannot be
/// written is lost.
class Log {
 public:
  explicit Log(LogTarget target) : target_(std::move(target)) {}

  bool Enabled(LogLevel level) const { return level != LogLevel::kOff && level <= target_.level; }
  /// Writes one line. Control characters in `text`, which may quote a path or a certificate, become
  /// '?'.
  void Write(LogLevel level, std::string_view text) const noexcept;

 private:
  LogTarget target_;
};

/// The target that the environment variable OSTRUST_LOG names, else `configured`. In a set-user-ID
/// process the environment is not read (rule 10).
LogTarget EffectiveLogTarget(const LogTarget& configured);

}  // namespace ostrust
