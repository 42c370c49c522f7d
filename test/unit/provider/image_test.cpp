#include "provider/host/image.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include <dlfcn.h>
#include <openssl/x509_vfy.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "provider/host/symbols.hpp"

namespace ostrust::host {
namespace {

const int read_only = 7;
int writable = 7;

const void* LibcryptoAddress() {
  return reinterpret_cast<const void*>(&X509_STORE_new);
}

TEST(Image, FindsTheLibraryAnAddressBelongsTo) {
  std::string why;
  const auto image = Image::Containing(LibcryptoAddress(), why);
  ASSERT_TRUE(image) << why;
  EXPECT_NE(image->Name().find("libcrypto"), std::string::npos) << image->Name();
  EXPECT_TRUE(image->ContainsCode(LibcryptoAddress()));
  EXPECT_EQ(image->Symbol("X509_STORE_new"), LibcryptoAddress());
}

TEST(Image, ASymbolOfAnotherImageIsNotItsSymbol) {
  std::string why;
  const auto image = Image::Containing(LibcryptoAddress(), why);
  ASSERT_TRUE(image) << why;
  // libcrypto depends on libc, so dlsym() on its handle finds malloc.
  EXPECT_EQ(image->Symbol("malloc"), nullptr);
  EXPECT_EQ(image->Symbol("no_such_symbol"), nullptr);
}

TEST(Image, TheProgramItselfIsAnImage) {
  std::string why;
  const auto image = Image::Containing(&writable, why);
  ASSERT_TRUE(image) << why;
  EXPECT_EQ(image->Name(), "the program itself");
  EXPECT_TRUE(image->IsWritableData(&writable, sizeof(writable)));
  EXPECT_EQ(writable, 7);
  EXPECT_FALSE(image->IsWritableData(&read_only, sizeof(read_only)));
  EXPECT_FALSE(image->ContainsCode(&writable));
}

TEST(Image, AHeapAddressBelongsToNone) {
  std::string why;
  const auto heap = std::make_unique<int>(1);
  EXPECT_FALSE(Image::Containing(heap.get(), why));
  EXPECT_FALSE(why.empty());
}

// A page of its own, so that its protection can be changed.
alignas(65536) std::array<char, 65536> page{'x'};

TEST(Image, DataThatWasProtectedLaterIsNotWritable) {
  std::string why;
  const auto image = Image::Containing(page.data(), why);
  ASSERT_TRUE(image) << why;
  EXPECT_TRUE(image->IsWritableData(page.data(), 8));
  ASSERT_EQ(::mprotect(page.data(), page.size(), PROT_READ), 0);
  EXPECT_FALSE(image->IsWritableData(page.data(), 8));
  ASSERT_EQ(::mprotect(page.data(), page.size(), PROT_READ | PROT_WRITE), 0);
}

TEST(Image, AnotherMayBeUnloadedWhileUsersAreLookedFor) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer does not know the lock of the dynamic linker";
#endif
  std::string why;
  const auto image = Image::Containing(LibcryptoAddress(), why);
  ASSERT_TRUE(image) << why;
  std::atomic<bool> stop{false};
  std::atomic<bool> failed{false};
  std::thread unloader([&] {
    while (!stop && !failed) {
      void* const handle = ::dlopen(PASSING_SSL, RTLD_NOW | RTLD_LOCAL);
      failed = handle == nullptr || ::dlclose(handle) != 0;
    }
  });
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (std::chrono::steady_clock::now() < end) {
    EXPECT_TRUE(image->Users("SSL_CTX_new", "X509_verify_cert").empty());
  }
  stop = true;
  unloader.join();
  EXPECT_FALSE(failed) << ::dlerror();
}

TEST(Symbols, AllAreFoundInARealLibcrypto) {
  std::string why;
  const auto image = Image::Containing(LibcryptoAddress(), why);
  ASSERT_TRUE(image) << why;
  Symbols symbols;
  EXPECT_EQ(ResolveSymbols(*image, symbols), "");
}

TEST(Symbols, AProgramWithoutThemIsToldWhichIsMissing) {
  std::string why;
  const auto image = Image::Containing(&writable, why);
  ASSERT_TRUE(image) << why;
  Symbols symbols;
  EXPECT_NE(ResolveSymbols(*image, symbols).find("the program itself does not export "),
            std::string::npos);
}

}  // namespace
}  // namespace ostrust::host
