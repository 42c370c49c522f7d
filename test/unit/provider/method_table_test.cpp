// The method-table hook against tables that are not what they should be. Each must be left alone.

#include "provider/host/method_table.hpp"

#include <array>
#include <cstring>
#include <functional>
#include <set>

#include <openssl/x509_vfy.h>

#include <gtest/gtest.h>

#include "provider/host/image.hpp"

namespace ostrust::host {
namespace {

using Word = void*;
using ForgedTable = std::array<Word, 12>;

constexpr std::size_t kName = 0;
constexpr std::size_t kCtrl = 5;
constexpr std::size_t kGetBySubject = 6;
constexpr std::size_t kGetBySubjectEx = 10;
constexpr std::size_t kCtrlEx = 11;

char code[16];          // addresses that the judge takes for code
char foreign_code[16];  // and some that it does not

int Hook(X509_LOOKUP*, int, const char*, long, char**, OSSL_LIB_CTX*, const char*) {
  return 1;
}
int DirHook(X509_LOOKUP*, int, const char*, long, char**) {
  return 1;
}

class Judge final : public MemoryJudge {
 public:
  bool IsCode(const void* address) const override {
    return address >= code && address < code + sizeof(code);
  }
  bool IsData(const void* address, std::size_t) const override {
    return address != nullptr && data_ && unreadable_.count(address) == 0;
  }
  bool IsWritableData(const void*, std::size_t) const override {
    if (asked_last_) asked_last_();
    return writable_;
  }

  bool data_ = true;
  std::function<void()> asked_last_;  // what happens behind the last look, before the exchange
  bool writable_ = true;
  std::set<const void*> unreadable_;
};

class MethodTable : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    const auto image = Image::Containing(reinterpret_cast<const void*>(&X509_STORE_new), why);
    ASSERT_TRUE(image) << why;
    ASSERT_EQ(ResolveSymbols(*image, symbols_), "");
    table_[kName] = const_cast<char*>("Load file into cache");
    table_[kCtrl] = &code[0];
    table_[kCtrlEx] = &code[1];
  }

  X509_LOOKUP_METHOD* Method() { return reinterpret_cast<X509_LOOKUP_METHOD*>(table_.data()); }

  /// Tries to hook and expects a refusal that changes nothing.
  void ExpectRefused(const char* because) {
    const ForgedTable before = table_;
    CtrlExFn original = nullptr;
    const std::string why = HookCtrlEx(symbols_, judge_, Method(), Hook, original);
    EXPECT_NE(why.find(because), std::string::npos) << why;
    EXPECT_EQ(table_, before);
  }

  Symbols symbols_;
  Judge judge_;
  ForgedTable table_{};
};

TEST_F(MethodTable, TheOneSlotIsReplacedAndNothingElse) {
  const ForgedTable before = table_;
  CtrlExFn original = nullptr;
  EXPECT_EQ(HookCtrlEx(symbols_, judge_, Method(), Hook, original), "");
  EXPECT_EQ(reinterpret_cast<Word>(original), &code[1]);
  EXPECT_EQ(table_[kCtrlEx], reinterpret_cast<Word>(&Hook));
  for (std::size_t i = 0; i < kCtrlEx; ++i) EXPECT_EQ(table_[i], before[i]) << i;
}

TEST_F(MethodTable, ATableThatIsHookedAlreadyIsRefused) {
  table_[kCtrlEx] = &foreign_code[0];
  ExpectRefused("points outside the library");
}

TEST_F(MethodTable, AnyOtherForeignPointerIsRefusedToo) {
  table_[kGetBySubject] = &foreign_code[0];
  ExpectRefused("points outside the library");
  table_[kGetBySubject] = nullptr;
  table_[kGetBySubjectEx] = &foreign_code[0];
  ExpectRefused("points outside the library");
}

TEST_F(MethodTable, AnotherNameIsRefused) {
  table_[kName] = const_cast<char*>("Load something else");
  ExpectRefused("name of OpenSSL's");
  table_[kName] = const_cast<char*>("Load file into cache twice");
  ExpectRefused("name of OpenSSL's");
  table_[kName] = nullptr;
  ExpectRefused("name of OpenSSL's");
}

TEST_F(MethodTable, ANameOutsideTheLibraryIsNotRead) {
  table_[kName] = reinterpret_cast<Word>(0x10);
  judge_.unreadable_.insert(table_[kName]);
  ExpectRefused("name of OpenSSL's");
}

TEST_F(MethodTable, ATableOutsideTheLibraryIsNotRead) {
  judge_.data_ = false;
  ExpectRefused("does not lie in the library's data");
}

TEST_F(MethodTable, AMisalignedTableIsRefused) {
  CtrlExFn original = nullptr;
  auto* const misaligned =
      reinterpret_cast<X509_LOOKUP_METHOD*>(reinterpret_cast<char*>(table_.data()) + 1);
  EXPECT_NE(HookCtrlEx(symbols_, judge_, misaligned, Hook, original), "");
}

TEST_F(MethodTable, ReadOnlyMemoryIsRefused) {
  judge_.writable_ = false;
  ExpectRefused("cannot be written");
}

TEST_F(MethodTable, ATableWithoutCtrlExIsRefused) {
  table_[kCtrlEx] = nullptr;
  ExpectRefused("no ctrl_ex");
}

TEST_F(MethodTable, WhatAnotherThreadHookedMeanwhileIsLeftAlone) {
  judge_.asked_last_ = [&] { table_[kCtrlEx] = &foreign_code[1]; };
  CtrlExFn original = nullptr;
  const std::string why = HookCtrlEx(symbols_, judge_, Method(), Hook, original);
  EXPECT_NE(why.find("changed while it was looked at"), std::string::npos) << why;
  EXPECT_EQ(table_[kCtrlEx], &foreign_code[1]);
}

int (*OtherCtrl(const X509_LOOKUP_METHOD*))(X509_LOOKUP*, int, const char*, long, char**) {
  return reinterpret_cast<X509_LOOKUP_ctrl_fn>(&code[7]);
}

TEST_F(MethodTable, GettersThatSaySomethingElseAreBelieved) {
  symbols_.X509_LOOKUP_meth_get_ctrl = OtherCtrl;
  ExpectRefused("not where they are expected");
}

TEST_F(MethodTable, TheDirectoryMethodIsHookedThroughItsPublicSetter) {
  table_[kName] = const_cast<char*>("Load certs from files in a directory");
  table_[kCtrlEx] = nullptr;
  CtrlFn original = nullptr;
  EXPECT_EQ(HookCtrl(symbols_, judge_, Method(), DirHook, original), "");
  EXPECT_EQ(reinterpret_cast<Word>(original), &code[0]);
  EXPECT_EQ(table_[kCtrl], reinterpret_cast<Word>(&DirHook));
}

TEST_F(MethodTable, ADirectoryMethodWithCtrlExIsRefused) {
  CtrlFn original = nullptr;
  const ForgedTable before = table_;
  EXPECT_NE(HookCtrl(symbols_, judge_, Method(), DirHook, original), "");
  EXPECT_EQ(table_, before);
}

TEST_F(MethodTable, ADirectoryMethodThatCannotBeHookedIsRefused) {
  table_[kName] = const_cast<char*>("Load certs from files in a directory");
  table_[kCtrlEx] = nullptr;
  CtrlFn original = nullptr;
  judge_.writable_ = false;
  EXPECT_NE(HookCtrl(symbols_, judge_, Method(), DirHook, original).find("cannot be written"),
            std::string::npos);
  judge_.writable_ = true;
  symbols_.X509_LOOKUP_meth_set_ctrl = [](X509_LOOKUP_METHOD*, X509_LOOKUP_ctrl_fn) { return 0; };
  EXPECT_NE(HookCtrl(symbols_, judge_, Method(), DirHook, original).find("refused the new ctrl"),
            std::string::npos);
  table_[kCtrl] = nullptr;
  EXPECT_NE(HookCtrl(symbols_, judge_, Method(), DirHook, original).find("has no ctrl"),
            std::string::npos);
  EXPECT_EQ(table_[kCtrl], nullptr);
}

TEST_F(MethodTable, TheRealLayoutIsRecognised) {
  EXPECT_EQ(CheckMethodLayout(symbols_), "");
}

TEST_F(MethodTable, AnUnknownMajorVersionIsRefused) {
  symbols_.OPENSSL_version_major = []() -> unsigned { return 5; };
  EXPECT_NE(CheckMethodLayout(symbols_).find("OpenSSL 5"), std::string::npos);
}

// A libcrypto whose methods have two members swapped: its setter for `init` writes where `shutdown`
// is expected, and the other way round. Its getters agree with it.
int SwappedSetInit(X509_LOOKUP_METHOD* method, int (*function)(X509_LOOKUP*)) {
  return X509_LOOKUP_meth_set_shutdown(method, function);
}
int SwappedSetShutdown(X509_LOOKUP_METHOD* method, int (*function)(X509_LOOKUP*)) {
  return X509_LOOKUP_meth_set_init(method, function);
}

TEST_F(MethodTable, SwappedMembersAreNoticed) {
  symbols_.X509_LOOKUP_meth_set_init = SwappedSetInit;
  symbols_.X509_LOOKUP_meth_set_shutdown = SwappedSetShutdown;
  symbols_.X509_LOOKUP_meth_get_init = X509_LOOKUP_meth_get_shutdown;
  symbols_.X509_LOOKUP_meth_get_shutdown = X509_LOOKUP_meth_get_init;
  EXPECT_NE(CheckMethodLayout(symbols_).find("not laid out"), std::string::npos);
}

int SetterThatDoesNothing(X509_LOOKUP_METHOD*, X509_LOOKUP_ctrl_fn) {
  return 1;
}

TEST_F(MethodTable, ALayoutThatCannotBeLearntIsRefused) {
  symbols_.X509_LOOKUP_meth_set_ctrl = [](X509_LOOKUP_METHOD*, X509_LOOKUP_ctrl_fn) { return 0; };
  EXPECT_NE(CheckMethodLayout(symbols_).find("not laid out"), std::string::npos);
  symbols_.X509_LOOKUP_meth_new = [](const char*) -> X509_LOOKUP_METHOD* { return nullptr; };
  EXPECT_NE(CheckMethodLayout(symbols_).find("no memory"), std::string::npos);
}

TEST_F(MethodTable, ASetterThatWritesElsewhereIsNoticed) {
  symbols_.X509_LOOKUP_meth_set_ctrl = SetterThatDoesNothing;
  EXPECT_NE(CheckMethodLayout(symbols_).find("not laid out"), std::string::npos);
}

}  // namespace
}  // namespace ostrust::host
