// How every part of the program says that it cannot go on.

#ifndef FAIL_H_
#define FAIL_H_

#include <stdexcept>
#include <string>

[[noreturn]] inline void fail(const std::string& message) {
  throw std::runtime_error(message);
}

#endif  // FAIL_H_
