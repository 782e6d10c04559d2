// Text without codes that a terminal would obey.

#ifndef PRINTABLE_H_
#define PRINTABLE_H_

#include <cstdio>
#include <string>

/// The length of a character of UTF-8 that gives a command: C1 controls and
/// marks that change the direction of text. 0 for others.
inline size_t command_length(const std::string& text, size_t at) {
  const auto byte = [&](size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  if (byte(at) < 0x20 || byte(at) == 0x7f) return 1;
  if (byte(at) == 0xc2 && byte(at + 1) >= 0x80 && byte(at + 1) < 0xa0) return 2;
  if (byte(at) != 0xe2) return 0;
  const unsigned point = byte(at + 1) << 8 | byte(at + 2);
  const bool turns = (point >= 0x80a8 && point <= 0x80ae) ||
                     (point >= 0x81a6 && point <= 0x81a9) || point == 0x808e ||
                     point == 0x808f;
  return turns ? 3 : 0;
}

/// The text with the bytes of such characters written as \x1b is.
inline std::string printable(const std::string& text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const size_t length = command_length(text, at);
    if (length == 0) result += text[at++];
    for (size_t i = 0; i < length; ++i, ++at) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(text[at])));
      result += escape;
    }
  }
  return result;
}

/// Prints one line.
inline void show(std::FILE* file, const std::string& text) {
  std::fprintf(file, "%s\n", printable(text).c_str());
}

#endif  // PRINTABLE_H_
