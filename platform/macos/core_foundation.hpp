// CoreFoundation's objects in C++: who owns them, and what is in them.
//
// Every function here calls CoreFoundation; none may be called in a forked child
// (fork_detection.hpp).
#pragma once

#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "platform/bytes.hpp"
#include "platform/macos/frameworks.hpp"

namespace ostrust::platform::macos {

struct CFReleaser {
  void operator()(CFTypeRef object) const { CFRelease(object); }
};

/// Owns one reference to what a function with Create or Copy in its name returned; may be null.
template <typename Ref>
using Owned = std::unique_ptr<std::remove_pointer_t<Ref>, CFReleaser>;

template <typename Ref>
Owned<Ref> Own(Ref object) {
  return Owned<Ref>(object);
}

/// `object` if it is of the type whose number is `type`; null when it is not, or is null. For what
/// stands in a container, where anything may stand. Not owned.
template <typename Ref>
Ref As(CFTypeRef object, CFTypeID type) {
  if (object == nullptr || CFGetTypeID(object) != type) return nullptr;
  return static_cast<Ref>(const_cast<void*>(object));
}

/// A copy. `data` is not null.
inline Bytes BytesOf(CFDataRef data) {
  const auto* const begin = reinterpret_cast<const std::byte*>(CFDataGetBytePtr(data));
  return {begin, begin + CFDataGetLength(data)};
}

/// In UTF-8, what cannot be said in it as '?'. `string` is not null.
inline std::string TextOf(CFStringRef string) {
  const auto data =
      Own(CFStringCreateExternalRepresentation(nullptr, string, kCFStringEncodingUTF8, '?'));
  return data == nullptr ? std::string() : std::string(AsText(BytesOf(data.get())));
}

/// Null when `text` is no UTF-8, or memory is short.
inline Owned<CFStringRef> MakeString(std::string_view text) {
  return Own(CFStringCreateWithBytes(nullptr, reinterpret_cast<const UInt8*>(text.data()),
                                     static_cast<CFIndex>(text.size()), kCFStringEncodingUTF8, 0));
}

/// Null when memory is short.
inline Owned<CFDataRef> MakeData(ByteView bytes) {
  return Own(CFDataCreate(nullptr, reinterpret_cast<const UInt8*>(bytes.data()),
                          static_cast<CFIndex>(bytes.size())));
}

/// What the dictionary has under this key, which is UTF-8; null when there is nothing. Not owned.
/// Throws std::bad_alloc rather than to say that there is nothing.
inline CFTypeRef ValueOf(CFDictionaryRef dictionary, std::string_view key) {
  const auto string = MakeString(key);
  if (string == nullptr) throw std::bad_alloc();
  return CFDictionaryGetValue(dictionary, string.get());
}

/// Nullopt when it is no integer of 64 bits.
inline std::optional<std::int64_t> IntegerOf(CFNumberRef number) {
  std::int64_t value = 0;
  if (CFNumberGetValue(number, kCFNumberSInt64Type, &value) == 0) return std::nullopt;
  return value;
}

}  // namespace ostrust::platform::macos
