// The one place where Boost.URL is compiled, before Boost 1.82, which has it as a library.
#include <boost/url/src.hpp>
