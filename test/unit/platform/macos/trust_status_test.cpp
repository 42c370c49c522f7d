#include "platform/macos/trust_status.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "double_test.hpp"

namespace ostrust::platform::macos {
namespace {

class MacosTrustStatusTest : public MacosTest {};

struct Row {
  OSStatus status;
  ChainError error;
  const char* name;
};

// As numbers: the table's own constants are not what says that it is right.
const Row kRows[] = {
    {-67843, ChainError::kUntrustedRoot, "errSecNotTrusted"},
    {-25318, ChainError::kNoIssuer, "errSecCreateChainFailed"},
    {-67818, ChainError::kExpired, "errSecCertificateExpired"},
    {-67819, ChainError::kNotYetValid, "errSecCertificateNotValidYet"},
    {-67820, ChainError::kRevoked, "errSecCertificateRevoked"},
    {-67635, ChainError::kRevocationUnknown, "errSecIncompleteCertRevocationCheck"},
    {-67654, ChainError::kDistrusted, "errSecTrustSettingDeny"},
    {-67612, ChainError::kUntrustedCa, "errSecInvalidRoot"},
    {-9886, ChainError::kUntrustedCa, "errSSLATSCertificateTrustViolation"},
    {-67602, ChainError::kHostnameMismatch, "errSecHostNameMismatch"},
    {-67609, ChainError::kWrongPurpose, "errSecInvalidExtendedKeyUsage"},
    {-67608, ChainError::kWrongPurpose, "errSecInvalidKeyUsageForPolicy"},
    {-67604, ChainError::kInvalidCa, "errSecNoBasicConstraints"},
    {-67605, ChainError::kInvalidCa, "errSecNoBasicConstraintsCA"},
    {-67611, ChainError::kPathTooLong, "errSecPathLengthConstraintExceeded"},
    {-67603, ChainError::kUnhandledCriticalExtension, "errSecUnknownCriticalExtensionFlag"},
    {-67610, ChainError::kInvalidExtension, "errSecInvalidIDLinkage"},
    {-67618, ChainError::kInvalidExtension, "errSecUnknownCertExtension"},
    {-67903, ChainError::kInvalidExtension, "errSecCertificateDuplicateExtension"},
    {-67735, ChainError::kWeakKey, "errSecUnsupportedKeySize"},
    {-67815, ChainError::kWeakDigest, "errSecInvalidDigestAlgorithm"},
    {-67689, ChainError::kNotPermittedName, "errSecInvalidName"},
    {-67900, ChainError::kNotPermittedName, "errSecCertificateNameNotAllowed"},
    {-67899, ChainError::kInvalidPolicy, "errSecCertificatePolicyNotAllowed"},
    {-67835, ChainError::kInvalidPolicy, "errSecInvalidPolicyIdentifiers"},
    {-67825, ChainError::kNoTransparency, "errSecVerifyActionFailed"},
    {-67901, ChainError::kDistrusted, "errSecCertificateValidityPeriodTooLong"},
    {-67655, ChainError::kUndecided, "errSecInvalidSubjectName"},
    {-67690, ChainError::kUndecided, "errSecInvalidCertificateRef"},
    {-26276, ChainError::kUndecided, "errSecInternal"},
    {-25291, ChainError::kUndecided, "errSecNotAvailable"},
    {-2070, ChainError::kUndecided, "errSecInternalComponent"},
    {-67671, ChainError::kUndecided, "errSecInternalError"},
    {-36, ChainError::kUndecided, "errSecIO"},
    {-50, ChainError::kUndecided, "errSecParam"},
    {-108, ChainError::kUndecided, "errSecAllocate"},
};

TEST_F(MacosTrustStatusTest, EveryStatusHasItsErrorAndItsName) {
  for (const Row& row : kRows) {
    EXPECT_EQ(ErrorOfStatus(row.status), row.error) << row.name;
    EXPECT_EQ(DescribeRefusal("", row.status), row.name + (", " + std::to_string(row.status)));
  }
  std::set<OSStatus> expected;
  for (const Row& row : kRows) expected.insert(row.status);
  std::set<OSStatus> known;
  for (const TrustStatus& status : TrustStatuses()) known.insert(status.status);
  EXPECT_EQ(known, expected);
}

TEST_F(MacosTrustStatusTest, NoStatusIsGoodNotEvenSuccess) {
  for (const OSStatus status : {0, 1, -1, -67844, -67842, -99999}) {
    EXPECT_EQ(ErrorOfStatus(status), ChainError::kUndecided) << status;
  }
  for (const TrustStatus& status : TrustStatuses()) {
    EXPECT_NE(status.error, ChainError::kNone) << status.name;
  }
}

TEST_F(MacosTrustStatusTest, AStatusThatIsNotKnownIsDescribedByItsNumber) {
  EXPECT_EQ(DescribeRefusal("", -99999), "OSStatus -99999");
  EXPECT_EQ(DescribeRefusal("Words", -99999), "Words (OSStatus -99999)");
}

TEST_F(MacosTrustStatusTest, AFailureIsDescribedInTheSystemsWords) {
  EXPECT_EQ(DescribeFailure(-50), "the system's words for -50 (errSecParam, -50)");
}

TEST_F(MacosTrustStatusTest, WordsArePutOnOneLineWithoutWhatSteersATerminal) {
  EXPECT_EQ(OneLine(" a\r\n\tb  c \x1b[31m\x7f "), "a b c [31m");
  EXPECT_EQ(OneLine("a\xc2\x9b"
                    "31mb"),
            "a 31mb");  // CSI of C1
  EXPECT_EQ(OneLine("a\xe2\x80\xae"
                    "b\xe2\x81\xa9"
                    "c\xe2\x80\xa8"
                    "d"),
            "a b c d");
  EXPECT_EQ(OneLine(std::string_view("a\0b", 3)), "a b");
  // And nothing else is lost.
  EXPECT_EQ(OneLine("\xe2\x80\x9c"
                    "Stra\xc3\x9f"
                    "e\xe2\x80\x9d \xc2\xa9"),
            "\xe2\x80\x9c"
            "Stra\xc3\x9f"
            "e\xe2\x80\x9d \xc2\xa9");
  EXPECT_EQ(OneLine(""), "");
  EXPECT_EQ(OneLine(" \n"), "");
}

TEST_F(MacosTrustStatusTest, WordsAreCutBetweenCharacters) {
  EXPECT_EQ(OneLine(std::string(512, 'x')), std::string(512, 'x'));
  EXPECT_EQ(OneLine(std::string(513, 'x')), std::string(512, 'x'));
  EXPECT_EQ(OneLine(std::string(100000, 'x')), std::string(512, 'x'));
  EXPECT_EQ(OneLine(std::string(511, 'x') + "\xc3\x9f"
                                            "yy"),
            std::string(511, 'x'));
  EXPECT_EQ(OneLine(std::string(510, 'x') + "\xc3\x9f"
                                            "yy"),
            std::string(510, 'x') + "\xc3\x9f");
}

}  // namespace
}  // namespace ostrust::platform::macos
