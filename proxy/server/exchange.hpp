// One request and its response: the request path on one screen.
//
//   try_now   route -> key -> lookup -> decide -> a Reply from the store, if that needs no waiting
//   finish    whatever waits: a fill, or a request that passes through
//
// An Exchange lives while its request is answered, beside the Stream that it writes to; both belong to the
// loop of their connection. It knows neither the connection nor its version of HTTP.
#pragma once

#include "cache/fill.hpp"
#include "cache/pass_through_storer.hpp"
#include "cache/request_flow.hpp"
#include "policy/fields_asked.hpp"
#include "server/reply.hpp"
#include "server/stream.hpp"
#include "server/worker.hpp"

#include <memory>
#include <optional>
#include <string>

namespace larder::server {

/// Memory of an exchange that is reused by later ones, so that a hit allocates nothing.
struct ExchangeMemory {
  std::string path;      // the request's, normalised, if that differs
  policy::CacheKey key;  // the primary key
};

/// A status in the access log alone: the client has gone before the response.
inline constexpr int client_has_gone = 499;

class Exchange {
 public:
  /// `head` are views into `head_bytes`, which live until Stream::release_head, without what only a trusted
  /// peer may say. All references outlive the exchange.
  Exchange(Worker& worker, Stream& stream, const policy::Arrival& arrival, const http::RequestHead& head,
           std::string_view head_bytes, ExchangeMemory& memory);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// The response, if that needs no waiting; nullptr: `finish` is to be awaited. It lives as long as the
  /// exchange and has been counted and logged as sent.
  [[nodiscard]] const Reply* try_now();
  /// Sends the response. Where it returns without one, the client has gone.
  [[nodiscard]] Task<void> finish();

 private:
  // Deciding.
  void read_facts();
  [[nodiscard]] policy::FactsInput context() const noexcept;
  [[nodiscard]] bool read_fields_asked();

  // Answering from the store: these make `reply_`.
  void serve_now(const std::shared_ptr<const store::Response>& stored, const policy::Outcome& outcome,
                 bool with_age);
  void serve_compressible(const std::shared_ptr<const store::Response>& stored, bool is_stored);
  void serve_shape(const store::Response& response, const store::Representation& shape);
  [[nodiscard]] std::shared_ptr<const store::Representation> shape_of(const store::Response& response,
                                                                      bool is_stored);
  void serve_part(const store::Response& response, const store::Representation* coded);
  void set_reply(int status, std::string_view head, const store::HeadView& fields, std::string_view body);
  void set_made_reply(int status, store::MadeHead head, std::string_view body);
  void note_saved();
  /// `response` may be of no store.
  [[nodiscard]] Task<void> serve(std::shared_ptr<const store::Response> response, policy::Outcome outcome,
                                 bool with_age);
  void refresh_in_background();

  // Fetching.
  void own_request();
  [[nodiscard]] cache::Order make_order(bool uncollapsed);
  [[nodiscard]] Task<void> through_fill();
  [[nodiscard]] Task<std::optional<cache::Result>> await_result(cache::FillWaiter& waiter);
  [[nodiscard]] Task<bool> send_piece(const cache::FillWaiter::Piece& piece);
  [[nodiscard]] Task<void> end_streamed(cache::Result& result, cache::FillWaiter& waiter);
  [[nodiscard]] Task<void> answer(cache::RequestFlow::Action& action, cache::FillWaiter* waiter);
  void warn_not_projected(const policy::Outcome& outcome);
  void warn_of_credentials(policy::Detail detail);

  // Passing through.
  [[nodiscard]] Task<void> pass(policy::Outcome outcome);
  [[nodiscard]] Task<std::optional<upstream::Failure>> read_final_head(upstream::Call& call);
  [[nodiscard]] Task<void> relay(upstream::Call& call, cache::Handover* begun, policy::Outcome outcome,
                                 bool watch);
  struct Relayed;
  [[nodiscard]] Task<void> relay_body(upstream::Call& call, bool is_stream, bool watch, Relayed& relayed);
  [[nodiscard]] Task<void> tunnel(upstream::Call& call, policy::Outcome outcome);
  [[nodiscard]] std::optional<policy::TagTranslation> tag_translation();
  [[nodiscard]] std::string confirmed_tag(const http::ResponseHead& answer) const;
  [[nodiscard]] bool names_fields_param() const;
  void note_write(const http::ResponseHead* answer);
  void note_lost_write() noexcept;
  class InDoubt;
  void note_final(const http::ResponseHead& answer, policy::Sequence sequence);
  void note_head(const http::ResponseHead& answer, policy::Sequence sequence);
  void keep(const http::ResponseHead& answer);

  [[nodiscard]] Task<void> refuse_body(http::Refusal reason);

  // Answers of our own.
  [[nodiscard]] Task<void> answer_finally();
  [[nodiscard]] Task<void> fail(const upstream::Failure& failure, policy::Outcome outcome);
  // `outcome` may be nullptr: a refusal has none. Both outlive the task (GCC 12 destroys aggregates passed by
  // value to a coroutine twice).
  [[nodiscard]] Task<void> problem(const Problem& problem, const policy::Outcome& outcome);

  [[nodiscard]] cache::Cache& cache() noexcept { return worker_.shared.cache; }
  [[nodiscard]] const http::RequestHead& head() const noexcept { return owned_ ? owned_->head : head_; }
  [[nodiscard]] bool is_head() const noexcept { return facts_.method == http::Method::head; }
  [[nodiscard]] const settings::Settings& settings() const noexcept {
    return plan_ ? *plan_->settings : worker_.settings();
  }
  /// For Cache-Status; empty where there is none, or it is not to be shown.
  [[nodiscard]] std::string_view shown_key() const noexcept;
  /// For the client, with request_id: begin; otherwise empty.
  [[nodiscard]] std::string_view request_id();
  void add_request_id();
  void record(int status, std::uint64_t body_bytes, const policy::Outcome& outcome);

  Worker& worker_;
  Stream& stream_;
  const policy::Arrival& arrival_;
  const http::RequestHead& head_;
  ExchangeMemory& memory_;
  std::string_view head_bytes_;
  policy::RequestFacts facts_;
  policy::Now now_;
  policy::MonoTime started_;
  const settings::Route* route_ = nullptr;
  RouteView view_;
  cache::RequestFlow flow_;
  policy::FieldsAsked fields_asked_;
  std::shared_ptr<const store::Representation>
      representation_;  // what is being sent, where it is not the response itself

  const store::Response* served_ = nullptr;  // while it is being sent
  Reply reply_;

  // Only where there is something to wait for.
  upstream::Names names_;
  std::optional<Millis> upstream_time_;      // of the fetch that brought the answer, to the end of its head
  std::shared_ptr<const cache::Plan> plan_;  // keeps route_ alive across a reload
  std::shared_ptr<const cache::OwnedRequest> owned_;
  std::optional<policy::Outcome> streamed_;     // the response is being sent while it is fetched
  std::optional<policy::TagTranslation> tags_;  // by which the conditions that went on were translated
  std::unique_ptr<cache::PassThroughStorer> storer_;
  std::string private_fields_;                        // field lines of the answer that are not stored
  std::unique_ptr<const store::MadeHead> made_head_;  // of `reply_`, where it is not a stored one
};

}  // namespace larder::server
