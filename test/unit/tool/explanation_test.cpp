#include "provider/tool/explanation.hpp"

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include "provider/tool/escaped.hpp"

namespace ostrust::tool {
namespace {

TEST(Escaped, LeavesWhatIsOnlyRead) {
  EXPECT_EQ(Escaped("CN=M\u00fcller, \u65e5\u672c \U0001f512 ~"),
            "CN=M\u00fcller, \u65e5\u672c \U0001f512 ~");
}

TEST(Escaped, NothingDrivesTheTerminalOrTurnsTheText) {
  EXPECT_EQ(Escaped("a\x1b[2J\n\t\x7f"), "a\\u{1b}[2J\\u{a}\\u{9}\\u{7f}");
  EXPECT_EQ(Escaped(std::string("a\0b", 3)), "a\\u{0}b");
  EXPECT_EQ(Escaped("\u009b31m\u0085"), "\\u{9b}31m\\u{85}");  // C1
  EXPECT_EQ(Escaped("\u202egnp.exe\u202c\u2066\u2069\u061c\u200f"),
            "\\u{202e}gnp.exe\\u{202c}\\u{2066}\\u{2069}\\u{61c}\\u{200f}");
  EXPECT_EQ(Escaped("a\u200bb\ufeff\u2028\u00ad\U000e0041"),
            "a\\u{200b}b\\u{feff}\\u{2028}\\u{ad}\\u{e0041}");
}

TEST(Escaped, WhatIsNoUtf8IsShownByteByByte) {
  EXPECT_EQ(Escaped("\x9b\xff\xc3"), "\\x9b\\xff\\xc3");
  EXPECT_EQ(Escaped("\xc0\xaf\xe0\x80\x9b"), "\\xc0\\xaf\\xe0\\x80\\x9b");  // overlong
  EXPECT_EQ(Escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80");                    // a surrogate
  EXPECT_EQ(Escaped("\xf4\x90\x80\x80\xf5"), "\\xf4\\x90\\x80\\x80\\xf5");
  EXPECT_EQ(Escaped("\xe2\x80"), "\\xe2\\x80");
}

TEST(EscapedLines, LeavesLinesAndTabs) {
  EXPECT_EQ(EscapedLines("a\tb\r\n\n\rc\x1b\n\u009b"), "a\tb\r\n\n\\u{d}c\\u{1b}\n\\u{9b}");
  EXPECT_EQ(EscapedLines("\r\n"), "\r\n");
  EXPECT_EQ(EscapedLines("\n\r"), "\n\\u{d}");
  EXPECT_EQ(EscapedLines(""), "");
}

TEST(UtcText, IsIso8601) {
  EXPECT_EQ(UtcText(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(UtcText(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(UtcText(4102444800), "2100-01-01T00:00:00Z");
}

/// Of a server that sent one certificate, in a governed program.
Explanation Refused(int error) {
  Explanation explanation;
  explanation.options.target = "example.com";
  explanation.governed.verified = true;
  explanation.governed.governed = true;
  explanation.governed.result.error = error;
  explanation.governed.result.text = "text";
  ChainCertificate leaf;
  leaf.subject = "CN=leaf";
  leaf.issuer = "CN=CA";
  explanation.governed.result.chain.push_back(leaf);
  explanation.governed.result.untrusted = 1;
  return explanation;
}

std::string FirstAdvice(Explanation explanation) {
  Conclude(explanation);
  return explanation.advice.empty() ? std::string() : explanation.advice.front().id;
}

TEST(Advice, IsByErrorAndRule) {
  EXPECT_EQ(FirstAdvice(Refused(X509_V_ERR_CERT_HAS_EXPIRED)), "expired");
  EXPECT_EQ(FirstAdvice(Refused(X509_V_ERR_CERT_NOT_YET_VALID)), "not-yet-valid");
  EXPECT_EQ(FirstAdvice(Refused(X509_V_ERR_HOSTNAME_MISMATCH)), "wrong-name");
  EXPECT_EQ(FirstAdvice(Refused(X509_V_ERR_EE_KEY_TOO_SMALL)), "security-level");
  EXPECT_EQ(FirstAdvice(Refused(X509_V_ERR_PATH_LENGTH_EXCEEDED)), "openssl");
  EXPECT_EQ(FirstAdvice(Refused(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY)), "unknown-root");

  Explanation with_url = Refused(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  with_url.governed.result.chain.front().ca_issuers = {"http://ca.example/ca.der"};
  EXPECT_EQ(FirstAdvice(with_url), "missing-intermediate");

  Explanation expired_ca = Refused(X509_V_ERR_CERT_HAS_EXPIRED);
  expired_ca.governed.result.chain.push_back({});
  expired_ca.governed.result.depth = 1;
  EXPECT_EQ(FirstAdvice(expired_ca), "expired-root");
  expired_ca.governed.result.untrusted = 2;
  EXPECT_EQ(FirstAdvice(expired_ca), "expired-ca");

  Explanation strict = Refused(X509_V_ERR_PATH_LENGTH_EXCEEDED);
  strict.options.strict = true;
  EXPECT_EQ(FirstAdvice(strict), "strict");
}

TEST(Advice, OfARefusalOfOurs) {
  const auto refused = [](int error, const std::string& reason) {
    Explanation explanation = Refused(error);
    explanation.governed.log = {
        {"error",
         "refused: certificate /CN=x at depth 9 is distrusted by y at depth 0 is " + reason}};
    Conclude(explanation);
    EXPECT_EQ(explanation.decided_by, "ostrust");
    return explanation.advice.front();
  };
  EXPECT_EQ(refused(X509_V_ERR_CERT_REVOKED, "revoked, says a CRL").id, "revoked");
  EXPECT_EQ(refused(X509_V_ERR_OCSP_VERIFY_NEEDED, "valid only with ...").id, "must-staple");
  EXPECT_EQ(refused(X509_V_ERR_UNABLE_TO_GET_CRL, "of unknown revocation status: x").id,
            "revocation-unknown");
  // The subject, which may be anything, has no part in it.
  EXPECT_EQ(refused(X509_V_ERR_CERT_REJECTED, "not trusted for TLS servers by /f").id, "limited");
  EXPECT_EQ(refused(X509_V_ERR_CERT_REJECTED, "distrusted by /etc/rule").fix.substr(0, 10),
            "the server");
}

TEST(ExplanationAsText, ColourIsOnlyWhereItIsWanted) {
  Explanation explanation = Refused(X509_V_ERR_CERT_HAS_EXPIRED);
  Conclude(explanation);
  EXPECT_EQ(ExplanationAsText(explanation, 80, false).find('\x1b'), std::string::npos);
  EXPECT_NE(ExplanationAsText(explanation, 80, true).find("\x1b[31m"), std::string::npos);
}

TEST(ExplanationAsText, LinesAreNoLongerThanTheirWords) {
  Explanation explanation = Refused(X509_V_ERR_CERT_HAS_EXPIRED);
  explanation.governed.log = {{"error", std::string(400, 'x')},
                              {"error", "many words " + std::string(30, 'y') + " in a sentence"}};
  Conclude(explanation);
  const std::string text = ExplanationAsText(explanation, 40, false);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.size() <= 40) continue;
    // One word that is longer.
    const std::size_t word = line.find_last_of(' ');
    EXPECT_GT(line.size() - word, 25U) << line;
  }
}

TEST(Answers, SurviveTheirWay) {
  Governed governed = Refused(X509_V_ERR_CERT_HAS_EXPIRED).governed;
  governed.sent = {std::string("\0\xff\x80 binary", 10), ""};
  governed.flags = 1ULL << 40;
  const auto again = GovernedFromJson(GovernedToJson(governed));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->sent, governed.sent);
  EXPECT_EQ(again->flags, governed.flags);
  EXPECT_EQ(again->result.chain.front().subject, "CN=leaf");
  EXPECT_FALSE(GovernedFromJson(GovernedToJson(governed).substr(1)));
  Stock stock;
  stock.strict.emplace().error = 7;
  ASSERT_TRUE(StockFromJson(StockToJson(stock)));
  EXPECT_EQ(StockFromJson(StockToJson(stock))->strict->error, 7);
}

}  // namespace
}  // namespace ostrust::tool
