// The marker file: a PEM file with one CRL of a reserved issuer (package/os.pem).
//
// A store into which it was loaded asks for the operating system's trust. Any program that takes a
// CA file can say so with it; without ostrust the file adds no certificate, so that the program
// trusts nobody.
#pragma once

#include <string>
#include <string_view>

#include "provider/host/symbols.hpp"

namespace ostrust::hooks {

/// Whether PEM text contains the marker, alone or among certificates. Looks at the base64 of every
/// X509 CRL block; line breaks do not matter.
bool TextHoldsMarker(std::string_view text);

/// Whether the regular file `path` contains the marker. Other kinds of files are not opened:
/// reading a FIFO would take from the program what it is about to read. False when it cannot be
/// read.
bool FileHoldsMarker(const std::string& path);

/// Whether `store` contains a CRL of the marker's issuer. Takes the store's lock; changes neither
/// its contents nor their order.
bool StoreHoldsMarker(const host::Symbols& symbols, X509_STORE* store);

}  // namespace ostrust::hooks
