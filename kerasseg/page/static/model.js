// An ONNX file and its sidecar in onnxruntime-web: from pixels to class ids.

const VERSION = "1.30.0"; // Also in runtime.py of this package.
const PLACES = [
  new URL("runtime/", import.meta.url).href,
  `https://cdn.jsdelivr.net/npm/onnxruntime-web@${VERSION}/dist/`,
];
const ARRAYS = {
  float32: Float32Array,
  float16: globalThis.Float16Array,
  uint8: Uint8Array,
  int8: Int8Array,
};

/** The runtime: installed beside the page, or from the network. */
export async function loadRuntime() {
  for (const place of PLACES) {
    const ort = await import(`${place}ort.wasm.bundle.min.mjs`).catch(() => null);
    if (ort) {
      ort.env.wasm.wasmPaths = place;
      // Threads share memory, which browsers allow to isolated pages only.
      ort.env.wasm.numThreads = globalThis.crossOriginIsolated
        ? Math.min(4, navigator.hardwareConcurrency)
        : 1;
      return ort;
    }
  }
  throw new Error("onnxruntime-web is missing: neither beside the page in " +
    "the folder runtime, nor on the network.");
}

/** The model of an ONNX file, after its first, slow run. */
export async function openModel(ort, content, sidecar) {
  if (sidecar?.schema !== 1 && sidecar?.schema !== 2) {
    throw new Error(`The sidecar has the schema ${sidecar?.schema}.`);
  }
  await checkSeal(sidecar);
  checkChannels(sizeOf(sidecar.input).channels);
  await checkHash(content, sidecar.sha256);
  const session = await ort.InferenceSession.create(new Uint8Array(content), {
    executionProviders: ["wasm"],
  });
  const model = { ort, session, sidecar, ...sizeOf(sidecar.input) };
  await run(model, new ImageData(model.width, model.height));
  return model;
}

/** The class ids of `ImageData` in the model's size, and milliseconds. */
export async function run(model, image) {
  const { output, milliseconds } = await infer(model, image);
  return { ...classIds(output, model.sidecar.output), milliseconds };
}

/** The output for `ImageData` in the model's size, and milliseconds. */
export async function infer(model, image) {
  const { input, output } = model.sidecar;
  const pixels = new model.ort.Tensor(
    input.dtype,
    arrange(image.data, input),
    input.shape,
  );
  const start = performance.now();
  const results = await model.session.run({ [input.name]: pixels });
  const milliseconds = performance.now() - start;
  return { output: results[output.name], milliseconds };
}

/** RGBA bytes in the range, type and layout of the input. */
function arrange(rgba, spec) {
  const { width, height, channels } = sizeOf(spec);
  const count = width * height;
  const [low, high] = spec.range;
  const values = new ARRAYS[spec.dtype](channels * count);
  const [step, plane] = spec.layout === "NCHW" ? [1, count] : [channels, 1];
  const { scale, zero_point: zero } = spec.quantization ?? {
    scale: 1,
    zero_point: 0,
  };
  const whole = /int/.test(spec.dtype);
  for (let i = 0; i < count; i += 1) {
    if (channels === 1) checkGray(rgba, 4 * i);
    for (let c = 0; c < channels; c += 1) {
      const real = low + (rgba[4 * i + c] * (high - low)) / 255;
      const value = real / scale + zero;
      values[i * step + c * plane] = whole ? Math.round(value) : value;
    }
  }
  return values;
}

function checkChannels(channels) {
  if (channels !== 1 && channels !== 3) {
    throw new Error(
      `The model takes images of ${channels} channels; a browser has 1 or 3.`,
    );
  }
}

function checkGray(rgba, i) {
  if (rgba[i] !== rgba[i + 1] || rgba[i] !== rgba[i + 2]) {
    throw new Error("The image has colors, and the model takes gray images.");
  }
}

/** Class ids from logits, or from a mask as it is. */
function classIds(tensor, spec) {
  const { layout } = spec;
  const { width, height, channels } = sizeOf({ layout, shape: tensor.dims });
  if (spec.name === "mask") {
    return { width, height, ids: Uint16Array.from(tensor.data, Number) };
  }
  const count = width * height;
  const ids = new Uint16Array(count);
  const [step, plane] = layout === "NCHW" ? [1, count] : [channels, 1];
  for (let i = 0; i < count; i += 1) {
    let best = i * step;
    for (let c = 1; c < channels; c += 1) {
      const other = i * step + c * plane;
      if (tensor.data[other] > tensor.data[best]) {
        best = other;
        ids[i] = c;
      }
    }
  }
  return { width, height, ids };
}

/** Width, height and channels of an input or output. */
export function sizeOf({ layout, shape }) {
  const size = (axis) => shape[layout.indexOf(axis)];
  return { width: size("W"), height: size("H"), channels: size("C") };
}

async function checkHash(content, expected) {
  const found = await sha256(content);
  if (found !== undefined && found !== expected) {
    throw new Error("The sidecar describes another file than this one.");
  }
}

async function checkSeal({ seal, ...rest }) {
  if (rest.schema === 1 && seal === undefined) return;
  const parts = [];
  canonical(rest, parts);
  const found = await sha256(await new Blob(parts).arrayBuffer());
  if (found !== undefined && found !== seal) {
    throw new Error("An entry of the sidecar was edited.");
  }
}

/** A value as bytes, whatever the spaces and the order of its keys. */
function canonical(value, parts) {
  if (value === null || typeof value === "boolean") {
    parts.push({ null: "n", true: "t", false: "f" }[value]);
  } else if (typeof value === "number") {
    const bits = new DataView(new ArrayBuffer(8));
    bits.setFloat64(0, value);
    parts.push("d", bits);
  } else if (typeof value === "string") {
    const text = new TextEncoder().encode(value);
    parts.push(`s${text.length}:`, text);
  } else if (Array.isArray(value)) {
    parts.push(`l${value.length}:`);
    for (const item of value) canonical(item, parts);
  } else {
    const keys = Object.keys(value).sort();
    parts.push(`o${keys.length}:`);
    for (const key of keys) {
      canonical(key, parts);
      canonical(value[key], parts);
    }
  }
}

async function sha256(content) {
  if (!globalThis.crypto?.subtle) return undefined; // Plain http elsewhere.
  const digest = await crypto.subtle.digest("SHA-256", content);
  return Array.from(new Uint8Array(digest), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
