// The cache: what is stored, what is being fetched, what has been invalidated. Everything else goes through
// this class.
//
// Model: a request becomes a Target (its route, its key and their hashes). `find` chooses the stored response
// for it; policy::decide says what that is good for; `join` shares a fetch where one is needed; the fetch
// publishes its result (fetch.hpp, publish.hpp). Writes and purges invalidate by order: each fill and each
// write has a sequence number, and a response is valid while no later write concerns it (design, invariant
// 5). Threading: every member function from any thread, unless it says otherwise. Hits take one shard's lock.
#pragma once

#include "cache/body_budget.hpp"
#include "cache/compressor.hpp"
#include "cache/fill_table.hpp"
#include "cache/refresh_scheduler.hpp"
#include "policy/key.hpp"
#include "policy/keyed_hash.hpp"
#include "store/invalidation_log.hpp"
#include "store/purge_log.hpp"
#include "store/store.hpp"
#include "tiers/tier.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

namespace larder::cache {

/// A request as the cache sees it. Refers to the key's text, the route and the facts, which must outlive it.
struct Target {
  const settings::Route* route = nullptr;
  const policy::RequestFacts* facts = nullptr;
  policy::KeyView key;
  std::uint64_t hash = 0;        // of the key
  std::uint64_t path_hash = 0;   // of its invalidation key
  std::uint64_t route_hash = 0;  // of the route's name
};

/// The stored responses for a Target.
struct Found {
  std::shared_ptr<const store::Entry> entry;  // of the key; keeps the responses alive
  /// Matches the request and may be used; nullptr = there is none.
  const std::shared_ptr<const store::Response>* response = nullptr;
  /// Matches too, but was invalidated: may be used only if the API fails. Not searched for after `response`.
  const std::shared_ptr<const store::Response>* only_on_error = nullptr;
  /// `response` was invalidated softly: it may be served once while it is fetched again.
  bool stale_once = false;
  /// Why there is no `response`, if one that was stored had to be left out: `invalidated` or `mark_overflow`.
  policy::Detail left_out = policy::Detail::none;
};

/// A forwarded write. `status` 0: it got no response, and may have been applied.
struct Write {
  std::string_view authority;
  std::string_view path;  // as sent
  int status = 0;
  http::Fields response = {};
  const settings::Settings& settings;
  http::Scheme scheme = http::Scheme::http;  // whose default port `authority` may omit
};

class Cache {
 public:
  struct Options {
    std::size_t memory = 0;                                   // bytes
    std::size_t variants = 0;                                 // of one key
    store::InvalidationLog::Memory* invalidations = nullptr;  // outlives the cache; nullptr = its own
    std::uint64_t seed = 0;                                   // of hashes; 0 = random
    policy::KeyedHash::Secret secret;                         // of the hashes of credentials and cookies
  };
  explicit Cache(const Options& options);
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  [[nodiscard]] const policy::KeyedHash& key_hash() const noexcept { return key_hash_; }
  /// Hashes of keys, routes' names and groups' names.
  [[nodiscard]] std::uint64_t hash(std::string_view text) const noexcept { return store_.hash(text); }

  /// `route_hash` is of the route's name. The arguments outlive the Target.
  [[nodiscard]] Target target(const settings::Route& route, std::uint64_t route_hash,
                              const policy::KeyView& key, const policy::RequestFacts& facts) const noexcept {
    return {&route, &facts, key, hash(key.text()), hash(key.invalidation_key()), route_hash};
  }

  // ---- What is stored

  /// For a request that is to be answered; counts as a use, and erases an entry that cannot be used any more.
  void find(const Target& target, Found& found) noexcept;
  /// The same for the cache's own purposes: no use, nothing is erased.
  [[nodiscard]] Found peek(const Target& target) const noexcept;
  /// The entry of a key, for any request. Does not count as a use.
  [[nodiscard]] std::shared_ptr<const store::Entry> peek(const policy::KeyView& key) const noexcept {
    return store_.peek(key.text(), hash(key.text()));
  }
  /// The response that answers the request without validation; nullptr = there is none.
  [[nodiscard]] std::shared_ptr<const store::Response> fresh(const Target& target,
                                                             policy::Now now) const noexcept;
  [[nodiscard]] store::Validity validity_of(const store::Response& response,
                                            const Target& target) const noexcept {
    return response.config_fingerprint == target.route->config_fingerprint ? after_writes(response, target)
                                                                           : store::Validity::invalid;
  }
  /// The same, whatever settings it was fetched under.
  [[nodiscard]] store::Validity after_writes(const store::Response& response,
                                             const Target& target) const noexcept {
    if (response.path_mark == nullptr)
      return invalidations_.validity_of(response.sequence, target.path_hash, target.route_hash);
    return invalidations_.validity_of(response.sequence, *response.path_mark, target.route_hash,
                                      response.group_marks);
  }
  /// Why a response with marks that `validity_of` finds not valid is not.
  [[nodiscard]] policy::Detail why_not_valid(const store::Response& response,
                                             const Target& target) const noexcept;
  /// How often the bounded record of writes was full (InvalidationLog::overflows).
  [[nodiscard]] std::uint64_t mark_overflows() const noexcept { return invalidations_.overflows(); }
  /// Visits entries, without a lock held, until `visit` returns false.
  void each(const std::function<bool(const store::Entry&)>& visit) const;
  [[nodiscard]] store::StoreStats stats() const noexcept { return store_.stats(); }
  /// Memory of bodies that are being received.
  [[nodiscard]] BodyBudget& bodies() noexcept { return bodies_; }
  [[nodiscard]] const BodyBudget& bodies() const noexcept { return bodies_; }
  /// Evicts entries beyond the limits.
  void set_limits(std::size_t memory, std::size_t variants) { store_.set_limits(memory, variants); }

  /// After a reload: shortens the lifetimes of stored responses that are longer than their route's ttl, also
  /// of those whose fetch is still under way with earlier settings, and brings their refreshes forward.
  /// Visits every entry.
  void shorten_lifetimes(std::shared_ptr<const settings::Settings> settings);

  /// Encodes a stored response in the background, for later requests.
  void compress(const Target& target, std::shared_ptr<const store::Response> response, http::Coding coding,
                int level) {
    compressor_.request(std::string(target.key.text()), std::move(response), coding, level);
  }
  /// To be called after a representation of a stored response was made: recomputes the entry's charge.
  void note_derived(const Target& target) { store_.recharge(target.key.text(), target.hash); }

  // ---- Fetching

  struct JoinOptions {
    policy::Sequence since = 0;  // a fill that began earlier is not joined ...
    policy::Millis young{0};     // ... unless it began less than that ago
    bool part = false;           // for the range that the request asks for
  };
  /// Leads a fill, follows one, or fetches uncollapsed: see FillTable::join. `entry` is the stored entry of
  /// the key, or nullptr: requests that differ in a field that its responses vary by do not share a fill.
  [[nodiscard]] Joined join(const Target& target, const store::Entry* entry, policy::Now now,
                            const JoinOptions& options);
  /// Set if the last fetch of the key failed.
  [[nodiscard]] std::optional<FillTable::Failing> failing(const policy::KeyView& key) const {
    return fills_.failing(hash(key.text()));
  }
  /// Why the last response for a key was not shared or not stored; with `any_host`, for its path and query.
  [[nodiscard]] std::optional<FillTable::NotStored> why_not_stored(const policy::KeyView& key,
                                                                   bool any_host) const noexcept {
    return any_host ? fills_.why_not_stored_at(hash(key.target())) : fills_.why_not_stored(hash(key.text()));
  }
  /// The next number in the order of fills and writes.
  [[nodiscard]] policy::Sequence next_sequence() noexcept { return invalidations_.next_sequence(); }
  [[nodiscard]] RefreshScheduler& refresh_scheduler() noexcept { return refresh_scheduler_; }
  [[nodiscard]] const RefreshScheduler& refresh_scheduler() const noexcept { return refresh_scheduler_; }
  [[nodiscard]] std::uint64_t codings_made() const noexcept { return compressor_.made(); }

  // ---- Invalidation

  /// RFC 9111 4.4, `invalidated_by`, and groups (RFC 9875). Before the client learns that its write was
  /// applied. False where the response says that nothing was changed. Without memory to work out what the
  /// write concerns, everything is invalidated.
  bool invalidate(const Write& write) noexcept;
  /// What was fetched until now may be used only if the API fails.
  void invalidate_all() noexcept { invalidate_all(store::Validity::only_on_error); }
  /// Returns how many entries it concerned. It visits every entry. Throws std::bad_alloc: then a part of it
  /// may have been done, and it is to be repeated.
  std::size_t purge(const policy::Purge& what);
  /// Handles a final response that is not stored: it supersedes the stored one for the request (design,
  /// invariant 6).
  void supersede(const Target& target, policy::Sequence sequence,
                 const std::optional<policy::SecondaryKey>& secondary) noexcept {
    store_.supersede(target.key.text(), target.hash, *target.facts, sequence, secondary);
  }
  /// Handles the response to a HEAD, whose request was sent at `sequence`: it may renew or expire `held`,
  /// which is stored for GET (RFC 9111 4.3.5).
  void note_head(const Target& target, const store::Response& held, const http::ResponseHead& head,
                 const policy::ExchangeTimes& when, policy::Sequence sequence,
                 const settings::Compression& compression);

  /// Stores a response that was not fetched by a fill. False if it has been invalidated or is too large.
  bool store(const Target& target, std::shared_ptr<store::Response> response);

  // ---- What outlives the process

  /// What stands behind memory; it is told of changes, invalidations and purges. Set before the cache is
  /// used; outlives its use.
  void set_tier(tiers::Tier& tier) {
    tier_ = &tier;
    store_.on_change([&tier](const std::string& key, std::uint64_t hash) { tier.changed(key, hash); });
  }
  [[nodiscard]] tiers::Tier* tier() const noexcept { return tier_; }
  [[nodiscard]] const store::Store& stored() const noexcept { return store_; }
  /// See InvalidationLog::while_unwritten.
  template <class Move>
  void while_no_write(Move move) {
    invalidations_.while_unwritten(std::move(move));
  }
  /// Responses of an earlier process are restored between these two calls. `begin_restore` must be called
  /// before the cache is used.
  void begin_restore() noexcept { store_.begin_restore(); }
  void end_restore() { store_.end_restore(); }
  /// Gives a response of that key, which is to be stored, the marks of its path, of the groups that it names,
  /// and of its bindings (policy::bindings_of). It must not be stored if `after_writes` then says that it is
  /// not valid.
  void set_marks(const settings::Route& route, const policy::KeyView& key, store::Response& response);
  /// Stores a response of an earlier process. False if a newer one has come, or it is too large.
  bool restore(const Target& target, std::shared_ptr<const store::Response> response) {
    return store_.restore(target.key.text(), target.hash, std::move(response)) == store::Store::Put::stored;
  }
  /// Later sequence numbers are greater than `sequence`.
  void advance_to(policy::Sequence sequence) noexcept { invalidations_.advance_to(sequence); }

 private:
  friend class Publisher;
  // The hash under which unshared responses are remembered. Requests with credentials have hashes of their
  // own, so that their responses do not end the collapsing of other requests.
  [[nodiscard]] static std::uint64_t memory_of(const Target& target);
  [[nodiscard]] bool choose(const Target& target, Found& found) const noexcept;
  // A response was stored under that route, which may be an earlier configuration's.
  void note_stored(const policy::KeyView& key, std::uint64_t hash, const settings::Route& route);
  void shorten(const store::Entry& entry, const settings::Route* route);
  void invalidate_concerned(const Write& write, store::Validity level);
  void invalidate_path(std::string_view key, store::Validity level) noexcept;
  void invalidate_route(const settings::Route& route, const std::vector<std::string>& paths);
  void invalidate_route(std::string_view name, store::Validity level) noexcept;
  void invalidate_group(std::string_view name, store::Validity level) noexcept;
  void invalidate_all(store::Validity level) noexcept;
  void tell(const tiers::Invalidation& event) const noexcept {
    if (tier_ != nullptr) tier_->invalidated(event);
  }

  store::InvalidationLog invalidations_;
  store::Store store_;
  store::PurgeLog purges_;
  FillTable fills_;
  RefreshScheduler refresh_scheduler_;
  Compressor compressor_;
  const policy::KeyedHash key_hash_;
  tiers::Tier* tier_ = nullptr;
  BodyBudget bodies_;
  std::mutex newest_mutex_;
  std::shared_ptr<const settings::Settings> newest_;  // of the last reload; nullptr before the first
};

}  // namespace larder::cache
