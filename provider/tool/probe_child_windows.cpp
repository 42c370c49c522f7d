// Windows has no fork: this program is started anew, as `ostrust --probe QUESTION`.
#include "provider/tool/probe_child.hpp"

#include <fcntl.h>
#include <io.h>
#include <share.h>

#include <windows.h>

#include "provider/tool/probe_json.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

constexpr const char* kVerb = "--probe";
constexpr const char* kVerbWithoutLoading = "--probe-configuration";

/// Takes our standard output and error away from the libraries that are loaded: what they print is
/// no answer. Returns what was standard output.
HANDLE KeepOutput() {
  HANDLE out = nullptr;
  ::DuplicateHandle(::GetCurrentProcess(), ::GetStdHandle(STD_OUTPUT_HANDLE), ::GetCurrentProcess(),
                    &out, 0, FALSE, DUPLICATE_SAME_ACCESS);
  // This C runtime's streams, and those of others, which ask Windows for them when they are loaded.
  int null = -1;
  ::_sopen_s(&null, "NUL", _O_WRONLY, _SH_DENYNO, 0);
  for (const int stream : {1, 2}) ::_dup2(null, stream);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the C runtime gives handles as numbers
  const auto handle = reinterpret_cast<HANDLE>(::_get_osfhandle(null));
  ::SetStdHandle(STD_OUTPUT_HANDLE, handle);
  ::SetStdHandle(STD_ERROR_HANDLE, handle);
  return out;
}

}  // namespace

ChildOutcome AnswerInChild(const ProbeQuestion& question, bool load,
                           std::chrono::milliseconds limit) {
  // In the environment from the start: a C runtime copies it when it is loaded.
  std::vector<std::pair<std::string, std::string>> variables;
  if (question.file) variables.emplace_back("OPENSSL_CONF", *question.file);
  return RunCommand({OwnPath(), load ? kVerb : kVerbWithoutLoading, QuestionToJson(question)},
                    limit, variables);
}

std::optional<int> RunAsProbeChild(const std::vector<std::string>& arguments) {
  if (arguments.size() != 2 || (arguments[0] != kVerb && arguments[0] != kVerbWithoutLoading)) {
    return std::nullopt;
  }
  const auto question = QuestionFromJson(arguments[1]);
  if (!question) return 2;
  const HANDLE out = KeepOutput();
  const std::string answer = ProbeToJson(Answer(*question, arguments[0] == kVerb));
  DWORD written = 0;
  ::WriteFile(out, answer.data(), static_cast<DWORD>(answer.size()), &written, nullptr);
  // No exit handler of a library that is not ours.
  ::TerminateProcess(::GetCurrentProcess(), written == answer.size() ? 0 : 1);
  return 1;
}

}  // namespace ostrust::tool
