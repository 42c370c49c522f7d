// Asks this system's verifier about a chain, for test/integration/test_windows_verifier.py.
//
//   windows_verify_chain ROOT PURPOSE INTERMEDIATES REVOCATION CERTIFICATE...
//
// ROOT, a DER file, is a root of the current user's meanwhile. The next three are numbers of
// platform's enumerations. Prints the number of the ChainError, the depth, how long the accepted
// chain is, and the detail. Exit status 77: not a system to do this on.
#include <chrono>
#include <cstdio>
#include <ctime>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "platform/chain_verifier.hpp"
#include "stored_certificate.hpp"

namespace {

using namespace ostrust::platform;

std::string Read(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + name);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

void Verify(const std::vector<std::string>& arguments) {
  const windows::StoredCertificate root(L"Root", AsBytes(Read(arguments.at(0))));
  ChainQuestion question;
  question.purpose = static_cast<Purpose>(std::stoi(arguments.at(1)));
  question.network.intermediates = static_cast<Intermediates>(std::stoi(arguments.at(2)));
  question.network.revocation = static_cast<Revocation>(std::stoi(arguments.at(3)));
  question.network.timeout = std::chrono::seconds(10);
  question.time = std::time(nullptr);
  std::vector<std::string> certificates;
  for (std::size_t i = 4; i < arguments.size(); ++i) certificates.push_back(Read(arguments[i]));
  std::vector<ByteView> chain;
  for (const std::string& certificate : certificates) chain.push_back(AsBytes(certificate));
  question.chain = chain;
  const ChainVerdict verdict = MakeChainVerifier()->Verify(question);
  std::printf("%d %d %d %s\n", static_cast<int>(verdict.error), static_cast<int>(verdict.depth),
              static_cast<int>(verdict.chain.size()), verdict.detail.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (!windows::MayChangeStores()) {
      std::puts("this is not Wine with a WINEPREFIX of its own: the user's roots stay as they are");
      return 77;
    }
    Verify(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
