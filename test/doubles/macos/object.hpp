// The objects of the double, for its own files.
//
// A function of the frameworks begins with
//
//   const Call call("CFArrayGetCount");
//
// gets at its arguments with call.Argument<ArrayObject>(theArray, "theArray"), makes what it
// returns with Make<DataObject>(...), and dies with call.Die("what is wrong").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/macos/frameworks.hpp"
#include "test/doubles/macos/double.hpp"

namespace ostrust::macos_double {

struct Object {
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;

  virtual const char* TypeName() const = 0;
  virtual CFTypeID TypeId() const = 0;
  /// What CFEqual() says of two objects of one type; by default they are equal if they are one.
  virtual bool Equals(const Object& other) const { return this == &other; }

  std::string made_by;
  long references = 1;
};

/// Names a type and numbers it. `id` is any number that no other type has; SecTrust's is 30.
#define OSTRUST_DOUBLE_TYPE(name, id)            \
  static constexpr const char* kTypeName = name; \
  static constexpr CFTypeID kTypeId = id;        \
  const char* TypeName() const override {        \
    return kTypeName;                            \
  }                                              \
  CFTypeID TypeId() const override {             \
    return kTypeId;                              \
  }

/// Takes another reference, or gives one back, as CFRetain() and CFRelease() do; null is left
/// alone.
CFTypeRef Retained(CFTypeRef object);
void Released(CFTypeRef object);

/// Owns a reference.
class Reference {
 public:
  Reference() = default;
  /// Takes over the caller's.
  explicit Reference(CFTypeRef object) : object_(object) {}
  Reference(Reference&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Reference& operator=(Reference&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Reference() { Released(object_); }
  CFTypeRef Get() const { return object_; }
  CFTypeRef Release() { return std::exchange(object_, nullptr); }

 private:
  CFTypeRef object_ = nullptr;
};

/// Registers it; the caller owns the one reference.
CFTypeRef Adopt(Object* object);

template <typename T, typename... Arguments>
CFTypeRef Make(Arguments&&... arguments) {
  auto* const object = new T;
  object->Set(std::forward<Arguments>(arguments)...);
  return Adopt(object);
}

/// For constants: lives as long as the process, counts as no live object, and is never released.
CFTypeRef Immortal(CFTypeRef object);

template <typename Ref>
Ref Cast(CFTypeRef object) {
  return static_cast<Ref>(const_cast<void*>(object));
}

/// A call of a function of the frameworks. Dies in a forked child.
class Call {
 public:
  explicit Call(const char* function);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call();

  [[noreturn]] void Die(const std::string& why) const;

  /// Dies unless `object` is alive and of this type.
  template <typename T>
  T& Argument(CFTypeRef object, const char* name) const {
    auto* const typed = dynamic_cast<T*>(&AnyArgument(object, name));
    if (typed == nullptr) DieOfType(object, name, T::kTypeName);
    return *typed;
  }
  Object& AnyArgument(CFTypeRef object, const char* name) const;
  /// Dies if it is null.
  void Needs(const void* pointer, const char* name) const;
  /// There is only the default allocator, null.
  void CheckAllocator(CFAllocatorRef allocator) const;

 private:
  [[noreturn]] void DieOfType(CFTypeRef object, const char* name, const char* wanted) const;

  const char* const function_;
  const char* const outer_;
};

struct ArrayObject final : Object {
  OSTRUST_DOUBLE_TYPE("CFArray", 1)
  void Set(std::vector<Reference> all) { elements = std::move(all); }
  std::vector<Reference> elements;
};

struct BooleanObject final : Object {
  OSTRUST_DOUBLE_TYPE("CFBoolean", 2)
  void Set(bool which) { value = which; }
  bool value = false;
};

struct DataObject final : Object {
  OSTRUST_DOUBLE_TYPE("CFData", 3)
  void Set(platform::Bytes all) { bytes = std::move(all); }
  bool Equals(const Object& other) const override {
    return bytes == static_cast<const DataObject&>(other).bytes;
  }
  platform::Bytes bytes;
};

struct DateObject final : Object {
  OSTRUST_DOUBLE_TYPE("CFDate", 4)
  void Set(CFAbsoluteTime at) { time = at; }
  bool Equals(const Object& other) const override {
    return time == static_cast<const DateObject&>(other).time;
  }
  CFAbsoluteTime time = 0;
};

/// Every key is a string.
struct DictionaryObject final : Object {
  OSTRUST_DOUBLE_TYPE("CFDictionary", 5)
  void Set(std::map<std::string, Reference> all) { members = std::move(all); }
  std::map<std::string, Reference> members;
};

struct ErrorObject final : Object {
  OSTRUST_DOUBLE_TYPE("CFError", 6)
  /// Takes over the domain, a CFString.
  void Set(Reference domain_string, CFIndex number, std::string text) {
    domain = std::move(domain_string);
    code = number;
    description = std::move(text);
  }
  Reference domain;
  CFIndex code = 0;
  std::string description;
};

struct NumberObject final : Object {
  OSTRUST_DOUBLE_TYPE("CFNumber", 7)
  void Set(std::int64_t number) { integer = number; }
  void Set(double number) { fraction = number; }
  bool Equals(const Object& other) const override {
    const auto& number = static_cast<const NumberObject&>(other);
    return integer == number.integer && fraction == number.fraction;
  }
  std::int64_t integer = 0;
  std::optional<double> fraction;
};

struct StringObject final : Object {
  OSTRUST_DOUBLE_TYPE("CFString", 8)
  void Set(std::string utf8) { text = std::move(utf8); }
  bool Equals(const Object& other) const override {
    return text == static_cast<const StringObject&>(other).text;
  }
  std::string text;
};

struct CertificateObject final : Object {
  OSTRUST_DOUBLE_TYPE("SecCertificate", 20)
  void Set(platform::Bytes all) { der = std::move(all); }
  bool Equals(const Object& other) const override {
    return der == static_cast<const CertificateObject&>(other).der;
  }
  platform::Bytes der;
};

/// The policies that SecPolicyCreateBasicX509() and SecPolicyCreateRevocation() make have other
/// identifiers than SSL's and nothing else here but the flags.
struct PolicyObject final : Object {
  OSTRUST_DOUBLE_TYPE("SecPolicy", 21)
  /// Takes over the identifier, which may be no string.
  void Set(Reference identifier) { oid = std::move(identifier); }
  Reference oid;
  bool client = false;
  std::string name;
  bool has_properties = true;
  CFOptionFlags revocation_flags = 0;
  /// SecTrustSetNetworkFetchAllowed() changes policies in place.
  bool network_allowed = true;
  /// So no policy may serve two of them.
  bool is_in_trust = false;
};

}  // namespace ostrust::macos_double
