// A LiteRT file, ready to run.

#ifndef MODEL_H_
#define MODEL_H_

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "fail.h"
#include "litert_abi.h"
#include "sidecar.h"

inline void check(LiteRtStatus status, const std::string& what) {
  if (status != kLiteRtStatusOk) {
    fail("LiteRT cannot " + what + ": status " + std::to_string(status));
  }
}

/// Something of LiteRT's that is given back at the end.
template <class Handle>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, void (*)(Handle)>;

inline LiteRtEnvOption option(LiteRtEnvOptionTag tag, int value) {
  LiteRtEnvOption option{};
  option.tag = tag;
  option.value.type = kLiteRtAnyTypeInt;
  option.value.int_value = value;
  return option;
}

inline Owned<LiteRtEnvironment> environment() {
  // Silent, for the program's own message is the one that counts.
  const LiteRtEnvOption options[] = {
      option(kLiteRtEnvOptionTagAutoRegisterAccelerators,
             kLiteRtHwAcceleratorCpu),
      option(kLiteRtEnvOptionTagMinLoggerSeverity, 4)};
  LiteRtEnvironment made = nullptr;
  check(LiteRtCreateEnvironment(2, options, &made), "start");
  return {made, LiteRtDestroyEnvironment};
}

inline Owned<LiteRtModel> open(LiteRtEnvironment environment,
                               const std::string& content) {
  LiteRtModel made = nullptr;
  check(LiteRtCreateModelFromBuffer(environment, content.data(), content.size(),
                                    &made),
        "read the file");
  return {made, LiteRtDestroyModel};
}

/// Options for the CPU, which LiteRT takes as a line of text.
inline Owned<LiteRtOptions> options(int threads) {
  LiteRtOptions made = nullptr;
  check(LiteRtCreateOptions(&made), "take options");
  Owned<LiteRtOptions> options(made, LiteRtDestroyOptions);
  check(LiteRtSetOptionsHardwareAccelerators(made, kLiteRtHwAcceleratorCpu),
        "use the CPU");
  const std::string line = "num_threads = " + std::to_string(threads) + "\n";
  LiteRtOpaqueOptions opaque = nullptr;
  check(LiteRtCreateOpaqueOptions("xnnpack", strdup(line.c_str()), std::free,
                                  &opaque),
        "take the number of threads");
  check(LiteRtAddOpaqueOptions(made, opaque), "take the number of threads");
  return options;
}

inline Owned<LiteRtCompiledModel> compile(LiteRtEnvironment environment,
                                          LiteRtModel model,
                                          LiteRtOptions options) {
  LiteRtCompiledModel made = nullptr;
  check(LiteRtCreateCompiledModel(environment, model, options, &made),
        "prepare the model");
  return {made, LiteRtDestroyCompiledModel};
}

inline LiteRtElementType element_type(const End& end) {
  if (end.dtype == "float32") return kLiteRtElementTypeFloat32;
  if (end.dtype == "uint8") return kLiteRtElementTypeUInt8;
  if (end.dtype == "int8") return kLiteRtElementTypeInt8;
  fail(end.name + " has the dtype " + end.dtype);
}

/// The type of a tensor, if it is what the sidecar says.
inline LiteRtRankedTensorType type_of(LiteRtTensor tensor, const End& end) {
  LiteRtRankedTensorType type{};
  check(LiteRtGetRankedTensorType(tensor, &type), "describe " + end.name);
  bool same = type.element_type == element_type(end) &&
              type.layout.rank == end.shape.size();
  for (size_t i = 0; same && i < end.shape.size(); ++i) {
    same = type.layout.dimensions[i] == end.shape[i];
  }
  if (!same) fail("the tensor " + end.name + " is not as the sidecar says");
  return type;
}

/// The model, ready to run, and a tensor at each end of it.
class Model {
 public:
  Model(const std::string& content, const Sidecar& sidecar, int threads)
      : environment_(environment()),
        model_(open(environment_.get(), content)),
        options_(options(threads)),
        compiled_(nullptr, LiteRtDestroyCompiledModel),
        input_(nullptr, LiteRtDestroyTensorBuffer),
        output_(nullptr, LiteRtDestroyTensorBuffer) {
    const LiteRtSignature signature = find_signature();
    LiteRtTensor source = nullptr, target = nullptr;
    check(LiteRtGetSignatureInputTensor(signature, sidecar.input.name.c_str(),
                                        &source),
          "find " + sidecar.input.name);
    check(LiteRtGetSignatureOutputTensor(signature, sidecar.output.name.c_str(),
                                         &target),
          "find " + sidecar.output.name);
    const auto input = type_of(source, sidecar.input);
    const auto output = type_of(target, sidecar.output);
    compiled_ = compile(environment_.get(), model_.get(), options_.get());
    LiteRtTensorBufferRequirements needs = nullptr;
    check(LiteRtGetCompiledModelInputBufferRequirements(compiled_.get(), index_,
                                                        0, &needs),
          "take an input");
    input_ = buffer(input, needs);
    check(LiteRtGetCompiledModelOutputBufferRequirements(compiled_.get(),
                                                         index_, 0, &needs),
          "give an output");
    output_ = buffer(output, needs);
  }

  void run() {
    LiteRtTensorBuffer input = input_.get(), output = output_.get();
    check(LiteRtRunCompiledModel(compiled_.get(), index_, 1, &input, 1,
                                 &output),
          "run the model");
  }

  void set_input(const std::vector<uint8_t>& bytes) {
    with(input_.get(), kLiteRtTensorBufferLockModeWrite,
         [&](uint8_t* data, size_t size) {
           if (size != bytes.size()) fail("the input has another size");
           std::memcpy(data, bytes.data(), size);
         });
  }

  std::vector<uint8_t> output() {
    std::vector<uint8_t> bytes;
    with(output_.get(), kLiteRtTensorBufferLockModeRead,
         [&](uint8_t* data, size_t size) { bytes.assign(data, data + size); });
    return bytes;
  }

 private:
  /// The signature that the exporters write, with one tensor at each end.
  LiteRtSignature find_signature() {
    LiteRtParamIndex count = 0;
    check(LiteRtGetNumModelSignatures(model_.get(), &count), "list signatures");
    for (index_ = 0; index_ < count; ++index_) {
      LiteRtSignature signature = nullptr;
      const char* key = nullptr;
      LiteRtParamIndex inputs = 0, outputs = 0;
      check(LiteRtGetModelSignature(model_.get(), index_, &signature),
            "read a signature");
      check(LiteRtGetSignatureKey(signature, &key), "read a signature");
      check(LiteRtGetNumSignatureInputs(signature, &inputs), "count inputs");
      check(LiteRtGetNumSignatureOutputs(signature, &outputs), "count outputs");
      if (std::string(key) == "serving_default" && inputs == 1 &&
          outputs == 1) {
        return signature;
      }
    }
    fail("the file has no serving_default from one tensor to one");
  }

  Owned<LiteRtTensorBuffer> buffer(const LiteRtRankedTensorType& type,
                                   LiteRtTensorBufferRequirements needs) {
    LiteRtTensorBuffer made = nullptr;
    check(LiteRtCreateManagedTensorBufferFromRequirements(
              environment_.get(), &type, needs, &made),
          "make room for a tensor");
    return {made, LiteRtDestroyTensorBuffer};
  }

  void with(LiteRtTensorBuffer buffer, LiteRtTensorBufferLockMode mode,
            const std::function<void(uint8_t*, size_t)>& use) {
    size_t size = 0;
    void* data = nullptr;
    check(LiteRtGetTensorBufferPackedSize(buffer, &size), "measure a tensor");
    check(LiteRtLockTensorBuffer(buffer, &data, mode), "open a tensor");
    use(static_cast<uint8_t*>(data), size);
    check(LiteRtUnlockTensorBuffer(buffer), "close a tensor");
  }

  Owned<LiteRtEnvironment> environment_;
  Owned<LiteRtModel> model_;
  Owned<LiteRtOptions> options_;
  Owned<LiteRtCompiledModel> compiled_;
  LiteRtParamIndex index_ = 0;
  Owned<LiteRtTensorBuffer> input_, output_;
};

#endif  // MODEL_H_
