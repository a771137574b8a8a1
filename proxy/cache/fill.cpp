#include "cache/fill.hpp"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/post.hpp>

#include <array>
#include <cassert>
#include <cstddef>
#include <deque>

namespace larder::cache {

namespace {

constexpr std::size_t most_interim_waiting = 16;

}  // namespace

struct Reader::Seat {
  explicit Seat(Loop& its_loop) : loop(its_loop), event(its_loop) {}
  // Where the operation that wakes the reader lies, so that no want of memory keeps it asleep.
  alignas(std::max_align_t) std::array<std::byte, 256> waking;
  Loop& loop;
  Event event;
  std::deque<std::string> interim;  // of the beginning reader
  bool settled = false;             // read and written on the seat's loop
};

namespace {

// Hands out the memory that a seat has for its waking. It is asked for once: a fill is settled once.
template <class T, class Seat>
struct WakingAllocator {
  using value_type = T;
  template <class U>
  struct rebind {
    using other = WakingAllocator<U, Seat>;
  };
  explicit WakingAllocator(std::shared_ptr<Seat> its_seat) noexcept : seat(std::move(its_seat)) {}
  template <class U>
  WakingAllocator(const WakingAllocator<U, Seat>& other) noexcept : seat(other.seat) {}

  [[nodiscard]] T* allocate([[maybe_unused]] std::size_t count) noexcept {
    static_assert(sizeof(T) <= sizeof(seat->waking) && alignof(T) <= alignof(std::max_align_t));
    assert(count == 1);
    return reinterpret_cast<T*>(seat->waking.data());
  }
  void deallocate(T*, std::size_t) noexcept {}
  template <class U>
  bool operator==(const WakingAllocator<U, Seat>& other) const noexcept {
    return seat == other.seat;
  }

  std::shared_ptr<Seat> seat;
};

}  // namespace

Reader::Reader(Loop& loop, std::shared_ptr<Fill> fill, bool is_leader)
    : loop_(loop), fill_(std::move(fill)), seat_(std::make_shared<Seat>(loop)), is_leader_(is_leader) {
  loop_.counters().fill_waiters.add(1);
  if (is_leader_)
    fill_->first_ = seat_;
  else
    fill_->wanted(fill_);
  const std::lock_guard lock(fill_->mutex_);
  if (fill_->result_)
    seat_->settled = true;
  else
    fill_->seats_.push_back(seat_);
}

Reader::~Reader() {
  if (!fill_) return;  // moved from
  loop_.counters().fill_waiters.add(-1);
  if (is_leader_) {
    fill_->first_.reset();
    fill_->first_left_ = true;
    fill_->handover_.reset();
  }
  const std::lock_guard lock(fill_->mutex_);
  std::erase(fill_->seats_, seat_);
}

Task<Reader::News> Reader::next() {
  for (;;) {
    if (!seat_->interim.empty()) {
      auto head = std::move(seat_->interim.front());
      seat_->interim.pop_front();
      co_return News{std::move(head)};
    }
    if (seat_->settled) {
      const std::lock_guard lock(fill_->mutex_);
      co_return News{*fill_->result_};
    }
    co_await seat_->event.wait();
  }
}

Task<void> Reader::settled() {
  while (!seat_->settled) co_await seat_->event.wait();
}

Handover Reader::take_handover() {
  auto handover = std::move(*fill_->handover_);
  fill_->handover_.reset();
  return handover;
}

void Fill::settle(Result result) noexcept {
  std::vector<std::shared_ptr<Reader::Seat>> seats;
  {
    const std::lock_guard lock(mutex_);
    if (result_) return;
    result_ = std::move(result);
    seats.swap(seats_);
  }
  for (auto& seat : seats) {
    auto& loop = seat->loop;
    const WakingAllocator<std::byte, Reader::Seat> memory(seat);
    asio::post(loop.executor(), asio::bind_allocator(memory, [woken = std::move(seat)] {
                 woken->settled = true;
                 woken->event.raise();
               }));
  }
}

bool Fill::is_settled() {
  const std::lock_guard lock(mutex_);
  return result_.has_value();
}

void Fill::set_background(Loop& loop, std::function<void()> hasten) {
  const std::lock_guard lock(mutex_);
  loop_ = hasten ? &loop : nullptr;
  hasten_ = std::move(hasten);
}

void Fill::wanted(const std::shared_ptr<Fill>& self) {
  Loop* loop = nullptr;
  {
    const std::lock_guard lock(mutex_);
    loop = std::exchange(loop_, nullptr);
  }
  if (loop == nullptr) return;
  asio::post(loop->executor(), [self] {
    if (self->hasten_) self->hasten_();
  });
}

void Fill::offer(Handover handover) {
  if (!first_left_) handover_ = std::move(handover);
}

void Fill::interim(std::string head) {
  // A fill does not wait for its reader; to one that reads slowly the news is not worth keeping.
  if (!first_ || first_->interim.size() >= most_interim_waiting) return;
  first_->interim.push_back(std::move(head));
  first_->event.raise();
}

}  // namespace larder::cache
