// SHA-256 (FIPS 180-4), to see that a sidecar belongs to its file.

#ifndef SHA256_H_
#define SHA256_H_

#include <array>
#include <cmath>
#include <cstdint>
#include <string>

namespace sha256 {

/// The first 32 bits of the fraction of a root of the `count` first primes.
template <size_t count>
std::array<uint32_t, count> fractions(double (*root)(double)) {
  std::array<uint32_t, count> result{};
  size_t found = 0;
  for (int n = 2; found < count; ++n) {
    bool prime = true;
    for (int d = 2; d * d <= n; ++d) prime = prime && n % d != 0;
    if (!prime) continue;
    const double value = root(n);
    result[found++] =
        static_cast<uint32_t>((value - std::floor(value)) * 4294967296.0);
  }
  return result;
}

inline uint32_t turn(uint32_t x, int bits) {
  return x >> bits | x << (32 - bits);
}

inline void add_block(std::array<uint32_t, 8>& state, const uint8_t* block) {
  static const auto k = fractions<64>([](double x) { return std::cbrt(x); });
  std::array<uint32_t, 64> w;
  for (int i = 0; i < 16; ++i) {
    w[i] = static_cast<uint32_t>(block[4 * i]) << 24 | block[4 * i + 1] << 16 |
           block[4 * i + 2] << 8 | block[4 * i + 3];
  }
  for (int i = 16; i < 64; ++i) {
    const uint32_t x = w[i - 15], y = w[i - 2];
    w[i] = w[i - 16] + (turn(x, 7) ^ turn(x, 18) ^ x >> 3) + w[i - 7] +
           (turn(y, 17) ^ turn(y, 19) ^ y >> 10);
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (int i = 0; i < 64; ++i) {
    const uint32_t s = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
    const uint32_t t = h + s + ((e & f) ^ (~e & g)) + k[i] + w[i];
    const uint32_t u = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) +
                       ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t, d = c, c = b, b = a, a = t + u;
  }
  const std::array<uint32_t, 8> step{a, b, c, d, e, f, g, h};
  for (int i = 0; i < 8; ++i) state[i] += step[i];
}

/// The digest of some bytes, as lower-case hexadecimal digits.
inline std::string hex(const std::string& content) {
  std::string padded = content + '\x80';
  padded.resize((padded.size() + 8 + 63) / 64 * 64 - 8);
  const uint64_t bits = 8 * static_cast<uint64_t>(content.size());
  for (int i = 7; i >= 0; --i) padded += static_cast<char>(bits >> (8 * i));
  auto state = fractions<8>([](double x) { return std::sqrt(x); });
  for (size_t at = 0; at < padded.size(); at += 64) {
    add_block(state, reinterpret_cast<const uint8_t*>(padded.data()) + at);
  }
  std::string digits;
  for (const uint32_t word : state) {
    for (int i = 28; i >= 0; i -= 4) {
      digits += "0123456789abcdef"[word >> i & 15];
    }
  }
  return digits;
}

}  // namespace sha256

#endif  // SHA256_H_
