#include <windows.h>

#include "provider/host/handle.hpp"
#include "provider/tool/executable.hpp"
#include "provider/tool/execute.hpp"
#include "provider/tool/job.hpp"
#include "provider/tool/system.hpp"

namespace ostrust::tool {
namespace {

/// Ctrl+C and Ctrl+Break reach every program of a console: what they mean is the command's to say.
BOOL WINAPI LeaveItToTheCommand(DWORD event) {
  return event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT ? TRUE : FALSE;
}

}  // namespace

int Execute(const std::vector<std::string>& command, std::string& why) {
  const std::string path = FindExecutable(command.front());
  if (path.empty()) {
    const bool is_there = IsThere(command.front());
    why = command.front() + (is_there ? ": it is no program" : ": there is no such program");
    return is_there ? kCannotExecute : kCommandNotFound;
  }
  if (InterpreterOf(path)) {
    // CreateProcess() would start cmd.exe, which reads % and & in arguments whatever the quotes.
    why = path +
          ": a batch file, to which arguments cannot be handed on safely. Name the program it "
          "starts, or: ostrust run -- cmd.exe /c FILE";
    return kCannotExecute;
  }
  ::SetConsoleCtrlHandler(LeaveItToTheCommand, TRUE);
  // It ends with us; what it starts may outlive both, as elsewhere.
  const StartedProcess started =
      StartInJob(path, command, {}, JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK, 0);
  const host::Handle job(started.job);
  const host::Handle process(started.process);
  if (!process) {
    why = path + ": it cannot be started (error " + std::to_string(started.error) + ")";
    return kCannotExecute;
  }
  DWORD code = 0;
  ::WaitForSingleObject(process.Get(), INFINITE);
  ::GetExitCodeProcess(process.Get(), &code);
  return static_cast<int>(code);
}

}  // namespace ostrust::tool
