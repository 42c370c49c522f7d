// Reading p11-kit's trust module, from a double of it that does whatever a PKCS#11 module can do
// wrong. What holds for every test is in TearDown().
#include "platform/linux/p11_kit_module.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <future>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "../../doubles/p11_kit_module.hpp"
#include "certificates.hpp"
#include "platform/policy_trust_store.hpp"

namespace ostrust::platform {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

const char kDouble[] = OSTRUST_P11_KIT_DOUBLE_FILE;
constexpr CK_ATTRIBUTE_TYPE kOrigin = CKA_X_VENDOR + 8001;

P11KitDouble& Double() {
  static P11KitDouble* const module = [] {
    void* const handle = dlopen(kDouble, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void* const function = handle != nullptr ? dlsym(handle, "OstrustP11KitDouble") : nullptr;
    if (function == nullptr) throw std::runtime_error(dlerror());
    return reinterpret_cast<P11KitDouble* (*)()>(function)();
  }();
  return *module;
}

template <typename Value>
Bytes Raw(Value value) {
  Bytes bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}
const Bytes kTrue = Raw<CK_BBOOL>(CK_TRUE);
const Bytes kFalse = Raw<CK_BBOOL>(CK_FALSE);

P11KitDouble::Object Certificate(std::string_view value, bool trusted = true) {
  return {{CKA_CLASS, Raw<CK_OBJECT_CLASS>(CKO_CERTIFICATE)},
          {CKA_VALUE, ToBytes(value)},
          {CKA_TRUSTED, trusted ? kTrue : kFalse},
          {CKA_X_DISTRUSTED, trusted ? kFalse : kTrue}};
}

P11KitDouble::Object Extension(std::string_view value, std::string_view key) {
  return {{CKA_CLASS, Raw<CK_OBJECT_CLASS>(CKO_X_CERTIFICATE_EXTENSION)},
          {CKA_VALUE, ToBytes(value)},
          {CKA_PUBLIC_KEY_INFO, ToBytes(key)}};
}

/// Fails these calls of a function, from the first.
P11KitDouble::Before Fails(CK_RV result, int first = 1, int last = 1 << 30) {
  return [=](int call) { return first <= call && call <= last ? result : CK_RV{CKR_OK}; };
}

class P11KitModuleTest : public testing::Test {
 protected:
  // Three certificates and an extension, in two tokens.
  P11KitModuleTest() {
    static const P11KitDouble pristine = Double();
    Double() = pristine;
    Double().tokens = {
        {"/usr/share/pki", {Certificate("one"), Certificate("two"), Extension("eku", "key")}},
        {"/etc/pki", {Certificate("three", false)}}};
  }

  // Whatever the module did: it is left as it was found, was asked about nothing else, and not
  // before it was initialized.
  void TearDown() override {
    EXPECT_EQ(Double().users, other_users_);
    EXPECT_THAT(Double().sessions, IsEmpty());
    EXPECT_THAT(Double().misuses, IsEmpty());
    EXPECT_THAT(Double().searched,
                testing::Each(testing::AnyOf(CKO_CERTIFICATE, CKO_X_CERTIFICATE_EXTENSION)));
  }

  P11KitReading Read() {
    return ReadP11KitPolicy(asked_, [this](const std::vector<std::string>& paths) {
      announced_.push_back(paths);
      if (before_reading_) before_reading_();
    });
  }

  /// The contents of the certificates that were read, or the error.
  std::vector<std::string> ReadValues() {
    reading_ = Read();
    if (!reading_.policy) return {reading_.error};
    std::vector<std::string> values;
    for (const TrustPolicy::Certificate& certificate : reading_.policy->certificates) {
      values.emplace_back(AsText(certificate.certificate));
    }
    return values;
  }

  /// What was skipped, in the reading of ReadValues().
  std::vector<std::string> Problems() const {
    return reading_.policy ? reading_.policy->problems : std::vector<std::string>();
  }

  /// The error of a reading that fails.
  std::string Error() {
    const P11KitReading reading = Read();
    EXPECT_FALSE(reading.policy.has_value());
    EXPECT_EQ(reading.file, asked_.files.back());
    EXPECT_THAT(reading.error, StartsWith(reading.file + ": "));
    return reading.error;
  }

  /// The module, as another user in this process has it.
  const CK_FUNCTION_LIST& OtherUser() { return Double().functions; }
  void OtherUserInitializes() {
    EXPECT_EQ(OtherUser().C_Initialize(nullptr), CKR_OK);
    ++other_users_;
  }

  P11KitModule asked_{{kDouble}, {}, {}};
  P11KitReading reading_;
  std::vector<std::vector<std::string>> announced_;  // to `before_reading`
  std::function<void()> before_reading_;
  int other_users_ = 0;
};

// --- a module as it should be --------------------------------------------------------------------

TEST_F(P11KitModuleTest, EverythingThatItSaysAboutACertificateIsRead) {
  Double().tokens = {{"/etc/pki",
                      {{{CKA_CLASS, Raw<CK_OBJECT_CLASS>(CKO_CERTIFICATE)},
                        {CKA_VALUE, ToBytes("certificate")},
                        {CKA_PUBLIC_KEY_INFO, ToBytes("key")},
                        {CKA_ISSUER, ToBytes("issuer")},
                        {CKA_SERIAL_NUMBER, ToBytes("serial")},
                        {CKA_TRUSTED, kTrue},
                        {CKA_X_DISTRUSTED, kFalse},
                        {CKA_CERTIFICATE_CATEGORY, Raw<CK_ULONG>(2)},
                        {CKA_NSS_SERVER_DISTRUST_AFTER, ToBytes("241130235959Z")},
                        {CKA_NSS_EMAIL_DISTRUST_AFTER, kFalse},
                        {kOrigin, ToBytes("/etc/pki/anchors/a.pem")}}}}};
  const P11KitReading reading = Read();
  ASSERT_TRUE(reading.policy) << reading.error;
  EXPECT_EQ(reading.file, kDouble);
  ASSERT_THAT(reading.policy->certificates, SizeIs(1));
  const TrustPolicy::Certificate& read = reading.policy->certificates[0];
  EXPECT_EQ(AsText(read.certificate), "certificate");
  EXPECT_EQ(AsText(read.public_key_info), "key");
  EXPECT_EQ(AsText(read.issuer), "issuer");
  EXPECT_EQ(AsText(read.serial_number), "serial");
  EXPECT_TRUE(read.trusted);
  EXPECT_FALSE(read.distrusted);
  EXPECT_TRUE(read.authority);
  EXPECT_EQ(AsText(read.server_distrust_after), "241130235959Z");
  EXPECT_EQ(AsText(read.email_distrust_after), "");
  EXPECT_EQ(reading.policy->origins.at(read.origin), "/etc/pki/anchors/a.pem");
  EXPECT_THAT(reading.policy->problems, IsEmpty());
  EXPECT_FALSE(reading.shared);
}

TEST_F(P11KitModuleTest, AllTokensAreReadInTheirOrder) {
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
  const TrustPolicy& policy = *reading_.policy;
  EXPECT_TRUE(policy.certificates[0].trusted);
  EXPECT_TRUE(policy.certificates[2].distrusted);
  ASSERT_THAT(policy.extensions, SizeIs(1));
  EXPECT_EQ(AsText(policy.extensions[0].extension), "eku");
  EXPECT_EQ(AsText(policy.extensions[0].public_key_info), "key");
  EXPECT_THAT(policy.paths, ElementsAre("/usr/share/pki", "/etc/pki"));
  // Without a file of its own an object comes from its token.
  EXPECT_EQ(policy.origins.at(policy.certificates[2].origin), "/etc/pki");
  EXPECT_THAT(policy.problems, IsEmpty());
}

TEST_F(P11KitModuleTest, MoreObjectsThanAreAskedForAtOnceAreRead) {
  Double().tokens = {{"/etc/pki", {}}};
  for (int i = 0; i < 600; ++i) {
    Double().tokens[0].objects.push_back(Certificate(std::to_string(i)));
  }
  const std::vector<std::string> values = ReadValues();
  ASSERT_THAT(values, SizeIs(600)) << values.front();
  EXPECT_EQ(values.back(), "599");
}

TEST_F(P11KitModuleTest, ACertificateThatIsNeitherTrustedNorDistrustedIsLeftOut) {
  Double().tokens[0].objects[0][CKA_TRUSTED] = kFalse;
  Double().tokens[0].objects[1].erase(CKA_TRUSTED);
  EXPECT_THAT(ReadValues(), ElementsAre("three"));
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(P11KitModuleTest, APolicyThatSaysNothingIsRead) {
  Double().tokens = {{"/etc/pki", {}}};
  EXPECT_THAT(ReadValues(), IsEmpty());
  EXPECT_TRUE(reading_.policy) << reading_.error;
}

TEST_F(P11KitModuleTest, ThePathsAreSaidBeforeAnythingIsRead) {
  before_reading_ = [] { EXPECT_EQ(Double().calls.count("C_OpenSession"), 0U); };
  ASSERT_TRUE(Read().policy);
  EXPECT_THAT(announced_, ElementsAre(ElementsAre("/usr/share/pki", "/etc/pki")));
}

TEST_F(P11KitModuleTest, WhatIsThrownBeforeReadingLeavesTheModuleAsItWas) {
  before_reading_ = [] { throw std::runtime_error("as the test says"); };
  EXPECT_THROW(Read(), std::runtime_error);
  EXPECT_EQ(Double().calls["C_Initialize"], 1);
}

TEST_F(P11KitModuleTest, ItIsReadAgainAsItIsThen) {
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
  Double().tokens[0].objects.erase(Double().tokens[0].objects.begin());
  EXPECT_THAT(ReadValues(), ElementsAre("two", "three"));
}

// --- the file ------------------------------------------------------------------------------------

TEST_F(P11KitModuleTest, AMissingModuleIsAnErrorThatNamesAllThatWereTried) {
  asked_.files = {"/nowhere/first.so", "/nowhere/second.so"};
  const P11KitReading reading = Read();
  EXPECT_FALSE(reading.policy);
  EXPECT_EQ(reading.file, "");
  EXPECT_THAT(reading.error, HasSubstr("/nowhere/first.so"));
  EXPECT_THAT(reading.error, HasSubstr("/nowhere/second.so"));
}

TEST_F(P11KitModuleTest, NoFileToTryIsAnError) {
  asked_.files = {};
  const P11KitReading reading = Read();
  EXPECT_FALSE(reading.policy);
  EXPECT_NE(reading.error, "");
}

TEST_F(P11KitModuleTest, TheFirstThatCanBeLoadedIsTaken) {
  asked_.files = {"/nowhere/p11-kit-trust.so", kDouble};
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
  EXPECT_EQ(reading_.file, kDouble);
  EXPECT_EQ(reading_.error, "");
}

TEST_F(P11KitModuleTest, ALibraryThatIsNoModuleIsAnError) {
  Dl_info libcrypto{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&OPENSSL_init_crypto), &libcrypto), 0);
  asked_.files = {libcrypto.dli_fname};
  EXPECT_THAT(Error(), HasSubstr("no PKCS#11 module"));
}

// --- the list of functions -----------------------------------------------------------------------

TEST_F(P11KitModuleTest, AModuleThatGivesNoFunctionsIsAnError) {
  Double().before["C_GetFunctionList"] = Fails(CKR_GENERAL_ERROR);
  EXPECT_THAT(Error(), HasSubstr("C_GetFunctionList failed: 0x5"));
  Double().before.clear();
  Double().list = nullptr;
  EXPECT_THAT(Error(), HasSubstr("no module of PKCS#11 version 2"));
}

TEST_F(P11KitModuleTest, AListOfAnotherVersionIsNotUsed) {
  for (const CK_BYTE major : {0, 1, 3, 255}) {
    Double().functions.version.major = major;
    EXPECT_THAT(Error(), HasSubstr("version 2")) << int{major};
  }
}

TEST_F(P11KitModuleTest, AListThatLacksAFunctionIsNotUsed) {
  const CK_FUNCTION_LIST whole = Double().functions;
  const auto without = [&](auto CK_FUNCTION_LIST::*function) {
    Double().functions = whole;
    Double().functions.*function = nullptr;
    EXPECT_THAT(Error(), HasSubstr("functions of PKCS#11 are missing"));
  };
  without(&CK_FUNCTION_LIST::C_Initialize);
  without(&CK_FUNCTION_LIST::C_Finalize);
  without(&CK_FUNCTION_LIST::C_GetInfo);
  without(&CK_FUNCTION_LIST::C_GetSlotList);
  without(&CK_FUNCTION_LIST::C_GetSlotInfo);
  without(&CK_FUNCTION_LIST::C_OpenSession);
  without(&CK_FUNCTION_LIST::C_CloseSession);
  without(&CK_FUNCTION_LIST::C_FindObjectsInit);
  without(&CK_FUNCTION_LIST::C_FindObjects);
  without(&CK_FUNCTION_LIST::C_FindObjectsFinal);
  without(&CK_FUNCTION_LIST::C_GetAttributeValue);
  EXPECT_EQ(Double().calls.count("C_Initialize"), 0U);
}

// --- C_Initialize and C_Finalize -----------------------------------------------------------------

TEST_F(P11KitModuleTest, ArgumentsArriveAsTheyWereGiven) {
  ASSERT_TRUE(Read().policy);
  asked_.arguments = "paths='/usr/share/pki:/etc/pki' verbose=no";
  ASSERT_TRUE(Read().policy);
  EXPECT_THAT(Double().arguments, ElementsAre("(none)", asked_.arguments));
}

TEST_F(P11KitModuleTest, WhatCannotBeInitializedIsNotFinalized) {
  Double().before["C_Initialize"] = Fails(CKR_DEVICE_ERROR);
  EXPECT_THAT(Error(), HasSubstr("C_Initialize failed: 0x30"));
  EXPECT_EQ(Double().calls.count("C_Finalize"), 0U);
}

TEST_F(P11KitModuleTest, WhatAnotherUserInitializedIsReadAndLeftInitialized) {
  OtherUserInitializes();
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
  EXPECT_TRUE(reading_.shared);
  // A module that does not count its users:
  Double().before["C_Initialize"] = Fails(CKR_CRYPTOKI_ALREADY_INITIALIZED);
  const int finalized = Double().calls["C_Finalize"];
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
  EXPECT_EQ(Double().calls["C_Finalize"], finalized);
  EXPECT_TRUE(reading_.shared);
}

TEST_F(P11KitModuleTest, AUserThatLeavesWhileItIsReadDisturbsNothing) {
  OtherUserInitializes();
  before_reading_ = [this] {
    EXPECT_EQ(OtherUser().C_Finalize(nullptr), CKR_OK);
    --other_users_;
  };
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
  EXPECT_THAT(announced_, SizeIs(1));
  EXPECT_TRUE(reading_.shared);  // the arguments were the other's all the same
}

TEST_F(P11KitModuleTest, OtherPathsThanThoseAskedForAreAnError) {
  asked_.paths = {"/usr/share/pki"};
  EXPECT_THAT(Error(), HasSubstr("look elsewhere"));
  asked_.paths = {"/usr/share/pki", "/etc/pki", "/opt/pki"};
  EXPECT_THAT(Error(), HasSubstr("look elsewhere"));
  asked_.paths = {"/etc/pki", "/usr/share/pki"};
  EXPECT_THAT(Error(), HasSubstr("look elsewhere"));
  EXPECT_THAT(announced_, IsEmpty());
  EXPECT_EQ(Double().calls.count("C_OpenSession"), 0U);
  asked_.paths = {"/usr/share/pki", "/etc/pki"};
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
}

TEST_F(P11KitModuleTest, AFailingFinalizationTakesNothingFromWhatWasRead) {
  Double().before["C_Finalize"] = Fails(CKR_GENERAL_ERROR);
  other_users_ = 1;
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
}

// --- C_GetInfo -----------------------------------------------------------------------------------

TEST_F(P11KitModuleTest, AnotherModuleThanP11KitsIsNotAsked) {
  CK_INFO* const info = &Double().info;
  CK_UTF8CHAR* const description = info->libraryDescription;
  const std::string_view other = "Security module                 ";  // padded, as PKCS#11 has it
  std::copy(other.begin(), other.end(), description);
  EXPECT_THAT(Error(), HasSubstr("not p11-kit's trust module but \"Security module\""));
  std::memset(description, 'x', 32);
  EXPECT_THAT(Error(), HasSubstr("but \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\""));
  std::memset(description, 0, 32);
  EXPECT_THAT(Error(), HasSubstr("but \"\""));
  EXPECT_EQ(Double().calls.count("C_GetSlotList"), 0U);
}

TEST_F(P11KitModuleTest, AVersionThatStaplesToSomethingElseIsNotAsked) {
  CK_INFO* const info = &Double().info;
  info->libraryVersion = {0, 22};
  EXPECT_THAT(Error(), HasSubstr("too old: 0.22"));
  for (const CK_VERSION good : {CK_VERSION{0, 23}, CK_VERSION{0, 26}, CK_VERSION{1, 0}}) {
    info->libraryVersion = good;
    EXPECT_TRUE(Read().policy) << int{good.major} << "." << int{good.minor};
  }
}

// --- functions that fail -------------------------------------------------------------------------

TEST_F(P11KitModuleTest, ADirectoryThatCannotBeReadWholeIsAnErrorThatNamesTheFunction) {
  for (const char* function : {"C_GetInfo", "C_GetSlotList", "C_GetSlotInfo", "C_OpenSession",
                               "C_FindObjectsInit", "C_FindObjects"}) {
    Double().before = {{function, Fails(CKR_DEVICE_ERROR)}};
    EXPECT_THAT(Error(), EndsWith(std::string(function) + " failed: 0x30"));
    // In the middle only: one call of two, one token of two. A policy of which a part is missing is
    // none.
    Double().calls.clear();
    Double().before = {{function, Fails(CKR_DEVICE_ERROR, 2)}};
    if (std::string(function) == "C_GetInfo") continue;  // one call is enough
    EXPECT_THAT(Error(), EndsWith(std::string(function) + " failed: 0x30"));
    Double().calls.clear();
    Double().before.clear();
    EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three")) << function;
  }
}

TEST_F(P11KitModuleTest, ClosingThatFailsTakesNothingFromWhatWasRead) {
  Double().before["C_FindObjectsFinal"] = [](int) {
    for (auto& [handle, session] : Double().sessions) session.searching = false;
    return CK_RV{CKR_FUNCTION_FAILED};
  };
  Double().before["C_CloseSession"] = [](int) {
    Double().sessions.clear();
    return CK_RV{CKR_FUNCTION_FAILED};
  };
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
}

// --- the list of slots ---------------------------------------------------------------------------

TEST_F(P11KitModuleTest, NoTokenIsAnError) {
  Double().tokens.clear();
  EXPECT_THAT(Error(), HasSubstr("counts 0 tokens"));
}

TEST_F(P11KitModuleTest, MoreTokensThanThereCanBeAreAnErrorBeforeRoomIsMade) {
  static CK_ULONG claimed = 0;
  Double().functions.C_GetSlotList = [](CK_BBOOL, CK_SLOT_ID* slots, CK_ULONG* count) -> CK_RV {
    EXPECT_EQ(slots, nullptr);
    *count = claimed;
    return CKR_OK;
  };
  for (const CK_ULONG count : {CK_ULONG{1000}, CK_ULONG{1} << 32, CK_ULONG{1} << 63,
                               std::numeric_limits<CK_ULONG>::max()}) {
    claimed = count;
    EXPECT_THAT(Error(), HasSubstr("counts " + std::to_string(count) + " tokens"));
  }
}

TEST_F(P11KitModuleTest, ANumberOfTokensThatChangesBetweenTwoCallsIsAnError) {
  static CK_ULONG second = 0;
  static CK_RV result = CKR_OK;
  Double().functions.C_GetSlotList = [](CK_BBOOL, CK_SLOT_ID* slots, CK_ULONG* count) -> CK_RV {
    *count = slots == nullptr ? 2 : second;
    if (slots != nullptr) slots[0] = slots[1] = 18;
    return slots == nullptr ? CK_RV{CKR_OK} : result;
  };
  for (const CK_ULONG count : {CK_ULONG{0}, CK_ULONG{1}, CK_ULONG{3}, CK_ULONG{1} << 63}) {
    second = count;
    EXPECT_THAT(Error(), HasSubstr("C_GetSlotList")) << count;
  }
  second = 3;
  result = CKR_BUFFER_TOO_SMALL;
  EXPECT_THAT(Error(), HasSubstr("C_GetSlotList failed: 0x150"));
  second = 2;
  result = CKR_OK;
  EXPECT_TRUE(Read().policy);
}

/// A slot whose description is exactly what SetDescription() was given.
CK_UTF8CHAR slot_description[64];
CK_RV DescribeSlot(CK_SLOT_ID /*slot*/, CK_SLOT_INFO* info) {
  std::memcpy(info->slotDescription, slot_description, sizeof slot_description);
  return CKR_OK;
}
void SetDescription(std::string text) {
  text.resize(sizeof slot_description, '\0');
  std::copy(text.begin(), text.end(), slot_description);
  Double().functions.C_GetSlotInfo = DescribeSlot;
}

TEST_F(P11KitModuleTest, APathEndsWhereItsPaddingBegins) {
  Double().tokens.pop_back();
  const std::string path = "/etc/p k i";
  for (const std::string& padded : {path, path + std::string(54, ' '), path + '\0' + "rest",
                                    path + "  " + std::string(1, '\0')}) {
    SetDescription(padded);
    EXPECT_TRUE(Read().policy);
  }
  EXPECT_THAT(announced_, SizeIs(4));
  EXPECT_THAT(announced_, testing::Each(ElementsAre(path)));
}

TEST_F(P11KitModuleTest, APathThatWasCutOffIsTheOneThatWasAskedFor) {
  Double().tokens.pop_back();
  asked_.paths = {"/" + std::string(100, 'x')};
  SetDescription(asked_.paths[0]);
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two"));
  EXPECT_THAT(announced_, ElementsAre(asked_.paths));
  EXPECT_EQ(reading_.policy->paths, asked_.paths);
  asked_.paths = {"/" + std::string(62, 'x') + "y"};
  EXPECT_THAT(Error(), HasSubstr("look elsewhere"));
}

// --- finding objects -----------------------------------------------------------------------------

TEST_F(P11KitModuleTest, ObjectsWithoutEndAreAnError) {
  Double().functions.C_FindObjects = [](CK_SESSION_HANDLE, CK_OBJECT_HANDLE* objects, CK_ULONG room,
                                        CK_ULONG* count) -> CK_RV {
    for (CK_ULONG i = 0; i < room; ++i) objects[i] = 1;
    *count = room;
    return CKR_OK;
  };
  EXPECT_THAT(Error(), HasSubstr("too many objects"));
}

TEST_F(P11KitModuleTest, MoreObjectsThanThereIsRoomForAreAnError) {
  static CK_ULONG excess = 0;
  Double().functions.C_FindObjects = [](CK_SESSION_HANDLE, CK_OBJECT_HANDLE*, CK_ULONG room,
                                        CK_ULONG* count) -> CK_RV {
    *count = room + excess;
    return CKR_OK;
  };
  for (const CK_ULONG more : {CK_ULONG{1}, CK_ULONG{1} << 32, CK_ULONG{1} << 63}) {
    excess = more;
    EXPECT_THAT(Error(), HasSubstr("too many objects")) << more;
  }
}

TEST_F(P11KitModuleTest, AnObjectThatIsFoundTwiceDisturbsNothing) {
  Double().tokens.pop_back();
  Double().functions.C_FindObjects = [](CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* objects,
                                        CK_ULONG, CK_ULONG* count) -> CK_RV {
    std::vector<CK_OBJECT_HANDLE>& found = Double().sessions.at(session).found;
    *count = found.empty() ? 0 : 2;
    if (*count > 0) objects[0] = objects[1] = found.back();
    if (*count > 0) found.pop_back();
    return CKR_OK;
  };
  EXPECT_THAT(ReadValues(), ElementsAre("one", "one", "two", "two"));
  EXPECT_THAT(Problems(), IsEmpty());
}

// Somebody else in the process opened a session after the policy was changed, which makes the
// module read it anew, under new handles.
TEST_F(P11KitModuleTest, IfAnObjectVanishesInTheMiddleAllIsReadAgain) {
  Double().before["C_GetAttributeValue"] = Fails(CKR_OBJECT_HANDLE_INVALID, 3, 3);
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
  EXPECT_THAT(Problems(), IsEmpty());
  EXPECT_THAT(announced_, SizeIs(2));
}

TEST_F(P11KitModuleTest, AnObjectThatAlwaysVanishesIsSkippedAndSaid) {
  Double().before["C_GetAttributeValue"] = [](int call) {
    return call % 7 == 1 ? CK_RV{CKR_OBJECT_HANDLE_INVALID} : CK_RV{CKR_OK};  // the first of 7
  };
  EXPECT_THAT(ReadValues(), ElementsAre("two", "three"));
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("C_GetAttributeValue failed: 0x82")));
  EXPECT_THAT(announced_, SizeIs(3));
}

// --- attributes ----------------------------------------------------------------------------------

TEST_F(P11KitModuleTest, APolicyWithoutAnObjectSaysThatItIsIncomplete) {
  EXPECT_FALSE(Read().incomplete);
  Double().calls.clear();
  Double().before["C_GetAttributeValue"] = Fails(CKR_DEVICE_ERROR, 1, 1);
  EXPECT_TRUE(Read().incomplete);
}

TEST_F(P11KitModuleTest, AnObjectThatCannotBeReadIsSkippedAndSaid) {
  for (const CK_RV result :
       {CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_ARGUMENTS_BAD, CKR_ATTRIBUTE_VALUE_INVALID,
        CKR_DEVICE_ERROR, CKR_DEVICE_MEMORY, CKR_DEVICE_REMOVED, CKR_OPERATION_NOT_INITIALIZED,
        CKR_FUNCTION_NOT_SUPPORTED, CKR_VENDOR_DEFINED + 1, std::numeric_limits<CK_RV>::max()}) {
    for (const int call : {1, 2}) {  // for the sizes, for the values
      Double().calls.clear();
      Double().before["C_GetAttributeValue"] = Fails(result, call, call);
      EXPECT_THAT(ReadValues(), ElementsAre("two", "three"));
      EXPECT_THAT(Problems(), ElementsAre(HasSubstr("/usr/share/pki: an object is skipped: "
                                                    "C_GetAttributeValue failed: 0x")))
          << result;
    }
  }
}

// What it had no memory for may be what distrusts somebody.
TEST_F(P11KitModuleTest, WithoutMemoryNothingIsSkippedAndThereIsNoPolicy) {
  for (const char* function : {"C_Initialize", "C_GetSlotList", "C_GetSlotInfo", "C_OpenSession",
                               "C_FindObjectsInit", "C_FindObjects", "C_GetAttributeValue"}) {
    for (const int call : {1, 2, 3}) {
      Double().calls.clear();
      Double().before = {{function, Fails(CKR_HOST_MEMORY, call)}};
      const P11KitReading reading = Read();
      if (Double().calls[function] < call) break;
      EXPECT_FALSE(reading.policy.has_value()) << function << call;
      EXPECT_TRUE(reading.lacking) << function << call;
      EXPECT_THAT(reading.error, HasSubstr(std::string(function) + " failed: 0x2")) << call;
    }
  }
  Double().before.clear();
  EXPECT_TRUE(Read().policy.has_value());
  EXPECT_FALSE(Read().lacking);
}

TEST_F(P11KitModuleTest, AnExtensionThatCannotBeReadIsSkippedAndSaid) {
  Double().before["C_GetAttributeValue"] = Fails(CKR_DEVICE_ERROR, 5, 5);
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
  EXPECT_THAT(reading_.policy->extensions, IsEmpty());
  EXPECT_THAT(Problems(), SizeIs(1));
}

TEST_F(P11KitModuleTest, AnAttributeThatIsNotThereOrNotShownIsEmpty) {
  static CK_RV result = CKR_OK;
  Double().functions.C_GetAttributeValue = [](CK_SESSION_HANDLE, CK_OBJECT_HANDLE,
                                              CK_ATTRIBUTE* attributes, CK_ULONG count) -> CK_RV {
    for (CK_ULONG i = 0; i < count; ++i) {
      if (attributes[i].type != CKA_TRUSTED) {
        attributes[i].ulValueLen = CK_UNAVAILABLE_INFORMATION;
        continue;
      }
      attributes[i].ulValueLen = 1;
      if (attributes[i].pValue != nullptr) std::memset(attributes[i].pValue, CK_TRUE, 1);
    }
    return result;
  };
  for (const CK_RV says :
       {CK_RV{CKR_OK}, CK_RV{CKR_ATTRIBUTE_TYPE_INVALID}, CK_RV{CKR_ATTRIBUTE_SENSITIVE}}) {
    result = says;
    EXPECT_THAT(ReadValues(), ElementsAre("", "", "")) << says;
    EXPECT_THAT(Problems(), IsEmpty());
  }
}

/// What a module says about the sizes and values of one attribute, CKA_VALUE, of the first object:
/// the rest is served as it should be.
struct Lie {
  CK_ULONG size = 0;          // when it is asked for
  CK_ULONG size_given = 0;    // with the value
  bool takes_buffer = false;  // sets pValue to null
  bool untouched = false;     // leaves all as it was
};
Lie lie;
CK_C_GetAttributeValue honest;
CK_RV LieAboutTheFirst(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes,
                       CK_ULONG count) {
  if (object != 1) return honest(session, object, attributes, count);
  for (CK_ULONG i = 0; i < count; ++i) {
    CK_ATTRIBUTE& attribute = attributes[i];
    if (attribute.type != CKA_VALUE) {
      honest(session, object, &attribute, 1);
    } else if (!lie.untouched) {
      attribute.ulValueLen = attribute.pValue == nullptr ? lie.size : lie.size_given;
      if (lie.takes_buffer) attribute.pValue = nullptr;
    }
  }
  return CKR_OK;
}

class P11KitModuleSizes : public P11KitModuleTest {
 protected:
  std::vector<std::string> ReadLie(const Lie& told) {
    lie = told;
    honest = Double().functions.C_GetAttributeValue;
    Double().functions.C_GetAttributeValue = LieAboutTheFirst;
    std::vector<std::string> values = ReadValues();
    Double().functions.C_GetAttributeValue = honest;
    return values;
  }
};

TEST_F(P11KitModuleSizes, ASizeThatCannotBeIsSkippedBeforeRoomIsMade) {
  for (const CK_ULONG size : {(CK_ULONG{1} << 20) + 1, CK_ULONG{1} << 32, CK_ULONG{1} << 63,
                              std::numeric_limits<CK_ULONG>::max() - 1}) {
    EXPECT_THAT(ReadLie({size, size}), ElementsAre("two", "three")) << size;
    EXPECT_THAT(Problems(), ElementsAre(HasSubstr("too large")));
  }
}

TEST_F(P11KitModuleSizes, AValueThatGrewIsSkippedAndSaid) {
  for (const CK_ULONG size :
       {CK_ULONG{4}, CK_ULONG{1} << 32, CK_ULONG{1} << 63, CK_ULONG{CK_UNAVAILABLE_INFORMATION}}) {
    EXPECT_THAT(ReadLie({3, size}), ElementsAre("two", "three")) << size;
    EXPECT_THAT(Problems(), ElementsAre(HasSubstr("changed")));
  }
}

TEST_F(P11KitModuleSizes, OfAValueThatShrankOnlyWhatThereIsIsRead) {
  EXPECT_THAT(ReadLie({3, 2}), ElementsAre(std::string(2, '\0'), "two", "three"));
  EXPECT_THAT(ReadLie({3, 0}), ElementsAre("", "two", "three"));
  EXPECT_THAT(ReadLie({0, 0}), ElementsAre("", "two", "three"));
}

TEST_F(P11KitModuleSizes, AnAttributeThatIsLeftUntouchedIsEmpty) {
  EXPECT_THAT(ReadLie({0, 0, false, true}), ElementsAre("", "two", "three"));
}

TEST_F(P11KitModuleSizes, APointerThatIsTakenAwayIsNotFollowed) {
  EXPECT_THAT(ReadLie({3, 3, true}), ElementsAre(std::string(3, '\0'), "two", "three"));
}

TEST_F(P11KitModuleTest, ManyLargeObjectsFillNoMemory) {
  P11KitDouble::Object large = Certificate(std::string(std::size_t{1} << 20, 'x'));
  Double().tokens = {{"/etc/pki", std::vector<P11KitDouble::Object>(80, large)}};
  EXPECT_THAT(ReadValues(), SizeIs(testing::Lt(70U)));
  EXPECT_THAT(Problems(), testing::Not(IsEmpty()));
  EXPECT_THAT(Problems(), testing::Each(HasSubstr("too large")));
}

TEST_F(P11KitModuleTest, ACategoryOfAnotherSizeIsNoAuthority) {
  for (const Bytes& category : {Raw<char>(2), Bytes(), Bytes(16, std::byte{2})}) {
    Double().tokens[0].objects[0][CKA_CERTIFICATE_CATEGORY] = category;
    EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
    EXPECT_FALSE(reading_.policy->certificates[0].authority) << category.size();
  }
}

TEST_F(P11KitModuleTest, ATrustThatIsNoBooleanCountsAsDistrust) {
  for (const CK_ATTRIBUTE_TYPE type : {CKA_TRUSTED, CKA_X_DISTRUSTED}) {
    for (const Bytes& value :
         {Raw<CK_ULONG>(CK_TRUE), Raw<CK_ULONG>(CK_FALSE), Bytes(), Raw<CK_BBOOL>(2)}) {
      Double().tokens[0].objects[0] = Certificate("one");
      Double().tokens[0].objects[0][type] = value;
      EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three")) << value.size();
      EXPECT_TRUE(reading_.policy->certificates[0].distrusted) << value.size();
      EXPECT_THAT(Problems(), ElementsAre(HasSubstr("no CK_BBOOL"))) << value.size();
    }
  }
}

TEST_F(P11KitModuleTest, WhatIsNoDerIsHandedOnAndIsAProblemOfThePolicy) {
  Double().tokens[0].objects[0][CKA_ISSUER] = ToBytes("no name");
  Double().tokens[0].objects[0][CKA_SERIAL_NUMBER] = ToBytes("no number");
  Double().tokens[0].objects[0][CKA_NSS_SERVER_DISTRUST_AFTER] = ToBytes("no time");
  Double().tokens[0].objects[1] = Certificate(AsText(MakeRoot("Good")));
  EXPECT_THAT(ReadValues(), SizeIs(3));
  EXPECT_THAT(Problems(), IsEmpty());
  const PolicyTrustStore store(std::move(*reading_.policy), "the double");
  EXPECT_EQ(store.AnchorCount(), 1U);
  // Each for what it is; two are no certificates.
  EXPECT_THAT(store.Problems(),
              testing::UnorderedElementsAre(
                  HasSubstr("stapled to what is no public key"), HasSubstr("what is distrusted"),
                  HasSubstr("a date of distrust"), HasSubstr("a certificate there cannot be read"),
                  HasSubstr("a certificate there cannot be read")));
}

// --- other users ---------------------------------------------------------------------------------

const char* const kEachOf[] = {"C_GetInfo",          "C_GetSlotList",     "C_GetSlotInfo",
                               "C_OpenSession",      "C_FindObjectsInit", "C_FindObjects",
                               "C_GetAttributeValue"};

/// The module is initialized, for the first time.
bool IsFirstReading() {
  return Double().users == 1 && Double().calls["C_Initialize"] == 1;
}

TEST_F(P11KitModuleTest, IfAnotherUserFinalizesItInTheMiddleItIsReadAgain) {
  for (const char* function : kEachOf) {
    Double().calls.clear();
    Double().before = {{function, [](int) {
                          if (IsFirstReading()) Double().FinalizeForAll();
                          return CK_RV{CKR_OK};
                        }}};
    EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three")) << function;
    EXPECT_THAT(Problems(), IsEmpty()) << function;
    EXPECT_THAT(reading_.policy->extensions, SizeIs(1)) << function;
    EXPECT_EQ(Double().calls["C_Initialize"], 2) << function;
    EXPECT_EQ(Double().users, 0) << function;
  }
}

TEST_F(P11KitModuleTest, IfAnotherUserFinalizesAndInitializesItInTheMiddleThatUserKeepsIt) {
  for (const char* function : {"C_FindObjectsInit", "C_FindObjects", "C_GetAttributeValue"}) {
    Double().calls.clear();
    Double().users = 0;
    Double().before = {{function, [](int) {
                          if (!IsFirstReading()) return CK_RV{CKR_OK};
                          Double().FinalizeForAll();
                          return Double().functions.C_Initialize(nullptr);
                        }}};
    EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three")) << function;
    EXPECT_THAT(Problems(), IsEmpty()) << function;
    EXPECT_EQ(Double().users, 1) << function;
  }
  other_users_ = 1;
}

TEST_F(P11KitModuleTest, IfAnotherUserFinalizesItAgainAndAgainThatIsAnError) {
  for (const char* function : kEachOf) {
    Double().calls.clear();
    Double().before = {{function, [](int) {
                          Double().FinalizeForAll();
                          return CK_RV{CKR_OK};
                        }}};
    EXPECT_THAT(Error(), HasSubstr(" failed: 0x")) << function;
    EXPECT_EQ(Double().calls["C_Initialize"], 3) << function;
  }
}

TEST_F(P11KitModuleTest, WhileItIsSlowAnotherThreadMayUseTheModule) {
  using namespace std::chrono_literals;
  std::promise<void> opening;
  std::promise<void> other_is_done;
  auto done = other_is_done.get_future();
  Double().before["C_OpenSession"] = [&](int call) {
    if (call != 1) return CK_RV{CKR_OK};
    opening.set_value();
    EXPECT_EQ(done.wait_for(20s), std::future_status::ready);
    return CK_RV{CKR_OK};
  };
  std::thread other([&] {
    opening.get_future().wait();
    CK_INFO info{};
    EXPECT_EQ(OtherUser().C_Initialize(nullptr), CKR_OK);
    EXPECT_EQ(OtherUser().C_GetInfo(&info), CKR_OK);
    EXPECT_EQ(OtherUser().C_Finalize(nullptr), CKR_OK);
    other_is_done.set_value();
  });
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
  other.join();
}

// They may ask for different paths, and the first one's arguments hold for all.
TEST_F(P11KitModuleTest, TwoReadersWaitForEachOther) {
  std::atomic<int> most_users = 0;
  Double().before["C_OpenSession"] = [&](int) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    most_users = std::max(most_users.load(), Double().users);
    return CK_RV{CKR_OK};
  };
  std::thread other([this] {
    const P11KitReading reading = ReadP11KitPolicy(asked_, [](const auto&) {});
    EXPECT_TRUE(reading.policy) << reading.error;
  });
  EXPECT_THAT(ReadValues(), ElementsAre("one", "two", "three"));
  other.join();
  EXPECT_EQ(Double().calls["C_Initialize"], 2);
  EXPECT_EQ(most_users, 1);
}

}  // namespace
}  // namespace ostrust::platform
