#include "net/tls_files.hpp"

#include "http/fields.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <new>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace larder::tls {

namespace {

struct Text {
  Text() : bio(BIO_new(BIO_s_mem())) {
    if (bio == nullptr) throw std::bad_alloc();
  }
  ~Text() { BIO_free(bio); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  [[nodiscard]] std::string str() const {
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(bio, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
  }
  BIO* bio;
};

using Names = std::unique_ptr<GENERAL_NAMES, decltype(&::GENERAL_NAMES_free)>;

Names alternative_names(X509* certificate) {
  return {static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
          &::GENERAL_NAMES_free};
}

policy::WallTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return policy::WallTime(std::chrono::duration_cast<policy::Millis>(std::chrono::seconds(::timegm(&parts))));
}

}  // namespace

std::string last_error() {
  const auto code = ERR_peek_error();
  ERR_clear_error();
  if (code == 0) return {};
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

std::string cannot_read(const char* what, const std::string& file) {
  std::ifstream in(file);
  const auto why = in ? last_error() : std::string(std::strerror(errno));
  return std::string("cannot read the ") + what + " " + file + ": " + why;
}

std::string content_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string use_certificate(ssl_ctx_st* context, const std::string& certificate, const std::string& key) {
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
    return cannot_read("certificate", certificate);
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1) return {};
  const auto code = ERR_GET_REASON(ERR_peek_error());
  if (code != X509_R_KEY_VALUES_MISMATCH && code != X509_R_KEY_TYPE_MISMATCH) return cannot_read("key", key);
  ERR_clear_error();
  return "the key " + key + " is not that of the certificate " + certificate;
}

CertificateInfo info_of(const std::string& file, x509_st* certificate) {
  CertificateInfo info{file, {}, time_of(X509_get0_notAfter(certificate))};
  const auto names = alternative_names(certificate);
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    const auto* text = name->d.dNSName;
    std::string lower(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                      static_cast<std::size_t>(ASN1_STRING_length(text)));
    for (char& c : lower) c = http::lower(c);
    info.names.push_back(std::move(lower));
  }
  return info;
}

std::string subject_of(x509_st* certificate) {
  const Text text;
  if (X509_NAME_print_ex(text.bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0)
    throw std::bad_alloc();
  return text.str();
}

std::string names_of(x509_st* certificate) {
  const auto names = alternative_names(certificate);
  if (sk_GENERAL_NAME_num(names.get()) <= 0) return subject_of(certificate);
  const Text text;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (i > 0) BIO_puts(text.bio, ", ");
    GENERAL_NAME_print(text.bio, sk_GENERAL_NAME_value(names.get(), i));
  }
  return text.str();
}

}  // namespace larder::tls
