#include "provider/tool/node_witness.hpp"

#include <gtest/gtest.h>

namespace ostrust::tool {
namespace {

TEST(NodeWitness, ReadsWhatTheModuleLogs) {
  const Witness witness = ReadWitness(
      "ostrust[12] info: loaded; layers: store loader, binding; intermediates: fetch; "
      "revocation: soft; verify: report\n"
      "something else of Node's\n"
      "ostrust[12] info: serving 144 anchors from /etc/a b.pem + /etc/certs\n");
  EXPECT_TRUE(witness.loaded);
  EXPECT_EQ(witness.reach, "full");
  EXPECT_EQ(witness.verify, "report");
  EXPECT_EQ(witness.intermediates, "fetch");
  EXPECT_EQ(witness.revocation, "soft");
  EXPECT_TRUE(witness.serves_default_paths);
  EXPECT_EQ(witness.anchors, 144);
  EXPECT_EQ(witness.source, "/etc/a b.pem + /etc/certs");
  EXPECT_EQ(witness.error, "");
}

TEST(NodeWitness, ReadsWhyALayerIsMissing) {
  Witness witness = ReadWitness(
      "ostrust[1] info: loaded; layers: store loader, no binding (the program itself does not "
      "export X (sic))\n");
  EXPECT_EQ(witness.reach, "none");
  EXPECT_EQ(witness.limited_by, "the program itself does not export X (sic)");
  witness = ReadWitness(
      "ostrust[1] info: loaded; layers: store loader, binding by the marker file only (why)\n");
  EXPECT_EQ(witness.reach, "marker");
  EXPECT_EQ(witness.limited_by, "why");
}

TEST(NodeWitness, SaysNothingOfOtherLines) {
  const Witness witness =
      ReadWitness("x ostrust[1] info: loaded; layers: store loader\nostrust: loaded\n\n");
  EXPECT_FALSE(witness.loaded);
  EXPECT_FALSE(witness.serves_default_paths);
  EXPECT_EQ(ReadWitness("ostrust[1] error: one\nostrust[1] error: two\n").error, "one; two");
}

TEST(NodeWitness, TellsWhatIsWrongWithTheSourceFromOtherErrors) {
  const Witness witness = ReadWitness(
      "ostrust[1] error: trust source: a cannot be read\nostrust[1] error: other\n"
      "ostrust[1] error: trust source: b cannot be read\n");
  EXPECT_EQ(witness.problems, "a cannot be read; b cannot be read");
  EXPECT_EQ(witness.error, "other");
}

}  // namespace
}  // namespace ostrust::tool
