#include "provider/tool/probe_child.hpp"

#include <cstdlib>

#include "provider/tool/probe_json.hpp"

namespace ostrust::tool {

ChildOutcome AnswerInChild(const ProbeQuestion& question, bool load,
                           std::chrono::milliseconds limit) {
  return RunForked(
      [&] {
        if (question.set_user_id) {
          for (const char* name : {"OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_CONF_INCLUDE",
                                   "SSL_CERT_FILE", "SSL_CERT_DIR"}) {
            ::unsetenv(name);
          }
        }
        if (question.file) ::setenv("OPENSSL_CONF", question.file->c_str(), 1);
        return ProbeToJson(Answer(question, load));
      },
      limit);
}

std::optional<int> RunAsProbeChild(const std::vector<std::string>&) {
  return std::nullopt;
}

}  // namespace ostrust::tool
