#include "provider/hooks/marker.hpp"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "provider/host/image.hpp"

namespace ostrust::hooks {
namespace {

std::string MarkerText() {
  std::ostringstream text;
  text << std::ifstream(MARKER_FILE).rdbuf();
  return text.str();
}

TEST(Marker, TheFileWeShipIsRecognised) {
  EXPECT_TRUE(FileHoldsMarker(MARKER_FILE));
  EXPECT_TRUE(TextHoldsMarker(MarkerText()));
}

TEST(Marker, LineBreaksAndOtherBlocksDoNotMatter) {
  std::string text = MarkerText();
  std::string crlf;
  for (const char c : text) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_TRUE(TextHoldsMarker(crlf));
  EXPECT_TRUE(TextHoldsMarker(
      "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n-----BEGIN CERTIFICATE-----\nMIIB\n"
      "-----END CERTIFICATE-----\n" +
      text));
}

TEST(Marker, AnotherCrlIsNotTheMarker) {
  std::string text = MarkerText();
  EXPECT_FALSE(TextHoldsMarker(""));
  EXPECT_FALSE(TextHoldsMarker("-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n"));
  EXPECT_FALSE(TextHoldsMarker(text.substr(0, text.size() - 30)));  // not closed
  const std::size_t body = text.find("MIHm");
  ASSERT_NE(body, std::string::npos);
  text[body + 20] = text[body + 20] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(TextHoldsMarker(text));
}

TEST(Marker, AFileOfBeginningsTakesNoLongerThanAnother) {
  std::string text;
  while (text.size() < std::size_t{4} * 1024 * 1024) text += "-----BEGIN X509 CRL-----";
  const std::clock_t began = std::clock();
  EXPECT_FALSE(TextHoldsMarker(text + "-----END X509 CRL-----"));
  EXPECT_TRUE(TextHoldsMarker(text + MarkerText()));
  // It was minutes when each BEGIN looked for its END.
  EXPECT_LT((std::clock() - began) / CLOCKS_PER_SEC, 5);
}

TEST(Marker, TheBase64InATextOutsideACrlIsNotTheMarker) {
  std::string text = MarkerText();
  const std::size_t begin = text.find("-----BEGIN");
  text.erase(begin, text.find('\n', begin) - begin);
  EXPECT_FALSE(TextHoldsMarker(text));
}

TEST(Marker, AFifoIsNotRead) {
  std::string pattern = (std::filesystem::temp_directory_path() / "ostrust-fifo-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::string path = pattern + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(FileHoldsMarker(path));
  EXPECT_FALSE(FileHoldsMarker(pattern));
  EXPECT_FALSE(FileHoldsMarker(pattern + "/absent"));
  std::filesystem::remove_all(pattern);
}

TEST(Marker, AStoreIntoWhichItWasLoadedIsRecognisedAndKeepsItsOrder) {
  std::string why;
  const auto image = host::Image::Containing(reinterpret_cast<const void*>(&X509_STORE_new), why);
  ASSERT_TRUE(image) << why;
  host::Symbols symbols;
  ASSERT_EQ(host::ResolveSymbols(*image, symbols), "");

  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(),
                                                                      &X509_STORE_free);
  EXPECT_FALSE(StoreHoldsMarker(symbols, store.get()));
  ASSERT_EQ(X509_STORE_load_file(store.get(), MARKER_FILE), 1);
  EXPECT_TRUE(StoreHoldsMarker(symbols, store.get()));
}

}  // namespace
}  // namespace ostrust::hooks
