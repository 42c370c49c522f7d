#include "platform/linux/name_resolution.hpp"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "platform/linux/file_io.hpp"
#include "platform/linux/root_directory.hpp"

namespace ostrust::platform {
namespace {

// For name service modules: with files and DNS only, getaddrinfo() of glibc 2.36 touches 15 KiB,
// but others parse JSON or speak LDAP. glibc takes the thread-local storage of all libraries from
// it, too. It is address space, not memory.
constexpr std::size_t kStackSize = std::size_t{1} << 20;

// Of this process: a child has none of the threads.
constinit std::atomic<int> abandoned_resolvers{0};
constinit std::atomic<bool> forgets_in_children{false};

/// What the waiting thread and the resolver's share.
///
/// Its mutex is a plain one: in a child that is forked meanwhile neither of the two exists, and
/// nobody else knows of it.
struct Lookup {
  Lookup(std::string its_host, std::uint16_t its_port, Resolver its_resolver)
      : host(std::move(its_host)), port(its_port), resolver(its_resolver) {}

  const std::string host;
  const std::uint16_t port;
  const Resolver resolver;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  bool done = false;
  bool abandoned = false;
  std::vector<NetworkAddress> addresses;
  std::string why;
};

struct AddressesDeleter {
  void operator()(addrinfo* addresses) const { freeaddrinfo(addresses); }
};

std::vector<NetworkAddress> CallGetaddrinfo(const std::string& host, std::uint16_t port, int flags,
                                            std::string& why) {
  // glibc takes "*" for no name at all, which is this machine, and reads up to a NUL.
  if (host == "*" || host.find('\0') != std::string::npos) {
    why = "no host name";
    return {};
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // Not AI_ADDRCONFIG: it overlooks loopback, so that in a container without a network not even
  // "localhost" has an address. Connecting over a family that is not there fails at once.
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  const std::unique_ptr<addrinfo, AddressesDeleter> owned(error == 0 ? list : nullptr);
  if (error != 0) {
    // Nobody asks why a name is no literal, and gai_strerror() translates: see ErrorText().
    if ((flags & AI_NUMERICHOST) != 0) return {};
    why = host + ": " + (error == EAI_SYSTEM ? ErrorText(errno) : gai_strerror(error));
    return {};
  }
  std::vector<NetworkAddress> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    addresses.push_back(NetworkAddress::Of(entry->ai_addr, entry->ai_addrlen));
  }
  return addresses;
}

/// The resolver's thread; `argument` is a std::shared_ptr<Lookup> that it deletes. Nothing but the
/// Lookup is touched: everything else may be gone when the resolver comes back.
void* RunResolver(void* argument) {
  const std::unique_ptr<std::shared_ptr<Lookup>> owned(
      static_cast<std::shared_ptr<Lookup>*>(argument));
  Lookup& lookup = **owned;
  std::vector<NetworkAddress> addresses;
  std::string why;
  try {
    addresses = lookup.resolver(lookup.host, lookup.port, why);
  } catch (...) {
    // Of a thread nobody can catch it. Without addresses and without a reason it is told as what it
    // is: no memory.
    addresses.clear();
    why.clear();
  }
  const std::lock_guard lock(lookup.mutex);
  lookup.done = true;
  lookup.addresses = std::move(addresses);
  lookup.why = std::move(why);
  if (lookup.abandoned) --abandoned_resolvers;
  lookup.changed.notify_one();
  return nullptr;
}

/// An error number; 0 when the thread runs.
int StartDetached(void* (*function)(void*), void* argument) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  error = pthread_attr_setstacksize(&attributes, kStackSize);
  if (error == 0) error = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (error == 0) {
    // The program's signals are for the program's threads. A new thread begins with the mask of the
    // one that makes it.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t ignored;
    error = pthread_create(&ignored, &attributes, function, argument);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  pthread_attr_destroy(&attributes);
  return error;
}

/// An error number; 0 when the count begins at zero in children. Registering it twice does no harm;
/// a lock against that might be left held in a child.
int ForgetInChildren() {
  if (forgets_in_children) return 0;
  const int error = pthread_atfork(nullptr, nullptr, [] { abandoned_resolvers = 0; });
  if (error == 0) forgets_in_children = true;
  return error;
}

int StartResolver(const std::shared_ptr<Lookup>& lookup) {
  if (const int error = ForgetInChildren(); error != 0) return error;
  auto argument = std::make_unique<std::shared_ptr<Lookup>>(lookup);
  const int error = StartDetached(RunResolver, argument.get());
  if (error == 0) static_cast<void>(argument.release());  // the thread's now
  return error;
}

}  // namespace

std::vector<NetworkAddress> SystemResolver(const std::string& host, std::uint16_t port,
                                           std::string& why) {
  return CallGetaddrinfo(host, port, 0, why);
}

std::vector<NetworkAddress> ResolveLiteral(const std::string& host, std::uint16_t port) {
  std::string not_a_literal;
  return CallGetaddrinfo(host, port, AI_NUMERICHOST, not_a_literal);
}

bool ResolverIsStuck() {
  return abandoned_resolvers >= kMaxAbandonedResolvers;
}

std::vector<NetworkAddress> Resolve(const std::string& host, std::uint16_t port,
                                    std::chrono::steady_clock::time_point deadline,
                                    Resolver resolver, std::string& why) {
  // What getaddrinfo() would read of it ends at a NUL.
  if (host.empty() || host.find('\0') != std::string::npos) {
    why = "no host name";
    return {};
  }
  auto literal = ResolveLiteral(host, port);
  if (!literal.empty()) return literal;

  // getaddrinfo() loads the modules that /etc/nsswitch.conf names, and they are this tree's.
  if (!FirstRoot().IsTheSame()) {
    why = host + ": no name is resolved in a process that called chroot()";
    return {};
  }
  if (ResolverIsStuck()) {
    why = host + ": not resolved, because the name service has not answered " +
          std::to_string(kMaxAbandonedResolvers) + " earlier questions yet";
    return {};
  }
  const auto lookup = std::make_shared<Lookup>(host, port, resolver);
  if (const int error = StartResolver(lookup); error != 0) {
    why = host + ": no thread to resolve it in: " + ErrorText(error);
    return {};
  }
  std::unique_lock lock(lookup->mutex);
  if (!lookup->changed.wait_until(lock, deadline, [&lookup] { return lookup->done; })) {
    lookup->abandoned = true;
    ++abandoned_resolvers;
    why = host + ": not resolved in time";
    return {};
  }
  if (lookup->addresses.empty()) {
    why = lookup->why.empty() ? host + ": no memory to resolve it" : std::move(lookup->why);
  }
  return std::move(lookup->addresses);
}

}  // namespace ostrust::platform
