#include "provider/tool/enable_proof.hpp"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "provider/tool/child_process.hpp"
#include "provider/tool/explain_libraries.hpp"
#include "provider/tool/write_all.hpp"

namespace ostrust::tool {
namespace {

constexpr std::chrono::seconds kLimit{10};

/// An answer of a child: what it found, or a sentence about why not.
using Answer = nlohmann::json;

Answer Failure(const std::string& why) {
  return {{"failure", why}};
}

std::string Text(const Verifier& crypto, BIO* bio) {
  char* data = nullptr;
  const long size = crypto.BIO_ctrl(bio, BIO_CTRL_INFO, 0, &data);
  return size <= 0 ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

/// The names of all sections: NCONF_dump_bio() has a line "[[name]]" for each.
std::vector<std::string> SectionNames(const Verifier& crypto, const CONF* conf) {
  BIO* const bio = crypto.BIO_new(crypto.BIO_s_mem());
  crypto.NCONF_dump_bio(conf, bio);
  const std::string dump = "\n" + Text(crypto, bio);
  crypto.BIO_free(bio);
  std::vector<std::string> names;
  for (std::size_t at = dump.find("\n[["); at != std::string::npos;
       at = dump.find("\n[[", at + 1)) {
    const std::size_t end = dump.find("]]\n", at);
    if (end == std::string::npos) break;
    names.push_back(dump.substr(at + 3, end - at - 3));
  }
  return names;
}

std::string Enter(const std::string& root) {
  if (root.empty()) return {};
  if (::geteuid() != 0) ::unshare(CLONE_NEWUSER);
  if (::chroot(root.c_str()) == 0 && ::chdir("/") == 0) return {};
  return "what " + root + " includes can be read as root only (chroot: " + std::strerror(errno) +
         ")";
}

Answer Parse(const std::string& libcrypto, const std::string& root, const std::string& text) {
  std::string why;
  const auto crypto = Verifier::Load(libcrypto, why);
  if (!crypto) return Failure(why);
  if (why = Enter(root); !why.empty()) return Failure(why);
  CONF* const conf = crypto->NCONF_new_ex(nullptr, nullptr);
  BIO* const bio = crypto->BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  long line = -1;
  crypto->ERR_clear_error();
  if (crypto->NCONF_load_bio(conf, bio, &line) != 1) {
    const std::string errors = crypto->TakeErrors();
    return Failure((line > 0 ? "line " + std::to_string(line) : std::string("it cannot be read")) +
                   (errors.empty() ? "" : ": " + errors));
  }
  Sections sections;
  for (const std::string& name : SectionNames(*crypto, conf)) {
    auto& lines = sections[name];
    const auto* const section =
        reinterpret_cast<const OPENSSL_STACK*>(crypto->NCONF_get_section(conf, name.c_str()));
    for (int i = 0; section != nullptr && i < crypto->OPENSSL_sk_num(section); ++i) {
      const auto* const value =
          static_cast<const CONF_VALUE*>(crypto->OPENSSL_sk_value(section, i));
      lines.emplace_back(value->name, value->value == nullptr ? "" : value->value);
    }
  }
  return {{"sections", sections}};
}

Answer Settings(const std::string& libcrypto, const std::string& file) {
  ::setenv("OPENSSL_CONF", file.c_str(), 1);
  std::string why;
  const auto crypto = Verifier::Load(libcrypto, why);
  if (!crypto) return Failure(why);
  const auto ssl = Libssl::Load(libcrypto, *crypto, why);
  if (!ssl) return Failure(why);
  ssl->OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr);
  std::string text;
  for (const auto method : {ssl->TLS_client_method, ssl->TLS_server_method}) {
    SSL_CTX* const context = ssl->SSL_CTX_new(method());
    if (context == nullptr) return Failure("no TLS context: " + crypto->TakeErrors());
    const auto number = [&](int what) {
      return std::to_string(ssl->SSL_CTX_ctrl(context, what, 0, nullptr)) + " ";
    };
    text += number(SSL_CTRL_GET_MIN_PROTO_VERSION) + number(SSL_CTRL_GET_MAX_PROTO_VERSION) +
            std::to_string(ssl->SSL_CTX_get_options(context)) + " " +
            std::to_string(ssl->SSL_CTX_get_security_level(context));
    const auto* const ciphers =
        reinterpret_cast<const OPENSSL_STACK*>(ssl->SSL_CTX_get_ciphers(context));
    for (int i = 0; ciphers != nullptr && i < crypto->OPENSSL_sk_num(ciphers); ++i) {
      text += std::string(" ") + ssl->SSL_CIPHER_get_name(static_cast<const SSL_CIPHER*>(
                                     crypto->OPENSSL_sk_value(ciphers, i)));
    }
    text += "\n";
    ssl->SSL_CTX_free(context);
  }
  return {{"settings", text}};
}

/// Null, with a sentence in `why`, when there is no answer.
template <typename Work>
Answer Ask(const std::string& libcrypto, const Work& work, std::string& why) {
  const ChildOutcome outcome = RunForked(
      [&] { return work().dump(-1, ' ', false, Answer::error_handler_t::replace); }, kLimit);
  Answer answer;
  if (outcome.Succeeded()) answer = Answer::parse(outcome.out, nullptr, false);
  if (!answer.is_object()) {
    why = "the process that asked " + libcrypto + " " + outcome.Describe();
    return nullptr;
  }
  if (!answer.contains("failure")) return answer;
  why = answer["failure"];
  return nullptr;
}

}  // namespace

std::optional<Sections> ParseConfiguration(const std::string& libcrypto, const std::string& root,
                                           const std::string& text, std::string& why) {
  const Answer answer = Ask(
      libcrypto, [&] { return Parse(libcrypto, root, text); }, why);
  if (answer.is_null()) return std::nullopt;
  return answer.at("sections").get<Sections>();
}

std::optional<std::string> TlsSettings(const std::string& libcrypto, const std::string& file,
                                       std::string& why) {
  const Answer answer = Ask(
      libcrypto, [&] { return Settings(libcrypto, file); }, why);
  if (answer.is_null()) return std::nullopt;
  return answer.at("settings").get<std::string>();
}

TextAsFile::TextAsFile(const std::string& text) : fd_(::memfd_create("openssl.cnf", MFD_CLOEXEC)) {
  path_ = "/proc/self/fd/" + std::to_string(fd_);
  if (fd_ < 0 || !WriteAll(fd_, text)) {
    throw std::runtime_error(std::string("no memory for a file: ") + std::strerror(errno));
  }
}

TextAsFile::~TextAsFile() {
  ::close(fd_);
}

}  // namespace ostrust::tool
