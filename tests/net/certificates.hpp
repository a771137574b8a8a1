// A certificate authority for tests, which writes its certificates and keys to files.
#pragma once

#include "../catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string>

namespace larder::test {

class Authority {
 public:
  struct Files {
    std::string certificate;
    std::string key;
  };

  Authority() {
    std::string name = (std::filesystem::temp_directory_path() / "larder-tls-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    directory_ = name;
    certificate_ = issue("test authority", {}, key_.get(), nullptr, 3600);
    write("ca.pem", certificate_.get());
  }
  ~Authority() { std::filesystem::remove_all(directory_); }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] std::string ca() const { return path("ca.pem"); }
  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }
  /// `names` as in an extension: `DNS:a.example,DNS:*.b.example`.
  Files make(const std::string& name, const std::string& names, long seconds = 3600) {
    const Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const auto made = issue(name, names, key.get(), certificate_.get(), seconds);
    write(name + ".pem", made.get());
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new_file(path(name + ".key").c_str(), "w"),
                                                        &BIO_free);
    REQUIRE(PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    return {path(name + ".pem"), path(name + ".key")};
  }

 private:
  using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

  Certificate issue(const std::string& name, const std::string& names, EVP_PKEY* key, X509* issuer,
                    long seconds) {
    Certificate made(X509_new(), &X509_free);
    auto* its = made.get();
    X509_set_version(its, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(its), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(its), -7200);
    X509_gmtime_adj(X509_getm_notAfter(its), seconds);
    X509_set_pubkey(its, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(its), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(its, X509_get_subject_name(issuer == nullptr ? its : issuer));
    if (issuer == nullptr) extend(its, NID_basic_constraints, "critical,CA:TRUE");
    if (!names.empty()) extend(its, NID_subject_alt_name, names.c_str());
    REQUIRE(X509_sign(its, key_.get(), EVP_sha256()) > 0);
    return made;
  }
  static void extend(X509* certificate, int what, const char* value) {
    auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value);
    REQUIRE(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  void write(const std::string& name, X509* certificate) const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new_file(path(name).c_str(), "w"), &BIO_free);
    REQUIRE(PEM_write_bio_X509(out.get(), certificate) == 1);
  }

  std::string directory_;
  Key key_{EVP_EC_gen("P-256"), &EVP_PKEY_free};
  Certificate certificate_{nullptr, &X509_free};
  long serial_ = 0;
};

}  // namespace larder::test
