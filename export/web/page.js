// The page: files and camera in, overlay, legend and timing out.

import { loadRuntime, openModel, run } from "./model.js";

const SMALLEST = 32; // Pixels a side, as for the model in Keras.
const element = (id) => document.getElementById(id);
const canvas = element("canvas");
const video = element("video");
const camera = element("camera");
const strength = element("strength");
const parameters = new URLSearchParams(location.search);

let runtime; // Promise of onnxruntime-web.
let model; // From openModel().
let image; // The last image, as a canvas.
let result; // Its class ids, from run().
let busy = Promise.resolve();

/** Runs one task after another; shows what went wrong. */
function queue(task) {
  busy = busy.then(task).catch((error) => {
    say("error", error.message);
  });
  return busy;
}

function say(state, text) {
  document.body.dataset.state = state;
  element("status").textContent = text;
}

// === Models and images ===

async function useModel(name, content, sidecar) {
  say("busy", `Opening ${name} ...`);
  model = await openModel(await runtime, content, sidecar);
  const { format, precision } = sidecar;
  say("ready", `${name}: ${format} ${precision}, ${model.width} x ${model.height}.`);
  if (image) await segment();
}

async function useFiles(files) {
  const list = [...files];
  const onnx = list.find((file) => file.name.endsWith(".onnx"));
  const json = list.find((file) => file.name.endsWith(".json"));
  if (onnx || json) {
    if (!onnx || !json) {
      throw new Error("Choose the .onnx file and its .onnx.json together.");
    }
    const sidecar = JSON.parse(await json.text());
    await useModel(onnx.name, await onnx.arrayBuffer(), sidecar);
  }
  const file = list.find(({ type }) => type.startsWith("image/"));
  if (file) await useImage(file);
}

async function useImage(blob) {
  const bitmap = await createImageBitmap(blob, {
    colorSpaceConversion: "none",
  }).catch(() => {
    throw new Error("This file is not an image that the browser can read.");
  });
  if (Math.min(bitmap.width, bitmap.height) < SMALLEST) {
    throw new Error(`An image must be at least ${SMALLEST} pixels a side.`);
  }
  const copied = copy(bitmap, bitmap.width, bitmap.height);
  bitmap.close();
  await dropAlpha(copied, blob);
  image = copied;
  await segment();
}

function copy(source, width, height) {
  const copied = new OffscreenCanvas(width, height);
  const context = copied.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0);
  return copied;
}

/** Uncovers the colors of transparent pixels, which models are trained on. */
async function dropAlpha(copied, blob) {
  const { width, height } = copied;
  const context = copied.getContext("2d");
  const drawn = context.getImageData(0, 0, width, height);
  if (drawn.data.every((value, i) => i % 4 < 3 || value === 255)) return;
  const pixels = await unmultiplied(blob);
  for (let i = 3; i < pixels.length; i += 4) pixels[i] = 255;
  context.putImageData(new ImageData(pixels, width, height), 0, 0);
}

/** RGBA bytes of an image as its file has them; a 2D canvas loses some. */
async function unmultiplied(blob) {
  const bitmap = await createImageBitmap(blob, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const { width, height } = bitmap;
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  const pixels = new Uint8ClampedArray(4 * width * height);
  if (gl) {
    const texture = gl.createTexture();
    const format = [gl.RGBA, gl.UNSIGNED_BYTE];
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, ...format, bitmap);
    gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
    const target = [gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D];
    gl.framebufferTexture2D(...target, texture, 0);
    gl.readPixels(0, 0, width, height, ...format, pixels);
  }
  bitmap.close();
  if (!gl || gl.getError() !== gl.NO_ERROR) {
    throw new Error("Save this image without alpha: WebGL cannot read it here.");
  }
  return pixels;
}

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response;
}

// === From image to overlay ===

async function segment() {
  if (!model) {
    show();
    return;
  }
  const { width, height } = model;
  const shrunk = new OffscreenCanvas(width, height).getContext("2d", {
    willReadFrequently: true,
  });
  shrunk.imageSmoothingQuality = "high";
  shrunk.drawImage(image, 0, 0, width, height);
  result = await run(model, shrunk.getImageData(0, 0, width, height));
  show();
  const { numThreads } = (await runtime).env.wasm;
  element("timing").textContent =
    `${result.milliseconds.toFixed(1)} ms in WebAssembly, threads: ${numThreads}`;
  document.body.dataset.state = "done";
}

function show() {
  canvas.width = image.width;
  canvas.height = image.height;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  if (!result) return;
  context.globalAlpha = Number(strength.value);
  context.imageSmoothingEnabled = false; // Class ids have no half-way.
  context.drawImage(tint(result), 0, 0, canvas.width, canvas.height);
  element("legend").replaceChildren(...legend(result));
}

function tint({ ids, width, height }) {
  const tinted = new ImageData(width, height);
  ids.forEach((id, i) => tinted.data.set([...color(id), 255], 4 * i));
  const layer = new OffscreenCanvas(width, height);
  layer.getContext("2d").putImageData(tinted, 0, 0);
  return layer;
}

function legend({ ids }) {
  const counts = new Map();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  const rows = [...counts].sort((a, b) => b[1] - a[1]);
  return rows.map(([id, count]) => {
    const item = document.createElement("li");
    const swatch = document.createElement("i");
    swatch.style.background = `rgb(${color(id)})`;
    const share = ((100 * count) / ids.length).toFixed(1);
    item.append(swatch, `${nameOf(id)} ${share} %`);
    return item;
  });
}

function nameOf(id) {
  return model.sidecar.class_names?.[id] ?? `class ${id}`;
}

/** The class's color: the sidecar's, or Pascal VOC's. */
function color(id) {
  const palette = model.sidecar.palette;
  if (palette) return palette[id];
  const rgb = [0, 0, 0];
  for (let bit = 0; bit < 24; bit += 1) {
    rgb[bit % 3] |= ((id >> bit) & 1) << (7 - Math.floor(bit / 3));
  }
  return rgb;
}

// === Camera ===

async function startCamera() {
  if (!navigator.mediaDevices) {
    throw new Error("The camera needs https, or a page from localhost.");
  }
  video.srcObject = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: "environment" },
  });
  await video.play();
  camera.setAttribute("aria-pressed", "true");
  requestAnimationFrame(nextFrame);
}

function stopCamera() {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  camera.setAttribute("aria-pressed", "false");
}

async function nextFrame() {
  if (!video.srcObject) return;
  await queue(async () => {
    image = copy(video, video.videoWidth, video.videoHeight);
    await segment();
  });
  if (document.body.dataset.state === "error") stopCamera();
  requestAnimationFrame(nextFrame);
}

// === Events ===

camera.addEventListener("click", () =>
  queue(() => (video.srcObject ? stopCamera() : startCamera())),
);
for (const id of ["model", "file"]) {
  element(id).addEventListener("change", ({ target }) =>
    queue(() => useFiles(target.files)),
  );
}
strength.addEventListener("input", () => image && show());
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    document.body.classList.toggle("over", kind === "dragover");
    if (kind === "drop") {
      const { files } = event.dataTransfer;
      queue(() => useFiles(files));
    }
  });
}

runtime = loadRuntime();
queue(async () => {
  await runtime;
  say("empty", "Choose a model.");
  const url = parameters.get("model");
  if (url) {
    const content = await (await fetched(url)).arrayBuffer();
    await useModel(url, content, await (await fetched(`${url}.json`)).json());
  }
  const place = parameters.get("image");
  if (place) await useImage(await (await fetched(place)).blob());
});
