// One request and its answer: the request path on one screen.
//
//   try_now   route -> key -> lookup -> decide -> answer from the store, if that needs no waiting
//   finish    whatever waits: a fill, a pass, the rest of a large answer
//
// An Exchange lives while its request is being answered; it belongs to its session's loop.
#pragma once

#include "cache/fill.hpp"
#include "cache/pass_through_storer.hpp"
#include "cache/request_flow.hpp"
#include "policy/fields_asked.hpp"
#include "server/client.hpp"
#include "server/reply.hpp"
#include "server/worker.hpp"

#include <memory>
#include <optional>
#include <string>

namespace larder::server {

class Exchange {
 public:
  /// `head` are views into `head_bytes`, the front of the client's unread input, without what only a trusted
  /// peer may say; `arrival` is the session's. `last`: the connection ends with this answer.
  Exchange(Worker& worker, Client& client, const policy::Arrival& arrival, const http::RequestHead& head,
           std::string_view head_bytes, bool last);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  enum class Done : std::uint8_t {
    not_yet,  // of try_now alone: `finish` is to be awaited
    keep,     // answered; the connection goes on
    close,    // answered, or broken: close
    linger,   // answered before the request was read whole: close so that the answer arrives
  };
  /// Answers at once where that needs no waiting. The head is still unread input afterwards.
  [[nodiscard]] Done try_now();
  /// After not_yet. Takes the head off the client's input.
  [[nodiscard]] Task<Done> finish();

 private:
  // Deciding.
  void read_facts();
  [[nodiscard]] policy::FactsInput context() const noexcept;
  [[nodiscard]] bool read_fields_asked();

  // Answering from the store.
  [[nodiscard]] Done serve_now(const std::shared_ptr<const store::Response>& stored,
                               const policy::Outcome& outcome, bool with_age);
  [[nodiscard]] Done serve_compressible(const std::shared_ptr<const store::Response>& stored,
                                        const policy::Outcome& outcome, std::optional<Millis> age);
  [[nodiscard]] Task<Done> serve(std::shared_ptr<const store::Response> response, policy::Outcome outcome,
                                 bool with_age);
  [[nodiscard]] Done serve_shape(const store::Response& response, const store::Representation& shape,
                                 const policy::Outcome& outcome, std::optional<Millis> age);
  [[nodiscard]] std::shared_ptr<const store::Representation> shape_of(const store::Response& response,
                                                                      bool is_stored);
  [[nodiscard]] Done serve_part(const store::Response& response, const store::Representation* coded,
                                const policy::Outcome& outcome, std::optional<Millis> age);
  [[nodiscard]] Done send(int status, std::string_view head, std::string_view body,
                          const policy::Outcome& outcome, std::optional<Millis> age);
  void note_saved(int status, std::size_t body_bytes);
  [[nodiscard]] Task<Done> write_rest();
  void refresh_in_background();

  // Fetching.
  void own_request();
  [[nodiscard]] cache::Order make_order(bool uncollapsed);
  [[nodiscard]] Task<Done> through_fill();
  [[nodiscard]] Task<std::optional<cache::Result>> await_result(cache::FillWaiter& waiter);
  [[nodiscard]] Task<Done> answer(cache::RequestFlow::Action& action, cache::FillWaiter* waiter);
  void warn_not_projected(policy::Detail detail);
  void warn_of_credentials(policy::Detail detail);

  // Passing through.
  [[nodiscard]] Task<Done> pass(policy::Outcome outcome);
  [[nodiscard]] Task<std::optional<upstream::Failure>> read_final_head(upstream::Call& call);
  [[nodiscard]] Task<Done> relay(upstream::Call& call, cache::Handover* begun, policy::Outcome outcome,
                                 bool watch);
  [[nodiscard]] Task<Done> tunnel(upstream::Call& call, policy::Outcome outcome);
  [[nodiscard]] std::optional<policy::TagTranslation> tag_translation();
  [[nodiscard]] std::string confirmed_tag(const http::ResponseHead& answer) const;
  [[nodiscard]] bool names_fields_param() const;
  void note_write(const http::ResponseHead* answer);
  void note_lost_write() noexcept;
  class InDoubt;
  void note_final(const http::ResponseHead& answer, policy::Sequence sequence);
  void note_head(const http::ResponseHead& answer, policy::Sequence sequence);
  void keep(const http::ResponseHead& answer);

  [[nodiscard]] Task<Done> refuse_body(http::Refusal reason);

  // Answers of our own.
  [[nodiscard]] Task<Done> answer_finally();
  [[nodiscard]] Task<Done> fail(const upstream::Failure& failure, policy::Outcome outcome);
  /// `outcome` may be nullptr: a refusal has none. Both outlive the task (GCC 12 destroys aggregates passed
  /// by value to a coroutine twice).
  [[nodiscard]] Task<Done> problem(const Problem& problem, const policy::Outcome* outcome);

  [[nodiscard]] cache::Cache& cache() noexcept { return worker_.shared.cache; }
  [[nodiscard]] const http::RequestHead& head() const noexcept { return owned_ ? owned_->head : head_; }
  [[nodiscard]] bool is_head() const noexcept { return facts_.method == http::Method::head; }
  [[nodiscard]] Done done() const noexcept { return persistence_.keep_alive ? Done::keep : Done::close; }
  [[nodiscard]] const settings::Settings& settings() const noexcept {
    return plan_ ? *plan_->settings : worker_.settings();
  }
  /// For Cache-Status; empty where there is none, or it is not to be shown.
  [[nodiscard]] std::string_view shown_key() const noexcept;
  /// How the connection goes on, as it is to be said in a head that is written now: draining may have begun
  /// meanwhile.
  [[nodiscard]] Persistence& persistence() noexcept;
  void record(int status, std::uint64_t body_bytes, const policy::Outcome& outcome);

  Worker& worker_;
  Client& client_;
  const policy::Arrival& arrival_;
  const http::RequestHead& head_;
  std::string_view head_bytes_;
  Persistence persistence_;
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

  // Only where there is something to wait for.
  upstream::Names names_;
  std::optional<Millis> upstream_time_;      // of the fetch that brought the answer, to the end of its head
  std::shared_ptr<const cache::Plan> plan_;  // keeps route_ alive across a reload
  std::shared_ptr<const cache::OwnedRequest> owned_;
  policy::CacheKey key_;
  std::optional<policy::TagTranslation> tags_;  // by which the conditions that went on were translated
  std::unique_ptr<cache::PassThroughStorer> storer_;
  std::string private_fields_;  // field lines of the answer that are not stored
  std::string rest_of_heads_;
  std::string_view rest_of_body_;
  bool rest_pending_ = false;
};

}  // namespace larder::server
