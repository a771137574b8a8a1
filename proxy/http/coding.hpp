// Content codings and their negotiation (RFC 9110 8.4.1, 12.5.3).
#pragma once

#include "http/fields.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace larder::http {

enum class Coding : std::uint8_t { gzip, br, zstd };
inline constexpr std::size_t coding_count = 3;

/// As it stands in Content-Encoding: "gzip", "br", "zstd".
[[nodiscard]] std::string_view name_of(Coding coding) noexcept;
/// The other way, in any case; `x-gzip` is gzip (RFC 9110 8.4.1.3).
[[nodiscard]] std::optional<Coding> coding_named(std::string_view name) noexcept;

/// Whether Content-Encoding, over all of its lines, lists anything but `identity`, which is no coding.
[[nodiscard]] bool is_coded(Fields response) noexcept;
/// The coding where there is exactly one beside `identity`, and it is one of these three.
[[nodiscard]] std::optional<Coding> only_coding(Fields response) noexcept;

/// The weight that the parameters of an element of Accept-Encoding give it (RFC 9110 12.4.2), in thousandths:
/// 1000 where there is none, 0 where it cannot be read.
[[nodiscard]] int weight_of(std::string_view parameters) noexcept;

/// The coding that a response to this request is best sent in, of those `offered`, of which the server would
/// rather send the first; nullopt for none (identity). The request's weights decide, then the server's order.
/// Without Accept-Encoding nothing is coded. A request that excludes identity as well gets it all the same,
/// as RFC 9110 12.5.3 allows, where nothing offered is acceptable.
[[nodiscard]] std::optional<Coding> choose_coding(Fields request, std::span<const Coding> offered) noexcept;

/// Whether a media type is worth coding: text, JSON, XML, scripts, and what is named `+json` or `+xml`.
[[nodiscard]] bool is_compressible(std::string_view content_type) noexcept;

}  // namespace larder::http
