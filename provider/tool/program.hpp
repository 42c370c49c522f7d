// The program a question is about, and the libcrypto it uses.
#pragma once

#include <string>

namespace ostrust::tool {

struct Program {
  enum class OpenSsl {
    kNotFound,  // there is no such program
    kShared,    // it gets the library `libcrypto`
    kExported,  // inside the program, with its symbols exported (Node.js)
    kHidden,    // inside the program or a module of its, hidden from everybody else
    kUnknown,   // it links none; whether it loads one later cannot be seen from outside
  };

  std::string name;  // as it was given
  std::string path;  // what that is, links followed; empty when it was not found
  OpenSsl openssl = OpenSsl::kNotFound;
  std::string libcrypto;  // for kShared: a path
  std::string version;    // for kExported and kHidden, where it is known: "3.0.13"
  std::string because;    // how this is known, or why not: a clause
  bool is_node = false;
  bool is_python = false;    // CPython, and answered as it does
  bool set_user_id = false;  // or set-group-ID: it reads no OPENSSL_CONF
};

/// Looks `name` up as a shell does and finds out. Never runs a set-user-ID file. CPython, Ruby
/// and Perl are run for a moment to ask where their OpenSSL is; other programs are only read.
Program FindProgram(const std::string& name);

}  // namespace ostrust::tool
