// OSSL_PARAM without libcrypto: OSSL_PARAM_locate(), OSSL_PARAM_set_*() and their like are
// functions of the library we do not link.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include <openssl/core.h>
#include <openssl/params.h>

namespace ostrust::params {

/// The parameter called `key`, or null.
inline OSSL_PARAM* Locate(OSSL_PARAM* params, const char* key) {
  for (; params != nullptr && params->key != nullptr; ++params) {
    if (std::strcmp(params->key, key) == 0) return params;
  }
  return nullptr;
}

/// Answers a request for a text that outlives the answer. False when the request has another type.
inline bool SetTextPointer(OSSL_PARAM& param, const char* text) {
  if (param.data_type != OSSL_PARAM_UTF8_PTR) return false;
  param.return_size = std::strlen(text);
  if (param.data != nullptr) *static_cast<const char**>(param.data) = text;
  return true;
}

/// Answers a request for an integer, signed or not, of 32 or 64 bits.
inline bool SetInteger(OSSL_PARAM& param, std::int32_t value) {
  if (param.data_type != OSSL_PARAM_INTEGER && param.data_type != OSSL_PARAM_UNSIGNED_INTEGER) {
    return false;
  }
  if (param.data == nullptr) {
    param.return_size = sizeof(value);
    return true;
  }
  if (param.data_size == sizeof(std::int32_t)) {
    std::memcpy(param.data, &value, sizeof(value));
  } else if (param.data_size == sizeof(std::int64_t)) {
    const std::int64_t wide = value;
    std::memcpy(param.data, &wide, sizeof(wide));
  } else {
    return false;
  }
  param.return_size = param.data_size;
  return true;
}

/// Reads an integer of 32 or 64 bits that fits an int.
inline std::optional<int> GetInteger(const OSSL_PARAM& param) {
  if (param.data == nullptr ||
      (param.data_type != OSSL_PARAM_INTEGER && param.data_type != OSSL_PARAM_UNSIGNED_INTEGER)) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  if (param.data_size == sizeof(std::int32_t)) {
    std::int32_t narrow = 0;
    std::memcpy(&narrow, param.data, sizeof(narrow));
    value = narrow;
  } else if (param.data_size == sizeof(std::int64_t)) {
    std::memcpy(&value, param.data, sizeof(value));
  } else {
    return std::nullopt;
  }
  if (value < INT32_MIN || value > INT32_MAX) return std::nullopt;
  return static_cast<int>(value);
}

}  // namespace ostrust::params
