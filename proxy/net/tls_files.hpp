// Certificates and keys in files, and what a certificate says. Messages name the file.
#pragma once

#include "policy/time.hpp"

#include <string>
#include <vector>

struct ssl_ctx_st;
struct x509_st;

namespace larder::tls {

struct CertificateInfo {
  std::string file;
  std::vector<std::string> names;  // of the subjectAltName, in lower case; `*.` is a wildcard
  policy::WallTime expires;
};

[[nodiscard]] CertificateInfo info_of(const std::string& file, x509_st* certificate);
/// The subject as text (RFC 4514).
[[nodiscard]] std::string subject_of(x509_st* certificate);
/// The names and addresses that a server's certificate is for, joined by commas; its subject if it has none.
[[nodiscard]] std::string names_of(x509_st* certificate);

/// Empty if it cannot be read.
[[nodiscard]] std::string content_of(const std::string& file);
/// A message about a file, which is `what`, with the system's or OpenSSL's reason.
[[nodiscard]] std::string cannot_read(const char* what, const std::string& file);
/// Loads a certificate chain and its key, both in PEM. Returns a message on failure.
[[nodiscard]] std::string use_certificate(ssl_ctx_st* context, const std::string& certificate,
                                          const std::string& key);

/// What OpenSSL last reported on this thread, for messages; clears it. Empty if there is nothing.
[[nodiscard]] std::string last_error();

}  // namespace larder::tls
