#include "provider/tool/program.hpp"

#include <array>
#include <chrono>
#include <vector>

#include "provider/host/file.hpp"
#include "provider/tool/child_process.hpp"
#include "provider/tool/executable.hpp"
#include "provider/tool/text.hpp"

namespace ostrust::tool {
namespace {

constexpr std::chrono::seconds kLimit{10};
constexpr int kMaxInterpreters = 4;

/// How an interpreter is asked for the file that holds or links its OpenSSL. One line of answer:
/// the file, or "in VERSION" when it is linked into the interpreter. They are started so that
/// nothing in the working directory is loaded.
struct Interpreter {
  std::string_view prefix;  // of the program's name
  std::vector<std::string> arguments;
};

const std::array<Interpreter, 4>& Interpreters() {
  static const auto& kInterpreters = *new std::array<Interpreter, 4>{{
      {"python",
       {"-I", "-S", "-c",
        "import _ssl; f = getattr(_ssl, '__file__', ''); "
        "print(f or 'in ' + _ssl.OPENSSL_VERSION.split()[1])"}},
      {"pypy", {"-I", "-S", "-c", "import _ssl, _cffi_ssl; print(_cffi_ssl._cffi_ssl.__file__)"}},
      {"ruby", {"-e", "require 'openssl'; puts $LOADED_FEATURES.grep(/\\/openssl\\.so$/)"}},
      {"perl",
       {"-MNet::SSLeay", "-e", "print grep { m{/SSLeay/} } @DynaLoader::dl_shared_objects"}},
  }};
  return kInterpreters;
}

void UseLinked(Program& program, const std::string& file, const std::string& whose) {
  const Library library = LinkedLibcrypto(file, program.path);
  if (!library.path.empty()) {
    program.openssl = Program::OpenSsl::kShared;
    program.libcrypto = library.path;
    program.because = "linked by " + whose;
  } else if (ExportsOpenSsl(file)) {
    program.openssl = Program::OpenSsl::kExported;
    program.because = "OpenSSL is inside " + whose + ", and exported";
  } else if (!library.error.empty()) {
    program.openssl = Program::OpenSsl::kUnknown;
    program.because = "what " + whose + " links cannot be told: " + library.error;
  } else if (const std::string version = HiddenOpenSslVersion(file); !version.empty()) {
    program.openssl = Program::OpenSsl::kHidden;
    program.version = version;
    program.because = "OpenSSL is linked into " + whose + ", hidden";
  } else {
    program.openssl = Program::OpenSsl::kUnknown;
    program.because = whose +
                      " links no libcrypto; whether it loads one later, or has a hidden one " +
                      "inside, cannot be seen from outside";
  }
}

/// Asks the interpreter. False when it does not answer as one does.
bool AskInterpreter(Program& program, const Interpreter& interpreter) {
  std::vector<std::string> command = {program.path};
  command.insert(command.end(), interpreter.arguments.begin(), interpreter.arguments.end());
  const ChildOutcome answer = RunCommand(command, kLimit);
  const std::string line = FirstLine(answer.out);
  if (!answer.Succeeded() || line.empty()) return false;
  if (line.starts_with("in ")) {
    program.openssl =
        ExportsOpenSsl(program.path) ? Program::OpenSsl::kExported : Program::OpenSsl::kHidden;
    program.version = line.substr(3);
    program.because = "OpenSSL is linked into " + program.path;
    return true;
  }
  if (!host::IsAbsolute(line)) return false;
  UseLinked(program, line, line);
  // An extension module that links no libcrypto and works has one inside.
  if (program.openssl == Program::OpenSsl::kUnknown) {
    program.openssl = Program::OpenSsl::kHidden;
    program.because = "OpenSSL is linked into " + line + ", hidden";
  }
  return true;
}

/// "python", "python3", "python3.13t": the interpreter itself, not one of its scripts.
bool IsCalled(std::string_view name, std::string_view interpreter) {
  if (name.substr(0, interpreter.size()) != interpreter) return false;
  std::string_view version = name.substr(interpreter.size());
  if (!version.empty() && version.back() >= 'a' && version.back() <= 'z') version.remove_suffix(1);
  return version.find_first_not_of("0123456789.") == std::string_view::npos;
}

void Examine(Program& program, const std::string& path, int depth) {
  program.path = path;
  const std::string name = CommandName(path);
  if (IsSetUserId(path)) {
    program.set_user_id = true;
    UseLinked(program, path, path);
    return;
  }
  // By name first: a version manager's "python3" is a script that starts the interpreter.
  for (const Interpreter& interpreter : Interpreters()) {
    if (IsCalled(name, interpreter.prefix) && AskInterpreter(program, interpreter)) {
      program.is_python = interpreter.prefix == "python";
      return;
    }
  }
  if (const auto interpreter = InterpreterOf(path)) {
    const std::string next = FindExecutable(*interpreter);
    if (!next.empty() && depth < kMaxInterpreters) {
      Examine(program, next, depth + 1);
      return;
    }
    program.openssl = Program::OpenSsl::kUnknown;
    program.because = path + " is a script for " + *interpreter + ", which cannot be found";
    return;
  }
  UseLinked(program, path, path);
  program.is_node = name == "node" || name == "nodejs";
}

}  // namespace

Program FindProgram(const std::string& name) {
  Program program;
  program.name = name;
  const std::string path = FindExecutable(name);
  if (path.empty()) {
    program.because = "there is no program " + name;
    return program;
  }
  Examine(program, path, 0);
  return program;
}

}  // namespace ostrust::tool
