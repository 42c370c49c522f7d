// Verifies chains as it is told on standard input, one case a line, and prints one line for each.
//
// A case is words separated by tabs. Files are PEM or DER.
//
//     leaf=FILE                the certificate to verify; it must be there
//     then=FILE                another, to verify afterwards in the same context: the answer is its
//     untrusted=FILE           certificates sent with it
//     anchors=NAME             a file, or "os://"
//     time=SECONDS             since 1970; now, if absent
//     purpose=NAME             as for -purpose of the openssl command
//     host=NAME  ip=ADDRESS    whom the leaf must be for; one of the hosts
//     policy=OID               acceptable policies
//     flag=NAME                partial_chain, no_trusted_first, x509_strict, policy_check,
//                              explicit_policy, inhibit_any, inhibit_map, crl_check,
//                              crl_check_all, extended_crl_support, use_deltas
//     crl=FILE                 a CRL in DER, put into the context (X509_STORE_CTX_set0_crls())
//     store_crl=FILE           one that is put into the store (X509_STORE_add_crl())
//     forgive=1                the callback lets every error pass
//     forgive=62               it lets this error pass, or another number's
//     callback=store           the callback is the store's; else it is put into the context
//
// untrusted, anchors, host, policy, flag, crl and store_crl may be there several times. The answer,
// separated by tabs: accepted, refused or unusable; error and depth at the end; error@depth as the
// callback saw them; the chain from the leaf on, by the first bytes of each certificate's SHA-256.
// Cases with the same anchors and CRLs in the store share one, as in a program.
#include <array>
#include <ctime>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "host.hpp"

using namespace host;

namespace {

using Names = std::vector<std::string>;
using Stores = std::map<std::pair<Names, Names>, Owned<X509_STORE>>;

const std::map<std::string, unsigned long> kFlags = {
    {"partial_chain", X509_V_FLAG_PARTIAL_CHAIN},
    {"x509_strict", X509_V_FLAG_X509_STRICT},
    {"policy_check", X509_V_FLAG_POLICY_CHECK},
    {"explicit_policy", X509_V_FLAG_EXPLICIT_POLICY},
    {"inhibit_any", X509_V_FLAG_INHIBIT_ANY},
    {"inhibit_map", X509_V_FLAG_INHIBIT_MAP},
    {"crl_check", X509_V_FLAG_CRL_CHECK},
    {"crl_check_all", X509_V_FLAG_CRL_CHECK_ALL},
    {"use_deltas", X509_V_FLAG_USE_DELTAS},
    {"extended_crl_support", X509_V_FLAG_EXTENDED_CRL_SUPPORT},
};

/// What one case says: the values of each key, in order.
class Case {
 public:
  explicit Case(const std::string& line) {
    std::istringstream words(line);
    for (std::string word; std::getline(words, word, '\t');) {
      const std::size_t equals = word.find('=');
      if (equals == std::string::npos) throw std::runtime_error("not KEY=VALUE: " + word);
      const std::string key = word.substr(0, equals);
      if (kKeys.count(key) == 0) throw std::runtime_error("unknown key: " + key);
      values_[key].push_back(word.substr(equals + 1));
    }
  }

  const std::vector<std::string>& All(const std::string& key) { return values_[key]; }

  /// The last value, or nullptr.
  const char* One(const std::string& key) {
    const auto& values = values_[key];
    return values.empty() ? nullptr : values.back().c_str();
  }

 private:
  inline static const std::set<std::string> kKeys = {
      "leaf", "then",   "untrusted", "anchors", "time",     "purpose", "host",
      "ip",   "policy", "flag",      "forgive", "callback", "crl",     "store_crl"};
  std::map<std::string, std::vector<std::string>> values_;
};

void Must(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(what + " " + Errors());
}

/// Adds the certificates of a file.
void Read(const std::string& path, STACK_OF(X509) * to) {
  const Owned<BIO> in(BIO_new_file(path.c_str(), "r"));
  Must(in != nullptr, "cannot open " + path);
  const int before = sk_X509_num(to);
  while (X509* const certificate = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)) {
    sk_X509_push(to, certificate);
  }
  if (sk_X509_num(to) == before && BIO_seek(in.get(), 0) == 0) {
    if (X509* const certificate = d2i_X509_bio(in.get(), nullptr)) sk_X509_push(to, certificate);
  }
  Must(sk_X509_num(to) > before, "no certificate in " + path);
  ERR_clear_error();  // the end of a PEM file is an error
}

Owned<X509_CRL> ReadCrl(const std::string& path) {
  const Owned<BIO> in(BIO_new_file(path.c_str(), "rb"));
  Owned<X509_CRL> crl(in != nullptr ? d2i_X509_CRL_bio(in.get(), nullptr) : nullptr);
  Must(crl != nullptr, "no CRL in " + path);
  return crl;
}

Owned<X509_STORE> NewStore(const Names& anchors, const Names& crls) {
  Owned<X509_STORE> store(X509_STORE_new());
  for (const std::string& name : anchors) {
    Must(X509_STORE_load_file(store.get(), name.c_str()) == 1, "cannot load " + name);
  }
  for (const std::string& path : crls) {
    Must(X509_STORE_add_crl(store.get(), ReadCrl(path).get()) == 1, "cannot add " + path);
  }
  return store;
}

void SetParameters(Case& wanted, X509_VERIFY_PARAM* parameters) {
  if (const char* time = wanted.One("time")) {
    X509_VERIFY_PARAM_set_time(parameters, static_cast<std::time_t>(std::stoll(time)));
  }
  if (const char* name = wanted.One("purpose")) {
    const int index = X509_PURPOSE_get_by_sname(name);
    Must(index >= 0, std::string("unknown purpose: ") + name);
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_get_id(X509_PURPOSE_get0(index)));
  }
  for (const std::string& name : wanted.All("host")) {
    Must(X509_VERIFY_PARAM_add1_host(parameters, name.c_str(), 0) == 1, "not a host: " + name);
  }
  if (const char* address = wanted.One("ip")) {
    Must(X509_VERIFY_PARAM_set1_ip_asc(parameters, address) == 1, "not an address");
  }
  for (const std::string& policy : wanted.All("policy")) {
    ASN1_OBJECT* const object = OBJ_txt2obj(policy.c_str(), 0);
    Must(X509_VERIFY_PARAM_add0_policy(parameters, object) == 1, "not a policy: " + policy);
  }
  for (const std::string& flag : wanted.All("flag")) {
    if (flag == "no_trusted_first") {
      X509_VERIFY_PARAM_clear_flags(parameters, X509_V_FLAG_TRUSTED_FIRST);
    } else {
      Must(kFlags.count(flag) == 1, "unknown flag: " + flag);
      X509_VERIFY_PARAM_set_flags(parameters, kFlags.at(flag));
    }
  }
}

// What the callback needs, which gets no argument of ours.
std::string forgiven;
std::string seen;

int Callback(int good, X509_STORE_CTX* context) {
  if (good == 1) return 1;
  const std::string error = std::to_string(X509_STORE_CTX_get_error(context));
  seen += (seen.empty() ? "" : ",") + error + "@" +
          std::to_string(X509_STORE_CTX_get_error_depth(context));
  return forgiven == "1" || forgiven == error ? 1 : 0;
}

std::string Fingerprint(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  Must(X509_digest(certificate, EVP_sha256(), digest.data(), &length) == 1, "no SHA-256");
  char text[9];
  std::snprintf(text, sizeof text, "%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
  return text;
}

std::string Answer(Case& wanted, Stores& stores) {
  const Owned<STACK_OF(X509)> leaf(sk_X509_new_null());
  const Owned<STACK_OF(X509)> untrusted(sk_X509_new_null());
  Must(wanted.One("leaf") != nullptr, "no leaf");
  Read(wanted.One("leaf"), leaf.get());
  for (const std::string& path : wanted.All("untrusted")) Read(path, untrusted.get());

  const Names& anchors = wanted.All("anchors");
  const Names& store_crls = wanted.All("store_crl");
  Owned<X509_STORE>& store = stores[{anchors, store_crls}];
  if (!store) store = NewStore(anchors, store_crls);

  const bool stores_callback = wanted.One("callback") != nullptr;
  X509_STORE_set_verify_cb(store.get(), stores_callback ? Callback : nullptr);
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  Must(X509_STORE_CTX_init(context.get(), store.get(), sk_X509_value(leaf.get(), 0),
                           untrusted.get()) == 1,
       "no context");
  SetParameters(wanted, X509_STORE_CTX_get0_param(context.get()));
  const Owned<STACK_OF(X509_CRL)> crls(sk_X509_CRL_new_null());
  for (const std::string& path : wanted.All("crl")) {
    sk_X509_CRL_push(crls.get(), ReadCrl(path).release());
  }
  X509_STORE_CTX_set0_crls(context.get(), crls.get());
  const char* const forgive = wanted.One("forgive");
  forgiven = forgive != nullptr ? forgive : "";
  seen.clear();
  if (!stores_callback) X509_STORE_CTX_set_verify_cb(context.get(), Callback);

  bool good = X509_verify_cert(context.get()) == 1;
  if (wanted.One("then") != nullptr) {
    Read(wanted.One("then"), leaf.get());
    X509_STORE_CTX_set_cert(context.get(), sk_X509_value(leaf.get(), sk_X509_num(leaf.get()) - 1));
    X509_STORE_CTX_set0_verified_chain(context.get(), nullptr);
    X509_STORE_CTX_set_error(context.get(), X509_V_OK);
    seen.clear();
    good = X509_verify_cert(context.get()) == 1;
  }
  std::string answer = std::string(good ? "accepted" : "refused") + "\t" +
                       std::to_string(X509_STORE_CTX_get_error(context.get())) + "\t" +
                       std::to_string(X509_STORE_CTX_get_error_depth(context.get())) + "\t" +
                       (seen.empty() ? "-" : seen) + "\t";
  const STACK_OF(X509)* const chain = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    answer += (i != 0 ? "," : "") + Fingerprint(sk_X509_value(chain, i));
  }
  ERR_clear_error();
  return answer;
}

}  // namespace

int main() {
  OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr);
  Stores stores;
  for (std::string line; std::getline(std::cin, line);) {
    try {
      Case wanted(line);
      std::cout << Answer(wanted, stores) << "\n";
    } catch (const std::exception& error) {
      std::string text = error.what();
      for (char& letter : text) {
        if (letter == '\n' || letter == '\t') letter = ' ';
      }
      std::cout << "unusable\t" << text << "\n";
    }
  }
  return 0;
}
