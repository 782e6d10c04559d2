// Segments an image with a LiteRT file and the sidecar beside it.
//
//     segment street.tflite street.ppm
//
// Needs libLiteRt.so, and nothing else.

#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <thread>
#include <utility>

#include "fail.h"
#include "model.h"
#include "printable.h"
#include "image.h"
#include "sidecar.h"

namespace {

const char kUsage[] =
    "usage: segment FILE.tflite IMAGE.ppm [--out mask.ppm] [--mask IDS.pgm]"
    " [--threads N] [--runs N]";

// === The command line ===

struct Arguments {
  std::string file, image, out = "mask.ppm", mask;
  int threads = std::max(1u, std::thread::hardware_concurrency());
  int runs = 10;
};

int count_of(const std::string& option, const std::string& text) {
  const bool digits = text.find_first_not_of("0123456789") == text.npos;
  const int count = digits && text.size() < 7 ? std::atoi(text.c_str()) : 0;
  if (count < 1) fail(option + " must be 1 or more. Received: " + text);
  return count;
}

Arguments parse(const std::vector<std::string>& words) {
  Arguments args;
  std::vector<std::string> places;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i].compare(0, 2, "--") != 0) {
      places.push_back(words[i]);
      continue;
    }
    const size_t equals = words[i].find('=');
    const std::string option = words[i].substr(0, equals);
    if (equals == std::string::npos && i + 1 == words.size()) fail(kUsage);
    const std::string value =
        equals == std::string::npos ? words[++i] : words[i].substr(equals + 1);
    if (option == "--out") {
      args.out = value;
    } else if (option == "--mask") {
      args.mask = value;
    } else if (option == "--threads") {
      args.threads = count_of(option, value);
    } else if (option == "--runs") {
      args.runs = count_of(option, value);
    } else {
      fail(kUsage);
    }
  }
  if (places.size() != 2) fail(kUsage);
  args.file = places[0];
  args.image = places[1];
  return args;
}

// === From pixels to classes ===

template <class Value>
Value converted(float pixel) {
  if constexpr (std::is_integral_v<Value>) {
    const float low = std::numeric_limits<Value>::min();
    const float high = std::numeric_limits<Value>::max();
    pixel = std::min(high, std::max(low, std::nearbyint(pixel)));
  }
  return static_cast<Value>(pixel);
}

/// The image in the range, type and layout of the input.
template <class Value>
std::vector<uint8_t> arranged(const Image& image, const Sidecar& sidecar) {
  const End& end = sidecar.input;
  std::vector<Value> values(end.values());
  const float unit = static_cast<float>((sidecar.high - sidecar.low) / 255);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      for (int c = 0; c < image.channels; ++c) {
        const float pixel = static_cast<float>(sidecar.low) +
                            unit * image.pixel(x, y)[c];
        values[y * end.step('H') + x * end.step('W') + c * end.step('C')] =
            converted<Value>(pixel / static_cast<float>(sidecar.scale) +
                             static_cast<float>(sidecar.zero_point));
      }
    }
  }
  std::vector<uint8_t> bytes(values.size() * sizeof(Value));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<uint8_t> prepare(const Image& image, const Sidecar& sidecar) {
  const End& end = sidecar.input;
  const Image small = resize(image, end.size('W'), end.size('H'));
  switch (element_type(end)) {
    case kLiteRtElementTypeUInt8: return arranged<uint8_t>(small, sidecar);
    case kLiteRtElementTypeInt8: return arranged<int8_t>(small, sidecar);
    default: return arranged<float>(small, sidecar);
  }
}

/// The ids that the output holds, or those of its largest logits.
template <class Value>
Image largest(const std::vector<uint8_t>& bytes, const End& end) {
  std::vector<Value> values(end.values());
  if (bytes.size() != values.size() * sizeof(Value)) {
    fail("the output has another size");
  }
  std::memcpy(values.data(), bytes.data(), bytes.size());
  Image ids(end.size('W'), end.size('H'), 1);
  const bool mask = end.name == "mask";
  for (int y = 0; y < ids.height; ++y) {
    for (int x = 0; x < ids.width; ++x) {
      const Value* at = &values[y * end.step('H') + x * end.step('W')];
      if (mask) *ids.pixel(x, y) = static_cast<uint8_t>(*at);
      int best = 0;
      for (int c = 1; !mask && c < end.size('C'); ++c) {
        if (at[c * end.step('C')] > at[best * end.step('C')]) {
          *ids.pixel(x, y) = static_cast<uint8_t>(best = c);
        }
      }
    }
  }
  return ids;
}

Image class_ids(const std::vector<uint8_t>& bytes, const Sidecar& sidecar) {
  const LiteRtElementType type = element_type(sidecar.output);
  const Image ids =
      type == kLiteRtElementTypeUInt8  ? largest<uint8_t>(bytes, sidecar.output)
      : type == kLiteRtElementTypeInt8 ? largest<int8_t>(bytes, sidecar.output)
                                       : largest<float>(bytes, sidecar.output);
  for (const uint8_t id : ids.bytes) {
    if (id >= sidecar.names.size()) fail("the mask has an unknown class");
  }
  return ids;
}

/// The median duration in milliseconds, after a run that is not timed.
double timed(Model& model, int runs) {
  std::vector<double> durations;
  model.run();
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    model.run();
    const std::chrono::duration<double, std::milli> duration =
        std::chrono::steady_clock::now() - start;
    durations.push_back(duration.count());
  }
  std::sort(durations.begin(), durations.end());
  return (durations[(runs - 1) / 2] + durations[runs / 2]) / 2;
}

/// Writes the colored mask and, if asked, the ids, in the image's size.
void write(const Arguments& args, const Image& ids, const Sidecar& sidecar) {
  Image colored(ids.width, ids.height, 3);
  for (size_t i = 0; i < ids.bytes.size(); ++i) {
    std::copy_n(sidecar.colors[ids.bytes[i]].begin(), 3,
                colored.bytes.begin() + 3 * i);
  }
  write_image(args.out, colored);
  if (!args.mask.empty()) write_image(args.mask, ids);
}

void print_shares(const Image& ids, const Sidecar& sidecar) {
  std::vector<std::pair<double, std::string>> shares;
  for (const std::string& name : sidecar.names) shares.push_back({0, name});
  for (const uint8_t id : ids.bytes) shares[id].first += 1;
  std::sort(shares.rbegin(), shares.rend());
  for (const auto& [count, name] : shares) {
    const double share = 100 * count / static_cast<double>(ids.bytes.size());
    if (count > 0) {
      std::printf("%6.1f %% ", share);
      show(stdout, name);
    }
  }
}

/// Reads file, sidecar and image; writes mask, shares and latency.
void segment(const Arguments& args) {
  const std::string content = read_file(args.file);
  const Sidecar sidecar = read_sidecar(args.file, content);
  const Image image = read_image(args.image, sidecar.input.size('C'));
  Model model(content, sidecar, args.threads);
  model.set_input(prepare(image, sidecar));
  const double latency = timed(model, args.runs);
  const Image ids = class_ids(model.output(), sidecar);
  write(args, resize_nearest(ids, image.width, image.height), sidecar);
  show(stdout, sidecar.title);
  std::printf("runtime: LiteRT in C++, %d threads\n", args.threads);
  std::printf("latency: %.1f ms, median of %d\n", latency, args.runs);
  print_shares(ids, sidecar);
  show(stdout, "wrote " + args.out);
}

}  // namespace

int main(int count, char** words) {
  try {
    segment(parse({words + 1, words + count}));
  } catch (const std::exception& error) {
    show(stderr, std::string("segment: ") + error.what());
    return 2;
  }
  return 0;
}
