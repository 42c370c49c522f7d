#include "provider/tool/child_process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "provider/tool/write_all.hpp"

namespace ostrust::tool {
namespace {

using Clock = std::chrono::steady_clock;

// More than any honest answer, and little enough to hold.
constexpr std::size_t kMaxOutput = std::size_t{4} << 20;

struct Pipe {
  int read = -1;
  int write = -1;
};

bool Open(Pipe& pipe) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return false;
  // Not pipe2(), which macOS lacks: no other thread starts programs meanwhile.
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  pipe = {ends[0], ends[1]};
  return true;
}

void CloseEnd(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

void ConnectToNull(int fd, int flags) {
  const int null = ::open("/dev/null", flags | O_CLOEXEC);
  if (null >= 0) ::dup2(null, fd);
}

int MillisecondsLeft(Clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(left);
}

/// Reads both pipes to their end. False when the deadline passes first.
bool ReadBoth(Pipe& out, Pipe& err, ChildOutcome& outcome, Clock::time_point deadline) {
  struct Stream {
    int* fd;
    std::string* text;
  };
  const std::array<Stream, 2> streams = {Stream{&out.read, &outcome.out},
                                         Stream{&err.read, &outcome.err}};
  while (out.read >= 0 || err.read >= 0) {
    std::array<pollfd, 2> polled = {pollfd{out.read, POLLIN, 0}, pollfd{err.read, POLLIN, 0}};
    const int ready = ::poll(polled.data(), polled.size(), MillisecondsLeft(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (polled[i].revents == 0) continue;
      std::array<char, 4096> buffer{};
      const ssize_t got = ::read(*streams[i].fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        CloseEnd(*streams[i].fd);
      } else if (streams[i].text->size() < kMaxOutput) {
        streams[i].text->append(buffer.data(), static_cast<std::size_t>(got));
      }
    }
  }
  return true;
}

/// Waits for the child; kills it and all it started when the deadline passes.
void Await(pid_t child, bool in_time, ChildOutcome& outcome, Clock::time_point deadline) {
  int status = 0;
  pid_t done = 0;
  while (in_time && (done = ::waitpid(child, &status, WNOHANG)) == 0) {
    in_time = MillisecondsLeft(deadline) > 0;
    ::poll(nullptr, 0, 1);
  }
  if (!in_time) {
    ::kill(-child, SIGKILL);
    ::kill(child, SIGKILL);
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    outcome.end = ChildOutcome::End::kTimedOut;
  } else if (done == child && WIFEXITED(status)) {
    outcome.end = ChildOutcome::End::kExited;
    outcome.code = WEXITSTATUS(status);
  } else if (done == child && WIFSIGNALED(status)) {
    outcome.end = ChildOutcome::End::kSignalled;
    outcome.code = WTERMSIG(status);
  }
}

/// Forks; `in_child` gets the writing ends and does not return.
ChildOutcome Run(const std::function<void(int out, int err)>& in_child,
                 std::chrono::milliseconds limit) {
  ChildOutcome outcome;
  Pipe out;
  Pipe err;
  if (!Open(out) || !Open(err)) {
    for (int* fd : {&out.read, &out.write, &err.read, &err.write}) CloseEnd(*fd);
    return outcome;
  }
  const Clock::time_point deadline = Clock::now() + limit;
  const pid_t child = ::fork();
  if (child == 0) {
    ::setpgid(0, 0);  // so that what it starts can be ended with it
#ifdef __linux__
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // and it ends with us
#endif
    static_cast<void>(::signal(SIGPIPE, SIG_DFL));  // fails for no signal that there is
    ConnectToNull(STDIN_FILENO, O_RDONLY);
    in_child(out.write, err.write);
    ::_exit(127);
  }
  CloseEnd(out.write);
  CloseEnd(err.write);
  if (child > 0) {
    const bool in_time = ReadBoth(out, err, outcome, deadline);
    Await(child, in_time, outcome, deadline);
  }
  CloseEnd(out.read);
  CloseEnd(err.read);
  return outcome;
}

}  // namespace

std::string ChildOutcome::Describe() const {
  switch (end) {
    case End::kExited:
      return "ended with status " + std::to_string(code);
    case End::kSignalled:
      return "was ended by signal " + std::to_string(code) + " (" + ::strsignal(code) + ")";
    case End::kTimedOut:
      return "did not answer in time";
    case End::kNotStarted:
      break;
  }
  return "could not be started";
}

ChildOutcome RunForked(const std::function<std::string()>& work, std::chrono::milliseconds limit) {
  return Run(
      [&](int out, int) {
        ConnectToNull(STDOUT_FILENO, O_WRONLY);
        ConnectToNull(STDERR_FILENO, O_WRONLY);
        int status = 0;
        try {
          if (!WriteAll(out, work())) status = 1;
        } catch (...) {
          status = 1;
        }
        ::_exit(status);  // no atexit handler of a library that is not ours
      },
      limit);
}

ChildOutcome RunCommand(const std::vector<std::string>& command, std::chrono::milliseconds limit,
                        const std::vector<std::pair<std::string, std::string>>& variables) {
  return Run(
      [&](int out, int err) {
        for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
        std::vector<char*> arguments;
        arguments.reserve(command.size() + 1);
        for (const std::string& argument : command) {
          arguments.push_back(const_cast<char*>(argument.c_str()));  // execv(3) does not write
        }
        arguments.push_back(nullptr);
        ::dup2(out, STDOUT_FILENO);
        ::dup2(err, STDERR_FILENO);
        ::execv(arguments[0], arguments.data());
      },
      limit);
}

}  // namespace ostrust::tool
