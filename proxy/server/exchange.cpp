#include "server/exchange.hpp"

#include "http/max_forwards.hpp"
#include "http/target.hpp"
#include "http/text.hpp"

#include <algorithm>

namespace larder::server {

using policy::Detail;
using policy::Outcome;

Exchange::Exchange(Worker& worker, Stream& stream, const policy::Arrival& arrival,
                   const http::RequestHead& head, std::string_view head_bytes, ExchangeMemory& memory)
    : worker_(worker),
      stream_(stream),
      arrival_(arrival),
      head_(head),
      memory_(memory),
      head_bytes_(head_bytes),
      now_(worker.loop.now()),
      started_(now_.mono) {}

Exchange::~Exchange() = default;

// ---- Deciding
// -------------------------------------------------------------------------------------------------------

policy::FactsInput Exchange::context() const noexcept {
  return {settings(), worker_.shared.cache.key_hash(), arrival_};
}

// Of the head as it is now; what depends on the route once that is known.
void Exchange::read_facts() {
  const bool refresh = facts_.refresh;
  facts_ = policy::facts_of(head(), context());
  facts_.refresh = refresh;
  if (route_ != nullptr) policy::obey_directives(*route_, facts_);
}

const Reply* Exchange::try_now() {
  const auto path = http::normalise_path(head_.path, memory_.path);
  route_ = settings().route_for(path);
  view_ = worker_.view_of(route_);
  read_facts();
  const auto for_cache = policy::is_for_cache(facts_, route_);
  if (const auto* pass = std::get_if<policy::Pass>(&for_cache)) {
    flow_.set_decision(*pass);
    const bool may_be_stored = facts_.method == http::Method::get || facts_.method == http::Method::head;
    // RFC 9111 5.2.1.7: nothing is stored that could answer it.
    if (may_be_stored && facts_.directives.only_if_cached)
      flow_.set_decision(policy::Refuse{504, Detail::only_if_cached});
    else if (may_be_stored && route_ != nullptr)
      (void)read_fields_asked();
    return nullptr;
  }
  if (head_.has_query && !route_->refresh_param.empty()) {
    facts_.refresh = policy::refresh_asked(head_.query, route_->refresh_param) == policy::Refresh::forced;
  }
  if (!read_fields_asked()) return nullptr;
  memory_.key.assign(policy::authority_of(head_, settings()), path, head_, *route_, arrival_.scheme);
  const auto stored = flow_.begin(cache(), *route_, view_.hash, memory_.key.view(), facts_, now_);
  if (stored.outcome == nullptr) return nullptr;
  if (stored.refresh) refresh_in_background();
  serve_now(*flow_.found().response, *stored.outcome, true);
  return &reply_;
}

// False, and a decision to refuse, where the route's fields_param asks for what there is not.
bool Exchange::read_fields_asked() {
  if (!head_.has_query || route_->fields_param.empty()) return true;
  fields_asked_ = policy::fields_asked(head_.query, *route_);
  if (fields_asked_.problem.empty()) return true;
  flow_.set_decision(policy::Refuse{400, Detail::unknown_field});
  return false;
}

// ---- What waits
// -------------------------------------------------------------------------------------------------------

Task<void> Exchange::finish() {
  own_request();
  stream_.release_head();
  if (const auto* refuse = std::get_if<policy::Refuse>(&flow_.decision())) {
    Outcome outcome;
    outcome.detail = refuse->detail;
    const Problem answer{refuse->status,
                         refuse->detail == Detail::unknown_field
                             ? fields_asked_.problem
                             : "no stored response can be used, and the request has only-if-cached",
                         {}};
    co_return co_await problem(answer, outcome);
  }
  if (http::count_elements(head().fields, http::FieldId::via) > settings().limits.hops) {
    const Problem circle{
        508, "the request has passed too many proxies (limits.hops): it goes round in a circle", {}};
    const auto outcome = refused();
    co_return co_await problem(circle, outcome);
  }
  if (const auto* go = std::get_if<policy::Pass>(&flow_.decision())) {
    warn_of_credentials(go->detail);
    Outcome outcome;
    outcome.forward = go->why;
    outcome.detail = go->detail;
    if (http::forwards_left(facts_.method, facts_.fields) == 0u) co_return co_await answer_finally();
    co_return co_await pass(outcome);
  }
  co_return co_await through_fill();
}

// The request's bytes leave the client's buffer, which its body or the next request may need.
void Exchange::own_request() {
  if (owned_) return;
  plan_ = worker_.plan();
  owned_ = std::make_shared<const cache::OwnedRequest>(head_bytes_, settings(), arrival_);
  read_facts();
  names_ = upstream::names_of(owned_->head.fields, settings());
}

// ---- Answers of our own
// -------------------------------------------------------------------------------------------------

Task<void> Exchange::fail(const upstream::Failure& failure, Outcome outcome) {
  outcome.detail = Detail::upstream_failed;
  Problem answer{failure.status(), failure.sentence(), {}};
  if (answer.status == 503) answer.retry_after = 1;
  co_return co_await problem(answer, outcome);
}

Task<void> Exchange::problem(const Problem& problem, const Outcome& outcome) {
  const auto own = make_problem(problem);
  auto reply = own.reply(&outcome, is_head());
  add_request_id();
  reply.private_lines = private_fields_;
  record(problem.status, reply.body.size(), outcome);
  (void)co_await stream_.send(reply);
}

// One that is answered at once has its names only where they are asked for.
std::string_view Exchange::request_id() {
  if (settings().request_id == settings::Begin::no) return {};
  if (names_.request_id.empty()) names_ = upstream::names_of(head().fields, settings());
  return names_.request_id;
}

// What the API sent for this client has it already, if the API sends one.
void Exchange::add_request_id() {
  const auto id = request_id();
  const std::string_view lines = private_fields_;
  constexpr std::string_view name = "X-Request-ID: ";
  for (std::size_t at = 0; at < lines.size(); at = lines.find("\r\n", at) + 2) {
    if (http::iequals(lines.substr(at, name.size()), name)) return;
  }
  if (!id.empty()) private_fields_.append(name).append(id).append("\r\n");
}

std::string_view Exchange::shown_key() const noexcept {
  if (flow_.target().route == nullptr || !settings().cache.status_key) return {};
  return flow_.target().key.url();
}

void Exchange::record(int status, std::uint64_t body_bytes, const Outcome& outcome) {
  auto& counters = *view_.counters;
  counters.outcomes[static_cast<std::size_t>(policy::label_of(outcome))].add();
  if (status == 304) counters.not_modified.add();
  counters.body_bytes.add(static_cast<std::int64_t>(body_bytes));
  if (!worker_.access_log.is_on()) return;
  const auto ended = worker_.loop.now();
  AccessRecord line;
  line.client = arrival_.peer;
  line.method = head().method_name;
  line.target = head().target;
  line.minor_version = head().minor_version;
  line.is_http_2 = arrival_.is_http_2;
  if (const auto* field = http::find(head().fields, http::FieldId::user_agent))
    line.user_agent = field->value;
  if (const auto* field = http::find(head().fields, http::FieldId::referer)) line.referer = field->value;
  if (route_ != nullptr) line.route = route_->name;
  if (flow_.target().route != nullptr) line.key_hash = flow_.target().hash;
  if (arrival_.tls != nullptr) line.tls = arrival_.tls->version;
  line.status = status;
  line.body_bytes = body_bytes;
  if (served_ != nullptr) line.original_bytes = served_->original_size;
  line.upstream_time = upstream_time_;
  // One that was answered at once has its names here alone.
  if (!owned_ && names_.request_id.empty()) names_ = upstream::names_of(head().fields, settings());
  line.traceparent = names_.traceparent;
  line.request_id = names_.request_id;
  line.outcome = outcome;
  line.duration = ended.mono - started_;
  worker_.access_log.append(line, ended.wall);
}

}  // namespace larder::server
