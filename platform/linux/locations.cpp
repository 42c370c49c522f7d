#include "platform/linux/locations.hpp"

namespace ostrust::platform {
namespace {

constexpr BundleLocation kBundles[] = {
    // Debian, Ubuntu, Alpine, Arch, Gentoo, NixOS
    {"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs"},
    // Fedora, RHEL
    {"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
     "/etc/pki/ca-trust/extracted/pem/directory-hash"},
    // Fedora up to 43
    {"/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/tls/certs"},
    // openSUSE
    {"/etc/ssl/ca-bundle.pem", "/etc/ssl/certs"},
    // OpenELEC
    {"/etc/pki/tls/cacert.pem", nullptr},
    // Alpine, Arch, OpenBSD, FreeBSD
    {"/etc/ssl/cert.pem", "/etc/ssl/certs"},
    // Fedora up to 43
    {"/etc/pki/tls/cert.pem", "/etc/pki/tls/certs"},
    // Slackware and others
    {"/etc/ssl/ca-bundle.crt", nullptr},
    // Entware
    {"/opt/etc/ssl/certs/ca-certificates.crt", "/opt/etc/ssl/certs"},
    // FreeBSD, package ca_root_nss
    {"/usr/local/etc/ssl/cert.pem", nullptr},
    {"/usr/local/share/certs/ca-root-nss.crt", nullptr},
    // NetBSD
    {"/etc/openssl/certs/ca-certificates.crt", "/etc/openssl/certs"},
    // Solaris
    {"/etc/certs/ca-certificates.crt", nullptr},
    // illumos
    {"/etc/ssl/cacert.pem", nullptr},
    // Termux
    {"/data/data/com.termux/files/usr/etc/tls/cert.pem", nullptr},
    // Haiku
    {"/boot/system/data/ssl/CARootCertificates.pem", nullptr},
};

constexpr const char* kDirectories[] = {
    // Debian, openSUSE, FreeBSD
    "/etc/ssl/certs",
    // Fedora, RHEL
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted/pem/directory-hash",
    // FreeBSD
    "/usr/share/certs/trusted",
    // AIX
    "/var/ssl/certs",
    // Android
    "/system/etc/security/cacerts",
    // Android, added by the user
    "/data/misc/keychain/certs-added",
};

constexpr const char* kPolicyDirectories[] = {
    // Fedora, RHEL
    "/etc/pki/ca-trust/source",
    "/usr/share/pki/ca-trust-source",
    // Arch
    "/etc/ca-certificates/trust-source",
    "/usr/share/ca-certificates/trust-source",
    // openSUSE
    "/etc/pki/trust",
    "/usr/share/pki/trust",
};

}  // namespace

std::span<const BundleLocation> SystemBundles() {
  return kBundles;
}

std::span<const char* const> SystemDirectories() {
  return kDirectories;
}

std::span<const char* const> PolicyDirectories() {
  return kPolicyDirectories;
}

}  // namespace ostrust::platform
