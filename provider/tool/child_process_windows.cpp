#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <optional>

#include <windows.h>

#include "provider/host/handle.hpp"
#include "provider/host/wide.hpp"
#include "provider/tool/child_process.hpp"
#include "provider/tool/job.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

// More than any honest answer, and little enough to hold.
constexpr std::size_t kMaxOutput = std::size_t{4} << 20;

HANDLE OpenInheritable(const std::wstring& path, DWORD access, DWORD creation, DWORD flags) {
  SECURITY_ATTRIBUTES inheritable{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  return ::CreateFileW(path.c_str(), access,
                       creation == CREATE_NEW ? 0 : FILE_SHARE_READ | FILE_SHARE_WRITE,
                       &inheritable, creation, flags, nullptr);
}

/// A file that nobody else can open and that is gone when its last handle is closed. Not a pipe: a
/// command that writes much cannot block, and node.exe in Wine writes to no pipe.
HANDLE OpenOutput() {
  static std::atomic<unsigned> count = 0;
  std::wstring directory(MAX_PATH + 1, L'\0');
  directory.resize(::GetTempPathW(static_cast<DWORD>(directory.size()), directory.data()));
  const std::wstring name = directory + L"ostrust-" + std::to_wstring(::GetCurrentProcessId()) +
                            L"-" + std::to_wstring(::GetTickCount64()) + L"-" +
                            std::to_wstring(++count);
  return OpenInheritable(name, GENERIC_READ | GENERIC_WRITE, CREATE_NEW,
                         FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE);
}

std::string ReadBack(HANDLE file) {
  LARGE_INTEGER size{};
  if (::GetFileSizeEx(file, &size) == 0) return {};
  std::string text(static_cast<std::size_t>(std::clamp<LONGLONG>(size.QuadPart, 0, kMaxOutput)),
                   '\0');
  ::SetFilePointer(file, 0, nullptr, FILE_BEGIN);
  DWORD got = 0;
  ::ReadFile(file, text.data(), static_cast<DWORD>(text.size()), &got, nullptr);
  text.resize(got);
  text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  return text;
}

/// Variables of this process's environment, for as long as this lives.
class ScopedVariables {
 public:
  explicit ScopedVariables(const std::vector<std::pair<std::string, std::string>>& variables) {
    for (const auto& [name, value] : variables) {
      before_.emplace_back(name, GetVariable(name.c_str()));
      SetVariable(name.c_str(), value);
    }
  }
  ~ScopedVariables() {
    for (const auto& [name, value] : before_) {
      if (value) {
        SetVariable(name.c_str(), *value);
      } else {
        UnsetVariable(name.c_str());
      }
    }
  }
  ScopedVariables(const ScopedVariables&) = delete;
  ScopedVariables& operator=(const ScopedVariables&) = delete;

 private:
  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

/// Children get it from us: no box on the screen that somebody has to click away.
class NoErrorDialogs {
 public:
  NoErrorDialogs()
      : before_(::SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX |
                               SEM_NOOPENFILEERRORBOX)) {}
  ~NoErrorDialogs() { ::SetErrorMode(before_); }
  NoErrorDialogs(const NoErrorDialogs&) = delete;
  NoErrorDialogs& operator=(const NoErrorDialogs&) = delete;

 private:
  const UINT before_;
};

}  // namespace

std::string ChildOutcome::Describe() const {
  std::array<char, 16> number{};
  switch (end) {
    case End::kExited:
      return "ended with status " + std::to_string(code);
    case End::kSignalled:
      static_cast<void>(
          std::snprintf(number.data(), number.size(), "0x%08X", static_cast<unsigned>(code)));
      return std::string("was ended by exception ") + number.data();
    case End::kTimedOut:
      return "did not answer in time";
    case End::kNotStarted:
      break;
  }
  return "could not be started";
}

ChildOutcome RunCommand(const std::vector<std::string>& command, std::chrono::milliseconds limit,
                        const std::vector<std::pair<std::string, std::string>>& variables) {
  ChildOutcome outcome;
  const host::Handle in(OpenInheritable(L"NUL", GENERIC_READ, OPEN_EXISTING, 0));
  const host::Handle out(OpenOutput());
  const host::Handle err(OpenOutput());
  if (!in || !out || !err) return outcome;
  const ScopedVariables scoped(variables);
  const NoErrorDialogs no_dialogs;
  const StartedProcess started =
      StartInJob(command.front(), command, {in.Get(), out.Get(), err.Get()},
                 JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION, CREATE_NO_WINDOW);
  const host::Handle job(started.job);
  const host::Handle process(started.process);
  if (!process) return outcome;
  if (::WaitForSingleObject(process.Get(), static_cast<DWORD>(limit.count())) != WAIT_OBJECT_0) {
    outcome.end = ChildOutcome::End::kTimedOut;
  } else {
    DWORD code = 0;
    ::GetExitCodeProcess(process.Get(), &code);
    constexpr DWORD kError = 0xC0000000;  // NTSTATUS
    outcome.code = static_cast<int>(code);
    outcome.end =
        (code & kError) == kError ? ChildOutcome::End::kSignalled : ChildOutcome::End::kExited;
  }
  // And all that it started; alone where it is in no job of ours.
  ::TerminateJobObject(job.Get(), 1);
  ::TerminateProcess(process.Get(), 1);
  ::WaitForSingleObject(process.Get(), 1000);
  outcome.out = ReadBack(out.Get());
  outcome.err = ReadBack(err.Get());
  return outcome;
}

}  // namespace ostrust::tool
