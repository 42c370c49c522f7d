// CoreFoundation, which the module asks, ends a process that was forked and has not exec'd: this
// program is started anew, as `ostrust --probe QUESTION`.
#include "provider/tool/probe_child.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "provider/tool/probe_json.hpp"
#include "provider/tool/system.hpp"
#include "provider/tool/write_all.hpp"

namespace ostrust::tool {
namespace {

constexpr const char* kVerb = "--probe";
constexpr const char* kVerbWithoutLoading = "--probe-configuration";
constexpr const char* kAsSetUserId = "--as-set-user-id";

/// Takes our standard output and error away from the libraries that are loaded: what they print is
/// no answer. Returns what was standard output.
int KeepOutput() {
  const int out = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, stream);
  return out;
}

}  // namespace

ChildOutcome AnswerInChild(const ProbeQuestion& question, bool load,
                           std::chrono::milliseconds limit) {
  std::vector<std::string> command = {OwnPath(), load ? kVerb : kVerbWithoutLoading,
                                      QuestionToJson(question)};
  if (question.set_user_id) command.emplace_back(kAsSetUserId);
  std::vector<std::pair<std::string, std::string>> variables;
  if (question.file) variables.emplace_back("OPENSSL_CONF", *question.file);
  return RunCommand(command, limit, variables);
}

std::optional<int> RunAsProbeChild(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2 || (arguments[0] != kVerb && arguments[0] != kVerbWithoutLoading)) {
    return std::nullopt;
  }
  const auto question = QuestionFromJson(arguments[1]);
  if (!question) return 2;
  if (arguments.size() > 2 && arguments[2] == kAsSetUserId) {
    // Before a libcrypto is loaded. OPENSSL_CONF stays where the question names a file.
    if (!question->file) UnsetVariable("OPENSSL_CONF");
    for (const char* const name :
         {"OPENSSL_MODULES", "OPENSSL_CONF_INCLUDE", "SSL_CERT_FILE", "SSL_CERT_DIR"}) {
      UnsetVariable(name);
    }
  }
  const int out = KeepOutput();
  const bool written = WriteAll(out, ProbeToJson(Answer(*question, arguments[0] == kVerb)));
  ::_exit(written ? 0 : 1);  // no exit handler of a library that is not ours
}

}  // namespace ostrust::tool
