// Inside of TcpConnection::Open(), for tests that bring their own names.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "platform/linux/name_resolution.hpp"
#include "platform/tcp_connection.hpp"

namespace ostrust::platform {

/// TcpConnection::Open() with `resolver` in place of the system's.
std::unique_ptr<TcpConnection> OpenTcpConnection(const std::string& host, std::uint16_t port,
                                                 bool allow_private,
                                                 TcpConnection::Deadline deadline,
                                                 Resolver resolver, std::string& why);

}  // namespace ostrust::platform
