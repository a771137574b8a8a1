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

/// The name as used in Content-Encoding: "gzip", "br", "zstd".
[[nodiscard]] std::string_view name_of(Coding coding) noexcept;
/// Parses a coding's name, case-insensitively; `x-gzip` is gzip (RFC 9110 8.4.1.3).
[[nodiscard]] std::optional<Coding> coding_named(std::string_view name) noexcept;

/// Whether Content-Encoding, over all its lines, lists any coding other than `identity`.
[[nodiscard]] bool is_coded(Fields response) noexcept;
/// The coding, if Content-Encoding lists exactly one beside `identity` and it is one of Coding.
[[nodiscard]] std::optional<Coding> only_coding(Fields response) noexcept;

/// The weight in the parameters of an element of Accept-Encoding (RFC 9110 12.4.2), in thousandths: 1000 if
/// there is none, 0 if it is invalid.
[[nodiscard]] int weight_of(std::string_view parameters) noexcept;

/// Chooses a coding for the response to a request, of those `offered`, which are in order of the server's
/// preference; nullopt for none (identity). The request's weights decide first, then the server's order.
/// Without Accept-Encoding the response is not encoded. If the request accepts neither identity nor any
/// coding offered, identity is sent, as RFC 9110 12.5.3 permits.
[[nodiscard]] std::optional<Coding> choose_coding(Fields request, std::span<const Coding> offered) noexcept;

/// Whether responses of a media type are worth compressing: text, JSON, XML, scripts, and types ending in
/// `+json` or `+xml`.
[[nodiscard]] bool is_compressible(std::string_view content_type) noexcept;

}  // namespace larder::http
