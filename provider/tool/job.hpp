// A Windows process that does not outlive us, and how it is started.
#pragma once

#include <string>
#include <vector>

#include <windows.h>

namespace ostrust::tool {

struct StartedProcess {
  HANDLE job = nullptr;  // whoever closes it ends the process
  HANDLE process = nullptr;
  DWORD error = 0;  // of Windows, when there is no process
};

/// Starts `program`, a path, with `arguments`, itself the first of them, in this process's
/// environment. `streams`: its standard input, output and error, the only handles that it inherits;
/// or empty for our own ones. `limits`: JOB_OBJECT_LIMIT_*, beside that of ending with the job.
/// The caller closes both handles.
StartedProcess StartInJob(const std::string& program, const std::vector<std::string>& arguments,
                          std::vector<HANDLE> streams, DWORD limits, DWORD flags);

}  // namespace ostrust::tool
