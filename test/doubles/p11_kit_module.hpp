// A double of p11-kit's trust module, and how a test drives it.
//
// It serves objects as the real module does. A test that loads it itself finds P11KitDouble through
// OstrustP11KitDouble(): it says there what is served, makes any call fail or wait (`before`), and
// replaces functions (`functions`) for answers that no module should give. A whole process is
// driven through the environment: if there is OSTRUST_P11_KIT_DOUBLE, the DER files in `anchors`
// and `blocklist` of the `paths` it was initialized with are served; unless empty, it is "FUNCTION
// RESULT MILLISECONDS GOOD", which makes that function wait and then return that result
// (hexadecimal), after so many good calls.
#pragma once

#include <p11-kit/pkcs11.h>
#include <p11-kit/pkcs11x.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "platform/bytes.hpp"

namespace ostrust {

struct P11KitDouble {
  using Object = std::map<CK_ATTRIBUTE_TYPE, platform::Bytes>;
  struct Token {
    std::string path;
    std::vector<Object> objects;
  };
  /// Called before the function that it is for, with the number of the call, from 1. What is not
  /// CKR_OK is that function's result.
  using Before = std::function<CK_RV(int call)>;

  struct Session {
    std::size_t token = 0;
    bool searching = false;
    std::vector<CK_OBJECT_HANDLE> found;  // and not yet fetched
  };

  // The script.
  std::vector<Token> tokens;
  bool serves_paths = false;  // instead of `tokens`
  std::map<std::string, Before> before;
  CK_INFO info{};
  CK_FUNCTION_LIST functions{};  // null: what a reader of trust policy does not need
  CK_FUNCTION_LIST* list = nullptr;

  // What it saw.
  std::map<std::string, int> calls;
  int users = 0;  // C_Initialize without C_Finalize
  std::map<CK_SESSION_HANDLE, Session> sessions;
  std::vector<std::string> arguments;  // of each C_Initialize; "(none)" for a null pointer
  std::vector<CK_OBJECT_CLASS> searched;
  std::vector<std::string> misuses;  // one sentence each
  bool taken_away = false;           // finalized by FinalizeForAll()

  /// What a user does that calls C_Finalize more often than C_Initialize.
  void FinalizeForAll() {
    users = 0;
    sessions.clear();
    taken_away = true;
  }
};

}  // namespace ostrust

extern "C" ostrust::P11KitDouble* OstrustP11KitDouble();
