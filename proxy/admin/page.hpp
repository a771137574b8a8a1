// The status page, GET /: one self-contained document, embedded in the binary.
#pragma once

#include <string>

namespace larder::admin {

struct Page {
  std::string html;
  std::string fields;  // field lines of the response, each terminated by CRLF: the content security policy
};

/// The page with a new nonce, so that only its own script runs (CSP).
[[nodiscard]] Page status_page();

}  // namespace larder::admin
