// An archive with a store, for tests of what is restored later.
#pragma once

#include "support.hpp"
#include "tiers/archive.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace larder::test {

inline policy::Now now() {
  return {policy::WallTime{std::chrono::seconds{1'000'000}}, policy::MonoTime{std::chrono::hours{5}}};
}

inline std::shared_ptr<store::Response> response(const std::string& body, policy::Sequence sequence = 1,
                                                 std::vector<std::string> groups = {}) {
  auto made = std::make_shared<store::Response>();
  made->status = 200;
  made->response_time = now().mono;
  made->fresh_until = now().mono + std::chrono::hours{1};
  made->sequence = sequence;
  made->groups = std::move(groups);
  store::HeadBuilder(200, "OK", false).finish(made->head, made->head_304, made->head_lines);
  made->body = std::make_shared<const std::string>(body);
  return made;
}

using Bodies = std::map<std::string, std::string>;  // by key

// An archive, and the store whose responses it persists. What it restores is recorded, and not stored.
class Persisted {
 public:
  explicit Persisted(std::string path, std::size_t memory = 1u << 20) {
    options.path = std::move(path);
    options.most = 1u << 20;
    options.generation = 7;
    options.memory = memory;
    options.warn = [this](const std::string& text) {
      const std::lock_guard lock(mutex_);
      warnings_.push_back(text);
    };
    options.now = now;
    options.restore = [this](const std::string& key, const std::shared_ptr<store::Response>& restored) {
      restored_[key] = *restored->body;
    };
    options.restored = [this] { done_.set_value(); };
  }

  ~Persisted() { close(); }  // before what its thread refers to
  Persisted(const Persisted&) = delete;
  Persisted& operator=(const Persisted&) = delete;

  // False if there is no archive; `error` says why.
  bool open() {
    store.on_change([this](const std::string& key, std::uint64_t hash) {
      if (archive) archive->changed(key, hash);
    });
    auto opened = tiers::Archive::open(std::move(options));
    if (auto* message = std::get_if<std::string>(&opened)) {
      error = *message;
      return false;
    }
    archive = std::move(std::get<std::unique_ptr<tiers::Archive>>(opened));
    archive->start(store);
    return true;
  }
  void put(const std::string& key, const std::string& body, policy::Sequence sequence = 1,
           std::vector<std::string> groups = {}) {
    (void)store.put(key, store.hash(key), response(body, sequence, std::move(groups)));
  }
  // Waits until all has been restored.
  Bodies restored() {
    done_.get_future().wait();
    return restored_;
  }
  // Waits until that many batches have failed.
  void wait_for_failures(std::uint64_t count) {
    while (archive->stats().failures < count) std::this_thread::yield();
  }
  // Writes what waits.
  void close() { archive.reset(); }
  [[nodiscard]] std::vector<std::string> warnings() {
    const std::lock_guard lock(mutex_);
    return warnings_;
  }
  [[nodiscard]] bool has_warned(const std::string& text) {
    const auto all = warnings();
    return std::any_of(all.begin(), all.end(),
                       [&](const auto& one) { return one.find(text) != std::string::npos; });
  }

  tiers::Archive::Options options;
  store::Store store{1u << 20, 4, 1};
  std::string error;
  std::unique_ptr<tiers::Archive> archive;

 private:
  Bodies restored_;
  std::promise<void> done_;
  std::mutex mutex_;
  std::vector<std::string> warnings_;
};

inline const Bodies three = {
    {"http://api/a", "first"}, {"http://api/b", "second"}, {"http://api/c", "third"}};

// What a later process restores from the file.
inline Bodies content_of(const std::string& path) {
  Persisted later(path);
  REQUIRE(later.open());
  return later.restored();
}

inline void write(const std::string& path, const Bodies& bodies) {
  Persisted first(path);
  REQUIRE(first.open());
  for (const auto& [key, body] : bodies) first.put(key, body);
}

inline bool is_part_of(const Bodies& some, const Bodies& all) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

}  // namespace larder::test
