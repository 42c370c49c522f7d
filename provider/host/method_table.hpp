// The hook in OpenSSL's built-in lookup methods (rule 13).
//
// X509_LOOKUP_file() and X509_LOOKUP_store() are where an application's CAfile and CAstore arrive,
// through the member `ctrl_ex` of X509_LOOKUP_METHOD (crypto/x509/x509_local.h, the same in 3.0,
// 3.5, 3.6 and 4.0). There is no public setter for it: X509_LOOKUP_meth_set_ctrl() sets `ctrl`,
// which X509_LOOKUP_ctrl_ex() ignores where `ctrl_ex` is set. So that one pointer is replaced in
// memory, after everything that can be checked about this memory was checked.
#pragma once

#include <string>

#include "provider/host/image.hpp"
#include "provider/host/symbols.hpp"

namespace ostrust::host {

using CtrlExFn = int (*)(X509_LOOKUP* lookup, int cmd, const char* argp, long argl, char** ret,
                         OSSL_LIB_CTX* libctx, const char* propq);
using CtrlFn = int (*)(X509_LOOKUP* lookup, int cmd, const char* argp, long argl, char** ret);

/// What is asked of memory before it is written to. Image answers for real; tests answer for
/// forged tables.
class MemoryJudge {
 public:
  virtual ~MemoryJudge() = default;
  virtual bool IsCode(const void* address) const = 0;
  virtual bool IsData(const void* address, std::size_t size) const = 0;
  virtual bool IsWritableData(const void* address, std::size_t size) const = 0;
};

/// Makes sure, through the public setters, that an X509_LOOKUP_METHOD of this libcrypto is laid out
/// as ours: a method made with X509_LOOKUP_meth_new() gets a mark in each of the nine members that
/// have a setter, and is then looked at. Returns an empty string or why not.
std::string CheckMethodLayout(const Symbols& symbols);

/// Replaces `ctrl_ex` of the built-in `method` by `hook` with one atomic store, after checking
/// that it is that method (its name is one of those OpenSSL gave it), that its members are what the
/// public getters say, that every pointer in it points into the library, and that the memory is
/// writable. The hook may run on another thread before this function returns, so `original` is set
/// first. Never undone. Returns an empty string or why nothing was written.
std::string HookCtrlEx(const Symbols& symbols, const MemoryJudge& memory,
                       X509_LOOKUP_METHOD* method, CtrlExFn hook, CtrlExFn& original);

/// Replaces `ctrl` of a built-in method without `ctrl_ex` (X509_LOOKUP_hash_dir()) through
/// X509_LOOKUP_meth_set_ctrl(), after the same checks. Returns an empty string or why not.
std::string HookCtrl(const Symbols& symbols, const MemoryJudge& memory, X509_LOOKUP_METHOD* method,
                     CtrlFn hook, CtrlFn& original);

}  // namespace ostrust::host
