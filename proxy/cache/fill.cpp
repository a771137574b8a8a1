#include "cache/fill.hpp"

#include "net/post_memory.hpp"

#include <deque>

namespace larder::cache {

namespace {

constexpr std::size_t max_interim_waiting = 16;
constexpr std::size_t max_piece = 65536;  // bytes, of a streamed body

}  // namespace

Millis longest_fill(const settings::Upstream& upstream) noexcept {
  constexpr Millis more{5000};
  return upstream.total_timeout + upstream.queue_timeout + upstream.connect_timeout + more;
}

struct FillWaiter::Slot {
  explicit Slot(Loop& its_loop) : loop(its_loop), event(its_loop) {}
  PostMemory waking;  // a lack of memory must not keep a waiter waiting
  Loop& loop;
  Event event;
  std::deque<store::MadeHead> interim;  // of the leader
  // Of the leader, while the body is streamed to it:
  std::shared_ptr<const upstream::OwnedHead> head;
  const std::string* body = nullptr;
  std::size_t taken = 0;
  bool is_begun = false;  // a piece has been taken
  bool is_woken = false;  // by its owner
  bool settled = false;   // read and written on the slot's loop
};

FillWaiter::FillWaiter(Loop& loop, std::shared_ptr<Fill> fill, bool is_leader)
    : loop_(loop), fill_(std::move(fill)), slot_(std::make_shared<Slot>(loop)), is_leader_(is_leader) {
  {
    const std::lock_guard lock(fill_->mutex_);
    if (fill_->result_)
      slot_->settled = true;
    else
      fill_->slots_.push_back(slot_);
  }
  // Nothing throws from here on: the destructor undoes it.
  loop_.counters().fill_waiters.add(1);
  if (is_leader_)
    fill_->first_ = slot_;
  else
    fill_->on_waiter_added(fill_);
}

FillWaiter::~FillWaiter() {
  if (!fill_) return;  // moved from
  loop_.counters().fill_waiters.add(-1);
  if (is_leader_) {
    fill_->first_.reset();
    fill_->first_left_ = true;
    fill_->handover_.reset();
  }
  const std::lock_guard lock(fill_->mutex_);
  std::erase(fill_->slots_, slot_);
}

Task<std::optional<FillWaiter::FillEvent>> FillWaiter::next(Millis timeout) {
  slot_->is_woken = false;
  for (;;) {
    if (!slot_->interim.empty()) {
      auto head = std::move(slot_->interim.front());
      slot_->interim.pop_front();
      co_return FillEvent{std::move(head)};
    }
    if (slot_->body != nullptr && (!slot_->is_begun || slot_->taken < slot_->body->size())) {
      Piece piece{slot_->head, slot_->body->substr(slot_->taken, max_piece)};
      slot_->is_begun = true;
      slot_->taken += piece.data.size();
      co_return FillEvent{std::move(piece)};
    }
    if (slot_->settled) {
      const std::lock_guard lock(fill_->mutex_);
      co_return FillEvent{*fill_->result_};
    }
    const bool is_raised = co_await slot_->event.wait_for(timeout);
    if ((!is_raised && !slot_->settled) || slot_->is_woken) co_return std::nullopt;
  }
}

void FillWaiter::wake() {
  slot_->is_woken = true;
  slot_->event.raise();
}

std::size_t FillWaiter::taken() const noexcept {
  return slot_->taken;
}

Task<void> FillWaiter::settled(Millis timeout) {
  while (!slot_->settled) {
    const bool is_woken = co_await slot_->event.wait_for(timeout);
    if (!is_woken) co_return;
  }
}

Handover FillWaiter::take_handover() {
  auto handover = std::move(*fill_->handover_);
  fill_->handover_.reset();
  return handover;
}

void Fill::settle(Result result) noexcept {
  std::vector<std::shared_ptr<FillWaiter::Slot>> slots;
  {
    const std::lock_guard lock(mutex_);
    if (result_) return;
    result_ = std::move(result);
    slots.swap(slots_);
  }
  for (auto& slot : slots) {
    auto& memory = slot->waking;
    auto& loop = slot->loop;
    memory.post(loop, std::move(slot), [](FillWaiter::Slot& woken) {
      woken.settled = true;
      woken.event.raise();
    });
  }
}

bool Fill::is_settled() {
  const std::lock_guard lock(mutex_);
  return result_.has_value();
}

void Fill::set_background(Loop& loop, std::function<void()> promote) {
  const std::lock_guard lock(mutex_);
  loop_ = promote ? &loop : nullptr;
  promote_ = std::move(promote);
}

void Fill::on_waiter_added(const std::shared_ptr<Fill>& self) noexcept {
  Loop* loop = nullptr;
  {
    const std::lock_guard lock(mutex_);
    loop = std::exchange(loop_, nullptr);
  }
  if (loop == nullptr) return;
  try {
    loop->post([self] {
      if (self->promote_) self->promote_();
    });
  } catch (const std::exception&) {  // out of memory: the next waiter tries again
    const std::lock_guard lock(mutex_);
    loop_ = loop;
  }
}

void Fill::offer(Handover handover) {
  if (!first_left_) handover_ = std::move(handover);
}

void Fill::begin_stream(std::shared_ptr<const upstream::OwnedHead> head, const std::string& body) noexcept {
  if (!first_) return;
  first_->head = std::move(head);
  first_->body = &body;
  first_->event.raise();
}

void Fill::feed() noexcept {
  if (first_) first_->event.raise();
}

void Fill::end_stream() noexcept {
  if (first_) first_->body = nullptr;
}

bool Fill::has_waiters() {
  const std::lock_guard lock(mutex_);
  return !slots_.empty();
}

void Fill::interim(store::MadeHead head) {
  // A fill does not wait for its reader: a slow one misses interim responses.
  if (!first_ || first_->interim.size() >= max_interim_waiting) return;
  first_->interim.push_back(std::move(head));
  first_->event.raise();
}

}  // namespace larder::cache
