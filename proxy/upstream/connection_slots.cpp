#include "upstream/connection_slots.hpp"

#include <algorithm>

namespace larder::upstream {

struct ConnectionSlots::Idle::State {
  ConnectionSlots& slots;
  Loop& loop;
  std::function<void()> close_claimed;  // called on the loop; empty after the Idle was destroyed
  // Guarded by the mutex; the sum is the number of idle connections of the loop.
  std::size_t available = 0;
  std::size_t claimed = 0;
};

// A place in the queue, and what was granted to it but not yet taken. Returned on every path.
class ConnectionSlots::Place {
 public:
  Place(ConnectionSlots& slots, std::shared_ptr<QueuedWait> wait) : slots_(slots), wait_(std::move(wait)) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    bool granted = false;
    {
      const std::lock_guard lock(slots_.mutex_);
      granted = wait_->state == QueuedWait::State::granted;
      if (wait_->state == QueuedWait::State::queued) slots_.queue_.erase(Queue::s_iterator_to(*wait_));
      wait_->state = QueuedWait::State::done;
    }
    if (granted) slots_.end();
  }

 private:
  ConnectionSlots& slots_;
  std::shared_ptr<QueuedWait> wait_;
};

ConnectionSlots::ConnectionSlots() = default;
ConnectionSlots::~ConnectionSlots() = default;

void ConnectionSlots::set_max(std::size_t max) {
  const std::lock_guard lock(mutex_);
  max_ = max;
  grant();
}

void ConnectionSlots::close() noexcept {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

Task<std::optional<ConnectionSlots::Slot>> ConnectionSlots::acquire(Loop& loop, Idle& own, Millis timeout) {
  std::shared_ptr<QueuedWait> wait;
  std::shared_ptr<Idle::State> claimed;
  {
    const std::lock_guard lock(mutex_);
    if (connections_ < max_ && queue_.empty()) {
      ++connections_;
      co_return std::optional(Slot(*this));
    }
    wait = std::make_shared<QueuedWait>(loop);
    claimed = claim_idle(own);
    queue_.push_back(*wait);
  }
  const Place place(*this, wait);
  if (claimed == own.state_) claimed->close_claimed();
  (void)co_await wait->event.wait_for(timeout);
  const std::lock_guard lock(mutex_);
  if (wait->state != QueuedWait::State::granted) co_return std::nullopt;
  wait->state = QueuedWait::State::done;
  co_return std::optional(Slot(*this));
}

// Claims an idle connection, preferably of the caller's loop; nullptr if there is none. Another loop is
// notified to close it.
std::shared_ptr<ConnectionSlots::Idle::State> ConnectionSlots::claim_idle(Idle& own) {
  auto state = own.state_;
  if (state->available == 0) {
    const auto most = std::max_element(
        idle_.begin(), idle_.end(), [](const auto& a, const auto& b) { return a->available < b->available; });
    if (most == idle_.end() || (*most)->available == 0) return nullptr;
    state = *most;
    state->loop.post([state] {
      if (state->close_claimed) state->close_claimed();
    });
  }
  --state->available;
  ++state->claimed;
  ++claimed_;
  return state;
}

void ConnectionSlots::end() noexcept {
  const std::lock_guard lock(mutex_);
  --connections_;
  grant();
}

void ConnectionSlots::grant() noexcept {
  while (!queue_.empty() && connections_ < max_) {
    auto& wait = queue_.front();
    queue_.pop_front();
    ++connections_;
    wait.end(QueuedWait::State::granted);
  }
}

ConnectionSlots::Idle::Idle(ConnectionSlots& slots, Loop& loop, std::function<void()> close_claimed)
    : state_(std::make_shared<State>(State{slots, loop, std::move(close_claimed)})) {
  const std::lock_guard lock(slots.mutex_);
  slots.idle_.push_back(state_);
}

ConnectionSlots::Idle::~Idle() {
  auto& slots = state_->slots;
  state_->close_claimed = nullptr;
  const std::lock_guard lock(slots.mutex_);
  slots.claimed_ -= state_->claimed;
  std::erase(slots.idle_, state_);
}

bool ConnectionSlots::Idle::add() {
  auto& slots = state_->slots;
  const std::lock_guard lock(slots.mutex_);
  const bool is_wanted = slots.queue_.size() > slots.claimed_;
  if (slots.connections_ > slots.max_ || is_wanted || slots.closed_) return false;
  ++state_->available;
  return true;
}

bool ConnectionSlots::Idle::take() {
  const std::lock_guard lock(state_->slots.mutex_);
  if (state_->available == 0) return false;
  --state_->available;
  return true;
}

void ConnectionSlots::Idle::remove() {
  const std::lock_guard lock(state_->slots.mutex_);
  if (state_->available > 0) {
    --state_->available;
  } else {
    --state_->claimed;
    --state_->slots.claimed_;
  }
}

bool ConnectionSlots::Idle::take_claimed() {
  const std::lock_guard lock(state_->slots.mutex_);
  if (state_->claimed == 0) return false;
  --state_->claimed;
  --state_->slots.claimed_;
  return true;
}

}  // namespace larder::upstream
