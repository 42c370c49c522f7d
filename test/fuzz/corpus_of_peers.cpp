// Seeds of what a peer or the network sends.
#include <openssl/ocsp.h>
#include <openssl/pkcs7.h>

#include <string>

#include "certificates.hpp"
#include "corpus.hpp"
#include "libcrypto.hpp"
#include "platform/der.hpp"
#include "revocation_lists.hpp"

namespace ostrust::fuzz {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using platform::AsText;
using platform::Bytes;
using platform::ByteView;

std::string Chunk(std::string_view content) {
  std::string chunk;
  chunk += static_cast<char>(content.size() >> 8);
  chunk += static_cast<char>(content.size() & 0xff);
  return chunk + std::string(content);
}

std::string Value(int nid, const char* text) {
  const std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, text));
  const ASN1_OCTET_STRING* const data = X509_EXTENSION_get_data(extension.get());
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(data)),
          static_cast<std::size_t>(ASN1_STRING_length(data))};
}

template <typename Object, typename Encode>
std::string Encoded(const Object* object, Encode encode) {
  unsigned char* der = nullptr;
  const int size = encode(object, &der);
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

std::string CertsOnly() {
  PKCS7* const message = PKCS7_new();
  PKCS7_set_type(message, NID_pkcs7_signed);
  PKCS7_content_new(message, NID_pkcs7_data);
  for (const int key : {1, 2}) {
    const auto x509 =
        MakeCertificate({.subject = "CA", .issuer = "Root", .key = key, .is_authority = true});
    PKCS7_add_certificate(message, x509.get());
  }
  std::string text = Encoded(message, i2d_PKCS7);
  PKCS7_free(message);
  return text;
}

// The ResponseData as ocsp.cpp signs it, or the whole response.
std::string Ocsp(int status, bool by_responder, const EVP_MD* digest, bool whole = false) {
  const auto issuer =
      MakeCertificate({.subject = "Issuer", .issuer = "Issuer", .is_authority = true});
  const auto leaf = MakeCertificate({.subject = "leaf", .issuer = "Issuer", .key = 2, .serial = 7});
  const auto responder = MakeCertificate(
      {.subject = "Responder", .issuer = "Issuer", .key = 3, .extended_key_usage = "OCSPSigning"});
  OCSP_BASICRESP* const basic = OCSP_BASICRESP_new();
  OCSP_CERTID* const id = OCSP_cert_to_id(digest, leaf.get(), issuer.get());
  ASN1_GENERALIZEDTIME* const from = ASN1_GENERALIZEDTIME_new();
  ASN1_GENERALIZEDTIME* const until = ASN1_GENERALIZEDTIME_new();
  ASN1_GENERALIZEDTIME_set_string(from, "20260102000000Z");
  ASN1_GENERALIZEDTIME_set_string(until, "20260110000000Z");
  OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_KEYCOMPROMISE, from, from, until);
  // A whole one is signed by nobody who may.
  const auto stranger =
      MakeCertificate({.subject = "Stranger", .issuer = "Stranger", .key = 5, .issuer_key = 5});
  OCSP_basic_sign(basic,
                  whole          ? stranger.get()
                  : by_responder ? responder.get()
                                 : issuer.get(),
                  SmallKey(whole          ? 5
                           : by_responder ? 3
                                          : 1),
                  EVP_sha256(), nullptr, OCSP_NOTIME);
  std::string text;
  if (whole) {
    OCSP_RESPONSE* const response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    text = Encoded(response, i2d_OCSP_RESPONSE);
    OCSP_RESPONSE_free(response);
  } else {
    const std::string all = Encoded(basic, i2d_OCSP_BASICRESP);
    platform::DerReader reader(platform::AsBytes(all));
    text = AsText(platform::DerReader(reader.Next()->content).Next()->whole);
  }
  ASN1_GENERALIZEDTIME_free(from);
  ASN1_GENERALIZEDTIME_free(until);
  OCSP_CERTID_free(id);
  OCSP_BASICRESP_free(basic);
  return text;
}

std::string ToBeSigned(const platform::ListParts& parts) {
  const Bytes list = platform::MakeList(parts);
  return std::string(AsText(platform::ReadRevocationList(list)->to_be_signed));
}

}  // namespace

void AddCorporaOfPeers(const std::filesystem::path& top) {
  const Corpus http(top / "http_answer");
  const std::string ok =
      "HTTP/1.0 200 OK\r\nContent-Type: application/pkix-cert\r\nContent-Length: "
      "5\r\n\r\n\x30\x03\x02\x01\x05"s;
  http.Add("ok", "\7"s + Chunk(ok));
  http.Add("redirected",
           "\1"s + Chunk("HTTP/1.1 302 Found\r\nLocation: http://other.example/x\r\n\r\n") +
               Chunk("HTTP/1.1 301 Moved\r\nLocation: /path?query\r\n\r\n") + Chunk(ok));
  http.Add("missing", "\200"s + Chunk("HTTP/1.1 404 Not Found\r\n\r\n"));

  const Corpus ca_issuers(top / "ca_issuers");
  const auto authority = MakeCertificate({.subject = "CA", .issuer = "Root", .is_authority = true});
  ca_issuers.Add("certificate", AsText(DerOf(authority.get())));
  ca_issuers.Add("certs-only", CertsOnly());

  const Corpus extensions(top / "certificate_extensions");
  const std::string access =
      Value(NID_info_access, "caIssuers;URI:http://a/a.der,OCSP;URI:http://b/,OCSP;URI:ldap://c/");
  extensions.Add("access", "\0"s + Chunk(access));
  const std::string points =
      Value(NID_crl_distribution_points, "URI:http://a/a.crl,URI:http://b/b.crl");
  // DistributionPoint with cRLIssuer [2] of a directoryName.
  Bytes name;
  platform::AppendDer(platform::der::ContextConstructed(4), platform::NameDer("CA"), name);
  Bytes issuer;
  platform::AppendDer(platform::der::ContextConstructed(2), name, issuer);
  Bytes point;
  platform::AppendDer(platform::der::kSequence, issuer, point);
  Bytes indirect;
  platform::AppendDer(platform::der::kSequence, point, indirect);
  extensions.Add("points", "\1"s + Chunk(points) + "\2" + Chunk(points));
  extensions.Add("indirect", "\1"s + Chunk(AsText(indirect)));
  extensions.Add("feature", "\3"s + Chunk(Value(NID_tlsfeature, "status_request")));

  const Corpus ocsp(top / "ocsp");
  ocsp.Add("good", "\0"s + Ocsp(V_OCSP_CERTSTATUS_GOOD, false, EVP_sha1()));
  ocsp.Add("revoked", "\0"s + Ocsp(V_OCSP_CERTSTATUS_REVOKED, false, EVP_sha256()));
  ocsp.Add("responder", "\1"s + Ocsp(V_OCSP_CERTSTATUS_GOOD, true, EVP_sha1()));
  ocsp.Add("unknown", "\1"s + Ocsp(V_OCSP_CERTSTATUS_UNKNOWN, true, EVP_sha1()));
  ocsp.Add("stranger", "\3"s + Ocsp(V_OCSP_CERTSTATUS_GOOD, true, EVP_sha1()));
  ocsp.Add("whole", "\5"s + Ocsp(V_OCSP_CERTSTATUS_GOOD, true, EVP_sha1(), true));

  const Corpus list_check(top / "list_check");
  platform::ListParts parts = platform::PartsOf("CA", platform::Revoked(1));
  parts.extensions = platform::CrlNumber(7);
  const std::string good = Chunk(ToBeSigned(parts));
  parts.entries = platform::Concatenate(parts.entries, platform::Revoked(5));
  const std::string revoked = Chunk(ToBeSigned(parts));
  parts.extensions = platform::Concatenate(platform::CrlNumber(8), platform::DeltaCrlIndicator(7));
  const std::string delta = Chunk(ToBeSigned(parts));
  parts.extensions = platform::IndirectCrl();
  parts.entries = platform::Concatenate(platform::Revoked(2, platform::CertificateIssuer("A")),
                                        platform::Revoked(5));
  const std::string of_others = Chunk(ToBeSigned(parts));
  list_check.Add("good", "\0\1"s + good);
  list_check.Add("revoked", "\0\1"s + revoked);
  list_check.Add("delta", "\0\1"s + good + "\1" + delta);
  list_check.Add("indirect", "\1\1"s + of_others);
  list_check.Add("forged", "\0\1"s + good + "\0"s + revoked);

  const Corpus constraints(top / "name_constraints");
  const auto add = [&](const char* to, const char* common_name, const char* names,
                       const char* value) {
    constraints.Add(to, Chunk(common_name) +
                            Chunk(*names == '\0' ? "" : Value(NID_subject_alt_name, names)) +
                            Value(NID_name_constraints, value));
  };
  add("dns", "leaf", "DNS:www.example.com", "permitted;DNS:example.com,excluded;DNS:a.example.com");
  add("common-name", "www.other.org", "", "permitted;DNS:example.com");
  add("other-name", "www.other.org", "DNS:www.example.com", "permitted;DNS:example.com");
  add("address", "leaf", "IP:192.0.2.1,IP:2001:db8::1",
      "permitted;IP:192.0.2.0/255.255.255.0,excluded;IP:2001:db8::/ffff:ffff::");
  add("mail", "leaf", "email:a@example.com,URI:https://example.com/x",
      "permitted;email:example.com,permitted;URI:.example.com");

  const Corpus completion(top / "path_completion");
  // Subject and issuer, keys, what it is. A's chain: A by B, B by C, C an anchor.
  constexpr char kLeaf[] = {0 | 1 << 3, 0 | 1 << 2, 0};
  constexpr char kMissing[] = {1 | 2 << 3, 1 | 2 << 2, 1};
  constexpr char kAnchor[] = {2 | 2 << 3, 2 | 2 << 2, 2};
  constexpr char kDistrusted[] = {1 | 2 << 3, 1 | 2 << 2, 3};
  constexpr char kLoop[] = {2 | 1 << 3, 2 | 1 << 2, 1};
  const std::string leaf(kLeaf, 3);
  const std::string missing(kMissing, 3);
  const std::string anchor(kAnchor, 3);
  const std::string loop(kLoop, 3);
  completion.Add("one", "\0"s + leaf + missing + anchor);
  completion.Add("distrusted", "\0"s + leaf + missing + anchor + std::string(kDistrusted, 3));
  completion.Add("loop", "\0"s + leaf + missing + loop + missing);
  completion.Add("partial", "\1"s + leaf + missing + anchor);

  const Corpus config(top / "config");
  config.Add("all",
             "default-paths=no\nsystem-bundles=yes\nreplace-bundles=certifi, */ca.pem\n"
             "verify=report\nrevocation=soft\nintermediates=fetch\nnetwork-allow-private=no\n"
             "network-timeout=8\ncache-dir=/var/cache/ostrust\ntrust-source=p11-kit:/etc/pki\n"
             "refresh=2.5\npreload=haproxy, nginx\nlog=info:/var/log/ostrust\n");
  config.Add("bad", "refresh=-1\nlog=loud\nverify=\npreload=a/b\ntrust-source=x\ncache-dir=x\n");

  config.Add("beyond", "refresh=86401\nnetwork-timeout=601\n");

  const Corpus record(top / "package_record");
  record.Add("found", "a.pem\nb.pem,sha256=y,8\r\na.pem,sha256=x,7\r\n");
  record.Add("broken", "a.pem\na.pem,sha256=x\n");

  const Corpus marker(top / "marker");
  marker.Add("alone", "\1\3\2");
  marker.Add("second", "# text\n\1AAAA\2\n\1 \3\n\2");
  marker.Add("cut", "\1\3\4\4\2");
  marker.Add("nested", "\1\1\3\2\1");

  const Corpus names(top / "file_names");
  names.Add("uris", "os:\nos://\nOS://x\nosx\n/etc/os:\n");
  names.Add("hashed", "5ed36f99.0\n5ed36f99.r0\n5ed36f99.12\nabcdef01.0\n");

  const Corpus address(top / "network_address");
  address.Add("ipv4", "192.0.2.1");
  address.Add("octal", "0177.1");
  address.Add("ipv6", "2001:db8::1");
  address.Add("mapped", "::ffff:127.0.0.1");
  address.Add("scope", "fe80::1%lo");

  const Corpus time(top / "utc_time");
  time.Add("parts", "\0\0\x7e\0\1\0\2\0\3\0\4\0\5"s);
  time.Add("wide", "\1\0\0\0\x7e\0\0\1\0"s);
  time.Add("utc",
           "\0\0\0\0\0\0\0\0\0\0\0\0\0\x17\x0d"
           "260102030405Z"s);
  time.Add("generalized",
           "\0\0\0\0\0\0\0\0\0\0\0\0\0\x18\x0f"
           "20260102030405Z"s);

  const Corpus module(top / "p11_kit_configuration");
  module.Add("usual", "\3"s + Chunk("# comment\nmodule: p11-kit-trust.so\ntrust-policy: yes\n"));
  module.Add("two", "\0"s + Chunk("trust-policy: no\n") + "\3" +
                        Chunk("module: /lib/p11-kit-trust.so\ntrust-policy: yes\n"));
  const Corpus objects(top / "p11_kit_objects");
  objects.Add("nothing", std::string(32, '\0'));
  std::string busy;
  for (int i = 0; i < 200; ++i) busy += "\1\2\1\1\xc8\1\1"s;
  objects.Add("busy", busy);
}

}  // namespace ostrust::fuzz
