#include <cerrno>
#include <cstring>

#include <unistd.h>

#include "provider/tool/execute.hpp"

namespace ostrust::tool {

int Execute(const std::vector<std::string>& command, std::string& why) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));  // execvp(3) does not write
  }
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  const int error = errno;
  why = command[0] + ": " + std::strerror(error);
  return error == ENOENT ? kCommandNotFound : kCannotExecute;
}

}  // namespace ostrust::tool
