#include "upstream/admission.hpp"

#include <algorithm>

namespace larder::upstream {

namespace {

// Counts something while it exists.
class Counting {
 public:
  explicit Counting(Counter& counter) noexcept : counter_(counter) { counter_.add(1); }
  ~Counting() { counter_.add(-1); }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;

 private:
  Counter& counter_;
};

}  // namespace

struct Admission::Waiter : QueuedWait {
  Waiter(Loop& its_loop, Priority its_priority) : QueuedWait(its_loop), priority(its_priority) {}

  Priority priority;
};

// A waiter's place in a queue, and what was granted to it but not yet taken. Returned on every path.
class Admission::Place {
 public:
  Place(Admission& admission, std::shared_ptr<Waiter> waiter)
      : admission_(admission), waiter_(std::move(waiter)) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    bool granted = false;
    {
      const std::lock_guard lock(admission_.mutex_);
      granted = waiter_->state == Waiter::State::granted;
      if (waiter_->state == Waiter::State::queued)
        admission_.queue_of(waiter_->priority).erase(Queue::s_iterator_to(*waiter_));
      waiter_->state = Waiter::State::done;
    }
    if (granted) admission_.end_request(waiter_->priority);
  }

 private:
  Admission& admission_;
  std::shared_ptr<Waiter> waiter_;
};

Admission::Admission()
    : queue_(std::make_unique<Queue>()),
      upload_queue_(std::make_unique<Queue>()),
      background_queue_(std::make_unique<Queue>()) {}
Admission::~Admission() = default;

void Admission::configure(const settings::Upstream& upstream) {
  const std::lock_guard lock(mutex_);
  max_ = std::max<std::size_t>(upstream.connections, 1);
  max_queued_ = upstream.queue;
  max_background_ = std::max<std::size_t>(upstream.background_connections, 1);
  breaker_.configure({upstream.breaker_failures, upstream.breaker_wait, upstream.breaker_longest_wait, max_});
  grant_permits();
  slots_.set_max(max_);
}

void Admission::limit_uploads(std::size_t max) {
  const std::lock_guard lock(mutex_);
  max_uploads_ = std::max<std::size_t>(max, 1);
  grant_permits();
}

Admission::Queue& Admission::queue_of(Priority priority) noexcept {
  switch (priority) {
    case Priority::foreground:
      return *queue_;
    case Priority::upload:
      return *upload_queue_;
    case Priority::background:
      break;
  }
  return *background_queue_;
}

void Admission::close() noexcept {
  slots_.close();
  const std::lock_guard lock(mutex_);
  closed_ = true;
  refuse_all();
}

Task<std::variant<Admission::Permit, Failure>> Admission::enter(Loop& loop, Claim& claim, Millis timeout) {
  using Result = std::variant<Permit, Failure>;
  std::shared_ptr<Waiter> waiter;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) co_return Result{Failure{FailureKind::shutting_down, {}, {}}};
    const auto now = loop.now().mono;
    const bool is_open =
        breaker_.state() == Breaker::State::open || breaker_.state() == Breaker::State::probing;
    if (is_open && is_failing(claim.target) && !breaker_.is_overdue(now))
      co_return Result{Failure{FailureKind::breaker_open, {}, {}}};
    if (!breaker_.admits(now)) co_return Result{Failure{FailureKind::breaker_open, {}, {}}};
    // A new request does not overtake requests that already wait.
    auto& queue = queue_of(claim.priority);
    const bool is_next = queue.empty() && (claim.priority != Priority::background ||
                                           (queue_->empty() && upload_queue_->empty()));
    if (is_next && may_begin(claim.priority)) {
      begin_request(claim.priority);
      co_return Result{Permit(*this, claim.priority)};
    }
    if (queue.size() >= max_queued_) co_return Result{Failure{FailureKind::queue_full, {}, {}}};
    waiter = std::make_shared<Waiter>(loop, claim.priority);
    queue.push_back(*waiter);
  }
  const Place place(*this, waiter);
  claim.waiter = waiter;
  {
    const Counting queued(loop.counters().upstream_queue);
    (void)co_await waiter->event.wait_for(timeout);
  }
  claim.waiter.reset();
  const std::lock_guard lock(mutex_);
  claim.priority = waiter->priority;
  if (waiter->state == Waiter::State::granted) {
    waiter->state = Waiter::State::done;
    co_return Result{Permit(*this, waiter->priority)};
  }
  if (closed_) co_return Result{Failure{FailureKind::shutting_down, {}, {}}};
  if (waiter->state == Waiter::State::refused) co_return Result{Failure{FailureKind::breaker_open, {}, {}}};
  co_return Result{Failure{FailureKind::queue_timeout, {}, {}}};
}

void Admission::promote(Claim& claim) noexcept {
  claim.priority = Priority::foreground;
  const auto waiter = claim.waiter.lock();
  if (!waiter) return;
  const std::lock_guard lock(mutex_);
  if (waiter->state != Waiter::State::queued || waiter->priority != Priority::background) return;
  waiter->priority = Priority::foreground;
  queue_->splice(queue_->end(), *background_queue_, Queue::s_iterator_to(*waiter));
  grant_permits();
}

bool Admission::is_failing(std::size_t target) const noexcept {
  return std::find(failing_.begin(), failing_.begin() + failing_count_, target) !=
         failing_.begin() + failing_count_;
}

// False if it was failing already.
bool Admission::note_failing(std::size_t target) noexcept {
  if (is_failing(target)) return false;
  if (failing_count_ == max_failing) failing_count_ = 0;
  failing_[failing_count_++] = target;
  return true;
}

Admission::Change Admission::responded(int status, std::size_t target, policy::MonoTime now) {
  const std::lock_guard lock(mutex_);
  if (status == 502 || status == 503 || status == 504)
    return note_failing(target) ? fail_request(now, false) : Change{};
  const auto end = failing_.begin() + failing_count_;
  if (const auto found = std::find(failing_.begin(), end, target); found != end) {
    *found = *(end - 1);
    --failing_count_;
  }
  const auto before = breaker_.state();
  breaker_.succeeded();
  grant_permits();
  return {before, breaker_.state()};
}

Admission::Change Admission::failed(const Failure& failure, std::size_t target, policy::MonoTime now) {
  if (!failure.is_of_the_api()) return {};
  const std::lock_guard lock(mutex_);
  if (failure.is_after_connecting()) return note_failing(target) ? fail_request(now, false) : Change{};
  return fail_request(now, true);
}

Admission::Change Admission::fail_request(policy::MonoTime now, bool is_refused) noexcept {
  const auto before = breaker_.state();
  if (breaker_.failed(now, is_refused)) refuse_all();
  return {before, breaker_.state()};
}

void Admission::refuse_all() noexcept {
  for (auto* queue : {queue_.get(), upload_queue_.get(), background_queue_.get()}) {
    while (!queue->empty()) {
      auto& waiter = queue->front();
      queue->pop_front();
      waiter.end(Waiter::State::refused);
    }
  }
}

bool Admission::may_begin(Priority priority) const noexcept {
  if (requests_ >= std::min(max_, breaker_.allowance())) return false;
  if (priority == Priority::upload) return uploads_ < max_uploads_;
  return priority == Priority::foreground || background_ < max_background_;
}

// Of the request that is granted a permit next, if there is one for it. Uploads and other requests take
// turns, so that neither waits for the whole queue of the other.
std::optional<Priority> Admission::next_priority() noexcept {
  const bool any = !queue_->empty() && may_begin(Priority::foreground);
  const bool upload = !upload_queue_->empty() && may_begin(Priority::upload);
  if (any && upload) {
    is_uploads_turn_ = !is_uploads_turn_;
    return is_uploads_turn_ ? Priority::upload : Priority::foreground;
  }
  if (any) return Priority::foreground;
  if (upload) return Priority::upload;
  const bool background = queue_->empty() && !background_queue_->empty() && may_begin(Priority::background);
  return background ? std::optional(Priority::background) : std::nullopt;
}

void Admission::begin_request(Priority priority) noexcept {
  ++requests_;
  if (priority == Priority::background) ++background_;
  if (priority == Priority::upload) ++uploads_;
}

void Admission::end_request(Priority priority) noexcept {
  const std::lock_guard lock(mutex_);
  --requests_;
  if (priority == Priority::background) --background_;
  if (priority == Priority::upload) --uploads_;
  grant_permits();
}

void Admission::grant_permits() noexcept {
  for (;;) {
    const auto priority = next_priority();
    if (!priority) return;
    auto& queue = queue_of(*priority);
    auto& waiter = queue.front();
    queue.pop_front();
    begin_request(*priority);
    waiter.end(Waiter::State::granted);
  }
}

}  // namespace larder::upstream
