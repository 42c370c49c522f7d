// The libcrypto functions the binding (layer L1) uses, resolved in the libcrypto that loaded us.
//
// The module links no libcrypto: each function is a pointer here, typed by OpenSSL's own prototype,
// null when the host does not export it. OpenSSL's header macros and inline functions (sk_X509_*,
// X509_STORE_CTX_get_app_data, ...) must not be used in provider/: they would reference libcrypto.
#pragma once

#include <string>

#include <openssl/asn1t.h>
#include <openssl/cms.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/http.h>
#include <openssl/objects.h>
#include <openssl/ocsp.h>
#include <openssl/safestack.h>
#include <openssl/sha.h>
#include <openssl/stack.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "provider/host/image.hpp"

namespace ostrust::host {

// Without these there is no binding at all.
#define OSTRUST_REQUIRED_SYMBOLS(X)            \
  X(ASN1_STRING_get0_data)                     \
  X(ASN1_STRING_length)                        \
  X(ASN1_STRING_type)                          \
  X(ASN1_TIME_compare)                         \
  X(ASN1_TIME_to_tm)                           \
  X(CRYPTO_free)                               \
  X(CRYPTO_get_ex_new_index)                   \
  X(ERR_pop_to_mark)                           \
  X(ERR_set_mark)                              \
  X(OBJ_nid2obj)                               \
  X(OPENSSL_sk_dup)                            \
  X(OPENSSL_sk_free)                           \
  X(OPENSSL_sk_new_null)                       \
  X(OPENSSL_sk_num)                            \
  X(OPENSSL_sk_pop_free)                       \
  X(OPENSSL_sk_push)                           \
  X(OPENSSL_sk_value)                          \
  X(OPENSSL_version_major)                     \
  X(OSSL_LIB_CTX_get0_global_default)          \
  X(OSSL_LIB_CTX_set0_default)                 \
  X(X509_CRL_get_issuer)                       \
  X(X509_LOOKUP_ctrl_ex)                       \
  X(X509_LOOKUP_file)                          \
  X(X509_LOOKUP_free)                          \
  X(X509_LOOKUP_get_store)                     \
  X(X509_LOOKUP_hash_dir)                      \
  X(X509_LOOKUP_meth_free)                     \
  X(X509_LOOKUP_meth_get_ctrl)                 \
  X(X509_LOOKUP_meth_get_free)                 \
  X(X509_LOOKUP_meth_get_get_by_alias)         \
  X(X509_LOOKUP_meth_get_get_by_fingerprint)   \
  X(X509_LOOKUP_meth_get_get_by_issuer_serial) \
  X(X509_LOOKUP_meth_get_get_by_subject)       \
  X(X509_LOOKUP_meth_get_init)                 \
  X(X509_LOOKUP_meth_get_new_item)             \
  X(X509_LOOKUP_meth_get_shutdown)             \
  X(X509_LOOKUP_meth_new)                      \
  X(X509_LOOKUP_meth_set_ctrl)                 \
  X(X509_LOOKUP_meth_set_free)                 \
  X(X509_LOOKUP_meth_set_get_by_alias)         \
  X(X509_LOOKUP_meth_set_get_by_fingerprint)   \
  X(X509_LOOKUP_meth_set_get_by_issuer_serial) \
  X(X509_LOOKUP_meth_set_get_by_subject)       \
  X(X509_LOOKUP_meth_set_init)                 \
  X(X509_LOOKUP_meth_set_new_item)             \
  X(X509_LOOKUP_meth_set_shutdown)             \
  X(X509_LOOKUP_new)                           \
  X(X509_LOOKUP_store)                         \
  X(X509_NAME_get0_der)                        \
  X(X509_NAME_oneline)                         \
  X(X509_OBJECT_free)                          \
  X(X509_OBJECT_get0_X509_CRL)                 \
  X(X509_OBJECT_get_type)                      \
  X(X509_OBJECT_set1_X509)                     \
  X(X509_STORE_CTX_free)                       \
  X(X509_STORE_CTX_get0_cert)                  \
  X(X509_STORE_CTX_get0_chain)                 \
  X(X509_STORE_CTX_get0_param)                 \
  X(X509_STORE_CTX_get0_parent_ctx)            \
  X(X509_STORE_CTX_get0_store)                 \
  X(X509_STORE_CTX_get0_untrusted)             \
  X(X509_STORE_CTX_get1_certs)                 \
  X(X509_STORE_CTX_get1_issuer)                \
  X(X509_STORE_CTX_get_cert_crl)               \
  X(X509_STORE_CTX_get_check_crl)              \
  X(X509_STORE_CTX_get_check_issued)           \
  X(X509_STORE_CTX_get_check_policy)           \
  X(X509_STORE_CTX_get_check_revocation)       \
  X(X509_STORE_CTX_get_cleanup)                \
  X(X509_STORE_CTX_get_error)                  \
  X(X509_STORE_CTX_get_error_depth)            \
  X(X509_STORE_CTX_get_ex_data)                \
  X(X509_STORE_CTX_get_get_crl)                \
  X(X509_STORE_CTX_get_get_issuer)             \
  X(X509_STORE_CTX_get_lookup_certs)           \
  X(X509_STORE_CTX_get_lookup_crls)            \
  X(X509_STORE_CTX_get_num_untrusted)          \
  X(X509_STORE_CTX_get_verify)                 \
  X(X509_STORE_CTX_get_verify_cb)              \
  X(X509_STORE_CTX_init)                       \
  X(X509_STORE_CTX_new)                        \
  X(X509_STORE_CTX_set0_untrusted)             \
  X(X509_STORE_CTX_set0_verified_chain)        \
  X(X509_STORE_CTX_set_current_cert)           \
  X(X509_STORE_CTX_set_error)                  \
  X(X509_STORE_CTX_set_error_depth)            \
  X(X509_STORE_CTX_set_verify)                 \
  X(X509_STORE_CTX_set_verify_cb)              \
  X(X509_STORE_add_cert)                       \
  X(X509_STORE_add_lookup)                     \
  X(X509_STORE_get_get_issuer)                 \
  X(X509_STORE_get_lookup_certs)               \
  X(X509_STORE_get_verify)                     \
  X(X509_STORE_get_verify_cb)                  \
  X(X509_STORE_lock)                           \
  X(X509_STORE_set_get_issuer)                 \
  X(X509_STORE_set_lookup_certs)               \
  X(X509_STORE_set_verify)                     \
  X(X509_STORE_unlock)                         \
  X(X509_VERIFY_PARAM_get0_host)               \
  X(X509_VERIFY_PARAM_get1_ip_asc)             \
  X(X509_VERIFY_PARAM_get_depth)               \
  X(X509_VERIFY_PARAM_get_flags)               \
  X(X509_VERIFY_PARAM_get_hostflags)           \
  X(X509_VERIFY_PARAM_get_time)                \
  X(X509_add1_reject_object)                   \
  X(X509_add1_trust_object)                    \
  X(X509_check_host)                           \
  X(X509_cmp)                                  \
  X(X509_cmp_timeframe)                        \
  X(X509_free)                                 \
  X(X509_get0_notAfter)                        \
  X(X509_get0_notBefore)                       \
  X(X509_get0_pubkey)                          \
  X(X509_get0_pubkey_bitstr)                   \
  X(X509_get0_serialNumber)                    \
  X(X509_get_extension_flags)                  \
  X(X509_get_issuer_name)                      \
  X(X509_get_subject_name)                     \
  X(X509_new_ex)                               \
  X(X509_up_ref)                               \
  X(X509_verify)                               \
  X(X509_verify_cert)                          \
  X(d2i_X509)                                  \
  X(i2d_X509)

// Without these one convenience is missing, and nothing else.
#define OSTRUST_OPTIONAL_SYMBOLS(X) \
  X(CONF_get1_default_config_file)  \
  X(ERR_load_strings)               \
  X(ERR_new)                        \
  X(ERR_peek_last_error)            \
  X(ERR_set_debug)                  \
  X(ERR_set_error)                  \
  X(EVP_PKEY_get_security_bits)     \
  X(NCONF_free)                     \
  X(NCONF_get_section)              \
  X(NCONF_get_string)               \
  X(NCONF_load)                     \
  X(NCONF_new_ex)                   \
  X(X509_OBJECT_set1_X509_CRL)      \
  X(X509_STORE_CTX_get1_crls)       \
  X(X509_STORE_add_crl)             \
  X(X509_STORE_get0_objects)

// Without these no chain is accepted below a CA that the system staples name constraints to.
#define OSTRUST_NAME_CONSTRAINTS_SYMBOLS(X) \
  X(ASN1_item_d2i)                          \
  X(GENERAL_NAMES_free)                     \
  X(GENERAL_NAME_get0_value)                \
  X(NAME_CONSTRAINTS_check)                 \
  X(NAME_CONSTRAINTS_check_CN)              \
  X(NAME_CONSTRAINTS_free)                  \
  X(NAME_CONSTRAINTS_it)                    \
  X(X509_get_ext_d2i)

// Without these nothing can be fetched.
#define OSTRUST_FETCH_SYMBOLS(X)               \
  X(AUTHORITY_INFO_ACCESS_free)                \
  X(BIO_ctrl)                                  \
  X(BIO_free)                                  \
  X(BIO_meth_free)                             \
  X(BIO_meth_new)                              \
  X(BIO_meth_set_ctrl)                         \
  X(BIO_meth_set_read)                         \
  X(BIO_meth_set_write)                        \
  X(BIO_new)                                   \
  X(BIO_read)                                  \
  X(BIO_set_init)                              \
  X(CMS_ContentInfo_free)                      \
  X(CMS_get1_certs)                            \
  X(ERR_reason_error_string)                   \
  X(EVP_EncodeBlock)                           \
  X(OSSL_HTTP_REQ_CTX_add1_header)             \
  X(OSSL_HTTP_REQ_CTX_free)                    \
  X(OSSL_HTTP_REQ_CTX_new)                     \
  X(OSSL_HTTP_REQ_CTX_set_expected)            \
  X(OSSL_HTTP_REQ_CTX_set_max_response_length) \
  X(OSSL_HTTP_REQ_CTX_set_request_line)        \
  X(OSSL_HTTP_exchange)                        \
  X(d2i_CMS_ContentInfo)

// Without these no revocation is looked for.
#define OSTRUST_REVOCATION_SYMBOLS(X)    \
  X(ASN1_OBJECT_free)                    \
  X(ASN1_INTEGER_get)                    \
  X(ASN1_SEQUENCE_it)                    \
  X(ASN1_STRING_free)                    \
  X(ASN1_STRING_set)                     \
  X(ASN1_STRING_type_new)                \
  X(ASN1_item_verify_ex)                 \
  X(CRL_DIST_POINTS_free)                \
  X(EVP_get_digestbyname)                \
  X(OBJ_nid2sn)                          \
  X(OBJ_obj2nid)                         \
  X(OBJ_txt2obj)                         \
  X(OCSP_BASICRESP_get_ext_by_critical)  \
  X(OCSP_BASICRESP_free)                 \
  X(OCSP_CERTID_free)                    \
  X(OCSP_REQUEST_free)                   \
  X(OCSP_REQUEST_new)                    \
  X(OCSP_RESPONSE_free)                  \
  X(OCSP_SINGLERESP_get0_id)             \
  X(OCSP_SINGLERESP_get_ext_by_critical) \
  X(OCSP_basic_verify)                   \
  X(OCSP_cert_to_id)                     \
  X(OCSP_id_cmp)                         \
  X(OCSP_id_get0_info)                   \
  X(OCSP_request_add0_id)                \
  X(OCSP_resp_count)                     \
  X(OCSP_resp_get0)                      \
  X(OCSP_resp_get0_certs)                \
  X(OCSP_resp_get0_signer)               \
  X(OCSP_response_get1_basic)            \
  X(OCSP_response_status)                \
  X(OCSP_single_get0_status)             \
  X(SHA256)                              \
  X(TLS_FEATURE_free)                    \
  X(X509_ALGOR_free)                     \
  X(X509_CRL_free)                       \
  X(X509_CRL_new_ex)                     \
  X(X509_NAME_cmp)                       \
  X(X509_STORE_CTX_get0_current_issuer)  \
  X(X509_STORE_CTX_new_ex)               \
  X(X509_STORE_CTX_set0_crls)            \
  X(X509_STORE_free)                     \
  X(X509_STORE_get0_param)               \
  X(X509_STORE_new)                      \
  X(X509_STORE_set_check_crl)            \
  X(X509_STORE_set_verify_cb)            \
  X(X509_VERIFY_PARAM_get_auth_level)    \
  X(X509_VERIFY_PARAM_set_auth_level)    \
  X(X509_VERIFY_PARAM_set_flags)         \
  X(X509_VERIFY_PARAM_set_time)          \
  X(X509_get_X509_PUBKEY)                \
  X(X509_get_ext_by_OBJ)                 \
  X(X509_verify_cert_error_string)       \
  X(d2i_OCSP_RESPONSE)                   \
  X(d2i_X509_ALGOR)                      \
  X(d2i_X509_CRL)                        \
  X(i2d_ASN1_INTEGER)                    \
  X(i2d_OCSP_REQUEST)                    \
  X(i2d_X509_PUBKEY)

/// Plain pointers: copied freely, valid as long as the image is loaded.
struct Symbols {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name takes none
#define OSTRUST_DECLARE(name) decltype(&::name) name = nullptr;
  OSTRUST_REQUIRED_SYMBOLS(OSTRUST_DECLARE)
  OSTRUST_OPTIONAL_SYMBOLS(OSTRUST_DECLARE)
  OSTRUST_NAME_CONSTRAINTS_SYMBOLS(OSTRUST_DECLARE)
  OSTRUST_FETCH_SYMBOLS(OSTRUST_DECLARE)
  OSTRUST_REVOCATION_SYMBOLS(OSTRUST_DECLARE)
#undef OSTRUST_DECLARE
  // Since 3.3, so not in the headers of 3.0. X509_STORE_get0_objects() must not be used where this
  // one exists: in 4.0 it turns the store's hash table into a list for good.
  STACK_OF(X509_OBJECT) * (*X509_STORE_get1_objects)(X509_STORE* store) = nullptr;
  // Since 3.5.
  int (*X509_VERIFY_PARAM_get_purpose)(const X509_VERIFY_PARAM* param) = nullptr;

  bool CanCheckNameConstraints() const;
  bool CanFetch() const;
  bool CanCheckRevocation() const;
  /// Whether the CRLs in a directory can be found for somebody else's store.
  bool CanFindLists() const;
};

/// Resolves every symbol in `image`. Returns a sentence that names the first required one that is
/// missing, or an empty string.
std::string ResolveSymbols(const Image& image, Symbols& symbols);

}  // namespace ostrust::host
