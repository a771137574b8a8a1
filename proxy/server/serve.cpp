// Exchange: answering from a stored response.

#include "cache/shape.hpp"
#include "http/coding.hpp"
#include "http/etag.hpp"
#include "policy/part.hpp"
#include "policy/precondition.hpp"
#include "policy/tags.hpp"
#include "server/exchange.hpp"

#include <array>
#include <charconv>

namespace larder::server {

namespace {

void append_age(Millis age, std::string& out) {
  std::array<char, 24> digits;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(age).count();
  out += "Age: ";
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), seconds).ptr);
  out += "\r\n";
}

}  // namespace

namespace {

// The coding of larder's making in which the client holds the response, by its tag. A coding that the client
// does not accept now does not count: a 200 would not have that tag.
std::optional<http::Coding> coding_held(const policy::RequestFacts& request, const store::Response& response,
                                        const cache::Plan& plan) {
  for (const auto coding : plan.settings->compression.codings) {
    const auto tag = policy::coded_tag(response.entity_tag, coding, plan.encoder_fingerprint_of(coding));
    if (http::none_match_names(request.fields, tag) && http::choose_coding(request.fields, {&coding, 1}))
      return coding;
  }
  return std::nullopt;
}

}  // namespace

Exchange::Done Exchange::serve_now(const std::shared_ptr<const store::Response>& stored,
                                   const policy::Outcome& outcome, bool with_age) {
  const auto& response = *stored;
  if (response.access_history) response.access_history->asked(now_.mono);
  served_ = &response;
  const auto age = with_age ? std::optional(response.age(now_.mono)) : std::nullopt;
  if (!fields_asked_.fields.empty()) {
    representation_ = shape_of(response, outcome.hit || outcome.stored || outcome.collapsed);
    if (representation_) return serve_shape(response, *representation_, outcome, age);
  }
  // RFC 9110 13.2.2: If-None-Match and If-Modified-Since come before Range.
  if (policy::is_not_modified(facts_, response, response.entity_tag, now_.wall))
    return send(304, response.head_304, {}, outcome, age);
  if (response.compressible) return serve_compressible(stored, outcome, age);
  if (facts_.range || response.part) return serve_part(response, nullptr, outcome, age);
  const auto body = is_head() ? std::string_view() : *response.body;
  return send(response.status, response.head, body, outcome, age);
}

Exchange::Done Exchange::serve_compressible(const std::shared_ptr<const store::Response>& stored,
                                            const policy::Outcome& outcome, std::optional<Millis> age) {
  const auto& response = *stored;
  const auto& compression = settings().compression;
  const auto& plan = plan_ ? *plan_ : *worker_.plan();
  // Whoever holds it in one of the codings holds it, whether or not that coding is made (again) yet.
  if (facts_.if_none_match != nullptr) {
    if (const auto held = coding_held(facts_, response, plan)) {
      std::string head;
      write_tagged_head_304(response.head_view(),
                            policy::coded_tag(response.entity_tag, *held, plan.encoder_fingerprint_of(*held)),
                            head);
      return send(304, head, {}, outcome, age);
    }
  }
  if (const auto wanted = http::choose_coding(facts_.fields, compression.codings)) {
    representation_ =
        response.derived->find(cache::representation_name(*wanted, plan.encoder_fingerprint_of(*wanted)));
    const bool is_stored = outcome.hit || outcome.stored || outcome.collapsed;
    if (!representation_ && is_stored) {
      cache().compress(flow_.target(), stored, *wanted, compression.level_of(*wanted));
    }
  }
  if (facts_.range) return serve_part(response, representation_.get(), outcome, age);
  const std::string_view body = representation_ ? std::string_view(*representation_->body) : *response.body;
  return send(response.status, representation_ ? representation_->head : response.head,
              is_head() ? std::string_view() : body, outcome, age);
}

// What the request's fields_param asks for, cut from the stored answer; nullptr where that cannot be cut.
std::shared_ptr<const store::Representation> Exchange::shape_of(const store::Response& response,
                                                                bool is_stored) {
  if (response.status != 200 || response.part) return nullptr;
  const auto name = fields_asked_.name();
  const auto& derived = response.derived;  // none where the route had no fields_param when it was stored
  if (auto made = derived ? derived->find(name) : nullptr) return made;
  auto made = cache::make_shape(response, fields_asked_.fields, *route_, *worker_.plan(), worker_.workspace);
  // There may be too many already: then it is made for this request alone.
  if (made && is_stored && derived && derived->begin(name)) {
    derived->publish(name, made);
    cache().note_derived(flow_.target());
  }
  return made;
}

Exchange::Done Exchange::serve_shape(const store::Response& response, const store::Representation& shape,
                                     const policy::Outcome& outcome, std::optional<Millis> age) {
  if (policy::is_not_modified(facts_, response, shape.entity_tag, now_.wall))
    return send(304, shape.head_304, {}, outcome, age);
  if (facts_.range) return serve_part(response, &shape, outcome, age);
  return send(200, shape.head, is_head() ? std::string_view() : std::string_view(*shape.body), outcome, age);
}

Exchange::Done Exchange::serve_part(const store::Response& response, const store::Representation* coded,
                                    const policy::Outcome& outcome, std::optional<Millis> age) {
  const auto stored_head = coded != nullptr ? coded->head_view() : response.head_view();
  const std::string_view body = coded != nullptr ? std::string_view(*coded->body) : *response.body;
  const auto& tag = coded != nullptr ? coded->entity_tag : response.entity_tag;
  const auto cut = policy::cut_for(facts_, response, tag, body.size(), now_.wall);
  std::string head;
  if (std::holds_alternative<policy::Unsatisfiable>(cut)) {
    write_unsatisfiable_head(response.part ? response.part->complete : body.size(), head);
    return send(416, head, {}, outcome, age);
  }
  const auto* range = std::get_if<http::ByteRange>(&cut);
  if (!response.part) {
    if (range == nullptr)
      return send(response.status, coded != nullptr ? coded->head : response.head, body, outcome, age);
    write_part_head(stored_head, content_range(*range, body.size()), range->last - range->first + 1, head);
    return send(206, head, body.substr(range->first, range->last - range->first + 1), outcome, age);
  }
  // Upstream may have sent another part than was asked for: it goes on as it came.
  const auto& part = *response.part;
  const bool has_it = range != nullptr && policy::has_bytes_for(facts_, response, now_.wall);
  const auto sent = has_it ? *range : http::ByteRange{part.first, part.last};
  const bool as_it_came =
      sent.first == part.first && sent.last == part.last && !response.content_range.empty();
  write_part_head(stored_head, as_it_came ? response.content_range : content_range(sent, part.complete),
                  sent.last - sent.first + 1, head);
  return send(206, head, body.substr(sent.first - part.first, sent.last - sent.first + 1), outcome, age);
}

// `body` is of a response that flow_ or the caller keeps, or of representation_.
Exchange::Done Exchange::send(int status, std::string_view head, std::string_view body,
                              const policy::Outcome& outcome, std::optional<Millis> age) {
  auto& out = worker_.out;
  out = private_fields_;
  if (age) append_age(*age, out);
  append_cache_status_line(outcome, shown_key(), out);
  append_connection(persistence(), out);
  out += "\r\n";

  const std::array<asio::const_buffer, 3> pieces{asio::buffer(head), asio::buffer(out), asio::buffer(body)};
  const auto sent = client_.write_now(pieces);
  note_saved(status, body.size());
  record(status, body.size(), outcome);
  if (!sent) return Done::close;
  const auto of_heads = head.size() + out.size();
  if (*sent == of_heads + body.size()) return done();

  // The client reads slowly: what is left is written by `write_rest`.
  if (*sent < of_heads) rest_of_heads_ = std::string(head).append(out).substr(*sent);
  rest_of_body_ = body.substr(*sent > of_heads ? *sent - of_heads : 0);
  rest_pending_ = true;
  return Done::not_yet;
}

// What the client did not have to be sent, of what the API sends everybody.
void Exchange::note_saved(int status, std::size_t body_bytes) {
  auto& counters = *view_.counters;
  const auto add = [](Counter& counter, std::size_t more, std::size_t less) {
    if (more > less) counter.add(static_cast<std::int64_t>(more - less));
  };
  const auto whole = served_->body->size();
  if (status == 304) return add(counters.saved_by_304, whole, 0);
  if (status != 200 || is_head()) return;
  const bool shaped = representation_ != nullptr && !fields_asked_.fields.empty();
  add(counters.saved_by_projection, served_->original_size, shaped ? body_bytes : whole);
  if (!shaped) add(counters.saved_by_coding, whole, body_bytes);
}

Task<Exchange::Done> Exchange::write_rest() {
  const bool sent = co_await client_.write(rest_of_heads_, rest_of_body_, {}, settings().timeouts.write);
  co_return sent ? done() : Done::close;
}

Task<Exchange::Done> Exchange::serve(std::shared_ptr<const store::Response> response, policy::Outcome outcome,
                                     bool with_age) {
  const auto result = serve_now(response, outcome, with_age);
  if (result != Done::not_yet) co_return result;
  co_return co_await write_rest();
}

}  // namespace larder::server
