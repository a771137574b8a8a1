// How jemalloc is to be used: it reads this when the program starts. MALLOC_CONF in the environment adds to
// it.
#include <jemalloc/jemalloc.h>

extern "C" {
// Stored responses lie in huge pages: with a million of them a hit would wait for the page tables otherwise.
const char* malloc_conf = "thp:always,metadata_thp:auto";
}
