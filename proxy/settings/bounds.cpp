// The fixed bounds, as listed in config/reference.md.
#include "settings/table.hpp"

namespace larder::settings {

const std::vector<FixedBound>& fixed_bounds() {
  static const std::vector<FixedBound> bounds{
      // Configuration.
      {"configuration file", "4 MiB", "a larger file is an error", "settings/load.cpp",
       "max_bytes = 4u << 20"},
      {"routes", "1000", "more routes are an error", "settings/loader.cpp", "max_routes = 1000"},
      {"path of a Unix socket", "107 bytes", "a longer path is an error", "settings/address.cpp",
       "max_unix_path = 107"},
      {"`larder check`, one request to the API", "10 s",
       "a warning names the route; if it is the first route, none is checked", "admin/probe.cpp",
       "patience_for_one{10'000}"},
      {"`larder check`, all requests to the API", "30 s",
       "the remaining routes are not checked, and their number is reported", "admin/probe.cpp",
       "patience_for_all{30'000}"},
      // Clients.
      {"fields selected by `fields_param`", "64 names", "the request gets 400", "policy/fields_asked.hpp",
       "max_fields_asked = 64"},
      {"`X-Request-ID` of a client", "128 bytes", "a longer one is treated as absent", "upstream/trace.cpp",
       "max_request_id = 128"},
      {"closing a connection whose client still sends: time", "2 s", "the connection is closed",
       "server/client.cpp", "linger_time{2000}"},
      {"closing a connection whose client still sends: bytes read", "1 MiB", "the connection is closed",
       "server/client.cpp", "linger_bytes = 1u << 20"},
      {"after `drain_timeout`, for tasks to end", "3 s", "the process exits", "server/server.cpp",
       "force_time{3000}"},
      // The API.
      {"status line of a response", "1024 bytes", "the response is refused; the client gets 502",
       "http/gate_response.cpp", "max_status_line = 1024"},
      {"interim responses (1xx) to one request", "512", "the request fails; the client gets 502",
       "upstream/call.cpp", "max_interim = 512"},
      {"interim responses queued for the request that started a fill", "16", "further ones are dropped",
       "cache/fill.cpp", "max_interim_waiting = 16"},
      // Fills and related tables.
      {"fills that one request joins without getting a response that it may use", "3",
       "it fetches for itself, or joins only a fill that starts later", "cache/request_flow.cpp",
       "max_attempts = 3"},
      {"keys remembered as hit-for-miss, and as failing", "1024 each in 16 shards",
       "the shard's memory is cleared: a request may wait for a fill once more", "cache/fill_table.hpp",
       "max_remembered = 1024"},
      {"delay after a failed fetch, during which a stale response is served without another attempt",
       "1 s, doubled up to 15 s", "the next request tries again", "cache/fill_table.hpp", "max_wait{15'000}"},
      {"delay between attempts to fetch a `warm` route", "1 s, doubled up to 15 s",
       "attempts continue at that interval", "server/startup_prefetcher.cpp", "max_wait{15'000}"},
      {"newer final responses remembered for a fetch under way", "16", "the fetched response is not stored",
       "store/shard.hpp", "max_newer = 16"},
      {"purges remembered for fetches under way", "1024",
       "a response whose fetch started before the oldest of them is not stored", "store/purge_log.hpp",
       "most = 1024"},
      {"paths and cache groups whose last write is on record", "12,288 to 24,576",
       "the older half is forgotten: of other paths, what was being fetched then, or is restored from before "
       "then, is not used (detail=mark-overflow); what is stored in memory is not concerned",
       "store/write_table.hpp", "most = 12'288"},
      {"slots of the invalidation log for routes", "4096",
       "routes that share a slot are invalidated together", "store/invalidation_log.hpp",
       "route_slots = 4096"},
      // Lifetimes.
      {"freshness lifetime", "2^31 s", "a longer lifetime is reduced to it", "http/cache_control.hpp",
       "max_lifetime{std::int64_t{1} << 31}"},
      {"heuristic freshness lifetime", "24 h", "a longer lifetime is reduced to it", "policy/freshness.cpp",
       "max_heuristic = std::chrono::hours{24}"},
      {"stale response served while the API cannot be reached (`cache: standard` without stale_if_error)",
       "24 h", "the client gets the error", "policy/storability.cpp",
       "max_disconnected = std::chrono::hours{24}"},
      {"requests remembered for one `keep_warm` entry", "64", "the oldest is overwritten",
       "store/access_history.hpp", "most = 64"},
      // Representations.
      {"representations (codings, selected fields) kept with one stored response", "16",
       "further ones are not kept", "store/derived.hpp", "most = 16"},
      {"representations that wait to be encoded", "64",
       "the response is sent without coding, and encoding is requested again by a later request",
       "cache/compressor.hpp", "max_waiting = 64"},
      // Persistence.
      {"changes that wait to be written to `cache.persist`", "65,536 keys",
       "everything in the file is deleted, so that no replaced response is restored", "tiers/archive.cpp",
       "max_changed = 65'536"},
      {"purges that wait to be carried out in `cache.persist`", "64", "everything in the file is deleted",
       "tiers/archive.cpp", "max_purges = 64"},
      {"delay after a failed write to `cache.persist`", "1 s, doubled up to 60 s",
       "attempts continue at that interval", "tiers/archive.cpp", "max_pause{60'000}"},
      {"unusable `cache.persist` files that are renamed and kept", "1000", "nothing is persisted",
       "tiers/mapped_invalidation_log.cpp", "most = 1000"},
      // Admin and logs.
      {"connections to the admin listener", "64", "a further connection is closed", "admin/admin.cpp",
       "max_connections = 64"},
      {"body of an admin request", "64 KiB", "the request gets 413", "admin/admin.cpp",
       "max_body = 64 * 1024"},
      {"read or write on an admin connection", "10 s", "the connection is closed", "admin/admin.cpp",
       "timeout{10'000}"},
      {"route names in metrics, those of earlier configurations included", "2000",
       "further routes are counted together as `(others)`", "server/worker.cpp", "max_route_names = 2000"},
      {"access log waiting to be written", "1024 blocks of about 32 KiB",
       "further lines are dropped and counted in larder_log_lines_dropped_total", "server/access_log.cpp",
       "queue_length = 1024"},
      {"warnings that are logged once per peer, field name or route", "256 of each kind",
       "further ones are not logged", "server/notices.hpp", "max_notices = 256"},
  };
  return bounds;
}

}  // namespace larder::settings
