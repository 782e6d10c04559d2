// What the exporter says of a file.

#ifndef SIDECAR_H_
#define SIDECAR_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "fail.h"
#include "json.h"
#include "image.h"
#include "sha256.h"

/// A tensor at either end of the model.
struct End {
  std::string name, layout, dtype;
  std::vector<int> shape;

  int size(char axis) const { return shape[layout.find(axis)]; }

  /// How far apart two neighbors along an axis are.
  size_t step(char axis) const {
    size_t step = 1;
    for (size_t i = layout.find(axis) + 1; i < shape.size(); ++i) {
      step *= shape[i];
    }
    return step;
  }

  size_t values() const { return shape[0] * step(layout[0]); }
};

inline End end_of(const Json& spec, const std::vector<std::string>& layouts) {
  End end{spec["name"].text(), spec["layout"].text(), spec["dtype"].text(), {}};
  for (const Json& size : spec["shape"].list()) {
    end.shape.push_back(size.whole(1, 1 << 15));
  }
  if (std::find(layouts.begin(), layouts.end(), end.layout) == layouts.end()) {
    fail(end.name + " has the layout " + end.layout);
  }
  if (end.shape.size() != end.layout.size() || end.shape[0] != 1) {
    fail(end.name + " must have the shape of one " + end.layout);
  }
  return end;
}

struct Sidecar {
  std::string title;
  End input, output;
  double low = 0, high = 255, scale = 1, zero_point = 0;
  std::vector<std::string> names;
  std::vector<std::vector<uint8_t>> colors;
};

/// The Pascal VOC colors, for files without a palette.
inline std::vector<uint8_t> voc_color(int id) {
  std::vector<uint8_t> color(3);
  for (int bit = 0; bit < 8; ++bit) {
    for (int c = 0; c < 3; ++c) {
      color[c] |= (id >> (3 * bit + c) & 1) << (7 - bit);
    }
  }
  return color;
}

inline std::vector<uint8_t> color_of(const Json& json) {
  std::vector<uint8_t> color;
  for (const Json& value : json.list()) {
    color.push_back(static_cast<uint8_t>(value.whole(0, 255)));
  }
  if (color.size() != 3) fail("a color must be three numbers");
  return color;
}

/// The entries of a list that may be null, one for each class.
inline std::vector<Json> for_each_class(const Json& list, size_t count) {
  if (list.is_null()) return {};
  if (list.list().size() != count) {
    fail("the sidecar must name and color each class");
  }
  return list.list();
}

inline void read_classes(Sidecar& sidecar, const Json& json) {
  const size_t count = json["num_classes"].whole(2, 256);
  const auto names = for_each_class(json["class_names"], count);
  const auto palette = for_each_class(json["palette"], count);
  for (size_t i = 0; i < count; ++i) {
    sidecar.names.push_back(names.empty() ? "class " + std::to_string(i)
                                          : names[i].text());
    sidecar.colors.push_back(palette.empty() ? voc_color(static_cast<int>(i))
                                              : color_of(palette[i]));
  }
}

inline void read_pixels(Sidecar& sidecar, const Json& input) {
  const auto& range = input["range"].list();
  if (range.size() != 2) fail("range must be two numbers");
  sidecar.low = range[0].number();
  sidecar.high = range[1].number();
  const Json& quantization = input["quantization"];
  if (quantization.is_null()) return;
  sidecar.scale = quantization["scale"].number();
  sidecar.zero_point = quantization["zero_point"].number();
}

/// What the exporter says of the file, if it is still the same file.
inline Sidecar read_sidecar(const std::string& path,
                            const std::string& content) {
  const std::string beside = path + ".json";
  const std::string text = read_file(beside);
  Json json;
  try {
    json = Json::parse(text);
  } catch (const std::exception& error) {
    fail("cannot read " + beside + ": " + error.what());
  }
  const int schema = json["schema"].whole(0, 1 << 20);
  if (schema != 1 && schema != 2) {
    fail(beside + " has the schema " + std::to_string(schema));
  }
  if ((schema == 2 || json.has("seal")) &&
      sha256::hex(json.canonical("seal")) != json["seal"].text()) {
    fail(beside + " cannot be used: one of its entries was edited");
  }
  if (sha256::hex(content) != json["sha256"].text()) {
    fail(beside + " describes another file than " + path);
  }
  Sidecar sidecar;
  sidecar.title = json["file"].text() + ": " + json["format"].text() + " " +
                  json["precision"].text();
  sidecar.input = end_of(json["input"], {"NHWC", "NCHW"});
  sidecar.output = end_of(json["output"], {"NHW", "NHWC", "NCHW"});
  read_pixels(sidecar, json["input"]);
  read_classes(sidecar, json);
  const bool mask = sidecar.output.name == "mask";
  const bool ids = sidecar.output.layout == "NHW";
  const size_t classes = ids ? sidecar.names.size() : sidecar.output.size('C');
  if (mask != ids || classes != sidecar.names.size()) {
    fail(beside + " contradicts itself");
  }
  const int channels = sidecar.input.size('C');
  if (channels != 1 && channels != 3) {
    fail(path + " takes images of " + std::to_string(channels) +
         " channels; this program reads those of 1 (PGM) or 3 (PPM)");
  }
  return sidecar;
}

#endif  // SIDECAR_H_
