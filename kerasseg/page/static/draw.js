// Drawing: a mask over its image, its boundaries, and a close-up of them.

import { colorsOf } from "./mask.js";

const CLOSE = 56; // Pixels of the mask that a close-up is wide.
const DARK = "rgb(0 0 0 / 70%)";
const LIGHT = "white";

/** Draws the image on a canvas, under as much of the colors as is asked. */
export function draw(canvas, image, result, { strength, boundaries }) {
  canvas.width = image.width;
  canvas.height = image.height;
  const whole = { left: 0, top: 0, width: image.width, height: image.height };
  fill(canvas, image, result, whole, strength);
  // As thin as is seen where the page shows a large image smaller.
  const thickness = Math.max(1, image.width / 900);
  if (boundaries && result) line(canvas, image, result, whole, thickness);
}

/** Draws the surroundings of a spot, with boundaries between the pixels. */
export function drawClose(canvas, image, result, spot, strength) {
  const span = (CLOSE * image.width) / result.width;
  const width = Math.min(span, image.width, image.height);
  const clip = (at, most) => Math.max(0, Math.min(at - width / 2, most - width));
  const left = clip(spot.x, image.width);
  const top = clip(spot.y, image.height);
  const part = { left, top, width, height: width };
  fill(canvas, image, result, part, strength);
  line(canvas, image, result, part, 1.5);
}

function fill(canvas, image, result, part, strength) {
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false; // Class ids have no half-way.
  context.globalAlpha = 1;
  put(context, image, part, 1, 1);
  if (!result) return;
  result.tinted ??= tint(result);
  context.globalAlpha = strength;
  const { width, height } = result;
  put(context, result.tinted, part, width / image.width, height / image.height);
}

function put(context, source, part, across, down) {
  const from = [part.left * across, part.top * down];
  const size = [part.width * across, part.height * down];
  const { width, height } = context.canvas;
  context.drawImage(source, ...from, ...size, 0, 0, width, height);
}

/** The mask in the colors of its classes. */
function tint({ ids, width, height, sidecar }) {
  const bytes = colorsOf(sidecar).map((rgb) => [...rgb, 255]);
  const colors = new Uint32Array(Uint8Array.from(bytes.flat()).buffer);
  const tinted = new ImageData(width, height);
  const pixels = new Uint32Array(tinted.data.buffer);
  ids.forEach((id, i) => (pixels[i] = colors[id]));
  const layer = new OffscreenCanvas(width, height);
  layer.getContext("2d").putImageData(tinted, 0, 0);
  return layer;
}

function line(canvas, image, result, part, thickness) {
  result.path ??= boundaries(result);
  const across = canvas.width / part.width;
  const down = canvas.height / part.height;
  const placed = new Path2D();
  const matrix = new DOMMatrix()
    .scale(across, down)
    .translate(-part.left, -part.top)
    .scale(image.width / result.width, image.height / result.height);
  placed.addPath(result.path, matrix);
  const context = canvas.getContext("2d");
  context.globalAlpha = 1;
  context.lineCap = "square";
  for (const [color, width] of [[DARK, 3], [LIGHT, 1]]) {
    context.strokeStyle = color;
    context.lineWidth = width * thickness;
    context.stroke(placed);
  }
}

/** The edges between pixels of two classes. */
function boundaries({ ids, width, height }) {
  const path = new Path2D();
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const i = y * width + x;
      if (x + 1 < width && ids[i] !== ids[i + 1]) {
        path.moveTo(x + 1, y);
        path.lineTo(x + 1, y + 1);
      }
      if (y + 1 < height && ids[i] !== ids[i + width]) {
        path.moveTo(x, y + 1);
        path.lineTo(x + 1, y + 1);
      }
    }
  }
  return path;
}
