// Images as binary PPM and PGM, resized as Pillow does it.

#ifndef IMAGE_H_
#define IMAGE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "fail.h"

/// Bytes of `(height, width, channels)`.
struct Image {
  int width, height, channels;
  std::vector<uint8_t> bytes;

  Image(int w, int h, int c)
      : width(w), height(h), channels(c), bytes(size_t{1} * w * h * c) {}

  uint8_t* pixel(int x, int y) {
    return &bytes[(size_t{1} * y * width + x) * channels];
  }
  const uint8_t* pixel(int x, int y) const {
    return &bytes[(size_t{1} * y * width + x) * channels];
  }
};

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (file) content << file.rdbuf();
  if (!file || content.bad()) fail("cannot read " + path);
  return content.str();
}

/// The next number of the header of a PPM, after space and comments.
inline int header_number(const std::string& content, size_t& at) {
  for (bool comment = false; at < content.size(); ++at) {
    if (content[at] == '#') comment = true;
    if (content[at] == '\n') comment = false;
    if (!comment && content[at] > ' ') break;
  }
  int number = 0;
  while (at < content.size() && content[at] >= '0' && content[at] <= '9') {
    const int digit = content[at++] - '0';
    number = std::min(1 << 20, 10 * number + digit);
  }
  return number;
}

/// Gray as RGB, and RGB whose three channels are all the same as gray.
inline Image with_channels(const Image& image, int channels,
                           const std::string& path) {
  if (image.channels == channels) return image;
  Image result(image.width, image.height, channels);
  for (size_t i = 0; i < size_t{1} * image.width * image.height; ++i) {
    const uint8_t* from = &image.bytes[i * image.channels];
    for (int c = 1; c < image.channels; ++c) {
      if (from[c] != from[0]) {
        fail(path + " holds colors, and the model takes gray images");
      }
    }
    std::fill_n(&result.bytes[i * channels], channels, from[0]);
  }
  return result;
}

inline Image read_image(const std::string& path, int channels) {
  const std::string content = read_file(path);
  size_t at = 2;
  const bool gray = content.compare(0, 2, "P5") == 0;
  const bool known = gray || content.compare(0, 2, "P6") == 0;
  const int width = known ? header_number(content, at) : 0;
  const int height = known ? header_number(content, at) : 0;
  const int largest = known ? header_number(content, at) : 0;
  if (width < 1 || height < 1 || largest != 255) {
    fail(
        path + " is no binary PPM of 8 bits; make one with: ffmpeg -i " + path +
        (channels == 1 ? " -pix_fmt gray image.pgm" : " image.ppm"));
  }
  if (std::min(width, height) < 32) {
    fail(path + " must be at least 32 pixels a side");
  }
  const int stored = gray ? 1 : 3;
  const size_t size = size_t{1} * stored * width * height;
  if (content.size() < at + 1 + size) {
    fail(path + " ends before its last pixel");
  }
  Image image(width, height, stored);
  std::copy_n(content.begin() + at + 1, size, image.bytes.begin());
  return with_channels(image, channels, path);
}

/// Writes a PPM where there are three channels, and a PGM where there is one.
inline void write_image(const std::string& path, const Image& image) {
  std::ofstream file(path, std::ios::binary);
  file << (image.channels == 3 ? "P6\n" : "P5\n") << image.width << " "
       << image.height << "\n255\n";
  file.write(reinterpret_cast<const char*>(image.bytes.data()),
             static_cast<std::streamsize>(image.bytes.size()));
  if (!file.flush()) fail("cannot write " + path);
}

/// What one target pixel takes: weights of the source pixels from `first` on.
struct Weights {
  static constexpr int kBits = 22;
  int first;
  std::vector<int> values;
};

/// The triangle filter, as wide as one target pixel where it shrinks. The
/// weights are whole numbers, as Pillow's are, so that no pixel differs.
inline std::vector<Weights> triangles(int from, int to) {
  const double scale = static_cast<double>(from) / to;
  const double reach = std::max(scale, 1.0);
  std::vector<Weights> result;
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(center - reach + 0.5));
    const int last = std::min(from, static_cast<int>(center + reach + 0.5));
    std::vector<double> shares;
    double sum = 0;
    for (int x = first; x < last; ++x) {
      const double share = 1 - std::abs((x - center + 0.5) / reach);
      shares.push_back(std::max(0.0, share));
      sum += shares.back();
    }
    Weights weights{first, {}};
    for (const double share : shares) {
      weights.values.push_back(
          static_cast<int>(0.5 + share / sum * (1 << Weights::kBits)));
    }
    result.push_back(weights);
  }
  return result;
}

/// Resizes the width and swaps the axes; twice, it resizes both.
inline Image resize_and_turn(const Image& image, int width) {
  const auto columns = triangles(image.width, width);
  Image result(image.height, width, image.channels);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < width; ++x) {
      const Weights& weights = columns[x];
      for (int c = 0; c < image.channels; ++c) {
        int64_t sum = int64_t{1} << (Weights::kBits - 1);
        for (size_t k = 0; k < weights.values.size(); ++k) {
          const int from = weights.first + static_cast<int>(k);
          sum += int64_t{weights.values[k]} * image.pixel(from, y)[c];
        }
        result.pixel(y, x)[c] = static_cast<uint8_t>(
            std::min<int64_t>(255, sum >> Weights::kBits));
      }
    }
  }
  return result;
}

/// Bilinear, across and then down, with bytes between the two as in Pillow.
inline Image resize(const Image& image, int width, int height) {
  return resize_and_turn(resize_and_turn(image, width), height);
}

/// The source of each target pixel. Pillow adds up the steps, and with them
/// their rounding; so does this.
inline std::vector<int> nearest(int from, int to) {
  const double step = static_cast<double>(from) / to;
  double at = step * 0.5;
  std::vector<int> result;
  for (int i = 0; i < to; ++i, at += step) {
    result.push_back(std::min(from - 1, static_cast<int>(at)));
  }
  return result;
}

inline Image resize_nearest(const Image& ids, int width, int height) {
  const auto columns = nearest(ids.width, width);
  const auto rows = nearest(ids.height, height);
  Image result(width, height, 1);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      *result.pixel(x, y) = *ids.pixel(columns[x], rows[y]);
    }
  }
  return result;
}

#endif  // IMAGE_H_
