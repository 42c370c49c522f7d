#include "provider/log.hpp"

#include "platform/keep_errno.hpp"
#include "provider/host/file.hpp"
#include "provider/host/process.hpp"

namespace ostrust {
namespace {

const char* LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kOff:
      break;
    case LogLevel::kError:
      return "error";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kDebug:
      return "debug";
  }
  return "off";
}

}  // namespace

std::optional<LogTarget> ParseLogTarget(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  LogTarget target;
  if (name == "error") {
    target.level = LogLevel::kError;
  } else if (name == "info") {
    target.level = LogLevel::kInfo;
  } else if (name == "debug") {
    target.level = LogLevel::kDebug;
  } else if (text != "off" && text != "no") {
    return std::nullopt;
  }
  if (colon != std::string_view::npos) {
    target.path = text.substr(colon + 1);
    if (!host::IsAbsolute(target.path)) return std::nullopt;
  }
  return target;
}

void Log::Write(LogLevel level, std::string_view text) const noexcept {
  if (!Enabled(level)) return;
  const platform::KeepErrno keep;
  try {
    std::string line = "ostrust[" + std::to_string(host::ProcessId()) + "] ";
    line += LevelName(level);
    line += ": ";
    for (const char c : text) {
      line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
    line += '\n';
    host::AppendLine(target_.path, line);
  } catch (...) {
    // Out of memory: the line is lost.
  }
}

LogTarget EffectiveLogTarget(const LogTarget& configured) {
  const auto variable = host::SecureGetenv("OSTRUST_LOG");
  if (!variable) return configured;
  if (const auto target = ParseLogTarget(*variable)) return *target;
  const LogTarget fallback{LogLevel::kError, configured.path};
  Log(fallback).Write(LogLevel::kError,
                      "OSTRUST_LOG=" + *variable + " is not known: it can be " + kLogTargetSyntax);
  return configured;
}

}  // namespace ostrust
