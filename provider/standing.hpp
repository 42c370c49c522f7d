// What the provider says about itself to programs, beside OpenSSL's standard parameters: the facts
// of the build info, one to a parameter (OSSL_PROVIDER_get_params(3)). Texts are UTF-8 pointers in
// one line; an empty text means "nothing to say".
#pragma once

namespace ostrust::standing_params {

/// How far the binding (layer L1) reaches in this libcrypto, one of the three below.
inline constexpr const char* kReach = "ostrust-binding";
inline constexpr const char* kReachFull = "full";
inline constexpr const char* kReachMarker = "marker";  // the marker file only
inline constexpr const char* kReachNone = "none";      // only the store loader works
/// Why it reaches no further.
inline constexpr const char* kLimitedBy = "ostrust-limited-by";

/// The configuration's `verify`, platform, report or roots, where the binding works; else empty.
inline constexpr const char* kVerify = "ostrust-verify";

/// The configuration's `intermediates`, off, local or fetch, as far as it is done here: off where
/// `verify` is not platform, local where this libcrypto has nothing to fetch with. Empty where the
/// binding does not work.
inline constexpr const char* kIntermediates = "ostrust-intermediates";

/// The configuration's `revocation`, off, local, soft or hard, as far as it is done here: off where
/// `verify` is roots, or where this libcrypto cannot do it (with hard that refuses every server).
/// Empty where the binding does not work.
inline constexpr const char* kRevocation = "ostrust-revocation";

/// Where the anchors were read from, and how many there are (an integer). Reads the source.
inline constexpr const char* kSource = "ostrust-source";
inline constexpr const char* kAnchors = "ostrust-anchors";
/// What of the source could not be used, a sentence each, separated by "; ". At most three, and how
/// many more.
inline constexpr const char* kProblems = "ostrust-problems";
/// Why there are none or, with a source, why the last good state is kept.
inline constexpr const char* kError = "ostrust-error";

/// The refused values of the configuration, a sentence each, separated by "; ".
inline constexpr const char* kBadValues = "ostrust-bad-values";
/// The keys of the section that are not known, separated by ", ". Reads the configuration file.
inline constexpr const char* kUnknownKeys = "ostrust-unknown-keys";

}  // namespace ostrust::standing_params
