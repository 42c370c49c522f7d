#include "provider/tool/run_configuration.hpp"

#include <gtest/gtest.h>

namespace ostrust::tool {
namespace {

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(EscapeConfigValue, EscapesWhatTheParserWouldTakeApart) {
  EXPECT_EQ(EscapeConfigValue("/plain/path-1.so"), "/plain/path-1.so");
  EXPECT_EQ(EscapeConfigValue("/a b/$H#x;'\"`\\"), "/a b/\\$H\\#x\\;\\'\\\"\\`\\\\");
}

TEST(RunConfiguration, StandsAloneWithoutAnOriginal) {
  const std::string text = RunConfigurationText({{}, "/m/ostrust.so", {{"refresh", "0"}}});
  EXPECT_FALSE(Has(text, ".include"));
  EXPECT_TRUE(Has(text, "[default]\nopenssl_conf = ostrust_run_init\n"));
  EXPECT_TRUE(Has(text, "[default]\nnodejs_conf = ostrust_run_init_nodejs\n"));
  EXPECT_TRUE(Has(text, "default = ostrust_run_default\n[ostrust_run_default]\nactivate = 1\n"));
  EXPECT_TRUE(Has(text, "module = /m/ostrust.so\nactivate = 1\nrefresh = 0\n"));
}

TEST(RunConfiguration, ReopensTheSectionsOfTheOriginal) {
  RunConfiguration run;
  run.original.file = "/etc/my $file.cnf";
  run.original.exists = true;
  run.original.openssl.init = "my_init";
  run.original.openssl.providers = "my_providers";
  run.original.openssl.default_section = "my_default";
  run.original.openssl.ostrust_section = "my_ostrust";
  run.original.openssl.ostrust_key = "1.ostrust";
  run.module = "/m/ostrust.so";
  const std::string text = RunConfigurationText(run);
  EXPECT_TRUE(Has(text, ".include /etc/my \\$file.cnf\n"));
  EXPECT_LT(text.find(".include"), text.find("[default]"));
  EXPECT_TRUE(Has(text, "openssl_conf = my_init\n[my_init]\nproviders = my_providers\n"));
  EXPECT_TRUE(Has(text, "default = my_default\n[my_default]\nactivate = 1\n"));
  EXPECT_TRUE(Has(text, "1.ostrust = my_ostrust\n[my_ostrust]\nmodule = /m/ostrust.so\n"));
}

TEST(RunConfiguration, DoesNotActivateDefaultBesideOthers) {
  RunConfiguration run;
  run.module = "/m/ostrust.so";
  run.original.openssl.activated = {"fips", "base"};
  run.original.nodejs.activated = {"fips", "base"};
  EXPECT_FALSE(Has(RunConfigurationText(run), "default = "));
  run.original.openssl.activated = {"ostrust"};
  EXPECT_TRUE(Has(RunConfigurationText(run), "default = ostrust_run_default"));
}

}  // namespace
}  // namespace ostrust::tool
