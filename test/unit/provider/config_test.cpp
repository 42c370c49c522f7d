#include "provider/config.hpp"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ostrust {
namespace {

using Section = std::map<std::string, std::string>;

Config Read(const Section& section) {
  return ReadConfig([&section](const char* key) -> std::optional<std::string> {
    const auto found = section.find(key);
    return found == section.end() ? std::nullopt : std::optional(found->second);
  });
}

/// The one error of a section with one bad value.
std::string ErrorOf(const std::string& key, const std::string& value) {
  const Config config = Read({{key, value}});
  EXPECT_EQ(config.errors.size(), 1U) << key << " = " << value << ": " << config.ErrorText();
  return config.ErrorText();
}

TEST(Config, AnEmptySectionMeansTheDefaults) {
  const Config config = Read({});
  EXPECT_TRUE(config.errors.empty()) << config.ErrorText();
  EXPECT_TRUE(config.default_paths);
  EXPECT_EQ(config.trust_source, "auto");
  EXPECT_EQ(config.refresh, std::chrono::seconds(1));
  EXPECT_TRUE(config.preload.AppliesTo("haproxy"));
  EXPECT_FALSE(config.preload.AppliesTo("python3"));
  EXPECT_EQ(config.log.level, LogLevel::kOff);
}

TEST(Config, SwitchesTakeTheSpellingsOpenSslTakes) {
  for (const char* value : {"no", "No", "off", "false", "0", " no "}) {
    EXPECT_FALSE(Read({{"default-paths", value}}).default_paths) << value;
  }
  for (const char* value : {"yes", "YES", "on", "true", "1"}) {
    EXPECT_TRUE(Read({{"default-paths", value}}).default_paths) << value;
  }
}

TEST(Config, ABadValueIsNamedWithItsKeyAndTheAllowedValues) {
  EXPECT_EQ(ErrorOf("default-paths", "maybe"),
            "default-paths = maybe is not a value ostrust knows: it can be yes or no");
  for (const char* value : {"-1", "soon", "1s", "1e9", "nan", "inf", "86401", "+5", "0x10", "1e1",
                            "1.2.3", ".", "86400.001", "18446744073709551617"}) {
    EXPECT_NE(ErrorOf("refresh", value).find("a number of seconds"), std::string::npos) << value;
  }
  EXPECT_NE(ErrorOf("refresh", "").find("refresh is empty"), std::string::npos);
  EXPECT_NE(ErrorOf("log", "loud").find("off, or error, info or debug"), std::string::npos);
  EXPECT_NE(ErrorOf("log", "info:relative").find("/absolute/path"), std::string::npos);
  EXPECT_NE(ErrorOf("preload", "haproxy,,x").find("program names"), std::string::npos);
  EXPECT_NE(ErrorOf("preload", "/usr/sbin/haproxy").find("without a path"), std::string::npos);
  EXPECT_NE(ErrorOf("network-timeout", "0").find("from 1 to 600"), std::string::npos);
  EXPECT_NE(ErrorOf("cache-dir", "cache").find("an absolute path"), std::string::npos);
}

TEST(Config, ARelativeTrustSourceIsRefused) {
  EXPECT_NE(ErrorOf("trust-source", "roots.pem").find("trust-source: \"roots.pem\""),
            std::string::npos);
  EXPECT_EQ(Read({{"trust-source", "/a/b.pem"}}).trust_source, "/a/b.pem");
}

TEST(Config, VerifySaysWhatTheVerdictIsFor) {
  EXPECT_EQ(Read({}).verify, VerifyMode::kPlatform);
  EXPECT_EQ(Read({{"verify", "platform"}}).verify, VerifyMode::kPlatform);
  EXPECT_EQ(Read({{"verify", "Report"}}).verify, VerifyMode::kReport);
  EXPECT_EQ(Read({{"verify", "roots"}}).verify, VerifyMode::kRoots);
  EXPECT_EQ(Read({{"verify", "off"}}).verify, VerifyMode::kRoots);
  for (const char* bad : {"yes", "platform,report", "strict"}) {
    EXPECT_NE(ErrorOf("verify", bad).find("platform, report or roots"), std::string::npos) << bad;
  }
}

TEST(Config, RevocationIsLookedForHereUnlessMoreOrLessIsAskedFor) {
  using platform::Revocation;
  EXPECT_EQ(Read({}).network.revocation, Revocation::kLocal);
  EXPECT_EQ(Read({{"revocation", "local"}}).network.revocation, Revocation::kLocal);
  EXPECT_EQ(Read({{"revocation", "Soft"}}).network.revocation, Revocation::kSoft);
  EXPECT_EQ(Read({{"revocation", "hard"}}).network.revocation, Revocation::kHard);
  for (const char* value : {"off", "no", "false"}) {
    EXPECT_EQ(Read({{"revocation", value}}).network.revocation, Revocation::kOff);
  }
  for (const char* bad : {"yes", "on", "strict", "soft,hard"}) {
    EXPECT_NE(ErrorOf("revocation", bad).find("off, local, soft or hard"), std::string::npos)
        << bad;
  }
}

TEST(Config, IntermediatesAreLookedForHereUnlessMoreOrLessIsAskedFor) {
  using platform::Intermediates;
  EXPECT_EQ(Read({}).network.intermediates, Intermediates::kLocal);
  EXPECT_EQ(Read({{"intermediates", "local"}}).network.intermediates, Intermediates::kLocal);
  EXPECT_EQ(Read({{"intermediates", "Fetch"}}).network.intermediates, Intermediates::kFetch);
  for (const char* value : {"off", "no", "false"}) {
    EXPECT_EQ(Read({{"intermediates", value}}).network.intermediates, Intermediates::kOff);
  }
  for (const char* bad : {"yes", "on", "all", "local,fetch"}) {
    EXPECT_NE(ErrorOf("intermediates", bad).find("off, local or fetch"), std::string::npos) << bad;
  }
}

TEST(Config, TheNetworkIsThePublicOneForThreeSecondsUnlessConfigured) {
  EXPECT_FALSE(Read({}).network_allow_private);
  EXPECT_TRUE(Read({{"network-allow-private", "yes"}}).network_allow_private);
  ErrorOf("network-allow-private", "maybe");
  EXPECT_EQ(Read({}).network.timeout, std::chrono::seconds(3));
  EXPECT_EQ(Read({{"network-timeout", "600"}}).network.timeout, std::chrono::seconds(600));
}

TEST(Config, ACacheDirectoryIsAnAbsolutePathOrOff) {
  EXPECT_EQ(Read({}).cache_dir, "");
  for (const char* value : {"off", "no", "/var/cache/x"}) {
    EXPECT_EQ(Read({{"cache-dir", value}}).cache_dir, value);
  }
}

TEST(Config, SystemBundlesAreServedUnlessTurnedOff) {
  EXPECT_TRUE(Read({}).system_bundles);
  EXPECT_TRUE(Read({{"system-bundles", "yes"}}).system_bundles);
  EXPECT_FALSE(Read({{"system-bundles", "no"}}).system_bundles);
  EXPECT_EQ(ErrorOf("system-bundles", "perhaps"),
            "system-bundles = perhaps is not a value ostrust knows: it can be yes or no");
}

TEST(Config, NoBundleIsReplacedUnlessAskedFor) {
  EXPECT_TRUE(Read({}).replace_bundles.empty());
  for (const char* value : {"none", "None", "off", "no", "false", "0"}) {
    const Config config = Read({{"replace-bundles", value}});
    EXPECT_TRUE(config.errors.empty()) << value << ": " << config.ErrorText();
    EXPECT_TRUE(config.replace_bundles.empty()) << value;
  }
}

TEST(Config, ReplaceBundlesTakesCertifiAndPatterns) {
  using Patterns = std::vector<std::string>;
  const Patterns certifi = {"*/certifi/cacert.pem", "*/botocore/cacert.pem"};
  EXPECT_EQ(Read({{"replace-bundles", "certifi"}}).replace_bundles, certifi);
  EXPECT_EQ(Read({{"replace-bundles", "/opt/app/ca.pem"}}).replace_bundles,
            Patterns{"/opt/app/ca.pem"});
  Patterns all = certifi;
  all.insert(all.end(), {"*/grpc/roots.pem", "/opt/*.pem"});
  EXPECT_EQ(Read({{"replace-bundles", " certifi , */grpc/roots.pem,/opt/*.pem "}}).replace_bundles,
            all);
}

TEST(Config, APatternThatCanMatchNoPathIsRefused) {
  for (const char* value : {"cacert.pem", "certifi,relative/ca.pem", "certifi,", ",certifi", "yes",
                            "Certifi", "certifi certifi"}) {
    EXPECT_NE(ErrorOf("replace-bundles", value).find("certifi and shell patterns"),
              std::string::npos)
        << value;
    EXPECT_TRUE(Read({{"replace-bundles", value}}).replace_bundles.empty()) << value;
  }
}

TEST(Config, EveryBadValueIsReported) {
  const Config config = Read({{"refresh", "x"}, {"log", "y"}, {"default-paths", "no"}});
  EXPECT_EQ(config.errors.size(), 2U) << config.ErrorText();
  EXPECT_FALSE(config.default_paths);
}

TEST(Config, RefreshTakesFractions) {
  EXPECT_EQ(Read({{"refresh", "0.25"}}).refresh, std::chrono::milliseconds(250));
  EXPECT_EQ(Read({{"refresh", "0"}}).refresh, std::chrono::milliseconds(0));
  EXPECT_EQ(Read({{"refresh", "86400"}}).refresh, std::chrono::hours(24));
  EXPECT_EQ(Read({{"refresh", ".5"}}).refresh, std::chrono::milliseconds(500));
  EXPECT_EQ(Read({{"refresh", "2."}}).refresh, std::chrono::milliseconds(2000));
  // No binary number is this one: 1.001 * 1000 is a bit less than 1001.
  EXPECT_EQ(Read({{"refresh", "1.001"}}).refresh, std::chrono::milliseconds(1001));
  EXPECT_EQ(Read({{"refresh", "0.0019"}}).refresh, std::chrono::milliseconds(1));
}

TEST(Config, PreloadTakesYesNoOrNames) {
  EXPECT_TRUE(Read({{"preload", "yes"}}).preload.AppliesTo("anything"));
  EXPECT_FALSE(Read({{"preload", "no"}}).preload.AppliesTo("haproxy"));
  const Preload names = Read({{"preload", "haproxy, squid"}}).preload;
  EXPECT_TRUE(names.AppliesTo("squid"));
  EXPECT_TRUE(names.AppliesTo("haproxy"));
  EXPECT_FALSE(names.AppliesTo("squid "));
}

}  // namespace
}  // namespace ostrust
