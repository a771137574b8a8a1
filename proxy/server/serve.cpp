// Exchange: answering from a stored response.

#include "cache/shape.hpp"
#include "http/coding.hpp"
#include "http/etag.hpp"
#include "policy/part.hpp"
#include "policy/precondition.hpp"
#include "policy/tags.hpp"
#include "server/exchange.hpp"

namespace larder::server {

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

void Exchange::serve_now(const std::shared_ptr<const store::Response>& stored, const policy::Outcome& outcome,
                         bool with_age) {
  const auto& response = *stored;
  if (response.access_history) response.access_history->asked(now_.mono);
  served_ = &response;
  if (settings().request_id == settings::Begin::yes) [[unlikely]]
    add_request_id();
  reply_.private_lines = private_fields_;
  if (with_age) reply_.age = response.age(now_.mono);
  reply_.outcome = &outcome;
  reply_.key = shown_key();
  const bool is_stored = outcome.hit || outcome.stored || outcome.collapsed;
  if (!fields_asked_.fields.empty()) {
    representation_ = shape_of(response, is_stored);
    if (representation_) return serve_shape(response, *representation_);
  }
  // RFC 9110 13.2.2: If-None-Match and If-Modified-Since come before Range.
  if (policy::is_not_modified(facts_, response, response.entity_tag, now_.wall))
    return set_reply(304, response.head_304, response.head_view(), {});
  if (response.compressible) return serve_compressible(stored, is_stored);
  if (facts_.range || response.part) return serve_part(response, nullptr);
  set_reply(response.status, response.head, response.head_view(), *response.body);
}

void Exchange::serve_compressible(const std::shared_ptr<const store::Response>& stored, bool is_stored) {
  const auto& response = *stored;
  const auto& compression = settings().compression;
  const auto& plan = plan_ ? *plan_ : *worker_.plan();
  // A client that has it in one of the codings has it, whether or not that coding is made (again) yet.
  if (facts_.if_none_match != nullptr) {
    if (const auto held = coding_held(facts_, response, plan)) {
      const auto tag = policy::coded_tag(response.entity_tag, *held, plan.encoder_fingerprint_of(*held));
      return set_made_reply(304, make_tagged_head_304(response.head_view(), tag), {});
    }
  }
  if (const auto wanted = http::choose_coding(facts_.fields, compression.codings)) {
    representation_ =
        response.derived->find(cache::representation_name(*wanted, plan.encoder_fingerprint_of(*wanted)));
    if (!representation_ && is_stored)
      cache().compress(flow_.target(), stored, *wanted, compression.level_of(*wanted));
  }
  if (facts_.range) return serve_part(response, representation_.get());
  if (representation_)
    return set_reply(response.status, representation_->head, representation_->head_view(),
                     *representation_->body);
  set_reply(response.status, response.head, response.head_view(), *response.body);
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

void Exchange::serve_shape(const store::Response& response, const store::Representation& shape) {
  if (policy::is_not_modified(facts_, response, shape.entity_tag, now_.wall))
    return set_reply(304, shape.head_304, shape.head_view(), {});
  if (facts_.range) return serve_part(response, &shape);
  set_reply(200, shape.head, shape.head_view(), *shape.body);
}

void Exchange::serve_part(const store::Response& response, const store::Representation* coded) {
  const auto stored_head = coded != nullptr ? coded->head_view() : response.head_view();
  const std::string_view body = coded != nullptr ? std::string_view(*coded->body) : *response.body;
  const auto& tag = coded != nullptr ? coded->entity_tag : response.entity_tag;
  const auto cut = policy::cut_for(facts_, response, tag, body.size(), now_.wall);
  if (std::holds_alternative<policy::Unsatisfiable>(cut)) {
    const auto complete = response.part ? response.part->complete : body.size();
    return set_made_reply(416, make_unsatisfiable_head(complete), {});
  }
  const auto* range = std::get_if<http::ByteRange>(&cut);
  if (!response.part) {
    if (range == nullptr)
      return set_reply(response.status, coded != nullptr ? coded->head : response.head, stored_head, body);
    const auto size = range->last - range->first + 1;
    return set_made_reply(206, make_part_head(stored_head, content_range(*range, body.size()), size),
                          body.substr(range->first, size));
  }
  // The API may have sent another part than was asked for: it is forwarded as it came.
  const auto& part = *response.part;
  const bool has_it = range != nullptr && policy::has_bytes_for(facts_, response, now_.wall);
  const auto sent = has_it ? *range : http::ByteRange{part.first, part.last};
  const bool as_it_came =
      sent.first == part.first && sent.last == part.last && !response.content_range.empty();
  const auto size = sent.last - sent.first + 1;
  set_made_reply(
      206,
      make_part_head(stored_head, as_it_came ? response.content_range : content_range(sent, part.complete),
                     size),
      body.substr(sent.first - part.first, size));
}

// `head` and `body` are of a response that flow_ or the caller keeps, of representation_, or of made_head_.
void Exchange::set_reply(int status, std::string_view head, const store::HeadView& fields,
                         std::string_view body) {
  reply_.status = status;
  reply_.head = head;
  reply_.fields = fields;
  if (!is_head()) reply_.body = body;
  note_saved();
  record(status, reply_.body.size(), *reply_.outcome);
}

void Exchange::set_made_reply(int status, store::MadeHead head, std::string_view body) {
  made_head_ = std::make_unique<const store::MadeHead>(std::move(head));
  set_reply(status, made_head_->text, made_head_->view(), body);
}

// What the client did not have to be sent, of what the API sends everybody.
void Exchange::note_saved() {
  auto& counters = *view_.counters;
  const auto add = [](Counter& counter, std::size_t more, std::size_t less) {
    if (more > less) counter.add(static_cast<std::int64_t>(more - less));
  };
  const auto whole = served_->body->size();
  if (reply_.status == 304) return add(counters.saved_by_304, whole, 0);
  if (reply_.status != 200 || is_head()) return;
  const auto sent = reply_.body.size();
  const bool shaped = representation_ != nullptr && !fields_asked_.fields.empty();
  add(counters.saved_by_projection, served_->original_size, shaped ? sent : whole);
  if (!shaped) add(counters.saved_by_coding, whole, sent);
}

Task<void> Exchange::serve(std::shared_ptr<const store::Response> response, policy::Outcome outcome,
                           bool with_age) {
  serve_now(response, outcome, with_age);
  (void)co_await stream_.send(reply_);
}

}  // namespace larder::server
