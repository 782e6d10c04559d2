// The page: files and camera in, overlay, legend and timing out.

import { draw } from "./draw.js";
import { copy, pixelsOf, readImage } from "./images.js";
import { colorsOf, maskFile } from "./mask.js";
import { loadRuntime, openModel, run } from "./model.js";
import { closeup, legend } from "./parts.js";
import { runTiled } from "./tiles.js";

const element = (id) => document.getElementById(id);
const canvas = element("canvas");
const video = element("video");
const camera = element("camera");
const parameters = new URLSearchParams(location.search);

let runtime; // Promise of onnxruntime-web.
const models = new Map(); // Name to { files, model }: what opens it, and it.
const results = new Map(); // Name to the class ids of the image.
let chosen; // The name of the model that is shown.
let image; // The last image, as a canvas, with its name.
let spot; // What the close-up is of, in pixels of the image.
let busy = Promise.resolve();
let turn = 0; // Grows with what the user asks for, which ends tiles.

/** Runs one task after another; shows what went wrong. */
function queue(task) {
  turn += 1;
  busy = busy.then(task).catch((error) => {
    say("error", error.message);
  });
  return busy;
}

function say(state, text) {
  document.body.dataset.state = state;
  element("status").textContent = text;
}

const pressed = (id) => element(id).getAttribute("aria-pressed") === "true";
const press = (id, value) => element(id).setAttribute("aria-pressed", value);

// === Models and images ===

/** Lists a model; `files` gives its content and its sidecar. */
function addModel(name, files) {
  if (!models.has(name)) element("models").append(new Option(name));
  models.set(name, { files });
  results.delete(name);
  element("models").disabled = false;
  element("compare").disabled = models.size < 2;
}

async function choose(name) {
  chosen = name;
  element("models").value = name;
  const { sidecar, width, height } = await opened(name);
  const { format, precision } = sidecar;
  say("ready", `${name}: ${format} ${precision}, ${width} x ${height}.`);
  if (image) await segment(name);
}

async function opened(name) {
  const entry = models.get(name);
  if (!entry.model) {
    say("busy", `Opening ${name} ...`);
    const { content, sidecar } = await entry.files();
    entry.model = await openModel(await runtime, content, sidecar);
  }
  return entry.model;
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
    const content = await onnx.arrayBuffer();
    addModel(stem(onnx.name), () => ({ content, sidecar }));
    await choose(stem(onnx.name));
  }
  const file = list.find(({ type }) => type.startsWith("image/"));
  if (file) await useImage(file, file.name);
}

async function useImage(blob, name) {
  image = Object.assign(await readImage(blob), { name: stem(name) });
  spot = { x: image.width / 2, y: image.height / 2 };
  results.clear();
  if (chosen) await segment(chosen);
  else show();
}

const stem = (path) => path.replace(/^.*\//, "").replace(/\.\w+$/, "");

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response;
}

async function fetchedFiles(url) {
  const content = await (await fetched(url)).arrayBuffer();
  return { content, sidecar: await (await fetched(`${url}.json`)).json() };
}

// === From image to overlay ===

/** Finds the classes of the image, unless that is known, and shows them. */
async function segment(name) {
  const model = await opened(name);
  if (!results.has(name)) {
    const result = await classesOf(model);
    if (!result) return; // The user asked for something else.
    results.set(name, { ...result, sidecar: model.sidecar });
  }
  show();
  await tell();
}

async function classesOf(model) {
  if (!pressed("tiles") || video.srcObject || !exceeds(image, model)) {
    return run(model, pixelsOf(image, model));
  }
  const mine = turn;
  return runTiled(model, pixelsOf(image), async (number, count) => {
    say("busy", `Tile ${number} of ${count} ...`);
    await new Promise((shown) => setTimeout(shown));
    return mine === turn;
  });
}

const exceeds = (a, b) => a.width > b.width || a.height > b.height;

async function compare() {
  for (const name of models.keys()) await segment(name);
}

async function tell() {
  const result = results.get(chosen);
  if (!result) return;
  const { numThreads } = (await runtime).env.wasm;
  const { milliseconds, tiles, width, height } = result;
  element("timing").textContent =
    `${tiles ? `${tiles} tiles, ` : ""}` +
    `${milliseconds.toFixed(1)} ms in WebAssembly, threads: ${numThreads}`;
  const sizes = `${image.width} x ${image.height}`;
  const shrunk = `${sizes}, shrunk to ${width} x ${height} for the model`;
  say("done", `${chosen}: ${exceeds(image, result) ? shrunk : sizes}.`);
}

function show() {
  const result = results.get(chosen);
  const strength = Number(element("strength").value);
  const boundaries = pressed("boundaries");
  draw(canvas, image, result, { strength, boundaries });
  element("close").hidden = !result;
  element("save").disabled = !result;
  if (!result) return;
  element("legend").replaceChildren(...legend(result));
  const names = [...models.keys()].filter((name) => results.has(name));
  const figures = names.map((name) => {
    const title = `${name}, ${results.get(name).milliseconds.toFixed(0)} ms`;
    return closeup(image, results.get(name), title, { spot, strength });
  });
  element("closeups").replaceChildren(...figures);
}

/** Moves the close-up to a pixel of the image. */
function look(x, y) {
  spot = { x, y };
  show();
}

async function save() {
  const result = results.get(chosen);
  if (!result) return;
  const content = await maskFile(result, image, colorsOf(result.sidecar));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = `${image.name}_mask.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
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
  press("camera", true);
  requestAnimationFrame(nextFrame);
}

function stopCamera() {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  press("camera", false);
}

async function nextFrame() {
  if (!video.srcObject) return;
  await queue(async () => {
    const { videoWidth: width, videoHeight: height } = video;
    if (image?.name !== "camera" || image.width !== width) {
      spot = { x: width / 2, y: height / 2 };
    }
    image = Object.assign(copy(video, width, height), { name: "camera" });
    results.clear();
    if (chosen) await segment(chosen);
    else show();
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
element("models").addEventListener("change", ({ target }) =>
  queue(() => choose(target.value)),
);
element("compare").addEventListener("click", () => image && queue(compare));
element("save").addEventListener("click", () =>
  save().catch((error) => say("error", error.message)),
);
element("tiles").addEventListener("click", () => {
  press("tiles", !pressed("tiles"));
  queue(() => {
    results.clear();
    return image && chosen && segment(chosen);
  });
});
element("boundaries").addEventListener("click", () => {
  press("boundaries", !pressed("boundaries"));
  if (image) show();
});
element("strength").addEventListener("input", () => image && show());
canvas.addEventListener("click", ({ offsetX, offsetY }) => {
  const scale = canvas.width / canvas.clientWidth;
  look(offsetX * scale, offsetY * scale);
});
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
  const site = await (await fetched("site.json")).json();
  const asked = parameters.getAll("model");
  const urls = asked.length ? asked : site.models;
  for (const url of urls) {
    // A name of this page may hold what has a meaning in addresses.
    const own = site.models.includes(url);
    const address = own ? encodeURIComponent(url) : url;
    addModel(stem(url), () => fetchedFiles(address));
  }
  for (const name of ["tiles", "boundaries"]) press(name, parameters.has(name));
  const place = parameters.get("image") ?? site.image;
  if (place) await useImage(await (await fetched(place)).blob(), place);
  if (urls.length) await choose(stem(urls[0]));
  if (image && parameters.has("compare")) await compare();
  const [x, y] = (parameters.get("spot") ?? "").split(",").map(Number);
  if (image && y >= 0) look(x, y);
});
