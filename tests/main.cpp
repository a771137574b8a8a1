#if __has_include(<catch2/catch_all.hpp>)
// Catch2 v3's own library has the main function.
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
