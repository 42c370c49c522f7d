// The lines of Linux's location table, and what `auto` makes of them.
#include "platform/linux/locations.hpp"

#include <gtest/gtest.h>

#include <string>

#include "../certificates.hpp"
#include "../loading.hpp"
#include "../temporary_directory.hpp"
#include "platform/linux/file_trust_source.hpp"

namespace ostrust::platform {
namespace {

constexpr const char* kDebianBundle = "etc/ssl/certs/ca-certificates.crt";

TEST(Locations, TheBundleThatFedoraUpdatesComesBeforeTheOneItRemoved) {
  int current = -1;
  int removed = -1;
  int index = 0;
  for (const BundleLocation& location : SystemBundles()) {
    const std::string path = location.bundle;
    if (path == "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem") current = index;
    if (path == "/etc/pki/tls/certs/ca-bundle.crt") removed = index;
    ++index;
  }
  ASSERT_GE(current, 0);
  EXPECT_LT(current, removed);
}

TEST(AutoSource, TakesTheFirstBundleOfTheTableAndTheDirectoryBesideIt) {
  const TemporaryDirectory root;
  root.Write(kDebianBundle, Pem(MakeRoot("Debian")));
  root.Write("etc/ssl/cert.pem", Pem(MakeRoot("Alpine")));
  const LoadResult result = LoadAuto(root);
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_TRUE(Holds(*result.store, "Debian"));
  EXPECT_FALSE(Holds(*result.store, "Alpine"));
  EXPECT_EQ(result.store->Source(), root.Path(kDebianBundle) + " + " + root.Path("etc/ssl/certs"));
}

TEST(AutoSource, ABundleWithoutADirectoryStandsAlone) {
  const TemporaryDirectory root;
  root.Write("etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", Pem(MakeRoot("Fedora")));
  const LoadResult result = LoadAuto(root);
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_EQ(result.store->Source(), root.Path("etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"));
  EXPECT_TRUE(result.store->Problems().empty());
}

TEST(AutoSource, ABundleWithoutAnchorsIsPassedOverAndReported) {
  const TemporaryDirectory root;
  root.Write(kDebianBundle, "");
  root.MakeDirectory("etc/ssl/ca-bundle.pem");
  root.Write("etc/ssl/cert.pem", Pem(MakeRoot("Alpine")));
  const LoadResult result = LoadAuto(root);
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_TRUE(Holds(*result.store, "Alpine"));
  ASSERT_EQ(result.store->Problems().size(), 2U);
  EXPECT_TRUE(Has(result.store->Problems()[0], "ca-certificates.crt holds no certificate"));
  EXPECT_TRUE(Has(result.store->Problems()[1], "ca-bundle.pem cannot be read: is a directory"));
}

TEST(AutoSource, WithoutABundleTheFirstDirectoryWithAnAnchorIsTaken) {
  const TemporaryDirectory root;
  root.MakeDirectory("etc/ssl/certs");
  root.Write("etc/pki/tls/certs/one.pem", Pem(MakeRoot("One")));
  root.Write("system/etc/security/cacerts/0a0a0a0a.0", Pem(MakeRoot("Android")));
  const LoadResult result = LoadAuto(root);
  ASSERT_NE(result.store, nullptr) << result.error;
  EXPECT_TRUE(Holds(*result.store, "One"));
  EXPECT_FALSE(Holds(*result.store, "Android"));
  EXPECT_EQ(result.store->Source(), root.Path("etc/pki/tls/certs"));
  ASSERT_EQ(result.store->Problems().size(), 1U);
  EXPECT_TRUE(Has(result.store->Problems()[0], "etc/ssl/certs holds no certificate"));
}

}  // namespace
}  // namespace ostrust::platform
