#include "store/head.hpp"

#include <array>
#include <charconv>

namespace larder::store {

namespace {

constexpr std::size_t status_line_overhead = std::string_view("HTTP/1.1 200 \r\n").size();

}  // namespace

std::size_t HeadLines::status_line_size() const noexcept {
  return status_line_overhead + reason_size_;
}

bool HeadLines::fit(std::string_view text) const noexcept {
  std::uint64_t size = status_line_size();
  for (const auto& line : lines_) size += std::uint64_t{line.name_size} + line.value_size + 4;
  return size == text.size();
}

std::string_view HeadView::reason() const noexcept {
  constexpr std::size_t before = status_line_overhead - 2;
  return text_.substr(before, lines_->reason_size());
}

void append_status_line(int status, std::string_view reason, std::string& out) {
  std::array<char, 12> digits;
  out.append("HTTP/1.1 ");
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), status).ptr);
  out.append(" ").append(reason).append("\r\n");
}

void append_line(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

HeadBuilder::HeadBuilder(int status, std::string_view reason, bool with_304)
    : with_304_(with_304), lines_(status, reason.size()) {
  append_status_line(status, reason, head_);
  if (with_304_) append_status_line(304, "Not Modified", head_304_);
}

void HeadBuilder::add(const http::Field& field, bool is_own, bool in_304) {
  append_line(field.name, field.value, head_);
  if (with_304_ && in_304) append_line(field.name, field.value, head_304_);
  lines_.add({static_cast<std::uint32_t>(field.name.size()), static_cast<std::uint32_t>(field.value.size()),
              field.id, is_own, with_304_ && in_304});
}

void HeadBuilder::finish(std::string& head, std::string& head_304, HeadLines& lines) {
  head_.shrink_to_fit();
  head_304_.shrink_to_fit();
  lines_.shrink_to_fit();
  head = std::move(head_);
  head_304 = std::move(head_304_);
  lines = std::move(lines_);
}

}  // namespace larder::store
