// A strict reader of JSON, as small as a sidecar needs.

#ifndef JSON_H_
#define JSON_H_

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "fail.h"

/// A value, and the key under which it stood, for messages.
class Json {
 public:
  static Json parse(const std::string& text) {
    Reader reader{text, 0};
    Json value = reader.value("the sidecar", 0);
    reader.skip();
    if (reader.at != text.size()) reader.stop();
    return value;
  }

  bool is_null() const { return kind_ == Kind::null; }

  bool has(const std::string& key) const {
    for (const Json& item : items_) {
      if (kind_ == Kind::object && item.name_ == key) return true;
    }
    return false;
  }

  /// The value as bytes, whatever the spaces and the order of its keys;
  /// without one of its own keys, if that is given.
  std::string canonical(const std::string& without = "") const {
    switch (kind_) {
      case Kind::null: return "n";
      case Kind::boolean: return truth_ ? "t" : "f";
      case Kind::number: return "d" + bits(number_);
      case Kind::text: return counted('s', text_.size()) + text_;
      default: break;
    }
    std::vector<const Json*> items;
    for (const Json& item : items_) {
      if (kind_ == Kind::list || without.empty() || item.name_ != without) {
        items.push_back(&item);
      }
    }
    const bool keys = kind_ == Kind::object;
    if (keys) {
      std::sort(items.begin(), items.end(), [](const Json* a, const Json* b) {
        return a->name_ < b->name_;
      });
    }
    std::string result = counted(keys ? 'o' : 'l', items.size());
    for (const Json* item : items) {
      if (keys) result += counted('s', item->name_.size()) + item->name_;
      result += item->canonical();
    }
    return result;
  }

  const Json& operator[](const std::string& key) const {
    need(Kind::object, "an object");
    for (const Json& item : items_) {
      if (item.name_ == key) return item;
    }
    fail(name_ + " must have the key " + key);
  }

  const std::vector<Json>& list() const {
    need(Kind::list, "a list");
    return items_;
  }

  const std::string& text() const {
    need(Kind::text, "a text");
    return text_;
  }

  double number() const {
    need(Kind::number, "a number");
    return number_;
  }

  int whole(int low, int high) const {
    const double value = number();
    if (!(value >= low && value <= high) || value != static_cast<int>(value)) {
      fail(name_ + " must be a whole number from " +
                               std::to_string(low) + " to " +
                               std::to_string(high));
    }
    return static_cast<int>(value);
  }

 private:
  enum class Kind { null, boolean, number, text, list, object };

  void need(Kind kind, const char* what) const {
    if (kind_ != kind) fail(name_ + " must be " + what);
  }

  static std::string counted(char mark, size_t count) {
    return mark + std::to_string(count) + ":";
  }

  /// A number as IEEE 754 has it, the first byte first.
  static std::string bits(double number) {
    uint64_t bits = 0;
    std::memcpy(&bits, &number, sizeof bits);
    std::string result;
    for (int shift = 56; shift >= 0; shift -= 8) {
      result += static_cast<char>(bits >> shift & 0xFF);
    }
    return result;
  }

  struct Reader {
    const std::string& source;
    size_t at;

    [[noreturn]] void stop() const {
      fail("no JSON from byte " + std::to_string(at));
    }

    char peek() const { return at < source.size() ? source[at] : '\0'; }

    bool accept(char expected) {
      if (peek() != expected || at >= source.size()) return false;
      ++at;
      return true;
    }

    void expect(const char* word) {
      for (; *word; ++word) {
        if (!accept(*word)) stop();
      }
    }

    void skip() {
      while (accept(' ') || accept('\n') || accept('\t') || accept('\r')) {
      }
    }

    Json value(const std::string& name, int depth) {
      if (depth > 32) stop();
      Json result;
      result.name_ = name;
      skip();
      switch (peek()) {
        case '{': object(result, depth); break;
        case '[': list(result, depth); break;
        case '"': result.kind_ = Kind::text; result.text_ = text(); break;
        case 't':
          result.kind_ = Kind::boolean;
          result.truth_ = true;
          expect("true");
          break;
        case 'f': result.kind_ = Kind::boolean; expect("false"); break;
        case 'n': expect("null"); break;
        default: result.kind_ = Kind::number; result.number_ = number();
      }
      return result;
    }

    void object(Json& result, int depth) {
      result.kind_ = Kind::object;
      expect("{");
      skip();
      if (accept('}')) return;
      do {
        skip();
        const std::string key = text();
        skip();
        expect(":");
        result.items_.push_back(value(key, depth + 1));
        skip();
      } while (accept(','));
      expect("}");
    }

    void list(Json& result, int depth) {
      result.kind_ = Kind::list;
      expect("[");
      skip();
      if (accept(']')) return;
      do {
        result.items_.push_back(value(result.name_, depth + 1));
        skip();
      } while (accept(','));
      expect("]");
    }

    void digits() {
      if (peek() < '0' || peek() > '9') stop();
      while (peek() >= '0' && peek() <= '9') ++at;
    }

    double number() {
      const size_t start = at;
      accept('-');
      if (!accept('0')) digits();
      if (accept('.')) digits();
      if (accept('e') || accept('E')) {
        if (!accept('+')) accept('-');
        digits();
      }
      return std::strtod(source.substr(start, at - start).c_str(), nullptr);
    }

    std::string text() {
      std::string result;
      expect("\"");
      while (!accept('"')) {
        const char c = peek();
        if (static_cast<unsigned char>(c) < 0x20) stop();
        ++at;
        if (c == '\\') {
          escape(result);
        } else {
          result += c;
        }
      }
      return result;
    }

    void escape(std::string& result) {
      static const std::string from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
      const size_t known = from.find(peek());
      if (at < source.size() && known != std::string::npos) {
        ++at;
        result += to[known];
        return;
      }
      unsigned code = unit();
      if (code >= 0xD800 && code < 0xDC00) {
        expect("\\");
        const unsigned low = unit();
        if (low < 0xDC00 || low >= 0xE000) stop();
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      }
      utf8(result, code);
    }

    unsigned unit() {
      expect("u");
      unsigned code = 0;
      for (int i = 0; i < 4; ++i, ++at) {
        size_t digit = std::string("0123456789abcdefABCDEF").find(peek());
        if (at >= source.size() || digit == std::string::npos) stop();
        if (digit > 15) digit -= 6;
        code = 16 * code + static_cast<unsigned>(digit);
      }
      return code;
    }

    static void utf8(std::string& result, unsigned code) {
      if (code < 0x80) {
        result += static_cast<char>(code);
        return;
      }
      const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
      const unsigned lead = more == 1 ? 0xC0 : more == 2 ? 0xE0 : 0xF0;
      result += static_cast<char>(lead | code >> (6 * more));
      for (int i = more - 1; i >= 0; --i) {
        result += static_cast<char>(0x80 | (code >> (6 * i) & 0x3F));
      }
    }
  };

  Kind kind_ = Kind::null;
  bool truth_ = false;
  double number_ = 0;
  std::string name_, text_;
  std::vector<Json> items_;
};

#endif  // JSON_H_
