#include "coding/codec.hpp"

#include <xxhash.h>

#include <algorithm>
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <libdeflate.h>
#include <memory>
#include <zstd.h>

namespace larder::coding {

namespace {

using http::Coding;

constexpr std::size_t first_room = 64u
                                   << 10;  // initial size of a decoder's output, which is doubled when full
constexpr int widest_window = 27;          // log2 of the largest window of a zstd frame: 128 MiB

const std::uint8_t* octets(std::string_view bytes) noexcept {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

struct Free {
  void operator()(libdeflate_compressor* it) const noexcept { libdeflate_free_compressor(it); }
  void operator()(libdeflate_decompressor* it) const noexcept { libdeflate_free_decompressor(it); }
  void operator()(BrotliDecoderState* it) const noexcept { BrotliDecoderDestroyInstance(it); }
  void operator()(ZSTD_DCtx* it) const noexcept { ZSTD_freeDCtx(it); }
};

std::optional<std::string> encode_gzip(int level, std::string_view bytes) {
  const std::unique_ptr<libdeflate_compressor, Free> compressor(libdeflate_alloc_compressor(level));
  if (!compressor) return std::nullopt;
  std::string out(libdeflate_gzip_compress_bound(compressor.get(), bytes.size()), '\0');
  const auto size =
      libdeflate_gzip_compress(compressor.get(), bytes.data(), bytes.size(), out.data(), out.size());
  if (size == 0) return std::nullopt;
  out.resize(size);
  return out;
}

std::optional<std::string> encode_br(int level, std::string_view bytes) {
  std::string out(std::max<std::size_t>(BrotliEncoderMaxCompressedSize(bytes.size()), 64), '\0');
  std::size_t size = out.size();
  const auto mode = BROTLI_MODE_TEXT;
  if (BrotliEncoderCompress(level, BROTLI_DEFAULT_WINDOW, mode, bytes.size(), octets(bytes), &size,
                            reinterpret_cast<std::uint8_t*>(out.data())) == BROTLI_FALSE) {
    return std::nullopt;
  }
  out.resize(size);
  return out;
}

std::optional<std::string> encode_zstd(int level, std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const auto size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), level);
  if (ZSTD_isError(size) != 0) return std::nullopt;
  out.resize(size);
  return out;
}

Decoded failed(DecodeError error) {
  return {{}, error};
}

// Grows `out` beyond `used` bytes; false if it already has `most` bytes.
bool grow(std::string& out, std::size_t used, std::size_t most) {
  if (used >= most) return false;
  out.resize(std::min(std::max(out.size() * 2, first_room), most));
  return true;
}

// Decodes the members in sequence (RFC 1952 2.2).
Decoded decode_gzip(std::string_view bytes, std::size_t most) {
  const std::unique_ptr<libdeflate_decompressor, Free> decompressor(libdeflate_alloc_decompressor());
  if (!decompressor || bytes.empty()) return failed(DecodeError::malformed);
  std::string out;
  std::size_t used = 0;
  while (!bytes.empty()) {
    std::size_t taken = 0;
    std::size_t made = 0;
    const auto result = libdeflate_gzip_decompress_ex(decompressor.get(), bytes.data(), bytes.size(),
                                                      out.data() + used, out.size() - used, &taken, &made);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
      if (!grow(out, out.size(), most)) return failed(DecodeError::too_large);
      continue;
    }
    if (result != LIBDEFLATE_SUCCESS) return failed(DecodeError::malformed);
    bytes.remove_prefix(taken);
    used += made;
  }
  out.resize(used);
  return {std::move(out), std::nullopt};
}

Decoded decode_br(std::string_view bytes, std::size_t most) {
  const std::unique_ptr<BrotliDecoderState, Free> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr));
  if (!state) return failed(DecodeError::malformed);
  std::string out;
  std::size_t used = 0;
  const auto* next_in = octets(bytes);
  std::size_t left_in = bytes.size();
  for (;;) {
    if (used == out.size() && !grow(out, used, most)) {
      // The end of the stream may need no further byte of output.
      std::size_t no_room = 0;
      std::uint8_t* nowhere = nullptr;
      const auto end =
          BrotliDecoderDecompressStream(state.get(), &left_in, &next_in, &no_room, &nowhere, nullptr);
      if (end == BROTLI_DECODER_RESULT_SUCCESS && left_in == 0) break;
      return failed(end == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT ? DecodeError::too_large
                                                                   : DecodeError::malformed);
    }
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data()) + used;
    std::size_t room = out.size() - used;
    const auto result =
        BrotliDecoderDecompressStream(state.get(), &left_in, &next_in, &room, &next_out, nullptr);
    used = out.size() - room;
    if (result == BROTLI_DECODER_RESULT_SUCCESS) {
      if (left_in != 0) return failed(DecodeError::malformed);
      break;
    }
    if (result != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) return failed(DecodeError::malformed);
  }
  out.resize(used);
  return {std::move(out), std::nullopt};
}

// Decodes the frames in sequence (RFC 8878 3.1).
Decoded decode_zstd(std::string_view bytes, std::size_t most) {
  const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  if (!context || bytes.empty()) return failed(DecodeError::malformed);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, widest_window);
  std::string out;
  ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
  std::size_t used = 0;
  std::size_t hint = 1;  // 0 at the end of a frame
  while (input.pos < input.size || hint != 0) {
    const bool full = used == out.size() && !grow(out, used, most);
    ZSTD_outBuffer output{out.data(), out.size(), used};
    const auto before = input.pos;
    hint = ZSTD_decompressStream(context.get(), &output, &input);
    if (ZSTD_isError(hint) != 0) return failed(DecodeError::malformed);
    const bool idle = output.pos == used && input.pos == before;
    used = output.pos;
    if (hint == 0) continue;
    if (full && idle) return failed(DecodeError::too_large);
    if (idle) return failed(DecodeError::malformed);  // truncated
  }
  out.resize(used);
  return {std::move(out), std::nullopt};
}

}  // namespace

std::optional<std::string> encode(Coding coding, int level, std::string_view bytes) {
  std::optional<std::string> out;
  switch (coding) {
    case Coding::gzip:
      out = encode_gzip(level, bytes);
      break;
    case Coding::br:
      out = encode_br(level, bytes);
      break;
    case Coding::zstd:
      out = encode_zstd(level, bytes);
      break;
  }
  if (out) out->shrink_to_fit();
  return out;
}

std::string encoder_fingerprint(http::Coding coding, int level) {
  struct Encoder {
    int default_level;
    std::uint32_t reference_version;
    std::uint32_t version;
  };
  // libdeflate has no function that returns its version at run time.
  constexpr std::uint32_t libdeflate = LIBDEFLATE_VERSION_MAJOR * 100 + LIBDEFLATE_VERSION_MINOR;
  const Encoder encoder = coding == http::Coding::gzip ? Encoder{6, 114, libdeflate}
                          : coding == http::Coding::br ? Encoder{5, 0x1000009, BrotliEncoderVersion()}
                                                       : Encoder{9, 10504, ZSTD_versionNumber()};
  if (level == encoder.default_level && encoder.version == encoder.reference_version) return {};
  const auto text = std::to_string(level) + "/" + std::to_string(encoder.version);
  constexpr std::string_view digits = "0123456789abcdef";
  auto hash = XXH3_64bits(text.data(), text.size());
  std::string mark = "-";
  for (int i = 0; i < 4; ++i, hash >>= 4u) mark += digits[hash & 0xFu];
  return mark;
}

Decoded decode(Coding coding, std::string_view bytes, std::size_t most) {
  Decoded out;
  switch (coding) {
    case Coding::gzip:
      out = decode_gzip(bytes, most);
      break;
    case Coding::br:
      out = decode_br(bytes, most);
      break;
    case Coding::zstd:
      out = decode_zstd(bytes, most);
      break;
  }
  return out;
}

}  // namespace larder::coding
