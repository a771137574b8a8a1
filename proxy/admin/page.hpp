// The status page, GET /: one self-contained document, built in.
#pragma once

#include <string>

namespace larder::admin {

struct Page {
  std::string html;
  std::string fields;  // field lines that go with it, each with its end: what the page may do in a browser
};

/// With a new nonce each time: no script runs in it but its own (CSP).
[[nodiscard]] Page status_page();

}  // namespace larder::admin
