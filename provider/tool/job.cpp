#include "provider/tool/job.hpp"

#include <cstddef>
#include <optional>

#include "provider/host/wide.hpp"
#include "provider/tool/command_line.hpp"

namespace ostrust::tool {
namespace {

HANDLE MakeJob(DWORD limits) {
  const HANDLE job = ::CreateJobObjectW(nullptr, nullptr);
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION information{};
  information.BasicLimitInformation.LimitFlags = limits | JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
  if (job != nullptr) {
    ::SetInformationJobObject(job, JobObjectExtendedLimitInformation, &information,
                              sizeof(information));
  }
  return job;
}

/// The list of inherited handles that CreateProcess() takes.
class HandleList {
 public:
  explicit HandleList(std::vector<HANDLE>& handles) {
    SIZE_T size = 0;
    ::InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
    memory_.resize(size);
    auto* const list = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.data());
    if (::InitializeProcThreadAttributeList(list, 1, 0, &size) == 0) return;
    list_ = list;
    ::UpdateProcThreadAttribute(list_, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles.data(),
                                handles.size() * sizeof(HANDLE), nullptr, nullptr);
  }
  ~HandleList() {
    if (list_ != nullptr) ::DeleteProcThreadAttributeList(list_);
  }
  HandleList(const HandleList&) = delete;
  HandleList& operator=(const HandleList&) = delete;

  LPPROC_THREAD_ATTRIBUTE_LIST Get() const { return list_; }

 private:
  std::vector<std::byte> memory_;
  LPPROC_THREAD_ATTRIBUTE_LIST list_ = nullptr;
};

}  // namespace

StartedProcess StartInJob(const std::string& program, const std::vector<std::string>& arguments,
                          std::vector<HANDLE> streams, DWORD limits, DWORD flags) {
  STARTUPINFOEXW startup{};
  startup.StartupInfo.cb = sizeof(startup.StartupInfo);
  std::optional<HandleList> list;
  if (!streams.empty()) {
    startup.StartupInfo.cb = sizeof(startup);
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = streams[0];
    startup.StartupInfo.hStdOutput = streams[1];
    startup.StartupInfo.hStdError = streams[2];
    list.emplace(streams);
    startup.lpAttributeList = list->Get();
    flags |= EXTENDED_STARTUPINFO_PRESENT;
  }
  std::wstring line = host::WidePath(CommandLine(arguments));
  PROCESS_INFORMATION information{};
  StartedProcess started;
  started.job = MakeJob(limits);
  if (::CreateProcessW(host::WidePath(program).c_str(), line.data(), nullptr, nullptr, TRUE,
                       flags | CREATE_SUSPENDED | CREATE_UNICODE_ENVIRONMENT, nullptr, nullptr,
                       &startup.StartupInfo, &information) == 0) {
    started.error = ::GetLastError();
    ::CloseHandle(started.job);
    started.job = nullptr;
    return started;
  }
  // Fails where a job of somebody else's forbids it; then the process is on its own.
  ::AssignProcessToJobObject(started.job, information.hProcess);
  ::ResumeThread(information.hThread);
  ::CloseHandle(information.hThread);
  started.process = information.hProcess;
  return started;
}

}  // namespace ostrust::tool
