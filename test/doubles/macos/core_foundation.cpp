#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "platform/macos/frameworks.hpp"
#include "test/doubles/macos/double.hpp"
#include "test/doubles/macos/object.hpp"

// CFArray.h, for the one that there is.
struct OstrustCFArrayCallBacks {
  int unused;
};

namespace ostrust::macos_double {
namespace {

using platform::AsBytes;
using platform::Bytes;

// As the program was loaded: a forked child has another number.
const pid_t program = getpid();

std::atomic<std::uint64_t> calls{0};

thread_local const char* current_function = nullptr;

[[noreturn]] void DieIn(const char* function, const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", function, why.c_str());
  std::abort();
}

struct Registry {
  std::mutex mutex;
  // By address. Constants have no limit of their references.
  std::unordered_map<const void*, Object*> alive;
  std::unordered_map<const void*, Object*> constants;

  static Registry& Get() {
    static auto& registry = *new Registry;
    return registry;
  }
  // With the mutex held; null for what is no object, or not any more.
  Object* Find(CFTypeRef object) {
    for (const auto* objects : {&alive, &constants}) {
      const auto found = objects->find(object);
      if (found != objects->end()) return found->second;
    }
    return nullptr;
  }
};

constexpr const char* kNotAlive = "is no object, or was released already";

bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) continue;
    if (byte < 0xC2 || byte > 0xF4) return false;
    const std::size_t more = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    for (std::size_t j = 0; j < more; ++j) {
      if (++i == text.size() || (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80) return false;
    }
  }
  return true;
}

}  // namespace

CFTypeRef Adopt(Object* object) {
  Registry& registry = Registry::Get();
  object->made_by = current_function == nullptr ? "the test" : current_function;
  const std::lock_guard lock(registry.mutex);
  registry.alive.emplace(object, object);
  return object;
}

CFTypeRef Immortal(CFTypeRef object) {
  Registry& registry = Registry::Get();
  const std::lock_guard lock(registry.mutex);
  registry.constants.insert(registry.alive.extract(object));
  return object;
}

CFTypeRef Retained(CFTypeRef object) {
  Registry& registry = Registry::Get();
  const std::lock_guard lock(registry.mutex);
  if (object == nullptr) return nullptr;
  Object* const found = registry.Find(object);
  if (found == nullptr) DieIn("CFRetain", kNotAlive);
  ++found->references;
  return object;
}

void Released(CFTypeRef object) {
  if (object == nullptr) return;
  std::unique_ptr<Object> last;  // gives back what it holds when the registry is unlocked
  Registry& registry = Registry::Get();
  const std::lock_guard lock(registry.mutex);
  Object* const found = registry.Find(object);
  if (found == nullptr) DieIn("CFRelease", kNotAlive);
  --found->references;
  if (registry.constants.count(object) != 0) {
    if (found->references == 0) DieIn("CFRelease", "a constant was released and never retained");
    return;
  }
  if (found->references > 0) return;
  registry.alive.erase(object);
  last.reset(found);
}

Call::Call(const char* function) : function_(function), outer_(current_function) {
  ++calls;
  if (getpid() != program) Die("called in a child that was forked and has not exec'd");
  current_function = function;
}

Call::~Call() {
  current_function = outer_;
}

void Call::Die(const std::string& why) const {
  DieIn(function_, why);
}

void Call::DieOfType(CFTypeRef object, const char* name, const char* wanted) const {
  Die(std::string(name) + " is a " + AnyArgument(object, name).TypeName() + ", not a " + wanted);
}

void Call::Needs(const void* pointer, const char* name) const {
  if (pointer == nullptr) Die(std::string(name) + " is null");
}

Object& Call::AnyArgument(CFTypeRef object, const char* name) const {
  Needs(object, name);
  Registry& registry = Registry::Get();
  const std::lock_guard lock(registry.mutex);
  Object* const found = registry.Find(object);
  if (found == nullptr) Die(std::string(name) + " " + kNotAlive);
  return *found;
}

void Call::CheckAllocator(CFAllocatorRef allocator) const {
  if (allocator != nullptr) Die("there is no other allocator than the default one");
}

std::vector<std::string> LiveObjects() {
  Registry& registry = Registry::Get();
  const std::lock_guard lock(registry.mutex);
  std::vector<std::string> lines;
  for (const auto& [address, object] : registry.alive) {
    lines.push_back(std::string(object->TypeName()) + " made by " + object->made_by + ", " +
                    std::to_string(object->references) + " references");
  }
  return lines;
}

std::uint64_t Calls() {
  return calls;
}

Value Text(std::string text) {
  return [text] { return Make<StringObject>(text); };
}

Value Number(std::int64_t number) {
  return [number] { return Make<NumberObject>(number); };
}

Value Fraction(double number) {
  return [number] { return Make<NumberObject>(number); };
}

Value Truth(bool truth) {
  return [truth] { return Retained(truth ? kCFBooleanTrue : kCFBooleanFalse); };
}

Value Data(Bytes bytes) {
  return [bytes] { return Make<DataObject>(bytes); };
}

Value Array(std::vector<Value> elements) {
  return [elements] {
    std::vector<Reference> made;
    for (const Value& element : elements) made.emplace_back(element());
    return Make<ArrayObject>(std::move(made));
  };
}

Value Dictionary(std::vector<std::pair<std::string, Value>> members) {
  return [members] {
    std::map<std::string, Reference> made;
    for (const auto& [key, value] : members) made.emplace(key, Reference(value()));
    return Make<DictionaryObject>(std::move(made));
  };
}

Value Error(OSStatus code, std::string description) {
  return [code, description] {
    return Make<ErrorObject>(Reference(Retained(kCFErrorDomainOSStatus)), CFIndex{code},
                             description);
  };
}

Value Error(std::string domain, CFIndex code, std::string description) {
  return [domain, code, description] {
    return Make<ErrorObject>(Reference(Make<StringObject>(domain)), code, description);
  };
}

Value Nothing() {
  return [] { return nullptr; };
}

}  // namespace ostrust::macos_double

using namespace ostrust::macos_double;  // NOLINT: what follows is the frameworks' own namespace

extern "C" {

const CFArrayCallBacks kCFTypeArrayCallBacks = {0};
const CFTimeInterval kCFAbsoluteTimeIntervalSince1970 = 978307200.0;
const CFBooleanRef kCFBooleanTrue = Cast<CFBooleanRef>(Immortal(Make<BooleanObject>(true)));
const CFBooleanRef kCFBooleanFalse = Cast<CFBooleanRef>(Immortal(Make<BooleanObject>(false)));
const CFStringRef kCFErrorDomainOSStatus =
    Cast<CFStringRef>(Immortal(Make<StringObject>("NSOSStatusErrorDomain")));

CFTypeRef CFRetain(CFTypeRef cf) {
  const Call call("CFRetain");
  call.AnyArgument(cf, "cf");
  return Retained(cf);
}

void CFRelease(CFTypeRef cf) {
  const Call call("CFRelease");
  call.AnyArgument(cf, "cf");
  Released(cf);
}

CFTypeID CFGetTypeID(CFTypeRef cf) {
  const Call call("CFGetTypeID");
  return call.AnyArgument(cf, "cf").TypeId();
}

Boolean CFEqual(CFTypeRef cf1, CFTypeRef cf2) {
  const Call call("CFEqual");
  const Object& first = call.AnyArgument(cf1, "cf1");
  const Object& second = call.AnyArgument(cf2, "cf2");
  return first.TypeId() == second.TypeId() && first.Equals(second) ? 1 : 0;
}

CFTypeID CFArrayGetTypeID(void) {
  const Call call("CFArrayGetTypeID");
  return ArrayObject::kTypeId;
}

CFArrayRef CFArrayCreate(CFAllocatorRef allocator, const void** values, CFIndex numValues,
                         const CFArrayCallBacks* callBacks) {
  const Call call("CFArrayCreate");
  call.CheckAllocator(allocator);
  if (callBacks != &kCFTypeArrayCallBacks) call.Die("the array would not hold its elements");
  if (numValues < 0) call.Die("numValues is negative");
  if (numValues > 0) call.Needs(values, "values");
  std::vector<Reference> elements;
  for (CFIndex i = 0; i < numValues; ++i) {
    call.AnyArgument(values[i], "an element of values");
    elements.emplace_back(Retained(values[i]));
  }
  return Cast<CFArrayRef>(Make<ArrayObject>(std::move(elements)));
}

CFIndex CFArrayGetCount(CFArrayRef theArray) {
  const Call call("CFArrayGetCount");
  return static_cast<CFIndex>(call.Argument<ArrayObject>(theArray, "theArray").elements.size());
}

const void* CFArrayGetValueAtIndex(CFArrayRef theArray, CFIndex idx) {
  const Call call("CFArrayGetValueAtIndex");
  const auto& elements = call.Argument<ArrayObject>(theArray, "theArray").elements;
  if (idx < 0 || static_cast<std::size_t>(idx) >= elements.size()) call.Die("no such index");
  return elements[static_cast<std::size_t>(idx)].Get();
}

CFTypeID CFDataGetTypeID(void) {
  const Call call("CFDataGetTypeID");
  return DataObject::kTypeId;
}

CFDataRef CFDataCreate(CFAllocatorRef allocator, const UInt8* bytes, CFIndex length) {
  const Call call("CFDataCreate");
  call.CheckAllocator(allocator);
  if (length < 0) call.Die("length is negative");
  if (length > 0) call.Needs(bytes, "bytes");
  const auto* const begin = reinterpret_cast<const std::byte*>(bytes);
  return Cast<CFDataRef>(Make<DataObject>(length == 0 ? Bytes() : Bytes(begin, begin + length)));
}

CFIndex CFDataGetLength(CFDataRef theData) {
  const Call call("CFDataGetLength");
  return static_cast<CFIndex>(call.Argument<DataObject>(theData, "theData").bytes.size());
}

const UInt8* CFDataGetBytePtr(CFDataRef theData) {
  const Call call("CFDataGetBytePtr");
  return reinterpret_cast<const UInt8*>(call.Argument<DataObject>(theData, "theData").bytes.data());
}

CFTypeID CFDateGetTypeID(void) {
  const Call call("CFDateGetTypeID");
  return DateObject::kTypeId;
}

CFDateRef CFDateCreate(CFAllocatorRef allocator, CFAbsoluteTime at) {
  const Call call("CFDateCreate");
  call.CheckAllocator(allocator);
  return Cast<CFDateRef>(Make<DateObject>(at));
}

CFTypeID CFDictionaryGetTypeID(void) {
  const Call call("CFDictionaryGetTypeID");
  return DictionaryObject::kTypeId;
}

const void* CFDictionaryGetValue(CFDictionaryRef theDict, const void* key) {
  const Call call("CFDictionaryGetValue");
  const auto& members = call.Argument<DictionaryObject>(theDict, "theDict").members;
  const auto found = members.find(call.Argument<StringObject>(key, "key").text);
  return found == members.end() ? nullptr : found->second.Get();
}

CFTypeID CFErrorGetTypeID(void) {
  const Call call("CFErrorGetTypeID");
  return ErrorObject::kTypeId;
}

CFStringRef CFErrorGetDomain(CFErrorRef err) {
  const Call call("CFErrorGetDomain");
  return Cast<CFStringRef>(call.Argument<ErrorObject>(err, "err").domain.Get());
}

CFIndex CFErrorGetCode(CFErrorRef err) {
  const Call call("CFErrorGetCode");
  return call.Argument<ErrorObject>(err, "err").code;
}

CFStringRef CFErrorCopyDescription(CFErrorRef err) {
  const Call call("CFErrorCopyDescription");
  return Cast<CFStringRef>(Make<StringObject>(call.Argument<ErrorObject>(err, "err").description));
}

CFTypeID CFBooleanGetTypeID(void) {
  const Call call("CFBooleanGetTypeID");
  return BooleanObject::kTypeId;
}

Boolean CFBooleanGetValue(CFBooleanRef boolean) {
  const Call call("CFBooleanGetValue");
  return call.Argument<BooleanObject>(boolean, "boolean").value ? 1 : 0;
}

CFTypeID CFNumberGetTypeID(void) {
  const Call call("CFNumberGetTypeID");
  return NumberObject::kTypeId;
}

// "If the conversion is lossy, passes back an approximate value and returns false" (CFNumber.h).
Boolean CFNumberGetValue(CFNumberRef number, CFNumberType theType, void* valuePtr) {
  const Call call("CFNumberGetValue");
  const auto& object = call.Argument<NumberObject>(number, "number");
  call.Needs(valuePtr, "valuePtr");
  if (theType != ostrust::platform::macos::kCFNumberSInt64Type) {
    call.Die("the double knows kCFNumberSInt64Type only");
  }
  auto& value = *static_cast<std::int64_t*>(valuePtr);
  value = object.fraction ? static_cast<std::int64_t>(*object.fraction) : object.integer;
  return !object.fraction || std::trunc(*object.fraction) == *object.fraction ? 1 : 0;
}

CFTypeID CFStringGetTypeID(void) {
  const Call call("CFStringGetTypeID");
  return StringObject::kTypeId;
}

CFStringRef CFStringCreateWithBytes(CFAllocatorRef alloc, const UInt8* bytes, CFIndex numBytes,
                                    CFStringEncoding encoding, Boolean isExternalRepresentation) {
  const Call call("CFStringCreateWithBytes");
  call.CheckAllocator(alloc);
  if (encoding != ostrust::platform::macos::kCFStringEncodingUTF8) {
    call.Die("the double knows UTF-8 only");
  }
  if (isExternalRepresentation != 0) call.Die("a byte order mark would be taken out");
  if (numBytes < 0) call.Die("numBytes is negative");
  if (numBytes > 0) call.Needs(bytes, "bytes");
  const std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(numBytes));
  return IsUtf8(text) ? Cast<CFStringRef>(Make<StringObject>(text)) : nullptr;
}

CFDataRef CFStringCreateExternalRepresentation(CFAllocatorRef alloc, CFStringRef theString,
                                               CFStringEncoding encoding, UInt8 /*lossByte*/) {
  const Call call("CFStringCreateExternalRepresentation");
  call.CheckAllocator(alloc);
  if (encoding != ostrust::platform::macos::kCFStringEncodingUTF8) {
    call.Die("the double knows UTF-8 only");
  }
  const auto bytes = AsBytes(call.Argument<StringObject>(theString, "theString").text);
  return Cast<CFDataRef>(Make<DataObject>(Bytes(bytes.begin(), bytes.end())));
}

}  // extern "C"
