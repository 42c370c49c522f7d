// That the double is strict: without that, tests with it prove nothing.
#include "double_test.hpp"

#include <optional>
#include <thread>

#include "../children.hpp"
#include "platform/macos/core_foundation.hpp"

namespace ostrust::platform::macos {
namespace {

using namespace macos_double;

class MacosDoubleDeathTest : public MacosTest {
 protected:
  // The process that dies is a new one: the double does not work in a forked child.
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(MacosDoubleDeathTest, ReleasingOrUsingWhatWasReleasedDies) {
  const auto released = [] {
    const CFTypeRef object = Text("text")();
    CFRelease(object);
    return object;
  };
  EXPECT_DEATH(CFRelease(released()), "CFRelease: cf is no object, or was released already");
  EXPECT_DEATH(CFRetain(released()), "CFRetain: cf is no object, or was released already");
  EXPECT_DEATH(TextOf(static_cast<CFStringRef>(released())), "theString is no object");
}

TEST_F(MacosDoubleDeathTest, NullDies) {
  EXPECT_DEATH(CFRelease(nullptr), "CFRelease: cf is null");
  EXPECT_DEATH(CFGetTypeID(nullptr), "CFGetTypeID: cf is null");
  EXPECT_DEATH(CFArrayGetCount(nullptr), "theArray is null");
  EXPECT_DEATH(SecTrustSettingsCopyCertificates(kSecTrustSettingsDomainUser, nullptr),
               "certArray is null");
}

TEST_F(MacosDoubleDeathTest, AnotherTypeDies) {
  const auto text = Own(static_cast<CFStringRef>(Text("text")()));
  const CFTypeRef object = text.get();
  EXPECT_DEATH(CFArrayGetCount(static_cast<CFArrayRef>(object)),
               "theArray is a CFString, not a CFArray");
  EXPECT_DEATH(CFDataGetLength(static_cast<CFDataRef>(object)), "not a CFData");
  EXPECT_DEATH(CFDictionaryGetValue(static_cast<CFDictionaryRef>(object), object),
               "not a CFDictionary");
}

TEST_F(MacosDoubleDeathTest, AnIndexPastTheEndDies) {
  const auto array = Own(static_cast<CFArrayRef>(Array({Number(1)})()));
  EXPECT_NE(CFArrayGetValueAtIndex(array.get(), 0), nullptr);
  EXPECT_DEATH(CFArrayGetValueAtIndex(array.get(), 1), "no such index");
  EXPECT_DEATH(CFArrayGetValueAtIndex(array.get(), -1), "no such index");
}

TEST_F(MacosDoubleDeathTest, AnArrayThatHoldsNoReferencesDies) {
  EXPECT_DEATH(CFArrayCreate(nullptr, nullptr, 0, nullptr), "would not hold its elements");
}

TEST_F(MacosDoubleDeathTest, ReleasingAConstantDies) {
  EXPECT_DEATH(
      {
        CFRelease(kSecPolicyOid);
        CFRelease(kSecPolicyOid);
      },
      "a constant was released and never retained");
}

TEST_F(MacosDoubleDeathTest, TwoThreadsInTrustSettingsDie) {
  const auto two = [] {
    ScriptedTrustSettings().during = [] {
      ScriptedTrustSettings().during = nullptr;
      std::thread([] {
        CFArrayRef array = nullptr;
        SecTrustSettingsCopyCertificates(kSecTrustSettingsDomainUser, &array);
      }).join();
    };
    CFArrayRef array = nullptr;
    SecTrustSettingsCopyCertificates(kSecTrustSettingsDomainUser, &array);
  };
  EXPECT_DEATH(two(), "another thread is in SecTrustSettings");
}

TEST_F(MacosDoubleDeathTest, ACallInAForkedChildDies) {
  EXPECT_EQ(InChild([] { return 0; }), 0);
  EXPECT_EQ(InChild([] {
              CFArrayGetTypeID();
              return 0;
            }),
            -1);
  EXPECT_EQ(InChild([] {
              int token = 0;
              notify_check(token, &token);
              return 0;
            }),
            -1);
}

TEST_F(MacosDoubleDeathTest, WhatIsNotReleasedIsCounted) {
  const CFTypeRef array = Array({Text("a"), Number(1)})();
  EXPECT_EQ(LiveObjects().size(), 3U);
  CFRetain(array);
  CFRelease(array);
  EXPECT_EQ(LiveObjects().size(), 3U);
  CFRelease(array);
  EXPECT_EQ(LiveObjects().size(), 0U);
}

class CoreFoundationTest : public MacosTest {};

TEST_F(CoreFoundationTest, TextsAndBytesComeBackAsTheyWere) {
  for (const std::string& text :
       {std::string(), std::string("a\0b", 3), std::string("gr\xc3\xbc")}) {
    EXPECT_EQ(TextOf(MakeString(text).get()), text);
    const ByteView bytes = AsBytes(text);
    EXPECT_EQ(BytesOf(MakeData(bytes).get()), Bytes(bytes.begin(), bytes.end()));
  }
  EXPECT_EQ(MakeString("\xff"), nullptr);
}

TEST_F(CoreFoundationTest, AnObjectOfAnotherTypeIsNull) {
  const auto text = MakeString("text");
  EXPECT_EQ(As<CFStringRef>(text.get(), CFStringGetTypeID()), text.get());
  EXPECT_EQ(As<CFArrayRef>(text.get(), CFArrayGetTypeID()), nullptr);
  EXPECT_EQ(As<CFArrayRef>(nullptr, CFArrayGetTypeID()), nullptr);
}

TEST_F(CoreFoundationTest, AnIntegerIsOneWithoutLoss) {
  const auto integer = [](const Value& value) {
    return IntegerOf(Own(static_cast<CFNumberRef>(value())).get());
  };
  EXPECT_EQ(integer(Number(-7)), -7);
  EXPECT_EQ(integer(Fraction(2.0)), 2);
  EXPECT_EQ(integer(Fraction(2.5)), std::nullopt);
}

TEST_F(CoreFoundationTest, AValueIsFoundByItsKey) {
  const auto dictionary = Own(static_cast<CFDictionaryRef>(Dictionary({{"there", Truth(true)}})()));
  EXPECT_EQ(ValueOf(dictionary.get(), "there"), kCFBooleanTrue);
  EXPECT_EQ(ValueOf(dictionary.get(), "not there"), nullptr);
}

}  // namespace
}  // namespace ostrust::platform::macos
