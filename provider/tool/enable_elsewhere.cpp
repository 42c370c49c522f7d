#include "provider/tool/enable.hpp"
#include "provider/tool/run.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

int NotHere(const std::string& verb) {
  PrintError("ostrust " + verb +
             " is for Linux so far: write the configuration by hand as openssl.cnf.example says, "
             "and set OPENSSL_CONF to it\n");
  return kRunFailed;
}

}  // namespace

int Enable(const EnableOptions&) {
  return NotHere("enable");
}

int Disable(const EnableOptions&) {
  return NotHere("disable");
}

}  // namespace ostrust::tool
